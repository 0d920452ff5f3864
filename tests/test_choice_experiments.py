"""Choosing by a score: agreement and regret by hand, the candidates' old heads, one recipe of fine-tuning."""

import copy
import math
from functools import partial
from itertools import combinations

import pytest
import torch

from tlutils import (
    Classifier,
    Domain,
    Estimate,
    choice_experiments,
    extract_features,
    image_encoder,
    linear_probe,
    stored,
)
from tlutils.agreement import LOT, TRUTH, agreement, regret, weighted_tau
from tlutils.choice_experiments import (
    CANDIDATES,
    CIFAR_ACCURACY,
    SIDE,
    candidate,
    fine_tuned,
    probe_accuracy,
    scores,
    shuffled,
    some_kinds,
    source_accuracy,
    source_probabilities,
    start_as_probe,
)
from tlutils.encoders import CIFAR, embedded_file
from tlutils.nets import CifarResNet
from tlutils.store import fetch
from tlutils.weights import read_weights


@pytest.fixture(scope="module")
def few():
    return choice_experiments.embedded_targets()["digits"][0].few(5, seed=0)


# How well a score ranks


def tau_by_hand(a, b):
    """The definition: pairs weigh 1/(rank+1) + 1/(rank+1), ranked by each list in turn; the mean of both."""

    def one(order):
        rank = {item: place for place, item in enumerate(order)}
        total = {"ab": 0.0, "aa": 0.0, "bb": 0.0}
        for i, j in combinations(range(len(a)), 2):
            weight = 1 / (rank[i] + 1) + 1 / (rank[j] + 1)
            signs = {"a": (a[i] > a[j]) - (a[i] < a[j]), "b": (b[i] > b[j]) - (b[i] < b[j])}
            for key in total:
                total[key] += weight * signs[key[0]] * signs[key[1]]
        return total["ab"] / math.sqrt(total["aa"] * total["bb"])

    places = range(len(a))
    orders = (sorted(places, key=lambda i: (-x[i], -y[i])) for x, y in ((a, b), (b, a)))
    return sum(map(one, orders)) / 2


@pytest.mark.parametrize("seed", range(5))
def test_weighted_tau_equals_its_definition(seed):
    a, b = torch.randn(2, 9, generator=torch.Generator().manual_seed(seed)).tolist()
    assert weighted_tau(a, b) == pytest.approx(tau_by_hand(a, b))


def test_the_first_places_weigh_most():
    truth = [5, 4, 3, 2, 1]
    assert weighted_tau([4, 5, 3, 2, 1], truth) < weighted_tau([5, 4, 3, 1, 2], truth) < 1
    assert weighted_tau(truth, truth) == pytest.approx(1) == -weighted_tau([1, 2, 3, 4, 5], truth)


def test_a_constant_list_tells_nothing_where_scipy_answers_nan():
    assert weighted_tau([1, 1, 1], [1, 2, 3]) == weighted_tau([1, 2, 3], [0.5] * 3) == 0


def test_regret_is_what_the_favourite_lacks_and_equal_favourites_are_drawn():
    assert regret([0, 3, 1], [0.9, 0.7, 0.2]) == pytest.approx(0.2)
    assert regret([3, 3, 1], [0.9, 0.7, 0.2]) == pytest.approx(0.1)
    assert regret([1, 0, 0], [0.9, 0.7, 0.2]) == 0


def sheet(truth, **columns):
    """One target for every list of accuracies, three runs alike."""
    return {
        f"target {i}": {
            f"model {k}": {name: Estimate([column[k]] * 3) for name, column in columns.items()}
            | {TRUTH: Estimate([accuracy] * 3)}
            for k, accuracy in enumerate(accuracies)
        }
        for i, accuracies in enumerate(truth)
    }


def test_agreement_of_a_perfect_a_reversed_and_a_constant_score():
    found = agreement(sheet([[0.9, 0.8, 0.4], [0.7, 0.6, 0.5]], good=[3, 2, 1], bad=[1, 2, 3], same=[1, 1, 1]))
    assert found["good"]["tau"].runs == pytest.approx((1, 1)) and found["good"]["regret"].runs == (0, 0)
    assert found["bad"]["tau"].mean == pytest.approx(-1) and found["bad"]["regret"].runs == pytest.approx((0.5, 0.2))
    assert found["same"] == found[LOT] and found[LOT]["tau"].runs == (0, 0)
    assert found[LOT]["regret"].runs == pytest.approx((0.2, 0.1))
    assert found[TRUTH]["regret"].runs == (0, 0)


def test_a_run_is_held_against_the_other_runs_and_never_against_itself():
    """Model a is best in run 0 alone: its accuracy there must not count as its own proof."""
    rows = {"a": {TRUTH: Estimate([1, 0, 0])}, "b": {TRUTH: Estimate([0.5, 0.5, 0.5])}}
    found = agreement({"one": rows, "two": rows})[TRUTH]
    # run 0 picks a, elsewhere worth 0 against 0.5; runs 1 and 2 pick b, against (1 + 0)/2 of a
    assert found["regret"].runs == pytest.approx((0.5 / 3, 0.5 / 3))
    assert found["tau"].mean == pytest.approx(-1 / 3)


# Candidates and their old heads


def test_probabilities_of_an_embedded_encoder_are_those_of_the_whole_model(few):
    whole = Classifier(CifarResNet(), 10)
    whole.load_state_dict(read_weights(embedded_file("photos")))
    with torch.inference_mode():
        expected = whole.eval()(few.x).softmax(1)
    assert torch.allclose(source_probabilities("photos", few.x), expected, atol=1e-5)
    assert source_probabilities("glyphs", few.x).shape == (len(few), 47)


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_0"])
def test_probabilities_of_a_torchvision_model_are_those_of_the_whole_model(tmp_path, few, name):
    from torchvision import models

    torch.manual_seed(0)
    whole, file = models.get_model(name, weights=None).eval(), tmp_path / "weights.pth"
    torch.save(whole.state_dict(), file)
    prepare = models.get_model_weights(name).DEFAULT.transforms(crop_size=SIDE, resize_size=SIDE)
    with torch.inference_mode():
        expected = whole(prepare(few.x[:5])).softmax(1)
    found = source_probabilities(name, few.x[:5], file)
    assert found.shape == (5, 1000) and torch.allclose(found, expected, atol=1e-6)


def test_published_files_hold_the_accuracy_that_is_stated(real):
    for name, file in CIFAR.items():
        real(f"weights/cifar10_resnet/{file}")
        content = torch.load(fetch(f"weights/cifar10_resnet/{file}"), weights_only=True, map_location="cpu")
        assert content["best_prec1"] / 100 == pytest.approx(CIFAR_ACCURACY[name])


def test_every_candidate_has_a_source_accuracy():
    assert all(0 < source_accuracy(name) <= 1 for name in CANDIDATES)


def test_a_grey_candidate_sees_the_mean_of_the_channels():
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(candidate("glyphs")(x), image_encoder("glyphs")(x.mean(1, keepdim=True)))


# Scores


def test_scores_are_finite_and_cost_their_share_of_seconds(few):
    row, seconds = scores("glyphs", few)
    assert all(math.isfinite(value) for value in row.values())
    assert set(seconds) == {"LogME", "H-score", "probe", "LEEP", "NCE"} and min(seconds.values()) > 0
    assert row["parameters"] == sum(p.numel() for p in image_encoder("glyphs").parameters())


def test_the_probe_is_never_scored_on_rows_it_was_fitted_on():
    generator = torch.Generator().manual_seed(0)
    f, y = torch.randn(200, 400, generator=generator), torch.arange(200) % 2
    assert abs(probe_accuracy(f, y, seed=0) - 0.5) < 0.15, "with d > n a fit is perfect on its own rows"
    assert probe_accuracy(torch.cat([f[:, :5], 20.0 * y[:, None]], 1), y, seed=0) == 1


# Fine-tuning


@pytest.mark.parametrize("classes", [2, 4])
def test_a_head_starts_as_the_probe(classes):
    generator = torch.Generator().manual_seed(0)
    f, y = 5 + 3 * torch.randn(60, 7, generator=generator), torch.arange(60) % classes
    f[:, 0] += y
    head = torch.nn.Linear(7, classes)
    start_as_probe(head, f, y)
    expected = torch.from_numpy(linear_probe(f, y).predict_proba(f)).float()
    assert torch.allclose(head(f).softmax(1), expected, atol=1e-4)


def test_fine_tuning_moves_all_weights_but_those_of_batchnorm_and_the_seed_decides(few):
    encoder = candidate("photos")
    before = copy.deepcopy(encoder.state_dict())
    tuned = fine_tuned(encoder, few, seed=0, steps=3).encoder.encoder.state_dict()
    moved = {name for name, value in tuned.items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if "conv" in name}
    same, other = (fine_tuned(candidate("photos"), few, seed=seed, steps=3).encoder.encoder for seed in (0, 1))
    assert torch.equal(same.conv1.weight, tuned["conv1.weight"])
    assert not torch.equal(other.conv1.weight, tuned["conv1.weight"])


def test_the_scale_of_features_does_not_matter_to_the_recipe(few):
    class Larger(torch.nn.Module):
        dim, channels = 64, 3

        def __init__(self, factor):
            super().__init__()
            self.inner, self.factor = image_encoder("photos"), factor

        def forward(self, x):
            return self.factor * self.inner(x)

    found = [extract_features(fine_tuned(Larger(k), few, seed=0, steps=2).encoder, few.x) for k in (1, 64)]
    assert torch.allclose(*found, rtol=1e-3, atol=1e-3)


# The whole


def test_no_image_is_both_drawn_from_and_tested_on():
    for pool, unseen in choice_experiments.embedded_targets().values():
        drawn = {row.numpy().tobytes() for row in pool.x}
        assert not any(row.numpy().tobytes() in drawn for row in unseen.x)


def test_some_kinds_are_numbered_anew():
    kept = some_kinds(Domain(torch.arange(9.0)[:, None], torch.arange(9), tuple("abcdefghi"), "d"))
    assert kept.classes == ("a", "e", "i") and kept.y.tolist() == [0, 1, 2] and kept.x[:, 0].tolist() == [0, 4, 8]


def test_choosing_measures_every_candidate_on_every_target(monkeypatch):
    digits = choice_experiments.embedded_targets()["digits"]
    monkeypatch.setattr(choice_experiments, "CANDIDATES", ("glyphs", "untrained"))
    monkeypatch.setattr(choice_experiments, "targets", lambda: {"digits": digits})
    monkeypatch.setattr(choice_experiments, "fine_tuned", partial(fine_tuned, steps=1))
    found = choice_experiments.choosing(0)
    assert list(found["sheet"]["digits"]) == ["glyphs", "untrained"]
    row = found["sheet"]["digits"]["glyphs"]
    assert 0 <= row[TRUTH] <= 1 and set(found["seconds"]) == {"LogME", "H-score", "probe", "LEEP", "NCE", TRUTH}


def test_the_same_images_are_tested_every_time():
    domain = Domain(torch.arange(900.0)[:, None], torch.arange(900) % 2, ("a", "b"), "d")
    assert len(shuffled(domain)) == 500 and torch.equal(shuffled(domain).x, shuffled(domain).x)


def test_the_stored_run_has_nine_candidates_on_seven_targets():
    found = stored("choosing")["sheet"]
    assert len(found) == 7 and all(list(rows) == list(CANDIDATES) for rows in found.values())
