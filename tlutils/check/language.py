"""Checks of notebook 12: a row that depends on its batch, a leak into a bag of words, luck below one half."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tlutils.check.reading import quietly
from tlutils.check.verdict import Mistake, NotYet, call, function, number, numbers, right

Embed = Callable[[list[str]], Tensor]
TEXTS = ["fine", "a slow start but a good end", "dull and long", "I would buy it again at once"]


def same_in_company(answer: Callable[[Embed, list[str]], bool]) -> None:
    """Check a test of whether a text's row depends on the others in its batch. Exercise 1 of notebook 12.

    `answer(embed, texts)` takes an encoder, list of texts to (n, d), and a batch. Raises NotAttempted or NotYet.
    """
    longest_first = sorted(TEXTS, key=len, reverse=True)
    cases = {
        "an encoder that leaves padding out": (_masked, TEXTS),
        "an encoder that counts padding as words": (_padded, TEXTS),
        "the same one, with the longest text first": (_padded, longest_first),
        "an encoder whose rows differ by 0.00002": (_rounding, TEXTS),
        "an encoder that takes the mean of the batch away": (_centred, TEXTS),
        "an encoder that lets each text leave a trace in the next": (_carried, TEXTS),
        "an encoder that divides each sum by the length of the longest text": (_shortened, TEXTS),
        "an encoder whose rows differ by 0.01": (lambda texts: _rounding(texts, 0.005), TEXTS),
    }
    call(answer, _masked, TEXTS)  # dots would be taken for an error below
    function(
        lambda embed, texts: _truth(answer(embed, texts)),
        lambda embed, texts: all(_near(embed([text])[0], row) for text, row in zip(texts, embed(texts), strict=True)),
        cases,
        mistakes=[
            Mistake(
                lambda embed, texts: _near(embed(texts), embed(texts)),
                "your test is passed by everybody. Does it ever show the encoder a text without its company?",
            ),
            Mistake(
                lambda embed, texts: _near(embed(texts[:1])[0], embed(texts)[0]),
                "your test looks at one text of the batch, and that one may be spared. Which texts are filled up?",
            ),
            Mistake(
                lambda embed, texts: _near(embed(texts[-1:])[0], embed(texts)[-1]),
                "your test looks at one text of the batch, and that one may be spared. Which texts are filled up?",
            ),
            Mistake(
                lambda embed, texts: _near(embed(texts[::-1]).flip(0), embed(texts)),
                "another order leaves the company as it is: the longest text stays the longest. What must change?",
            ),
            Mistake(
                lambda embed, texts: torch.equal(_alone(embed, texts), embed(texts)),
                "rows that differ by rounding alone count as the same. How near is near enough here?",
            ),
            Mistake(
                lambda embed, texts: not _near(_alone(embed, texts), embed(texts)),
                "your answers are the wrong way round: True says that the company does not matter.",
            ),
            Mistake(
                lambda embed, texts: bool((torch.cosine_similarity(_alone(embed, texts), embed(texts)) > 0.9999).all()),
                "your test compares directions. Which bug changes a row's length and leaves its direction?",
            ),
            Mistake(
                lambda embed, texts: _alone(embed, texts).shape == embed(texts).shape,
                "your test compares shapes. A forgotten mask leaves them as they are, and changes the values.",
            ),
        ],
        look="quiz question 2 of notebook 12; what a text's row must not depend on, and for which of the texts.",
    )
    right("your test catches padding, centring and leftovers alike. It needs no look inside the encoder.")


def honest_words(answer: Callable[..., Any]) -> None:
    """Check that every step of a bag of words is fitted on training rows alone. Exercise 2 of notebook 12.

    `answer(texts, y, train, test)` gives the probability of class 1 of each test row (m,). Raises NotAttempted or
    NotYet.
    """
    texts, y, train, test = _shop()
    with quietly():
        given = _probabilities(answer, texts, y, train, test)
        wanted = torch.as_tensor(_pipeline(texts, y, train, test))
        if not _apart(given, wanted[test.argsort()]):
            raise NotYet("Not yet: these follow the order of `texts`. In which order do the rows of `test` come?")
        flipped, other = y.copy(), list(texts)
        flipped[test] = 1 - flipped[test]
        if _apart(_probabilities(answer, texts, flipped, train, test), given):
            raise NotYet(
                "Not yet: with other labels of the test rows, your probabilities for the same texts change. One of the "
                "steps reads `y`, and not only that of the training rows."
            )
        for row in test[1:]:
            other[row] = "sturdy kettle " * 5 + "v1 v2 v3"
        if _apart(_probabilities(answer, other, y, train, test)[:1], given[:1]):
            raise NotYet(
                "Not yet: when the other test texts say something else, the probability of a text that stayed the "
                "same changes. No label is read there. What does a weight of TF-IDF count, and in which texts?"
            )
        if not _apart(given, 1 - wanted):
            raise NotYet("Not yet: those are the probabilities of class 0.")
        if _apart(given, wanted):
            raise NotYet(
                "Not yet: nothing leaks, but your probabilities are not those of the three steps with the settings of "
                "the run above. Which step is missing or set otherwise, and are the test rows in their order?"
            )
    right("no step has seen a test row. On the texts above, such a run is left with luck.")


def luck_of_a_coin(answer: float) -> None:
    """Check how probable 8 or fewer right of 22 are for a coin. Exercise 3 of notebook 12.

    Raises NotAttempted or NotYet.
    """
    ways = [math.comb(22, k) / 2**22 for k in range(23)]
    number(
        answer,
        sum(ways[:9]),
        within=6e-3,
        mistakes=[
            (ways[8], "that is exactly 8. A colleague who takes 8 for bad would take 7 for worse."),
            (sum(ways[:8]), "that is fewer than 8; 8 itself was seen."),
            (sum(ways[8:]), "that is 8 or more, the other end."),
            (sum(ways[9:]), "that is more than 8, the other end."),
            (2 * sum(ways[:9]), "that counts surprises at both ends. Asked for is the lower one."),
            (8 / 22, "that is the probe's accuracy. How often does a coin do no better?"),
            (0.5, "a coin is right on each review with one half. How often is it right on so few of 22?"),
            (0, "such a thing is not that rare. Count the outcomes."),
        ],
        look="how many of the 2²² outcomes have 0, 1, … or 8 right?",
    )
    right("about one coin in seven does as badly, so 22 reviews alone do not show that irony is read the wrong way.")


def _vectors(text: str) -> Tensor:
    """Return a vector for each word (t, 8), the same for the same word."""
    seeds = [zlib.crc32(word.encode()) for word in text.split()]
    return torch.stack([torch.randn(8, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def _masked(texts: list[str]) -> Tensor:
    return torch.stack([_vectors(text).mean(0) for text in texts])


def _padded(texts: list[str]) -> Tensor:
    longest = max(len(text.split()) for text in texts)
    return torch.stack([_vectors(text + " [PAD]" * (longest - len(text.split()))).mean(0) for text in texts])


def _rounding(texts: list[str], by: float = 1e-5) -> Tensor:
    return _masked(texts) + by * (1 if len(texts) > 1 else -1)


def _centred(texts: list[str]) -> Tensor:
    return _masked(texts) - _masked(texts).mean(0)


def _carried(texts: list[str]) -> Tensor:
    rows = _masked(texts)
    return torch.cat([rows[:1], rows[1:] + 0.1 * rows[:-1]])


def _shortened(texts: list[str]) -> Tensor:
    longest = max(len(text.split()) for text in texts)
    return torch.stack([_vectors(text).sum(0) / longest for text in texts])


def _near(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() < 1e-4)


def _alone(embed: Embed, texts: list[str]) -> Tensor:
    return torch.cat([embed([text]) for text in texts])


def _truth(given: Any) -> bool:
    values = torch.as_tensor(given)
    if values.numel() != 1:
        raise ValueError(f"one True or False for the whole batch is asked for, not {values.numel()} values")
    return bool(values)


def _shop() -> tuple[list[str], Any, Any, Any]:
    """Return made-up texts of two classes, labels, training and test rows; one word in ten says the class."""
    import numpy as np

    draw = np.random.default_rng(12)
    y = draw.integers(2, size=90)
    said = [[f"{'good' if label else 'bad'}{n}" for n in draw.integers(12, size=2)] for label in y]
    filler = [[f"v{n}" for n in draw.integers(150, size=18)] for _ in y]
    texts = [" ".join(a + b) for a, b in zip(said, filler, strict=True)]
    rows = draw.permutation(90)
    return texts, y, rows[:60], rows[60:]


def _probabilities(answer: Callable, texts: list[str], y: Any, train: Any, test: Any) -> Tensor:
    given = call(answer, texts, y, train, test, case="made-up texts")
    values = numbers(given, "probabilities").double()
    if values.shape != (len(test),):
        shape = tuple(values.shape)
        raise NotYet(f"Not yet: a probability for each of {len(test)} test rows is asked for; yours has shape {shape}.")
    if not ((values >= 0) & (values <= 1)).all():
        raise NotYet("Not yet: probabilities are asked for, and not all of yours lie between 0 and 1.")
    if ((values == 0) | (values == 1)).all():
        raise NotYet("Not yet: those are classes. The probability of class 1 is asked for.")
    return values


def _apart(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() > 1e-4)


def _pipeline(texts: list[str], y: Any, train: Any, test: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.feature_selection import SelectKBest, chi2
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    steps = make_pipeline(TfidfVectorizer(), SelectKBest(chi2, k=20), LogisticRegression(C=10))
    steps.fit([texts[row] for row in train], y[train])
    return steps.predict_proba([texts[row] for row in test])[:, 1]
