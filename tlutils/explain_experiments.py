"""The trainings of notebook 18: digits before and after adaptation, and networks that meet a planted shortcut."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tlutils.datasets import photos, planted
from tlutils.discrepancy import mmd
from tlutils.domains import Domain
from tlutils.encoders import image_encoder
from tlutils.evidence import Estimate
from tlutils.map_checks import map_agreement
from tlutils.nets import Classifier, DigitNet, DrivingNet
from tlutils.session import seed_everything
from tlutils.shortcuts import Region, attribution_share, repaint, shortcut_report
from tlutils.similarity import cka
from tlutils.train import accuracy, fit, ramp

Method = Callable[[nn.Module, Tensor, Tensor], Tensor]
AWAY = 5  # classes between a picture's own colour and the one it is given to mislead


def digit_net(source: Domain, seed: int, target: Domain | None = None) -> Classifier:
    """Return notebook 04's network trained on source digits: alone, or with MMD to an unlabelled `target`."""
    seed_everything(seed)
    model = Classifier(DigitNet(), source.classes)
    penalty = mmd if target is not None else None
    fit(model, source, target, penalty=penalty, weight=ramp(1.0), steps=150, lr=5e-3, seed=seed)
    return model


def agreement(
    first: list[nn.Module], second: list[nn.Module], x: Tensor, classes: Tensor, methods: tuple[Method, Method]
) -> Estimate:
    """Return how far the maps of the first networks agree with those of the second, pair by pair."""
    pairs = zip(first, second, strict=True)
    maps = [(methods[0](a, x, classes), methods[1](b, x, classes)) for a, b in pairs]
    return Estimate(tuple(map_agreement(a, b).mean().item() for a, b in maps))


def small_net(source: Domain, seed: int, augment: Callable[[Tensor], Tensor] | None = None) -> Classifier:
    """Return notebook 14's small network, which keeps track of places, trained from scratch on colour images."""
    seed_everything(seed)
    model = Classifier(DrivingNet(), source.classes)
    fit(model, source, steps=150, batch_size=32, lr=5e-3, augment=augment, seed=seed)
    return model


def mending(seed: int, region: Region, others: dict[str, Classifier]) -> dict[str, dict[str, float]]:
    """Return share of attribution in the region, and accuracy with misleading corners, of networks of one seed.

    To `others` are added two that are trained on surfaces with corners: every picture moved by up to eight
    pixels, and the region repainted.
    """
    from tlutils.augment import random_shift

    source = planted.corner(photos.surfaces(), seed)
    moved = small_net(source, seed, lambda x: random_shift(x, 8))
    nets = others | {"moved": moved, "repainted": small_net(source, seed, repaint(region))}
    pictures = source.few(5, seed).x
    maps = {name: shortcut_report(net, pictures).maps for name, net in nets.items()}
    wrong = planted.corner(photos.surfaces("test", per_class=20), seed, shift=AWAY)
    return {
        "share": {name: attribution_share(values, region).mean().item() for name, values in maps.items()},
        "accuracy": {name: accuracy(net, wrong) for name, net in nets.items()},
    }


def resnet(seed: int, pretrained: bool) -> tuple[nn.Module, Classifier]:
    """Return notebook 03's encoder as it starts, and a classifier with it, trained on surfaces with corners."""
    seed_everything(seed)
    encoder = image_encoder("photos", pretrained=pretrained).requires_grad_(True)
    source = planted.corner(photos.surfaces(), seed)
    start, model = copy.deepcopy(encoder), Classifier(encoder, source.classes)
    fit(model, source, steps=30, batch_size=32, lr=3e-3 if pretrained else 5e-3, seed=seed)
    return start, model


def unrelated_cka(a: Tensor, b: Tensor, *, debiased: bool, rows: int = 12, draws: int = 20, seed: int = 0) -> float:
    """Return the mean CKA of `rows` rows of a (n, p) with as many other rows of b (n, q), over random draws."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randperm(len(a), generator=generator)[: 2 * rows].chunk(2) for _ in range(draws)]
    return sum(cka(a[i], b[j], debiased=debiased) for i, j in drawn) / draws


def beyond_the_report(seed: int) -> dict[str, dict[str, float]]:
    """Return what two shortcuts without a place cost with misleading colours, and whether a region is named."""
    surfaces, unseen = photos.surfaces(), photos.surfaces("test", per_class=20)
    found = {}
    plants: dict[str, Callable[..., Domain]] = {"tint": planted.tint, "wandering square": planted.wandering}
    for name, plant in plants.items():
        model = small_net(plant(surfaces), seed)
        lost = accuracy(model, plant(unseen)) - accuracy(model, plant(unseen, shift=AWAY))
        report = shortcut_report(model, plant(surfaces.few(5, seed)).x)
        found[name] = {"lost": 100 * lost, "named": report.named}
    return found
