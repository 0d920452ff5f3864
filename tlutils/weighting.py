"""Importance weighting: count source examples by how much they look like the target."""

from __future__ import annotations

from torch import Tensor, tensor

MOST = 20.0  # an example that counts for more than this many would decide alone


def importance_weights(source: Tensor, target: Tensor) -> Tensor:
    """Estimate P_T(x) / P_S(x) for every row of source (n, d) from target (m, d): weights (n,) of mean 1.

    A logistic regression learns to tell the domains apart; its odds are the ratio, up to a factor.
    Weights above 20 times the mean are cut before the last rescaling. Raises ValueError when the widths differ.
    Source: Bickel, Brückner & Scheffer (2009), section 4. Taught in notebook 04.
    """
    import numpy as np

    from tlutils.features import linear_probe

    if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
        raise ValueError(f"features must be (n, d) and (m, d), got {tuple(source.shape)} and {tuple(target.shape)}")
    rows = np.concatenate([source.numpy(), target.numpy()])
    domain = np.repeat([0, 1], [len(source), len(target)])
    log_odds = linear_probe(tensor(rows), tensor(domain)).decision_function(source.numpy())
    ratio = np.exp(log_odds - log_odds.max())  # up to a factor, which the mean of 1 settles
    ratio = np.minimum(ratio / ratio.mean(), MOST)
    return tensor(ratio / ratio.mean()).float()


def effective_size(weights: Tensor) -> float:
    """Return (Σw)² / Σw², the number of equally weighted examples that weights (n,) are worth.

    Source: Kish (1965). Taught in notebook 04.
    """
    return (weights.sum().square() / weights.square().sum()).item()


def label_weights(guessed: Tensor, labels: Tensor, met: Tensor, *, classes: int) -> Tensor:
    """Estimate P_T(y) / P_S(y) for every class from a source model's guesses: weights (k,).

    How often the classifier takes class j for i is counted on held-out source rows, from `guessed` (n,) and
    `labels` (n,); which class weights then explain its guesses `met` (m,) on the target is solved for by
    least squares, none below 0. Exact for label shift, where P(x|y) stays, and wrong otherwise.

    Raises ValueError for guesses that do not fit the labels, or a class without a held-out row.
    Source: Lipton, Wang & Smola (2018), arXiv:1802.03916, equation 4. Taught in notebook 16.
    """
    import torch
    from scipy.optimize import nnls

    if guessed.shape != labels.shape or len(met) == 0:
        found = f"{len(guessed)} for {len(labels)} labels, {len(met)} of the target"
        raise ValueError(f"need a guess for each held-out label and at least one of the target, got {found}")
    seen = torch.bincount(labels, minlength=classes)
    if len(seen) != classes or not seen.all():
        raise ValueError(f"every one of {classes} classes needs a held-out row, got {seen.tolist()} rows")
    table = torch.bincount(guessed * classes + labels, minlength=classes**2).reshape(classes, classes).double()
    share = torch.bincount(met, minlength=classes).double() / len(met)
    return tensor(nnls((table / len(labels)).numpy(), share.numpy())[0]).float()
