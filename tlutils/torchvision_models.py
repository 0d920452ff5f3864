"""Torchvision's classification models as encoders: their own preprocessing inside, their head taken off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor, nn

from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.nets import check_pixels
from tlutils.store import fetch_published

NORMALISATIONS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
CONTAINERS = ("features", "trunk_output", "encoder", "layers", "blocks", "classifier")  # hold the parts in depth order
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")  # second heads of the Inception family, used in training only


class TorchvisionEncoder(nn.Module):
    """A torchvision classification model without its last layer: RGB (n, 3, h, w) in [0, 1], any size → (n, dim).

    Images are resized (antialiased), cropped to the centre and normalised as torchvision's default
    weights of this model ask, so what lies outside of the central square is not seen. `blocks` are
    the parts in depth order, input first. Weights are random until loaded. Not for finding or outlining
    objects; what such weights know is ImageNet's thousand classes, people and places only by accident.
    NaN and infinities in images come out again. Raises ValueError for an unknown name, and images of another shape,
    dtype or device.
    """

    channels = 3

    @checked
    def __init__(self, name: str) -> None:
        from torchvision import models

        _check_name(name)
        super().__init__()
        self.prepare = models.get_model_weights(name).DEFAULT.transforms()
        self.network = models.get_model(name, weights=None, **_settings(name, self.prepare.crop_size[0]))
        layers = self.network.named_modules()
        key, head = [(key, layer) for key, layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)][-1]
        self.dim = head.in_features if isinstance(head, nn.Linear) else head.in_channels
        self.network.set_submodule(key, nn.Identity())
        self.skip = (f"{key}.", *AUXILIARY)  # what a weight file may hold beyond this network

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The parts that have weights, in depth order; a normalisation belongs to what it follows.

        Weights that lie in no part, such as a transformer's position embeddings, belong to the first.
        """
        groups: list[list[nn.Module]] = []
        for part in _parts(self.network):
            if groups and isinstance(part, NORMALISATIONS):
                groups[-1].append(part)
            else:
                groups.append([part])
        held = {id(p) for group in groups for part in group for p in part.parameters()}
        loose = [p for p in self.network.parameters() if id(p) not in held]
        if loose:
            groups[0].append(nn.ParameterList(loose))
        return tuple(group[0] if len(group) == 1 else nn.ModuleList(group) for group in groups)

    @checked
    def forward(self, x: Tensor) -> Tensor:
        check_pixels(self, x, self.channels)
        return self.network(self.prepare(x).to(x.dtype))


def torchvision_names() -> list[str]:
    """Return the names of torchvision's classification models."""
    from torchvision import models

    return models.list_models(module=models)


@checked
def imagenet_weights(name: str) -> Path:
    """Return the file of torchvision's default ImageNet weights for a model.

    Raises ValueError for an unknown name, and what `fetch_published` raises.
    """
    from torchvision import models

    _check_name(name)
    return fetch_published("weights/imagenet", models.get_model_weights(name).DEFAULT.url)


def _check_name(name: str) -> None:
    if name not in torchvision_names():
        raise unknown("model of torchvision", name, torchvision_names())


def _settings(name: str, side: int) -> dict:
    """Return what a model must be told to be built as its published weights were."""
    if name in ("googlenet", "inception_v3"):
        return {"aux_logits": False, "transform_input": True, "init_weights": True}
    return {"image_size": side} if name.startswith("vit_") else {}


def _parts(module: nn.Module) -> Iterator[nn.Module]:
    for name, child in module.named_children():
        if name in CONTAINERS and any(True for _ in child.children()):
            yield from _parts(child)
        elif any(True for _ in child.parameters()):
            yield child
