"""The small trainings that notebook 19 runs live: each takes a seed and returns accuracies by name."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch

from tlutils.datasets import digits
from tlutils.domains import Domain
from tlutils.features import probe_scores
from tlutils.finetune import add_lora
from tlutils.inputs import checked
from tlutils.nets import Classifier, DigitNet
from tlutils.normalisation import reestimate_batchnorm
from tlutils.source_free import shot
from tlutils.testtime import tent
from tlutils.train import accuracy, fit, predict
from tlutils.trend_experiments import low_contrast


@checked
def by_labels(
    known: Mapping[str, tuple[Domain, Domain]], labels: Sequence[int], seed: int
) -> dict[str, dict[int, float]]:
    """Return a probe's accuracy on each (train, test) pair of features, by its name, from n labels per class.

    Raises ValueError for what is no pair of domains, and as `probe_scores` does.
    """
    for name, pair in known.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(isinstance(part, Domain) for part in pair):
            raise ValueError(f"{name!r} must be a pair of domains, to train on and to test on, got {pair!r:.80}")
    return {name: probe_scores(seen, unseen, labels, seed) for name, (seen, unseen) in known.items()}


@checked
def few_weights(seed: int) -> dict[str, float]:
    """Move a network from printed letters to handwriting with 2 labels per class: all weights, or LoRA of rank 8.

    Raises ValueError as `seed_everything` does.
    """
    letters = digits.printed(1500, seed, string.ascii_letters)
    learnt = _trained(letters, 100, seed)
    target, unseen = digits.handwritten().split(0.5, seed)
    scores = {}
    for name, lr in {"all weights": 3e-3, "LoRA, rank 8": 1e-2}.items():
        model = Classifier(deepcopy(learnt.encoder), target.classes)
        if "LoRA" in name:
            add_lora(model, rank=8)
        fit(model, target.few(2, seed), steps=60, lr=lr, seed=seed)
        scores[name] = accuracy(model, unseen)
    return scores


@checked
def clear_weather(seed: int) -> tuple[Classifier, Domain]:
    """Return a network that knows handwriting, and other handwriting in random order to ask it about.

    Raises ValueError as `seed_everything` does.
    """
    train, unseen = digits.handwritten().split(0.5, seed)
    order = torch.randperm(len(unseen), generator=torch.Generator().manual_seed(seed))
    return _trained(train, 120, seed), unseen.subset(order)


@checked
def in_mist(seed: int) -> dict[str, float]:
    """Ask about handwriting under a veil: as the model is, with the stream's statistics, with tent, in bad order.

    Raises ValueError as `seed_everything` does.
    """
    model, unseen = clear_weather(seed)
    mist = unseen.map(low_contrast)
    in_order = mist.subset(mist.y.argsort(stable=True))
    restated = deepcopy(model)
    reestimate_batchnorm(restated, mist.x)
    return {
        "clear": accuracy(model, unseen),
        "veiled": accuracy(model, mist),
        "veiled, BatchNorm statistics": accuracy(restated, mist),
        "veiled, tent": _right(tent(deepcopy(model), mist.x), mist),
        "veiled, tent, one class at a time": _right(tent(model, in_order.x), in_order),
    }


@checked
def print_to_handwriting(seed: int) -> dict[str, float]:
    """Adapt a model of print by SHOT to handwriting, with all classes, and with five of the ten.

    Raises ValueError as `seed_everything` does.
    """
    model = _trained(digits.printed(2000, seed), 120, seed)
    target, unseen = digits.handwritten().split(0.5, seed)
    scores: dict[str, float] = {}
    for name, kept in {"": range(10), "five classes, ": (0, 1, 7, 8, 9)}.items():
        inputs, asked = (part.subset(torch.isin(part.y, torch.tensor([*kept]))) for part in (target, unseen))
        adapted = deepcopy(model)
        shot(adapted, inputs.unlabelled(), seed=seed)
        scores |= {f"{name}source only": accuracy(model, asked), f"{name}SHOT": accuracy(adapted, asked)}
        present = torch.isin(predict(adapted, asked.x), torch.tensor([*kept]))
        scores[f"{name}invented"] = 1 - present.float().mean().item()
    return scores


def _trained(source: Domain, steps: int, seed: int) -> Classifier:
    model = Classifier(DigitNet(), source.classes)
    fit(model, source, steps=steps, lr=5e-3, seed=seed)
    return model


def _right(logits: torch.Tensor, domain: Domain) -> float:
    return (logits.argmax(1) == domain.y).float().mean().item()
