"""How an answer is judged: what is right, what is wrong and where to look, never the solution."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


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


def call(answer: Callable, *inputs: Any, case: str = "") -> Any:
    """Return what a reader's function gives for copies of `inputs`.

    Raises NotAttempted when it still holds dots, NotYet when it is no function, stops with an error, or returns
    nothing; `case` says in words what it was given.
    """
    attempted(answer)
    if not callable(answer):
        raise NotYet(f"Not yet: a function is asked for, and this is {_kind(answer)} {answer!r:.60}.")
    where = f" for {case}" if case else ""
    try:
        with quietly():
            given = answer(*copy.deepcopy(inputs))
    except NotImplementedError:
        raise NotAttempted from None
    except Exception as error:
        raise NotYet(f"Not yet: your function stopped{where} with {type(error).__name__}: {error}") from error
    attempted(given)
    return given


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
    options = sorted(map(str, [expected, *hints]))
    if answer == expected:
        return
    if not isinstance(answer, str | int | float) or answer not in hints:
        raise NotYet(f"Not yet: {answer!r:.60} is none of the answers; they are {', '.join(options)}.")
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
    value = _number(answer)
    if value is None:
        raise NotYet(f"Not yet: one number is asked for, and this is {_kind(answer)} {answer!r:.60}.")
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


@contextmanager
def quietly():
    """Silence warnings: what a grader sees on stderr costs all points."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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
            return f"a dict with the keys {', '.join(map(str, expected))} is asked for, not {given!r:.60}"
        return next(filter(None, (_difference(given[key], expected[key], tolerance) for key in expected)), "")
    if isinstance(expected, str | bool):
        return "" if given == expected else f"your function gives {given!r:.60}, which is not it"
    if isinstance(expected, (list, tuple)):
        matrix = getattr(given, "ndim", 0) > 1  # its numbers would say nothing
        shown = f"{_kind(given)} of shape {tuple(given.shape)}" if matrix else f"{given!r:.60}"
        given = given.tolist() if hasattr(given, "tolist") else given  # a tensor or an array of values will do
        if not isinstance(given, (list, tuple)) or len(given) != len(expected):
            return f"{len(expected)} values are asked for, not {shown}"
        pairs = zip(given, expected, strict=True)
        return next(filter(None, (_difference(a, b, tolerance) for a, b in pairs)), "")
    return _distance(given, expected, tolerance)


def _distance(given: Any, expected: Any, tolerance: float) -> str:
    a, b = _tensor(given), _tensor(expected)
    if a is None:
        return f"numbers are asked for, and your function gives {_kind(given)} {given!r:.60}"
    if a.shape != b.shape:
        return f"the answer has shape {tuple(b.shape)}, and yours {tuple(a.shape)}"
    if torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True):
        return ""
    if not a.isfinite().all() and b.isfinite().all():
        return "your function gives a value that is not finite"
    if a.numel() == 1:
        return f"your function gives {a.item():.4g}, which is too {'high' if a > b else 'low'}"
    return f"{((a - b).abs() > tolerance * b.abs().clamp(min=1)).double().mean():.0%} of the values differ"


def _tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value.detach().cpu().double()
    try:
        return torch.as_tensor(value).double()
    except (TypeError, ValueError, RuntimeError):
        return None


def _number(value: Any) -> float | None:
    tensor = None if isinstance(value, str | bool) else _tensor(value)
    return tensor.item() if tensor is not None and tensor.numel() == 1 else None


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
