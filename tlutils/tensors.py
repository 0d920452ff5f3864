"""What functions ask of their tensors and counts: one check for each, one error."""

from __future__ import annotations

import math
from itertools import chain

import torch
from torch import Tensor, nn

MOST = 10**6  # steps, resamples, rows in a batch


def check_floats(x: Tensor, what: str, shape: str, *, rows: int = 1) -> None:
    """Raise ValueError unless x is a float tensor of a shape, "(n, d)" or "(n, …)" say, and all its values are finite.

    It has at least so many `rows`, and no side is 0.
    """
    sides = shape.count(",") + (not shape.endswith(",)"))
    fits = x.ndim >= sides if "…" in shape else x.ndim == sides
    if not fits or not x.is_floating_point() or 0 in x.shape[1:]:
        fix = "; use x.flatten(1)" if x.ndim > sides == 2 else ""
        raise ValueError(f"{what} must be a float tensor {shape}, got {found(x)}{fix}")
    if len(x) < rows:
        raise ValueError(f"{what} must have at least {rows} {'rows' if rows > 1 else 'row'}, got {len(x)}")
    # The sum is the quick test; it may also overflow, so that only the values can accuse.
    if not math.isfinite(x.detach().sum().item()) and not torch.isfinite(x).all():
        raise ValueError(f"{what} has NaN or infinite values: find the rows they come from and remove them")


def check_class_numbers(y: Tensor, what: str, *, rows: int | None = None, classes: int | None = None) -> None:
    """Raise ValueError unless y (n,) holds whole numbers 0 … k−1, at least one: so many `rows`, of k `classes`."""
    if y.ndim != 1 or y.is_floating_point() or len(y) == 0 or (rows is not None and len(y) != rows):
        raise ValueError(f"{what} must be class numbers ({'n' if rows is None else rows},), got {found(y)}")
    low, high = y.min().item(), y.max().item()
    if low < 0 or (classes is not None and high >= classes):
        last = "k − 1" if classes is None else classes - 1
        raise ValueError(f"{what} must lie within 0 … {last}, got {low if low < 0 else high}")


def check_count(what: str, count: int, *, least: int = 1, most: int = MOST) -> None:
    """Raise ValueError for fewer than the least that makes sense, or more than anybody would wait for."""
    if not least <= count <= most:
        raise ValueError(f"{what} must lie within {least} … {most:,}, got {count}")


def finite(x: Tensor, trouble: str) -> Tensor:
    """Return x, a result. Raises ValueError, which tells the trouble, when it is not finite."""
    if not torch.isfinite(x).all():
        raise ValueError(f"{trouble}: the result would be NaN or infinite")
    return x


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's weights, the CPU where it has none."""
    return next((weights.device for weights in chain(model.parameters(), model.buffers())), torch.device("cpu"))


def found(x: object) -> str:
    """Describe inputs in a few words."""
    return f"{tuple(x.shape)} of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
