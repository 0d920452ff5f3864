"""The image cases on real data, with real ImageNet weights: ants and bees, chest X-rays, blood cells of two sites.

    python tests/bench/images.py [--seeds 5] [--weights mobilenet_v2.pth]

Frozen MobileNetV2, a linear probe, intervals over draws of the labels. For the blood cells everything is learnt on
site A; of site B the repairs see images, never labels, and its labels are read once, for the score.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

import tlutils as tl
from tlutils.datasets import medical, photos, tissue
from tlutils.metrics import auc
from tlutils.report import figures, record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    mirrored = Path(os.environ.get("TLUTILS_DATA", "")) / "weights" / "imagenet" / "mobilenet_v2.pth"
    default = mirrored if mirrored.is_file() else None
    parser.add_argument("--weights", default=default, help="ImageNet weights; default: the mirror's, or torchvision's")
    options = parser.parse_args()
    encoder = tl.image_encoder("mobilenet_v2", weights=options.weights)
    for case in (insects, x_rays, blood_cells):
        title, experiment = case(partial(tl.extract_features, encoder, batch_size=32))
        print(f"\n{title}, {options.seeds} draws")
        found = tl.repeat(experiment, seeds=options.seeds)
        for name, estimate in found.items():
            each = " ".join(f"{run:.3f}" for run in estimate.runs)
            print(f"  {name:30} {estimate:.3f}   {each}", flush=True)
            record(what=f"{title}, {options.seeds} draws", name=name, **figures(estimate))


def insects(extract: Callable[[Tensor], Tensor]) -> tuple[str, Callable[[int], dict]]:
    """Ants against bees, 20 photographs of each."""
    train, test = (photos.ants_bees(part).map(extract) for part in ("train", "test"))

    def experiment(seed: int) -> dict[str, float]:
        few = train.few(20, seed)
        return {"probe on MobileNetV2": tl.linear_probe(few.x, few.y).score(test.x, test.y)}

    return "Ants and bees, 20 labels per class, accuracy on 153 images", experiment


def x_rays(extract: Callable[[Tensor], Tensor]) -> tuple[str, Callable[[int], dict]]:
    """Pneumonia in chest X-rays, 50 labels per class, against raw pixels and the embedded encoder."""
    train, test = medical.pneumonia("train"), medical.pneumonia("test")
    views = {
        "probe on MobileNetV2": extract,
        "probe on photos (embedded)": partial(tl.extract_features, tl.image_encoder("photos")),
        "probe on raw pixels": lambda x: x[:, 0].flatten(1),
    }
    unseen = {name: view(test.x) for name, view in views.items()}

    def experiment(seed: int) -> dict[str, float]:
        few = train.few(50, seed)
        scores = {}
        for name, view in views.items():
            probe = tl.linear_probe(view(few.x), few.y)
            scores[name] = auc(torch.from_numpy(probe.predict_proba(unseen[name])[:, 1]), test.y)
        return scores

    return "PneumoniaMNIST, 50 labels per class, AUC on 624 images", experiment


def blood_cells(extract: Callable[[Tensor], Tensor]) -> tuple[str, Callable[[int], dict]]:
    """Kinds of white blood cell: learnt at laboratory A, read at A and at B, with repairs that see B's images."""
    site_a, site_b = medical.blood_cells("A"), medical.blood_cells("B")
    pictures_of_b = site_b.unlabelled()
    a, b = site_a.map(extract), site_b.map(extract)
    stained = extract(tissue.normalise_stain(pictures_of_b, site_a.unlabelled()).x)

    def experiment(seed: int) -> dict[str, float]:
        train, held_out = a.split(0.8, seed)
        probe = tl.linear_probe(train.x, train.y)
        scores = {"at A": probe.score(held_out.x, held_out.y)}
        views = {"nothing": b.x, "stain normalisation": stained, "CORAL": match_covariance(b.x, train.x)}
        scores |= {f"at B, {name}": probe.score(x, b.y) for name, x in views.items()}
        for name, penalty in (("no penalty", None), ("MMD", tl.mmd)):
            model = adapter(train.x.shape[1], train.classes)
            inputs = b.unlabelled() if penalty else None
            tl.fit(model, train, inputs, penalty=penalty, weight=tl.ramp(1.0), steps=200, seed=seed)
            scores[f"at B, linear layer, {name}"] = tl.accuracy(model, b)
        return scores

    return f"Blood cells, accuracy on {len(b)} cells of site B", experiment


def adapter(dim: int, classes: tuple[str, ...]) -> tl.Classifier:
    """Return a linear layer of 32 and a head, for standardised features of width `dim`."""
    layer = nn.Sequential(nn.BatchNorm1d(dim), nn.Linear(dim, 32))
    layer.dim = 32
    return tl.Classifier(layer, classes)


def match_covariance(b: Tensor, a: Tensor) -> Tensor:
    """Return b (n, d) with the mean and covariance of a (m, d): CORAL's closed form, as in notebook 11."""
    z_a, z_b = ((x - x.mean(0)) / x.std(0).clamp(min=1e-6) for x in (a, b))
    cov_a, cov_b = (torch.cov(z.T) + torch.eye(z.shape[1]) for z in (z_a, z_b))
    return z_b @ _power(cov_b, -0.5) @ _power(cov_a, 0.5) * a.std(0) + a.mean(0)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values**exponent @ vectors.T


if __name__ == "__main__":
    main()
