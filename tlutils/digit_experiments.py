"""Experiments from print to handwriting: distances, their weight, and adversaries (notebooks 04, 08 and 09)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from tlutils.adversary import DomainAdversary
from tlutils.datasets import digits
from tlutils.discrepancy import coral, mmd, proxy_a_distance, sliced_wasserstein
from tlutils.domains import Domain
from tlutils.features import extract_features, linear_probe
from tlutils.information import information_score
from tlutils.nets import Classifier, DigitNet
from tlutils.select import KeepBest, choose, reverse_validation
from tlutils.session import seed_everything
from tlutils.train import Penalty, accuracy, fit, ramp
from tlutils.weighting import importance_weights

WEIGHTS = (0.1, 1, 10, 100)


def adaptation(seed: int) -> dict[str, float]:
    """Measure accuracy on handwriting with labels on print only, and what labels would give (notebook 04)."""
    source = digits.printed(4000, seed)
    target, unseen = digits.handwritten().split(0.5, seed)
    inputs = target.unlabelled()
    settings: dict[str, Any] = {"lr": 5e-3, "epochs": 30, "batch_size": 32, "seed": seed}
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


def _weighted(encoder: nn.Module, source: Domain, target: Domain, unseen: Domain) -> float:
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
    results: dict[str, dict[str, float]] = {"accuracy": {}, "proxy A-distance": {}, "own discriminator": {}}
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
