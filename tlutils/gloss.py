"""Word for word from Chinese into English: the longest listed words, each replaced by a short gloss."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Collection, Mapping

from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.store import data_dir

SENSES = ("first", "frequent")


@checked
def glosses(sense: str = "frequent") -> dict[str, str]:
    """Return the embedded dictionary, a short English gloss for each Chinese word: an extract from CC-CEDICT.

    It covers the words of the course's own Chinese texts. `sense` says which of a word's meanings is
    given: the `first` short one of its entry, or the one that the English side of published sentence
    pairs says most often (`frequent`). Rebuilt by `python -m tlutils.lexicon`.

    Raises ValueError for an unknown sense. Source: CC-CEDICT, mdbg.net, CC BY-SA 4.0. Taught in notebook 13.
    """
    if sense not in SENSES:
        raise unknown("sense", sense, SENSES)
    with open(data_dir() / "glosses_zh_en.csv", encoding="utf-8", newline="") as file:
        return {row["word"]: row[sense] for row in csv.DictReader(file)}


@checked
def segment(text: str, words: Collection[str]) -> list[str]:
    """Cut a text into listed words, at each place the longest that fits, and single characters where none does.

    White space separates and is left out. Taught in notebook 13.
    """
    try:
        longest = max(map(len, words), default=1)
    except TypeError:
        raise TypeError(f"segment: words must be texts, got {type(words).__name__} of something else") from None
    found = []
    for part in text.split():
        place = 0
        while place < len(part):
            sizes = range(min(longest, len(part) - place), 1, -1)
            size = next((n for n in sizes if part[place : place + n] in words), 1)
            found.append(part[place : place + size])
            place += size
    return found


@checked
def gloss(text: str, meanings: Mapping[str, str]) -> str:
    """Return a text with each listed word replaced by its meaning; what is not listed stays as it is.

    `meanings` is a dictionary such as `glosses()`, or one of your own. Order and grammar stay those of
    the text. Raises ValueError for an empty dictionary. Taught in notebook 13.
    """
    if not meanings:
        raise ValueError("the dictionary holds no word: pass glosses(), or one of your own")
    out = ""
    for word in segment(unicodedata.normalize("NFKC", text), meanings):
        if word in meanings:
            out += f" {meanings[word]} "
        else:  # letters and digits of another script stay together
            out += word if word.isascii() else f" {word} "
    return " ".join(out.split())
