"""Rebuild or verify the embedded encoders: `python -m tlutils.build_encoders NAME [--check]`."""

from __future__ import annotations

import argparse
import platform
import string
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlutils import build_student
from tlutils.augment import random_flip, random_grey, random_light, random_shift
from tlutils.datasets.digits import printed
from tlutils.datasets.photos import OBJECTS, cifar10_jpeg
from tlutils.datasets.textures import FAMILIES, textures
from tlutils.domains import Domain
from tlutils.encoders import EMBEDDED, model_card
from tlutils.nets import Classifier
from tlutils.session import seed_everything
from tlutils.store import available, data_dir, sha256, write_json
from tlutils.train import accuracy, fit

SEED = 0
DATA = "cifar10_jpg/cifar10_jpg.zip"
# Digits, capitals, and those small letters that still differ when a glyph fills its field: EMNIST's 47.
CHARACTERS = string.digits + string.ascii_uppercase + "abdefghnqrt"
RESNET = "ResNet-20 (He et al. 2016, option A), 64 features, and its linear head"
CIFAR_LICENCE = "CIFAR-10 has no formal licence and is meant for research and education"


@dataclass(frozen=True)
class Recipe:
    """How an embedded encoder comes about: its data, its training, and what its card says of it."""

    classes: tuple[str, ...]
    train: Callable[[], Domain]
    tests: Callable[[], dict[str, Domain]]
    epochs: int
    lr: float
    augment: Callable[[Tensor], Tensor] | None
    file: str | None  # what training and testing need from the store
    architecture: str
    data: str
    not_seen: str
    licence: str
    limits: str


def shifted_and_relit(x: Tensor) -> Tensor:
    """Shift, mirror, relight and sometimes decolour a batch of photographs."""
    return random_light(random_grey(random_flip(random_shift(x, 4)), 0.3), 0.3)


def mirrored(x: Tensor) -> Tensor:
    """Shift, mirror and relight a batch of textures, which have no colour to lose."""
    return random_light(random_flip(random_shift(x, 4)), 0.3)


def at_some_size(x: Tensor) -> Tensor:
    """Bring a batch of 32×32 glyphs to 8×8, 16×16 or 32×32, by chance."""
    return F.avg_pool2d(x, int(torch.tensor([1, 2, 4])[torch.randint(3, ())]))


def photographs() -> dict[str, Domain]:
    """Return the test photographs in colour and in grey."""
    colour = cifar10_jpeg("test")
    return {"colour": colour, "grey": colour.map(partial(random_grey, share=1.0))}


PHOTOS = Recipe(
    classes=OBJECTS,
    train=partial(cifar10_jpeg, "train"),
    tests=photographs,
    epochs=40,
    lr=0.2,
    augment=shifted_and_relit,
    file=DATA,
    architecture=RESNET,
    data="CIFAR-10 (Krizhevsky 2009) under strong JPEG compression, 50,000 training images",
    not_seen="the 10,000 test images, and every picture of scikit-image",
    licence=f"MIT for the weights; {CIFAR_LICENCE}",
    limits="32×32 photographs of single objects; not for faces, people or decisions about them",
)

RECIPES = {
    "photos": PHOTOS,
    "textures": Recipe(
        classes=tuple(FAMILIES),
        train=partial(textures, 1000, seed=SEED),
        tests=lambda: {"grey": textures(100, seed=SEED + 1)},
        epochs=12,
        lr=0.2,
        augment=mirrored,
        file=None,
        architecture=RESNET,
        data="tlutils.datasets.textures: 16,000 grey textures of sixteen families, made by formula",
        not_seen="any photograph, any picture of scikit-image, any colour",
        licence="MIT",
        limits="has seen sixteen kinds of grey pattern and nothing of this world: no objects, no colour, no surfaces",
    ),
    "untrained": replace(
        PHOTOS,
        epochs=0,
        data="none: the network of `photos` before its first training step",
        not_seen="everything",
        licence="MIT",
        limits="random weights, the same for everybody: a baseline, never a model",
    ),
    "glyphs": Recipe(
        classes=tuple(CHARACTERS),
        train=partial(printed, 30_000, SEED, CHARACTERS, 32),
        tests=lambda: {f"{size}×{size}": printed(2350, SEED + 1, CHARACTERS, size) for size in (8, 32)},
        epochs=6,
        lr=0.1,
        augment=at_some_size,
        file=None,
        architecture="DigitNet of width 32 on images brought to 16×16, 64 features, and its linear head",
        data="tlutils.datasets.digits.printed: 30,000 digits and letters of 20 typefaces at 8×8, 16×16 and 32×32",
        not_seen="any handwriting; the small letters that look like their capital (c i j k l m o p s u v w x y z)",
        licence="MIT for the weights; the typefaces ship with Matplotlib under free licences",
        limits="single upright Latin characters that fill the image, light on dark; tested on the same 20 typefaces",
    ),
}


def build(name: str) -> None:
    """Train an embedded encoder and write its weights and its card."""
    from accelerate import Accelerator
    from safetensors.torch import save_file

    recipe = RECIPES[name]
    seed_everything(SEED)
    model = Classifier(EMBEDDED[name](), recipe.classes)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs leave memory_format out
    figures = {}
    if recipe.epochs:
        Accelerator(mixed_precision="bf16")  # `fit` asks for an Accelerator too and inherits this state
        optimizer = torch.optim.SGD(model.parameters(), lr=recipe.lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
        settings: dict[str, Any] = {"batch_size": 128, "optimizer": optimizer, "augment": recipe.augment, "seed": SEED}
        train, start = recipe.train(), time.perf_counter()
        history = fit(model, train, epochs=recipe.epochs, **settings)
        figures = {
            "training_minutes": round((time.perf_counter() - start) / 60, 1),
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, bfloat16",
            "torch": torch.__version__,
            "final_training_loss": round(history[-1]["source"], 4),
        }
    weights = data_dir() / f"{name}.safetensors"
    save_file({key: value.contiguous() for key, value in model.cpu().state_dict().items()}, weights)
    figures["test_accuracy"] = measure(model, recipe)
    write_json(data_dir() / f"{name}.card.json", card(name, model, weights, figures))


def card(name: str, model: Classifier, weights: Path, figures: dict) -> dict:
    """Return the model card of an embedded encoder, with the given measured figures."""
    recipe = RECIPES[name]
    return {
        "name": name,
        "architecture": recipe.architecture,
        "parameters": sum(p.numel() for p in model.parameters()),
        "classes": list(recipe.classes),
        "data": recipe.data,
        "not_seen": recipe.not_seen,
        "command": f"python -m tlutils.build_encoders {name}",
        "seed": SEED,
        "epochs": recipe.epochs,
        **figures,
        "sha256": sha256(weights),
        "licence": recipe.licence,
        "limits": recipe.limits,
    }


def measure(model: Classifier, recipe: Recipe) -> dict[str, float]:
    """Return the share of correct predictions on each of a recipe's test domains."""
    return {kind: round(accuracy(model, test), 4) for kind, test in recipe.tests().items()}


def check(name: str) -> str:
    """Verify an embedded encoder against its card; return what was verified.

    Hash and shapes always; the accuracy too, where its test data can be made or is at hand. Raises
    ValueError when something differs.
    """
    from safetensors.torch import load_file

    recipe, path, stated = RECIPES[name], data_dir() / f"{name}.safetensors", model_card(name)
    if sha256(path) != stated["sha256"]:
        raise ValueError(f"{path}: sha256 is {sha256(path)}, the card says {stated['sha256']}")
    model = Classifier(EMBEDDED[name](), recipe.classes)
    model.load_state_dict(load_file(path))
    if recipe.file and not available(recipe.file):
        return f"{name}: hash and shapes as its card says; accuracy not measured, {recipe.file} is not at hand"
    measured = measure(model.eval(), recipe)
    for kind, share in stated["test_accuracy"].items():
        if abs(measured[kind] - share) > 0.002:  # 20 of 10,000 images: rounding on another processor
            raise ValueError(f"{name}: accuracy in {kind} is {measured[kind]:.2%}, the card says {share:.2%}")
    shares = ", ".join(f"{kind} {share:.1%}" for kind, share in measured.items())
    return f"{name}: hash, shapes and test accuracy ({shares}) as its card says"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tlutils.build_encoders", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted([*RECIPES, build_student.NAME]))
    parser.add_argument("--check", action="store_true", help="verify the embedded file against its card")
    given = parser.parse_args(arguments)
    text = given.name == build_student.NAME
    if not given.check:
        build_student.build() if text else build(given.name)
        return 0
    try:
        print(build_student.check() if text else check(given.name))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
