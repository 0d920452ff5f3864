"""Checks of notebook 13: translations among the k nearest, the loss of a single row, and sentences that leaked."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tlutils.check.reading import listed
from tlutils.check.verdict import Mistake, call, function, number, right


def found_among(answer: Callable[[Tensor, Tensor, int], float]) -> None:
    """Check the share of translations among the k nearest rows by cosine. Exercise 1 of notebook 13.

    `answer(chinese, english, k)` takes two tensors (n, d). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(13)

    def pairs(n: int, d: int, noise: float, lengths: float = 1.0) -> tuple[Tensor, Tensor]:
        english = torch.randn(n, d, generator=draw, dtype=torch.float64)
        chinese = english + noise * torch.randn(n, d, generator=draw, dtype=torch.float64)
        sides = []
        for side in (chinese, english):
            long = (lengths * torch.randn(n, 1, generator=draw, dtype=torch.float64)).exp()
            sides.append(side / side.norm(dim=1, keepdim=True) * long)
        return sides[0], sides[1]

    chinese, english = pairs(14, 5, 0.7, 0)
    english = english.clone()
    english[3] = chinese.mean(0)  # one English row that lies in the middle of the Chinese ones
    cases = {
        "30 pairs of rows of all lengths, k = 1": (*pairs(30, 6, 0.9), 1),
        "20 pairs of rows of all lengths, k = 3": (*pairs(20, 5, 1.0), 3),
        "an English row that many Chinese ones are near to, k = 2": (chinese, english, 2),
        "rows of length 1, k = 4": (*pairs(25, 4, 1.5, 0), 4),
        "k as large as the number of rows": (*pairs(6, 3, 2.0), 6),
        "2 pairs, k = 1": (*pairs(2, 3, 0.1), 1),
    }
    function(
        answer,
        lambda a, b, k: _found(a, b, k, _cosine),
        cases,
        mistakes=[
            Mistake(
                lambda a, b, k: _found(a, b, k, lambda x, y: float(x @ y)),
                "with these products a long English row is near to everybody. What does a cosine divide by?",
            ),
            Mistake(
                lambda a, b, k: _found(a, b, k, lambda x, y: -float((x - y).norm())),
                "that is the distance in space, which a row's length changes. Near is meant by cosine here.",
            ),
            Mistake(
                lambda a, b, k: _found(b, a, k, _cosine),
                "you look for the Chinese rows near an English one. Whose translation is asked for, and who competes?",
            ),
            Mistake(
                lambda a, b, k: _found(a, b, 1, _cosine),
                "only the nearest row counts in your answer. What does k allow?",
            ),
            Mistake(
                lambda a, b, k: _found(a, b, k - 1, _cosine),
                "your answer allows one row fewer than k. Does the translation itself take one of the k places?",
            ),
            Mistake(
                lambda a, b, k: _found(a, b, k + 1, _cosine),
                "your answer allows one row more than k. When k is 1, how many others may be nearer?",
            ),
            Mistake(
                lambda a, b, k: _found(a, b, k, _cosine) - _found(a, b, k - 1, _cosine),
                "only the k-th place counts in your answer. What of a translation that is nearer still?",
            ),
            Mistake(
                lambda a, b, k: len(a) * _found(a, b, k, _cosine),
                "that is a number of rows, and a share is asked for.",
            ),
        ],
        look="'Distil it here' in notebook 13, where k is 1; for one Chinese row, sort the English ones by cosine.",
    )
    right("it agrees with sorting the rows one by one. No label is read, only which sentences belong together.")


def loss_of_one_row(answer: float) -> None:
    """Check the least distillation loss of one row for all texts; teacher's mean of length 0.6. Exercise 2 of 13.

    Raises NotAttempted or NotYet.
    """
    mean = 0.6
    angles = [math.pi * step / 10_000 for step in range(10_001)]  # between the one row and the teacher's mean
    number(
        answer,
        min(1 + 1 - 2 * mean * math.cos(angle) for angle in angles),
        within=5e-4,
        mistakes=[
            (1 - mean**2, "that is the loss of the teacher's mean itself. Has it the length of a student's row?"),
            (2, "that is the loss of a row at right angles to the teacher's mean. Is there a better one?"),
            (0, "no single row can equal rows that differ among themselves. How far from the mean's length is 1?"),
            (1 - mean, "that misses a factor: how often does the mixed term come when a difference is squared?"),
            ((1 - mean) ** 2, "that is the distance to the teacher's mean, not the mean of the distances to its rows."),
            (math.sqrt(2 - 2 * mean), "that is the root of it. The formula has the square."),
            ((2 - 2 * mean) / 384, "the formula adds the squares up over the columns. You took their mean."),
        ],
        look="‖s − t‖² for two rows of length 1, and its mean over all t while s stays the same.",
    )
    right("a loss that stops at this value has learnt the teacher's mean and nothing about any sentence.")


def leaked_sentences(answer: Callable[[list[str], list[str]], Sequence[int]]) -> None:
    """Check the search for test sentences that also stand among those taught. Exercise 3 of notebook 13.

    `answer(test, taught)` returns positions in `test`. Raises NotAttempted or NotYet.
    """
    cases = {
        "sentences that are equal as they stand": (["早餐一般", "前台很热情"], ["很脏", "前台很热情"]),
        "other punctuation and spaces": (["房间很大！", "很 安静"], ["很安静。", "房间，很大"]),
        "capitals": (["有WiFi", "有电梯"], ["有wifi。"]),
        "full width": (["ＷＩＦＩ很快", "住了２天", "很好"], ["wifi很快", "住了 2 天。"]),
        "a part of a longer sentence": (["房间很大", "房间很大，很干净，很安静"], ["房间很大，很干净"]),
        "the same characters in another order": (["狗咬人", "人咬狗"], ["人咬狗。"]),
        "numbers that differ": (["住了2天", "住了12天"], ["住了12天！"]),
        "a sentence that stands twice in the test": (["很脏", "安静", "很脏。"], ["很脏！"]),
        "nothing taught": (["早餐一般"], []),
        "nothing leaked": (["早餐一般", "很脏"], ["前台很热情", "房间很大"]),
    }
    call(answer, *cases["nothing leaked"])  # dots would be taken for an error below

    def by(plain: Callable[[str], Any]) -> Callable[[list[str], list[str]], list[int]]:
        return lambda test, taught: [i for i, text in enumerate(test) if any(plain(text) == plain(t) for t in taught)]

    function(
        lambda test, taught: _positions(answer(test, taught)),
        by(_characters),
        cases,
        mistakes=[
            Mistake(
                by(str),
                "your function knows a sentence only when it is typed in the same way. Which marks do not matter?",
            ),
            Mistake(
                by(lambda text: "".join(text.split())),
                "spaces no longer matter to your function. What else may differ when the same sentence is typed?",
            ),
            Mistake(
                by(lambda text: [c for c in text if c.isalnum()]),
                "spaces and punctuation no longer matter. Is Ａ the same letter as a?",
            ),
            Mistake(
                by(lambda text: [c.lower() for c in text if c.isalnum()]),
                "small and capital letters are even now, but a digit of full width is another character than 2.",
            ),
            Mistake(
                by(lambda text: [c for c in unicodedata.normalize("NFKC", text) if c.isalnum()]),
                "width no longer matters. What of capitals?",
            ),
            Mistake(
                by(lambda text: sorted(_characters(text))),
                "a dog that bites a man is not a man that bites a dog. Does the order count in your function?",
            ),
            Mistake(
                by(lambda text: set(_characters(text))),
                "a dog that bites a man is not a man that bites a dog. Does the order count in your function?",
            ),
            Mistake(
                lambda test, taught: [i for i, text in enumerate(test) if any(_within(text, t) for t in taught)],
                "a part of a longer sentence counts as leaked. Compare whole with whole.",
            ),
            Mistake(
                lambda test, taught: by(_characters)(taught, test),
                "those are positions in `taught`. Which list is searched for what leaked?",
            ),
        ],
        look="bring each sentence into one plain form: one width, one case, no spaces, no marks; then compare.",
    )
    right("typed in any way, a sentence is known again. Take such sentences out before a test is believed.")


def _cosine(x: Tensor, y: Tensor) -> float:
    return float(x @ y) / math.sqrt(float(x @ x) * float(y @ y))


def _found(a: Tensor, b: Tensor, k: int, near: Callable[[Tensor, Tensor], float]) -> float:
    """Return the share of rows of a whose own row of b comes first to k-th, by sorting."""

    def place(i: int) -> int:
        return sorted(range(len(b)), key=lambda j: -near(a[i], b[j])).index(i)

    return sum(place(i) < k for i in range(len(a))) / len(a)


def _characters(text: str) -> list[str]:
    """Return the letters and digits of a text in half width and small, by their code points."""
    half = [chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text]
    return [c.lower() for c in half if unicodedata.category(c)[0] in "LN"]


def _within(part: str, whole: str) -> bool:
    return "".join(_characters(part)) in "".join(_characters(whole))


def _positions(given: Any) -> Any:
    """Return positions as an ascending list, whether they came as a list, a set, a tuple, or a tensor."""
    found = listed(given)
    try:
        return sorted(found) if isinstance(found, (list, tuple, set, frozenset)) else found
    except TypeError:  # not even comparable
        return given
