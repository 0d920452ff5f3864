"""Published texts: reviews and news in English, hotel reviews in Chinese, sentence pairs, a dictionary."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import torch
from torch import Tensor

from tlutils.datasets.archives import reading
from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.store import fetch

SENTIMENT = ("negative", "positive")
TOPICS = ("World", "Sports", "Business", "Sci/Tech")
CATEGORIES = ("books", "dvd", "electronics", "kitchen")


@checked
def sst2(part: str = "train") -> Domain:
    """Return the Stanford Sentiment Treebank, whole sentences: 6,920 train, 872 dev, 1,821 test, from film reviews.

    What it is not: raw text. It is lower case, cut into words, and accents are missing in this copy.

    Raises ValueError for an unknown part, OSError when the file cannot be had. Source: Socher et al.
    (2013), aclanthology.org/D13-1170; no explicit licence. Taught in notebook 12.
    """
    texts, y = _table("en_sst2_sentences", part, ("train", "dev", "test"), written=("0", "1"))
    return Domain(texts, y, SENTIMENT, f"SST-2, {part}")


@checked
def ag_news(part: str = "test") -> Domain:
    """Return AG News, four topics: 7,600 test, and 10,001 dev that were carved from the training set.

    What it is not: whole articles. These are the first sentences, without titles, and some hold the
    remains of HTML (`#39;` for an apostrophe).

    Raises ValueError for an unknown part, OSError when the file cannot be had. Source: Zhang et al.
    (2015), arXiv:1509.01626, from A. Gulli's corpus; for non-commercial use. Taught in notebook 12.
    """
    texts, y = _table("en_ag_news", part, ("dev", "test"), written=TOPICS)
    return Domain(texts, y, TOPICS, f"AG News, {part}")


@checked
def amazon(category: str) -> Domain:
    """Return 1,000 negative and 1,000 positive Amazon reviews of books, dvd, electronics or kitchen, in this order.

    Reviews of 1 and 2 stars are negative, of 4 and 5 positive, those of 3 were left out by the
    authors, so this task is easier than its like in the wild. White space is made one space each.

    Raises ValueError for an unknown category, OSError when the files cannot be had. Source: Blitzer et
    al. (2007), aclanthology.org/P07-1056; no explicit licence. Taught in notebook 12.
    """
    if category not in CATEGORIES:
        raise unknown("category", category, CATEGORIES)
    texts, labels = [], []
    for label, sentiment in enumerate(SENTIMENT):
        path = fetch(f"en_amazon_blitzer_raw/{category}_{sentiment}.parsed")
        with reading(path):
            content = path.read_text(encoding="utf-8")
        found = [" ".join(text.split()) for text in re.findall("<review>(.*?)</review>", content, re.DOTALL)]
        texts += found
        labels += [label] * len(found)
    return Domain(texts, torch.tensor(labels), SENTIMENT, f"Amazon, {category}")


def chnsenticorp() -> Domain:
    """Return ChnSentiCorp's Chinese hotel reviews: 2,443 negative and 5,322 positive ones.

    What it is not: balanced, or clean. Some reviews are nearly alike, and what counts as positive is the
    guests' own mark, mixed praise and complaints included. One empty review is left out.

    Raises OSError when the file cannot be had. Source: Tan Songbo's corpus (2006), in
    github.com/SophonPlus/ChineseNlpCorpus; research use, licence unknown. Taught in notebook 13.
    """
    path = fetch("zh_chnsenticorp_htl_all/ChnSentiCorp_htl_all.csv")
    with reading(path), open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["review"].strip()]
        labels = torch.tensor([int(row["label"]) for row in rows])
    return Domain([row["review"] for row in rows], labels, SENTIMENT, "ChnSentiCorp, hotels")


def tatoeba() -> tuple[list[str], list[str]]:
    """Return 21,116 English sentences and their Chinese translations, short ones of everyday language first.

    Traditional and simplified characters are mixed, and an English sentence with several
    translations occurs with each, so split by English sentence and not by row.

    Raises OSError when the file cannot be had. Source: tatoeba.org through manythings.org/anki, CC BY
    2.0 FR. Taught in notebook 13.
    """
    rows = _rows(fetch("bi_tatoeba_cmn_eng/cmn.txt"))
    return [row[0] for row in rows], [row[1] for row in rows]


@checked
def xnli_pairs(part: str = "dev") -> tuple[list[str], list[str]]:
    """Return XNLI's English sentences and their Chinese translations by professionals: dev 3,320, test 6,679.

    Premises and hypotheses alike, each pair once. Made to be read as evidence, so the language is
    stiffer than that of reviews.

    Raises ValueError for an unknown part, OSError when the files cannot be had. Source: Conneau et al.
    (2018), arXiv:1809.05053; CC BY-NC 4.0. Taught in notebook 13.
    """
    if part not in ("dev", "test"):
        raise unknown("part", part, ("dev", "test"))
    paths = [fetch(f"bi_xnli_en_zh/{part}-{language}.tsv") for language in ("en", "zh")]
    english, chinese = (_rows(path) for path in paths)
    with reading(" or ".join(map(str, paths))):
        lines = zip(english, chinese, strict=True)
        pairs = [pair for ours, theirs in lines for pair in zip(ours[:2], theirs[:2], strict=True)]
    pairs = list(dict.fromkeys(pairs))
    return [english for english, _ in pairs], [chinese for _, chinese in pairs]


def cc_cedict() -> dict[str, list[str]]:
    """Return the dictionary CC-CEDICT of 2019: simplified Chinese words and the English glosses of all their readings.

    Raises OSError when the file cannot be had. Source: mdbg.net, CC BY-SA 4.0. Taught in notebook 13.
    """
    entries: dict[str, list[str]] = {}
    path = fetch("bi_cc_cedict/cedict_1_0_ts_utf-8_mdbg.txt.gz")
    with reading(path), gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if entry := re.match(r"[^#\s]\S* (\S+) \[.*?\] /(.*)/", line):
                entries.setdefault(entry[1], []).extend(entry[2].split("/"))
    return entries


def _table(folder: str, part: str, parts: tuple[str, ...], written: tuple[str, ...]) -> tuple[list[str], Tensor]:
    """Return the texts of a part and their class numbers; `written` is how the file writes the classes."""
    if part not in parts:
        raise unknown("part", part, parts)
    path = fetch(f"{folder}/{part}.tsv")
    rows = _rows(path)
    with reading(path):
        return [text for text, _ in rows], torch.tensor([written.index(label) for _, label in rows])


def _rows(path: Path) -> list[list[str]]:
    """Return the rows of a file: one a line, two columns or more between tabs, quotes are plain characters."""
    with reading(path):
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    rows = [line.split("\t") for line in lines]
    short = next((number for number, row in enumerate(rows, 1) if len(row) < 2), None)
    if short:
        raise ValueError(f"{path}, line {short}: two columns with a tab between were expected; get the file again")
    return rows
