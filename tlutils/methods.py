"""Ways to use labels of one domain in another, all with the same small network on the same rows (notebook 16)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tlutils.adversary import DomainAdversary
from tlutils.discrepancy import mmd
from tlutils.domains import UNLABELLED, Domain
from tlutils.inputs import checked
from tlutils.nets import Classifier
from tlutils.session import seed_everything
from tlutils.tensors import check_count, check_floats, found
from tlutils.train import fit, outputs, predict, ramp
from tlutils.transport import recoloured, transported
from tlutils.weighting import importance_weights, label_weights

STEPS = 200  # of every training
WIDTH = 32
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)  # of the rows of each guessed class, taken for labelled, round by round
DRAWS = 4  # times as many rows as there are: weights are kept by drawing, and few draws would add noise

Method = Callable[[Domain, Domain, int], Classifier]


class Hidden(nn.Module):
    """Encoder of rows (n, columns): one layer of 32 with ReLU, whose outputs are the features.

    Raises ValueError for fewer than one column. Features of NaN are NaN.
    """

    dim = WIDTH

    @checked
    def __init__(self, columns: int) -> None:
        super().__init__()
        check_count("columns", columns)
        self.columns = columns
        self.layers = nn.Sequential(nn.Linear(columns, WIDTH), nn.ReLU())

    @checked
    def forward(self, x: Tensor) -> Tensor:
        """Return features (n, 32) of rows (n, columns). Raises ValueError for rows of another width or type."""
        if x.ndim != 2 or x.shape[1] != self.columns or x.dtype != next(self.parameters()).dtype:
            raise ValueError(f"rows must be (n, {self.columns}), of the type of the weights, got {found(x)}")
        return self.layers(x)


@checked
def trained(source: Domain, target: Domain | None = None, *, seed: int, **settings: Any) -> Classifier:
    """Return the small network trained on rows (n, d), from the same start for the same seed. Settings as in `fit`.

    Raises ValueError for other rows, and what `fit` raises.
    """
    for domain in (source, source if target is None else target):
        if not isinstance(domain.x, Tensor):
            raise ValueError(f"{domain.name} has texts: extract their features first")
        check_floats(domain.x, domain.name, "(n, d)")
    if source.has_values:
        raise ValueError(f"{source.name} has values, not classes")
    seed_everything(seed)
    model = Classifier(Hidden(source.x.shape[1]), source.classes)
    fit(model, source, target, steps=STEPS, lr=1e-2, seed=seed, **settings)
    return model


@checked
def source_only(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on the source as it is; the target is not looked at.

    Raises ValueError as `trained` does.
    """
    return trained(source, seed=seed)


@checked
def weighted_by_inputs(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on source rows drawn by P_T(x) / P_S(x), the answer to covariate shift.

    Raises ValueError as `trained` and `importance_weights` do.
    """
    return trained(drawn(source, importance_weights(source.x, target.x), seed), seed=seed)


@checked
def weighted_by_labels(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on source rows drawn by P_T(y) / P_S(y), the answer to label shift; no target label is read.

    Raises ValueError as `trained` and `label_weights` do.
    """
    known, held_out = source.split(0.5, seed)
    model = trained(known, seed=seed)
    guessed, met = predict(model, held_out.x), predict(model, target.x)
    weights = label_weights(guessed, held_out.y, met, classes=len(source.classes))
    return trained(drawn(source, weights[source.y], seed), seed=seed)


@checked
def drawn(domain: Domain, weights: Tensor, seed: int) -> Domain:
    """Return rows of a domain drawn with replacement, each as often as its weight (n,) says.

    Raises ValueError for weights that do not fit, are negative, or add up to nothing.
    """
    check_floats(weights, "weights", "(n,)")
    if len(weights) != len(domain) or weights.min() < 0 or not 0 < weights.sum() < math.inf:
        raise ValueError(f"weights must be ({len(domain)},), from 0 on, one above it at least; got {weights}")
    generator = torch.Generator().manual_seed(seed)
    return domain.subset(torch.multinomial(weights, DRAWS * len(domain), replacement=True, generator=generator))


@checked
def recoloured_source(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on source rows that were given the target's mean and covariance: CORAL in its closed form.

    Raises ValueError as `trained` and `recoloured` do.
    """
    return trained(source.map(lambda x: recoloured(x, target.x)), seed=seed)


@checked
def matched(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on the source while MMD, λ ramped up to 1, makes the features of both domains alike.

    Raises ValueError as `trained` does.
    """
    return trained(source, target.unlabelled(), penalty=mmd, weight=ramp(1.0), seed=seed)


@checked
def adversarial(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on the source while a discriminator, λ ramped up to 1, makes the features of both domains alike (DANN).

    Raises ValueError as `trained` does.
    """
    seed_everything(1000 + seed)  # else its start weights would repeat the network's random numbers
    penalty = DomainAdversary(WIDTH, hidden=WIDTH)
    return trained(source, target.unlabelled(), penalty=penalty, weight=ramp(1.0), seed=seed)


@checked
def moved_source(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on source rows moved onto the target by optimal transport.

    Raises ValueError as `trained` and `transported` do.
    """
    return trained(source.map(lambda x: transported(x, target.x)), seed=seed)


@checked
def self_trained(source: Domain, target: Domain, seed: int) -> Classifier:
    """Train on the source, then anew, round by round, with the surest guesses of the target for labels.

    Raises ValueError as `trained` does.
    """
    model = trained(source, seed=seed)
    for share in SHARES:
        guessed = replace(target, y=surest(outputs(model, target.x), share), classes=source.classes)
        model = trained(source, guessed, seed=seed)
    return model


@checked
def surest(logits: Tensor, share: float) -> Tensor:
    """Return guessed labels (n,): of the rows of each guessed class the surest `share`, at least one; the rest −1.

    By guessed class and not overall, so that no class dies out. Raises ValueError for logits that are not (n, k) and
    finite, and a share outside [0, 1]. Source: Zou et al. (2018), arXiv:1810.07911.
    """
    check_floats(logits, "logits", "(n, k)", rows=0)
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    sureness, guesses = logits.softmax(1).max(1)
    labels = torch.full_like(guesses, UNLABELLED)
    for number in guesses.unique():
        rows = (guesses == number).nonzero().squeeze(1)
        order = rows[sureness[rows].argsort(descending=True, stable=True)]
        labels[order[: max(1, int(share * len(order)))]] = number
    return labels


METHODS: dict[str, Method] = {
    "source only": source_only,
    "weights by input": weighted_by_inputs,
    "weights by label": weighted_by_labels,
    "CORAL": recoloured_source,
    "MMD": matched,
    "DANN": adversarial,
    "transport": moved_source,
    "self-training": self_trained,
}
