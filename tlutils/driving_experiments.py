"""The long experiments of the driving notebooks: `experiments` runs and stores them."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from tlutils.adversary import DomainAdversary
from tlutils.augment import random_looks
from tlutils.closed_loop import closed_loop, corrections
from tlutils.datasets.driving import recorded
from tlutils.discrepancy import mmd
from tlutils.domains import Domain
from tlutils.expert import pursue
from tlutils.features import extract_features
from tlutils.nets import Classifier, DrivingNet
from tlutils.normalisation import reestimate_batchnorm
from tlutils.session import seed_everything
from tlutils.simulator import Driver
from tlutils.train import fit, outputs, ramp
from tlutils.worlds import ROAD, SIM, WORLDS, World

STEPS = 800  # of every training but fine-tuning
FEW = 200  # labelled frames of the road, 24 seconds of driving
CITIES = ("A", "B", "C")
CITY_TRACKS = range(4)
CITY_STEPS = 300  # of every training between cities
ROUNDS = ((150, 151), (152, 153), (154, 155))  # tracks on which corrections are asked for


def sim_to_real(seed: int) -> dict[str, dict]:
    """Measure how a policy cloned in the simulator drives in both worlds, by ten methods (notebook 14)."""
    torch.set_num_threads(1)
    sim, road, unseen = recorded("sim"), recorded("road"), recorded("road", "test")
    frames, few = road.unlabelled(), road.subset(torch.arange(FEW))
    source_only = cloned(sim, seed=seed)
    adapted = copy.deepcopy(source_only)
    reestimate_batchnorm(adapted, frames.x)
    looks = cloned(sim, augment=random_looks, seed=seed)
    seed_everything(1000 + seed)  # else the adversary's start weights would repeat the network's random numbers
    adversary = DomainAdversary(DrivingNet.dim)
    models = {
        "source only": source_only,
        "BatchNorm re-estimated": adapted,
        "DANN": cloned(sim, frames, penalty=adversary, weight=ramp(1.0), seed=seed),
        "MMD": cloned(sim, frames, penalty=mmd, weight=ramp(1.0), seed=seed),
        "random looks": looks,
        "scratch, 200 labels": cloned(few, steps=200, seed=seed),
        "fine-tuned, 200 labels": tuned(source_only, few, seed),
        "corrected, 200 labels": corrected(source_only, road, ROAD, seed),
        "oracle: all labels": cloned(road, seed=seed),
    }
    results = {"expert": driven(pursue, ROAD) | {"open loop": 0.0}}
    for name, model in models.items():
        results[name] = driven(model, ROAD) | {"open loop": steering_error(model, unseen)}
        print(f"seed {seed}, {name}: {results[name]['lap']:.2f}", flush=True)
    results["in sim"] = {"source only": driven(source_only, SIM)["lap"], "random looks": driven(looks, SIM)["lap"]}
    return results


def cloned(
    source: Domain, target: Domain | None = None, *, steps: int = STEPS, seed: int, **settings: Any
) -> Classifier:
    """Return a policy that imitates the steering of the source, trained from the same start for the same seed."""
    seed_everything(seed)
    model = Classifier(DrivingNet(), source.classes)
    fit(model, source, target, steps=steps, lr=3e-3, seed=seed, **settings)
    return model


def tuned(model: nn.Module, few: Domain, seed: int) -> nn.Module:
    """Return a copy of a policy, trained on for 200 steps on a few labelled frames."""
    model = copy.deepcopy(model)
    fit(model, few, steps=200, lr=1e-3, seed=seed)
    return model


def corrected(model: nn.Module, road: Domain, world: World, seed: int) -> nn.Module:
    """Return a policy tuned on 50 frames of the expert and on three times 50 of its own with the expert's steering."""
    known = road.subset(torch.arange(FEW // 4))
    policy = tuned(model, known, seed)
    for tracks in ROUNDS:
        asked = corrections(policy, world, tracks, frames=FEW // 4)
        known = Domain(torch.cat([known.x, asked.x]), torch.cat([known.y, asked.y]), known.classes, asked.name)
        policy = tuned(model, known, seed)
    return policy


def steering_error(model: nn.Module, domain: Domain) -> float:
    """Return the mean absolute difference of a policy's steering from the recorded one: its open-loop error."""
    return (outputs(model, domain.x)[:, 0] - domain.y[:, 0]).abs().mean().item()


def driven(driver: nn.Module | Driver, world: World) -> dict[str, Any]:
    """Return the means over ten unseen tracks of what `closed_loop` reports, and each track's lap."""
    scores = closed_loop(driver, world)
    laps = {f"{track}": lap for track, lap in enumerate(scores["lap"].runs)}
    return {name: score.mean for name, score in scores.items()} | {"laps": laps}


def cities(seed: int) -> dict[str, Any]:
    """Measure how policies carry over between three cities: plain, adapted, pooled, corrected (notebook 15)."""
    torch.set_num_threads(1)
    known = {city: recorded(f"city {city}") for city in CITIES}
    settings: dict[str, Any] = {"steps": CITY_STEPS, "seed": seed}

    def lap(model: nn.Module, city: str) -> float:
        return closed_loop(model, WORLDS[f"city {city}"], CITY_TRACKS)["lap"].mean

    def adapted(source: Domain, city: str) -> float:
        target = known[city].unlabelled()
        return lap(cloned(source, target, penalty=mmd, weight=ramp(1.0), **settings), city)

    plain = {city: cloned(known[city], **settings) for city in CITIES}
    results: dict[str, Any] = {
        "plain": {source: {target: lap(plain[source], target) for target in CITIES} for source in CITIES},
        "adapted": {
            source: {target: adapted(known[source], target) for target in CITIES if target != source}
            for source in CITIES
        },
        "distance": {},
        "pooled": {},
        "weighted": {},
    }
    for target in CITIES:
        sources = [city for city in CITIES if city != target]
        pool = pooled([known[city] for city in sources])
        encoder = cloned(pool, **settings).encoder
        features = {city: extract_features(encoder, known[city].x, cache=False) for city in CITIES}
        distances = [mmd(features[city], features[target]).item() for city in sources]
        results["distance"][target] = dict(zip(sources, distances, strict=True))
        results["pooled"][target] = adapted(pool, target)
        near = weighted([known[city] for city in sources], distances, seed)
        results["weighted"][target] = adapted(near, target)
        print(f"seed {seed}, to {target}: pooled {results['pooled'][target]:.2f}", flush=True)
    results["A to C"] = {
        "as recorded": results["adapted"]["A"]["C"],
        "steering resampled": adapted(resampled(known["A"], known["C"].y, seed), "C"),
        "mirrored": adapted(mirrored(known["A"]), "C"),
    }
    return results


def pooled(domains: list[Domain]) -> Domain:
    """Return the rows of several domains of the same outputs as one domain."""
    x, y = torch.cat([d.x for d in domains]), torch.cat([d.y for d in domains])
    return Domain(x, y, domains[0].classes, " + ".join(d.name for d in domains))


def weighted(domains: list[Domain], distances: list[float], seed: int) -> Domain:
    """Return as many rows as the first domain has, drawn from all, from each in proportion to 1 / its distance.

    Raises ValueError for a distance that is not positive. Taught in notebook 15.
    """
    if min(distances) <= 0:
        raise ValueError(f"distances must be positive to be weighted by, got {min(distances)}: take more rows")
    generator = torch.Generator().manual_seed(seed)
    shares = [1 / d / sum(1 / e for e in distances) for d in distances]
    parts = [
        domain.subset(torch.randperm(len(domain), generator=generator)[: max(1, round(share * len(domains[0])))])
        for domain, share in zip(domains, shares, strict=True)
    ]
    return pooled(parts)


def mirrored(domain: Domain) -> Domain:
    """Return frames left for right and steering with the other sign: the same city, driven the other way round.

    Taught in notebook 15.
    """
    return Domain(domain.x.flip(3), -domain.y, domain.classes, f"{domain.name}, mirrored")


def resampled(domain: Domain, steering: Tensor, seed: int, bins: int = 8) -> Domain:
    """Return rows of a domain drawn so that their steering is distributed as the given one (m, 1).

    Each of `bins` equal parts of [−1, 1] is drawn as often as `steering` falls there: importance
    weights for a shift of the labels. Only steering is read, not the pictures that belong to it.
    Source: Lipton, Wang & Smola (2018), arXiv:1802.03916. Taught in notebook 15.
    """
    edges = torch.linspace(-1, 1, bins + 1)[1:-1]
    have, want = (torch.bucketize(values[:, 0].contiguous(), edges) for values in (domain.y, steering))
    counts, wanted = (torch.bincount(part, minlength=bins).float() for part in (have, want))
    weights = (wanted / len(want))[have] / (counts / len(have))[have]
    rows = torch.multinomial(weights, len(domain), replacement=True, generator=torch.Generator().manual_seed(seed))
    return domain.subset(rows)
