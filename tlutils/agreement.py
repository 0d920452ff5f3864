"""How well a score ranks models: its agreement with measured accuracy, and what trusting it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from tlutils.evidence import Estimate

TRUTH = "fine-tuning"
LOT = "by lot"


def agreement(sheet: Mapping[str, Mapping[str, Mapping[str, Estimate]]]) -> dict[str, dict[str, Estimate]]:
    """Return for every score its weighted τ and the regret of its favourite, each an Estimate over the targets.

    `sheet[target][candidate]` holds a score's values and, as `fine-tuning`, accuracies, run by run. A
    score of one run is held against the mean accuracy of the other runs, and so is the accuracy of
    that run itself: no score can be expected to agree better. Weighted τ (Vigna 2015) is Kendall's
    with more weight on the best places, from −1 to 1; a score that is equal for all has 0. Regret is the accuracy lost
    against the best candidate; several favourites count as one drawn by lot, as does `by lot`.

    Source: You et al. (2021), arXiv:2102.11005, section 5. Taught in notebook 17.
    """
    first = next(iter(next(iter(sheet.values())).values()))
    measured: dict[str, dict[str, Estimate]] = {}
    for score in (*first, LOT):
        pairs = [_compared(rows, score) for rows in sheet.values()]
        taus, regrets = zip(*pairs, strict=True)
        measured[score] = {"tau": Estimate(taus), "regret": Estimate(regrets)}
    return measured


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


def weighted_tau(values: Sequence[float], truth: Sequence[float]) -> float:
    """Return Kendall's τ of two lists of numbers, its first places weighing most; 0 where one list is constant."""
    from scipy.stats import weightedtau

    constant = len(set(values)) == 1 or len(set(truth)) == 1
    return 0.0 if constant else float(weightedtau(values, truth).statistic)


def regret(values: Sequence[float], truth: Sequence[float]) -> float:
    """Return how much less the favourites by value have than the best, the mean over favourites of equal value."""
    favourites = [t for value, t in zip(values, truth, strict=True) if value == max(values)]
    return max(truth) - fmean(favourites)
