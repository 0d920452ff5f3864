"""What Chinese words mean, out of a dictionary and sentence pairs: `python -m tlutils.lexicon` embeds an extract."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from tlutils.datasets import corpora, reviews
from tlutils.gloss import segment
from tlutils.inputs import checked
from tlutils.store import data_dir, sha256, write_json

Entries = Mapping[str, Sequence[str]]
FILE = "glosses_zh_en"
LONGEST = 4  # English words in a gloss; longer ones explain and do not translate
PARTICLES = "的了"  # structure only: whatever a dictionary says of them misleads
NO_MEANING = re.compile(
    r"(old |archaic |unofficial |Japanese |erhua )?variant of|see |CL:|surname |abbr\.|also written|used in|same as|"
    r"also pr|Taiwan pr|Kangxi|erhua|structural particle"
)
LITTLE = frozenset("to a an the of be in on at for with and or sb sth one's oneself it is are".split())


@checked
def senses(entry: Sequence[str]) -> list[str]:
    """Return the meanings of a CC-CEDICT entry, without remarks, Chinese and cross-references."""
    found = []
    for part in ";".join(entry).split(";"):
        part = re.sub(r"\([^)]*\)|\[[^\]]*\]", "", part).strip()
        part = re.sub(r"^(to be|to|a|an|the) ", "", part)
        if part and part.isascii() and re.search("[A-Za-z]", part) and not NO_MEANING.match(part):
            found.append(" ".join(part.split()).strip(" ,"))
    return found


@checked
def first_senses(entries: Entries) -> dict[str, str]:
    """Return the first meaning of each word that has few words, or its first."""
    chosen = {}
    for word, entry in entries.items():
        if not isinstance(word, str):
            raise TypeError(f"the dictionary's words must be texts, got {type(word).__name__} {word!r:.60}")
        if meanings := senses(entry):
            chosen[word] = next((meaning for meaning in meanings if len(meaning.split()) <= LONGEST), meanings[0])
    return chosen | dict.fromkeys(PARTICLES, "")


@checked
def frequent_senses(entries: Entries, english: Sequence[str], chinese: Sequence[str]) -> dict[str, str]:
    """Return that meaning of each word which English sentences say most often when their Chinese has the word.

    How often is measured as P(meaning | word) − P(meaning); a meaning of several words counts as often as its rarest.
    Words that occur less than twice keep their first meaning, as do those of which no meaning is ever said.
    Raises ValueError when the sentences are not as many in both languages.
    """
    check_pairs(english, chinese)
    meanings = first_senses(entries)
    in_all, seen = Counter[str](), Counter[str]()
    said: dict[str, Counter[str]] = {}
    for ours, theirs in zip(english, chinese, strict=True):
        stems = {_stem(word) for word in words(ours)}
        in_all.update(stems)
        for word in set(segment(theirs, entries.keys())) & meanings.keys():
            seen[word] += 1
            said.setdefault(word, Counter()).update(stems)
    for word, count in seen.items():
        if count < 2 or word in PARTICLES:
            continue
        scores: dict[str, float] = {}
        for rank, meaning in enumerate(senses(entries[word])):
            parts = [_stem(part) for part in words(meaning) if part not in LITTLE]
            if parts and len(meaning.split()) <= LONGEST:
                excess = min(said[word][part] / count - in_all[part] / len(english) for part in parts)
                scores.setdefault(meaning, excess - 0.002 * rank)  # of equals the one that is named first
        best = max(scores, key=scores.__getitem__, default=None)
        if best and scores[best] > 0.02:
            meanings[word] = best
    return meanings


@checked
def check_pairs(english: Sequence, chinese: Sequence) -> None:
    """Raise ValueError when the sentences of two languages are not as many."""
    if len(english) != len(chinese):
        raise ValueError(f"{len(english)} English sentences and {len(chinese)} Chinese ones: pass pairs")


@checked
def words(text: str) -> list[str]:
    """Return the English words and numbers of a text, small letters."""
    return re.findall(r"[a-z]+(?:'[a-z]+)?|[0-9]+", text.lower())


def _stem(word: str) -> str:
    """Return a word without a common ending: enough to see that `rooms` and `room` are one."""
    for ending in ("ing", "ed", "es", "s", "ly", "d"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def published_pairs() -> tuple[list[str], list[str]]:
    """Return the sentence pairs of Tatoeba and XNLI, English and Chinese."""
    sources = [corpora.tatoeba(), corpora.xnli_pairs("dev"), corpora.xnli_pairs("test")]
    return [s for english, _ in sources for s in english], [s for _, chinese in sources for s in chinese]


def build() -> None:
    """Write the extract of the dictionary that covers the course's own Chinese texts, and its card."""
    entries = corpora.cc_cedict()
    first, frequent = first_senses(entries), frequent_senses(entries, *published_pairs())
    own = [*reviews.reviews(language="zh").x, *reviews.pairs()[1]]
    used = {word for text in own for word in segment(text, first.keys())} & first.keys()
    path = data_dir() / f"{FILE}.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["word", "first", "frequent"])
        table.writerows([word, first[word], frequent[word]] for word in sorted(used))
    write_json(
        data_dir() / f"{FILE}.card.json",
        {
            "name": FILE,
            "what": f"{len(used)} Chinese words of the course's own texts with two short English glosses each",
            "data": "CC-CEDICT of 2019-10-25, 117,512 entries; senses chosen with the pairs of Tatoeba and XNLI",
            "attribution": "CC-CEDICT, published by MDBG, www.mdbg.net/chinese/dictionary?page=cc-cedict; changed: "
            "an extract, one short gloss per word, remarks left out",
            "licence": "CC BY-SA 4.0, creativecommons.org/licenses/by-sa/4.0",
            "command": "python -m tlutils.lexicon",
            "sha256": sha256(path),
            "limits": "made for the embedded texts: others need the whole dictionary, corpora.cc_cedict()",
        },
    )


if __name__ == "__main__":
    build()
