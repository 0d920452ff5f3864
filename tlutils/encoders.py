"""Pretrained encoders by name: frozen, in evaluation mode, with their own preprocessing inside."""

from __future__ import annotations

import json
from functools import cache

import torch
from torch import nn

from tlutils.errors import unknown
from tlutils.nets import CifarResNet
from tlutils.store import data_dir, sha256

ARCHITECTURES = {"photos": CifarResNet}


def image_encoder(name: str, *, pretrained: bool = True) -> nn.Module:
    """Return the image encoder `name`, frozen and in evaluation mode: RGB (n, 3, h, w) in [0, 1] → (n, dim).

    `photos` is a ResNet-20 that this course trained on CIFAR-10's objects. With `pretrained=False`
    the same network comes with random weights: the baseline that shows what pretraining is worth.
    To fine-tune an encoder, unfreeze it with `encoder.requires_grad_(True)`.

    Raises ValueError for an unknown name or a weight file that is not the one its card describes.
    Taught in notebooks 00 and 03.
    """
    if name not in ARCHITECTURES:
        raise unknown("image encoder", name, ARCHITECTURES)
    encoder = ARCHITECTURES[name]()
    if pretrained:
        encoder.load_state_dict(_weights(name))
    return encoder.to(memory_format=torch.channels_last).requires_grad_(False).eval()


def model_card(name: str) -> dict:
    """Return the card of an embedded encoder: data, command, seed, accuracy, hash, licence."""
    if name not in ARCHITECTURES:
        raise unknown("image encoder", name, ARCHITECTURES)
    return json.loads((data_dir() / f"{name}.card.json").read_text(encoding="utf-8"))


@cache
def _weights(name: str) -> dict:
    from safetensors.torch import load_file

    path = data_dir() / f"{name}.safetensors"
    expected = model_card(name)["sha256"]
    if sha256(path) != expected:
        found = sha256(path)
        raise ValueError(f"{path} does not match its card: sha256 {found}, expected {expected}; restore the file")
    return {key.removeprefix("encoder."): value for key, value in load_file(path).items() if key.startswith("encoder.")}
