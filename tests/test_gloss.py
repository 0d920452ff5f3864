"""Longest matches against every way to cut; senses of real entries; the embedded extract."""

from itertools import product

import pytest

from tlutils.datasets import corpora, reviews
from tlutils.gloss import gloss, glosses, segment
from tlutils.lexicon import first_senses, frequent_senses, senses
from tlutils.store import data_dir

WORDS = {"研究": "research", "研究生": "graduate student", "生命": "life", "起源": "origin", "不": "not", "好": "good"}


def slow_segment(text, words):
    """Cut from the left: of all listed beginnings take the longest, else one character."""
    if not text:
        return []
    fits = [word for word in words if text.startswith(word)]
    word = max(fits, key=len) if fits else text[0]
    return [word, *slow_segment(text[len(word) :], words)]


def test_segments_are_the_longest_matches_from_the_left():
    words = {"a", "ab", "abc", "bc", "cab", "cc"}
    for letters in product("abc", repeat=6):
        text = "".join(letters)
        assert segment(text, words) == slow_segment(text, words)
    assert segment("研究生命起源", WORDS) == ["研究生", "命", "起源"], "greedy: the classic mistake is kept"


def test_white_space_separates_and_nothing_is_lost():
    assert segment(" 不好\n不 好 ", {"不好"}) == ["不好", "不", "好"]
    assert segment("abc", set()) == ["a", "b", "c"] and segment("", {"a"}) == []


def test_words_are_replaced_and_the_rest_stays():
    assert gloss("研究生不好", WORDS) == "graduate student not good"
    assert gloss("WiFi不好，用2天", WORDS) == "WiFi not good , 用 2 天"
    assert gloss("的好", WORDS | {"的": ""}) == "good"


def test_a_dictionary_without_words_or_an_unknown_sense_is_refused():
    with pytest.raises(ValueError, match="holds no word"):
        gloss("好", {})
    with pytest.raises(ValueError, match="unknown sense 'best'.*known are first, frequent"):
        glosses("best")


# ---------------------------------------------------------------- senses


def test_senses_are_short_and_without_remarks():
    entry = ["(coll.) to be dirty; filthy", "viscera", "variant of 髒|脏[zang1]", "CL:個|个[ge4]", "(old)", "see 髒"]
    assert senses(entry) == ["dirty", "filthy", "viscera"]
    assert senses(["surname Hao", "good"]) == ["good"]


def test_the_first_sense_is_the_first_that_is_short():
    entries = {"甲": ["one that is explained with very many words", "shell"], "乙": ["see 甲"]}
    assert first_senses(entries) == {"甲": "shell", "的": "", "了": ""}


def test_sentence_pairs_choose_among_the_senses():
    entries = {"脏": ["viscera", "dirty"], "房": ["house", "room"], "乙": ["second", "B"], "好": ["good"]}
    english = ["The room is dirty.", "Dirty hands", "A good room", "Good", "My room"]
    chinese = ["房脏", "脏", "好房", "好", "房"]
    found = frequent_senses(entries, english, chinese)
    assert found["脏"] == "dirty" and found["房"] == "room"
    assert found["乙"] == "second", "a word never seen keeps its first sense"
    assert frequent_senses(entries, english[:1], chinese[:1])["脏"] == "viscera", "and so does one seen once"


def test_the_famous_mistakes_of_first_senses_are_mended():
    first, frequent = glosses("first"), glosses("frequent")
    assert first.keys() == frequent.keys()
    assert (first["脏"], frequent["脏"]) == ("viscera", "dirty")
    assert (first["不错"], frequent["不错"]) == ("correct", "pretty good")


def test_the_extract_is_small_and_covers_the_courses_texts():
    assert (data_dir() / "glosses_zh_en.csv").stat().st_size < 300e3
    listed = glosses()
    texts = [*reviews.reviews(language="zh").x, *reviews.pairs()[1]]
    characters = [c for text in texts for word in segment(text, listed) if word not in listed for c in word]
    chinese = [c for c in characters if "一" <= c <= "鿿"]
    assert len(chinese) / sum(len(text) for text in texts) < 0.01


def test_the_extract_cuts_as_the_whole_dictionary_does(real):
    real("bi_cc_cedict/cedict_1_0_ts_utf-8_mdbg.txt.gz")
    whole, extract = first_senses(corpora.cc_cedict()), glosses("first")
    for text in reviews.reviews(language="zh").x[:100]:
        assert gloss(text, whole) == gloss(text, extract)
