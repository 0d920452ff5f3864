"""What the experiments of notebook 16 say: gains, hits of a forecast, and what a guard is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from tlutils.errors import unknown
from tlutils.evidence import LARGEST, Estimate
from tlutils.inputs import checked, is_number
from tlutils.negative import TransferGain, guarded, transfer_gain
from tlutils.tensors import check_count
from tlutils.transfer_experiments import ALONE, METHODS, VALIDATION

Scores = Mapping[str, Mapping[str, Estimate]]
Results = Mapping[str, Mapping[str, Any]]  # of `real_pairs`, by the pair's name
Outcome = Callable[[Mapping[str, Any]], float]  # of one pair


@checked
def gains_over(baseline: str, scores: Scores) -> dict[str, dict[str, TransferGain]]:
    """Return the gain of every method over a baseline, `[method][name]`, from accuracies `scores[name][method]`.

    Raises ValueError for scores that lack a method, and as `transfer_gain` does. Taught in notebook 16.
    """
    return {
        method: {name: transfer_gain(_at(row, method), _at(row, baseline)) for name, row in scores.items()}
        for method in METHODS
        if method != baseline
    }


@checked
def count(table: Mapping[str, Mapping[str, TransferGain]], verdict: str) -> dict[str, int]:
    """Return for every row of a table of gains how many of its cells have a verdict."""
    for row in table.values():
        if not isinstance(row, Mapping) or not all(isinstance(cell, TransferGain) for cell in row.values()):
            raise TypeError(f"every row must be a dict of answers of transfer_gain, got {row!r:.80}")
    return {method: sum(cell.verdict == verdict for cell in row.values()) for method, row in table.items()}


@checked
def source_accuracy(row: Mapping[str, Any]) -> float:
    """Return a pair's outcome without adaptation: what source only scores on the target.

    Raises ValueError for a pair that does not hold it.
    """
    return _number(_at(row, "accuracy", "source only"))


@checked
def gain_of_mmd(row: Mapping[str, Any]) -> float:
    """Return a pair's outcome with adaptation: by how much MMD is ahead of source only.

    Raises ValueError for a pair that does not hold both.
    """
    return _number(_at(row, "accuracy", "MMD")) - source_accuracy(row)


@checked
def comparisons(results: Results, forecast: str, outcome: Outcome) -> dict[str, dict[str, tuple[float, float]]]:
    """Return, for every target, its candidate sources two by two: by how much the forecast and the outcome differ.

    `forecast` names a part of the pairs' forecasts: `blind` or `few labels`, say. The source with the higher forecast
    comes first, so the outcome is positive for a hit. Pairs with an uneven target are left out: they have one
    source. Raises ValueError for names that are not `source → target`, an unknown forecast, and an outcome that is no
    number. Taught in notebook 16.
    """
    sources: dict[str, list[str]] = {}
    for name in results:
        if ", " not in str(name):
            source, arrow, target = str(name).partition(" → ")
            if not arrow or name not in results:
                raise ValueError(f"a pair is named 'source → target', got {name!r}")
            sources.setdefault(target, []).append(source)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for target, names in sources.items():
        told = {name: _number(_at(results, f"{name} → {target}", "forecast", forecast)) for name in names}
        came = {name: _number(outcome(results[f"{name} → {target}"])) for name in names}
        for pair in combinations(names, 2):
            a, b = sorted(pair, key=told.get, reverse=True)
            found.setdefault(target, {})[f"{a} over {b}, to {target}"] = (told[a] - told[b], came[a] - came[b])
    return found


@checked
def hit_rate(results: Results, forecast: str, outcome: Outcome) -> Estimate:
    """Return the share of comparisons in which the source forecast as better is better: a run for each target.

    Targets and not comparisons, since those that share a target are not independent. Raises ValueError as
    `comparisons` does, and for fewer than two targets. Taught in notebook 16.
    """
    by_target = comparisons(results, forecast, outcome)
    return Estimate(tuple(fmean(y > 0 for _, y in found.values()) for found in by_target.values()))


@checked
def policies(results: Results) -> dict[str, Estimate]:
    """Return points over never transferring: always, guarded by so many labels, and these labels in training.

    The mean over all methods, a run for each pair. Raises ValueError for fewer than two pairs, or what they lack.
    Taught in notebook 16.
    """

    def over_pairs(points: Outcome) -> Estimate:
        return Estimate(tuple(100 * points(row) for row in results.values()))

    def net(kind: str | int) -> Estimate:
        return over_pairs(lambda row: _number(_at(row, "won", kind)) - _number(_at(row, "lost", kind)))

    found = {"transfer always": net("always")} | {f"guard, {n} labels": net(n) for n in VALIDATION}
    for n in VALIDATION:
        found[f"{n} more in training"] = over_pairs(partial(_more_labels, n))
    return found


def _more_labels(size: int, row: Any) -> float:
    return _number(_at(row, "labels in training", size)) - _number(_at(row, "accuracy", ALONE))


@checked
def saved_and_cost(results: Results, size: int) -> tuple[Estimate, Estimate]:
    """Return the points of harm that a guard with so many labels keeps out, and the points of gain that it gives away.

    Both against transferring always, a run for each pair. Raises ValueError as `policies` does. Taught in notebook 16.
    """

    def beyond(kind: str) -> Estimate:
        pairs = [(_at(row, kind, "always"), _at(row, kind, size)) for row in results.values()]
        return Estimate(tuple(100 * (_number(always) - _number(guard)) for always, guard in pairs))

    return beyond("lost"), beyond("won")


@checked
def elects_worse(guesses: Mapping[str, Tensor], labels: Tensor, size: int, draws: int = 200) -> float:
    """Return how often a guard with `size` random labels takes the worse of two models, by guesses (n,) of labels (n,).

    The second is the fallback. Rows are drawn from torch's generator. Raises ValueError for other than two models, a
    size or number of draws below 1, and as `guarded` does. Taught in notebook 16.
    """
    check_count("size", size, most=len(labels) if labels.ndim else 0)
    check_count("draws", draws)
    if len(guesses) != 2:
        raise ValueError(f"the guesses of two models are compared, got those of {len(guesses)}")
    guarded(guesses, labels, fallback=list(guesses)[1])
    worse = min(guesses, key=lambda name: (guesses[name] == labels).sum().item())
    *_, fallback = guesses
    wrong = 0
    for _ in range(draws):
        rows = torch.randperm(len(labels))[:size]
        shown = {name: guess[rows] for name, guess in guesses.items()}
        wrong += guarded(shown, labels[rows], fallback=fallback).choice == worse
    return wrong / draws


def _at(table: Any, *path: str | int) -> Any:
    """Return what lies at a path of keys; raises ValueError for one that is not there, TypeError for no table."""
    for key in path:
        if not isinstance(table, Mapping):
            raise TypeError(f"there must be a dict with the key {key!r}, got {table!r:.80}")
        if key not in table:
            raise unknown("key", key, list(map(str, table)))
        table = table[key]
    return table


def _number(value: Any) -> float:
    """Return an estimate's mean, or a number; raises TypeError or ValueError for what is none."""
    if not isinstance(value, Estimate) and not is_number(value):
        raise TypeError(f"an estimate or a number is asked for, got {value!r:.80}")
    if not isinstance(value, Estimate) and not -LARGEST <= value <= LARGEST:
        raise ValueError(f"a finite number, at most {LARGEST:g}, is asked for, got {value!r:.80}")
    return float(value)
