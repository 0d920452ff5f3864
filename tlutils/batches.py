"""Shuffled batches of a domain, whose place in the data can be kept and found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tlutils.domains import Domain, Rows, rows_at, together
from tlutils.inputs import checked


@dataclass(frozen=True)
class Drawn:
    """Rows that were drawn and not yet read: `drawn[a:b]` reads them, so that a process can leave the others' alone.

    `parts` are inputs of a domain each, and the positions (m,) drawn from it; `device` is where tensors are moved to,
    None to leave them where they are. Taught in notebook 19.
    """

    parts: tuple[tuple[Rows, Tensor], ...]
    device: torch.device | None = None

    def __len__(self) -> int:
        return sum(len(index) for _, index in self.parts)

    def __getitem__(self, wanted: slice) -> Any:
        first, last, _ = wanted.indices(len(self))
        begin, found = 0, []
        for x, index in self.parts:
            found.append(rows_at(x, index[max(first - begin, 0) : max(last - begin, 0)]))
            begin += len(index)
        return on(self.device, together(found))

    def to(self, device: torch.device) -> Drawn:
        """Return the same rows, to be moved to a device when they are read."""
        return Drawn(self.parts, device)


def in_a_row(drawn: Sequence[Drawn]) -> Drawn:
    """Return the rows of all parts, one after the other, still unread."""
    return Drawn(tuple(part for some in drawn for part in some.parts), drawn[0].device)


def on(device: torch.device | None, x: Rows) -> Rows:
    """Return x on a device; texts stay where they are, since an encoder tokenises them itself."""
    return x.to(device) if isinstance(x, Tensor) else x


class Batches:
    """Shuffled batches (x, y) of a domain, without end; a short remainder is dropped, as BatchNorm needs it.

    x is `Drawn`: its rows are read where they are needed. y has the labels of all, or is None.
    `index` (size,) numbers the rows of the batch that came last. Every pass draws a new order from torch's random
    numbers, at its first batch. Raises ValueError for a size below 1, or a state of other batches.
    """

    @checked
    def __init__(self, domain: Domain, size: int) -> None:
        if size < 1:
            raise ValueError(f"a batch holds at least 1 row, got {size}")
        self.domain, self.size = domain, min(size, len(domain))
        self.index = torch.zeros(0, dtype=torch.long)
        self._order, self._next = self.index, 0

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[Drawn, Tensor | None]:
        if self._next + self.size > len(self._order):
            self.begin_pass()
        self.index = self._order[self._next : self._next + self.size]
        self._next += self.size
        y = self.domain.y
        return Drawn(((self.domain.x, self.index),)), None if y is None else y[self.index]

    def begin_pass(self) -> None:
        """Draw a new order."""
        self._order, self._next = torch.randperm(len(self.domain)), 0

    def state_dict(self) -> dict[str, Tensor | int]:
        """Return the order of the pass at hand, and the place in it."""
        return {"order": self._order, "next": self._next}

    @checked
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another one was. Raises ValueError for what is no order of this domain's rows."""
        order, place = state.get("order"), state.get("next")
        rows = torch.arange(len(self.domain))
        fits = isinstance(order, Tensor) and order.ndim == 1 and isinstance(place, int) and 0 <= place <= len(order)
        if not fits or (len(order) and not torch.equal(order.sort().values, rows)):
            raise ValueError(f"this is no state of batches of {self.domain.name}, {len(rows)} rows")
        self._order, self._next = order, place
