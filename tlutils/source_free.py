"""Adaptation without the source: a trained model and unlabelled inputs of the target are all there is."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from tlutils.batches import Batches
from tlutils.domains import Domain
from tlutils.information import sure_and_even
from tlutils.inputs import checked
from tlutils.loop import Terms, evaluation_mode, minimise
from tlutils.nets import Classifier
from tlutils.parallel import forward
from tlutils.tensors import check_count, check_floats
from tlutils.trainable import working


@checked
def shot(
    model: Classifier,
    target: Domain,
    *,
    pull: float = 0.1,
    epochs: int = 10,
    steps: int | None = None,
    batch_size: int = 64,
    lr: float = 2e-3,
    seed: int = 0,
) -> list[dict[str, float]]:
    """Adapt the encoder of a trained `model` in place to the target's inputs, whose labels are not read.

    The head stays as it is: it is what the model knows of the source. The encoder is trained so that
    predictions become sure and even (`information`), and, weighted by `pull`, agree with `pseudo_labels`, which are
    made anew at every pass over the target. It assumes that the target has the model's classes, about equally often.
    Returns the mean of both terms, a dict per epoch.

    Raises ValueError when the model's head does not fit the target's classes, the model cannot read the target, or a
    setting is not positive, FloatingPointError when a term stops being finite. Source: Liang et al. (2020),
    equations 3 to 6, arXiv:2002.08546. Taught in notebook 19.
    """
    if model.head.out_features != len(target.classes):
        raise ValueError(
            f"the head tells {model.head.out_features} classes apart and {target.name} has {len(target.classes)}: "
            "without the source the head cannot be changed"
        )
    if len(target) < 2 or not 0 <= pull < float("inf"):
        raise ValueError(f"shot needs at least 2 rows and pull ≥ 0, got {len(target)} and {pull}")
    if not isinstance(target.x, Tensor):
        raise ValueError(f"{target.name} has texts: shot needs inputs in a tensor")
    check_floats(target.x, target.name, "(n, …)")
    check_count("batch_size", batch_size)
    check_count("epochs", epochs)
    per_epoch = max(1, len(target) // batch_size)
    stream = _PseudoLabelled(model, target.unlabelled(), batch_size)

    def objective(prepared: list[torch.nn.Module], device: torch.device, progress: float) -> Terms:
        x, labels = next(stream)
        logits = forward(prepared[0], x.to(device))
        surprise = F.cross_entropy(logits, labels.to(device))
        return {"information": -sure_and_even(logits), "pseudo-labels": pull * surprise}

    learns = [parameter.requires_grad for parameter in model.head.parameters()]
    model.head.requires_grad_(False)
    try:
        steps = epochs * per_epoch if steps is None else steps
        return minimise(objective, [model], streams=[stream], steps=steps, per_epoch=per_epoch, lr=lr, seed=seed)
    finally:
        for parameter, asked in zip(model.head.parameters(), learns, strict=True):
            parameter.requires_grad_(asked)


@checked
def pseudo_labels(features: Tensor, logits: Tensor) -> Tensor:
    """Return a class number (n,) for each row of features (n, d): that of the nearest centroid by cosine.

    A class's centroid is first the mean of all rows, each weighted by the probability that logits (n, k) give
    it for the class, then once more the mean of the rows that this labels.

    Raises ValueError for rows that do not fit each other, or values that are not finite or too large to add up.
    Source: Liang et al. (2020), equations 4 and 5, arXiv:2002.08546. Taught in notebook 19.
    """
    check_floats(features, "features", "(n, d)")
    check_floats(logits, "logits", "(n, k)")
    if len(features) != len(logits):
        raise ValueError(f"need logits for each row of features, got {len(logits)} for {len(features)}")
    features, logits = features.detach(), logits.detach().to(features.dtype)
    members = logits.softmax(1)
    for _ in range(2):
        sums = members.T @ features
        if not torch.isfinite(sums).all():
            raise ValueError("features are too large to add up: scale them first")
        centroids = F.normalize(sums, dim=1)  # a mean's length does not matter for the cosine
        nearness = F.normalize(features, dim=1) @ centroids.T
        nearness[:, members.sum(0) == 0] = -torch.inf  # a class that no row belongs to has no centroid
        labels = nearness.argmax(1)
        members = F.one_hot(labels, logits.shape[1]).to(features)
    return labels


class _PseudoLabelled(Batches):
    """Batches of the target with pseudo-labels of the model as it is at the start of each pass."""

    def __init__(self, model: Classifier, target: Domain, size: int) -> None:
        super().__init__(target, size)
        self.model = model

    def begin_pass(self) -> None:
        self.domain = replace(self.domain, y=pseudo_labels(*_all_rows(self.model, self.domain.x)))
        super().begin_pass()


@torch.no_grad()
def _all_rows(model: Classifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return features (n, d) and logits (n, k) of all rows, in evaluation mode."""
    device = model.head.weight.device
    with evaluation_mode(model), working("the model", model, x):
        parts = [model(part.to(device), return_features=True) for part in x.split(512)]
    features, logits = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
    return features, logits
