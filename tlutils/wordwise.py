"""English into Chinese word for word, by sentence pairs and a dictionary: broken grammar, the right words."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from tlutils.gloss import segment
from tlutils.inputs import check_span, checked
from tlutils.lexicon import Entries, check_pairs, senses, words

RARE = 0.02  # probability below which an aligned word is left out
NEAR = 0.1  # translations this much less likely than the best are left out
ENDINGS = {"ies": ("y",), "es": ("", "e"), "s": ("",), "ied": ("y",), "ed": ("", "e"), "ing": ("", "e")}
MOST_ROUNDS = 1000  # far beyond the last change of a digit
Table = dict[str, dict[str, float]]


@checked
def aligned_words(english: Sequence[Sequence[str]], chinese: Sequence[Sequence[str]], rounds: int = 6) -> Table:
    """Return P(Chinese word | English word) from sentence pairs cut into words, rare ones left out.

    Each Chinese word is taken to come from one English word of its sentence, or from none, all equally
    likely at first; every round counts what that makes likely. Words of a sentence count once in English.

    Raises ValueError when the sentences are not as many in both languages, and for rounds below 1 or above 1,000.
    Source: Brown et al. (1993), model 1, aclanthology.org/J93-2003.
    """
    check_pairs(english, chinese)
    check_span(rounds, "rounds", 1, MOST_ROUNDS)
    for sentence in (*english, *chinese):
        if not isinstance(sentence, (list, tuple)) or not all(isinstance(word, str) for word in sentence):
            raise TypeError(f"each sentence must be a list of words, got {type(sentence).__name__} {sentence!r:.60}")
    sources: dict[str, int] = {"": 0}  # the word for what comes from none
    targets: dict[str, int] = {}
    left, right, token = [], [], []
    total = 0
    for ours, theirs in zip(english, chinese, strict=True):
        some = [0, *(sources.setdefault(word, len(sources)) for word in dict.fromkeys(ours))]
        for word in theirs:
            left += some
            right += [targets.setdefault(word, len(targets))] * len(some)
            token += [total] * len(some)
            total += 1
    if not targets:
        return {}
    key, entry = np.unique(np.array(left) * len(targets) + np.array(right), return_inverse=True)
    source, target = np.divmod(key, len(targets))
    place = np.array(token)
    probability = np.ones(len(key))
    for _ in range(rounds):
        weight = probability[entry]
        share = weight / np.bincount(place, weight)[place]
        count = np.bincount(entry, share)
        probability = count / np.bincount(source, count)[source]
    ours, theirs = list(sources), list(targets)
    table: Table = {}
    for p, s, t in zip(probability.tolist(), source.tolist(), target.tolist(), strict=True):
        if p > RARE and s:
            table.setdefault(ours[s], {})[theirs[t]] = p
    return table


class WordByWord:
    """Translates English into Chinese word for word, drawing among the likely words of the other language.

    Learnt from sentence pairs (`aligned_words`) and from a dictionary read backwards, in which words of up
    to three English words are found too. What neither knows is left out. Deterministic for a seed.

    Raises ValueError when the sentences are not as many in both languages.
    """

    @checked
    def __init__(self, entries: Entries, english: Sequence[str], chinese: Sequence[str], seed: int = 0) -> None:
        check_pairs(english, chinese)
        if not all(isinstance(word, str) for word in entries):
            raise TypeError("the dictionary's words must be texts: pass corpora.cc_cedict(), or one of your own")
        simplified = set("".join(entries))
        pairs = [(words(ours), segment(theirs, entries.keys())) for ours, theirs in zip(english, chinese, strict=True)]
        pairs = [(ours, [w for w in theirs if simplified.issuperset(w)]) for ours, theirs in pairs]
        self.common = Counter(word for _, theirs in pairs for word in theirs)
        self.aligned = aligned_words([ours for ours, _ in pairs], [theirs for _, theirs in pairs])
        self.listed: Table = {}
        for word, entry in entries.items():
            for rank, meaning in enumerate(senses(entry)):
                if len(meaning.split()) <= 3 and word in self.common:
                    self.listed.setdefault(meaning.lower(), {})[word] = self.common[word] / (1 + rank)
        self.random = random.Random(seed)
        self.known: dict[str, tuple[list[str], list[float]]] = {}

    @checked
    def __call__(self, text: str) -> str:
        found, place, plain = [], 0, words(text)
        while place < len(plain):
            sizes = (n for n in (3, 2) if " ".join(plain[place : place + n]) in self.listed and place + n <= len(plain))
            size = next(sizes, 1)
            choices, weights = self._translations(" ".join(plain[place : place + size]))
            if choices:
                found += self.random.choices(choices, weights)
            place += size
        return "".join(found)

    def _translations(self, phrase: str) -> tuple[list[str], list[float]]:
        """Return the likely translations of a word, or of a listed phrase, and their weights."""
        if phrase not in self.known:
            mass = dict(self.aligned.get(phrase, {}))
            listed = next((self.listed[base] for base in base_forms(phrase) if base in self.listed), {})
            for word, weight in listed.items():
                mass[word] = mass.get(word, 0) + weight / sum(listed.values())
            best = max(mass.values(), default=0)
            kept = {word: weight for word, weight in mass.items() if weight >= NEAR * best}
            self.known[phrase] = list(kept), list(kept.values())
        return self.known[phrase]


@checked
def base_forms(word: str) -> Iterator[str]:
    """Yield a word and what it may be an inflection of."""
    yield word
    for ending, instead in ENDINGS.items():
        base = word.removesuffix(ending)
        if base != word and len(base) >= 2:
            yield from (base + letters for letters in instead)
            if len(base) > 3 and base[-1] == base[-2]:
                yield base[:-1]  # stopped, stop
