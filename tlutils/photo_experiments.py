"""Experiments on photographs: what few labels are worth, and the text's listing (notebooks 01 and 10)."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from tlutils.augment import random_flip
from tlutils.datasets import photos
from tlutils.domains import Domain
from tlutils.encoders import image_encoder
from tlutils.features import extract_features, linear_probe, probe_scores
from tlutils.nets import Classifier
from tlutils.session import seed_everything
from tlutils.train import accuracy, fit, task_loss

LABELS = (1, 2, 5, 10, 20, 50)
LISTING_LABELS = (1, 5, 20, 50)


def few_labels(seed: int) -> dict[str, dict[str, float]]:
    """Measure accuracy on surfaces against labels per class: four learners, one network (notebook 01)."""
    train, test = photos.surfaces("train"), photos.surfaces("test")
    return {
        "transfer, fine-tuned": {str(n): _trained(True, train.few(n, seed), test, seed) for n in LABELS},
        "transfer, frozen": _probed(True, train, test, seed),
        "scratch": {str(n): _trained(False, train.few(n, seed), test, seed) for n in LABELS},
        "untrained features": _probed(False, train, test, seed),
    }


def _probed(pretrained: bool, train: Domain, test: Domain, seed: int) -> dict[str, float]:
    encoder = image_encoder("photos", pretrained=pretrained)
    known, unseen = (part.map(lambda x: extract_features(encoder, x)) for part in (train, test))
    return {str(n): score for n, score in probe_scores(known, unseen, LABELS, seed).items()}


def _trained(
    pretrained: bool, few: Domain, test: Domain, seed: int, *, steps: int = 200, lr: float | None = None
) -> float:
    seed_everything(seed)
    model = Classifier(image_encoder("photos", pretrained=pretrained).requires_grad_(True), few.classes)
    rate = lr or (1e-3 if pretrained else 2e-3)
    fit(model, few, steps=steps, batch_size=32, lr=rate, augment=random_flip, seed=seed)
    return accuracy(model, test)


def listing(seed: int) -> dict[str, dict[str, float]]:
    """Measure accuracy on surfaces against labels per class: the text's listing and its baselines (notebook 10)."""
    train, test = photos.surfaces("train"), photos.surfaces("test")
    results: dict[str, dict[str, float]] = {}
    for name, pretrained in (("pretrained", True), ("untrained", False)):
        encoder = image_encoder("photos", pretrained=pretrained)
        known, unseen = (part.map(partial(extract_features, encoder)) for part in (train, test))
        for n in LISTING_LABELS:
            few = known.few(n, seed)
            results.setdefault(f"{name}, listing", {})[str(n)] = accuracy(_softmax_layer(few, seed), unseen)
            score = linear_probe(few.x, few.y).score(unseen.x, unseen.y)
            results.setdefault(f"{name}, probe", {})[str(n)] = score
    results["scratch"] = {
        str(n): _trained(False, train.few(n, seed), test, seed, steps=60, lr=5e-3) for n in LISTING_LABELS
    }
    return results


def _softmax_layer(few: Domain, seed: int) -> nn.Linear:
    """Train what the listing trains, as it does: ten epochs of Adam in batches of 32."""
    seed_everything(seed)
    layer = nn.Linear(few.x.shape[1], len(few.classes))
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    for _ in range(10):
        for rows in torch.randperm(len(few)).split(32):
            loss = task_loss(layer(few.x[rows]), few.y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return layer
