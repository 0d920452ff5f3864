"""How an answer is judged: what is right, what is wrong and where to look, never the solution."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tlutils.check.reading import kind_of, listed, one_number, quietly, real, shown


class NotYet(AssertionError):
    """An answer that is not right yet; a notebook shows its words alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:  # what IPython asks an error for
        return [str(self)]


class NotAttempted(NotYet):
    """An exercise that still holds the dots it came with."""

    def __init__(self) -> None:
        super().__init__("Not attempted yet: put your answer in place of the dots, run that cell, then this one again.")


@dataclass(frozen=True)
class Mistake:
    """A known wrong way: what it gives for the inputs of a case, and the hint that fits it."""

    gives: Callable[..., Any]
    hint: str


def right(sentence: str) -> None:
    """Print that an answer holds, and what that shows."""
    print(f"Right: {sentence}")


def attempted(answer: Any) -> None:
    """Raise NotAttempted for an answer that is missing or still dots, alone or in a list, a tuple or a dict."""
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, (list, tuple)) else [answer]
    if answer is None or any(part is ... for part in parts):
        raise NotAttempted


@contextmanager
def errors_told(case: str = "") -> Iterator[None]:
    """Run what a reader wrote or made: an error in there becomes NotYet with its words, an empty stub NotAttempted."""
    try:
        with quietly():
            yield
    except NotYet:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, NotImplementedError) and not error.args:  # PyTorch's own have words
            raise NotAttempted from None
        where, told = f" for {case}" if case else "", shown(error, 1000, str)
        raise NotYet(f"Not yet: your function stopped{where} with {type(error).__name__}: {told}") from error


def call(answer: Callable, *inputs: Any, case: str = "") -> Any:
    """Return what a reader's function gives for copies of `inputs`.

    Raises NotAttempted when it still holds dots, NotYet when it is no function, stops with an error, or returns
    nothing; `case` says in words what it was given.
    """
    attempted(answer)
    if not callable(answer):
        raise NotYet(f"Not yet: a function is asked for, and this is {kind_of(answer)} {shown(answer)}.")
    with errors_told(case):
        given = answer(*copy.deepcopy(inputs))
    attempted(given)
    return given


@quietly()
def function(
    answer: Callable,
    oracle: Callable,
    cases: Mapping[str, Sequence[Any]],
    *,
    mistakes: Sequence[Mistake] = (),
    tolerance: float = 1e-4,
    look: str,
) -> None:
    """Compare a reader's function with an independent oracle on each case, its inputs by a description in words.

    What both give may be numbers, tensors, arrays, strings, or tuples, lists and dicts of them. A wrong answer that
    equals a known mistake wherever that one can be computed gets its hint; any other gets the first case that differs,
    and `look`. `tolerance` is relative for values above 1. Raises NotAttempted or NotYet.
    """
    given = {case: call(answer, *inputs, case=case) for case, inputs in cases.items()}
    expected = {case: oracle(*copy.deepcopy(inputs)) for case, inputs in cases.items()}
    differs = {case: _difference(given[case], expected[case], tolerance) for case in cases}
    wrong = [case for case in cases if differs[case]]
    if not wrong:
        return
    for mistake in mistakes:
        if _explains(mistake, given, cases, tolerance):
            raise NotYet(f"Not yet: {mistake.hint}")
    raise NotYet(f"Not yet: for {wrong[0]}, {differs[wrong[0]]}. Where to look: {look}")


def choice(answer: Any, expected: Any, hints: Mapping[Any, str]) -> None:
    """Compare a choice with the right one; `hints` says of each other option why it is not.

    Raises NotAttempted, or NotYet with the option's hint, or with the list of what can be chosen.
    """
    attempted(answer)
    options = [expected, *hints]
    if not isinstance(answer, str | int | float) or answer not in options:
        known = ", ".join(sorted(map(str, options)))
        raise NotYet(f"Not yet: {shown(answer)} is none of the answers; they are {known}.")
    if answer != expected:
        raise NotYet(f"Not yet: {hints[answer]}")


def number(
    answer: Any,
    expected: float,
    *,
    within: float,
    mistakes: Sequence[tuple[float, str]] = (),
    look: str,
) -> None:
    """Compare a number with the right one, to `within`; each mistake is a wrong value and its hint.

    Raises NotAttempted or NotYet, which does not tell the number.
    """
    attempted(answer)
    value = one_number(answer)
    if value is None:
        raise NotYet(f"Not yet: one number is asked for, and this is {kind_of(answer)} {shown(answer)}.")
    if not math.isfinite(value):
        raise NotYet(f"Not yet: {value} is not finite.")
    if abs(value - expected) <= within:
        return
    for wrong, hint in mistakes:
        if abs(value - wrong) <= within:
            raise NotYet(f"Not yet: {hint}")
    if 0 < expected < 1 and abs(value / 100 - expected) <= within:
        raise NotYet("Not yet: that is in per cent, and a number between 0 and 1 is asked for.")
    raise NotYet(f"Not yet: {value:g} is too {'high' if value > expected else 'low'}. Where to look: {look}")


def values(answer: Any, count: int, words: str) -> list:
    """Return an answer of several values as a list, whatever holds them; raises NotAttempted or NotYet."""
    attempted(answer)
    found = listed(answer)
    if not isinstance(found, (list, tuple)) or len(found) != count:
        raise NotYet(f"Not yet: {words} are asked for, not {shown(answer)}.")
    return list(found)


def numbers(given: Any, words: str) -> Tensor:
    """Return what a reader's function gave as a tensor of real numbers; raises NotYet for what is none."""
    found = real(given)
    if found is None:
        raise NotYet(f"Not yet: {words} are asked for, and your function gives {kind_of(given)} {shown(given)}.")
    return found


def _explains(mistake: Mistake, given: dict, cases: Mapping[str, Sequence], tolerance: float) -> bool:
    """Whether a mistake gives the reader's values on every case for which it gives any."""
    computed = 0
    for case, inputs in cases.items():
        try:
            value = mistake.gives(*copy.deepcopy(inputs))
        except Exception:  # an edge case that this wrong way cannot reach says nothing
            continue
        if _difference(given[case], value, tolerance):
            return False
        computed += 1
    return computed > 0


def _difference(given: Any, expected: Any, tolerance: float) -> str:
    """Return in words how a value differs from the expected one; empty when it does not."""
    if isinstance(expected, dict):
        if not isinstance(given, dict) or given.keys() != expected.keys():
            return f"a dict with the keys {', '.join(map(str, expected))} is asked for, not {shown(given)}"
        return next(filter(None, (_difference(given[key], expected[key], tolerance) for key in expected)), "")
    if isinstance(expected, str | bool):
        given = given if isinstance(given, str) else listed(real(given))
        return "" if given == expected else f"your function gives {shown(given)}, which is not it"
    if isinstance(expected, (list, tuple)):
        found = listed(given)  # a tensor or an array of values will do
        if not isinstance(found, (list, tuple)) or len(found) != len(expected):
            matrix = isinstance(found, list) and found is not given and any(isinstance(row, list) for row in found)
            told = f"{kind_of(given)} of shape {tuple(given.shape)}" if matrix else shown(given)
            return f"{len(expected)} values are asked for, not {told}"
        pairs = zip(found, expected, strict=True)
        return next(filter(None, (_difference(a, b, tolerance) for a, b in pairs)), "")
    return _distance(given, expected, tolerance)


def _distance(given: Any, expected: Any, tolerance: float) -> str:
    a, b = real(given), real(expected)
    if a is None or b is None:
        return f"numbers are asked for, and your function gives {kind_of(given)} {shown(given)}"
    a, b = a.double(), b.double()
    if a.shape != b.shape:
        return f"the answer has shape {tuple(b.shape)}, and yours {tuple(a.shape)}"
    if torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True):
        return ""
    if not a.isfinite().all() and b.isfinite().all():
        return "your function gives a value that is not finite"
    if a.numel() == 1:
        return f"your function gives {a.item():.4g}, which is too {'high' if a > b else 'low'}"
    return f"{((a - b).abs() > tolerance * b.abs().clamp(min=1)).double().mean():.0%} of the values differ"
