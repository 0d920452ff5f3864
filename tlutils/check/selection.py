"""Answers of several parts: which of these sentences, and which name for each of these things."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tlutils.check.verdict import NotYet, attempted


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
        raise NotYet(f"Not yet: a dict with the keys {', '.join(expected)} is asked for, not {answer!r:.80}.")
    given = {thing: str(name).strip().lower() for thing, name in answer.items()}
    for thing, name in given.items():
        if name not in options:
            raise NotYet(f"Not yet: {answer[thing]!r:.40} for {thing} is none of {', '.join(options)}.")
    wrong = [thing for thing in expected if given[thing] != expected[thing]]
    if wrong:
        thing, name = wrong[0], given[wrong[0]]
        hint = hints.get((thing, name)) or hints[name,]
        raise NotYet(f"Not yet ({len(expected) - len(wrong)} of {len(expected)} are right), {thing}: {hint}")


def _letters(answer: Any, known: Collection[str]) -> set[str]:
    parts = [c for c in answer if c.isalpha()] if isinstance(answer, str) else answer
    if not isinstance(parts, set | frozenset | list | tuple) or not all(isinstance(part, str) for part in parts):
        raise NotYet(f"Not yet: a set of letters is asked for, such as {{'a', 'b'}}, not {answer!r:.60}.")
    given = {part.strip().strip(")").lower() for part in parts}
    if given - set(known):
        raise NotYet(f"Not yet: {min(given - set(known))!r:.20} is none of the letters {', '.join(sorted(known))}.")
    return given
