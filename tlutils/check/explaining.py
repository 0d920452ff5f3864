"""Checks of notebook 18: CKA of two layers, how far a spot stands out, and maps under two tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from tlutils.check.selection import names
from tlutils.check.verdict import Mistake, function, right


def cka_of_two_layers(answer: Callable[[Tensor, Tensor], float]) -> None:
    """Check linear CKA, the biased one. Exercise 1 of notebook 18.

    `answer(a, b)` takes two representations (n, p) and (n, q) of the same rows. Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(18)

    def sample(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    a = sample(12, 4)
    turn = torch.linalg.qr(sample(4, 4)).Q
    cases = {
        "twelve pictures, four features against six": (a, sample(12, 6)),
        "a layer and itself, turned, shifted and scaled": (a, 3 * a @ turn + 5),
        "features with a mean of their own in each column": (
            sample(9, 3) + torch.tensor([4.0, -2, 0]),
            sample(9, 2) + 1,
        ),
        "more features than pictures": (sample(5, 30), sample(5, 20) - 1),
        "a layer against part of itself": (a, a[:, :2]),
    }
    function(
        answer,
        lambda a, b: _cka(a - a.mean(0), b - b.mean(0)),
        cases,
        mistakes=[
            Mistake(_cka, "a shift still shows: with one added to every number, layers look more alike. Centre what?"),
            Mistake(
                lambda a, b: _cka(a - a.mean(), b - b.mean()),
                "one number is taken off everything. The shift may differ from feature to feature.",
            ),
            Mistake(
                lambda a, b: _cka(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)),
                "each picture's own mean is taken off. A shift is common to all pictures: over what goes its mean?",
            ),
            Mistake(
                lambda a, b: _cka((a - a.mean(0)) / a.std(0), (b - b.mean(0)) / b.std(0)),
                "each feature was also divided by its own spread. Is a layer still the same as itself, turned?",
            ),
            Mistake(
                _correlated,
                "the entries of the table are centred, and the features are not. Does a shift of the features add the "
                "same number to all entries?",
            ),
            Mistake(
                lambda a, b: _cka(a - a.mean(0), b - b.mean(0), debiased=True),
                "that is the debiased estimate, which leaves each picture's product with itself out. Here it stays in.",
            ),
            Mistake(
                lambda a, b: _cka(a - a.mean(0), b - b.mean(0)) ** 2,
                "a square too many: a cosine is divided by both norms.",
            ),
            Mistake(
                lambda a, b: _cka(a - a.mean(0), b - b.mean(0)) ** 0.5,
                "a root too many: the tables already hold products.",
            ),
        ],
        look="test it on a layer and itself, turned, shifted and scaled: each must leave 1.",
    )
    right("yours agrees with sums over pairs of features; a layer turned, shifted and scaled is still the same to it.")


def _cka(a: Tensor, b: Tensor, *, debiased: bool = False) -> float:
    """Return Σ (a_iᵀ b_j)² over pairs of features, normalised; debiased, with the correction of Song et al. (2012)."""

    def product(x: Tensor, y: Tensor) -> float:
        if not debiased:
            return sum(float(u @ v) ** 2 for u in x.double().T for v in y.double().T)
        k, m = ((z @ z.T).fill_diagonal_(0) for z in (x, y))
        n = len(k)
        corrected = k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k @ m).sum() / (n - 2)
        return float(((k * m).sum() + corrected) / (n * (n - 3)))

    return product(a, b) / (product(a, a) * product(b, b)) ** 0.5


def _correlated(a: Tensor, b: Tensor) -> float:
    return torch.corrcoef(torch.stack([(a @ a.T).flatten(), (b @ b.T).flatten()]))[0, 1].item()


def excess_of_a_spot(answer: Callable[[Tensor, slice, slice], float]) -> None:
    """Check a spot's share of the attribution beyond its share of the area. Exercise 2 of notebook 18.

    `answer(maps, rows, columns)` takes maps (n, h, w) and two slices. Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(18)
    maps = torch.randn(5, 6, 8, generator=draw)
    lit = maps.abs()
    lit[:, :2, 6:] += 4
    loud = lit * torch.tensor([1.0, 50, 1, 0.1, 1])[:, None, None]
    against = torch.cat([maps, -lit[:2], torch.zeros(1, 6, 8)])
    corner, middle = (slice(0, 2), slice(6, 8)), (slice(2, 5), slice(1, 4))
    cases = {
        "maps with a bright corner": (lit, *corner),
        "one map that is much stronger than the others": (loud, *corner),
        "maps that also speak against the class": (maps, *middle),
        "maps of which some hold nothing for the class": (against, *middle),
        "a spot as large as the picture": (maps, slice(0, 6), slice(0, 8)),
    }
    function(
        answer,
        _excess,
        cases,
        mistakes=[
            Mistake(
                lambda *given: _excess(*given, pooled=True),
                "one strong map outweighs all others. The share of a sum is not the mean of the shares.",
            ),
            Mistake(
                lambda maps, *spot: _excess(maps.abs(), *spot),
                "what speaks against the class is counted as if it spoke for it.",
            ),
            Mistake(
                lambda *given: _excess(*given, empty=True),
                "maps with nothing for the class count as a share of 0. Can a map without attribution have a share?",
            ),
            Mistake(
                lambda maps, *spot: _excess(maps, *spot) + maps[0][spot].numel() / maps[0].numel(),
                "the area is missing: a spot as large as the picture draws everything, and does not stand out.",
            ),
            Mistake(
                lambda maps, *spot: 1 + _excess(maps, *spot) * maps[0].numel() / maps[0][spot].numel(),
                "that is how many times its area the spot draws. Beyond its area means a difference here.",
            ),
        ],
        look="one map at a time: what speaks for the class, its sum, the part of it in the spot; then the mean.",
    )
    right("it is 0 for the whole picture, and a map fifty times as strong has no more say than the others.")


def _excess(maps: Tensor, rows: slice, columns: slice, *, pooled: bool = False, empty: bool = False) -> float:
    """Return share less area, pixel by pixel."""
    _, h, w = maps.shape
    spot = {(i, j) for i in range(h)[rows] for j in range(w)[columns]}
    inside, total = [], []
    for picture in maps.double().tolist():
        inside.append(sum(max(picture[i][j], 0) for i, j in spot))
        total.append(sum(max(value, 0) for row in picture for value in row))
    if pooled:
        share = sum(inside) / sum(total)
    else:
        shares = [a / b if b else 0 for a, b in zip(inside, total, strict=True) if b or empty]
        share = sum(shares) / len(shares)
    return share - len(spot) / (h * w)


JUDGED = {
    "times input": "useful",
    "times input, unsigned": "picture",
    "unsigned gradient": "useless",
    "by lot": "useless",
    "edges": "picture",
}
DOUBTS = {
    ("times input", "picture"): "both tests need the signs. Does your correlation take absolute values somewhere?",
    ("times input", "useless"): "remove the highest values first, not the largest absolute ones.",
    (
        "times input, unsigned",
        "useful",
    ): "it beats the ink at removing. But draw the weights anew: how much of it is left?",
    ("times input, unsigned", "useless"): "it beats the ink at removing. Which of the two tests does it fail, then?",
    ("unsigned gradient", "useful"): "that it changes with the weights does not make it good. What does removing say?",
    ("unsigned gradient", "picture"): "the gradient of a linear layer is its weights. What is left once they are new?",
    ("by lot", "useful"): "no test of change can catch what always changes. Does it find what matters?",
    ("by lot", "picture"): "two draws by lot have nothing in common, so the rank correlation is near 0.",
    ("edges", "useful"): "does this function use its model at all?",
    ("edges", "useless"): "it may be bad at removing, but the first test comes first: does it use its model at all?",
}


def five_maps_two_tests(answer: Mapping[str, str]) -> None:
    """Check the verdict on five kinds of maps after the randomisation and the removal test. Exercise 3 of notebook 18.

    Raises NotAttempted or NotYet.
    """
    names(answer, JUDGED, ("picture", "useless", "useful"), DOUBTS)
    right("each test is passed by a map that fails the other, so a map is worth a story only after both.")
