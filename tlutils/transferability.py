"""Scores that rank pretrained models for a target task before any of them is fine-tuned."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from tlutils.domains import UNLABELLED
from tlutils.inputs import checked

LEAST_NOISE = 1e-10  # variance; a class that features reproduce exactly would have infinite evidence
STEP = math.log(10) / 4  # of the grid over log signal-to-noise ratios
ROUNDING = 9  # decimals within which two values of the evidence are one plateau, not two peaks


@checked
def logme(f: Tensor, y: Tensor) -> float:
    """Return the maximum log evidence per sample, in nats, averaged over the classes of y (n,) in features f (n, d).

    Each class is a vector t of zeros and ones, t = f w + noise with w ~ N(0, 1/α) and noise ~ N(0, 1/β);
    t is then N(0, I/β + f fᵀ/α). The evidence is its density at the best α and β, found exactly for
    n < d and n > d; 1/β is held at 1e-10 or more. Higher is better; compare models on the same rows only.
    Classes without a row do not count. Turning or scaling the features changes nothing, adding a
    constant does: there is no intercept.

    Raises ValueError for parts that do not fit, values that are not finite, unknown labels (−1), one
    class or fewer than two rows. Source: You et al. (2021), arXiv:2102.11005. Taught in notebook 17.
    """
    f, y = _checked(f, y)
    f, classes = _scaled(f), F.one_hot(y).to(f)
    n, (values, inside, outside) = len(f), _spectrum(f, classes)
    strongest, weakest = (values[0].item(), values[-1].item()) if len(values) else (1.0, 1.0)
    # Below, the features add nothing but rounding; above, the evidence can only fall.
    low, high = math.log(1e-10 / strongest), math.log(n / (LEAST_NOISE * weakest))
    grid = torch.arange(low, high + STEP, STEP, dtype=torch.float64)
    best = [
        _highest(partial(_evidence, n=n, values=values, inside=t, outside=rest), grid)
        for t, rest in zip(inside.T, outside, strict=True)
    ]
    return sum(best) / len(best)


def _evidence(log_ratio: Tensor, *, n: int, values: Tensor, inside: Tensor, outside: Tensor) -> Tensor:
    """Return the log evidence per sample (g,) of one class at log β/α (g,), with the best β for each."""
    grown = log_ratio.exp()[:, None] * values  # eigenvalues of f fᵀ β/α
    misfit = (1 / (1 + grown)) @ inside + outside
    noise = (misfit / n).clamp(min=LEAST_NOISE)
    return -((2 * math.pi * noise).log() + misfit / (n * noise) + grown.log1p().sum(1) / n) / 2


def _highest(function: Callable[[Tensor], Tensor], grid: Tensor) -> float:
    """Return the highest value of a function of one number: of several peaks on the grid, each is climbed."""
    from scipy.optimize import minimize_scalar

    values = function(grid)
    rounded = F.pad(values.round(decimals=ROUNDING), (1, 1), value=-math.inf)
    peaks = ((rounded[1:-1] > rounded[:-2]) & (rounded[1:-1] >= rounded[2:])).nonzero().squeeze(1).tolist()
    tops = [values.max().item()]
    for peak in peaks:
        bounds = grid[max(peak - 1, 0)].item(), grid[min(peak + 1, len(grid) - 1)].item()
        top = minimize_scalar(lambda x: -function(grid.new_tensor([x])).item(), bounds=bounds, options={"xatol": 1e-9})
        tops.append(-float(top.fun))
    return max(tops)


@checked
def h_score(f: Tensor, y: Tensor) -> float:
    """Return tr(Σ⁻¹ B), the variance between class means B against all variance Σ of f (n, d), shrunk; y (n,).

    With the Ledoit–Wolf intensity a: Σ = (1−a) cov(f) + a·v·I, v the mean variance of a feature, and
    B = (1−a) cov(E[f|y]). Between 0 and the number of classes less one; higher is better. 0 for
    constant features. Turning, scaling or shifting the features changes nothing.

    Raises ValueError as `logme` does. Source: Bao et al. (2019), arXiv:2212.10082; shrinkage:
    Ibrahim et al. (2021), arXiv:2110.06893. Taught in notebook 17.
    """
    f, y = _checked(f, y)
    f = _scaled(f)
    f = f - f[0]  # first exactly, so that a constant column becomes zeros and not the rounding of its mean
    f = f - f.mean(0)
    classes = F.one_hot(y).to(f)
    values, inside, _ = _spectrum(f, classes / classes.sum(0).sqrt())
    values = values / len(f)
    shrinkage = _ledoit_wolf(f, values)
    signal = (1 - shrinkage) * values
    total = signal + shrinkage * values.sum() / f.shape[1]
    return (inside.sum(1) * signal / total).sum().item()


def _ledoit_wolf(f: Tensor, values: Tensor) -> float:
    """Return the shrinkage intensity for the covariance of centred f (n, d) from its eigenvalues, without d × d.

    Source: Ledoit & Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.
    """
    squares = values.square().sum()
    spread = squares - values.sum().square() / f.shape[1]
    error = (f.square().sum(1).square().mean() - squares) / len(f)
    return (error / spread).clamp(0, 1).item() if spread > 0 else 0.0


@checked
def leep(p: Tensor, y: Tensor) -> float:
    """Return the log expected empirical prediction of labels y (n,) from source class probabilities p (n, s).

    The source model says how probable each of its s classes is for a target row; rows of p sum to 1.
    From these and the labels follows P(y|source class), and from both a probability for each row's
    label: its mean logarithm, between −H(y) and 0 nats, higher is better. Source classes without
    mass do not count. Names play no part: a source that always calls cats dogs scores as high. With
    few rows to a source class the score flatters.

    Raises ValueError as `logme` does, and for rows that are no probabilities.
    Source: Nguyen et al. (2020), arXiv:2002.12462. Taught in notebook 17.
    """
    p, y = _checked(p, y)
    off = (p.sum(1) - 1).abs()
    if p.min() < 0 or off.max() > 1e-3:
        row = int(p.amin(1).argmin() if p.min() < 0 else off.argmax())
        raise ValueError(
            f"p must hold probabilities, every row between 0 and 1 and summing to 1; row {row} goes from "
            f"{p[row].min():.3g} to {p[row].max():.3g} and sums to {p[row].sum():.4g}: apply softmax to logits"
        )
    p = (p / p.sum(1, keepdim=True))[:, p.sum(0) > 0]
    label_given_source = F.one_hot(y).to(p).T @ p / p.sum(0)
    return (label_given_source[y] * p).sum(1).log().mean().item()


@checked
def nce(z: Tensor, y: Tensor) -> float:
    """Return the negative conditional entropy −H(y|z) in nats of labels y (n,) given source classes z (n,).

    z is what the source model predicts for the target's rows, or what they are called in the source
    task. Between −H(y) and 0, higher is better: 0 when the source class settles the label. Equals
    `leep` of predictions that are sure.

    Raises ValueError as `logme` does. Source: Tran et al. (2019), arXiv:1908.08142.
    Taught in notebook 17.
    """
    z, y = _class_numbers(z, "source classes"), _checked_labels(y, len(z))
    classes = int(y.max()) + 1
    counts = torch.bincount(z * classes + y, minlength=(int(z.max()) + 1) * classes).reshape(-1, classes).double()
    return torch.xlogy(counts, counts / counts.sum(1, keepdim=True)).sum().item() / len(y)


def _spectrum(f: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return f fᵀ as seen from the columns of t (n, k): all that the scores need, without n × n or d × d beyond need.

    Its eigenvalues (r,) above rounding, falling; the squared part of each column along each
    eigenvector (r, k); and the squared part that lies outside of all (k,).
    """
    (n, d), k = f.shape, t.shape[1]
    if n > d + k:  # a turn of the rows common to f and t, after which all but d + k of them are zero
        f, t = torch.linalg.qr(torch.cat([f, t], 1), mode="r").R.split([d, k], 1)
    elif n < d:  # another f with the same f fᵀ
        f = torch.linalg.qr(f.T, mode="r").R.T
    u, s, _ = torch.linalg.svd(f, full_matrices=False)
    kept = s > max(n, d) * torch.finfo(s.dtype).eps * s[0]
    u, s = u[:, kept], s[kept]
    along = u.T @ t
    return s.square(), along.square(), (t - u @ along).square().sum(0)


def _scaled(f: Tensor) -> Tensor:
    """Return f times a power of two, the largest value below 1: the scores stay, and no square overflows."""
    return torch.ldexp(f, -torch.frexp(f.abs().max()).exponent)


def _checked(f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return features, or probabilities, in float64 and class numbers 0 … k−1 without gaps, both on the CPU."""
    if f.ndim != 2 or not f.is_floating_point() or f.shape[1] == 0:
        raise ValueError(f"need a float tensor with a row per example, (n, d), got {f.dtype} {tuple(f.shape)}")
    y = _checked_labels(y, len(f))
    f = f.detach().cpu().double()
    bad = (~torch.isfinite(f)).any(1).sum().item()
    if bad:
        raise ValueError(f"{bad} of {len(f)} rows have NaN or infinite values: leave them out, with their labels")
    return f, y


def _checked_labels(y: Tensor, rows: int) -> Tensor:
    """Return class numbers 0 … k−1 without gaps for labels that fit so many rows and hold at least two classes."""
    y = _class_numbers(y, "labels")
    if len(y) != rows:
        raise ValueError(f"{rows} rows but {len(y)} labels")
    if rows < 2 or y.max() < 1:
        raise ValueError(f"a score needs at least 2 rows and 2 classes, got {rows} and {len(y.unique())}")
    return y


def _class_numbers(y: Tensor, what: str) -> Tensor:
    """Return integers (n,) from 0 on as the same groups, numbered without gaps."""
    if y.dtype != torch.int64 or y.ndim != 1:
        raise ValueError(f"{what} must be an int64 tensor of class numbers (n,), got {y.dtype} {tuple(y.shape)}")
    if (y < 0).any():
        raise ValueError(
            f"{what} hold {y.min().item()}; class numbers start at 0 and {UNLABELLED} marks unlabelled rows: "
            "leave those out"
        )
    return y.detach().cpu().unique(return_inverse=True)[1]
