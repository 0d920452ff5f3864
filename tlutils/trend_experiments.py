"""Experiments of notebook 19, too long for it; `python -m tlutils.experiments encoder_size` runs one of them.

They need real data and weights: CIFAR-10 under JPEG compression, CIFAR-10's ResNets, traffic signs, SST-2.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from tlutils.datasets import corpora, digits, photos, signs
from tlutils.discrepancy import mmd
from tlutils.domains import Domain
from tlutils.encoders import CIFAR, image_encoder
from tlutils.features import extract_features, linear_probe, probe_scores
from tlutils.nets import Classifier, DigitNet
from tlutils.normalisation import reestimate_batchnorm
from tlutils.session import seed_everything
from tlutils.source_free import shot
from tlutils.store import fetch
from tlutils.testtime import tent
from tlutils.text_encoders import text_encoder
from tlutils.text_experiments import tuned
from tlutils.train import accuracy, fit, ramp
from tlutils.weights import read_weights

LABELS = (1, 2, 5, 10, 20)
RANKS = (1, 8)


def encoder_size(seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Measure a probe's accuracy against labels per class, encoders of three depths, trained and not (notebook 19)."""
    torch.set_num_threads(1)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name, dataset in {"surfaces": photos.surfaces, "traffic signs": signs.signs}.items():
        train, test = dataset("train"), dataset("test")
        rows = results[name] = {}
        for encoder in CIFAR:
            rows[_title(encoder)] = _probed(image_encoder(encoder), train, test, seed)
        for encoder in CIFAR:
            untrained = image_encoder(encoder, pretrained=False)
            rows[f"{_title(encoder)}, untrained"] = _probed(untrained, train, test, seed)
        print(f"seed {seed}: {rows}", flush=True)
    return results


def _title(encoder: str) -> str:
    return encoder.replace("cifar_resnet", "ResNet-")


def _probed(encoder: nn.Module, train: Domain, test: Domain, seed: int) -> dict[str, float]:
    known, unseen = (part.map(lambda x: extract_features(encoder, x)) for part in (train, test))
    return {str(n): score for n, score in probe_scores(known, unseen, LABELS, seed).items()}


def lora(seed: int) -> dict[str, dict[str, float]]:
    """Measure MiniLM on 200 sentences of SST-2: accuracy, weights trained, bytes of Adam's state (notebook 19)."""
    torch.set_num_threads(1)
    few, test = corpora.sst2("train").few(100, seed), corpora.sst2("dev").few(200, 0)
    encoder = text_encoder("minilm")
    rows, unseen = (part.map(lambda x: extract_features(encoder, x)) for part in (few, test))
    head = (encoder.dim + 1) * 2
    results = {
        "accuracy": {"frozen": linear_probe(rows.x, rows.y, regularisation=0.01).score(unseen.x, unseen.y)},
        "trained weights": {"frozen": head},
    }
    ways: dict[str, Any] = {"all weights": {}} | {f"LoRA, rank {r}": {"rank": r, "lr": 2e-3} for r in RANKS}
    for name, settings in ways.items():
        model = tuned(few, seed, **settings)
        results["accuracy"][name] = accuracy(model, test)
        results["trained weights"][name] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    # Adam keeps two numbers of four bytes for each weight that it trains.
    results["Adam, megabytes"] = {name: 8 * count / 1e6 for name, count in results["trained weights"].items()}
    print(f"seed {seed}: {results['accuracy']}", flush=True)
    return results


def at_test_time(seed: int) -> dict[str, dict[str, float]]:
    """Measure CIFAR-10's ResNets on compressed photographs: as they are, and adapted while being asked (notebook 19).

    Streams hold 1,000 photographs; under low contrast 5,000, so that tent has time to learn.
    """
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    compressed = photos.cifar10_jpeg("test")
    long = compressed.subset(torch.randperm(len(compressed), generator=generator)[:5000])
    stream = long.subset(torch.arange(1000))
    models = {name: cifar_classifier(name) for name in CIFAR}
    small = models["cifar_resnet20"]
    in_order = stream.subset(stream.y.argsort(stable=True))
    results = {_title(name): _answered(model, stream) for name, model in models.items()}
    results["ResNet-20, and low contrast"] = _answered(small, long.map(low_contrast))
    results["ResNet-20, one class after the other"] = _answered(small, in_order)
    print(f"seed {seed}: {results}", flush=True)
    return results


def cifar_classifier(name: str) -> Classifier:
    """Return a ResNet with the head for CIFAR-10's ten objects that its weight file holds."""
    model = Classifier(image_encoder(name), len(photos.OBJECTS))
    weights = read_weights(fetch(f"weights/cifar10_resnet/{CIFAR[name]}"))
    model.head.load_state_dict({part: weights[f"linear.{part}"] for part in ("weight", "bias")})
    return model.eval()


def low_contrast(x: Tensor) -> Tensor:
    """Return images under a veil, 30 % of their contrast, and half of full white on top. Taught in notebook 19."""
    return 0.3 * x + 0.5


def _answered(model: Classifier, stream: Domain) -> dict[str, float]:
    """Return the accuracy on a stream as the model is, with the stream's own statistics, and with tent."""
    restated, adapted = deepcopy(model), deepcopy(model)
    reestimate_batchnorm(restated, stream.x, batch_size=200)
    answers = tent(adapted, stream.x, batch_size=200, lr=1e-3)  # as in the paper for CIFAR-10
    return {
        "as it is": accuracy(model, stream),
        "BatchNorm statistics": accuracy(restated, stream),
        "tent": (answers.argmax(1) == stream.y).float().mean().item(),
    }


def source_free(seed: int) -> dict[str, dict[str, float]]:
    """Measure accuracy on handwriting of a model of print, with and without its source at hand (notebook 19)."""
    torch.set_num_threads(1)
    source = digits.printed(4000, seed)
    target, unseen = digits.handwritten().split(0.5, seed)
    model = _trained(source, seed)
    half, half_unseen = (part.subset((part.y < 2) | (part.y > 6)) for part in (target, unseen))
    by_mmd = _trained(source, seed, target.unlabelled(), penalty=mmd, weight=ramp(1.0))
    everything, some = _without_source(model, target, unseen, seed), _without_source(model, half, half_unseen, seed)
    everything["MMD, with the source"] = accuracy(by_mmd, unseen)
    print(f"seed {seed}: {everything} {some}", flush=True)
    return {"all classes": everything, "half of the classes": some}


def _trained(source: Domain, seed: int, target: Domain | None = None, **settings) -> Classifier:
    seed_everything(seed)
    model = Classifier(DigitNet(), source.classes)
    fit(model, source, target, steps=300, lr=5e-3, seed=seed, **settings)
    return model


def _without_source(model: Classifier, target: Domain, unseen: Domain, seed: int) -> dict[str, float]:
    """Return accuracies on unseen rows of a model that adapts to the target's inputs, or, tent, to the unseen ones."""
    mixed = unseen.subset(torch.randperm(len(unseen), generator=torch.Generator().manual_seed(seed)))
    answers = tent(deepcopy(model), mixed.x)
    restated, plain, whole = deepcopy(model), deepcopy(model), deepcopy(model)
    reestimate_batchnorm(restated, target.x)
    shot(plain, target.unlabelled(), pull=0, seed=seed)
    shot(whole, target.unlabelled(), seed=seed)
    return {
        "source only": accuracy(model, unseen),
        "BatchNorm statistics": accuracy(restated, unseen),
        "tent": (answers.argmax(1) == mixed.y).float().mean().item(),
        "SHOT without pseudo-labels": accuracy(plain, unseen),
        "SHOT": accuracy(whole, unseen),
    }
