"""What the experiments of notebook 16 say: gains, hits of a forecast, and what a guard is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from tlutils.evidence import Estimate
from tlutils.negative import TransferGain, guarded, transfer_gain
from tlutils.transfer_experiments import ALONE, METHODS, VALIDATION

Scores = Mapping[str, Mapping[str, Estimate]]
Results = Mapping[str, Mapping[str, Any]]  # of `real_pairs`, by the pair's name
Outcome = Callable[[Mapping[str, Any]], float]  # of one pair


def gains_over(baseline: str, scores: Scores) -> dict[str, dict[str, TransferGain]]:
    """Return the gain of every method over a baseline, `[method][name]`, from accuracies `scores[name][method]`.

    Taught in notebook 16.
    """
    return {
        method: {name: transfer_gain(row[method], row[baseline]) for name, row in scores.items()}
        for method in METHODS
        if method != baseline
    }


def count(table: Mapping[str, Mapping[str, TransferGain]], verdict: str) -> dict[str, int]:
    """Return for every row of a table of gains how many of its cells have a verdict."""
    return {method: sum(cell.verdict == verdict for cell in row.values()) for method, row in table.items()}


def source_accuracy(row: Mapping[str, Any]) -> float:
    """Return a pair's outcome without adaptation: what source only scores on the target."""
    return float(row["accuracy"]["source only"])


def gain_of_mmd(row: Mapping[str, Any]) -> float:
    """Return a pair's outcome with adaptation: by how much MMD is ahead of source only."""
    return float(row["accuracy"]["MMD"]) - source_accuracy(row)


def comparisons(results: Results, forecast: str, outcome: Outcome) -> dict[str, dict[str, tuple[float, float]]]:
    """Return, for every target, its candidate sources two by two: by how much the forecast and the outcome differ.

    `forecast` names a part of the pairs' forecasts: `blind` or `few labels`, say. The source with the higher forecast
    comes first, so the outcome is positive for a hit. Pairs with an uneven target are left out: they have one
    source. Taught in notebook 16.
    """
    sources: dict[str, list[str]] = {}
    for name in results:
        if ", " not in name:
            source, target = name.split(" → ")
            sources.setdefault(target, []).append(source)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for target, names in sources.items():
        told = {name: float(results[f"{name} → {target}"]["forecast"][forecast]) for name in names}
        came = {name: outcome(results[f"{name} → {target}"]) for name in names}
        for pair in combinations(names, 2):
            a, b = sorted(pair, key=told.get, reverse=True)
            found.setdefault(target, {})[f"{a} over {b}, to {target}"] = (told[a] - told[b], came[a] - came[b])
    return found


def hit_rate(results: Results, forecast: str, outcome: Outcome) -> Estimate:
    """Return the share of comparisons in which the source forecast as better is better: a run for each target.

    Targets and not comparisons, since those that share a target are not independent. Taught in notebook 16.
    """
    by_target = comparisons(results, forecast, outcome)
    return Estimate(tuple(fmean(y > 0 for _, y in found.values()) for found in by_target.values()))


def policies(results: Results) -> dict[str, Estimate]:
    """Return points over never transferring: always, guarded by so many labels, and these labels in training.

    The mean over all methods, a run for each pair. Taught in notebook 16.
    """

    def over_pairs(points: Outcome) -> Estimate:
        return Estimate(tuple(100 * points(row) for row in results.values()))

    def net(kind: str | int) -> Estimate:
        return over_pairs(lambda row: float(row["won"][kind]) - float(row["lost"][kind]))

    found = {"transfer always": net("always")} | {f"guard, {n} labels": net(n) for n in VALIDATION}
    for n in VALIDATION:
        found[f"{n} more in training"] = over_pairs(partial(_more_labels, n))
    return found


def _more_labels(size: int, row: Any) -> float:
    return float(row["labels in training"][size]) - float(row["accuracy"][ALONE])


def saved_and_cost(results: Results, size: int) -> tuple[Estimate, Estimate]:
    """Return the points of harm that a guard with so many labels keeps out, and the points of gain that it gives away.

    Both against transferring always, a run for each pair. Taught in notebook 16.
    """

    def beyond(kind: str) -> Estimate:
        return Estimate(tuple(100 * (float(row[kind]["always"]) - float(row[kind][size])) for row in results.values()))

    return beyond("lost"), beyond("won")


def elects_worse(guesses: Mapping[str, Tensor], labels: Tensor, size: int, draws: int = 200) -> float:
    """Return how often a guard with `size` random labels takes the worse of two models, by guesses (n,) of labels (n,).

    The second is the fallback. Rows are drawn from torch's generator. Taught in notebook 16.
    """
    worse = min(guesses, key=lambda name: (guesses[name] == labels).sum().item())
    *_, fallback = guesses
    wrong = 0
    for _ in range(draws):
        rows = torch.randperm(len(labels))[:size]
        shown = {name: guess[rows] for name, guess in guesses.items()}
        wrong += guarded(shown, labels[rows], fallback=fallback).choice == worse
    return wrong / draws
