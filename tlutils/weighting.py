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
