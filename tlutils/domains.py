"""A domain is a sample: inputs, perhaps labels, and the names of the classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlutils.inputs import check_dense, checked

UNLABELLED = -1  # scikit-learn's mark for "label not known" in semi-supervised data
Rows = Tensor | Sequence[str]


@dataclass(frozen=True, eq=False, repr=False)
class Domain:
    """A sample from one domain: inputs `x` (n, …), labels `y` (n,) or None, class names, a name.

    `x` is a float tensor with one row per example, or a list of strings. `y` holds class numbers
    0 … k−1; −1 marks a row whose label is not known. In a regression `y` is float (n, k): values of
    the k quantities that `classes` names, NaN where a row's are not known.

    Raises ValueError or TypeError when the parts do not fit together. Source: Pan & Yang (2010),
    definition 1. Taught in notebook 02.
    """

    x: Any  # Rows; said so, every reader of pictures would have to rule out texts for the type checker
    y: Tensor | None
    classes: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        _check_names(self.name, self.classes)
        object.__setattr__(self, "classes", tuple(self.classes))
        _check_inputs(self.x, self.name)
        if self.y is not None:
            check = _check_values if self.has_values else _check_labels
            check(self.y, len(self.x), self.classes, self.name)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        kind = f"values of {', '.join(self.classes)}" if self.has_values else f"{len(self.classes)} classes"
        labels = "no labels" if self.y is None else kind
        shape = f"shape {tuple(self.x.shape[1:])}" if isinstance(self.x, Tensor) else "texts"
        return f"Domain({self.name!r}: {len(self):,} examples, {shape}, {labels})"

    @property
    def has_values(self) -> bool:
        """Whether `y` holds real values, as in a regression, in place of class numbers."""
        return isinstance(self.y, Tensor) and self.y.is_floating_point() and self.y.ndim == 2

    @property
    def known(self) -> Tensor:
        """A mask (n,) of the rows whose label is known."""
        if self.y is None:
            return torch.zeros(len(self), dtype=torch.bool)
        return ~self.y.isnan().any(1) if self.has_values else self.y != UNLABELLED

    @checked
    def subset(self, index: Tensor | np.ndarray | Sequence[int] | Sequence[bool]) -> Domain:
        """Return the rows at `index` (m,), integer positions or a boolean mask.

        Raises ValueError for a mask of another shape, positions that no row has, and no row at all.
        """
        index = _positions(index, len(self), self.name)
        return replace(self, x=rows_at(self.x, index), y=None if self.y is None else self.y[index])

    @checked
    def map(self, function: Callable[[Tensor], Tensor]) -> Domain:
        """Return the same labels with `function(x)` for inputs: features in place of images, say.

        Raises ValueError and TypeError as `Domain` does when these are no inputs, or too few or too many.
        """
        return replace(self, x=function(self.x))

    def unlabelled(self) -> Domain:
        """Return the same inputs without labels: what an unsupervised method may see."""
        return replace(self, y=None)

    def labelled_part(self) -> Domain:
        """Return the rows whose label is known. Raises ValueError when there is none."""
        known = self.known
        if not known.any():
            raise ValueError(f"{self.name} has no labels")
        return self if known.all() else self.subset(known)

    @checked
    def split(self, fraction: float = 0.5, seed: int = 0) -> tuple[Domain, Domain]:
        """Split into two parts, the first with `fraction` of every class (of all rows where there are none).

        Raises ValueError when a part would be empty.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
        fraction = float(fraction)
        generator = torch.Generator().manual_seed(seed)
        strata = torch.zeros(len(self)) if self.y is None or self.has_values else self.y
        first = torch.zeros(len(self), dtype=torch.bool)
        for value in strata.unique():
            rows = (strata == value).nonzero().squeeze(1)
            order = rows[torch.randperm(len(rows), generator=generator)]
            first[order[: round(fraction * len(rows))]] = True
        if first.all() or not first.any():
            raise ValueError(f"{self.name}: {len(self)} rows cannot be split at {fraction}; one part is empty")
        return self.subset(first), self.subset(~first)

    @checked
    def few(self, per_class: int, seed: int = 0) -> Domain:
        """Draw `per_class` labelled examples of every class; in a regression, that many in all.

        Raises ValueError when the domain has no labels or a class has fewer examples.
        """
        return self.subset(self._draw(per_class, seed))

    @checked
    def partly_labelled(self, per_class: int, seed: int = 0) -> Domain:
        """Keep all inputs but only the labels that `few` would draw; the rest become −1, or NaN in a regression.

        Raises ValueError as `few` does.
        """
        if per_class == 0:
            return self.unlabelled()
        kept = self._draw(per_class, seed)
        y = torch.full_like(self.y, torch.nan if self.has_values else UNLABELLED)
        y[kept] = self.y[kept]
        return replace(self, y=y)

    def _draw(self, per_class: int, seed: int) -> Tensor:
        if not self.known.any():
            raise ValueError(f"{self.name} has no labels to draw from")
        if per_class < 1:
            raise ValueError(f"per_class must be at least 1, got {per_class}")
        generator = torch.Generator().manual_seed(seed)
        if self.has_values:
            groups = {"values": self.known}
        else:
            groups = {f"class {label!r}": self.y == number for number, label in enumerate(self.classes)}
        drawn = []
        for group, members in groups.items():
            rows = members.nonzero().squeeze(1)
            if len(rows) < per_class:
                raise ValueError(
                    f"{self.name}: {group} has {len(rows)} examples, "
                    f"fewer than per_class={per_class}; ask for at most {len(rows)}"
                )
            drawn.append(rows[torch.randperm(len(rows), generator=generator)[:per_class]])
        return torch.cat(drawn)


def rows_at(x: Rows, index: Tensor) -> Any:
    """Return the rows of x, a tensor or a list of strings, at integer positions (m,)."""
    return x[index] if isinstance(x, Tensor) else [x[i] for i in index.tolist()]


@checked
def together(parts: Sequence[Tensor] | Sequence[Sequence[str]]) -> Any:
    """Return the rows of all parts, one after the other: tensors or lists of strings.

    Raises ValueError for no parts, and for tensors whose rows differ in shape.
    """
    every: list[Any] = list(parts)
    if not every:
        raise ValueError("there must be at least one part to put together, got none")
    if not isinstance(every[0], Tensor):
        return [text for part in every for text in part]
    if min(part.ndim for part in every) < 1 or len({part.shape[1:] for part in every}) > 1:
        raise ValueError(f"the parts must have rows of one shape, got {', '.join(str(tuple(p.shape)) for p in every)}")
    return torch.cat(every)


def _positions(index: Any, n: int, name: str) -> Tensor:
    """Return the positions (m,) of rows that are given as positions, the last ones as −1, −2, …, or as a mask (n,)."""
    if not isinstance(index, Tensor):
        index = np.asarray(index)
        index = torch.as_tensor(np.ascontiguousarray(index)) if index.dtype.kind in "iub" or not index.size else index
    if not isinstance(index, Tensor) or (index.is_floating_point() and index.numel()):
        raise TypeError(f"{name}: rows are named by whole numbers or by a mask of True and False, got {index.dtype}")
    if index.dtype == torch.bool:
        if index.shape != (n,):
            raise ValueError(f"{name}: a mask needs shape ({n},), got {tuple(index.shape)}")
        return index.nonzero().squeeze(1)
    index = index.long()
    if index.ndim != 1 or ((index < -n) | (index >= n)).any():
        raise ValueError(f"{name}: positions of rows must be (m,), each within 0 … {n - 1}, got {index.tolist()!r:.60}")
    return index


def _check_names(name: object, classes: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a domain must be a text, got {name!r:.60}")
    listed = isinstance(classes, Sequence) and not isinstance(classes, (str, bytes))
    if not listed or not all(isinstance(each, str) for each in classes):
        raise TypeError(f"{name}: classes must be a list of texts, the classes' names, got {classes!r:.60}")


def _check_inputs(x: Rows, name: str) -> None:
    if isinstance(x, Tensor):
        check_dense(x, f"{name}: x")
        if x.ndim < 2:
            raise ValueError(f"{name}: x must have a row per example, shape (n, …), got {tuple(x.shape)}")
        if 0 in x.shape[1:]:
            raise ValueError(f"{name}: x has rows without a single value, shape {tuple(x.shape)}")
        if not x.is_floating_point():
            raise TypeError(f"{name}: x must be a float tensor, got {x.dtype}; convert with x.float()")
        if not torch.isfinite(x).all():
            bad = (~torch.isfinite(x.flatten(1)).all(1)).nonzero().squeeze(1)
            raise ValueError(f"{name}: x has NaN or infinite values in {len(bad)} rows, first row {bad[0]}")
    elif isinstance(x, str) or not isinstance(x, Sequence) or not all(isinstance(text, str) for text in x):
        raise TypeError(f"{name}: x must be a float tensor or a list of strings, got {type(x).__name__}")
    if len(x) == 0:
        raise ValueError(f"{name}: a domain needs at least one example, got none")


def _check_labels(y: Tensor, n: int, classes: tuple[str, ...], name: str) -> None:
    if not isinstance(y, Tensor) or y.dtype != torch.int64:
        kind = getattr(y, "dtype", type(y).__name__)
        raise TypeError(f"{name}: y must be an int64 tensor of class numbers (n,), or float values (n, k), got {kind}")
    if y.shape != (n,):
        raise ValueError(f"{name}: y must have shape ({n},) to match x, got {tuple(y.shape)}")
    check_dense(y, f"{name}: y")
    wrong = y[(y < UNLABELLED) | (y >= len(classes))]
    if len(wrong):
        raise ValueError(
            f"{name}: label {wrong[0].item()} is outside 0 … {len(classes) - 1} "
            f"({len(classes)} classes; {UNLABELLED} marks a row without label)"
        )


def _check_values(y: Tensor, n: int, names: tuple[str, ...], name: str) -> None:
    if y.shape != (n, len(names)):
        raise ValueError(
            f"{name}: values need shape ({n}, {len(names)}), a row per example and a column for each of "
            f"{names}, got {tuple(y.shape)}"
        )
    check_dense(y, f"{name}: y")
    if y.isinf().any():
        raise ValueError(f"{name}: y has infinite values, first in row {y.isinf().any(1).nonzero()[0].item()}")
