"""How well a score ranks models: its agreement with measured accuracy, and what trusting it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from tlutils.evidence import Estimate
from tlutils.inputs import checked, is_number

TRUTH = "fine-tuning"
LOT = "by lot"


@checked
def agreement(sheet: Mapping[str, Mapping[str, Mapping[str, Estimate]]]) -> dict[str, dict[str, Estimate]]:
    """Return for every score its weighted τ and the regret of its favourite, each an Estimate over the targets.

    `sheet[target][candidate]` holds a score's values and, as `fine-tuning`, accuracies, run by run. A
    score of one run is held against the mean accuracy of the other runs, and so is the accuracy of
    that run itself: no score can be expected to agree better. Weighted τ (Vigna 2015) is Kendall's
    with more weight on the best places, from −1 to 1; a score that is equal for all has 0. Regret is the accuracy lost
    against the best candidate; several favourites count as one drawn by lot, as does `by lot`.

    Raises ValueError for fewer than two targets, no candidate, or rows without `fine-tuning` or of other scores or
    runs than the first. Source: You et al. (2021), arXiv:2102.11005, section 5. Taught in notebook 17.
    """
    first = _first_row(sheet)
    measured: dict[str, dict[str, Estimate]] = {}
    for score in (*first, LOT):
        pairs = [_compared(rows, score) for rows in sheet.values()]
        taus, regrets = zip(*pairs, strict=True)
        measured[score] = {"tau": Estimate(taus), "regret": Estimate(regrets)}
    return measured


def _first_row(sheet: Mapping[str, Mapping[str, Mapping[str, Estimate]]]) -> Mapping[str, Estimate]:
    """Return the first row of a sheet. Raises ValueError unless all rows have its scores."""
    tables = list(sheet.values())
    if len(tables) < 2 or not all(isinstance(table, Mapping) and table for table in tables):
        raise ValueError("need a table of candidates for each of at least 2 targets")
    rows = [row for table in tables for row in table.values()]
    found = {_kind(row) for row in rows}
    if len(found) > 1 or None in found:
        raise ValueError(f"every row needs the same scores, Estimates over the same runs, and {TRUTH!r} among them")
    return rows[0]


def _kind(row: object) -> tuple | None:
    """Return the scores and the number of runs of a row, None where it is none."""
    if not isinstance(row, Mapping) or not all(isinstance(estimate, Estimate) for estimate in row.values()):
        return None
    runs = {len(estimate.runs) for estimate in row.values()}
    return (frozenset(row), *runs) if TRUTH in row and len(runs) == 1 else None


def _compared(rows: Mapping[str, Mapping[str, Estimate]], score: str) -> tuple[float, float]:
    """Return τ and regret of a score on one target, means over the runs."""
    runs = len(next(iter(rows.values()))[TRUTH].runs)
    taus, regrets = [], []
    for run in range(runs):
        truth = [(sum(row[TRUTH].runs) - row[TRUTH].runs[run]) / (runs - 1) for row in rows.values()]
        values = [0.0 if score == LOT else row[score].runs[run] for row in rows.values()]
        taus.append(weighted_tau(values, truth))
        regrets.append(regret(values, truth))
    return fmean(taus), fmean(regrets)


@checked
def weighted_tau(values: Sequence[float], truth: Sequence[float]) -> float:
    """Return Kendall's τ of two lists of numbers, its first places weighing most; 0 where one list is constant.

    Raises ValueError for lists that differ in length, are empty, or whose numbers are not finite.
    """
    from scipy.stats import weightedtau

    _check_pair(values, truth)
    constant = len(set(values)) == 1 or len(set(truth)) == 1
    return 0.0 if constant else float(weightedtau(values, truth).statistic)


@checked
def regret(values: Sequence[float], truth: Sequence[float]) -> float:
    """Return how much less the favourites by value have than the best, the mean over favourites of equal value.

    Raises ValueError as `weighted_tau` does.
    """
    _check_pair(values, truth)
    favourites = [t for value, t in zip(values, truth, strict=True) if value == max(values)]
    return max(truth) - fmean(favourites)


def _check_pair(values: Sequence[float], truth: Sequence[float]) -> None:
    if len(values) != len(truth) or len(values) == 0:
        raise ValueError(f"need a value and a true one for each candidate, got {len(values)} and {len(truth)}")
    numbers = [*values, *truth]
    if not all(map(is_number, numbers)) or not math.isfinite(sum(abs(float(number)) for number in numbers)):
        raise ValueError("values must be finite numbers, and so must their sum")
