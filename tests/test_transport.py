"""Optimal transport against linear programming and closed forms; recolouring against the covariances it promises."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment, linprog

from tlutils import linear_probe
from tlutils.datasets import shifts
from tlutils.discrepancy import covariance
from tlutils.transport import recoloured, sinkhorn, transported


def rows(n, d=2, seed=0, offset=0.0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + offset


def cheapest(cost):
    """The unregularised plan's cost, by linear programming over all n·m masses."""
    n, m = cost.shape
    sums = np.zeros((n + m, n * m))
    for i in range(n):
        sums[i, i * m : (i + 1) * m] = 1
    for j in range(m):
        sums[n + j, j::m] = 1
    masses = np.r_[np.full(n, 1 / n), np.full(m, 1 / m)]
    return linprog(cost.flatten().numpy(), A_eq=sums, b_eq=masses, method="highs").fun


def objective(plan, cost, regularisation):
    """What the plan minimises."""
    return (plan * cost + regularisation * (torch.special.xlogy(plan, plan) - plan)).sum()


@pytest.mark.parametrize(("n", "m"), [(12, 12), (9, 14), (14, 9), (1, 5), (5, 1), (1, 1)])
@pytest.mark.parametrize("regularisation", [0.02, 0.3, 5.0])
def test_all_mass_leaves_and_arrives(n, m, regularisation):
    plan = sinkhorn(torch.cdist(rows(n), rows(m, seed=1, offset=1)).square(), regularisation=regularisation)
    assert plan.shape == (n, m) and plan.dtype == torch.float64 and (plan >= 0).all()
    assert max((plan.sum(1) - 1 / n).abs().max(), (plan.sum(0) - 1 / m).abs().max()) <= 1e-12


@pytest.mark.parametrize(("n", "m"), [(12, 12), (9, 14)])
def test_a_small_regularisation_costs_what_linear_programming_finds(n, m):
    cost = torch.cdist(rows(n), rows(m, seed=1, offset=1)).square().double()
    least = cheapest(cost)
    for regularisation in (0.1, 0.02):
        found = (sinkhorn(cost, regularisation=regularisation) * cost).sum().item()
        assert least - 1e-6 <= found <= least + regularisation * np.log(n * m)  # the entropy's share at the most
    assert found == pytest.approx(least, rel=0.02)


@pytest.mark.parametrize("regularisation", [2.0, 10.0])
def test_no_plan_of_the_same_masses_does_better(regularisation):
    cost = torch.cdist(rows(6), rows(7, seed=1)).square().double()
    plan = sinkhorn(cost, regularisation=regularisation)
    best = objective(plan, cost, regularisation)
    for seed in range(30):
        step = torch.randn(6, 7, generator=torch.Generator().manual_seed(seed)).double()
        step = step - step.mean(0) - step.mean(1, keepdim=True) + step.mean()
        step *= 0.5 * plan.min() / step.abs().max()
        assert objective(plan + step, cost, regularisation) > best


def test_a_shuffled_copy_is_unshuffled():
    source = rows(20, 8)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(2))
    target = source[order] + torch.tensor([4.0, 0.0, -1.0, 0.0, 0.0, 2.0, 0.0, 0.0])
    cost = torch.cdist(source, target).square().double()
    plan = sinkhorn(cost, regularisation=0.1)
    assert plan.argmax(1).tolist() == linear_sum_assignment(cost.numpy())[1].tolist() == order.argsort().tolist()


def test_a_large_regularisation_spreads_every_row_evenly():
    plan = sinkhorn(torch.cdist(rows(5), rows(7, seed=1)).square(), regularisation=1e6)
    assert plan.mul(35).sub(1).abs().max() < 1e-4


def test_costs_far_above_the_regularisation_do_not_underflow():
    cost = torch.tensor([[0.0, 1e6], [1e6, 0.0]]) + 1e7  # exp(−1e7) is 0 even in float64
    assert sinkhorn(cost, regularisation=1.0).mul(2).round().tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("cost", "settings", "words"),
    [
        (torch.rand(3), {}, r"tensor \(n, m\), got \(3,\)"),
        (torch.rand(0, 3), {}, "at least 1 row, got 0"),
        ([[1.0]], {}, "must be a tensor, got list"),
        (torch.tensor([[1.0, torch.nan]]), {}, "NaN or infinite"),
        (torch.tensor([[1.0, torch.inf]]), {}, "NaN or infinite"),
        (torch.rand(3, 4), {"regularisation": 0}, "must be positive, got 0"),
        (torch.rand(3, 4), {"regularisation": -1.0}, "must be positive"),
        (torch.rand(3, 4), {"regularisation": float("nan")}, "must be a number, got nan"),
    ],
)
def test_what_cannot_be_planned_is_refused(cost, settings, words):
    with pytest.raises(TypeError if isinstance(cost, list) else ValueError, match=words):
        sinkhorn(cost, **{"regularisation": 0.1} | settings)


# Rows moved


def test_every_row_goes_to_the_mean_of_where_its_mass_goes():
    source, target = rows(10), rows(13, seed=1, offset=2)
    cost = torch.cdist(source, target).square().double()
    plan = sinkhorn(cost, regularisation=0.1 * cost.mean().item())
    expected = torch.stack([(row[:, None] * target).sum(0) / row.sum() for row in plan]).float()
    assert torch.allclose(transported(source, target, regularisation=0.1), expected, atol=1e-4)


def test_the_moved_sample_has_the_targets_mean_and_lies_within_it():
    source, target = rows(60), 3 * rows(80, seed=1) + 5
    moved = transported(source, target)
    assert moved.dtype == torch.float32 and moved.mean(0).tolist() == pytest.approx(target.mean(0).tolist(), abs=1e-3)
    assert (moved >= target.min(0).values).all() and (moved <= target.max(0).values).all()


def test_a_common_offset_changes_nothing_but_the_place():
    source, target = rows(40).double(), rows(50, seed=1, offset=1).double()
    far = transported(source + 1000, target + 1000) - 1000
    assert torch.allclose(far, transported(source, target), atol=1e-6)


def test_a_stretched_and_shifted_target_is_reached_and_labels_travel_along():
    source, _ = shifts.concept(300, seed=0)
    target, _ = shifts.concept(300, seed=1)
    stretch, shift = torch.tensor([3.0, 0.5]), torch.tensor([6.0, -2.0])
    abroad = target.x * stretch + shift
    probe = linear_probe(transported(source.x, abroad), source.y)
    assert probe.score(abroad, target.y) > 0.85 > 0.65 > linear_probe(source.x, source.y).score(abroad, target.y)


def test_equal_rows_stay_where_they_are():
    same = torch.ones(4, 2)
    assert transported(same, torch.ones(3, 2)).equal(same)


@pytest.mark.parametrize("move", [transported, recoloured])
@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (rows(5, 2), rows(5, 3), "widths differ: 2 and 3"),
        (rows(1, 2), rows(5, 2), "first sample has 1 rows"),
        (rows(5, 2), torch.full((3, 2), torch.nan), "second sample has NaN"),
        (rows(5, 2).long(), rows(5, 2), "first sample must be a float tensor"),
    ],
)
def test_rows_that_do_not_fit_are_refused(move, source, target, words):
    with pytest.raises(ValueError, match=words):
        move(source, target)


# Recolouring


def test_recolouring_gives_the_targets_mean_and_what_was_asked_of_the_covariance():
    source, target = rows(500, 3) @ torch.diag(torch.tensor([1.0, 2.0, 0.5])), rows(700, 3, seed=1, offset=4)
    moved = recoloured(source, target).double()
    assert torch.allclose(moved.mean(0), target.double().mean(0), atol=1e-5)
    (a, b) = (covariance(part.double()) for part in (source, target))
    (a_plus, b_plus) = (c + c.diagonal().mean() * torch.eye(3).double() for c in (a, b))

    def power(c, exponent):  # another route than the package's: scipy's Schur method
        from scipy.linalg import fractional_matrix_power

        return torch.from_numpy(fractional_matrix_power(c.numpy(), exponent))

    change = power(a_plus, -0.5) @ power(b_plus, 0.5)
    assert torch.allclose(covariance(moved), change.T @ a @ change, atol=1e-4)


def test_recolouring_to_oneself_changes_nothing():
    source = rows(50, 4)
    assert torch.allclose(recoloured(source, source), source, atol=1e-5)


def test_recolouring_survives_fewer_rows_than_columns_and_equal_rows():
    assert torch.isfinite(recoloured(rows(5, 40), rows(6, 40, seed=1))).all()
    assert torch.allclose(recoloured(torch.ones(4, 2), rows(9)), rows(9).mean(0).expand(4, 2), atol=1e-5)
    assert torch.isfinite(recoloured(rows(9), torch.ones(4, 2))).all()
