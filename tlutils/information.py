"""How much a model's predictions say about its inputs: a criterion for choosing, and a penalty to train on."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tlutils.domains import Domain
from tlutils.inputs import checked
from tlutils.loop import evaluation_mode
from tlutils.tensors import check_count, check_floats, device_of, found
from tlutils.trainable import working


@checked
def information(logits: Tensor) -> Tensor:
    """Return H(mean p) − mean H(p) in nats, the mutual information of rows and predictions p of logits (n, k).

    Large when every prediction is sure and the classes are used alike; between 0 and log k. Carries
    a gradient.

    Raises ValueError when logits are not (n, k) with n ≥ 1, or not finite. Source: Bridle et al. (1991); Shi & Sha
    (2012), arXiv:1206.6438, equation 3. Taught in notebook 08.
    """
    check_floats(logits, "logits", "(n, k)")
    return sure_and_even(logits)


def sure_and_even(logits: Tensor) -> Tensor:
    """Return the `information` of logits that nobody has checked: NaN where they hold one, which stops `fit`."""
    log_p = logits.log_softmax(1).clamp_min(torch.finfo(logits.dtype).min)  # 0 · −∞ is not a number
    log_mean = log_p.logsumexp(0) - math.log(len(logits))
    return (log_p.exp() * log_p).sum(1).mean() - (log_mean.exp() * log_mean).sum()


@checked
def information_score(model: nn.Module, target: Domain, batch_size: int = 512) -> float:
    """Return the `information` of a model's predictions on a target, whose labels are not read.

    A score for choosing: higher is taken as better. It is fooled by a model that is sure, even-handed
    and wrong.

    Raises ValueError for inputs that the model cannot read, or predictions that are not finite. Source: Musgrave et
    al. (2022), arXiv:2208.07360, section 4. Taught in notebook 08.
    """
    check_count("batch_size", batch_size)
    if not isinstance(target.x, Tensor):
        raise ValueError(f"need inputs in a tensor, got {target}")
    device = device_of(model)
    with torch.inference_mode(), evaluation_mode(model), working("the model", model, target.x):
        logits = torch.cat([model(part.to(device)).cpu() for part in target.x.split(batch_size)])
    return information(logits).item()


class InformationMaximisation:
    """A penalty for `fit` that falls as predictions on the target become sure and even: −strength · information.

    With `distance`, a penalty of two feature sets such as `mmd`, both are added. It assumes that the
    target's classes are about equally frequent. Predictions with
    NaN have a penalty of NaN.

    Raises ValueError for a strength that is not finite. Source: Liang et al. (2020), arXiv:2002.08546, equation 4
    (without its pseudo-labels). Taught in notebook 08.
    """

    needs_predictions = True

    @checked
    def __init__(self, distance: Callable[[Tensor, Tensor], Tensor] | None = None, strength: float = 1.0) -> None:
        if not math.isfinite(strength):
            raise ValueError(f"strength must be finite, got {strength}")
        self.distance, self.strength = distance, strength

    @checked
    def __call__(
        self, source_features: Tensor, target_features: Tensor, source_logits: Tensor, target_logits: Tensor
    ) -> Tensor:
        """Return the penalty of features (n, d), (m, d) and logits (n, k), (m, k). Raises ValueError for no logits."""
        if target_logits.ndim != 2 or 0 in target_logits.shape or not target_logits.is_floating_point():
            raise ValueError(f"logits must be a float tensor (n, k), got {found(target_logits)}")
        penalty = -self.strength * sure_and_even(target_logits)
        return penalty + self.distance(source_features, target_features) if self.distance else penalty
