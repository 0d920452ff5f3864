"""Answers of several parts: which of these sentences, which of these rows, which name for each of these things."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch

from tlutils.check.reading import shown
from tlutils.check.verdict import NotYet, attempted, numbers


def sentences(answer: Any, expected: Collection[str], hints: Mapping[str, str], missing: str) -> None:
    """Compare a set of letters with the right one; `hints` says of every letter what to look at when it is wrong there.

    A list, a tuple or a string of letters will do as well. A letter too many comes first, then `missing` and the hint
    of a letter too few, unnamed. Raises NotAttempted or NotYet.
    """
    attempted(list(answer) if isinstance(answer, set | frozenset) else answer)
    given = _letters(answer, hints)
    for letter in sorted(given - set(expected)):
        raise NotYet(f"Not yet, look at {letter} again: {hints[letter]}")
    for letter in sorted(set(expected) - given):
        raise NotYet(f"Not yet: {missing} {hints[letter][:1].upper()}{hints[letter][1:]}")


def names(answer: Any, expected: Mapping[str, str], options: Collection[str], hints: Mapping[tuple, str]) -> None:
    """Compare a dict of a name for each thing with the right one; `hints` by (thing, name), else by (name,).

    Raises NotAttempted, or NotYet with the hint of the first thing that has a wrong name.
    """
    attempted(answer)
    if not isinstance(answer, dict) or answer.keys() != expected.keys():
        raise NotYet(f"Not yet: a dict with the keys {', '.join(expected)} is asked for, not {shown(answer, 80)}.")
    given = {thing: shown(name, 40, str).strip().lower() for thing, name in answer.items()}
    for thing, name in given.items():
        if name not in options:
            raise NotYet(f"Not yet: {shown(answer[thing], 40)} for {thing} is none of {', '.join(options)}.")
    wrong = [thing for thing in expected if given[thing] != expected[thing]]
    if wrong:
        thing, name = wrong[0], given[wrong[0]]
        hint = hints.get((thing, name)) or hints[name,]
        raise NotYet(f"Not yet ({len(expected) - len(wrong)} of {len(expected)} are right), {thing}: {hint}")


def row_numbers(given: Any, n: int, case: str) -> list[int]:
    """Return which of n rows are meant, by their numbers or by a mask; raises NotYet for what are none."""
    found = numbers(given, "row numbers").flatten()
    rows = found.nonzero().flatten() if found.dtype == torch.bool else found.long()
    whole = found.dtype == torch.bool or bool((rows == found).all())
    if not whole or (len(rows) and not 0 <= rows.min() <= rows.max() < n):
        raise NotYet(f"Not yet: for {case}, these are no row numbers: the rows must lie in 0 to {n - 1}.")
    return rows.tolist()


def _letters(answer: Any, known: Collection[str]) -> set[str]:
    parts = [c for c in answer if c.isalpha()] if isinstance(answer, str) else answer
    if not isinstance(parts, set | frozenset | list | tuple) or not all(isinstance(part, str) for part in parts):
        raise NotYet(f"Not yet: a set of letters is asked for, such as {{'a', 'b'}}, not {shown(answer)}.")
    given = {part.strip().strip(")").lower() for part in parts}
    if given - set(known):
        raise NotYet(f"Not yet: {min(given - set(known))!r:.20} is none of the letters {', '.join(sorted(known))}.")
    return given
