"""Rebuild or verify the embedded encoders: `python -m tlutils.build_encoders NAME [--check]`."""

from __future__ import annotations

import argparse
import json
import platform
import time

import torch
from safetensors.torch import save_file
from torch import Tensor

from tlutils.augment import random_flip, random_grey, random_light, random_shift
from tlutils.datasets.photos import cifar10_jpeg
from tlutils.domains import Domain
from tlutils.nets import CifarResNet, Classifier
from tlutils.session import seed_everything
from tlutils.store import data_dir, sha256
from tlutils.train import accuracy, fit

EPOCHS = 40
SEED = 0


def augment(x: Tensor) -> Tensor:
    """Shift, mirror, relight and sometimes decolour a batch of photographs."""
    return random_light(random_grey(random_flip(random_shift(x, 4)), 0.3), 0.3)


def build_photos() -> dict:
    """Train `photos`, a ResNet-20 on CIFAR-10's objects, and return its measured figures."""
    from accelerate import Accelerator

    if torch.backends.cpu.get_cpu_capability() == "AVX512" or torch.cuda.is_available():
        Accelerator(mixed_precision="bf16")  # `fit` asks for an Accelerator too and inherits this state
    seed_everything(SEED)
    train, test = cifar10_jpeg("train"), cifar10_jpeg("test")
    model = Classifier(CifarResNet(20), train.classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True, weight_decay=5e-4)
    start = time.perf_counter()
    history = fit(model, train, epochs=EPOCHS, batch_size=128, optimizer=optimizer, augment=augment, seed=SEED)
    minutes = (time.perf_counter() - start) / 60
    model = model.cpu().float()
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, data_dir() / "photos.safetensors")
    return {
        "epochs": EPOCHS,
        "training_minutes": round(minutes, 1),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "final_training_loss": round(history[-1]["source"], 4),
        "test_accuracy": measure(model, test),
    }


def measure(model: Classifier, test: Domain) -> dict[str, float]:
    """Return the share of correct predictions on the test photographs, in colour and in grey."""
    grey = random_grey(test.x, share=1.0)
    return {
        "colour": round(accuracy(model, test), 4),
        "grey": round(accuracy(model, Domain(grey, test.y, test.classes, "grey")), 4),
    }
if __name__ == "__main__":
    print(json.dumps(build_photos(), indent=1))
