"""Traffic signs from bright to dark photographs: perception between two conditions of light, on real pictures.

    python tests/bench/signs.py [--seeds 3] [--steps 400]

The physical signs of GTSRB's training part are split by how bright their photographs are: the brighter half is
the source, the darker the target, whose labels no method reads but the oracle. One physical sign is never
in both. Scores are accuracies on the photographs of the test part, the darker half and the brighter one.
"""

from __future__ import annotations

import argparse
import copy

import torch

import tlutils as tl
from tlutils.augment import random_colours, random_light, random_shift
from tlutils.datasets.signs import sign_tracks, signs
from tlutils.report import figures, record
from tlutils.session import seed_everything


def halves(domain: tl.Domain, groups: torch.Tensor) -> tuple[tl.Domain, tl.Domain]:
    """Return the brighter and the darker half of each class, cut between groups of photographs of one sign."""
    light = domain.x.mean((1, 2, 3))
    for group in groups.unique():
        light[groups == group] = light[groups == group].mean()
    bright = torch.zeros(len(domain), dtype=torch.bool)
    for label in domain.y.unique():
        rows = domain.y == label
        bright[rows] = light[rows] > light[rows].median()
    return domain.subset(bright), domain.subset(~bright)


def train(source: tl.Domain, target: tl.Domain | None = None, *, steps: int, seed: int, **settings) -> tl.Classifier:
    """Return a small network trained for `steps`, from the same start for the same seed."""
    seed_everything(seed)
    model = tl.Classifier(tl.DrivingNet(), source.classes)
    tl.fit(model, source, target, steps=steps, lr=5e-3, seed=seed, **settings)
    return model


def models(source: tl.Domain, target: tl.Domain, steps: int, seed: int) -> dict[str, tl.Classifier]:
    """Return every method's model; only the oracle's has seen labels of the target."""
    inputs, settings = target.unlabelled(), {"steps": steps, "seed": seed}
    plain = {"augment": lambda x: random_shift(x, 2)}
    source_only = train(source, **plain, **settings)
    again = copy.deepcopy(source_only)
    tl.reestimate_batchnorm(again, inputs.x)
    both = tl.Domain(torch.cat([source.x, target.x]), torch.cat([source.y, target.y]), source.classes, "both")
    seed_everything(1000 + seed)
    adversary = tl.DomainAdversary(tl.DrivingNet.dim)
    return {
        "source only": source_only,
        "BatchNorm re-estimated": again,
        "random light": train(source, augment=lambda x: random_light(random_shift(x, 2), 0.6), **settings),
        "random colours": train(source, augment=lambda x: random_colours(random_shift(x, 2)), **settings),
        "MMD": train(source, inputs, penalty=tl.mmd, weight=tl.ramp(1.0), **plain, **settings),
        "DANN": train(source, inputs, penalty=adversary, weight=tl.ramp(1.0), **plain, **settings),
        "oracle: both labelled": train(both, **plain, **settings),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    torch.set_num_threads(1)
    source, target = halves(signs(), sign_tracks())
    bright, dark = halves(signs("test"), torch.arange(645))
    print(f"source {len(source)}, target {len(target)}; test: {len(bright)} bright, {len(dark)} dark photographs")
    runs: dict[str, list[tuple[float, float]]] = {}
    for seed in range(options.seeds):
        for name, model in models(source, target, options.steps, seed).items():
            runs.setdefault(name, []).append((tl.accuracy(model, dark), tl.accuracy(model, bright)))
    print("accuracy in %, mean [95 % interval over seeds]: dark photographs, bright photographs")
    for name, scores in runs.items():
        in_dark, in_bright = (tl.Estimate([100 * score for score in column]) for column in zip(*scores, strict=True))
        print(f"  {name:24} {in_dark:.1f}   {in_bright:.1f}")
        for photographs, score in (("dark", in_dark), ("bright", in_bright)):
            what = f"Traffic signs, learnt on bright photographs, {photographs} ones, %, {options.seeds} seeds"
            record(what=what, name=name, **figures(score))


if __name__ == "__main__":
    main()
