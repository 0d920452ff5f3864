"""Importance weights: right where the answer is known, bounded where it is not."""

import pytest
import torch

from tlutils import effective_size, importance_weights
from tlutils.weighting import label_weights


def gaussians(n, shift, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, generator=generator), torch.randn(n, 2, generator=generator) + torch.tensor([shift, 0.0])


def test_weights_are_the_density_ratio_of_two_gaussians():
    source, target = gaussians(4000, shift=1.0)
    exact = torch.exp(source[:, 0] - 0.5)  # N(1, 1) over N(0, 1)
    weights = importance_weights(source, target)
    assert torch.corrcoef(torch.stack([weights, exact]))[0, 1] > 0.99
    assert weights.mean().item() == pytest.approx(1, abs=1e-5)


def test_weighting_moves_the_source_mean_to_the_target():
    source, target = gaussians(4000, shift=1.0)
    weighted = (importance_weights(source, target)[:, None] * source).mean(0)
    assert torch.allclose(weighted, target.mean(0), atol=0.12)


def test_equal_domains_give_equal_weights():
    source, target = gaussians(4000, shift=0.0)
    assert effective_size(importance_weights(source, target)) > 0.98 * len(source)


def test_the_number_of_target_rows_does_not_change_the_scale():
    source, target = gaussians(3000, shift=1.0)
    few = importance_weights(source, target[:300])
    assert few.mean().item() == pytest.approx(1, abs=1e-5)
    assert torch.corrcoef(torch.stack([few, importance_weights(source, target)]))[0, 1] > 0.95


def test_no_weight_runs_away_when_the_domains_hardly_touch():
    source, target = gaussians(1000, shift=6.0)
    weights = importance_weights(source, target)
    assert torch.isfinite(weights).all() and weights.min() >= 0
    assert effective_size(weights) < 0.2 * len(source)


def test_effective_size_counts_equal_weights_in_full_and_a_single_one_as_one():
    assert effective_size(torch.ones(50)) == pytest.approx(50)
    assert effective_size(torch.tensor([0.0, 3.0, 0.0])) == pytest.approx(1)


@pytest.mark.parametrize("target", [torch.randn(5, 3), torch.randn(5, 1)])
def test_features_of_another_width_are_refused_with_both_shapes(target):
    with pytest.raises(ValueError, match=r"features must be .*\(9, 2\)"):
        importance_weights(torch.randn(9, 2), target)


# Weights by label


def test_label_weights_are_the_ratio_of_class_shares_whatever_the_classifier_confuses():
    generator = torch.Generator().manual_seed(0)
    confusion = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]])  # rows: true class
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
    y = [torch.multinomial(row, 40_000, replacement=True, generator=generator) for row in shares]
    guessed = [torch.multinomial(confusion[part], 1, generator=generator).squeeze(1) for part in y]
    found = label_weights(guessed[0], y[0], guessed[1], classes=3)
    assert found.tolist() == pytest.approx((shares[1] / shares[0]).tolist(), rel=0.08)


def test_a_class_that_the_target_lacks_counts_nothing_and_none_counts_below_it():
    y = torch.arange(300) % 3
    assert label_weights(y, y, torch.ones(50).long(), classes=3).tolist() == pytest.approx([0, 3, 0])
    blind = label_weights(torch.zeros(300).long(), y, torch.zeros(50).long(), classes=3)  # the table is singular
    assert torch.isfinite(blind).all() and (blind >= 0).all() and blind.sum() > 0


@pytest.mark.parametrize(
    ("guessed", "labels", "met", "words"),
    [
        (torch.zeros(4).long(), torch.zeros(5).long(), torch.zeros(2).long(), "4 for 5 labels"),
        (torch.zeros(4).long(), torch.arange(4) % 2, torch.zeros(0).long(), "0 of the target"),
        (torch.zeros(4).long(), torch.arange(4) % 2, torch.zeros(2).long(), r"every one of 3 classes.*\[2, 2, 0\]"),
        (torch.zeros(4).long(), torch.arange(4), torch.zeros(2).long(), "labels must lie within 0 … 2, got 3"),
    ],
)
def test_guesses_that_cannot_be_counted_are_refused(guessed, labels, met, words):
    with pytest.raises(ValueError, match=words):
        label_weights(guessed, labels, met, classes=3)
