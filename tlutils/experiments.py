"""Experiments too long for a notebook: `python -m tlutils.experiments [NAME …]` measures and stores them.

Each repeats at full length what a notebook runs live in a smaller form. The figures lie in
`data/experiments.json`; `tlutils.stored` gives them back.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from tlutils.adversary import DomainAdversary
from tlutils.augment import random_flip
from tlutils.chinese_experiments import languages
from tlutils.choice_experiments import choosing
from tlutils.datasets import digits, photos
from tlutils.discrepancy import coral, mmd, proxy_a_distance, sliced_wasserstein
from tlutils.domains import Domain
from tlutils.driving_experiments import cities, sim_to_real
from tlutils.encoders import image_encoder
from tlutils.errors import unknown
from tlutils.evidence import Estimate, experiments_file, repeat, stored_experiments
from tlutils.features import extract_features, linear_probe, probe_scores
from tlutils.information import information_score
from tlutils.nets import Classifier, DigitNet
from tlutils.select import KeepBest, choose, reverse_validation
from tlutils.session import seed_everything, start
from tlutils.store import write_json
from tlutils.text_experiments import sentiment
from tlutils.train import Penalty, accuracy, fit, ramp, task_loss
from tlutils.transfer_experiments import real_pairs, shift_grid
from tlutils.trend_experiments import at_test_time, encoder_size, lora, source_free
from tlutils.weighting import importance_weights

SEEDS = 5
LABELS = (1, 2, 5, 10, 20, 50)
LISTING_LABELS = (1, 5, 20, 50)
WEIGHTS = (0.1, 1, 10, 100)


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


def adaptation(seed: int) -> dict[str, float]:
    """Measure accuracy on handwriting with labels on print only, and what labels would give (notebook 04)."""
    source = digits.printed(4000, seed)
    target, unseen = digits.handwritten().split(0.5, seed)
    inputs = target.unlabelled()
    settings = {"lr": 5e-3, "epochs": 30, "batch_size": 32, "seed": seed}
    models = {
        "source only": _fitted(source, **settings),
        "CORAL": _fitted(source, inputs, penalty=coral, weight=ramp(1.0), **settings),
        "MMD": _fitted(source, inputs, penalty=mmd, weight=ramp(1.0), **settings),
        "oracle: all target labels": _fitted(target, **settings),
    }
    for labels in (1, 2, 5, 10, 20):
        name = f"scratch, {labels} labels per class"
        models[name] = _fitted(target.few(labels, seed), lr=5e-3, steps=300, seed=seed)
    scores = {name: accuracy(model, unseen) for name, model in models.items()}
    scores["importance weighting"] = _weighted(models["source only"].encoder, source, inputs, unseen)
    return scores


def _fitted(source: Domain, target: Domain | None = None, **settings: Any) -> Classifier:
    seed_everything(settings["seed"])  # every learner starts from the same weights
    model = Classifier(DigitNet(), source.classes)
    fit(model, source, target, **settings)
    return model


def _weighted(encoder: DigitNet, source: Domain, target: Domain, unseen: Domain) -> float:
    known, wanted, tested = (extract_features(encoder, domain.x) for domain in (source, target, unseen))
    probe = linear_probe(known, source.y, weights=importance_weights(known, wanted))
    return probe.score(tested, unseen.y)


def objective(seed: int) -> dict[str, dict]:
    """Measure accuracies and label-free scores against λ for three distances, and stopping points (notebook 08)."""
    source = digits.printed(4000, seed)
    target, unseen = digits.handwritten().split(0.5, seed)
    half, half_unseen = (part.subset((part.y < 2) | (part.y > 6)) for part in (target, unseen))
    distances = {"MMD": mmd, "CORAL": coral, "sliced Wasserstein": sliced_wasserstein}
    unadapted = _weighed(None, 0, source, target, unseen, seed)
    results = {name: {"0": unadapted} for name in distances}
    for name, distance in distances.items():
        for weight in WEIGHTS:
            results[name][f"{weight:g}"] = _weighed(distance, weight, source, target, unseen, seed)
    settings = {(name, weight): scores for name, row in results.items() for weight, scores in row.items()}
    lacking = {"0": _weighed(None, 0, source, half, half_unseen, seed)}
    for weight in WEIGHTS[:3]:
        lacking[f"{weight:g}"] = _weighed(mmd, weight, source, half, half_unseen, seed)
    results["MMD, half of the classes"] = lacking
    results["chosen"] = {"all classes": _chosen(settings), "half of the classes": _chosen(lacking)}
    results["stopping"] = {
        "all classes": _stopped(source, target, unseen, seed),
        "half of the classes": _stopped(source, half, half_unseen, seed),
    }
    print(f"seed {seed}: {results['chosen']}", flush=True)
    return results


def _weighed(
    distance: Penalty | None, weight: float, source: Domain, target: Domain, unseen: Domain, seed: int
) -> dict[str, float]:
    def train(known: Domain, inputs: Domain) -> Classifier:
        settings = {"weight": ramp(weight), "steps": 150, "lr": 5e-3, "seed": seed}
        return _fitted(known, inputs if distance else None, penalty=distance, **settings)

    model = train(source, target.unlabelled())
    known, met = (extract_features(model.encoder, domain.x[: len(unseen)]) for domain in (source, unseen))
    return {
        "target": accuracy(model, unseen),
        "source": accuracy(model, source),
        "proxy A-distance": proxy_a_distance(known, met),
        "information": information_score(model, target),
        "reverse validation": reverse_validation(train, source, target, seed=seed),
    }


def _chosen(settings: Mapping[Any, dict[str, float]]) -> dict[str, float]:
    """Return the accuracy on the target of the first setting, λ = 0, and of those that each score picks."""
    picked = {"source only": next(iter(settings.values()))["target"]}
    for score in ("reverse validation", "information", "target"):
        setting = choose({key: scores[score] for key, scores in settings.items()})
        picked[f"by {score}"] = settings[setting]["target"]
    return picked


def _stopped(source: Domain, target: Domain, unseen: Domain, seed: int) -> dict[str, float]:
    inputs = target.unlabelled()
    keep = KeepBest(lambda model: information_score(model, inputs))
    scores = []

    def look(model: Classifier) -> None:
        keep(model)
        scores.append(accuracy(model, unseen))

    settings = {"penalty": mmd, "weight": ramp(1.0), "epochs": 8, "lr": 5e-3, "seed": seed}
    model = _fitted(source, inputs, after_epoch=look, **settings)
    return {"first epoch": scores[0], "last": scores[-1], "chosen": scores[keep.restore(model)], "best": max(scores)}


def adversaries(seed: int) -> dict[str, dict[str, float]]:
    """Measure accuracy on handwriting under five penalties, and what discriminators say of each (notebook 09)."""
    source = digits.printed(4000, seed)
    target, unseen = digits.handwritten().split(0.5, seed)
    inputs = target.unlabelled()
    dim, classes = DigitNet.dim, len(source.classes)
    seed_everything(1000 + seed)  # else the adversaries' start weights would repeat the network's random numbers
    penalties = {
        "source only": None,
        "CORAL": coral,
        "MMD": mmd,
        "DANN": DomainAdversary(dim),
        "CDAN": DomainAdversary(dim, classes=classes),
        "CDAN+E": DomainAdversary(dim, classes=classes, entropy=True),
    }
    results = {"accuracy": {}, "proxy A-distance": {}, "own discriminator": {}}
    for name, penalty in penalties.items():
        settings = {"weight": ramp(1.0), "epochs": 20, "batch_size": 32, "lr": 5e-3, "seed": seed}
        model = _fitted(source, inputs if penalty else None, penalty=penalty, **settings)
        known, met = (extract_features(model.encoder, domain.x) for domain in (source, inputs))
        results["accuracy"][name] = accuracy(model, unseen)
        results["proxy A-distance"][name] = proxy_a_distance(known[: len(met)], met)
        if isinstance(penalty, DomainAdversary):
            with torch.no_grad():
                head = model.cpu().head
                results["own discriminator"][name] = penalty.cpu().accuracy(known, met, head(known), head(met))
        print(f"seed {seed}, {name}: {results['accuracy'][name]:.3f}", flush=True)
    return results


EXPERIMENTS: dict[str, Callable[[int], dict]] = {
    "few_labels": few_labels,
    "adaptation": adaptation,
    "objective": objective,
    "adversaries": adversaries,
    "listing": listing,
    "sim_to_real": sim_to_real,
    "cities": cities,
    "sentiment": sentiment,
    "languages": languages,
    "shift_grid": shift_grid,
    "real_pairs": real_pairs,
    "choosing": choosing,
    "encoder_size": encoder_size,
    "lora": lora,
    "at_test_time": at_test_time,
    "source_free": source_free,
}


def measure(name: str) -> None:
    """Run an experiment over all seeds and store its figures beside the others."""
    start()
    began = time.perf_counter()
    runs = _plain(repeat(EXPERIMENTS[name], SEEDS))
    seconds = round(time.perf_counter() - began)
    command = f"python -m tlutils.experiments {name}"
    entry = {"command": command, "seconds": seconds, "runs": runs}
    write_json(experiments_file(), stored_experiments() | {name: entry})


def _plain(results: Any) -> Any:
    if isinstance(results, Estimate):
        return [round(run, 4) for run in results.runs]
    return {key: _plain(value) for key, value in results.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tlutils.experiments", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(EXPERIMENTS), metavar="NAME", help=", ".join(EXPERIMENTS))
    for experiment in parser.parse_args().names:
        if experiment not in EXPERIMENTS:
            parser.error(str(unknown("experiment", experiment, EXPERIMENTS)))
        measure(experiment)
