"""Rebuild or verify the embedded encoders: `python -m tlutils.build_encoders photos [--check]`."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from tlutils.augment import random_flip, random_grey, random_light, random_shift
from tlutils.datasets.photos import OBJECTS, cifar10_jpeg
from tlutils.domains import Domain
from tlutils.encoders import model_card
from tlutils.nets import CifarResNet, Classifier
from tlutils.session import seed_everything
from tlutils.store import available, data_dir, sha256, write_json
from tlutils.train import accuracy, fit

EPOCHS = 40
SEED = 0
DATA = "cifar10_jpg/cifar10_jpg.zip"


def build_photos() -> None:
    """Train `photos`, a ResNet-20 on CIFAR-10's objects, and write its weights and its card."""
    from accelerate import Accelerator
    from safetensors.torch import save_file

    Accelerator(mixed_precision="bf16")  # `fit` asks for an Accelerator too and inherits this state
    seed_everything(SEED)
    train, test = cifar10_jpeg("train"), cifar10_jpeg("test")
    model = Classifier(CifarResNet(20), train.classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True, weight_decay=5e-4)
    start = time.perf_counter()
    history = fit(model, train, epochs=EPOCHS, batch_size=128, optimizer=optimizer, augment=augment, seed=SEED)
    minutes = (time.perf_counter() - start) / 60
    weights = data_dir() / "photos.safetensors"
    save_file({name: value.contiguous() for name, value in model.cpu().state_dict().items()}, weights)
    figures = {
        "training_minutes": round(minutes, 1),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, bfloat16",
        "torch": torch.__version__,
        "final_training_loss": round(history[-1]["source"], 4),
        "test_accuracy": measure(model, test),
    }
    write_json(data_dir() / "photos.card.json", card(model, weights, figures))


def augment(x: Tensor) -> Tensor:
    """Shift, mirror, relight and sometimes decolour a batch of photographs."""
    return random_light(random_grey(random_flip(random_shift(x, 4)), 0.3), 0.3)


def card(model: Classifier, weights: Path, figures: dict) -> dict:
    """Return the model card of `photos`, with the given measured figures."""
    return {
        "name": "photos",
        "architecture": "ResNet-20 (He et al. 2016, option A), 64 features, and its linear head",
        "parameters": sum(p.numel() for p in model.parameters()),
        "classes": list(OBJECTS),
        "data": "CIFAR-10 (Krizhevsky 2009) under strong JPEG compression, 50,000 training images",
        "not_seen": "the 10,000 test images, and every picture of scikit-image",
        "command": "python -m tlutils.build_encoders photos",
        "seed": SEED,
        "epochs": EPOCHS,
        **figures,
        "sha256": sha256(weights),
        "licence": "MIT for the weights; CIFAR-10 has no formal licence and is meant for research and education",
        "limits": "32×32 photographs of single objects; not for faces, people or decisions about them",
    }


def measure(model: Classifier, test: Domain) -> dict[str, float]:
    """Return the share of correct predictions on the test photographs, in colour and in grey."""
    grey = test.map(lambda x: random_grey(x, share=1.0))
    return {"colour": round(accuracy(model, test), 4), "grey": round(accuracy(model, grey), 4)}


def check_photos() -> str:
    """Verify the embedded `photos` against its card; return what was verified.

    The hash always; the accuracy too where CIFAR-10's compressed copy is at hand. Raises ValueError
    when something differs.
    """
    from safetensors.torch import load_file

    path, stated = data_dir() / "photos.safetensors", model_card("photos")
    if sha256(path) != stated["sha256"]:
        raise ValueError(f"{path}: sha256 is {sha256(path)}, the card says {stated['sha256']}")
    model = Classifier(CifarResNet(20), OBJECTS)
    model.load_state_dict(load_file(path))
    if not available(DATA):
        return f"photos: hash and shapes as its card says; accuracy not measured, {DATA} is not at hand"
    measured = measure(model.eval(), cifar10_jpeg("test"))
    for kind, share in stated["test_accuracy"].items():
        if abs(measured[kind] - share) > 0.002:  # 20 of 10,000 images: rounding on another processor
            raise ValueError(f"photos: accuracy in {kind} is {measured[kind]:.2%}, the card says {share:.2%}")
    return f"photos: hash, shapes and test accuracy ({measured['colour']:.1%}) as its card says"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tlutils.build_encoders", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=["photos"])
    parser.add_argument("--check", action="store_true", help="verify the embedded file against its card")
    if parser.parse_args(arguments).check:
        try:
            print(check_photos())
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    build_photos()
    return 0


if __name__ == "__main__":
    sys.exit(main())
