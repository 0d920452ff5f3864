"""Metrics against slow, obvious versions of themselves, at ties and at the edges."""

import math

import pytest
import torch

from tlutils.metrics import (
    auc,
    bootstrap,
    calibration_error,
    reliability_curve,
    sensitivity,
    specificity,
    threshold_for,
)


def drawn(n=60, ties=True, seed=0):
    """Return scores, on a coarse grid where ties are wanted, and labels that they predict somewhat."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (n,), generator=generator)
    scores = torch.rand(n, generator=generator) + 0.3 * labels
    return (scores * 8).round() / 8 if ties else scores, labels


# ---------------------------------------------------------------- AUC


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_order_with_ties_half(seed):
    scores, labels = drawn(seed=seed)
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels == 1] for n in scores[labels == 0]]
    assert auc(scores, labels) == pytest.approx(sum(map(float, pairs)) / len(pairs))


def test_auc_of_perfect_reversed_and_equal_scores():
    labels = torch.tensor([0, 0, 1, 1])
    assert auc(labels.float(), labels) == 1 and auc(-labels.float(), labels) == 0
    assert auc(torch.zeros(4), labels) == 0.5


def test_auc_of_several_classes_is_the_mean_of_each_against_the_rest():
    scores, labels = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 3
    each = [auc(scores[:, k], labels == k) for k in range(3)]
    assert auc(scores, labels) == pytest.approx(sum(each) / 3)


# ---------------------------------------------------------------- threshold


@pytest.mark.parametrize("wanted", [0.05, 0.5, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_other_threshold_keeps_the_promise_and_finds_more(wanted, ties, seed):
    scores, labels = drawn(ties=ties, seed=seed)
    chosen = threshold_for(wanted, scores, labels)
    assert specificity(scores, labels, chosen) >= wanted - 1e-12
    allowed = [t for t in [*scores.tolist(), -math.inf] if specificity(scores, labels, t) >= wanted - 1e-12]
    assert sensitivity(scores, labels, chosen) == max(sensitivity(scores, labels, t) for t in allowed)
    assert chosen == min(allowed)


@pytest.mark.parametrize(("share", "n"), [(0.07, 100), (0.95, 20), (0.29, 100), (0.57, 100)])
def test_binary_digits_do_not_cost_a_negative(share, n):
    scores = torch.arange(n).double()
    assert threshold_for(share, scores, torch.zeros(n).long()) == round(share * n) - 1


def test_tied_scores_are_not_parted_and_the_tie_is_negative():
    scores = torch.tensor([0.1, 0.5, 0.5, 0.5, 0.5, 0.9])
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    chosen = threshold_for(0.5, scores, labels)
    assert chosen == 0.5 and specificity(scores, labels, chosen) == 1 and sensitivity(scores, labels, chosen) == 0.5


def test_float32_scores_keep_their_own_threshold():
    scores = torch.rand(200, generator=torch.Generator().manual_seed(3))
    labels = torch.zeros(200).long()
    assert specificity(scores, labels, threshold_for(0.95, scores, labels)) == pytest.approx(0.95, abs=1e-12)


# ---------------------------------------------------------------- calibration


def slow_curve(probabilities, outcomes, bins):
    points = []
    for m in range(bins):
        low, high = m / bins, (m + 1) / bins
        inside = [
            (p, y)
            for p, y in zip(probabilities.tolist(), outcomes.tolist(), strict=True)
            if low < p <= high or (m == 0 and p == 0)
        ]
        if inside:
            p, y = zip(*inside, strict=True)
            points.append((sum(p) / len(p), sum(y) / len(y), len(p)))
    return points


@pytest.mark.parametrize("bins", [1, 4, 15])
@pytest.mark.parametrize("grid", [None, 4, 15])
def test_the_curve_and_its_error_equal_the_definition(bins, grid):
    generator = torch.Generator().manual_seed(1)
    p = torch.rand(300, generator=generator, dtype=torch.float64)
    p = p if grid is None else (p * grid).round() / grid  # on the borders of bins, 0 and 1 among them
    y = (torch.rand(300, generator=generator) < p).long()
    expected = slow_curve(p, y, bins)
    assert torch.stack([*reliability_curve(p, y, bins)], 1).tolist() == [pytest.approx(row) for row in expected]
    error = sum(n * abs(a - b) for a, b, n in expected) / 300
    assert calibration_error(p, y, bins) == pytest.approx(error)


def test_of_several_classes_the_most_probable_one_counts():
    p = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])
    labels = torch.tensor([0, 2, 0])
    top = reliability_curve(p, labels, 10)
    assert torch.cat([*top]).tolist() == pytest.approx([0.5, 0.7, 0.8, 1, 0, 1, 1, 1, 1])
    assert calibration_error(p, labels, 10) == pytest.approx((0.5 + 0.7 + 0.2) / 3)


# ---------------------------------------------------------------- bootstrap


def mean(values):
    return values.mean().item()


def test_the_interval_of_a_mean_has_the_textbook_width():
    values = torch.randn(400, generator=torch.Generator().manual_seed(0))
    low, high = bootstrap(mean, values, resamples=2000)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std().item() / 20, rel=0.1)


def test_images_of_one_patient_are_one_piece_of_evidence():
    patients = torch.randn(40, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(400, generator=torch.Generator().manual_seed(1))
    rows, groups = patients.repeat_interleave(10)[order], (3 * torch.arange(40)).repeat_interleave(10)[order]
    one, many = bootstrap(mean, patients), bootstrap(mean, rows, groups=groups)
    assert many == pytest.approx(one), "the same draws: ten equal images of a patient add nothing"
    low, high = bootstrap(mean, rows)
    assert high - low < 0.5 * (one[1] - one[0]), "pretending they were 400 patients"


def test_whole_groups_are_drawn_and_all_arrays_together():
    groups = torch.tensor([5, 5, 5, 7, 9, 9])
    seen = []

    def metric(values, twin):
        assert twin.equal(10 * values)
        seen.append(tuple(values.tolist()))
        return 0.0

    bootstrap(metric, torch.arange(6), 10 * torch.arange(6), groups=groups, resamples=20)
    for values in seen[1:]:
        assert values.count(0) == values.count(1) == values.count(2) and values.count(4) == values.count(5)
        assert values.count(0) + values.count(3) + values.count(4) == 3, "as many groups as there are"


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    values = torch.rand(30)
    state = torch.get_rng_state()
    assert bootstrap(mean, values, seed=1) == bootstrap(mean, values, seed=1) != bootstrap(mean, values, seed=2)
    assert torch.get_rng_state().equal(state)


def test_resamples_of_one_class_are_left_out_when_rare_and_an_error_when_not():
    scores = torch.arange(20.0)
    low, high = bootstrap(auc, scores, (scores > 15).long(), resamples=200)
    assert low == high == 1
    with pytest.raises(ValueError, match="defined on .* of 200 resamples only: too few"):
        bootstrap(auc, scores, (scores > 18).long(), resamples=200)


# ---------------------------------------------------------------- wrong input

ONES, ZEROS = torch.ones(4).long(), torch.zeros(4).long()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: auc(torch.rand(4), ONES), "both classes are needed, all 4 labels are 1"),
        (lambda: auc(torch.tensor([0.1, math.nan, 0.2]), torch.tensor([0, 1, 1])), "1 of 3 scores are NaN"),
        (lambda: auc(torch.rand(4), torch.tensor([0, 1, 2, 1])), "labels must be 0 or 1, got 2; pass labels == k"),
        (lambda: auc(torch.rand(3), ONES), r"got \(3,\), \(4,\)"),
        (lambda: auc(torch.rand(4, 3), torch.tensor([0, 1, 2, 3])), "label 3 is outside 0 … 2: there are 3 columns"),
        (lambda: auc(torch.rand(4, 3), torch.tensor([0, 1, 1, 0])), "both classes are needed, all 4 labels are 0"),
        (lambda: auc(torch.rand(0), torch.zeros(0)), r"got \(0,\), \(0,\)"),
        (lambda: threshold_for(0.95, torch.rand(4), ONES), "needs negative rows"),
        (lambda: threshold_for(95, torch.rand(4), ZEROS), "specificity must lie above 0 and at most at 1, got 95"),
        (lambda: sensitivity(torch.rand(4), ZEROS, 0.5), "no row has label 1"),
        (lambda: specificity(torch.rand(4), ONES, 0.5), "no row has label 0"),
        (lambda: calibration_error(torch.tensor([-2.0, 3]), torch.tensor([0, 1])), "got -2 to 3; apply softmax"),
        (lambda: calibration_error(torch.full((4, 2), math.nan), ZEROS), "NaN or infinite in 4 of 4 rows"),
        (lambda: reliability_curve(torch.rand(4), ONES, bins=0), "bins must lie within 1 … 1,000,000, got 0"),
        (lambda: reliability_curve(torch.rand(4, 2), ONES[:3]), r"got \(4, 2\), \(3,\)"),
        (lambda: bootstrap(auc, torch.rand(4), ONES), "both classes are needed"),
        (lambda: bootstrap(mean, torch.rand(4), groups=ZEROS), "at least 2 rows or groups, got 1"),
        (lambda: bootstrap(auc, torch.rand(4), ONES[:3]), r"same number of rows, got \[4, 3\]"),
    ],
)
def test_wrong_input_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
