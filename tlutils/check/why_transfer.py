"""Checks of notebook 01: an interval for a paired difference, what five runs show, and a test set that is unseen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import sub
from typing import Any

import torch
from torch import Tensor

from tlutils.check.reading import quietly
from tlutils.check.selection import row_numbers, sentences
from tlutils.check.verdict import Mistake, NotYet, call, function, right
from tlutils.evidence import stored


def paired_interval(answer: Callable[[Sequence[float], Sequence[float]], tuple[float, float]]) -> None:
    """Check a 95 % interval for the mean paired difference of two lists of scores. Exercise 1 of notebook 01.

    `answer(a, b)` returns its lower and its upper end. Raises NotAttempted or NotYet.
    """
    cases = {
        "five seeds": ([71.0, 74.5, 69.0, 78.0, 73.0], [64.0, 70.5, 60.5, 72.0, 69.5]),
        "two seeds, the fewest there can be": ([0.5, 0.75], [0.25, 0.625]),
        "twelve seeds that rise and fall together": (
            [50.0 + 3 * i + i % 3 for i in range(12)],
            [48.0 + 3 * i + i % 2 for i in range(12)],
        ),
        "a gain that is the same in every run": ([3.0, 5.0, 4.0], [1.0, 3.0, 2.0]),
    }
    function(
        answer,
        lambda a, b: torch.tensor(_interval(a, b), dtype=torch.float64),  # a pair of any kind will do
        cases,
        mistakes=[
            Mistake(
                _unpaired,
                "the two lists are treated as if they had nothing to do with each other, so the luck that one seed "
                "brings to both still widens your interval. What is paired with what?",
            ),
            Mistake(_unpaired_pooled, "you add the spread of both lists. Which single list of numbers is of interest?"),
            Mistake(
                lambda a, b: _around(a, b, lambda n: 1.959964),
                "1.96 belongs to a spread that is known. Yours is estimated from a few runs: which distribution allows "
                "for that?",
            ),
            Mistake(
                lambda a, b: _around(a, b, lambda n: _quantile(n - 1, 0.95)),
                "your interval covers 90 %. It has two ends, and some chance of an error belongs to either.",
            ),
            Mistake(
                lambda a, b: _around(a, b, lambda n: _quantile(n - 1, 0.975) * n**0.5),
                "that is about where a single further run falls. How much less does a mean of n runs scatter?",
            ),
            Mistake(
                lambda a, b: _around(a, b, lambda n: _quantile(n - 1, 0.975) * ((n - 1) / n) ** 0.5),
                "the spread is too small by a little, and most so for two seeds: the mean was fitted to the same runs.",
            ),
            Mistake(
                lambda a, b: _around(a, b, lambda n: _quantile(n, 0.975)),
                "too narrow by a little. The mean is fitted to the n differences: how many are still free to vary?",
            ),
            Mistake(
                lambda a, b: _interval(a, b)[::-1],
                "these are the right ends in the wrong order. Which one is the lower?",
            ),
            Mistake(
                lambda a, b: (min(map(sub, a, b)), max(map(sub, a, b))),
                "that is the range of the single differences. How far can their *mean* be off?",
            ),
            Mistake(lambda a, b: _interval(b, a), "the sign is turned round. How far does `a` lie above `b`?"),
        ],
        look="the differences run by run, their mean, their spread, and how the spread of a mean falls with n.",
    )
    right("it agrees with the paired t interval of SciPy, from two runs to twelve.")


def standing_conclusions(answer: Collection[str]) -> None:
    """Check which sentences five seeds of the stored experiment `few_labels` support. Exercise 2 of notebook 01.

    Raises NotAttempted or NotYet.
    """
    runs = stored("few_labels")
    tuned, frozen, scratch = (runs[name] for name in ("transfer, fine-tuned", "transfer, frozen", "scratch"))
    shrinks = (tuned[1] - scratch[1]) - (tuned[50] - scratch[50])
    above = {
        "a": (tuned[5].runs, scratch[5].runs),
        "b": (scratch[1].runs, frozen[1].runs),
        "c": (frozen[50].runs, scratch[50].runs),
        "d": (shrinks.runs, [0.0] * len(shrinks.runs)),
    }
    sentences(
        answer,
        {letter for letter, pair in above.items() if _interval(*pair)[0] > 0},
        {
            "a": "take the differences run by run. On which side of 0 do they lie, every one of them?",
            "b": "the mean says so. What does the interval say, and in how many of the five runs is it true?",
            "c": "whether the intervals of two means overlap is another question than whether the difference is clear "
            "of 0. Luck that both share drops out of only one of them.",
            "d": "each of the two gains is clear of 0, but the sentence is about their difference. Subtract the gains "
            "run by run: where does that interval lie?",
            "e": "an interval across 0 means that nothing was shown. Is that the same as showing that there is "
            "nothing? See which differences the interval still allows.",
        },
        "a sentence that stands is missing.",
    )
    right("a difference is shown by its own interval, not by two others; and no interval across 0 shows equality.")


def unseen_photographs(answer: Callable[[Tensor, Tensor, int, int], tuple[Tensor, Tensor]]) -> None:
    """Check a draw of a few labels that leaves whole photographs unseen. Exercise 3 of notebook 01.

    `answer(y, photo, per_class, seed)` takes classes (n,) and photographs (n,), and returns the rows to learn from and
    the rows to test on. Raises NotAttempted or NotYet.
    """
    mixed = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    y, photo = (torch.arange(60) // 20)[mixed], (torch.arange(60) // 5)[mixed]
    uneven = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1]), torch.tensor([9, 9, 4, 7, 7, 7, 2, 2])
    for case, labels, photos, per_class in (
        ("3 classes of 4 photographs, 5 patches each", y, photo, 4),
        ("one label per class", y, photo, 1),
        ("as many labels as half of the photographs hold", y, photo, 10),
        ("2 classes of 2 photographs, of 1 to 3 patches", *uneven, 1),
    ):
        for seed in range(8):
            given = call(answer, labels, photos, per_class, seed, case=case)
            few, unseen = _rows(given, len(labels), case)
            _judge(labels, photos, per_class, few, unseen, case)
    draws = {tuple(sorted(_rows(call(answer, y, photo, 4, seed), 60, "")[0])) for seed in range(6)}
    if len(draws) == 1:
        raise NotYet(
            "Not yet: six seeds draw the same patches. Repeating such an experiment shows no spread, and an interval "
            "that is too narrow is a cheat of its own."
        )
    again = [_rows(call(answer, y, photo, 4, 0), 60, "")[0] for _ in range(3)]
    if not again[0] == again[1] == again[2]:
        raise NotYet("Not yet: one seed draws different patches each time. Then two learners are not paired any more.")
    right("no photograph is on both sides, whatever the seed; a score on these rows is about new photographs.")


def _judge(y: Tensor, photo: Tensor, per_class: int, few: list[int], unseen: list[int], case: str) -> None:
    """Raise NotYet with what is wrong with one draw."""
    if set(few) & set(unseen):
        raise NotYet(f"Not yet: for {case}, patches are learnt from and tested too. A model may know them by heart.")
    if set(photo[few].tolist()) & set(photo[unseen].tolist()):
        raise NotYet(
            f"Not yet: for {case}, no patch is on both sides, but a photograph is. Two patches of one photograph share "
            "its light, its grain and its scratches: what does a high score then say?"
        )
    if len(set(few)) != len(few) or set(y[few].tolist()) != set(y.tolist()) or (y[few].bincount() != per_class).any():
        raise NotYet(
            f"Not yet: for {case}, {per_class} different patches per class are to be learnt from, and you draw "
            f"{y[few].bincount().tolist()} of the classes 0, 1, …"
        )
    if set(y[unseen].tolist()) != set(y.tolist()):
        raise NotYet(
            f"Not yet: for {case}, some class is not tested at all: the labels came from all of its photographs. What "
            "should be divided first, the patches or the photographs?"
        )


def _rows(given: Any, n: int, case: str) -> tuple[list[int], list[int]]:
    """Return two lists of row numbers, from indices or masks."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise NotYet("Not yet: two index tensors are asked for, the rows to learn from and the rows to test on.")
    lists = []
    for part in given:
        lists.append(row_numbers(part, n, case))
        if not lists[-1]:
            raise NotYet(f"Not yet: for {case}, one part is empty. At least one row belongs on each side.")
    return lists[0], lists[1]


def _interval(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import ttest_rel

    with quietly():  # SciPy warns of differences that are all alike, and its interval holds for them too
        low, high = ttest_rel(a, b).confidence_interval(0.95)
    return float(low), float(high)


def _unpaired(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import ttest_ind

    low, high = ttest_ind(a, b, equal_var=True).confidence_interval(0.95)
    return float(low), float(high)


def _unpaired_pooled(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    from statistics import fmean, variance

    half = _quantile(len(a) - 1, 0.975) * ((variance(a) + variance(b)) / len(a)) ** 0.5
    middle = fmean(a) - fmean(b)
    return middle - half, middle + half


def _around(a: Sequence[float], b: Sequence[float], factor: Callable[[int], float]) -> tuple[float, float]:
    """Return mean ± factor(n) standard errors of the differences."""
    from statistics import fmean, stdev

    differences = [x - y for x, y in zip(a, b, strict=True)]
    half = factor(len(differences)) * stdev(differences) / len(differences) ** 0.5
    return fmean(differences) - half, fmean(differences) + half


def _quantile(freedom: int, p: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, p))
