"""Which pretrained model: scores known before fine-tuning, beside the accuracy that fine-tuning then gives."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.agreement import TRUTH
from tlutils.datasets import digits, medical, photos, signs
from tlutils.domains import Domain
from tlutils.encoders import CIFAR, EMBEDDED, encoder_file, image_encoder, model_card
from tlutils.features import as_linear_layer, extract_features, linear_probe
from tlutils.finetune import freeze
from tlutils.nets import Classifier
from tlutils.session import seed_everything
from tlutils.torchvision_models import TorchvisionEncoder
from tlutils.train import accuracy, evaluation_mode, fit
from tlutils.transferability import h_score, leep, logme, nce
from tlutils.weights import read_weights

LABELS = 10  # per class, for the scores and for fine-tuning alike
STEPS = 40
RATE = 3e-4
TESTED = 500  # images at most
SIDE = 64  # pixels that the ImageNet networks are shown, in place of 224
CANDIDATES = ("photos", "textures", "untrained", "glyphs", *CIFAR, "mobilenet_v2", "squeezenet1_0")
CIFAR_ACCURACY = {"cifar_resnet20": 0.9178, "cifar_resnet32": 0.9278, "cifar_resnet56": 0.9362}  # as their files say


def choosing(seed: int, *, weights: Mapping[str, str | Path] | None = None) -> dict[str, dict]:
    """Measure scores, fine-tuned accuracy and seconds of nine candidates on seven targets (notebook 17).

    `weights` names files of your own for some candidates. The stored figures were measured so for the two ImageNet
    networks, by `tests/bench/choosing.py`: with files converted from other libraries, MobileNetV2's from
    quantised weights with its BatchNorm folded in.
    """
    torch.set_num_threads(1)
    sheet: dict[str, dict] = {}
    seconds: dict[str, float] = {}
    for target, (pool, unseen) in targets().items():
        few, test = pool.few(LABELS, seed), shuffled(unseen)
        for name in CANDIDATES:
            row, spent = scores(name, few, seed=seed, weights=(weights or {}).get(name))
            began = time.perf_counter()
            model = fine_tuned(candidate(name, (weights or {}).get(name)), few, seed=seed)
            spent[TRUTH] = time.perf_counter() - began
            row[TRUTH] = accuracy(model, test)
            sheet.setdefault(target, {})[name] = row
            seconds = {key: seconds.get(key, 0) + value for key, value in spent.items()}
        print(f"seed {seed}, {target}: " + ", ".join(f"{row[TRUTH]:.3f}" for row in sheet[target].values()), flush=True)
    return {"sheet": sheet, "seconds": seconds}


def targets() -> dict[str, tuple[Domain, Domain]]:
    """Return by name a pool to draw labels from and images to test on, RGB (n, 3, h, w) of 25 to 32 pixels."""
    return embedded_targets() | {
        "ants and bees": (photos.ants_bees("train", size=32), photos.ants_bees("test", size=32)),
        "X-rays": (medical.pneumonia("train"), medical.pneumonia("test")),
        "blood cells": medical.blood_cells("A", size=32).split(0.5),
        "traffic signs": (some_kinds(signs.signs("train")), some_kinds(signs.signs("test"))),
    }


def embedded_targets() -> dict[str, tuple[Domain, Domain]]:
    """Return those of the targets that need no download."""
    return {
        "surfaces": (photos.surfaces("train"), photos.surfaces("test")),
        "faces": photos.faces().split(0.4),
        "digits": digits.handwritten().map(as_rgb).split(0.4),
    }


def as_rgb(x: Tensor) -> Tensor:
    """Return small grey images (n, 1, h, w) as RGB (n, 3, 32, 32)."""
    return F.interpolate(x, size=(32, 32), mode="bilinear").expand(-1, 3, -1, -1).contiguous()


def some_kinds(domain: Domain, step: int = 4) -> Domain:
    """Return the rows of every fourth class alone: as many classes as other targets have, so that one recipe serves."""
    kept = domain.subset(domain.y % step == 0)
    return replace(kept, y=kept.y // step, classes=domain.classes[::step])


def shuffled(domain: Domain) -> Domain:
    """Return at most `TESTED` rows of a domain, drawn the same way every time."""
    return domain.subset(torch.randperm(len(domain), generator=torch.Generator().manual_seed(0))[:TESTED])


class Scaled(nn.Module):
    """An encoder whose features are divided by their size, the root of their mean square over images x."""

    def __init__(self, encoder: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.encoder, self.dim = encoder, encoder.dim
        size = extract_features(encoder, x, cache=False).square().mean().sqrt()
        self.register_buffer("size", size.clamp(min=1e-6))

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x) / self.size


class Grey(nn.Module):
    """An encoder of grey images, made to take RGB (n, 3, h, w)."""

    channels = 3

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.dim = encoder, encoder.dim

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x.mean(1, keepdim=True))


def candidate(name: str, weights: str | Path | None = None) -> nn.Module:
    """Return an encoder for RGB of any size, (n, 3, h, w) in [0, 1]: ImageNet networks see `SIDE` pixels."""
    encoder = image_encoder(name, weights=weights)
    if isinstance(encoder, TorchvisionEncoder):
        encoder.prepare.crop_size = encoder.prepare.resize_size = [SIDE]
    return encoder if encoder.channels == 3 else Grey(encoder).requires_grad_(False).eval()


def scores(
    name: str, few: Domain, *, seed: int = 0, weights: str | Path | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Return every score of a candidate for the labelled rows `few`, and the seconds of each.

    The seconds of a score hold the pass over the images that it needs. The number of parameters and the
    source accuracy need none and look at no target.
    """
    encoder = candidate(name, weights)
    began = time.perf_counter()
    f = extract_features(encoder, few.x, cache=False)
    shared = {"features": time.perf_counter() - began}
    began = time.perf_counter()
    p = source_probabilities(name, few.x, weights)
    shared["probabilities"] = time.perf_counter() - began
    needs = {
        "LogME": ("features", lambda: logme(f, few.y)),
        "H-score": ("features", lambda: h_score(f, few.y)),
        "probe": ("features", lambda: probe_accuracy(f, few.y, seed)),
        "LEEP": ("probabilities", lambda: leep(p, few.y)),
        "NCE": ("probabilities", lambda: nce(p.argmax(1), few.y)),
    }
    row, seconds = {}, {}
    for score, (need, work) in needs.items():
        began = time.perf_counter()
        row[score] = work()
        seconds[score] = shared[need] + time.perf_counter() - began
    row["parameters"] = float(sum(p.numel() for p in encoder.parameters()))
    row["source accuracy"] = source_accuracy(name)
    return row, seconds


def probe_accuracy(f: Tensor, y: Tensor, seed: int, folds: int = 5) -> float:
    """Return the accuracy of a linear probe on features (n, d), cross-validated within the rows it is given."""
    from sklearn.model_selection import StratifiedKFold

    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(f, y)
    return fmean(linear_probe(f[known], y[known]).score(f[held], y[held]) for known, held in parts)


def source_probabilities(name: str, x: Tensor, weights: str | Path | None = None) -> Tensor:
    """Return what a candidate, with the head it was trained with, takes images for: (n, source classes), rows sum to 1.

    The head lies in the weight file, beside the encoder.
    """
    model: nn.Module
    encoder, state = candidate(name, weights), read_weights(weights or encoder_file(name))
    if isinstance(encoder, TorchvisionEncoder):
        key = encoder.skip[0].removesuffix(".")
        encoder.network.set_submodule(key, _layer(state[f"{key}.weight"], state[f"{key}.bias"]))
        model = encoder
    else:
        key = "head" if "head.weight" in state else "linear"
        model = nn.Sequential(encoder, _layer(state[f"{key}.weight"], state[f"{key}.bias"]))
    with torch.inference_mode(), evaluation_mode(model):
        return torch.cat([model(part) for part in x.split(256)]).softmax(1).clone()


def _layer(weight: Tensor, bias: Tensor) -> nn.Module:
    """Return the linear layer, or the convolution, of these weights."""
    out, into = weight.shape[:2]
    layer = nn.Linear(into, out) if weight.ndim == 2 else nn.Conv2d(into, out, 1)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer.requires_grad_(False)


def source_accuracy(name: str) -> float:
    """Return the accuracy that a candidate's makers measured on its own task."""
    if name in EMBEDDED:
        return max(model_card(name)["test_accuracy"].values())
    if name in CIFAR:
        return CIFAR_ACCURACY[name]
    from torchvision import models

    return models.get_model_weights(name).DEFAULT.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100


def fine_tuned(encoder: nn.Module, few: Domain, *, seed: int, steps: int = STEPS, batch_size: int = 32) -> Classifier:
    """Return a classifier, its head fitted as a linear probe, then all its weights trained on `few` but BatchNorm's.

    One recipe for every candidate (Kumar et al. 2022, arXiv:2202.10054). Training begins with the very features that
    the scores have seen: BatchNorm keeps its statistics, and only the scale differs, brought to a mean square
    of 1, since one learning rate cannot suit heads of all scales.
    """
    seed_everything(seed)
    model = Classifier(Scaled(encoder, few.x), few.classes)
    start_as_probe(model.head, extract_features(model.encoder, few.x, cache=False), few.y)
    model.requires_grad_(True)
    for layer in model.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            freeze(layer)
    fit(model, few, steps=steps, batch_size=batch_size, lr=RATE, seed=seed)
    return model


def start_as_probe(head: nn.Linear, f: Tensor, y: Tensor) -> None:
    """Give a head the weights of a linear probe on features f (n, d) and labels y (n,), in place."""
    scaler, regression = linear_probe(f, y)
    weight, bias = as_linear_layer(regression, scaler.mean_, scaler.scale_)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
