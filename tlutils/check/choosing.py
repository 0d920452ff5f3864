"""Checks of notebook 17: LEEP, what a shortlist loses, and what LogME is blind to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from tlutils.check.selection import names
from tlutils.check.verdict import Mistake, function, right


def leep_of_two_draws(answer: Callable[[Tensor, Tensor], float]) -> None:
    """Check LEEP, the log expected empirical prediction. Exercise 1 of notebook 17.

    `answer(p, y)` takes source probabilities (n, s) and labels (n,). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(17)

    def probabilities(n: int, s: int) -> Tensor:
        return torch.randn(n, s, generator=draw).mul(2).softmax(1)

    empty = torch.cat([probabilities(9, 3), torch.zeros(9, 2)], 1)
    cases = {
        "twelve rows, four source classes and three labels": (probabilities(12, 4), torch.arange(12) % 3),
        "more source classes than rows": (probabilities(6, 20), torch.tensor([0, 1, 1, 0, 1, 1])),
        "labels of which one does not occur": (probabilities(8, 3), torch.tensor([0, 2, 2, 0, 2, 0, 2, 2])),
        "a source class that no row sees": (empty, torch.arange(9) % 2),
        "a model that is sure, and settles the label": (torch.eye(3)[[0, 1, 2, 0]], torch.tensor([0, 1, 1, 0])),
    }
    function(
        answer,
        _leep,
        cases,
        mistakes=[
            Mistake(
                lambda p, y: _leep(p, y, _source_given_label),
                "your table says how probable a source class is for a label. The second draw goes the other way.",
            ),
            Mistake(
                lambda p, y: _leep(p, y, _joint),
                "your table holds label and source class together: it sums to 1 as a whole. Given z, the labels must.",
            ),
            Mistake(
                lambda p, y: _leep(torch.eye(p.shape[1])[p.argmax(1)], y),
                "the most probable source class alone has a say. That is NCE; what do the other classes of a row know?",
            ),
            Mistake(
                _log_first,
                "the logarithm comes too early: you average logarithms over source classes. A label's probability is "
                "complete only after both draws.",
            ),
            Mistake(
                lambda p, y: _leep(p, y) * len(y),
                "your value grows with the number of rows, and a score may not do that.",
            ),
            Mistake(
                lambda p, y: -_leep(p, y), "your value is above 0, so the worst encoder would win. Which sign has log?"
            ),
            Mistake(lambda p, y: math.exp(_leep(p, y)), "that is a probability, and the score is its logarithm."),
        ],
        look="write the table of P(label | source class), of which every column sums to 1, then one row's prediction.",
    )
    right("your value agrees with sums over single rows and classes, and a source class without mass has no say.")


def _leep(p: Tensor, y: Tensor, table: Callable | None = None) -> float:
    """Return the mean log probability of each row's label, one row after the other."""
    rows, labels = p.tolist(), y.tolist()
    share = (table or _label_given_source)(rows, labels)
    told = [
        sum(row[z] * share(label, z) for z in range(len(row)) if row[z])
        for row, label in zip(rows, labels, strict=True)
    ]
    return sum(map(math.log, told)) / len(told)


def _label_given_source(rows: list, labels: list) -> Callable[[int, int], float]:
    return lambda k, z: _mass(rows, labels, k, z) / sum(row[z] for row in rows)


def _source_given_label(rows: list, labels: list) -> Callable[[int, int], float]:
    return lambda k, z: _mass(rows, labels, k, z) / labels.count(k)


def _joint(rows: list, labels: list) -> Callable[[int, int], float]:
    return lambda k, z: _mass(rows, labels, k, z) / len(rows)


def _mass(rows: list, labels: list, k: int, z: int) -> float:
    return sum(row[z] for row, label in zip(rows, labels, strict=True) if label == k)


def _log_first(p: Tensor, y: Tensor) -> float:
    rows, labels = p.tolist(), y.tolist()
    share = _label_given_source(rows, labels)
    told = [sum(row[z] * math.log(share(k, z)) for z in range(len(row))) for row, k in zip(rows, labels, strict=True)]
    return sum(told) / len(told)


def regret_of_a_shortlist(answer: Callable[[Mapping, Mapping, Mapping, int], float]) -> None:
    """Check the test accuracy that a shortlist by score, decided by validation, loses. Exercise 2 of notebook 17.

    `answer(score, validation, test, kept)` takes dicts by name. Raises NotAttempted or NotYet.
    """
    shelf = "abcdef"
    score = dict(zip(shelf, (0.31, 0.30, 0.22, 0.08, -0.05, -0.4), strict=True))
    validation = dict(zip(shelf, (0.80, 0.84, 0.90, 0.86, 0.95, 0.40), strict=True))
    test = dict(zip(shelf, (0.82, 0.79, 0.85, 0.92, 0.90, 0.44), strict=True))
    other = dict(zip("fdbaec", (-2.1, -1.9, -1.1, -1.4, -1.2, -3.0), strict=True))
    cases = {
        "six encoders of which two are kept": (score, validation, test, 2),
        "four of six": (score, validation, test, 4),
        "a shortlist of one": (score, validation, test, 1),
        "a score that keeps the whole shelf": (score, validation, test, 6),
        "scores below zero, in another order": (other, validation, test, 3),
    }
    function(
        answer,
        _regret,
        cases,
        mistakes=[
            Mistake(
                lambda *given: _regret(*given, decides="test"),
                "the test rows choose from the shortlist. Whoever saves the fine-tuning has not seen them.",
            ),
            Mistake(
                lambda *given: _regret(*given, decides="score"),
                "the score's favourite is taken, whatever validation says. What was the shortlist fine-tuned for?",
            ),
            Mistake(
                lambda score, validation, test, kept: _regret(score, validation, test, len(score)),
                "validation chooses from all of the shelf, so all was fine-tuned. What does the score save then?",
            ),
            Mistake(
                lambda *given: _regret(*given, against="shortlist"),
                "an encoder that the score threw out cannot count against it in this way. What was to be had?",
            ),
            Mistake(
                lambda *given: _regret(*given, against="validation"),
                "one side of the difference is measured on validation rows, and the other on test rows.",
            ),
            Mistake(lambda *given: -_regret(*given), "a loss counts upwards: the better the choice, the nearer to 0."),
            Mistake(
                lambda score, *given: _regret({name: -value for name, value in score.items()}, *given),
                "your shortlist holds the encoders with the lowest scores.",
            ),
        ],
        look="three questions: who is on the list, who decides, and against whom is the loss counted?",
    )
    right(
        "the best on validation need not be the best on the list, so the honest regret is at least the flattering one."
    )


def _regret(score, validation, test, kept, *, decides="validation", against="test") -> float:
    short: list[str] = []
    while len(short) < kept:
        short.append(max((name for name in score if name not in short), key=lambda name: score[name]))
    measured = {"validation": validation, "test": test, "score": score}[decides]
    chosen = next(name for name in short if measured[name] == max(measured[other] for other in short))
    best = {"test": test.values(), "validation": validation.values(), "shortlist": [test[name] for name in short]}
    return max(best[against]) - test[chosen]


SAME, OTHER = "false", "true"  # as `names` compares them
LOGME = {
    "turned": (
        SAME,
        "a rotation of the features can be undone by one of the weights. Does N(0, 1/α) prefer a direction?",
    ),
    "larger": (SAME, "weights a tenth as large give the same labels. Which number decides how large weights are?"),
    "one larger": (OTHER, "one α serves all weights. Can it make one of them smaller and leave the rest?"),
    "shifted": (OTHER, "the assumption has no intercept. Which weights would undo a constant in every column?"),
    "columns twice": (SAME, "compute f fᵀ for the doubled features. What is it, compared with the old one?"),
    "rows twice": (OTHER, "the labels of the copies are counted as further evidence, though they say nothing new."),
}


def what_logme_sees(answer: Mapping[str, bool]) -> None:
    """Check which of six changes to features change LogME. Exercise 3 of notebook 17.

    Raises NotAttempted or NotYet.
    """
    names(
        answer,
        {word: truth for word, (truth, _) in LOGME.items()},
        (SAME, OTHER),
        {(word, OTHER if truth == SAME else SAME): hint for word, (truth, hint) in LOGME.items()},
    )
    right("LogME sees f fᵀ up to a factor. So standardise or not, but do it for all encoders alike; and drop copies.")
