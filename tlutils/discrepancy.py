"""Distances D between two domains, computed from samples of features."""

from __future__ import annotations

import torch
from torch import Tensor

KERNEL_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd(a: Tensor, b: Tensor, *, bandwidth: float | None = None) -> Tensor:
    """Return the unbiased estimate of the squared maximum mean discrepancy of a (n, d) and b (m, d).

    The kernel is a sum of Gaussians exp(−‖x−y‖² / (c·bandwidth)), c = ¼, ½, 1, 2, 4. `bandwidth` is
    by default the mean squared distance between two rows of the pooled batch, without gradient.
    Around 0 for equal distributions, so slightly negative values are normal; at most 10.

    Raises ValueError for shapes that do not fit, fewer than two rows, or values that are not finite.
    Source: Gretton et al. (2012), equation 3; Long et al. (2015). Taught in notebooks 04 and 08.
    """
    a, b = _pair(a, b)
    n, m = len(a), len(b)
    pooled = torch.cat([a, b])
    distances = squared_distances(pooled)
    if bandwidth is None:
        bandwidth = distances.detach().sum() / ((n + m) * (n + m - 1))
        bandwidth = torch.where(bandwidth > 0, bandwidth, torch.ones_like(bandwidth))
    elif not bandwidth > 0:
        raise ValueError(f"bandwidth must be positive, got {bandwidth}")
    kernel = sum(torch.exp(distances / (-c * bandwidth)) for c in KERNEL_WIDTHS)
    within_a = (kernel[:n, :n].sum() - kernel[:n, :n].trace()) / (n * (n - 1))
    within_b = (kernel[n:, n:].sum() - kernel[n:, n:].trace()) / (m * (m - 1))
    return within_a + within_b - 2 * kernel[:n, n:].mean()


def coral(a: Tensor, b: Tensor) -> Tensor:
    """Return ‖C_a − C_b‖²_F / 4d², the distance of the covariances of a (n, d) and b (m, d).

    Raises ValueError for shapes that do not fit, fewer than two rows, or values that are not finite.
    Source: Sun & Saenko (2016), equation 1. Taught in notebooks 04 and 08.
    """
    a, b = _pair(a, b)
    return (covariance(a) - covariance(b)).square().sum() / (4 * a.shape[1] ** 2)


def squared_distances(x: Tensor) -> Tensor:
    """Return all squared Euclidean distances (n, n) between the rows of x (n, d).

    From one matrix product, after centring: without it, an offset common to all rows would cost
    float32 its digits.
    """
    x = x - x.mean(0)
    squares = x.square().sum(1)
    return (squares[:, None] + squares - 2 * x @ x.T).clamp_min(0)


def covariance(x: Tensor) -> Tensor:
    """Return the sample covariance (d, d) of x (n, d), divided by n − 1."""
    x = x - x.mean(0)
    return x.T @ x / (len(x) - 1)


def _pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    for name, x in (("first", a), ("second", b)):
        if not isinstance(x, Tensor) or x.ndim != 2 or not x.is_floating_point():
            found = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"the {name} sample must be a float tensor of features (n, d), got {found}")
        if len(x) < 2:
            raise ValueError(f"the {name} sample has {len(x)} rows; a distance between samples needs at least 2")
        if not torch.isfinite(x).all():
            raise ValueError(f"the {name} sample has NaN or infinite features")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"feature widths differ: {a.shape[1]} and {b.shape[1]}; use one encoder for both")
    return a, b
