"""Ways of learning from a reader's labels, each measured on rows that it has not seen."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tlutils.domains import Domain, Rows
from tlutils.inputs import checked
from tlutils.nets import Classifier
from tlutils.own_linear import Linear, Table, check_table, rows_of
from tlutils.own_model import OwnModel, View, view
from tlutils.own_rows import MOST_CLASSES
from tlutils.tensors import check_class_numbers
from tlutils.train import fit, outputs

FOLDS = 5
STEPS, BATCH = 60, 32
TRIED = 4  # steps from which the time of all is foretold
RATES = {True: 2e-4, False: 1e-3}  # of fine-tuning, by whether rows are texts; fixed here, tuned on nobody's data
SURE = 0.9  # a prediction that may serve as a label

Fold = tuple[Tensor, Tensor]
Train = Callable[[Tensor], OwnModel]


@dataclass(frozen=True, eq=False)
class Learner:
    """One way of learning, its predictions of held-out rows, and how to train it on rows of one's choice."""

    name: str
    encoder: str  # the view that it learns on
    probabilities: Tensor  # (n, k), each row by a model that has not seen it
    seconds: float
    train: Train  # from the numbers of the training rows

    @property
    def predicted(self) -> Tensor:
        """The most probable class of every row (n,)."""
        return self.probabilities.argmax(1)


@checked
def folds_of(y: Tensor, groups: Tensor, seed: int) -> list[Fold]:
    """Return row numbers to train on and to test on, up to five times; a group of copies stays on one side.

    Raises ValueError for labels (n,) or numbers of groups (n,) that are none, and for fewer than two rows of a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    check_class_numbers(y, "labels", classes=MOST_CLASSES)
    check_class_numbers(groups, "groups", rows=len(y))
    folds = min(FOLDS, int(torch.bincount(y.long()).max()), len(groups.unique()))
    if folds < 2:
        raise ValueError("no class has two different rows: one to learn from and one to test on are needed at least")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # told among the remarks
        found = [(torch.from_numpy(a), torch.from_numpy(b)) for a, b in splitter.split(y, y, groups)]
    return [(train, test) for train, test in found if len(train) and len(test)]


@checked
def probe(seen: View, table: Table, domain: Domain, folds: Sequence[Fold]) -> Learner:
    """Return a linear layer on what a view gives for each row.

    Raises ValueError for a table or folds of other rows than the domain's, and a domain without labels.
    """
    _check(domain, folds)
    _check_table(table, domain)

    def train(rows: Tensor) -> OwnModel:
        return OwnModel(
            seen,
            Linear.fitted(rows_of(table, rows), domain.y[rows], len(domain.classes)),
            domain.classes,
            _size(domain),
        )

    name = f"probe on {seen.name}" if seen.encoder else seen.name
    return _measured(name, seen.name, train, lambda model, rows: model.linear(rows_of(table, rows)), domain, folds)


@checked
def self_trained(seen: View, table: Table, domain: Domain, unlabelled: Table, folds: Sequence[Fold]) -> Learner:
    """Return a probe that also learns from its own sure predictions on rows (m, d) without a label.

    Raises ValueError as `probe` does, and for rows of another width.
    """
    _check(domain, folds)
    _check_table(table, domain)
    check_table(unlabelled, table.shape[1])
    if not isinstance(table, Tensor) or not isinstance(unlabelled, Tensor):
        raise TypeError("self-training needs dense rows, tensors (n, d) and (m, d): pass table.toarray() as a tensor")

    def train(rows: Tensor) -> OwnModel:
        first = Linear.fitted(rows_of(table, rows), domain.y[rows], len(domain.classes))
        sure, guess = first(unlabelled).softmax(1).max(1)
        taken = sure >= SURE
        both = torch.cat([table[rows], unlabelled[taken]]), torch.cat([domain.y[rows], guess[taken]])
        return OwnModel(seen, Linear.fitted(*both, len(domain.classes)), domain.classes, _size(domain))

    name = f"self-training on {seen.name}"
    return _measured(name, seen.name, train, lambda model, rows: model.linear(rows_of(table, rows)), domain, folds)


@checked
def fine_tuned(seen: View, domain: Domain, folds: Sequence[Fold], seed: int, seconds: float) -> Learner | float:
    """Return the encoder trained on, head and all; or, when that needs more than `seconds`, what it needs.

    It starts from a fresh copy of the encoder each time. Rate and steps are the same for everybody. Without a second
    it needs infinitely many.

    Raises ValueError for a view without an encoder, and as `probe` and `fit` do.
    """
    _check(domain, folds)
    if seen.encoder is None:
        raise ValueError(f"{seen.name} is no encoder: there is nothing to fine-tune")
    texts = not isinstance(domain.x, Tensor)
    rate = RATES[texts]

    def tuned(rows: Tensor, steps: int) -> Classifier:
        torch.manual_seed(seed)
        model = Classifier(view(seen.name, texts).encoder.requires_grad_(True), domain.classes)
        fit(model, domain.subset(rows), steps=steps, batch_size=BATCH, lr=rate, seed=seed)
        return model

    def train(rows: Tensor) -> OwnModel:
        model = tuned(rows, STEPS).cpu()
        linear = Linear(model.head.weight.detach(), model.head.bias.detach())
        encoder = model.encoder.requires_grad_(False).eval()
        return OwnModel(View(seen.name, encoder), linear, domain.classes, _size(domain), tuned=True)

    if seconds <= 0:
        return math.inf
    rows = torch.arange(len(domain))
    tuned(rows, 1)  # the first step pays for imports
    began = time.perf_counter()
    tuned(rows, TRIED)
    needed = (time.perf_counter() - began) / TRIED * STEPS * (len(folds) + 1)
    if needed > seconds:
        return needed
    name = f"fine-tuned {seen.name}"
    return _measured(name, seen.name, train, lambda m, rows: _logits(m, domain.subset(rows).x), domain, folds)


def _check(domain: Domain, folds: Sequence[Fold]) -> None:
    """Raise ValueError for a domain with rows that have no label, or folds of other rows."""
    if domain.has_values or not domain.known.all():
        raise ValueError(f"{domain.name} has rows without a class: pass its labelled_part()")
    for rows in (part for fold in folds for part in fold):
        check_class_numbers(rows, "the row numbers of a fold", classes=len(domain))


def _check_table(table: Table, domain: Domain) -> None:
    check_table(table)
    if table.shape[0] != len(domain):
        raise ValueError(f"the table has {table.shape[0]} rows, {domain.name} has {len(domain)}")


def _size(domain: Domain) -> int | None:
    return domain.x.shape[-1] if isinstance(domain.x, Tensor) else None


def _logits(model: OwnModel, x: Rows) -> Tensor:
    whole = Classifier(model.view.encoder, model.classes)
    whole.head.weight, whole.head.bias = model.linear.weight, model.linear.bias
    return outputs(whole, x, BATCH)


def _measured(
    name: str,
    encoder: str,
    train: Train,
    logits: Callable[[OwnModel, Tensor], Tensor],
    domain: Domain,
    folds: Sequence[Fold],
) -> Learner:
    began = time.perf_counter()
    probabilities = torch.zeros(len(domain), len(domain.classes))
    for rows, held_out in folds:
        probabilities[held_out] = logits(train(rows), held_out).softmax(1)
    return Learner(name, encoder, probabilities, time.perf_counter() - began, train)
