"""Checks of notebook 16: a guard that keeps harm out, the cost of equal clouds, and class shares without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import torch
from torch import Tensor

from tlutils.check.verdict import Mistake, function, number, right


def guard_on_validation(answer: Callable[[Tensor, Tensor, Tensor, Mapping[str, Tensor]], tuple[str, float]]) -> None:
    """Check a guard that chooses on validation rows and reports on test rows. Exercise 1 of notebook 16.

    `answer(transferred, alone, y, rows)` takes predictions and labels (n,), and row numbers by use. Raises
    NotAttempted or NotYet.
    """
    cases = {
        "a transferred model that is better on new rows": _predictions(train=(6, 10), validation=(9, 7), test=(17, 12)),
        "two models that validation cannot tell apart": _predictions(train=(6, 10), validation=(8, 8), test=(16, 11)),
        "a validation that misleads": _predictions(train=(5, 10), validation=(8, 6), test=(11, 15)),
        "one that misleads the other way": _predictions(train=(9, 10), validation=(6, 7), test=(19, 13)),
    }
    function(
        answer,
        _guarded,
        cases,
        mistakes=[
            Mistake(
                lambda *given: _guarded(*given, choose=("train",)),
                "the choice is made on rows that one of the two was trained on. What do they say about new rows?",
            ),
            *(
                Mistake(
                    lambda *given, report=report: _guarded(*given, choose=("test",), report=report),
                    "the rows that choose also report. The winner was partly lucky on them, so what they say of it is "
                    "too good; and in use they would not be there yet.",
                )
                for report in (("test",), ("validation",))
            ),
            *(
                Mistake(
                    lambda *given, report=report: _guarded(*given, choose=EVERY, report=report),
                    "all rows vote. Some of them were trained on, and some are needed later for an honest report.",
                )
                for report in (EVERY, ("test",))
            ),
            Mistake(
                lambda *given: _guarded(*given, report=("validation",)),
                "the choice is fair, the report is not: the reported rows are those on which the winner won.",
            ),
            Mistake(
                lambda *given: _guarded(*given, report=EVERY),
                "the choice is fair, but training rows are in the report.",
            ),
            Mistake(
                lambda *given: _guarded(*given, ties="transferred"),
                "when both are right equally often, yours lets the transferred model through. Which of the two has to "
                "prove itself?",
            ),
        ],
        look="the section 'What prevents it' of notebook 16. Which rows choose, which report, and who wins a tie?",
    )
    right("the choice reads validation rows alone, the report test rows alone, and a tie is no reason to transfer.")


EVERY = ("train", "validation", "test")


def _predictions(**hits: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """Return predictions of two models, labels, and rows by use: so many hits of each model in 10, 10 and 20 rows."""
    draw = torch.Generator().manual_seed(16)
    sizes = {"train": 10, "validation": 10, "test": 20}
    y = torch.randint(3, (40,), generator=draw)
    parts = torch.randperm(40, generator=draw).split(list(sizes.values()))
    rows = dict(zip(sizes, parts, strict=True))
    guesses = (y + 1) % 3, (y + 2) % 3
    for use, numbers in rows.items():
        for guess, count in zip(guesses, hits[use], strict=True):
            known = numbers[torch.randperm(len(numbers), generator=draw)[:count]]
            guess[known] = y[known]
    return *guesses, y, rows


def _guarded(transferred, alone, y, rows, *, choose=("validation",), report=("test",), ties="alone"):
    """Return what a guard gives that chooses and reports on the rows of these uses, row by row."""

    def share(guess: Tensor, uses: tuple[str, ...]) -> Fraction:
        numbers = [row for use in uses for row in rows[use].tolist()]
        return Fraction(sum(int(guess[row]) == int(y[row]) for row in numbers), len(numbers))

    votes = {"transferred": share(transferred, choose), "alone": share(alone, choose)}
    chosen = ties if votes["transferred"] == votes["alone"] else max(votes, key=votes.get)
    return chosen, float(share(transferred if chosen == "transferred" else alone, report))


def ceiling_of_equal_clouds(answer: float) -> None:
    """Check the best accuracy under label shift when answers are spread as in the source. Exercise 2 of notebook 16.

    Raises NotAttempted or NotYet.
    """
    source, target = (0.7, 0.2, 0.1), (0.25, 0.25, 0.5)
    best = sum(map(min, source, target))
    number(
        answer,
        best,
        within=2e-3,
        mistakes=[
            (
                1,
                "the source is named without a mistake, but can a class be named more often than it is true, and all "
                "of that be right?",
            ),
            (1 - best, "that is the share that must go wrong."),
            (
                sum(a * b for a, b in zip(source, target, strict=True)),
                "that is what answers reach which know nothing of the row. These may be as good as shares allow.",
            ),
            (max(source), "that is how often the source's most frequent class is named. How often is it true?"),
            (
                max(target),
                "that is what a model reaches that always names one class. Would its answers be spread as "
                "those on the source?",
            ),
        ],
        look="equal features, equal answers: compare, class by class, how often it is named and how often it is true.",
    )
    right("so much of the loss under label shift is in the goal, not in the training: a larger λ only makes it surer.")


def class_shares_from_guesses(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check class shares of an unlabelled target, from guesses and from the source's confusion. Exercise 3 of 16.

    `answer(counts, guesses)` takes counts (k, k), true class by guess, and guesses (n,). Raises NotAttempted or NotYet.
    """
    three = torch.tensor([[80, 15, 5], [10, 70, 20], [0, 10, 90]])
    uneven = torch.tensor([[160, 30, 10], [4, 14, 2], [1, 2, 17]])
    cases = {
        "three classes, equally frequent in the source": (three, _guesses(30, 50, 70)),
        "a source of uneven classes": (uneven, _guesses(20, 60, 40)),
        "a class that is never guessed": (torch.tensor([[5, 0, 0], [2, 8, 0], [0, 1, 9]]), _guesses(70, 30, 0)),
        "two classes, and fewer guesses of one than it is named by mistake": (
            torch.tensor([[40, 10], [30, 70]]),
            _guesses(10, 90),
        ),
    }
    function(
        answer,
        lambda counts, guesses: _solved(_rates(counts), guesses),
        cases,
        mistakes=[
            Mistake(
                _frequencies,
                "these are the shares of the guesses. A model that often calls a one a seven counts too many sevens.",
            ),
            Mistake(
                lambda counts, guesses: (counts / counts.sum(0)) @ _frequencies(counts, guesses),
                "you ask what is true of a row that was called j. That depends on how frequent the classes are, and "
                "you took it from the source, where they are mixed otherwise.",
            ),
            Mistake(
                lambda counts, guesses: _solved(_turned(_rates(counts)), guesses),
                "the equations stand on their side: summed over what was guessed, not over what is true.",
            ),
            Mistake(
                lambda counts, guesses: _solved(_rates(counts), guesses, clipped=False),
                "the equations are right, and one of your shares is below 0.",
            ),
            Mistake(
                lambda counts, guesses: _solved(_rates(counts), guesses, scaled=False),
                "after a share below 0 has become 0, yours sum to more than 1.",
            ),
            Mistake(
                lambda counts, guesses: _solved((counts.double() / counts.sum()).tolist(), guesses, scaled=False),
                "your numbers say how many times as frequent a class is as in the source: weights, not yet shares.",
            ),
            Mistake(
                lambda counts, guesses: _solved(counts.tolist(), guesses),
                "all counts were divided by one total, or by none. What comes out then depends on how frequent each "
                "class is in the source. Of which rows must `counts[i, j]` be a share?",
            ),
        ],
        look="write the share of the guesses j as a sum over the classes i, and see which factor you look for.",
    )
    right("the shares come out without a label, and hold as long as a class looks alike in both domains.")


def _guesses(*counts: int) -> Tensor:
    return torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))


def _frequencies(counts: Tensor, guesses: Tensor) -> Tensor:
    return torch.bincount(guesses, minlength=len(counts)) / len(guesses)


def _rates(counts: Tensor) -> list[list[Fraction]]:
    """Return how often class i (row) is called j (column)."""
    return [[Fraction(count, sum(row)) for count in row] for row in counts.tolist()]


def _turned(rows: list[list]) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)]


def _solved(rates: list[list], guesses: Tensor, *, clipped: bool = True, scaled: bool = True) -> Tensor:
    """Return the shares that, mixed by `rates`, give those of the guesses; Cramer's rule, in exact fractions."""
    known = [Fraction(int((guesses == j).sum()), len(guesses)) for j in range(len(rates))]
    whole = Fraction(_determinant(rates))
    shares = [_determinant([*rates[:i], known, *rates[i + 1 :]]) / whole for i in range(len(rates))]
    if clipped:
        shares = [max(share, Fraction(0)) for share in shares]
    if scaled:
        shares = [share / sum(shares) for share in shares]
    return torch.tensor([float(share) for share in shares], dtype=torch.float64)


def _determinant(rows: list[list]) -> Fraction | int:
    if len(rows) == 1:
        return rows[0][0]
    minors = ([[*row[:i], *row[i + 1 :]] for row in rows[1:]] for i in range(len(rows)))
    return sum((-1) ** i * rows[0][i] * _determinant(minor) for i, minor in enumerate(minors))
