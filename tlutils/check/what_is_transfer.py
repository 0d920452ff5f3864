"""Checks of notebook 02: kinds of shift told apart by measurement, and what another mix of classes does to a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from tlutils.check.selection import names
from tlutils.check.verdict import Mistake, function, number, right
from tlutils.domains import Domain
from tlutils.inputs import checked

KINDS = ("covariate", "label", "concept", "none")


@checked
def four_pairs(n: int = 1000) -> dict[str, tuple[Domain, Domain]]:
    """Return simulated pairs of domains, `n` points (n, 2) each, between which at most one thing moves.

    Raises ValueError for less than one point or more than a million.
    """
    if not 1 <= n <= 10**6:
        raise ValueError(f"n must be between 1 and 1,000,000 points, got {n}")
    draw = torch.Generator().manual_seed(2)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw)

    def rule(x: Tensor, direction: tuple[float, float], offset: float) -> Tensor:
        return (x @ torch.tensor(direction).float() + 0.4 * noise(n) > offset).long()

    def clouds(share: float) -> tuple[Tensor, Tensor]:
        y = (torch.rand(n, generator=draw) < share).long()
        return noise(n, 2) + torch.tensor([[-1.0, 0.5], [1.0, -0.5]])[y], y

    moved = torch.tensor([0.9, 1.6]) + 0.7 * noise(n, 2)
    flat = noise(n, 2), noise(n, 2), noise(n, 2)
    pairs = {
        "A": ((flat[0], rule(flat[0], (1, 0), 0)), (flat[1], rule(flat[1], (0.5, 0.8), -0.5))),
        "B": (clouds(0.5), clouds(0.2)),
        "C": (clouds(0.3), clouds(0.3)),
        "D": ((flat[2], rule(flat[2], (1, 0), 0)), (moved, rule(moved, (1, 0), 0))),
    }
    classes = ("dots", "crosses")
    return {
        letter: (Domain(*home, classes, f"{letter}, home"), Domain(*abroad, classes, f"{letter}, abroad"))
        for letter, (home, abroad) in pairs.items()
    }


def kinds_of_shift(answer: Mapping[str, str]) -> None:
    """Check the kind of shift of each of four simulated pairs. Exercise 1 of notebook 02.

    Raises NotAttempted or NotYet.
    """
    share = "the mix of classes moves there, and it may only follow. "
    names(
        answer,
        {"A": "concept", "B": "label", "C": "none", "D": "covariate"},
        KINDS,
        {
            ("A", "label"): share + "With label shift the inputs follow too. Do they?",
            ("A", "covariate"): "how far apart are the inputs, beside two halves of one sample?",
            ("A", "none"): "you looked at the inputs alone. How does a model from home do abroad?",
            ("B", "covariate"): "the inputs do move, all together. And those of one class, taken by themselves?",
            ("B", "concept"): "the inputs move, and with a concept shift of this kind they stay.",
            ("B", "none"): "how often does either class occur on the two sides?",
            ("D", "label"): share + "Compare the inputs of one class at home with those of the same class abroad.",
            ("D", "concept"): "the inputs move. Is the rule another one, or is the old rule met at other places? Fit "
            "a model on each side and let both judge the same points.",
            ("D", "none"): "how far apart are the inputs, beside two halves of one sample?",
            ("C", "label"): "how much would the mix of classes differ between two draws of 1,000 from one place?",
            ("C", "covariate"): "no two samples are the same. How far apart are two halves of one sample?",
            ("C", "concept"): "measure the accuracy of a model from home on a held-out half of home, and then abroad.",
        },
    )
    right("a mix of classes that moves names no shift by itself: it moved in three pairs, for three reasons.")


def accuracy_under_label_shift(answer: Callable[[Tensor, Tensor], float]) -> None:
    """Check the accuracy that is to be expected under another mix of classes. Exercise 2 of notebook 02.

    `answer(confusion, shares)` takes counts (k, k), rows true and columns named, and shares (k,). Raises NotAttempted
    or NotYet.
    """
    cases = {
        "two classes, mostly healthy at home": (_counts([[855, 45], [20, 80]]), torch.tensor([0.5, 0.5]).double()),
        "three classes": (_counts([[50, 5, 5], [10, 20, 0], [1, 2, 7]]), torch.tensor([0.1, 0.2, 0.7]).double()),
        "the same shares as at home": (_counts([[30, 10], [5, 15]]), torch.tensor([2 / 3, 1 / 3]).double()),
        "only one class abroad": (_counts([[9, 1, 0], [2, 6, 2], [0, 5, 5]]), torch.tensor([0, 0, 1]).double()),
        "a class that neither home nor abroad has": (
            _counts([[8, 2, 0], [3, 7, 0], [0, 0, 0]]),
            torch.tensor([0.25, 0.75, 0]).double(),
        ),
    }
    function(
        answer,
        _one_row_after_the_other,
        cases,
        mistakes=[
            Mistake(
                lambda counts, shares: counts.diagonal().sum() / counts.sum(),
                "that is the accuracy at home. Where do the shares abroad come in?",
            ),
            Mistake(
                lambda counts, shares: (shares * counts.diagonal() / counts.sum(0)).nansum(),
                "you ask how often a *named* class is true, and that changes with the mix. Which share stays under "
                "label shift: of the named, or of the true?",
            ),
            Mistake(
                lambda counts, shares: (counts.diagonal() / counts.sum(1)).nanmean(),
                "each class counts the same, whatever its share abroad.",
            ),
            Mistake(
                lambda counts, shares: (shares * counts.diagonal()).sum() / counts.sum(),
                "the mix at home is still inside: each class is divided by all rows. How many rows of that class were "
                "there?",
            ),
        ],
        look="which of P(x), P(y), P(y|x) and P(x|y) stays under label shift, in the table of notebook 02.",
    )
    right("it agrees with drawing the rows abroad one by one. No label from there was needed, only the shares.")


def break_even_share(answer: float) -> None:
    """Check the share of ill at which two classifiers are equally often right. Exercise 3 of notebook 02.

    One finds 30 % of the ill and 99.5 % of the healthy, the other 85 % and 90 %. Raises NotAttempted or NotYet.
    """
    ill, healthy = 0.85 - 0.30, 0.995 - 0.90  # what one is ahead by, and the other
    number(
        answer,
        healthy / (ill + healthy),
        within=3e-3,
        mistakes=[
            (healthy / ill, "that is how many ill there are for one healthy. Of all, which share is it?"),
            (ill / (ill + healthy), "at that share the healthy are what you took for the ill."),
            (0.05, "that is the share at home. Is either of them wrong equally often there?"),
            (0.5, "in the middle one is far ahead. Put your share into both accuracies and compare them."),
        ],
        look="write each accuracy as a sum over the ill and the healthy, with p for the share of ill.",
    )
    right("the better one at home breaks first; all of it rests on P(x|y), how an ill person looks, staying the same.")


def _counts(rows: list[list[int]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def _one_row_after_the_other(counts: Tensor, shares: Tensor) -> float:
    """Return the mean over rows that were each given the weight by which their class is more frequent abroad."""
    rows = [(true, named) for true in range(len(counts)) for named in range(len(counts))]
    total = weight = 0.0
    for true, named in rows:
        for _ in range(int(counts[true, named])):
            w = float(shares[true]) / sum(counts[true].tolist())
            weight += w
            total += w * (true == named)
    return total / weight
