"""Pretrained encoders by name: frozen, in evaluation mode, with their own preprocessing inside."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.nets import CifarResNet, GlyphNet
from tlutils.store import data_dir, fetch, sha256
from tlutils.torchvision_models import TorchvisionEncoder, imagenet_weights, torchvision_names
from tlutils.weights import load_weights, read_weights

EMBEDDED = {"photos": CifarResNet, "textures": CifarResNet, "untrained": CifarResNet, "glyphs": GlyphNet}
EMBEDDED_TEXT = ("chinese-student",)  # `text_encoder` gives these
CIFAR = {
    "cifar_resnet20": "resnet20-12fca82f.th",
    "cifar_resnet32": "resnet32-d509ac18.th",
    "cifar_resnet56": "resnet56-4bfd9763.th",
}


@checked
def image_encoder(name: str, *, pretrained: bool = True, weights: str | Path | None = None) -> nn.Module:
    """Return the image encoder `name`, frozen and in evaluation mode: RGB (n, 3, h, w) in [0, 1] → (n, dim).

    Embedded, trained by this course (`model_card(name)` says how and what each is not for):
    `photos`, a ResNet-20 that knows CIFAR-10's objects; `textures`, the same network that has seen
    nothing but patterns made by formula; `untrained`, the same network with random weights, equal for
    everybody; `glyphs`, for single printed characters, grey (n, 1, h, w). Downloaded once:
    `cifar_resnet20`, `32`, `56`, trained on the clean CIFAR-10 by Y. Idelbayev, for 32×32 photographs;
    and every classification model of torchvision by its name there (`resnet50`, `vit_b_16`, …) with ImageNet weights.

    `weights` is a file of your own for the network of that name: a state dict, whose head, if it has
    one, is left out. With `pretrained=False` the network comes with random weights: the baseline that
    shows what pretraining is worth. To fine-tune an encoder, unfreeze it with `encoder.requires_grad_(True)`.

    Raises ValueError for an unknown name, a file with another hash or of another architecture, and weights that
    pretrained=False contradicts; OSError when the weights cannot be had. Taught in notebooks 00, 03 and 10.
    """
    if weights is not None and not pretrained:
        raise ValueError(f"weights={str(weights)!r} and pretrained=False contradict each other: leave one out")
    encoder = _network(name)
    if pretrained:
        _load(encoder, encoder_file(name) if weights is None else weights)
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs leave memory_format out
    return encoder.requires_grad_(False).eval()


@checked
def model_card(name: str) -> dict:
    """Return the card of an embedded encoder: data, command, seed, accuracy, hash, licence.

    Raises ValueError for an unknown name. Taught in notebooks 03 and 06.
    """
    if name not in (*EMBEDDED, *EMBEDDED_TEXT):
        raise unknown("embedded encoder", name, [*EMBEDDED, *EMBEDDED_TEXT])
    return json.loads((data_dir() / f"{name}.card.json").read_text(encoding="utf-8"))


def _network(name: str) -> nn.Module:
    if name in EMBEDDED:
        return EMBEDDED[name]()
    if name in CIFAR:
        return CifarResNet(int(name.removeprefix("cifar_resnet")))
    if name in torchvision_names():
        return TorchvisionEncoder(name)
    raise _unknown(name)


def _unknown(name: str) -> ValueError:
    return unknown("image encoder", name, [*EMBEDDED, *CIFAR, *torchvision_names()])


@checked
def encoder_file(name: str) -> Path:
    """Return the checked file of an encoder's own weights, its head included.

    Raises ValueError and OSError as `image_encoder` does.
    """
    if name in CIFAR:
        return fetch(f"weights/cifar10_resnet/{CIFAR[name]}")
    if name not in EMBEDDED and name not in torchvision_names():
        raise _unknown(name)
    return embedded_file(name) if name in EMBEDDED else imagenet_weights(name)


@checked
def embedded_file(name: str) -> Path:
    """Return the weight file of an embedded encoder.

    Raises ValueError for an unknown name, or a file with another hash than its card says.
    """
    path, expected = data_dir() / f"{name}.safetensors", model_card(name)["sha256"]
    if (found := sha256(path)) != expected:
        raise ValueError(f"{path} does not match its card: sha256 {found}, expected {expected}; restore the file")
    return path


def _load(encoder: nn.Module, path: str | Path) -> None:
    found = read_weights(path)
    if isinstance(encoder, TorchvisionEncoder):
        load_weights(encoder.network, found, path, skip=encoder.skip)
    else:  # saved alone, or as a `Classifier`; `linear` is the head in the CIFAR-10 files
        alone = OrderedDict((key.removeprefix("encoder."), value) for key, value in found.items())
        load_weights(encoder, alone, path, skip=("head.", "linear."))
