"""Adversarial penalties: a discriminator learns to tell the domains apart, the encoder learns to prevent it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.inputs import checked

LARGEST_PRODUCT = 4096  # columns of features ⊗ predictions that are still multiplied out, as in the paper


@checked
def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """Return x unchanged, whose gradient is multiplied by `factor` on the way back.

    Taught in notebook 09.
    """
    return _ScaledGradient.apply(x, factor)


@checked
def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """Return x, of any shape, unchanged, whose gradient is multiplied by −`strength` on the way back.

    What lies behind it, a discriminator, minimises a loss; what lies before it, an encoder,
    maximises the same loss, `strength` times as hard.

    Source: Ganin & Lempitsky (2015), section 3, arXiv:1409.7495. Taught in notebook 09.
    """
    return scale_gradient(x, -strength)


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.factor * gradient, None


class DomainAdversary(nn.Module):
    """A discriminator as distance D: a penalty for `fit`, called as any other.

    Called with features (n, d) of the source and (m, d) of the target, it returns the
    discriminator's mean loss at naming the domain, both domains weighing the same; log 2 is
    guessing. The features' gradient is reversed, so minimising the loss trains the discriminator
    to tell the domains apart and the encoder to make that impossible (DANN). How hard the encoder
    pulls is the `weight` of `fit`; the discriminator always learns in full.

    With `classes`, the number of classes k, the discriminator sees features ⊗ predictions, so that
    it compares domains class by class (CDAN), and is called with logits (n, k) and (m, k) too;
    where d·k exceeds 4,096, random projections of both are multiplied. With `entropy` every row
    counts 1 + exp(−H), more the surer its prediction is (CDAN+E). Predictions carry no gradient.

    Raises ValueError for features, logits or settings that do not fit. Source: Ganin et al. (2016),
    arXiv:1505.07818; Long et al. (2018), arXiv:1705.10667, equations 5–8. Taught in notebook 09.
    """

    feature_map: Tensor
    prediction_map: Tensor

    @checked
    def __init__(self, dim: int, *, classes: int | None = None, entropy: bool = False, hidden: int = 128) -> None:
        super().__init__()
        if dim < 1 or hidden < 1 or (classes is not None and classes < 2):
            found = f"dim={dim}, hidden={hidden}, classes={classes}"
            raise ValueError(f"an adversary needs dim ≥ 1, hidden ≥ 1 and at least 2 classes, got {found}")
        if entropy and classes is None:
            raise ValueError("entropy=True weighs rows by their predictions: give the number of classes as well")
        self.dim, self.classes, self.entropy = dim, classes, entropy
        self.needs_predictions = classes is not None
        columns = dim * (classes or 1)
        if classes and columns > LARGEST_PRODUCT:
            columns = 1024
            # Buffers: without them in the state dict a loaded discriminator would see another product.
            self.register_buffer("feature_map", torch.randn(dim, columns))
            self.register_buffer("prediction_map", torch.randn(classes, columns) / columns**0.5)
        self.discriminator = nn.Sequential(
            nn.Linear(columns, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    @checked
    def forward(
        self,
        source_features: Tensor,
        target_features: Tensor,
        source_logits: Tensor | None = None,
        target_logits: Tensor | None = None,
    ) -> Tensor:
        self._check(source_features, target_features, source_logits, target_logits)
        pairs = ((source_features, source_logits, 1.0), (target_features, target_logits, 0.0))
        losses = []
        for features, logits, domain in pairs:
            scores = self._scores(reverse_gradient(features), logits)
            rows = F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, domain), reduction="none")
            losses.append((rows * self._certainty(logits, rows)).mean())
        return (losses[0] + losses[1]) / 2

    @torch.no_grad()
    def accuracy(self, source_features, target_features, source_logits=None, target_logits=None) -> float:
        """Return how often the discriminator names the domain correctly, the mean of both: ½ is guessing."""
        self._check(source_features, target_features, source_logits, target_logits)
        source, target = self._scores(source_features, source_logits), self._scores(target_features, target_logits)
        return ((source > 0).float().mean() + (target <= 0).float().mean()).item() / 2

    def _scores(self, features: Tensor, logits: Tensor | None) -> Tensor:
        """Return the discriminator's logit (n,) that each row is from the source."""
        if self.classes is None:
            return self.discriminator(features).squeeze(1)
        predictions = logits.detach().softmax(1)
        if hasattr(self, "feature_map"):
            joint = (features @ self.feature_map) * (predictions @ self.prediction_map)
        else:
            joint = (predictions[:, :, None] * features[:, None, :]).flatten(1)
        return self.discriminator(joint).squeeze(1)

    def _certainty(self, logits: Tensor | None, rows: Tensor) -> Tensor:
        """Return how much each row counts: weights (n,) of mean 1."""
        if not self.entropy:
            return torch.ones_like(rows)
        log = logits.detach().log_softmax(1)
        weights = 1 + torch.exp((log.exp() * log).sum(1))  # 1 + exp(−H)
        return weights / weights.mean()

    def _check(self, *samples: Tensor | None) -> None:
        expected = ((self.dim, "features"), (self.dim, "features"), (self.classes, "logits"), (self.classes, "logits"))
        for sample, (columns, what) in zip(samples, expected, strict=True):
            if columns is None:
                continue
            if sample is None:
                raise ValueError("with classes given, the adversary is called with features and logits of both domains")
            if sample.ndim != 2 or sample.shape[1] != columns or len(sample) == 0:
                raise ValueError(f"{what} must have shape (n, {columns}) with n ≥ 1, got {tuple(sample.shape)}")
        for features, logits in zip(samples[:2], samples[2:], strict=True):
            if self.classes is not None and len(features) != len(logits):
                raise ValueError(f"{len(features)} rows of features but {len(logits)} of logits: pass one domain's own")
