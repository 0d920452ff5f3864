"""The course's own texts: counts, variety, and no way from the training to the test part."""

import csv
from collections import Counter
from itertools import product

import pytest

from tlutils.datasets import reviews
from tlutils.store import data_dir

FILES = {"en": "reviews_en.csv", "zh": "reviews_zh.csv"}


def words(text: str, language: str) -> list[str]:
    return text.lower().split() if language == "en" else [sign for sign in text if sign.strip()]


def grams(text: str, language: str, n: int) -> list[tuple[str, ...]]:
    found = words(text, language)
    return [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]


def rows(language: str) -> list[dict[str, str]]:
    with open(data_dir() / FILES[language], encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("language", "least", "n"), [("en", 600, 3), ("zh", 300, 5)])
def test_the_reviews_are_many_balanced_and_no_template(language, least, n):
    content = rows(language)
    texts = [row["text"] for row in content]
    assert len(texts) >= least and len({text.strip().lower() for text in texts}) == len(texts), "no text twice"
    for key in ("label", "category"):
        counts = Counter(row[key] for row in content).values()
        assert max(counts) - min(counts) <= 0.04 * len(texts), f"{key}s are not balanced"
    for category in reviews.CATEGORIES:
        labels = Counter(row["label"] for row in content if row["category"] == category)
        assert abs(labels["positive"] - labels["negative"]) <= 4
    found = [gram for text in texts for gram in grams(text, language, n)]
    assert len(set(found)) >= 0.95 * len(found), "the same words in the same order again and again"
    openings = Counter(tuple(words(text, language)[: n if language == "en" else 4]) for text in texts)
    assert sum(count for count in openings.values() if count > 1) <= 0.06 * len(texts), "the same openings"
    lengths = sorted(len(words(text, language)) for text in texts)
    assert lengths[len(texts) // 10] <= 15 and lengths[-len(texts) // 10] >= 40, "short and long ones"
    assert set(reviews.STYLES) == {row["style"] for row in content}
    for style in reviews.STYLES:
        assert sum(row["style"] == style for row in content) >= 20


@pytest.mark.parametrize("language", FILES)
def test_the_parts_are_fixed_balanced_and_share_nothing(language):
    train, test = (reviews.reviews(language=language, part=part) for part in ("train", "test"))
    assert len(train) + len(test) == len(rows(language)) and not set(train.x) & set(test.x)
    assert 0.28 <= len(test) / len(rows(language)) <= 0.36
    assert test.x == reviews.reviews(language=language, part="test").x
    for category in reviews.CATEGORIES:
        positive = reviews.reviews(category, language, part="test").y.float().mean()
        assert 0.4 <= positive <= 0.6
    # Near copies would leak as well: no test text shares half of its word pairs with a training text.
    known = [set(grams(text, language, 2 if language == "en" else 3)) for text in train.x]
    for text in test.x:
        mine = set(grams(text, language, 2 if language == "en" else 3))
        assert all(len(mine & theirs) <= 0.5 * len(mine) for theirs in known), text


def test_a_selection_is_what_it_says():
    content = rows("en")
    for category, style in product(reviews.CATEGORIES, reviews.STYLES):
        domain = reviews.reviews(category, style=style)
        chosen = [row for row in content if (row["category"], row["style"]) == (category, style)]
        expected = [(row["text"], row["label"]) for row in chosen]
        assert [(text, domain.classes[y]) for text, y in zip(domain.x, domain.y.tolist(), strict=True)] == expected
        assert domain.name == f"English reviews, {category}, {style}"
    parts = [reviews.reviews("books", part=part) for part in reviews.PARTS]
    assert sorted(parts[0].x + parts[1].x) == sorted(reviews.reviews("books").x)


def test_topics_are_the_same_texts_under_their_category():
    domain = reviews.topics("zh", part="train")
    assert domain.x == reviews.reviews(language="zh", part="train").x
    named = {row["text"]: row["category"] for row in rows("zh")}
    assert [domain.classes[y] for y in domain.y.tolist()] == [named[text] for text in domain.x]


def test_pairs_are_aligned_translations():
    english, chinese = reviews.pairs()
    assert len(english) == len(chinese) >= 600
    assert len(set(english)) == len(english) and len(set(chinese)) == len(chinese)
    assert all(text.isascii() or not any("\u4e00" <= c <= "\u9fff" for c in text) for text in english)
    assert all(any("\u4e00" <= c <= "\u9fff" for c in text) for text in chinese)
    kinds = [reviews.pairs(kind) for kind in ("everyday", "review")]
    assert sum(len(ours) for ours, _ in kinds) == len(english) and min(len(ours) for ours, _ in kinds) >= 150
    found = [gram for text in english for gram in grams(text, "en", 3)]
    assert len(set(found)) >= 0.95 * len(found)


def test_no_pair_is_a_review_of_the_test():
    english, chinese = reviews.pairs()
    assert not set(english) & set(reviews.reviews().x) and not set(chinese) & set(reviews.reviews(language="zh").x)


def test_the_card_counts_what_the_files_hold():
    card = reviews.card()
    for name, counts in card["counts"].items():
        with open(data_dir() / name, encoding="utf-8", newline="") as file:
            content = list(csv.DictReader(file))
        assert counts.pop("rows") == len(content)
        for column, values in counts.items():
            assert values == Counter(row[column] for row in content)
    assert card["licence"].startswith("CC-BY-4.0") and card["not_for"] and "language model" in card["written"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("book",), "unknown category 'book': did you mean 'books'"),
        (("books", "de"), "unknown language 'de'"),
        ((None, "en", "dev"), "unknown part 'dev'"),
        ((None, "en", None, "ironic"), "unknown style 'ironic'"),
    ],
)
def test_unknown_names_are_named(arguments, words):
    names = ("category", "language", "part", "style")
    with pytest.raises(ValueError, match=words):
        reviews.reviews(**dict(zip(names, arguments, strict=False)))
    with pytest.raises(ValueError, match="unknown kind of sentence 'film'"):
        reviews.pairs("film")
