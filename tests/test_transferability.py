"""Transferability scores against direct computation, the bugs of other libraries, and degenerate input."""

import math
import re

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.optimize import minimize, minimize_scalar
from torch.utils._python_dispatch import TorchDispatchMode

from tlutils import h_score, leep, logme, nce

LEAST_NOISE = 1e-10  # as the docstring of `logme` says


def evidence(gram, t, log_ratio, log_beta):
    """The log density per sample of t under N(0, (I + gram · β/α) / β), by Cholesky of I + gram · β/α; any log β's."""
    n, beta = len(t), np.exp(log_beta)
    factor = scipy.linalg.cholesky(np.eye(n) + gram * math.exp(log_ratio), lower=True, check_finite=False)
    z = scipy.linalg.solve_triangular(factor, t, lower=True, check_finite=False)
    return -(math.log(2 * math.pi) - log_beta + (2 * np.log(np.diag(factor)).sum() + beta * (z @ z)) / n) / 2


def climb(gram, t, start):
    """The evidence where Nelder & Mead's search over log β/α and log β ends."""

    def cost(x):
        return -evidence(gram, t, *x) if x[1] <= -math.log(LEAST_NOISE) else 1e9

    options = {"xatol": 1e-4, "fatol": 1e-10, "maxiter": 800}
    return -minimize(cost, start, method="Nelder-Mead", options=options).fun


def highest_evidence(f, y):
    """Mean over the classes of the evidence's maximum, searched from every peak of a grid."""
    gram, best = f @ f.T, []
    ratios = np.linspace(-18, 24, 43) - math.log(np.trace(gram) / len(f))
    betas = np.linspace(0, -math.log(LEAST_NOISE), 93)
    for c in np.unique(y):
        t = (y == c).astype(float)
        table = np.stack([evidence(gram, t, ratio, betas) for ratio in ratios])
        ridge = np.pad(table.max(1), 1, constant_values=-np.inf)
        peaks = np.flatnonzero((ridge[1:-1] > ridge[:-2]) & (ridge[1:-1] >= ridge[2:]))
        best.append(max(climb(gram, t, (ratios[i], betas[table[i].argmax()])) for i in peaks))
    return np.mean(best)


def problem(n, d, kind, rng):
    f = rng.normal(size=(n, d)) * math.exp(2 * rng.normal())
    y = rng.integers(0, 2, size=n)
    y[:2] = 0, 1
    if kind == "decaying":
        f *= np.exp(-8 * np.arange(d) / d)
    if kind == "rectified":
        f = f.clip(0)
    if kind == "informative":
        f[:, 0] += 3 * y * f.std()
    return f, y


def on_log_scale(low, high, rng):
    return round(math.exp(rng.uniform(math.log(low), math.log(high))))


KINDS = ("plain", "decaying", "rectified", "informative")


def profiled(f, y):
    """As `highest_evidence`, with the best β for each β/α written down (the misfit per row): one search, not two."""
    gram, n, best = f @ f.T, len(f), []
    shift = math.log(np.trace(gram) / n)

    def negative(log_ratio, t):
        factor = scipy.linalg.cholesky(np.eye(n) + gram * math.exp(log_ratio - shift), lower=True, check_finite=False)
        z = scipy.linalg.solve_triangular(factor, t, lower=True, check_finite=False)
        misfit = (z * z).sum(0)
        noise = np.maximum(misfit / n, LEAST_NOISE)
        return (np.log(2 * math.pi * noise) + misfit / (n * noise) + 2 * np.log(np.diag(factor)).sum() / n) / 2

    t = (y[:, None] == np.unique(y)).astype(float)
    ratios = np.linspace(-18, 24, 31)
    table = np.stack([negative(ratio, t) for ratio in ratios])
    for values, column in zip(table.T, t.T, strict=True):
        ends = np.pad(values, 1, constant_values=np.inf)
        valleys = np.flatnonzero((ends[1:-1] < ends[:-2]) & (ends[1:-1] <= ends[2:]))
        found = []
        for i in valleys:
            near = ratios[max(i - 1, 0)], ratios[min(i + 1, len(ratios) - 1)]
            search = minimize_scalar(negative, args=(column,), bounds=near, method="bounded", options={"xatol": 1e-4})
            found.append(-min(search.fun, values[i]))
        best.append(max(found))
    return np.mean(best)


@pytest.mark.parametrize("kind", KINDS)
def test_logme_is_the_maximum_of_the_exact_evidence(kind):
    """50 problems of each kind, 200 in all: n from 5 to 500, d from 2 to 2,048."""
    rng = np.random.default_rng(KINDS.index(kind))
    sizes = [(5, 2), (500, 2048), (500, 2), (5, 2048)]
    sizes += [(on_log_scale(5, 500, rng), on_log_scale(2, 2048, rng)) for _ in range(46)]
    for n, d in sizes:
        f, y = problem(n, d, kind, rng)
        assert logme(torch.tensor(f), torch.tensor(y)) == pytest.approx(profiled(f, y), rel=1e-6), (n, d)


@pytest.mark.parametrize("kind", KINDS)
def test_the_evidence_searched_over_both_precisions_has_the_same_maximum(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for n, d in [(8, 30), (20, 3), (40, 40), (30, 500)]:
        f, y = problem(n, d, kind, rng)
        assert profiled(f, y) == pytest.approx(highest_evidence(f, y), rel=1e-6), (n, d)


def test_logme_of_several_classes_is_their_mean():
    rng = np.random.default_rng(0)
    f, y = rng.normal(size=(40, 6)), np.arange(40) % 5
    f[:, 0] += y
    assert logme(torch.tensor(f), torch.tensor(y)) == pytest.approx(highest_evidence(f, y), rel=1e-6)


def two_peaks():
    """Features whose strongest direction explains part of the labels, and a far weaker one the rest."""
    rng = np.random.default_rng(0)
    y = (np.arange(40) % 2).astype(int)
    basis = rng.normal(size=(40, 4))
    basis[:, 0] = y
    basis = np.linalg.qr(basis)[0]
    strong = 0.8 * basis[:, 0] + 0.6 * basis[:, 1]
    weak = 0.98 * (0.6 * basis[:, 0] - 0.8 * basis[:, 1]) + 0.199 * basis[:, 2]
    return np.stack([1e4 * strong, weak], 1), y


def test_logme_finds_the_higher_of_two_peaks():
    f, y = two_peaks()
    peaks = [climb(f @ f.T, y.astype(float), start) for start in ((-17.0, 2.0), (6.0, 4.0))]
    assert abs(peaks[0] - peaks[1]) > 0.1, "the case has two peaks"
    assert logme(torch.tensor(f), torch.tensor(y)) == pytest.approx(highest_evidence(f, y), rel=1e-6)


def logme_without_padding(f, y, c):
    """The reference code's fixed point for one class: its log-determinant has min(n, d) terms, for d dimensions."""
    n, d = f.shape
    u, s, _ = np.linalg.svd(f, full_matrices=False)
    t, values = (y == c).astype(float), s**2
    x2 = (u.T @ t) ** 2
    alpha = beta = 1.0
    for _ in range(100):
        ratio = alpha / beta
        gamma = (values / (values + ratio)).sum()
        size = (values * x2 / (ratio + values) ** 2).sum()
        misfit = (x2 / (1 + values / ratio) ** 2).sum() + t @ t - x2.sum()
        alpha, beta = gamma / (size + 1e-5), (n - gamma) / (misfit + 1e-5)
    naive = d * math.log(alpha) + n * math.log(beta) - np.log(alpha + beta * values).sum()
    naive = (naive - beta * misfit - alpha * size - n * math.log(2 * math.pi)) / (2 * n)
    return naive, naive - (d - len(values)) * math.log(alpha) / (2 * n)


def test_bug_7_logme_is_exact_for_200_rows_of_2048_features_where_the_reference_is_not():
    f, y = problem(200, 2048, "plain", np.random.default_rng(0))
    ours, exact = logme(torch.tensor(f), torch.tensor(y)), highest_evidence(f, y)
    naive, padded = np.mean([logme_without_padding(f, y, c) for c in (0, 1)], axis=0)
    assert ours == pytest.approx(exact, rel=1e-6)
    assert padded == pytest.approx(exact, abs=0.01), "the reference, but for the missing terms"
    assert naive - exact > 10


class Largest(TorchDispatchMode):
    """Remember the number of elements of the largest tensor that any operation gives."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return out


@pytest.mark.parametrize("score", [logme, h_score])
@pytest.mark.parametrize(("n", "d"), [(30, 600), (900, 20)])
def test_nothing_larger_than_the_features_and_classes_is_made(score, n, d):
    f, y = sample(n, d)
    with Largest() as largest:
        score(f, y)
    assert 0 < largest.elements <= n * (d + 3)


def h_score_by_hand(f, y):
    """The trace with d × d matrices and scikit-learn's shrinkage."""
    from sklearn.covariance import LedoitWolf

    f = f.double().numpy()
    shrinkage = LedoitWolf().fit(f).shrinkage_
    means = np.stack([f[(y == c).numpy()].mean(0) for c in y])
    every, between = (np.atleast_2d(np.cov(x, rowvar=False, bias=True)) for x in (f, means))
    mixed = (1 - shrinkage) * every + shrinkage * np.trace(every) / len(every) * np.eye(len(every))
    return np.trace(np.linalg.solve(mixed, (1 - shrinkage) * between))


def sample(n=60, d=8, classes=3, shift=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    f = torch.randn(n, d, generator=generator)
    f[:, 0] += shift * y
    return f, y


@pytest.mark.parametrize(("n", "d"), [(60, 8), (300, 5), (20, 90), (30, 30), (50, 1), (4, 2)])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_h_score_equals_the_trace_with_scikit_learns_shrinkage(n, d, offset):
    f, y = sample(n, d)
    f = f + offset
    assert h_score(f, y) == pytest.approx(h_score_by_hand(f, y), rel=1e-9)


def test_h_score_lies_between_zero_and_the_number_of_classes_less_one():
    f, y = sample(400, 4, classes=4, shift=0)
    assert 0 <= h_score(f, y) < 0.1
    assert 2.9 < h_score(torch.eye(4)[y] + 1e-4 * f, y) < 3


def leep_by_hand(p, y):
    n, sources = p.shape
    p, y = p.double().tolist(), y.tolist()
    joint = {(c, z): math.fsum(p[i][z] for i in range(n) if y[i] == c) / n for c in set(y) for z in range(sources)}
    total = 0.0
    for i in range(n):
        expected = 0.0
        for z in range(sources):
            mass = math.fsum(joint[c, z] for c in set(y))
            expected += joint[y[i], z] / mass * p[i][z] if mass else 0.0
        total += math.log(expected)
    return total / n


def probabilities(n=50, sources=6, sharpness=2.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (sharpness * torch.randn(n, sources, generator=generator)).softmax(1), torch.arange(n) % 3


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 5.0])
def test_leep_equals_its_definition(sharpness):
    p, y = probabilities(sharpness=sharpness)
    assert leep(p, y) == pytest.approx(leep_by_hand(p, y), rel=1e-6)


def test_nce_equals_scikit_learns_information_less_the_entropy():
    from sklearn.metrics import mutual_info_score

    z, y = torch.randint(7, (200,), generator=torch.Generator().manual_seed(0)), torch.arange(200) % 4
    assert nce(z, y) == pytest.approx(mutual_info_score(z, y) - math.log(4))


def test_nce_is_leep_of_sure_predictions():
    z, y = torch.randint(7, (90,), generator=torch.Generator().manual_seed(0)), torch.arange(90) % 4
    assert nce(z, y) == pytest.approx(leep(torch.eye(7)[z], y))


@pytest.mark.parametrize("seed", range(10))
def test_leep_and_nce_lie_between_minus_the_entropy_and_zero(seed):
    p, y = probabilities(seed=seed, sharpness=1 + seed)
    for value in (leep(p, y), nce(p.argmax(1), y)):
        assert -math.log(3) - 0.01 <= value <= 0  # 50 rows of 3 classes
    assert leep(torch.full_like(p, 1 / 6), y) == pytest.approx(nce(torch.zeros_like(y), y))
    assert leep(torch.eye(3)[y], y) == nce(y, y) == 0


def test_bug_7_leep_is_finite_for_a_source_class_without_mass():
    p, y = probabilities()
    widened = torch.cat([p, torch.zeros(len(p), 3)], 1)
    assert leep(widened, y) == pytest.approx(leep(p, y), rel=1e-12)


# What changes nothing


def turned(f, seed=1):
    q = torch.linalg.qr(torch.randn(f.shape[1], f.shape[1], generator=torch.Generator().manual_seed(seed)).double()).Q
    return f.double() @ q


@pytest.mark.parametrize("score", [logme, h_score])
@pytest.mark.parametrize(("n", "d"), [(60, 8), (20, 90)])
def test_turning_scaling_and_reordering_change_nothing(score, n, d):
    f, y = sample(n, d)
    f, expected = f.double(), score(f, y)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    renamed = torch.tensor([2, 0, 1])[y]
    for g, labels in [
        (turned(f), y), (1e6 * f, y), (1e-30 * f, y), (f[order], y[order]), (f, renamed), (f, 10 * y),
        (torch.cat([f, torch.zeros(n, 2)], 1), y), (f.clone().requires_grad_(), y),
    ]:  # fmt: skip
        if score is h_score and g.shape[1] > d:
            continue  # empty features dilute the mean variance to which it shrinks
        assert score(g, labels) == pytest.approx(expected, rel=1e-8)


def test_h_score_ignores_an_offset_and_logme_does_not():
    f, y = sample()
    assert h_score(f.double() + 100, y) == pytest.approx(h_score(f, y), rel=1e-9)
    assert abs(logme(f + 100, y) - logme(f, y)) > 1e-3


def test_rows_and_names_in_another_order_change_neither_leep_nor_nce():
    p, y = probabilities()
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    for columns, labels in [(p, y), (p.flip(1), y), (p, torch.tensor([2, 0, 1])[y]), (p, 7 * y)]:
        assert leep(columns[order], labels[order]) == pytest.approx(leep(p, y))
        assert nce(columns.argmax(1)[order], labels[order]) == pytest.approx(nce(p.argmax(1), y))


@pytest.mark.parametrize("score", [logme, h_score])
def test_float32_features_are_scored_in_float64(score):
    f, y = sample(20, 90)
    assert score(f, y) == score(f.double(), y) and type(score(f, y)) is float


def test_better_features_score_higher():
    y = sample()[1]
    weak, strong = (sample(shift=shift)[0] for shift in (0.3, 3.0))
    assert logme(strong, y) > logme(weak, y) and h_score(strong, y) > h_score(weak, y)


# Degenerate input

LABELS = torch.arange(40) % 2
NOISE = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
DEGENERATE = {
    "separable": torch.stack([2.0 * LABELS - 1, torch.ones(40)], 1) * 5 + 0.1 * NOISE[:, :2],
    "labels themselves": torch.eye(2)[LABELS],
    "labels and noise": torch.cat([torch.eye(2)[LABELS], NOISE], 1),
    "zero": torch.zeros(40, 3),
    "constant": torch.full((40, 3), 0.1),
    "constant, wide": torch.full((40, 90), -1e6),
    "one constant column": torch.cat([NOISE, torch.ones(40, 1)], 1),
    "columns twice": torch.cat([NOISE, NOISE], 1),
    "columns twice, wide": NOISE.repeat(1, 20),
    "rows twice, wide": torch.randn(20, 90, generator=torch.Generator().manual_seed(1)).repeat(2, 1),
    "one column": NOISE[:, :1],
    "tiny": 1e-30 * NOISE,
    "huge": 1e30 * NOISE,
    "half precision": NOISE.bfloat16(),
}


@pytest.mark.parametrize("f", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_features_have_finite_scores(f):
    assert math.isfinite(logme(f, LABELS)) and 0 <= h_score(f, LABELS) <= 1 + 1e-9


@pytest.mark.parametrize("kind", ["columns twice", "rows twice, wide", "one constant column", "constant", "separable"])
def test_logme_of_degenerate_features_is_the_exact_evidence(kind):
    f = DEGENERATE[kind].double()
    assert logme(f, LABELS) == pytest.approx(highest_evidence(f.numpy(), LABELS.numpy()), rel=1e-6)


def test_features_that_reproduce_the_labels_score_highest_but_not_without_bound():
    better = ("zero", "separable", "labels and noise", "labels themselves")
    scores = [logme(DEGENERATE[kind], LABELS) for kind in better]
    assert scores == sorted(scores) and scores[-1] < -math.log(LEAST_NOISE) / 2


def test_constant_features_tell_nothing():
    normal = -(math.log(2 * math.pi * 0.5) + 1) / 2  # noise alone: half the entries of t are 1
    assert logme(DEGENERATE["zero"], LABELS) == pytest.approx(normal)
    assert h_score(DEGENERATE["constant"], LABELS) == h_score(DEGENERATE["constant, wide"], LABELS) == 0


def test_a_class_without_rows_does_not_count():
    f, y = sample()
    p = f.softmax(1)
    for score, first in [(logme, f), (h_score, f), (leep, p), (nce, p.argmax(1))]:
        assert score(first, y + 4 * (y == 2)) == pytest.approx(score(first, y), rel=1e-12)


F, Y, P = *sample(6, 3), torch.full((6, 3), 1 / 3)


@pytest.mark.parametrize("score", [logme, h_score, leep])
@pytest.mark.parametrize(
    ("f", "y", "words"),
    [
        (P[0], Y, ["(n, d)", "(3,)"]),
        (P[..., None], Y, ["(n, d)", "(6, 3, 1)"]),
        (P[:, :0], Y, ["(n, d)", "(6, 0)"]),
        (P.long(), Y, ["float tensor", "torch.int64"]),
        (P * float("nan"), Y, ["6 of 6 rows", "NaN or infinite"]),
        (torch.cat([P[:5], P[:1] / 0]), Y, ["1 of 6 rows", "NaN or infinite"]),
        (P, Y[:5], ["6 rows but 5 labels"]),
        (P, Y.float(), ["labels", "int64", "torch.float32"]),
        (P, Y[:, None], ["labels", "(n,)", "(6, 1)"]),
        (P, Y - 1, ["labels hold -1", "unlabelled"]),
        (P, 0 * Y, ["2 classes", "got 6 and 1"]),
        (P[:1], Y[:1], ["at least 2 rows", "got 1 and 1"]),
        (P[:0], Y[:0], ["at least 2 rows", "got 0 and 0"]),
    ],
)
def test_bad_input_is_refused_with_value_and_expectation(score, f, y, words):
    with pytest.raises(ValueError) as caught:
        score(f, y)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (2 * P, "row 0 .* sums to 2: apply softmax"),
        (torch.cat([P[:5], torch.tensor([[1.5, -0.5, 0.0]])]), "row 5 goes from -0.5 to 1.5"),
        (torch.zeros(6, 3), "sums to 0"),
    ],
)
def test_leep_refuses_rows_that_are_no_probabilities(p, words):
    with pytest.raises(ValueError, match=words):
        leep(p, Y)


@pytest.mark.parametrize(
    ("z", "words"),
    [
        (P, "source classes must be an int64 tensor .* torch.float32"),
        (Y - 1, "source classes hold -1"),
        (Y[:4], "4 rows but 6 labels"),
    ],
)
def test_nce_refuses_source_classes_that_do_not_fit(z, words):
    with pytest.raises(ValueError, match=words):
        nce(z, Y)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: logme(None, Y), "logme: f must be a tensor"),
        (lambda: h_score(P, Y.numpy()), "h_score: y must be a tensor"),
        (lambda: leep(P.tolist(), Y), "leep: p must be a tensor"),
        (lambda: nce(3, Y), "nce: z must be a tensor"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_nce_needs_no_row_of_the_last_source_class_with_the_last_label():
    assert nce(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 0])) == 0
    z, y = torch.tensor([0, 0, 2, 2]), torch.tensor([2, 0, 1, 1])
    assert nce(z, y) == pytest.approx(-math.log(2) / 2), "one source class of two leaves a coin to toss"


def test_leep_forgives_sums_that_are_off_by_rounding_and_no_more():
    p, y = probabilities()
    assert leep(p * torch.linspace(0.9991, 1.0009, len(p))[:, None], y) == pytest.approx(leep(p, y), rel=1e-6)
    for factor in (0.998, 1.002):
        scaled = p.clone()
        scaled[7] *= factor
        words = f"row 7 goes from {scaled[7].min():.3g} to {scaled[7].max():.3g} and sums to {factor}"
        with pytest.raises(ValueError, match=re.escape(words)):
            leep(scaled, y)


def test_rows_with_several_values_that_are_not_finite_count_once():
    f, y = sample()
    f[3, 1] = f[3, 4] = f[8, 0] = math.nan
    for score in (logme, h_score, leep):
        with pytest.raises(ValueError, match="^2 of 60 rows"):
            score(f, y)


def test_two_rows_of_two_classes_are_enough():
    y = torch.tensor([0, 1])
    p = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    assert nce(y, y) == 0 and leep(p, y) == pytest.approx(math.log(0.625))  # ¾·¾ + ¼·¼ for either row
    assert math.isfinite(logme(p, y)) and 0 <= h_score(p, y) <= 1


@pytest.mark.parametrize("size", [1e150, 1e-150])
def test_squares_of_any_features_fit(size):
    f, y = (x.double() if x.is_floating_point() else x for x in sample())
    assert logme(size * f, y) == pytest.approx(logme(f, y)) and h_score(size * f, y) == pytest.approx(h_score(f, y))


def test_strong_features_that_say_nothing_leave_the_noise_alone():
    """Rows of ±1, 4,096 wide: one direction, far above rounding, across both the labels and the constant."""
    signs = 1 - 2.0 * (torch.arange(40) // 2 % 2)
    f = signs[:, None] * (0.5 + torch.rand(4096, generator=torch.Generator().manual_seed(0)))
    noise = -(math.log(2 * math.pi * 0.5) + 1) / 2
    assert logme(f, LABELS) == pytest.approx(noise, rel=1e-6)


def test_a_direction_a_million_times_weaker_than_the_strongest_is_still_found():
    signs = 1 - 2.0 * (torch.arange(40) // 2 % 2)
    f = torch.stack([signs, 1e-6 * LABELS], 1).double()
    values = np.array([40, 20e-12])  # the columns are at right angles
    grown = np.exp(np.linspace(-40, 80, 200_001))[:, None] * values
    best = []
    for along, outside in ((20.0, 0.0), (0.0, 20.0)):  # the second class is the weak column, the first across both
        misfit = along / (1 + grown[:, 1]) + outside
        noise = np.maximum(misfit / 40, LEAST_NOISE)
        best.append(-(np.log(2 * math.pi * noise) + misfit / (40 * noise) + np.log1p(grown).sum(1) / 40).min() / 2)
    assert logme(f, LABELS) == pytest.approx(np.mean(best), rel=1e-6)


@pytest.mark.parametrize("n", [37, 41, 999])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e6 / 7])
def test_constant_features_have_no_h_score_whatever_their_mean_rounds_to(n, value):
    assert h_score(torch.full((n, 3), value, dtype=torch.float64), torch.arange(n) % 2) == 0


def test_leep_counts_source_classes_of_little_mass_and_names_the_row_that_is_off():
    p, y = probabilities()
    light = torch.cat([0.99 * p, 0.01 * torch.eye(3)[y]], 1)
    assert light[:, 6:].sum(0).max() < 1
    assert leep(light, y) == pytest.approx(leep_by_hand(light, y), rel=1e-6) != pytest.approx(leep(p, y), rel=1e-3)
    off = torch.eye(3)[y]
    off[3] *= 1.5
    with pytest.raises(ValueError, match="row 3 goes from 0 to 1.5 and sums to 1.5"):
        leep(off, y)
