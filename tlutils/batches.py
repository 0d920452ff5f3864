"""Shuffled batches of a domain, whose place in the data can be kept and found again."""

from __future__ import annotations

import torch
from torch import Tensor

from tlutils.domains import Domain, Rows, rows_at


class Batches:
    """Shuffled batches (x, y) of a domain, without end; a short remainder is dropped, as BatchNorm needs it.

    `index` (size,) numbers the rows of the batch that came last. Every pass draws a new order from torch's random
    numbers, at its first batch.
    """

    def __init__(self, domain: Domain, size: int) -> None:
        self.domain, self.size = domain, min(size, len(domain))
        self.index = torch.zeros(0, dtype=torch.long)
        self._order, self._next = self.index, 0

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[Rows, Tensor | None]:
        if self._next + self.size > len(self._order):
            self.begin_pass()
        self.index = self._order[self._next : self._next + self.size]
        self._next += self.size
        x, y = self.domain.x, self.domain.y
        return rows_at(x, self.index), None if y is None else y[self.index]

    def begin_pass(self) -> None:
        """Draw a new order."""
        self._order, self._next = torch.randperm(len(self.domain)), 0

    def state_dict(self) -> dict[str, Tensor | int]:
        """Return the order of the pass at hand, and the place in it."""
        return {"order": self._order, "next": self._next}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Go on where another one was."""
        self._order, self._next = state["order"], state["next"]
