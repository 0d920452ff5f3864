"""Reviews and sentence pairs written for this course, in English and Chinese: embedded, no download.

Written with a language model's help, as `card()` says: for learning how methods behave, not for
measuring how people write.
"""

from __future__ import annotations

import csv
import hashlib
import json

import torch

from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.store import data_dir

CLASSES = ("negative", "positive")
CATEGORIES = ("books", "electronics", "kitchen")
STYLES = ("plain", "story", "negation", "irony", "mixed")
LANGUAGES = {"en": "English", "zh": "Chinese"}
PARTS = ("train", "test")
Row = dict[str, str]


@checked
def reviews(
    category: str | None = None, language: str = "en", *, part: str | None = None, style: str | None = None
) -> Domain:
    """Return reviews with their sentiment, negative or positive: of one category, or of all three.

    `language` is `en` or `zh`; the Chinese ones are no translations. `part` is `train`, two
    thirds of every category, sentiment and style, or `test`, the rest, always the same. `style` is `plain`
    (the verdict in ordinary words), `story` (implied by what happened), `negation` (by saying what is not so),
    `irony`, or `mixed` (praise and blame, with a verdict).

    Raises ValueError for an unknown name. Taught in notebook 12.
    """
    rows = _selected(language, part, category, style)
    labels = torch.tensor([CLASSES.index(row["label"]) for row in rows])
    return Domain([row["text"] for row in rows], labels, CLASSES, _name(language, category or "all", style, part))


@checked
def topics(language: str = "en", *, part: str | None = None) -> Domain:
    """Return the same reviews with their category for label: books, electronics or kitchen.

    Raises ValueError for an unknown name. Taught in notebook 12.
    """
    rows = _selected(language, part)
    labels = torch.tensor([CATEGORIES.index(row["category"]) for row in rows])
    return Domain([row["text"] for row in rows], labels, CATEGORIES, _name(language, "topics", None, part))


@checked
def pairs(kind: str | None = None) -> tuple[list[str], list[str]]:
    """Return English sentences and their Chinese translations: `everyday`, `review`, or both kinds.

    Raises ValueError for an unknown kind. Taught in notebook 13.
    """
    rows = _read("pairs_en_zh")
    kinds = {row["kind"] for row in rows}
    if kind is not None and kind not in kinds:
        raise unknown("kind of sentence", kind, kinds)
    rows = [row for row in rows if kind in (None, row["kind"])]
    return [row["en"] for row in rows], [row["zh"] for row in rows]


def card() -> dict:
    """Return what the reviews and the pairs are: who wrote them, how, how many, what they are not, their licence.

    Taught in notebook 12.
    """
    return json.loads((data_dir() / "reviews.card.json").read_text(encoding="utf-8"))


def _selected(language: str, part: str | None, category: str | None = None, style: str | None = None) -> list[Row]:
    for what, given, known in (
        ("language", language, LANGUAGES),
        ("part", part, (*PARTS, None)),
        ("category", category, (*CATEGORIES, None)),
        ("style", style, (*STYLES, None)),
    ):
        if given not in known:
            raise unknown(what, given, filter(None, known))
    rows = _read(f"reviews_{language}")
    if part:
        test = _test_texts(rows)
        rows = [row for row in rows if (row["text"] in test) == (part == "test")]
    return [row for row in rows if category in (None, row["category"]) and style in (None, row["style"])]


def _test_texts(rows: list[Row]) -> set[str]:
    """Return the test texts: of every category, sentiment and style the third, rounded down, with the first hashes."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        groups.setdefault((row["category"], row["label"], row["style"]), []).append(row["text"])
    test = set()
    for texts in groups.values():
        texts.sort(key=lambda text: hashlib.sha256(text.encode()).digest())
        test.update(texts[: len(texts) // 3])
    return test


def _read(name: str) -> list[Row]:
    with open(data_dir() / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _name(language: str, *details: str | None) -> str:
    return f"{LANGUAGES[language]} reviews, {', '.join(filter(None, details))}"
