"""The parts of the experiment on Chinese hotel reviews: halves, scores by class, true labels among guesses."""

from dataclasses import replace

import pytest
import torch

from tlutils import Domain, chinese_experiments, experiments
from tlutils.chinese_experiments import SURE, balanced, characters, corrected, halves, hotel_reviews, right, scaled

TEXTS = ["好好", "很好", "好啊", "坏坏", "很坏", "坏啊"]


@pytest.fixture
def reviews():
    return Domain(TEXTS, torch.tensor([1, 1, 1, 0, 0, 0]), ("negative", "positive"), "few")


def test_halves_are_disjoint_and_follow_the_seed():
    met, unseen = halves(101, 3)
    assert len(met) == 50 and sorted([*met.tolist(), *unseen.tolist()]) == list(range(101))
    assert halves(101, 3)[0].equal(met) and not halves(101, 4)[0].equal(met)


def test_a_constant_answer_scores_a_half_whatever_the_classes():
    labels = torch.tensor([1] * 9 + [0])
    assert balanced(labels, torch.ones(10)) == 0.5
    assert balanced(labels, torch.tensor([1] * 6 + [0] * 4)) == pytest.approx((6 / 9 + 1) / 2)


def test_standardising_by_the_rows_met_leaves_out_what_hardly_varies(monkeypatch):
    monkeypatch.setattr(chinese_experiments, "varying", lambda: torch.tensor([True, False, True]))
    features = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    met = torch.arange(20)
    out = chinese_experiments.standardised(features, met)
    assert out.shape == (40, 2)
    torch.testing.assert_close(out[met].mean(0), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(out[met].std(0), torch.ones(2))
    assert chinese_experiments.standardised(features + torch.tensor([5.0, 0, 0]), met).allclose(out, atol=1e-5)


def test_scores_come_in_units_of_their_spread():
    score = torch.tensor([0.0, 2.0, 4.0, 100.0])
    assert scaled(score, torch.tensor([0, 1, 2])).tolist() == [0, 1, 2, 50]


def test_characters_learn_from_labels(reviews):
    assert right(characters(reviews, SURE), replace(reviews, x=["好书", "好的", "真好", "坏书", "坏的", "真坏"])) == 1


def test_a_few_true_labels_outweigh_wrong_guesses(reviews):
    wrong = 1 - reviews.y
    assert right(characters(replace(reviews, y=wrong), SURE), reviews) == 0
    assert right(corrected(reviews, wrong, reviews), reviews) == 1


def test_every_review_is_there_once(real):
    real("zh_chnsenticorp_htl_all/ChnSentiCorp_htl_all.csv")
    texts = hotel_reviews().x
    assert len(texts) == len(set(texts)) > 7700


def test_the_experiment_is_listed_and_stored_in_full():
    from tlutils import stored

    assert experiments.EXPERIMENTS["languages"] is chinese_experiments.languages
    full = stored("languages")
    assert set(full["Chinese labels"]) == {2 * n for n in chinese_experiments.LABELS}
    assert all(len(score.runs) >= 3 for group in full.values() for score in group.values())
