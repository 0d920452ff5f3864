"""One way to say that a name is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

from tlutils.inputs import checked


@checked
def unknown(what: str, name: object, known: Iterable[str]) -> ValueError:
    """Build the error for an unknown name, with the nearest known one as a suggestion."""
    known = sorted(map(str, known))
    near = get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ValueError(f"unknown {what} {name!r}: {hint}known are {', '.join(known)}")
