"""Negative transfer: the paired gain and its verdict, the forecast's parts, and the guard."""

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats

from tlutils import Domain, Estimate, forecast, guarded, transfer_gain
from tlutils.datasets import shifts

ALONE = Estimate((0.61, 0.52, 0.63, 0.50, 0.68))
WEAK = Estimate((0.40, 0.42, 0.44, 0.41, 0.99))
AROUND = (0.02, -0.02, 0.01, 0.0, -0.01)


def moved(by):
    return Estimate(tuple(run + by + noise for run, noise in zip(ALONE.runs, AROUND, strict=True)))


@pytest.mark.parametrize(
    ("by", "verdict"),
    [(0.1, "helps"), (0.03, "helps"), (0.01, "no evidence"), (0.0, "no evidence"), (-0.01, "no evidence"),
     (-0.03, "hurts"), (-0.3, "hurts")],
)  # fmt: skip
def test_the_verdict_follows_the_paired_interval_over_the_best_baseline(by, verdict):
    found = transfer_gain(moved(by), WEAK, ALONE)
    paired = stats.ttest_rel(moved(by).runs, ALONE.runs).confidence_interval(0.95)
    assert (found.gain.low, found.gain.high) == pytest.approx((paired.low, paired.high))
    assert found.verdict == verdict and found.baseline is ALONE


def test_pairing_sees_a_gain_that_the_spread_between_seeds_would_hide():
    better = moved(0.05)
    assert better.low < ALONE.high and transfer_gain(better, ALONE).verdict == "helps"


def test_the_same_runs_are_no_evidence():
    assert transfer_gain(ALONE, ALONE).verdict == "no evidence"


def test_verdicts_are_wrong_about_as_often_as_the_interval_says():
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(600, 2, 5, generator=generator)
    verdicts = [transfer_gain(Estimate(a.tolist()), Estimate(b.tolist())).verdict for a, b in draws]
    assert 0.02 < 1 - verdicts.count("no evidence") / 600 < 0.08


@pytest.mark.parametrize(
    ("baselines", "words"), [((), "a gain is over a baseline"), ((Estimate((0.5, 0.6)),), "5 runs with 2.*same seeds")]
)
def test_a_gain_needs_a_baseline_over_the_same_seeds(baselines, words):
    with pytest.raises(ValueError, match=words):
        transfer_gain(ALONE, *baselines)


# The forecast

NAMES = ("cat", "dog", "owl")


def blobs(shift=0.0, turn=0, seed=0, n=240, name="blobs"):
    """Three clouds, moved along an axis that says nothing of the class, their classes renamed in a ring."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    x = torch.randn(n, 4, generator=generator)
    x[:, :3] += 4 * torch.eye(3)[y]
    x[:, 3] += shift
    return Domain(x, (y + turn) % 3, NAMES, name)


def test_the_same_world_again_is_the_best_that_can_be_forecast():
    found = forecast(blobs(), blobs(seed=1))
    assert found.closeness > 0.7 and found.overlap == 1 and found.transferability > 0.9 and found.agreement > 0.95
    assert found.score == pytest.approx(sum(found) / 4)


def test_each_part_sees_its_own_kind_of_gap():
    same, far = forecast(blobs(), blobs(seed=1)), forecast(blobs(), blobs(shift=20, seed=1))
    assert far.closeness < 0.1 < same.closeness and far.overlap == 1
    noise = blobs(seed=1)
    noise = replace(noise, y=noise.y[torch.randperm(240, generator=torch.Generator().manual_seed(0))])
    unrelated = forecast(blobs(), noise)
    assert unrelated.closeness == same.closeness and unrelated.transferability < 0.05 and unrelated.agreement < 0.5
    renamed = forecast(blobs(), blobs(turn=1, seed=1))
    assert renamed.transferability == pytest.approx(same.transferability, abs=0.02) and renamed.agreement < 0.05
    strange = forecast(blobs(), replace(blobs(seed=1), classes=("cat", "oak", "elm")))
    assert strange.overlap == pytest.approx(1 / 3) and strange.transferability > 0.9 and strange.agreement < 0.5
    assert same.score > max(other.score for other in (far, unrelated, renamed, strange))


def test_classes_without_examples_in_the_source_are_no_overlap():
    source = blobs()
    assert forecast(source.subset(source.y < 2), blobs(seed=1)).overlap == pytest.approx(2 / 3)


def test_without_target_labels_concept_shift_cannot_be_seen():
    source, target = shifts.concept(400)
    still = shifts.concept(400, strength=0)[1]
    blind, seeing = forecast(source, target.unlabelled()), forecast(source, target)
    assert blind.transferability is None and blind.agreement is None
    assert blind.score == pytest.approx((blind.closeness + blind.overlap) / 2) and blind.score > 0.8
    assert seeing.transferability < 0.1 and seeing.agreement < 0.6 and seeing[:2] == blind[:2]
    assert forecast(source, still).score > seeing.score + 0.1


@pytest.mark.parametrize("world", [shifts.covariate, shifts.label, shifts.concept])
def test_the_score_falls_as_the_shift_grows(world):
    scores = [forecast(*world(400, strength=strength)).score for strength in (0, 0.5, 1)]
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[2] + 0.1


def test_no_target_label_is_read_where_none_is_known():
    target = blobs(seed=1)
    hidden = replace(target, y=torch.full_like(target.y, -1))
    assert forecast(blobs(), hidden) == forecast(blobs(), target.unlabelled())


def test_labelled_rows_alone_count_for_the_parts_that_need_them():
    few = blobs(seed=1).partly_labelled(10, seed=0)
    wrong = few.y.clone()
    wrong[few.known] = (wrong[few.known] + 1) % 3
    assert forecast(blobs(), few).agreement > 0.9 and forecast(blobs(), replace(few, y=wrong)).agreement < 0.1


VALUES = Domain(torch.rand(9, 4), torch.rand(9, 1), ("speed",), "road")
ONE_CLASS = blobs().subset(blobs().y == 1)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (blobs().unlabelled(), blobs(), "blobs has no labels"),
        (VALUES, blobs(), "road has values, not classes"),
        (blobs(), VALUES, "road has values, not classes"),
        (blobs(), replace(blobs(), x=torch.rand(240, 7)), "widths differ: 4 and 7"),
        (blobs(), Domain(["a", "b"], None, NAMES, "texts"), "has texts: extract their features first"),
        (blobs(), ONE_CLASS, "2 classes, got 80 and 1"),
        (ONE_CLASS, blobs(), "at least two classes"),
    ],
)
def test_what_cannot_be_forecast_is_refused(source, target, words):
    with pytest.raises(ValueError, match=words):
        forecast(source, target)


# The guard

Y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def wrong_at(*rows):
    predicted = Y.clone()
    predicted[list(rows)] = 3
    return predicted


@pytest.mark.parametrize(
    ("alone", "adapted", "choice", "better", "worse"),
    [
        (wrong_at(0, 1), wrong_at(2), "adapted", 2, 1),
        (wrong_at(0), wrong_at(1), "alone", 1, 1),
        (wrong_at(0), wrong_at(0), "alone", 0, 0),
        (wrong_at(), wrong_at(0, 1), "alone", 0, 2),
    ],
)
def test_the_guard_lets_through_what_validation_prefers_and_of_equals_the_fallback(
    alone, adapted, choice, better, worse
):
    found = guarded({"adapted": adapted, "hopeless": torch.full_like(Y, 9), "alone": alone}, Y, fallback="alone")
    assert (found.choice, found.better, found.worse) == (choice, better, worse)
    shares = {"adapted": (adapted == Y).float().mean().item(), "alone": (alone == Y).float().mean().item()}
    assert found.accuracies == shares | {"hopeless": 0}


def test_the_guard_keeps_most_of_the_harm_out():
    generator = torch.Generator().manual_seed(0)
    chosen = []
    for _ in range(200):
        right = torch.rand(2, 100, generator=generator) < torch.tensor([[0.8], [0.65]])
        alone, hurt = (torch.where(row, 1, 0) for row in right)
        chosen.append(guarded({"alone": alone, "hurt": hurt}, torch.ones(100).long(), fallback="alone").choice)
    # Of two independent accuracies the worse comes out ahead with the probability of a normal tail.
    tail = 0.5 * math.erfc(0.15 / math.sqrt((0.8 * 0.2 + 0.65 * 0.35) / 100) / math.sqrt(2))
    assert chosen.count("hurt") / 200 <= tail + 0.03


@pytest.mark.parametrize(
    ("predictions", "labels", "words"),
    [
        ({"alone": Y, "adapted": Y}, Y - 1, "all known"),
        ({"alone": Y, "adapted": Y}, Y[:0], "all known"),
        ({"alone": Y, "adapted": Y[:5]}, Y, "'adapted' needs a predicted class number for each of 8 labels.*(5,)"),
        ({"alone": torch.rand(8), "adapted": Y}, Y, "'alone' needs .* torch.float32"),
        ({"alone": Y}, Y, "'alone' is the only candidate"),
        ({"alnoe": Y, "adapted": Y}, Y, "unknown fallback 'alone': did you mean 'alnoe'"),
    ],
)
def test_the_guard_refuses_what_it_cannot_compare(predictions, labels, words):
    with pytest.raises(ValueError, match=words):
        guarded(predictions, labels, fallback="alone")
