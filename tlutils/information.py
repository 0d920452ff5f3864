"""How much a model's predictions say about its inputs: a criterion for choosing, and a penalty to train on."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tlutils.domains import Domain
from tlutils.loop import evaluation_mode


def information(logits: Tensor) -> Tensor:
    """Return H(mean p) − mean H(p) in nats, the mutual information of rows and predictions p of logits (n, k).

    Large when every prediction is sure and the classes are used alike; between 0 and log k. Carries
    a gradient.

    Raises ValueError when logits are not (n, k) with n ≥ 1. Source: Bridle et al. (1991); Shi & Sha
    (2012), arXiv:1206.6438, equation 3. Taught in notebook 08.
    """
    if logits.ndim != 2 or len(logits) == 0:
        raise ValueError(f"logits must have shape (n, k) with n ≥ 1, got {tuple(logits.shape)}")
    log_p = logits.log_softmax(1)
    log_mean = log_p.logsumexp(0) - math.log(len(logits))
    return (log_p.exp() * log_p).sum(1).mean() - (log_mean.exp() * log_mean).sum()


def information_score(model: nn.Module, target: Domain, batch_size: int = 512) -> float:
    """Return the `information` of a model's predictions on a target, whose labels are not read.

    A score for choosing: higher is taken as better. It is fooled by a model that is sure, even-handed
    and wrong. Source: Musgrave et al. (2022), arXiv:2208.07360, section 4. Taught in notebook 08.
    """
    device = next(model.parameters()).device
    with torch.inference_mode(), evaluation_mode(model):
        logits = torch.cat([model(part.to(device)).cpu() for part in target.x.split(batch_size)])
    return information(logits).item()


class InformationMaximisation:
    """A penalty for `fit` that falls as predictions on the target become sure and even: −strength · information.

    With `distance`, a penalty of two feature sets such as `mmd`, both are added. It assumes that the
    target's classes are about equally frequent.

    Source: Liang et al. (2020), arXiv:2002.08546, equation 4 (without its pseudo-labels). Taught in notebook 08.
    """

    needs_predictions = True

    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor] | None = None, strength: float = 1.0) -> None:
        self.distance, self.strength = distance, strength

    def __call__(
        self, source_features: Tensor, target_features: Tensor, source_logits: Tensor, target_logits: Tensor
    ) -> Tensor:
        penalty = -self.strength * information(target_logits)
        return penalty + self.distance(source_features, target_features) if self.distance else penalty
