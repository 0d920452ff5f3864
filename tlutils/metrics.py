"""What a hospital asks of a classifier: ranking, sensitivity at a promised specificity, honest probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from tlutils.evidence import CONFIDENCE
from tlutils.inputs import check_dense, checked, is_number
from tlutils.tensors import check_count

UNDEFINED = 0.05  # at most this share of resamples may lack what the metric needs


@checked
def auc(scores: Tensor, labels: Tensor) -> float:
    """Return the area under the ROC curve: how often a positive scores above a negative, ties counting half.

    `scores` (n,) rank the positives of `labels` (n,), 0 or 1. Scores (n, k) of class numbers give the
    mean over the k classes, each against the rest.

    Raises ValueError when a class has no row, or scores and labels do not fit.
    Source: Hanley & McNeil (1982), doi:10.1148/radiology.143.1.7063747. Taught in notebook 11.
    """
    from sklearn.metrics import roc_auc_score

    if scores.ndim == 2:
        _check_class_numbers(scores, labels)
        return sum(auc(column, labels == k) for k, column in enumerate(scores.T)) / scores.shape[1]
    scores, labels = _binary(scores, labels)
    _both_classes(labels)
    return float(roc_auc_score(labels.numpy(), scores.numpy()))


@checked
def threshold_for(specificity: float, scores: Tensor, labels: Tensor) -> float:
    """Return the lowest threshold at which at least this share of negatives is called negative.

    A row is positive when its score lies above the threshold; one that equals it is negative, so
    tied scores are never parted and the share may come out higher than asked. Among all thresholds
    that keep the promise this one finds the most positives. Choose it on validation data, never on
    the rows that are reported.

    `scores` (n,), `labels` (n,) 0 or 1. Raises ValueError for a specificity outside (0, 1], scores
    that do not fit the labels, or no negative row. Taught in notebook 11.
    """
    if not 0 < specificity <= 1:
        raise ValueError(f"specificity must lie above 0 and at most at 1, got {specificity}")
    scores, labels = _binary(scores, labels)
    negatives = scores[labels == 0].sort().values
    if len(negatives) == 0:
        raise ValueError("a threshold for a specificity needs negative rows (label 0), got none")
    kept = math.ceil(specificity * len(negatives) - 1e-9)  # 0.07 · 100 is a little more than 7 in binary digits
    return negatives[max(kept, 1) - 1].item()


@checked
def sensitivity(scores: Tensor, labels: Tensor, threshold: float) -> float:
    """Return the share of positives (label 1) whose score (n,) lies above the threshold.

    Raises ValueError when there is no positive, or scores and labels do not fit.
    Source: Altman & Bland (1994), doi:10.1136/bmj.308.6943.1552. Taught in notebook 11.
    """
    return _share_above(scores, labels, threshold, 1)


@checked
def specificity(scores: Tensor, labels: Tensor, threshold: float) -> float:
    """Return the share of negatives (label 0) whose score (n,) does not lie above the threshold.

    Raises ValueError when there is no negative, or scores and labels do not fit.
    Source: Altman & Bland (1994), doi:10.1136/bmj.308.6943.1552. Taught in notebook 11.
    """
    return 1 - _share_above(scores, labels, threshold, 0)


class Reliability(NamedTuple):
    """Points of a reliability curve, one for each bin that holds a row: tensors (b,). Taught in notebook 11."""

    confidence: Tensor  # mean predicted probability
    frequency: Tensor  # how often the event, or the predicted class, was true
    count: Tensor  # type: ignore[assignment]  # number of rows; the tuple's own `count` is hidden


@checked
def reliability_curve(probabilities: Tensor, labels: Tensor, bins: int = 15) -> Reliability:
    """Return predicted probability against observed frequency, in bins of equal width.

    Probabilities (n,) of the event with labels (n,) 0 or 1; or probabilities (n, k) of class numbers:
    then the event is that the most probable class is right. Bin m of M holds ((m−1)/M, m/M], the
    first one 0 as well; empty bins are left out.

    Raises ValueError for values outside [0, 1], parts that do not fit, or bins outside 1 … 1,000,000.
    Source: Guo et al. (2017), arXiv:1706.04599, section 2. Taught in notebook 11.
    """
    check_count("bins", bins)
    if probabilities.ndim == 2:
        _check_class_numbers(probabilities, labels)
        probabilities, predicted = probabilities.max(1)
        labels = predicted == labels
    probabilities, labels = _binary(probabilities, labels)
    if probabilities.min() < 0 or probabilities.max() > 1 + 1e-6:
        low, high = probabilities.min(), probabilities.max()
        raise ValueError(f"probabilities must lie in [0, 1], got {low:.3g} to {high:.3g}; apply softmax or sigmoid")
    place = torch.bucketize(probabilities.contiguous(), torch.arange(1, bins, dtype=torch.float64) / bins)
    count = torch.bincount(place, minlength=bins)
    sums = [torch.bincount(place, weights, minlength=bins) for weights in (probabilities, labels.double())]
    filled = count > 0
    confidence, frequency = (total[filled] / count[filled] for total in sums)
    return Reliability(confidence, frequency, count[filled])


@checked
def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Return the expected calibration error: the mean gap between probability and frequency, weighted by rows.

    Probabilities (n,) or (n, k) and labels (n,) as in `reliability_curve`. With few rows it is above 0
    even for a perfectly calibrated model.

    Raises ValueError as `reliability_curve` does. Source: Guo et al. (2017), arXiv:1706.04599, equation 3.
    Taught in notebook 11.
    """
    curve = reliability_curve(probabilities, labels, bins)
    return ((curve.confidence - curve.frequency).abs() * curve.count).sum().item() / curve.count.sum().item()


@checked
def bootstrap(
    metric: Callable[..., float],
    *arrays: Tensor,
    groups: Tensor | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the lower and upper end of a 95 % percentile interval for `metric(*arrays)`.

    Rows of all arrays (n, …) are drawn again together, with replacement. With `groups` (n,), a number
    for each row, whole groups are drawn: several images of one patient are one piece of evidence, not
    several. Resamples on which the metric is not defined (one class only) are left out.

    Raises ValueError for arrays of different length, a single row or group, a metric that is not
    defined (or NaN) on the data themselves, or on more than 5 % of the resamples, or resamples outside 1 … 1,000,000.
    Source: Efron & Tibshirani (1993), chapter 13. Taught in notebook 11.
    """
    check_count("resamples", resamples)
    given = [*arrays, *([] if groups is None else [groups])]
    if not arrays or not all(isinstance(array, Tensor) and array.ndim for array in given):
        raise ValueError("a bootstrap needs one array at least, and all arrays and groups to be tensors (n, …)")
    for array in arrays:
        check_dense(array, "bootstrap: an array")
    lengths = [len(array) for array in given]
    if len(set(lengths)) > 1 or (groups is not None and groups.ndim > 1):
        raise ValueError(f"all arrays and groups need the same number of rows, got {lengths}, and groups shape (n,)")
    numbers = torch.arange(lengths[0]) if groups is None else torch.unique(groups, return_inverse=True)[1]
    members = list(numbers.argsort(stable=True).split(torch.bincount(numbers).tolist()))
    if len(members) < 2:
        raise ValueError(f"a bootstrap draws from at least 2 rows or groups, got {len(members)}")
    value = metric(*arrays)  # what is wrong with the data as such should be said, not left out
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"the metric must be a finite number on the data, got {value!r:.80}")
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(resamples):
        drawn = torch.randint(len(members), (len(members),), generator=generator)
        rows = drawn if groups is None else torch.cat([members[i] for i in drawn.tolist()])
        try:
            value = float(metric(*(array[rows] for array in arrays)))
        except ValueError:
            continue
        if math.isfinite(value):
            values.append(value)
    if len(values) < (1 - UNDEFINED) * resamples:
        raise ValueError(
            f"the metric was defined on {len(values)} of {resamples} resamples only: too few rows or groups of a class"
        )
    tail = (1 - CONFIDENCE) / 2
    low, high = torch.tensor(values, dtype=torch.float64).quantile(torch.tensor([tail, 1 - tail]).double()).tolist()
    return low, high


@checked
def share_interval(right: int, n: int) -> tuple[float, float]:
    """Return the lower and upper end of Wilson's 95 % interval for a share, `right` of n independent rows.

    Raises ValueError for no rows or more right ones than rows. Source: Wilson (1927),
    doi:10.1080/01621459.1927.10502953. Taught in notebook 20.
    """
    from scipy.stats import binomtest

    if not 0 <= right <= n or n == 0:
        raise ValueError(f"a share needs 0 to n right of n rows, n at least 1; got {right} of {n}")
    found = binomtest(right, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def _binary(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return scores as float64 and labels as 0 or 1, both (n,), on the CPU and checked."""
    scores, labels = (given.detach().cpu() for given in (scores, labels))
    if scores.ndim != 1 or scores.shape != labels.shape or len(scores) == 0:
        raise ValueError(f"need a score and a label for each row, got {tuple(scores.shape)}, {tuple(labels.shape)}")
    if not torch.isfinite(scores).all():
        raise ValueError(f"{(~torch.isfinite(scores)).sum()} of {len(scores)} scores are NaN or infinite")
    wrong = labels[(labels != 0) & (labels != 1)]
    if len(wrong):
        raise ValueError(f"labels must be 0 or 1, got {wrong[0].item()}; pass labels == k to score class k")
    return scores.double(), labels.long()


def _check_class_numbers(scores: Tensor, labels: Tensor) -> None:
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or len(labels) == 0:
        raise ValueError(f"need scores (n, k) and labels (n,), got {tuple(scores.shape)}, {tuple(labels.shape)}")
    if not torch.isfinite(scores).all():
        rows = (~torch.isfinite(scores)).any(1).sum()
        raise ValueError(f"scores are NaN or infinite in {rows} of {len(scores)} rows")
    columns = scores.shape[1]
    wrong = labels[(labels < 0) | (labels >= columns)]
    if len(wrong):
        raise ValueError(f"label {wrong[0].item()} is outside 0 … {columns - 1}: there are {columns} columns")


def _both_classes(labels: Tensor) -> None:
    if labels.min() == labels.max():
        raise ValueError(f"both classes are needed, all {len(labels)} labels are {labels[0].item()}")


def _share_above(scores: Tensor, labels: Tensor, threshold: float, label: int) -> float:
    scores, labels = _binary(scores, labels)
    chosen = scores[labels == label]
    if len(chosen) == 0:
        raise ValueError(f"no row has label {label}, so there is nothing to share out")
    return (chosen > threshold).double().mean().item()
