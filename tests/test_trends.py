"""What notebook 19 runs, live and stored: the small trainings, real networks with their own heads, two processes."""

import pytest
import torch

from tlutils import Domain, Estimate, accuracy, parallel_demo, trend_experiments, trends


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_by_labels_scores_each_encoder_at_each_number_of_labels(new_domain):
    seen, unseen = new_domain(90), new_domain(60, seed=1)
    noise = [part.map(torch.randn_like) for part in (seen, unseen)]
    scores = trends.by_labels({"features": (seen, unseen), "noise": noise}, (1, 10), seed=0)
    assert list(scores) == ["features", "noise"] and list(scores["noise"]) == [1, 10]
    assert scores["features"][10] > 0.95 and scores["noise"][10] < 0.6


def test_in_mist_the_streams_statistics_help_and_the_order_matters():
    scores = trends.in_mist(0)
    assert scores["clear"] > 0.9 > 0.6 > scores["veiled"]
    assert scores["veiled, tent"] > 0.85 > 0.6 > scores["veiled, tent, one class at a time"]


def test_absent_classes_are_counted_among_the_answers():
    scores = trends.print_to_handwriting(0)
    assert scores["invented"] == 0 < scores["five classes, invented"] < 1
    assert scores["SHOT"] > scores["source only"]
    assert scores["five classes, SHOT"] <= 1 - scores["five classes, invented"]


def test_lora_and_all_weights_start_from_the_same_network():
    assert all(0.2 < score < 1 for score in trends.few_weights(0).values())


def test_low_contrast_keeps_images_within_bounds():
    assert torch.allclose(trend_experiments.low_contrast(torch.tensor([0.0, 1.0])), torch.tensor([0.5, 0.8]))


def test_a_cifar_network_knows_its_ten_objects(real, objects):
    real("weights/cifar10_resnet/resnet20-12fca82f.th")
    model = trend_experiments.cifar_classifier("cifar_resnet20")
    rows = objects.subset(torch.arange(0, len(objects), 50))
    assert isinstance(rows, Domain) and 0.7 < accuracy(model, rows) < 0.9


def test_two_launched_processes_lose_what_one_loses():
    two, one = parallel_demo.launch(2), parallel_demo.both_precisions()
    assert two["processes"] == 2 and two["seconds"] > 0
    curves = [parallel_demo.losses(report) for report in (one, two)]
    assert list(curves[0]) == list(range(3, parallel_demo.STEPS + 1, 3))
    for a, b in zip(*(curve.values() for curve in curves), strict=True):
        assert isinstance(a, Estimate) and abs(a.runs[0] - b.runs[0]) < 1e-9 and abs(a.runs[1] - b.runs[1]) < 0.05
