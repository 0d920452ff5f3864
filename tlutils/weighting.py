"""Importance weighting: count source examples by how much they look like the target."""

from __future__ import annotations

import math

from torch import Tensor, tensor

from tlutils.inputs import checked
from tlutils.tensors import check_class_numbers, check_floats
from tlutils.trainable import working

MOST = 20.0  # an example that counts for more than this many would decide alone


@checked
def importance_weights(source: Tensor, target: Tensor) -> Tensor:
    """Estimate P_T(x) / P_S(x) for every row of source (n, d) from target (m, d): weights (n,) of mean 1.

    A logistic regression learns to tell the domains apart; its odds are the ratio, up to a factor.
    Weights above 20 times the mean are cut before the last rescaling. Raises ValueError when the widths differ or
    values are not finite or too large. Source: Bickel, Brückner & Scheffer (2009), section 4. Taught in notebook 04.
    """
    import numpy as np
    import torch

    from tlutils.features import linear_probe

    check_floats(source, "source", "(n, d)")
    check_floats(target, "target", "(m, d)")
    if source.shape[1] != target.shape[1]:
        raise ValueError(f"features must be (n, d) and (m, d), got {tuple(source.shape)} and {tuple(target.shape)}")
    dtype = torch.promote_types(torch.promote_types(source.dtype, target.dtype), torch.float32)
    source, target = (rows.detach().cpu().to(dtype) for rows in (source, target))
    domain = np.repeat([0, 1], [len(source), len(target)])
    probe = linear_probe(torch.cat([source, target]), tensor(domain))
    with working("the regression", probe, source):
        log_odds = probe.decision_function(source.numpy())
    ratio = np.exp(log_odds - log_odds.max())  # up to a factor, which the mean of 1 settles
    ratio = np.minimum(ratio / ratio.mean(), MOST)
    return tensor(ratio / ratio.mean()).float()


@checked
def effective_size(weights: Tensor) -> float:
    """Return (Σw)² / Σw², the number of equally weighted examples that weights (n,) are worth.

    Raises ValueError for weights that are negative, not finite, all 0 or too large to square.
    Source: Kish (1965). Taught in notebook 04.
    """
    if weights.ndim != 1 or len(weights) == 0 or (weights < 0).any():
        raise ValueError(f"weights must be a tensor (n,) of numbers from 0, got {weights!r:.80}")
    size = (weights.sum().square() / weights.square().sum()).item()
    if not math.isfinite(size) or size == 0:
        raise ValueError(f"weights must be finite and not all 0, got a sum of {weights.sum():g}: scale what is extreme")
    return size


@checked
def label_weights(guessed: Tensor, labels: Tensor, met: Tensor, *, classes: int) -> Tensor:
    """Estimate P_T(y) / P_S(y) for every class from a source model's guesses: weights (k,).

    How often the classifier takes class j for i is counted on held-out source rows, from `guessed` (n,) and
    `labels` (n,); which class weights then explain its guesses `met` (m,) on the target is solved for by
    least squares, none below 0. Exact for label shift, where P(x|y) stays, and wrong otherwise.

    Raises ValueError for guesses that do not fit the labels or the classes, or a class without a held-out row.
    Source: Lipton, Wang & Smola (2018), arXiv:1802.03916, equation 4. Taught in notebook 16.
    """
    import torch
    from scipy.optimize import nnls

    if guessed.shape != labels.shape or met.numel() == 0:
        found = f"{guessed.numel()} for {labels.numel()} labels, {met.numel()} of the target"
        raise ValueError(f"need a guess for each held-out label and at least one of the target, got {found}")
    for name, numbers in (("labels", labels), ("guessed", guessed), ("met", met)):
        check_class_numbers(numbers, name, classes=classes)
    guessed, labels, met = guessed.long(), labels.long(), met.long()
    if classes > len(labels):
        raise ValueError(f"every one of {classes} classes needs a held-out row, got {len(labels)} rows in all")
    seen = torch.bincount(labels, minlength=classes)
    if not seen.all():
        raise ValueError(f"every one of {classes} classes needs a held-out row, got {seen.tolist()} rows")
    table = torch.bincount(guessed * classes + labels, minlength=classes**2).reshape(classes, classes).double()
    share = torch.bincount(met, minlength=classes).double() / len(met)
    return tensor(nnls((table / len(labels)).numpy(), share.numpy())[0]).float()
