"""Transfer that hurts: seen afterwards, forecast beforehand, and kept out."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor

from tlutils.discrepancy import proxy_a_distance
from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.evidence import Estimate
from tlutils.features import linear_probe
from tlutils.inputs import check_dense, checked
from tlutils.tensors import check_class_numbers
from tlutils.transferability import leep, nce


class TransferGain(NamedTuple):
    """What transfer brought over the best baseline, and what may be said about it."""

    gain: Estimate  # paired, run by run
    verdict: str  # "helps", "no evidence" or "hurts"
    baseline: Estimate  # the one with the highest mean


@checked
def transfer_gain(transferred: Estimate, *baselines: Estimate) -> TransferGain:
    """Return the gain of transfer over the best baseline, run by run, with its 95 % interval and a verdict.

    All are scores over the same seeds, higher is better. `helps` when the whole interval lies above 0,
    `hurts` (negative transfer) when it lies below, else `no evidence`: not the same as no effect. Of
    several baselines the one that happened to come out highest is taken, so a small gain is counted
    rather too low than too high.

    Raises ValueError without a baseline or for runs over different seeds. Source: Wang et al. (2019),
    arXiv:1811.09751. Taught in notebook 16.
    """
    if not all(isinstance(baseline, Estimate) for baseline in baselines):
        raise TypeError(f"every baseline must be an Estimate, got {baselines!r:.80}")
    if not baselines:
        raise ValueError("a gain is over a baseline: pass the estimate of training on the target alone, at least")
    best = max(baselines, key=float)
    gain = transferred - best
    verdict = "helps" if gain.low > 0 else "hurts" if gain.high < 0 else "no evidence"
    return TransferGain(gain, verdict, best)


class Forecast(NamedTuple):
    """What can be said about a transfer before training: shares from 0 to 1, None where target labels are missing."""

    closeness: float  # 1 − proxy A-distance / 2: how hard it is to tell the domains apart
    overlap: float  # share of the target's class names that the source has examples of
    transferability: float | None  # share of the target labels' entropy that LEEP explains, whatever the names
    agreement: float | None  # share of target labels that a probe of the source names right

    @property
    def score(self) -> float:
        """The plain mean of the parts that are known, for ranking; it is not a probability."""
        return fmean(part for part in self if part is not None)


@checked
def forecast(source: Domain, target: Domain) -> Forecast:
    """Return signs, known before training, of whether transfer from source to target will help.

    Both domains hold features (n, d) of one encoder. The source is labelled; of the target, labels
    are used where there are some. Rank candidates by `score`, and only forecasts that know the same parts:
    the mean's weights are not fitted to any outcome, and where helping ends and hurting begins is not
    known in advance. Without target labels nothing here can see that the same input has another label
    in the target (concept shift). With few, the last two parts are rough, and transferability flatters.

    Raises ValueError for a source without labels, values in place of classes, features that do not
    fit, or target labels of one class only. Source: Ben-David et al. (2010),
    doi:10.1007/s10994-009-5152-4; `proxy_a_distance`; `leep`. Taught in notebook 16.
    """
    for domain in (source, target):
        if domain.has_values:
            raise ValueError(f"{domain.name} has values, not classes: a forecast needs classes")
        if not isinstance(domain.x, Tensor):
            raise ValueError(f"{domain.name} has texts: extract their features first")
    source = source.labelled_part()
    closeness = 1 - proxy_a_distance(source.x, target.x) / 2
    known = {source.classes[number] for number in source.y.unique()}
    overlap = sum(name in known for name in target.classes) / len(target.classes)
    if not target.known.any():
        return Forecast(closeness, overlap, None, None)
    target = target.labelled_part()
    probe = linear_probe(source.x, source.y)
    p = torch.from_numpy(probe.predict_proba(target.x))
    explained = 1 - leep(p, target.y) / nce(torch.zeros_like(target.y), target.y)
    named = [source.classes[probe.classes_[column]] for column in p.argmax(1)]
    agreement = fmean(name == target.classes[number] for name, number in zip(named, target.y, strict=True))
    return Forecast(closeness, overlap, explained, agreement)


class Guarded(NamedTuple):
    """The model that the guard lets through, and the counts that decided."""

    choice: str
    accuracies: dict[str, float]  # on the validation rows; the chosen one's flatters, report it on test rows
    better: int  # validation rows that the best other candidate has right and the fallback wrong
    worse: int  # the reverse


@checked
def guarded(predictions: Mapping[str, Tensor], labels: Tensor, *, fallback: str) -> Guarded:
    """Choose the candidate with the best predictions (n,) of validation labels (n,), of equals the fallback.

    `fallback` names the model trained on target labels alone; a transferred one is let through only
    when it is right on more of the held-out labels of the target. Never pass test labels. The guard
    is as good as these labels are many: with v of them and two models that differ on a share s of
    rows, accuracies are known apart to about √(s/v) only, and `better` against `worse` shows it.

    Raises ValueError for an unknown fallback, no other candidate, or predictions that do not fit the
    labels. Source: Zhang et al. (2020), arXiv:2009.00909. Taught in notebook 16.
    """
    if fallback not in predictions:
        raise unknown("fallback", fallback, predictions)
    if len(predictions) < 2:
        raise ValueError(f"there is nothing to choose: {fallback!r} is the only candidate")
    check_class_numbers(labels, "validation labels, all known,")
    right = {}
    for name, predicted in predictions.items():
        if not isinstance(predicted, Tensor):
            raise TypeError(f"{name!r} needs its predictions in a tensor, got {predicted!r:.80}")
        check_dense(predicted, f"guarded: the predictions of {name!r}")
        if predicted.shape != labels.shape or predicted.is_floating_point():
            found = f"{predicted.dtype} {tuple(predicted.shape)}"
            raise ValueError(f"{name!r} needs a predicted class number for each of {len(labels)} labels, got {found}")
        right[name] = predicted == labels
    others = [name for name in predictions if name != fallback]
    best = max(others, key=lambda name: right[name].sum().item())
    better, worse = (int((right[best] & ~right[fallback]).sum()), int((right[fallback] & ~right[best]).sum()))
    accuracies = {name: row.double().mean().item() for name, row in right.items()}
    return Guarded(best if better > worse else fallback, accuracies, better, worse)
