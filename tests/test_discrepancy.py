"""Discrepancies against slow oracles in float64, and against the bugs that other libraries ship."""

import math
import re
import warnings

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tlutils import coral, mmd, proxy_a_distance, sliced_wasserstein
from tlutils.discrepancy import checked_pair, covariance


def mmd_by_hand(a, b, bandwidth=None):
    """The unbiased estimate as a double loop over float64 rows, as in the docstring of `mmd`."""
    a, b = a.double().tolist(), b.double().tolist()

    def distance(x, y):
        return math.fsum((p - q) ** 2 for p, q in zip(x, y, strict=True))

    pool = a + b
    if bandwidth is None:
        pairs = [distance(x, y) for i, x in enumerate(pool) for j, y in enumerate(pool) if i != j]
        bandwidth = math.fsum(pairs) / len(pairs) or 1.0

    def kernel(x, y):
        return sum(math.exp(-distance(x, y) / (c * bandwidth)) for c in (0.25, 0.5, 1, 2, 4))

    def within(rows):
        n = len(rows)
        return math.fsum(kernel(rows[i], rows[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    between = math.fsum(kernel(x, y) for x in a for y in b) / (len(a) * len(b))
    return within(a) + within(b) - 2 * between


def coral_by_hand(a, b):
    difference = np.cov(a.double().numpy(), rowvar=False) - np.cov(b.double().numpy(), rowvar=False)
    return (difference**2).sum() / (4 * a.shape[1] ** 2)


def pair(n=31, m=22, d=7, shift=0.7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator), 1.3 * torch.randn(m, d, generator=generator) + shift


def mostly_equal(n=40, m=30, d=5):
    """Nine rows of ten are the same, as after dead ReLUs."""
    a, b = pair(n, m, d)
    a[: n * 9 // 10], b[: m * 9 // 10] = 0.25, 0.25
    return a, b


SAMPLES = {
    "n > m": pair(),
    "n < m": pair(9, 40),
    "two rows": pair(2, 2),
    "one column": pair(d=1),
    "equal distributions": (pair()[0], pair(seed=1)[0][:20]),
    "far apart": pair(shift=50.0),
    "offset 1000": tuple(x + 1000 for x in pair()),
    "offset -1000 in one column": tuple(x - 1000 * torch.eye(7)[2] for x in pair()),
    "90 % equal rows": mostly_equal(),
    "90 % equal rows, offset 1000": tuple(x + 1000 for x in mostly_equal()),
    "tiny": tuple(1e-6 * x for x in pair()),
    "large": tuple(1e6 * x for x in pair()),
}
of_samples = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


@of_samples
def test_mmd_equals_the_double_loop(sample):
    assert mmd(*sample).item() == pytest.approx(mmd_by_hand(*sample), abs=1e-5)


@pytest.mark.parametrize("bandwidth", [0.5, 8.0])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_mmd_at_a_given_bandwidth_equals_the_double_loop(bandwidth, offset):
    a, b = (x + offset for x in pair())
    assert mmd(a, b, bandwidth=bandwidth).item() == pytest.approx(mmd_by_hand(a, b, bandwidth), abs=1e-5)


@of_samples
def test_mmd_is_symmetric_and_at_most_ten(sample):
    value = mmd(*sample).item()
    assert value == pytest.approx(mmd(*reversed(sample)).item(), abs=2e-6)
    assert value <= 10


def test_mmd_of_domains_without_overlap_reaches_ten():
    a, b = (torch.zeros(5, 2), torch.ones(4, 2))
    assert mmd(a, b, bandwidth=1e-3).item() == pytest.approx(10)


def test_rounding_makes_no_kernel_exceed_one():
    a = 100 * pair(20)[0].repeat(3, 1)  # equal rows far from the centre: a rounded distance can fall below zero
    assert -10 <= mmd(a, a.flip(0), bandwidth=1e-5).item() <= 10


def test_the_default_bandwidth_carries_no_gradient():
    a, b = (x.double().requires_grad_() for x in pair())
    pool = torch.cat([a, b]).detach()
    bandwidth = torch.pdist(pool).square().mean().item()
    mine = torch.autograd.grad(mmd(a, b), a)[0]
    torch.testing.assert_close(mine, torch.autograd.grad(mmd(a, b, bandwidth=bandwidth), a)[0])


@pytest.mark.parametrize("d", [3, 300])
def test_mmd_passes_gradcheck_at_a_given_bandwidth(d):
    a, b = (x.double().requires_grad_() for x in pair(6, 4, d))
    assert torch.autograd.gradcheck(lambda a, b: mmd(a, b, bandwidth=2.0 * d), (a, b))


def test_mmd_passes_gradcheck_with_equal_rows():
    a, b = (x.double() for x in pair(6, 5, 3))
    a[1], b[2], b[3] = a[0], a[0], b[4]
    assert torch.autograd.gradcheck(lambda a, b: mmd(a, b, bandwidth=3.0), (a.requires_grad_(), b.requires_grad_()))


def test_coral_passes_gradcheck():
    assert torch.autograd.gradcheck(coral, tuple(x.double().requires_grad_() for x in pair(6, 4, 3)))


@pytest.mark.parametrize("discrepancy", [mmd, coral])
@pytest.mark.parametrize("row", [0.0, 0.1, 1000.1, -1e6], ids=str)
def test_equal_rows_everywhere_are_at_distance_zero_with_zero_gradient(discrepancy, row):
    a, b = (torch.full((n, 16), row, requires_grad=True) for n in (20, 13))
    value = discrepancy(a, b)
    value.backward()
    assert abs(value.item()) < 1e-6
    assert max(a.grad.abs().max(), b.grad.abs().max()) < 1e-6


@pytest.mark.parametrize("discrepancy", [mmd, coral])
@of_samples
def test_gradients_are_finite_and_reach_both_samples(discrepancy, sample):
    a, b = (x.clone().requires_grad_() for x in sample)
    discrepancy(a, b).backward()
    for gradient in (a.grad, b.grad):
        assert torch.isfinite(gradient).all() and gradient.abs().max() > 0


@pytest.mark.parametrize("discrepancy", [mmd, coral])
def test_following_the_gradient_brings_the_samples_together(discrepancy):
    a, b = pair(40, 30, 4)
    a.requires_grad_()
    before = discrepancy(a, b).item()
    optimizer = torch.optim.Adam([a], lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        discrepancy(a, b).backward()
        optimizer.step()
    assert discrepancy(a, b).item() < 0.5 * before


@pytest.mark.parametrize(
    "sample",
    [pair(), pair(9, 40), tuple(x + 1000 for x in pair()), mostly_equal(), pair(d=1)[:1] * 2],
    ids=["n > m", "n < m", "offset 1000", "90 % equal rows", "twice the same"],
)
def test_coral_equals_its_formula(sample):
    if sample[0].shape[1] == 1:
        assert coral(*sample).item() == 0
    else:
        assert coral(*sample).item() == pytest.approx(coral_by_hand(*sample), abs=1e-6)


def test_coral_of_one_column_is_the_squared_difference_of_variances():
    a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [4.0]])  # variances 2 and 8
    assert coral(a, b).item() == (8 - 2) ** 2 / 4


# The numbered bugs of the design's section 7.


@pytest.mark.parametrize(("n", "m"), [(20, 20), (40, 15), (3, 30)])
def test_bug_1_mmd_is_unbiased_for_any_two_batch_sizes(n, m):
    generator = torch.Generator().manual_seed(n)
    draws = torch.stack([mmd(*torch.randn(n + m, 5, generator=generator).split([n, m])) for _ in range(200)])
    assert abs(draws.mean()) <= 2 * draws.std() / math.sqrt(200)
    assert draws.min() < 0 < draws.max()


class Largest(TorchDispatchMode):
    """Remember the number of elements of the largest tensor that any operation gives."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.untyped_storage().nbytes() // tensor.element_size())
        return out


@pytest.mark.parametrize(("discrepancy", "bound"), [(mmd, 130 * 130), (coral, 130 * 32)])
def test_bug_1_no_tensor_of_all_pairs_times_width_is_made(discrepancy, bound):
    a, b = (x.requires_grad_() for x in pair(80, 50, 32))
    with Largest() as largest:
        discrepancy(a, b).backward()
    assert 0 < largest.elements <= bound


def test_bug_1_two_thousand_rows_each_need_less_than_32_mebibytes():
    a, b = (x.requires_grad_() for x in pair(2000, 2000, 256))
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        mmd(a, b).backward()
    changes = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = np.cumsum([event.nbytes() for event in sorted(changes, key=lambda event: event.start_ns())])
    assert 4000 * 256 * 4 < held.max() < 2**25, "the kernel of all pairs alone would need 61 MiB"


@pytest.mark.parametrize("discrepancy", [mmd, coral])
def test_bug_2_an_offset_common_to_all_rows_changes_nothing(discrepancy):
    a, b = pair(200, 150, 64, shift=0.1)
    shifted = [x + 1000 for x in (a, b)]
    back = [x - 1000 for x in shifted]  # what float32 kept of the rows
    assert discrepancy(*shifted).item() == pytest.approx(discrepancy(*back).item(), abs=1e-6)
    assert discrepancy(*back).item() > 1e-3


def test_bug_3_the_bandwidth_survives_rows_that_are_mostly_equal():
    a, b = (x.requires_grad_() for x in mostly_equal())
    value = mmd(a, b)
    value.backward()
    assert value.item() == pytest.approx(mmd_by_hand(a.detach(), b.detach()), abs=1e-5)
    assert torch.isfinite(a.grad).all() and torch.isfinite(b.grad).all()


def test_bug_3_the_kernel_is_gaussian_in_the_squared_distance():
    a, b = torch.zeros(2, 1), torch.full((2, 1), 3.0)
    expected = 2 * sum(1 - math.exp(-9 / (c * 5)) for c in (0.25, 0.5, 1, 2, 4))
    assert mmd(a, b, bandwidth=5.0).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n", [4, 16, 64])
def test_bug_4_mmd_has_no_floor_for_small_batches(n):
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([mmd(*torch.randn(2, n, 5, generator=generator)) for _ in range(200)])
    assert draws.mean() < 0.25 * 6 / n, "a biased estimate has a floor of about 6 / n"


def test_bug_5_coral_ignores_the_means_and_has_no_factor_four():
    a, b = pair(50, 40, 6)
    assert coral(a, b).item() == pytest.approx(coral_by_hand(a, b), abs=1e-6)
    assert coral(a, a + torch.arange(6)).item() < 1e-12, "no term for the means"


def test_bug_5_coral_of_a_permuted_copy_is_zero():
    a = torch.randint(-8, 9, (64, 5), generator=torch.Generator().manual_seed(0)).float()
    permuted = a[torch.randperm(64, generator=torch.Generator().manual_seed(1))]
    assert coral(a, permuted).item() == 0, "whole numbers, 64 rows: every sum is exact"
    noise = pair(64, 3)[0]
    assert coral(noise, noise.flip(0)).item() < 1e-12


GOOD = torch.rand(4, 3)


@pytest.mark.parametrize("discrepancy", [mmd, coral])
@pytest.mark.parametrize("swap", [False, True], ids=["second", "first"])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (torch.rand(4), ["(n, d)", "(4,)"]),
        (torch.rand(4, 3, 1), ["(n, d)", "(4, 3, 1)"]),
        (torch.ones(4, 3, dtype=torch.int64), ["float tensor", "got int64 (4, 3)"]),
        (torch.rand(1, 3), ["1 rows", "at least 2"]),
        (torch.rand(0, 3), ["0 rows", "at least 2"]),
        (GOOD / 0, ["NaN or infinite"]),
        (GOOD * float("nan"), ["NaN or infinite"]),
    ],
)
def test_bad_samples_are_refused_with_value_and_expectation(discrepancy, bad, words, swap):
    with pytest.raises(ValueError) as caught:
        discrepancy(*((bad, GOOD) if swap else (GOOD, bad)))
    name = "the first sample" if swap else "the second sample"
    assert all(word in str(caught.value) for word in [*words, name]), caught.value


@pytest.mark.parametrize("discrepancy", [mmd, coral])
def test_values_beyond_the_fifth_root_of_the_largest_number_are_refused(discrepancy):
    at_most, above = GOOD.clone(), GOOD.clone()
    at_most[0, 0], above[0, 0] = 5e7, 5.2e7
    assert math.isfinite(discrepancy(at_most, GOOD))
    with pytest.raises(ValueError, match="second sample reaches 5e.07, above 5e.07: scale the features first"):
        discrepancy(GOOD, above)
    assert math.isfinite(discrepancy(1e6 * above.double(), GOOD)), "float64 reaches further"


@pytest.mark.parametrize("discrepancy", [mmd, coral])
def test_unequal_widths_are_refused(discrepancy):
    with pytest.raises(ValueError, match="widths differ: 3 and 5"):
        discrepancy(GOOD, torch.rand(4, 5))


@pytest.mark.parametrize("bandwidth", [0, -1.0, 9e-31])
def test_a_bandwidth_that_is_not_positive_is_refused(bandwidth):
    with pytest.raises(ValueError, match=f"bandwidth must be at least 1e-30, got {bandwidth}"):
        mmd(GOOD, GOOD, bandwidth=bandwidth)


# Sliced Wasserstein


def transport_on_a_line(a, b):
    """The squared Wasserstein-2 distance of two samples of numbers, as a linear programme."""
    from scipy.optimize import linprog

    n, m = len(a), len(b)
    cost = (a[:, None] - b[None, :]) ** 2
    leaving, arriving = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return linprog(cost.ravel(), A_eq=np.vstack([leaving, arriving]), b_eq=masses).fun


@pytest.mark.parametrize(("n", "m"), [(6, 6), (9, 4), (4, 9), (7, 5), (2, 11)])
def test_on_a_line_sliced_wasserstein_is_optimal_transport(n, m):
    a, b = pair(n, m, 1)
    expected = transport_on_a_line(a[:, 0].double().numpy(), b[:, 0].double().numpy())
    assert sliced_wasserstein(a, b).item() == pytest.approx(expected, rel=1e-5)


def test_sliced_wasserstein_of_a_shift_is_its_squared_length_over_d():
    torch.manual_seed(0)
    a = torch.randn(50, 4)
    shift = torch.tensor([3.0, 0, 4, 0])
    assert sliced_wasserstein(a, a + shift, projections=20_000).item() == pytest.approx(25 / 4, rel=0.03)


def test_sliced_wasserstein_of_a_sample_with_itself_doubled_is_zero():
    a = torch.randn(30, 5)
    assert sliced_wasserstein(a, a.repeat(2, 1)).item() == pytest.approx(0, abs=1e-10)


def test_sliced_wasserstein_passes_gradcheck():
    def seeded(a, b):
        torch.manual_seed(0)
        return sliced_wasserstein(a, b, projections=8)

    assert torch.autograd.gradcheck(seeded, tuple(x.double().requires_grad_() for x in pair(6, 4, 3)))


def test_directions_come_from_torchs_generator():
    a, b = pair()
    values = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        values.append(sliced_wasserstein(a, b).item())
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("projections", [0, -3])
def test_sliced_wasserstein_needs_a_projection(projections):
    with pytest.raises(ValueError, match=f"projections must be at least 1, got {projections}"):
        sliced_wasserstein(*pair(), projections=projections)


# The proxy A-distance


def test_domains_apart_are_at_proxy_distance_two_and_equal_ones_near_zero():
    a, b = pair(150, 100, 4, shift=30.0)
    assert proxy_a_distance(a, b) == 2.0
    generator = torch.Generator().manual_seed(0)
    same = [proxy_a_distance(*torch.randn(200, 3, generator=generator).split([120, 80])) for _ in range(10)]
    assert min(same) >= 0 and sum(same) / 10 < 0.3


def test_proxy_distance_of_overlapping_gaussians_is_near_the_bayes_rate():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(4000, 1, generator=generator), torch.randn(2000, 1, generator=generator) + 2
    error = 0.5 * math.erfc(1 / math.sqrt(2))  # half the distance of the means, in standard deviations
    assert proxy_a_distance(a, b) == pytest.approx(2 * (1 - 2 * error), abs=0.06)


def test_proxy_distance_is_cross_validated_and_does_not_count_a_memory():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(60, 200, generator=generator).split([30, 30])  # separable on the rows it was fitted to
    assert proxy_a_distance(a, b) < 0.8


def test_a_large_and_a_small_sample_of_one_distribution_are_not_told_apart():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(1000, 3, generator=generator).split([950, 50])
    assert proxy_a_distance(a, b) < 0.4, "always naming the larger sample is right in 95 of 100 rows"


@pytest.mark.parametrize("score", [sliced_wasserstein, proxy_a_distance])
@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 4), "feature widths differ: 2 and 4"),
        (torch.zeros(1, 2), torch.zeros(3, 2), "first sample has 1 rows"),
        (torch.zeros(3, 2), torch.full((3, 2), math.nan), "second sample has NaN or infinite"),
        (torch.zeros(3), torch.zeros(3, 2), "first sample must be a float tensor"),
    ],
)
def test_every_distance_refuses_samples_that_do_not_fit(score, a, b, words):
    with pytest.raises(ValueError, match=words):
        score(a, b)


@pytest.mark.parametrize("rows", [1, 7, 16])
def test_mmd_is_the_same_in_blocks_of_any_size(rows, monkeypatch):
    import tlutils.discrepancy

    a, b = (x.double().requires_grad_() for x in pair(33, 20, 5))
    whole = mmd(a, b)
    expected = torch.autograd.grad(whole, (a, b))
    monkeypatch.setattr(tlutils.discrepancy, "ROWS", rows)
    monkeypatch.setattr(tlutils.discrepancy, "BLOCK", 1)
    value = mmd(a, b)
    torch.testing.assert_close(value, whole)
    torch.testing.assert_close(torch.autograd.grad(value, (a, b)), expected)


@pytest.mark.parametrize("bandwidth", [None, 5.0])
def test_the_gradient_written_out_is_that_of_autograd(bandwidth):
    def plain(a, b):
        pool = torch.cat([a, b])
        distances = torch.cdist(pool, pool, compute_mode="donot_use_mm_for_euclid_dist").square()
        width = bandwidth or distances.detach().sum() / (len(pool) * (len(pool) - 1))
        kernel = sum(torch.exp(-distances / (c * width)) for c in (0.25, 0.5, 1, 2, 4)).fill_diagonal_(0)
        n, m = len(a), len(b)
        within = kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1))
        return within - 2 * kernel[:n, n:].mean()

    a, b = (x.double().requires_grad_() for x in pair(13, 21, 6))
    expected = torch.autograd.grad(3 * plain(a, b), (a, b))
    torch.testing.assert_close(torch.autograd.grad(3 * mmd(a, b, bandwidth=bandwidth), (a, b)), expected)


def test_mmd_of_half_precision_is_computed_in_float32():
    a, b = (x.bfloat16().requires_grad_() for x in pair())
    value = mmd(a, b)
    value.backward()
    assert value.dtype == torch.float32 and a.grad.dtype == torch.bfloat16
    assert value.item() == pytest.approx(mmd(a.float(), b.float()).item())


def test_mmd_keeps_its_digits_under_autocast():
    a, b = pair(40, 30, 64, shift=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        inside = mmd(a, b).item()
    assert inside == mmd(a, b).item()


@pytest.mark.parametrize("only", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("sizes", [(6, 4), (300, 90)], ids=["one block", "several blocks"])
def test_a_sample_that_needs_no_gradient_changes_neither_value_nor_the_others_gradient(only, sizes):
    a, b = samples = [x.requires_grad_() for x in pair(*sizes, 3)]
    both = mmd(a, b)
    expected = torch.autograd.grad(both, samples)[only]
    alone = mmd(*(x if i == only else x.detach() for i, x in enumerate(samples)))
    assert alone.equal(both) and torch.autograd.grad(alone, samples[only])[0].equal(expected)
    assert not mmd(a.detach(), b.detach()).requires_grad


def test_mmd_refuses_a_second_derivative_instead_of_giving_a_wrong_one():
    a, b = (x.requires_grad_() for x in pair(6, 4, 3))
    (gradient,) = torch.autograd.grad(mmd(a, b) ** 2, a, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_128_directions_are_drawn_unless_told_otherwise():
    values = []
    for settings in ({}, {"projections": 128}, {"projections": 129}, {"projections": 1}):
        torch.manual_seed(0)
        values.append(sliced_wasserstein(*pair(), **settings).item())
    assert values[0] == values[1] and len(set(values)) == 3


def proxy_by_hand(a, b):
    """Fold by fold: standardised by the rows it learns from, fitted, and its errors counted for each sample."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    features, is_b = torch.cat([a, b]).double().numpy(), np.repeat([False, True], [len(a), len(b)])
    wrong = np.zeros(len(features))
    for known, held_out in StratifiedKFold(min(5, len(a), len(b)), shuffle=True, random_state=0).split(features, is_b):
        mean, deviation = features[known].mean(0), features[known].std(0)
        weights = np.where(is_b[known], (~is_b[known]).sum(), is_b[known].sum())  # both samples weigh the same
        weights = weights * len(known) / weights.sum()
        model = LogisticRegression(max_iter=1000).fit((features[known] - mean) / deviation, is_b[known], weights)
        wrong[held_out] = model.predict((features[held_out] - mean) / deviation) != is_b[held_out]
    return max(0.0, 2 - 2 * (wrong[is_b].mean() + wrong[~is_b].mean()))


@pytest.mark.parametrize("sizes", [(60, 35), (35, 60), (3, 20), (20, 4), (2, 2)])
def test_proxy_distance_equals_the_cross_validation_by_hand(sizes):
    a, b = (x * torch.tensor([1.0, 1e3, 1e-3]) for x in pair(*sizes, 3, shift=0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as of more folds than rows
        assert proxy_a_distance(a.requires_grad_(), b) == pytest.approx(proxy_by_hand(a.detach(), b), abs=1e-12)
    assert type(proxy_a_distance(a, b)) is float


def test_covariance_is_numpys():
    x = pair(d=4)[0] + 5
    np.testing.assert_allclose(covariance(x), np.cov(x.double().numpy(), rowvar=False), rtol=1e-5)
    assert covariance(x.double()).dtype == torch.float64
    with pytest.raises(ValueError, match="1 rows"):
        covariance(x[:1])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (torch.float32, torch.float64, torch.float64),
        (torch.float64, torch.float32, torch.float64),
        (torch.float16, torch.bfloat16, torch.float32),
        (torch.float16, torch.float16, torch.float32),
    ],
)
def test_samples_are_compared_in_the_finer_type_and_in_float32_at_least(first, second, expected):
    for x in checked_pair(GOOD.to(first), GOOD.to(second)):
        assert x.dtype == expected and x.shape == GOOD.shape


@pytest.mark.parametrize(("dtype", "largest"), [(torch.float32, 5.05e7), (torch.float64, 4.4e61)])
def test_features_are_refused_where_their_fourth_powers_would_overflow(dtype, largest):
    huge = torch.tensor([[1.0, -1, 1], [-1, 1, -1], [1, 1, 1]], dtype=dtype) * largest
    for discrepancy in (mmd, coral, sliced_wasserstein):
        for a, b in ((huge, GOOD.to(dtype)), (GOOD.to(dtype), huge)):
            assert torch.isfinite(discrepancy(a, b)), "each value is small enough, though their norm is not"
    limit = f"{torch.finfo(dtype).max ** 0.2:.1g}"
    for name, samples in (("first", (1.1 * huge, huge)), ("second", (huge, 1.1 * huge))):
        words = f"the {name} sample reaches {1.1 * largest:.1g}, above {limit}: scale"
        with pytest.raises(ValueError, match=re.escape(words)):
            mmd(*samples)


def test_the_least_bandwidth_and_the_largest_feature_are_still_taken():
    assert mmd(GOOD, GOOD + 1, bandwidth=1e-30).item() == 0, "no two rows are near enough to feel each other"
    largest = torch.full((3, 3), torch.finfo(torch.float64).max ** 0.2, dtype=torch.float64)
    assert torch.isfinite(coral(largest, GOOD.double()))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mmd(None, GOOD), "mmd: a must be a tensor"),
        (lambda: mmd(GOOD, GOOD, bandwidth="1"), "mmd: bandwidth must be a number or None"),
        (lambda: coral(GOOD, [[1.0]]), "coral: b must be a tensor"),
        (lambda: sliced_wasserstein(GOOD, GOOD, projections=2.5), "sliced_wasserstein: projections must be a whole"),
        (lambda: proxy_a_distance(GOOD, None), "proxy_a_distance: b must be a tensor"),
        (lambda: covariance(1.0), "covariance: x must be a tensor"),
        (lambda: checked_pair(GOOD, 1.0), "checked_pair: b must be a tensor"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(call, words):
    with pytest.raises(TypeError, match=words):
        call()
