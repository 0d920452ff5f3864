"""Checks of notebook 04: what weighting can tell about a target, what it cannot, and a run that reads target labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tlutils.check.verdict import Mistake, NotYet, call, function, number, numbers, right
from tlutils.domains import Domain

SAME = 0.97  # share of equal predictions from which on two ways are one: n or n − 1 under a root moves a row or two


def weighted_accuracy(answer: Callable[[Tensor, Tensor], tuple[float, float]]) -> None:
    """Check an accuracy on the target that is estimated from weighted source rows. Exercise 1 of notebook 04.

    `answer(correct, p)` takes which source rows are right (n,) and how likely a domain classifier takes each for a
    target row (n,); it returns the accuracy and the effective sample size. Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(4)

    def sample(n: int, scale: float) -> tuple[Tensor, Tensor]:
        log_odds = scale * torch.randn(n, generator=draw, dtype=torch.float64) - 1
        return torch.rand(n, generator=draw) < 0.7, log_odds.sigmoid()

    cases = {
        "200 rows, the domains overlap": sample(200, 1.0),
        "50 rows, the domains hardly overlap": sample(50, 3.0),
        "rows that all look alike": (torch.tensor([True, False, True, True]), torch.full((4,), 0.2).double()),
        "one row that looks like the target": (
            torch.tensor([True, True, False]),
            torch.tensor([0.01, 0.01, 0.99]).double(),
        ),
    }
    weighted = {
        "that is the probability that a row is of the target. The ratio P_T(x) / P_S(x) has to grow without bound as "
        "it nears 1; which of its functions does?": lambda p: p,
        "rows that look like the target count least. Which of the two probabilities belongs on top?": lambda p: (
            (1 - p) / p
        ),
        "every row counts the same, so this is the accuracy at home.": lambda p: torch.ones_like(p),
        "a ratio of two densities is asked for, not its logarithm.": lambda p: (p / (1 - p)).log(),
    }

    def estimate(weight: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
        return (weight * correct).sum() / weight.sum(), weight.sum() ** 2 / (weight**2).sum()

    def odds(p: Tensor) -> Tensor:
        return p / (1 - p)

    mistakes = [
        *(Mistake(lambda correct, p, w=w: estimate(w(p), correct), hint) for hint, w in weighted.items()),
        Mistake(
            lambda correct, p: ((odds(p) * correct).mean(), estimate(odds(p), correct)[1]),
            "divided by n, your accuracy can exceed 1, for the odds are the ratio up to a factor only. What must the "
            "weights add up to?",
        ),
        Mistake(
            lambda correct, p: (estimate(odds(p), correct)[0], odds(p).sum()),
            "the accuracy is right, the effective size is not: it must not change when all weights are doubled.",
        ),
        Mistake(
            lambda correct, p: (estimate(odds(p), correct)[0], 1 / (odds(p) ** 2).sum()),
            "the accuracy is right, the effective size is not: that form holds for weights that add up to 1.",
        ),
        Mistake(
            lambda correct, p: (estimate(odds(p), correct)[0], len(p)),
            "the accuracy is right, the effective size is not: in the last case one row decides alone.",
        ),
        Mistake(
            lambda correct, p: (estimate(odds(p), correct)[0], estimate(odds(p), correct)[1] / len(p)),
            "the accuracy is right; beside it you give a share of the n rows. How many rows are they worth?",
        ),
    ]
    function(
        answer,
        _row_by_row,
        cases,
        mistakes=mistakes,
        tolerance=1e-3,  # 1 − p near 0 has few digits in float32
        look="'First idea: weigh the source' in notebook 04, for the odds; under it, for the effective sample size.",
    )
    right("it agrees with a sum row by row; it holds under covariate shift, where the source covers the target.")


def lowest_accuracy(answer: float) -> None:
    """Check the lowest accuracy on a target of which the source covers 60 %. Exercise 2 of notebook 04.

    Where it does, 90 % are right. Raises NotAttempted or NotYet.
    """
    covered, there = 0.6, 0.9
    number(
        answer,
        covered * there,
        within=2e-3,
        mistakes=[
            (there, "that is what the weighted estimate reads. About which part of the target does it say anything?"),
            (0.98 * 0.75 + there * 0.25, "that is the accuracy at home."),
            (covered * there + 0.4, "that is the highest it can be."),
            (covered, "not even where there are source rows is every answer right."),
            (
                covered * there + 0.4 * 0.98,
                "nothing says that the model does well where no source row lies. What is the least it can do there?",
            ),
            (
                covered * there + 0.4 * 0.1,
                "of ten classes a guess is right now and then, but a model may do worse than guess. What is least?",
            ),
            (0.25 * there, "that counts how much of the *source* lies there."),
        ],
        look="split the target into the part where source rows lie and the part where none does.",
    )
    right("weights cannot speak of places with nothing to weigh, and no effective size warns of it.")


def standardised_without_labels(answer: Callable[[Domain, Domain], Tensor]) -> None:
    """Check predictions on a target that is standardised without its labels. Exercise 3 of notebook 04.

    `answer(source, target)` takes domains of features (n, d) and (m, d) and returns class numbers (m,). Raises
    NotAttempted or NotYet.
    """
    source, target = _two_styles()
    wrong = replace(target, y=(target.y + 1) % 3)
    given = {
        case: _classes(call(answer, source, domain, case=case), len(target))
        for case, domain in {
            "a target without labels": target.unlabelled(),
            "a target with its labels": target,
            "a target with wrong labels": wrong,
        }.items()
    }
    first, *others = given.values()
    if not all(first.equal(other) for other in others):
        raise NotYet(
            "Not yet: the canary has died. With wrong target labels, or with none, the predictions are others than "
            "with the right ones, though the inputs are the same."
        )
    if _agree(first, _predicted(source, target, "own", "own")):
        right("right, wrong and no target labels all give the same. With other class shares this would do harm.")
        return
    hints = {
        ("source", "source"): "one mean and one spread serve both domains, so the offset between them stays.",
        ("own", "raw"): "the target is not standardised, and the model has only seen features that are.",
        ("raw", "own"): "the source is not standardised, and the target is.",
        ("own", "centred"): "only the target's mean is taken off, and its spread is left as it was.",
    }
    for ways, hint in hints.items():
        if _agree(first, _predicted(source, target, *ways)):
            raise NotYet(f"Not yet: no label is read, good, but {hint}")
    raise NotYet(
        f"Not yet: no label is read, good, but {(first != target.y).double().mean():.0%} of the target is named "
        "wrongly. Where to look: whose mean and whose spread goes with which domain?"
    )


def _row_by_row(correct: Tensor, p: Tensor) -> Tensor:
    total = hits = squares = 0.0
    for is_right, chance in zip(correct.tolist(), p.tolist(), strict=True):
        weight = 1 / (1 / chance - 1)
        total, squares = total + weight, squares + weight * weight
        hits += weight if is_right else 0
    return torch.tensor([hits / total, total * total / squares], dtype=torch.float64)


def _two_styles() -> tuple[Domain, Domain]:
    """Return two domains of three classes with another offset and scale of each column; one column is constant."""
    draw = torch.Generator().manual_seed(4)
    y = torch.arange(240) % 3
    middle = 2.5 * torch.randn(3, 5, generator=draw)
    x = [middle[y] + torch.randn(240, 5, generator=draw) for _ in range(2)]
    x[1] = x[1] * torch.tensor([3.0, 0.4, 2.0, 1.5, 0.3]) + torch.tensor([8.0, -2.0, 5.0, -6.0, 1.0])
    x = [torch.cat([part, torch.full((240, 1), 7.0)], dim=1) for part in x]
    classes = ("a", "b", "c")
    return Domain(x[0], y, classes, "style 1"), Domain(x[1], y.clone(), classes, "style 2")


def _predicted(source: Domain, target: Domain, of_source: str, of_target: str) -> Tensor:
    """Return scikit-learn's predictions on the target, each domain scaled in one of several ways."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = {"source": source.x.numpy(), "target": target.x.numpy()}

    def scaled(domain: str, way: str) -> Any:
        if way == "raw":
            return rows[domain]
        if way == "centred":
            return rows[domain] - rows[domain].mean(0)
        return StandardScaler().fit(rows[domain if way == "own" else way]).transform(rows[domain])

    model = LogisticRegression(max_iter=1000).fit(scaled("source", of_source), source.y)
    return torch.from_numpy(model.predict(scaled("target", of_target)))


def _classes(given: Any, n: int) -> Tensor:
    found = numbers(given, "class numbers")
    if found.shape != (n,):
        raise NotYet(f"Not yet: a class number for each of {n} rows is asked for, not shape {tuple(found.shape)}.")
    return found.long()


def _agree(a: Tensor, b: Tensor) -> bool:
    return (a == b).double().mean().item() >= SAME
