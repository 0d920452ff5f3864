"""Where transfer helps and where it hurts: every method under every shift and on real pairs (notebook 16)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import permutations
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from tlutils.datasets import corpora, digits, medical, shifts
from tlutils.domains import Domain, together
from tlutils.encoders import image_encoder
from tlutils.features import extract_features
from tlutils.methods import METHODS, trained
from tlutils.negative import forecast, guarded
from tlutils.nets import Classifier
from tlutils.text_encoders import text_encoder
from tlutils.train import accuracy, predict

LABELS = 5  # per class, of the target: all that training without a source has
ALONE = "5 labels, no source"
VALIDATION = (10, 30, 100)  # further labels of the target, drawn at random, for the guard
SOURCE, MET, UNSEEN = 800, 400, 1000  # rows at most: source, target in training, target for scores
WORLDS = {
    "covariate": shifts.covariate,
    "label": shifts.label,
    "concept": shifts.concept,
    "subspace": shifts.subspace,
}


# ---------------------------------------------------------------- simulated shifts


def shift_grid(seed: int, n: int = SOURCE) -> dict[str, dict[str, float]]:
    """Measure accuracy on the target by every method under every shift, from n rows a domain (notebook 16)."""
    torch.set_num_threads(1)
    return {name: accuracies(*drawn_world(world, n, seed), seed) for name, world in WORLDS.items()}


def drawn_world(world: Callable[..., tuple[Domain, Domain]], n: int, seed: int) -> tuple[Domain, Domain, Domain]:
    """Return source and target of n rows, and 4,000 more of the target for scores."""
    source, target = world(n + 4000, seed=seed)
    first = torch.arange(n + 4000) < n
    return source.subset(first), target.subset(first), target.subset(~first)


def accuracies(source: Domain, target: Domain, unseen: Domain, seed: int) -> dict[str, float]:
    """Return accuracy on `unseen` by every method, from whom the target's labels are kept, and by few labels alone."""
    models = candidates(source, target, target.few(LABELS, seed), seed)
    return {name: accuracy(model, unseen) for name, model in models.items()}


def candidates(source: Domain, target: Domain, few: Domain, seed: int) -> dict[str, Classifier]:
    """Return every method's model and, last, the one that few labelled target rows give without any source."""
    models = {name: method(source, target.unlabelled(), seed) for name, method in METHODS.items()}
    return models | {ALONE: trained(few, seed=seed)}


# ---------------------------------------------------------------- real pairs


def real_pairs(seed: int) -> dict[str, dict[str, Any]]:
    """Measure every method, the forecast and the guard on pairs of real domains, on frozen features (notebook 16)."""
    torch.set_num_threads(1)
    results = {}
    for name, (source, target) in pairs().items():
        results[name] = on_pair(*prepared(source, target, seed), seed)
        print(f"seed {seed}, {name}: {results[name]['accuracy']}", flush=True)
    return results


def on_pair(source: Domain, target: Domain, unseen: Domain, seed: int) -> dict[str, Any]:
    """Return what every method scores on `unseen`, the forecasts, and what a guard wins and loses.

    `won` and `lost` are points of accuracy over and under training on few target labels alone, the mean over
    all methods: of transferring always, and of letting a guard decide with so many further labels.
    """
    few, held_out = few_and_rest(target, seed)
    models = candidates(source, target, few, seed)
    scores = {name: accuracy(model, unseen) for name, model in models.items()}
    guesses = {name: predict(model, held_out.x) for name, model in models.items()}
    gains = {"always": [scores[name] - scores[ALONE] for name in METHODS]}
    more = {}
    for size in VALIDATION:
        chosen = [guard(guesses, held_out.y, name, size) for name in METHODS]
        gains[f"{size}"] = [scores[name] - scores[ALONE] for name in chosen]
        more[f"{size}"] = accuracy(trained(joined(few, first(held_out, size)), seed=seed), unseen)
    blind, seeing = forecast(source, target.unlabelled()), forecast(source, few)
    return {
        "accuracy": scores,
        "forecast": {"blind": blind.score, "few labels": seeing.score, **seeing._asdict()},
        "won": {name: fmean(max(gain, 0) for gain in row) for name, row in gains.items()},
        "lost": {name: fmean(max(-gain, 0) for gain in row) for name, row in gains.items()},
        "labels in training": more,
    }


def guard(guesses: dict[str, Tensor], labels: Tensor, name: str, size: int) -> str:
    """Return the choice between a method and no transfer that the first `size` validation labels make."""
    pair = {key: guesses[key][:size] for key in (name, ALONE)}
    return guarded(pair, labels[:size], fallback=ALONE).choice


def few_and_rest(domain: Domain, seed: int) -> tuple[Domain, Domain]:
    """Return a few labelled rows of every class, and the other rows in random order."""
    kept = domain.partly_labelled(LABELS, seed).known
    return domain.subset(kept), shuffled(domain.subset(~kept), seed)


def prepared(source: Domain, target: Domain, seed: int) -> tuple[Domain, Domain, Domain]:
    """Return source rows, target rows for training and others for scores, all by the source's means and spreads."""
    met, unseen = target.split(0.5, seed)
    source = first(shuffled(source, seed), SOURCE)
    middle, spread = source.x.mean(0), source.x.std(0).clamp_min(1e-6)

    def scaled(part: Domain) -> Domain:
        return part.map(lambda x: (x - middle) / spread)

    return scaled(source), scaled(first(shuffled(met, seed), MET)), scaled(first(shuffled(unseen, seed), UNSEEN))


def shuffled(domain: Domain, seed: int) -> Domain:
    """Return the rows in random order."""
    return domain.subset(torch.randperm(len(domain), generator=torch.Generator().manual_seed(seed)))


def first(domain: Domain, n: int) -> Domain:
    """Return the first n rows, or all where there are fewer."""
    return domain.subset(torch.arange(min(n, len(domain))))


def joined(a: Domain, b: Domain) -> Domain:
    """Return the rows of both."""
    return Domain(together([a.x, b.x]), torch.cat([a.y, b.y]), a.classes, a.name)


def uneven(domain: Domain, rare: tuple[int, ...]) -> Domain:
    """Keep every tenth row of the classes in `rare`, and all of the others: a label shift made in real data."""
    kept = torch.ones(len(domain), dtype=torch.bool)
    for number in rare:
        rows = (domain.y == number).nonzero().squeeze(1)
        kept[rows] = torch.arange(len(rows)) % 10 == 0
    return domain.subset(kept)


@cache
def pairs() -> dict[str, tuple[Domain, Domain]]:
    """Return named pairs of labelled features: digits, blood cells, reviews; two targets are made uneven."""
    known = {
        "printed": glyph_features(digits.printed(2000)),
        "handwritten": glyph_features(digits.handwritten()),
        "MNIST": glyph_features(first(digits.mnist("test"), 2000)),
        "USPS": glyph_features(digits.usps("test")),
        "MNIST-M": glyph_features(digits.resized(digits.mnist_m("test"), 28)),
    }
    cells = {f"cells {site}": features("photos", medical.blood_cells(site, size=32)) for site in "AB"}
    encoder = text_encoder("minilm")
    texts = {
        name: corpora.amazon(name).few(400, seed=0).map(partial(extract_features, encoder))
        for name in corpora.CATEGORIES
    }
    found: dict[str, tuple[Domain, Domain]] = {}
    for group in (known, cells, texts):
        found |= {f"{a} → {b}": (group[a], group[b]) for a, b in permutations(group, 2)}
    found["printed → handwritten, uneven"] = (known["printed"], uneven(known["handwritten"], (2, 3, 4, 5, 6)))
    found["books → kitchen, uneven"] = (texts["books"], uneven(texts["kitchen"], (0,)))
    return found


def features(encoder: str, domain: Domain) -> Domain:
    """Return a domain of images as the frozen features of a named encoder."""
    return domain.map(partial(extract_features, image_encoder(encoder)))


glyph_features = partial(features, "glyphs")
