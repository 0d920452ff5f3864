"""A domain is a sample: inputs, perhaps labels, and the names of the classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

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

    def subset(self, index: Tensor) -> Domain:
        """Return the rows at `index` (m,), integer positions or a boolean mask."""
        index = torch.as_tensor(index)
        if index.dtype == torch.bool:
            if index.shape != (len(self),):
                raise ValueError(f"{self.name}: a mask needs shape ({len(self)},), got {tuple(index.shape)}")
            index = index.nonzero().squeeze(1)
        return replace(self, x=rows_at(self.x, index), y=None if self.y is None else self.y[index])

    def map(self, function: Callable[[Tensor], Tensor]) -> Domain:
        """Return the same labels with `function(x)` for inputs: features in place of images, say."""
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

    def split(self, fraction: float = 0.5, seed: int = 0) -> tuple[Domain, Domain]:
        """Split into two parts, the first with `fraction` of every class (of all rows where there are none).

        Raises ValueError when a part would be empty.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
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

    def few(self, per_class: int, seed: int = 0) -> Domain:
        """Draw `per_class` labelled examples of every class; in a regression, that many in all.

        Raises ValueError when the domain has no labels or a class has fewer examples.
        """
        return self.subset(self._draw(per_class, seed))

    def partly_labelled(self, per_class: int, seed: int = 0) -> Domain:
        """Keep all inputs but only the labels that `few` would draw; the rest become −1, or NaN in a regression."""
        if per_class == 0:
            return self.unlabelled()
        kept = self._draw(per_class, seed)
        y = torch.full_like(self.y, torch.nan if self.has_values else UNLABELLED)
        y[kept] = self.y[kept]
        return replace(self, y=y)

    def _draw(self, per_class: int, seed: int) -> Tensor:
        if self.y is None:
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


def together(parts: Sequence[Any]) -> Any:
    """Return the rows of all parts, one after the other: tensors or lists of strings."""
    return torch.cat(list(parts)) if isinstance(parts[0], Tensor) else [text for part in parts for text in part]


def _check_inputs(x: Rows, name: str) -> None:
    if isinstance(x, Tensor):
        if x.ndim < 2:
            raise ValueError(f"{name}: x must have a row per example, shape (n, …), got {tuple(x.shape)}")
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
    if y.isinf().any():
        raise ValueError(f"{name}: y has infinite values, first in row {y.isinf().any(1).nonzero()[0].item()}")
