"""Distances D between two domains, computed from samples of features."""

from __future__ import annotations

import torch
from torch import Tensor

from tlutils.inputs import checked

KERNEL_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # each twice the one before: a kernel is the square of the next
LEAST_BANDWIDTH = 1e-30  # below, slopes overflow float32; rows as near as that count as equal
BLOCK = 2**16  # kernel values held at a time, 256 KiB of float32: they stay in the processor's own cache,
ROWS = 128  # but never fewer rows than this, below which a matrix product loses its speed


@checked
def mmd(a: Tensor, b: Tensor, *, bandwidth: float | None = None) -> Tensor:
    """Return the unbiased estimate of the squared maximum mean discrepancy of a (n, d) and b (m, d).

    The kernel is a sum of Gaussians exp(−‖x−y‖² / (c·bandwidth)), c = ¼, ½, 1, 2, 4. `bandwidth` is
    by default the mean squared distance between two rows of the pooled batch, without gradient.
    Around 0 for equal distributions, so slightly negative values are normal; at most 10. Time is
    that of a matrix product, memory grows with n + m only.

    Raises ValueError for shapes that do not fit, fewer than two rows, or values that are not finite.
    Source: Gretton et al. (2012), equation 3; Long et al. (2015). Taught in notebooks 04 and 08.
    """
    a, b = checked_pair(a, b)
    if bandwidth is not None and bandwidth < LEAST_BANDWIDTH:
        raise ValueError(f"bandwidth must be at least {LEAST_BANDWIDTH:g}, got {bandwidth}")
    with torch.autocast(a.device.type, enabled=False):  # half the digits are too few for differences of squares
        return _MMD.apply(a, b, bandwidth)


class _MMD(torch.autograd.Function):
    """The estimate with its gradient written out, so that no kernel matrix waits for the backward pass.

    With D_ij = ‖x_i − x_j‖² and the estimate Σ w_ij k(D_ij) over pairs, the gradient of row i is
    2 Σ_j w_ij k′(D_ij) (x_i − x_j): a matrix product, like D itself.
    """

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor, bandwidth: float | None) -> Tensor:
        n, m = len(a), len(b)
        x = _centred(torch.cat([a, b]))
        squares = x.square().sum(1)
        if bandwidth is None:
            bandwidth = 2 * squares.sum().item() / (n + m - 1)  # the mean over all pairs
            bandwidth = bandwidth if bandwidth >= LEAST_BANDWIDTH else 1.0
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        gradient = torch.zeros_like(x) if wanted else None
        value = x.new_zeros(())
        step = max(ROWS, BLOCK // (n + m))
        for start in range(0, n + m, step):
            value += _add_rows(x, squares, slice(start, min(start + step, n + m)), n, bandwidth, gradient)
        if wanted:
            ctx.save_for_backward(*gradient.split([n, m]))
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, outer: Tensor) -> tuple[Tensor, Tensor, None]:
        for_a, for_b = ctx.saved_tensors
        return outer * for_a, outer * for_b, None


def _add_rows(
    x: Tensor, squares: Tensor, i: slice, n: int, bandwidth: float, gradient: Tensor | None
) -> Tensor:
    """Return Σ w_ij k(D_ij) over the rows i and all j behind them, and add its gradient to `gradient`."""
    j = slice(i.start, len(x))
    kernel = torch.addmm(squares[j], x[i], x[j].T, alpha=-2).add_(squares[i, None])
    kernel.clamp_(min=0).mul_(-1 / (KERNEL_WIDTHS[-1] * bandwidth)).exp_()  # the widest Gaussian
    kernel.diagonal().zero_()
    total, slope = torch.zeros_like(kernel), None if gradient is None else torch.zeros_like(kernel)
    for c in reversed(KERNEL_WIDTHS):
        if c < KERNEL_WIDTHS[-1]:
            kernel.square_()
        total += kernel
        if slope is not None:
            slope.add_(kernel, alpha=-2 / (c * bandwidth))
    rows = len(kernel)
    _weigh(total, i, n, len(x) - n)
    if slope is not None:
        _weigh(slope, i, n, len(x) - n)
        gradient[i].addcmul_(slope.sum(1, keepdim=True), x[i]).addmm_(slope, x[j], alpha=-1)
        behind, slope = slice(i.stop, len(x)), slope[:, rows:].T
        gradient[behind].addcmul_(slope.sum(1, keepdim=True), x[behind]).addmm_(slope, x[i], alpha=-1)
    return total.sum() - total[:, :rows].sum() / 2  # pairs within i stand there in both orders


def _weigh(table: Tensor, i: slice, n: int, m: int) -> None:
    """Multiply the rows i of a table over pairs, from the diagonal on, by w_ij in place."""
    of_a = max(n - i.start, 0)  # rows and columns of the first sample
    table[:of_a, :of_a] *= 2 / (n * (n - 1))
    table[:of_a, of_a:] *= -2 / (n * m)
    table[of_a:, :of_a] *= -2 / (n * m)
    table[of_a:, of_a:] *= 2 / (m * (m - 1))


def _centred(x: Tensor) -> Tensor:
    """Return x (n, d) minus its mean: an offset common to all rows would cost a matrix product its digits."""
    x = x - x[0]  # first exactly, so that equal rows become zeros and not the rounding of their mean
    return x - x.mean(0)


@checked
def coral(a: Tensor, b: Tensor) -> Tensor:
    """Return ‖C_a − C_b‖²_F / 4d², the distance of the covariances of a (n, d) and b (m, d).

    Raises ValueError for shapes that do not fit, fewer than two rows, or values that are not finite.
    Source: Sun & Saenko (2016), equation 1. Taught in notebooks 04 and 08.
    """
    a, b = checked_pair(a, b)
    return (_covariance(a) - _covariance(b)).square().sum() / (4 * a.shape[1] ** 2)


@checked
def sliced_wasserstein(a: Tensor, b: Tensor, *, projections: int = 128) -> Tensor:
    """Return the squared sliced Wasserstein-2 distance of a (n, d) and b (m, d), from random directions.

    On a line, optimal transport matches quantile with quantile; the mean over `projections`
    directions, drawn from torch's generator, estimates the mean over all.

    Raises ValueError for shapes that do not fit, fewer than two rows, values that are not finite or
    no projection. Source: Bonneel et al. (2015), doi:10.1007/s10851-014-0506-3. Taught in notebook 08.
    """
    a, b = checked_pair(a, b)
    if projections < 1:
        raise ValueError(f"projections must be at least 1, got {projections}")
    directions = torch.randn(a.shape[1], projections, dtype=a.dtype, device=a.device)
    directions = directions / directions.norm(dim=0)
    n, m = len(a), len(b)
    # Both samples' quantile functions are steps; between two neighbouring levels neither moves.
    levels = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique().to(a.device)
    widths = levels.diff(prepend=levels.new_zeros(1)).to(a.dtype) / (n * m)
    a, b = ((x @ directions).sort(0).values for x in (a, b))
    gaps = a[(levels - 1) // m] - b[(levels - 1) // n]
    return (widths @ gaps.square()).mean()


@checked
def proxy_a_distance(a: Tensor, b: Tensor) -> float:
    """Return 2 (1 − 2ε), between 0 and 2, from the error ε of telling a (n, d) from b (m, d).

    ε is the cross-validated error of a logistic regression on standardised features, both samples
    weighing the same; a classifier worse than guessing counts as guessing. A score, not a loss.

    Raises ValueError for shapes that do not fit, fewer than two rows, or values that are not finite.
    Source: Ben-David et al. (2007); Ganin et al. (2016), section 5.1. Taught in notebook 08.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    a, b = (x.detach().cpu() for x in checked_pair(a, b))
    features = torch.cat([a, b]).double().numpy()
    is_b = torch.arange(len(features)).numpy() >= len(a)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    folds = StratifiedKFold(min(5, len(a), len(b)), shuffle=True, random_state=0)
    with threadpool_limits(1):
        wrong = cross_val_predict(model, features, is_b, cv=folds) != is_b
    error = (wrong[is_b].mean() + wrong[~is_b].mean()) / 2
    return float(max(0.0, 2 * (1 - 2 * error)))


@checked
def covariance(x: Tensor) -> Tensor:
    """Return the sample covariance (d, d) of x (n, d), divided by n − 1. Raises ValueError as `coral` does."""
    return _covariance(checked_pair(x, x)[0])


def _covariance(x: Tensor) -> Tensor:
    x = x - x.mean(0)
    return x.T @ x / (len(x) - 1)


@checked
def checked_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both samples (n, d) and (m, d), checked, in float32 at least.

    Raises ValueError for shapes that do not fit, fewer than two rows, or values that are not finite or
    so large that their fourth power, summed, is not.
    """
    for name, x in (("first", a), ("second", b)):
        if x.ndim != 2 or not x.is_floating_point() or x.shape[1] == 0:
            found = f"{str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            raise ValueError(f"the {name} sample must be a float tensor of features (n, d), got {found}")
        if len(x) < 2:
            raise ValueError(f"the {name} sample has {len(x)} rows; a distance between samples needs at least 2")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"feature widths differ: {a.shape[1]} and {b.shape[1]}; use one encoder for both")
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), torch.float32)
    a, b = a.to(dtype), b.to(dtype)
    _check_size(a, "first")
    _check_size(b, "second")
    return a, b


def _check_size(x: Tensor, name: str) -> None:
    largest = torch.finfo(x.dtype).max ** 0.2  # 5e7 in float32: fourth powers, and many of them, still fit
    if torch.linalg.vector_norm(x).item() <= largest:  # the quick test; only single values can accuse
        return
    if not torch.isfinite(x).all():
        raise ValueError(f"the {name} sample has NaN or infinite features")
    if (found := x.abs().max().item()) > largest:
        raise ValueError(f"the {name} sample reaches {found:.1g}, above {largest:.1g}: scale the features first")
