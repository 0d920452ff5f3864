"""Alignment against a slow model 1 in dictionaries; translation word by word: deterministic, listed phrases first."""

import pytest

from tlutils.wordwise import WordByWord, aligned_words, base_forms

ENGLISH = [["the", "house"], ["the", "book"], ["a", "book"], ["house"], ["a", "green", "house"]]
CHINESE = [["这", "房"], ["这", "书"], ["书"], ["房"], ["绿", "房"]]


def slow_model_1(english, chinese, rounds):
    """Return Brown et al.'s model 1 by loops, as their section 4.1 has it."""
    pairs = [(["", *dict.fromkeys(e)], c) for e, c in zip(english, chinese, strict=True)]
    p = {(s, t): 1.0 for e, c in pairs for s in e for t in c}
    for _ in range(rounds):
        counts, totals = dict.fromkeys(p, 0.0), {}
        for e, c in pairs:
            for t in c:
                norm = sum(p[s, t] for s in e)
                for s in e:
                    counts[s, t] += p[s, t] / norm
                    totals[s] = totals.get(s, 0.0) + p[s, t] / norm
        p = {(s, t): counts[s, t] / totals[s] for s, t in p}
    return p


@pytest.mark.parametrize("rounds", [1, 2, 6])
def test_alignment_is_model_1(rounds):
    slow, fast = slow_model_1(ENGLISH, CHINESE, rounds), aligned_words(ENGLISH, CHINESE, rounds)
    for (source, target), p in slow.items():
        if source and p > 0.021:
            assert fast[source][target] == pytest.approx(p, abs=1e-9)
    assert sum(len(row) for row in fast.values()) == sum(p > 0.02 for (source, _), p in slow.items() if source)


def test_alignment_finds_the_words():
    table = aligned_words(ENGLISH, CHINESE, 20)
    assert {word: max(row, key=row.get) for word, row in table.items()}["book"] == "书"
    assert max(table["green"], key=table["green"].get) == "绿"


ENTRIES = {"房": ["house"], "书": ["book"], "绿": ["green"], "这": ["this"], "绿房": ["green house"], "房子": ["house"]}
SENTENCES = [" ".join(words) for words in ENGLISH], ["".join(words) for words in CHINESE]


def test_words_are_put_in_order_and_phrases_come_first():
    translate = WordByWord(ENTRIES, *SENTENCES)
    assert translate("House, BOOK!") == "房书"
    assert translate("zebra") == "", "what nobody knows is left out"
    seen = WordByWord(ENTRIES, [*SENTENCES[0], "x"], [*SENTENCES[1], "绿房"])  # a phrase must occur to be listed
    assert seen("a green house").endswith("绿房")


def test_a_seed_decides_every_draw():
    entries = {"房": ["house"], "屋": ["house"]}
    sentences = ["house"] * 6, ["房", "屋"] * 3
    runs = [WordByWord(entries, *sentences, seed=seed)("house " * 50) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2] and set(runs[0]) == {"房", "屋"}


@pytest.mark.parametrize(
    ("word", "base"), [("rooms", "room"), ("stopped", "stop"), ("tries", "try"), ("used", "use"), ("making", "make")]
)
def test_inflections_lead_to_their_words(word, base):
    assert base in list(base_forms(word)) and next(base_forms(word)) == word
