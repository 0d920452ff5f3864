"""What was read of a reader's own data: rows, where each lies, and remarks in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.inputs import checked

MOST_CLASSES = 1000  # a probe of more takes a laptop an evening; most often the path is wrong
LISTED = 5  # files or lines named in a remark


class Remark(NamedTuple):
    """Something the owner of the data should know, and what to do about it."""

    what: str
    fix: str


class OwnData(NamedTuple):
    """What was read: rows to learn from (−1: label not known), where each lies, and a test part where there is one."""

    domain: Domain
    places: tuple[str, ...]  # a file or a line for each row of the domain
    test: Domain | None = None
    test_places: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    facts: Tensor | None = None  # (n, 3): width, height and bytes of each image's file

    @property
    def texts(self) -> bool:
        """Whether the rows are texts, not images."""
        return not isinstance(self.domain.x, torch.Tensor)


@checked
def check_classes(classes: Sequence[str], origin: str, rows: int | None = None) -> None:
    """Raise ValueError for fewer than two classes, or so many that they can hardly be classes."""
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise ValueError(f"{origin} should name at least two classes, found {found}: a classifier has to choose")
    if len(classes) > MOST_CLASSES or (rows is not None and len(classes) > max(20, rows / 2)):
        inside = "" if rows is None else f" in {rows:,} rows"
        raise ValueError(
            f"{origin} names {len(classes):,} different classes{inside}, and at most {MOST_CLASSES:,} with several "
            "examples each can be learnt here; is it the right folder or column? Else merge classes"
        )


@checked
def some(things: Sequence[object]) -> str:
    """Return the first few of many things, and how many there are besides."""
    more = f" and {len(things) - LISTED:,} more" if len(things) > LISTED else ""
    return ", ".join(map(str, things[:LISTED])) + more


@checked
def counted(number: int, thing: str) -> str:
    """Return a number with its noun in the right form: 1 row, 2 rows, 3 classes, 4 entries."""
    if number == 1:
        return f"1 {thing}"
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}{'es' if thing.endswith('s') else 's'}"
    return f"{number:,} {plural}"
