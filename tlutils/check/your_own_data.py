"""Checks of notebook 20: copies across a split, accuracy on new sources, and conclusions from paired answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import comb

import torch
from torch import Tensor

from tlutils.check.selection import names
from tlutils.check.verdict import Mistake, function, right

SAME = 0.012  # root mean square, as the exercise states


def copies_in_the_mirror(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check the search for copies, also mirrored ones, across a split. Exercise 1 of notebook 20.

    `answer(train, test)` takes images (n, 3, h, w) and (m, 3, h, w). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(20)

    def pictures(n: int) -> Tensor:
        return torch.rand(n, 3, 16, 16, generator=draw)

    def saved(x: Tensor) -> Tensor:
        return (x + 0.004 * torch.randn(x.shape, generator=draw)).clamp(0, 1)

    train, fresh = pictures(6), pictures(3)
    shuffled = train[:1].flatten()[torch.randperm(768, generator=draw)].view(1, 3, 16, 16)
    mirrored, upside_down = train[2:4].flip(3), train[1:2].flip(2)
    flat, lines, spot = torch.full((2, 3, 32, 32), 0.5), torch.zeros(32, 32), torch.zeros(32, 32)
    lines[:, ::2], lines[:, 1::2], spot[8:11, 20:23] = 0.1, -0.1, 0.4
    cases = {
        "copies that were saved again": (train, torch.cat([fresh[:1], saved(train[4:]), train[:1], fresh[1:]])),
        "mirrored pictures": (train, torch.cat([saved(mirrored[:1]), fresh, mirrored[1:]])),
        "pictures that only resemble a training picture": (
            train,
            torch.cat([shuffled, upside_down, 0.9 * train[3:4], train[2:3].flip(1), train[5:]]),
        ),
        "copies within the test part": (train, torch.cat([fresh, fresh])),
        "more test than training pictures": (train[:2], torch.cat([train, saved(train), train.flip(3)])),
        "copies of pictures that the training part holds twice": (
            torch.cat([train, train[:1], train[1:2].flip(3)]),
            torch.cat([fresh, saved(train[:2])]),
        ),
        "a picture and the same with fine lines": (flat, flat[:1] + lines),
        "a picture and the same with a small spot": (flat, flat[:1] + spot),
    }
    function(
        answer,
        _copied,
        cases,
        mistakes=[
            Mistake(
                lambda train, test: _copied(train, test, mirrors=()),
                "copies are found as they are, and a mirrored one passes, as it does in the lesson.",
            ),
            Mistake(
                lambda train, test: _copied(train, test, bound=1e-4),
                "pictures that were saved again are not found. Is your distance a mean over all numbers, or a sum?",
            ),
            Mistake(
                lambda train, test: _copied(train, test, mirrors=(1,)),
                "you look for pictures that stand on their heads. Which axis runs from left to right?",
            ),
            Mistake(
                lambda train, test: _copied(train, test, mirrors=(0,)),
                "you turned the order of the colours, or of the pictures. Which axis runs from left to right?",
            ),
            Mistake(
                lambda train, test: _copied(torch.cat([train, test]), test),
                "each test picture is a copy of itself. The leak lies between the two parts.",
            ),
            Mistake(
                lambda train, test: _copied(test, train),
                "those are row numbers of the training part. The test has to be cleaned, or reported without them.",
            ),
            Mistake(
                lambda train, test: _copied(_small(train), _small(test)),
                "pictures that differ in fine lines count as copies. Over which numbers is the mean asked for?",
            ),
            Mistake(
                lambda train, test: _copied(train, test, measure=lambda gap: gap.abs().mean()),
                "a small spot passes. Root mean square: the differences are squared before the mean is taken.",
            ),
            Mistake(
                lambda train, test: _copied(train[: len(test)], test[: len(train)], pairs=zip),
                "picture 0 is compared with picture 0 and 1 with 1. A copy may lie anywhere in the other part.",
            ),
        ],
        look="one pair of pictures at a time: their difference, squared, its mean, the root; then all pairs.",
    )
    right("copies are told in both directions of reading, and what only has the same colours is left in peace.")


def _small(x: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(x, x.shape[-1] // 16)


def _copied(
    train: Tensor,
    test: Tensor,
    *,
    mirrors=(2,),
    bound: float = SAME,
    pairs: Callable | None = None,
    measure: Callable[[Tensor], Tensor] = lambda gap: gap.square().mean().sqrt(),
) -> Tensor:
    """Return the numbers of the copies among test rows, pair by pair; `mirrors` are axes of one picture."""
    found = set()
    for i, picture in enumerate(test.double()):
        for j, known in enumerate(train.double()):
            if pairs is zip and i != j:
                continue
            seen = [known, *(known.flip(axis) for axis in mirrors)]
            if any(measure(picture - other) <= bound for other in seen):
                found.add(i)
    return torch.tensor(sorted(found), dtype=torch.int64)


def accuracy_on_new_photographs(answer: Callable[[Tensor, Tensor, Tensor], float]) -> None:
    """Check the accuracy of nearest neighbours from other photographs. Exercise 2 of notebook 20.

    `answer(f, y, photograph)` takes features (n, d), classes (n,) and photographs (n,). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(20)

    def cut(photograph: list[int], y: list[int], spread: float) -> tuple[Tensor, Tensor, Tensor]:
        rows = torch.tensor(photograph)
        classes = torch.tensor(y)[rows]
        place = torch.randn(len(y), 2, generator=draw) + torch.tensor(y)[:, None]
        return place[rows] + spread * torch.randn(len(rows), 2, generator=draw), classes, 10 * rows + 3

    uneven = [0] * 7 + [1] * 2 + [2] * 4 + [3] * 1 + [4] * 5 + [5] * 3
    cases = {
        "six photographs of two classes, four rows of each": cut([*range(6)] * 4, [0, 1, 0, 1, 0, 1], 0.1),
        "photographs of which some give many rows": cut(uneven, [0, 1, 2, 0, 1, 2], 0.1),
        "rows that scatter widely": cut([*range(5)] * 4, [0, 1, 0, 1, 0], 2.0),
        "a class that one photograph holds alone": cut([*range(4)] * 5, [0, 0, 1, 2], 0.3),
        "one row from each photograph": cut([*range(12)], [0, 1] * 6, 0.0),
    }
    function(
        answer,
        _across,
        cases,
        mistakes=[
            Mistake(
                lambda f, y, photograph: _across(f, y, torch.arange(len(y))),
                "only the row itself is taken out. Its nearest neighbours were cut from the same photograph.",
            ),
            Mistake(
                lambda f, y, photograph: 1.0,
                "each row is its own nearest neighbour, so this is right for any features.",
            ),
            Mistake(
                lambda f, y, photograph: _across(f, y, y),
                "neighbours of the row's own class are taken out, so nothing can be right. What else is shared?",
            ),
            Mistake(
                lambda f, y, photograph: _across(f, y, photograph, every=True),
                "that is a mean over photographs, of means within. Each row should count the same.",
            ),
            Mistake(
                lambda f, y, photograph: 1 - _across(f, y, photograph),
                "that is the share of mistakes, not of right answers.",
            ),
        ],
        look="take one row: which rows would be there, had its photograph never been taken?",
    )
    right("what is left is knowledge of the class. The rest of what was promised was knowledge of the photograph.")


def _across(f: Tensor, y: Tensor, group: Tensor, *, every: bool = False) -> float:
    """Return how often the nearest row of another group has the row's class, row by row."""
    points, classes, groups = f.double().tolist(), y.tolist(), group.tolist()
    hits: dict[int, list[bool]] = {}
    for i, point in enumerate(points):
        others = [j for j in range(len(points)) if groups[j] != groups[i]]
        near = min(others, key=lambda j: sum((a - b) ** 2 for a, b in zip(point, points[j], strict=True)))
        hits.setdefault(groups[i], []).append(classes[near] == classes[i])
    if every:
        return sum(sum(row) / len(row) for row in hits.values()) / len(hits)
    return sum(map(sum, hits.values())) / len(points)


def which_conclusions_stand(answer: Mapping[str, bool]) -> None:
    """Check what paired answers of two models, on rows kept aside, allow to conclude. Exercise 3 of notebook 20.

    Raises NotAttempted or NotYet.
    """
    truth = {
        "A": _tail(9, 1) < 0.05,
        "B": _tail(40, 32) < 0.05,
        "C": _tail(2, 1) < 0.05,  # eight copies are one picture
        "D": False,  # the rows say nothing about new photographs, however many they are
        "E": _tail(6, 0) < 0.05,
    }
    hints = {
        "A": "the two accuracies are near each other, but only ten rows tell the models apart. How do those ten fall?",
        "B": "the lead is as large as in A. But 72 tosses of a coin: are 40 heads a surprise?",
        "C": "count pictures that were decided independently. How many of the nine are left?",
        "D": "the count is clear. But it was taken on pieces of photographs that were known from the training.",
        "E": "six is few, but all of them fall on one side. How probable is that for a coin?",
    }
    names(
        answer,
        {letter: str(holds).lower() for letter, holds in truth.items()},
        ("true", "false"),
        {(letter, str(not truth[letter]).lower()): hint for letter, hint in hints.items()},
    )
    right("a test counts independent rows on which the models differ, and speaks of rows of that kind alone.")


def _tail(wins: int, losses: int) -> float:
    """Return the two-sided probability of a split at least as uneven under a fair coin."""
    n = wins + losses
    return min(1, 2 * sum(comb(n, k) for k in range(max(wins, losses), n + 1)) / 2**n)
