"""Checks of notebook 11: a promised specificity, alarms in a screening, and patients on both sides of a split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tlutils.check.reading import shown
from tlutils.check.selection import row_numbers
from tlutils.check.verdict import Mistake, NotYet, call, function, number, right


def best_sensitivity(answer: Callable[[Tensor, Tensor, float], float]) -> None:
    """Check the largest sensitivity that keeps a promised specificity. Exercise 1 of notebook 11.

    `answer(scores, labels, specificity)` takes scores (n,) and labels (n,), 0 or 1. Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(11)

    def rows(positives: int, negatives: int, lead: float = 1.0) -> tuple[Tensor, Tensor]:
        labels = torch.tensor([1] * positives + [0] * negatives)
        scores = torch.randn(len(labels), generator=draw, dtype=torch.float64) + lead * labels
        order = torch.randperm(len(labels), generator=draw)
        return scores[order], labels[order]

    tied, kinds = rows(20, 13)
    ladder = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 1.5, 3.5, 5.5, 6.5, 9], dtype=torch.float64)
    cases = {
        "9 positives and 7 negatives, specificity 0.9": (*rows(9, 7), 0.9),
        "tied scores": ((2 * tied).round() / 2, kinds, 0.8),
        "8 negatives of which exactly 6 must be left alone": (ladder, torch.tensor([0] * 8 + [1] * 5), 0.75),
        "a specificity of 1, no false alarm at all": (*rows(10, 6), 1.0),
        "probabilities": (rows(15, 23)[0].sigmoid(), torch.tensor([0, 1] * 19), 0.9),
        "positives that all score above the negatives": (*rows(4, 5, 50.0), 0.9),
        "rows that all score the same": (torch.full((6,), 0.5).double(), torch.tensor([0, 1] * 3), 0.9),
    }
    function(
        answer,
        _best_of_all_thresholds,
        cases,
        mistakes=[
            Mistake(
                lambda s, y, share: _found(s, y, s.quantile(share).item()),
                "the threshold keeps its promise among all rows together. Whom was it promised to?",
            ),
            Mistake(
                lambda s, y, share: _found(s, y, s[y == 1].quantile(share).item()),
                "the threshold is set on the positives. Whom does a specificity speak of?",
            ),
            Mistake(
                lambda s, y, share: _found(s, y, s[y == 0].quantile(share).item()),
                "the quantile lies between two scores of negatives, where it was interpolated. Count: what share of 7 "
                "negatives does it leave alone at a promise of 0.9?",
            ),
            Mistake(
                lambda s, y, share: _found(s, y, s[y == 0].quantile(share, interpolation="higher").item()),
                "the promise is kept, but now and then a lower threshold keeps it too. Which specificity does your "
                "threshold have with 8 negatives and a promise of 0.75?",
            ),
            Mistake(
                lambda s, y, share: (s[y == 1] >= _lowest(s, y, share)).double().mean().item(),
                "positives that equal the threshold are counted as found. Only what lies above it is called positive.",
            ),
            Mistake(
                lambda s, y, share: _found(s, y, 0.5),
                "the threshold is 0.5 whatever was promised. Where does the promised share come in?",
            ),
            Mistake(
                lambda s, y, share: ((s > _lowest(s, y, share)) == (y == 1)).double().mean().item(),
                "that is an accuracy: it counts the negatives too. Among whom is a sensitivity measured?",
            ),
            Mistake(
                lambda s, y, share: _lowest(s, y, share),
                "that is the threshold. Asked for is the share of positives above it.",
            ),
        ],
        look="the paragraph on sensitivity and specificity in notebook 11; for a handful of rows, try each threshold.",
    )
    right("it is what a search over all thresholds finds, with ties as well. The promise holds on these rows alone.")


def true_alarms(answer: float) -> None:
    """Check the share of true alarms where 1 % are ill: sensitivity and specificity 0.9. Exercise 2 of notebook 11.

    Raises NotAttempted or NotYet.
    """
    people, ill, rings = 10_000, 100, 0.9
    found, false = ill * rings, (people - ill) * (1 - rings)
    number(
        answer,
        found / (found + false),
        within=5e-4,
        mistakes=[
            (0.9, "sensitivity and specificity stay, for each asks one group alone. An alarm can come from either: how "
             "large are the two groups now?"),
            (0.009, "that is the share of all people who are ill and found. Asked for is a share of the alarms."),
            (0.01, "that is the share of the ill among all people. Those who set off an alarm are not just anybody."),
            (false / (found + false), "that is the share of false alarms."),
            (found / false, "that is true alarms for each false one. The true ones belong to all alarms as well."),
            (0.5, "the groups were equally large at the hospital only."),
            (8.33, "a number from 0 to 1 is asked for, not one in per cent."),
        ],
        look="among 10,000 people, count who is ill and rings, and who is healthy and rings.",
    )
    right("eleven of twelve alarms are false, though nothing about the model has changed but whom it meets.")


def split_by_patient(answer: Callable[[Tensor, float, int], tuple[Tensor, Tensor]]) -> None:
    """Check a split into training and test rows that parts no patient. Exercise 3 of notebook 11.

    `answer(patient, share, seed)` takes each row's patient (n,). Raises NotAttempted or NotYet.
    """
    draw = torch.Generator().manual_seed(11)
    mixed = torch.arange(12).repeat_interleave(torch.tensor([1, 9, 2, 5, 1, 7, 3, 4, 2, 8, 1, 6]))
    mixed = mixed[torch.randperm(len(mixed), generator=draw)]
    cases = {
        "12 patients in mixed order": (mixed, 0.25),
        "patients that are numbered 7, 1003 and so on": (mixed * 996 + 7, 0.5),
        "2 patients, the fewest there can be": (torch.tensor([4, 4, 4, 9, 9]), 0.3),
        "a share that leaves the test part less than one patient": (mixed, 0.01),
        "a share that leaves the training part less than one": (mixed, 0.99),
    }
    for case, (patient, share) in cases.items():
        for seed in range(3):
            _judge_split(_rows(call(answer, patient, share, seed, case=case), patient, case), patient, share, case)
    splits = [_rows(call(answer, mixed, 0.25, seed), mixed, "12 patients") for seed in (0, 0, 1, 2, 3, 4)]
    tests = [frozenset(test) for _, test in splits]
    if tests[0] != tests[1]:
        raise NotYet("Not yet: the same seed gives another split each time, so nobody can measure your result again.")
    if len(set(tests)) == 1:
        raise NotYet("Not yet: five seeds give one and the same split. What does your function do with the seed?")
    right("no patient is on both sides. A score on such a test part speaks of people whom the model has never met.")


def _rows(given: Any, patient: Tensor, case: str) -> list[list[int]]:
    """Return training and test rows as lists; masks of n values count as rows."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise NotYet(f"Not yet: for {case}, two tensors of row numbers are asked for, not {shown(given)}.")
    return [row_numbers(part, len(patient), case) for part in given]


def _judge_split(parts: list[list[int]], patient: Tensor, share: float, case: str) -> None:
    train, test = ({int(patient[row]) for row in part} for part in parts)
    if train & test:
        raise NotYet(
            f"Not yet: for {case}, {len(train & test)} patients have images in both parts. A model can know such a "
            "patient again, and needs to know nothing about the illness."
        )
    if not train or not test:
        raise NotYet(f"Not yet: for {case}, one part is empty. Each gets at least one patient.")
    if sorted(parts[0] + parts[1]) != list(range(len(patient))):
        raise NotYet(f"Not yet: for {case}, not every row is in one of the parts, and in one only.")
    everybody = len(train | test)
    wanted = min(max(share * everybody, 1), everybody - 1)
    if abs(len(test) - wanted) >= 1:  # rounded up or down
        if abs(len(train) - wanted) < 1:
            raise NotYet(f"Not yet: for {case}, the second part has too many patients. Which part comes first?")
        raise NotYet(
            f"Not yet: for {case}, the test part has {len(test)} of {everybody} patients, and the share is {share:g}. "
            "A share of what is asked for?"
        )


def _lowest(scores: Tensor, labels: Tensor, share: float) -> float:
    """Return the lowest threshold that keeps the promise, by trying all."""
    negatives = [s for s, y in zip(scores.tolist(), labels.tolist(), strict=True) if y == 0]
    for threshold in sorted(scores.tolist()):
        if sum(s <= threshold for s in negatives) / len(negatives) >= share:
            return threshold
    raise AssertionError("the largest score keeps every promise")


def _found(scores: Tensor, labels: Tensor, threshold: float) -> float:
    hits = [s > threshold for s, y in zip(scores.tolist(), labels.tolist(), strict=True) if y == 1]
    return sum(hits) / len(hits)


def _best_of_all_thresholds(scores: Tensor, labels: Tensor, share: float) -> float:
    return _found(scores, labels, _lowest(scores, labels, share))
