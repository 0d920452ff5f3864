"""The networks of the course: small ones for digits and for roads, a ResNet for small photographs, a head."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.inputs import check_span, checked

DEEPEST = 1202  # layers: the deepest that He et al. trained
WIDEST = 2**16  # a layer: more is a slip, and no memory holds it


def check_pixels(network: nn.Module, x: Tensor, channels: int) -> None:
    """Raise ValueError when x is not a tensor (n, channels, h, w) of the dtype, and on the device, of the weights."""
    if x.ndim != 4 or x.shape[1] != channels or x.numel() == 0:
        raise ValueError(f"images must be a float tensor (n, {channels}, h, w), got {tuple(x.shape)}")
    weight = next(network.parameters())
    if x.dtype != weight.dtype and not (x.is_floating_point() and torch.is_autocast_enabled(x.device.type)):
        raise ValueError(f"images are {x.dtype}, the network's weights {weight.dtype}: call .to({weight.dtype}) on one")
    if x.device != weight.device:
        raise ValueError(f"images are on {x.device}, the network on {weight.device}: call .to({weight.device}) on them")


def _check_batch(normalisation: nn.Module, values: int) -> None:
    """Raise ValueError when batch normalisation in training would see fewer than two values of each channel."""
    if values < 2 and normalisation.training and isinstance(normalisation, nn.modules.batchnorm._BatchNorm):
        raise ValueError("one image has no batch to be normalised by: pass two or more, or call eval() on the network")


class Classifier(nn.Module):
    """An encoder f and a linear head h: class scores h(f(x)).

    `forward(x)` returns logits (n, k); with `return_features=True` it returns features (n, d) and
    logits from one pass. The encoder must have an attribute `dim`, the width d of its output, and says what x
    may be. NaN and infinities in x come out again.

    Raises ValueError when the encoder has no `dim`, there is no class, or the encoder returns no rows of that width,
    and what the encoder raises. Taught in notebook 03.
    """

    @checked
    def __init__(self, encoder: nn.Module, classes: int | tuple[str, ...]) -> None:
        super().__init__()
        dim: Any = getattr(encoder, "dim", None)
        if not isinstance(dim, Integral):
            raise ValueError(f"{type(encoder).__name__} is no encoder: set its attribute dim, the width of its output")
        count = classes if isinstance(classes, int) else len(classes)
        check_span(count, "the number of classes", 1, WIDEST)
        check_span(int(dim), "dim", 1, WIDEST)
        self.encoder = encoder
        self.head = nn.Linear(int(dim), count)

    @checked
    def forward(self, x: Any, return_features: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        features = self.encoder(x)
        dim = getattr(self.head, "in_features", None)  # None: another head was put in its place
        if not isinstance(features, Tensor) or (dim and features.shape[-1:] != (dim,)):
            found = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise ValueError(f"the encoder must return features (n, {dim}), as its dim says, got {found}")
        logits = self.head(features)
        return (features, logits) if return_features else logits


class DigitNet(nn.Module):
    """Encoder for small grey images (n, 1, h, w), 8×8 and up: features (n, 64).

    `blocks` are its parts in depth order, input first. NaN and infinities in images come out again.

    Raises ValueError for images of another shape, dtype or device, a single one in training, or a width below 1.
    Taught in notebooks 02 and 07.
    """

    dim = 64
    channels = 1

    @checked
    def __init__(self, width: int = 16) -> None:
        check_span(width, "width", 1, 1024)
        super().__init__()
        self.layers = nn.Sequential(
            _conv(1, width),
            _conv(width, 2 * width),
            _conv(2 * width, 2 * width),
            # Pooled late and to 2×2, so that where a stroke lies matters less than that it is there.
            nn.AdaptiveMaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * width * 4, self.dim),
            nn.BatchNorm1d(self.dim),
            nn.ReLU(),
        )

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """Three convolutions and the dense part."""
        return (*list(self.layers)[:3], self.layers[3:])

    @checked
    def forward(self, x: Tensor) -> Tensor:
        check_pixels(self, x, self.channels)
        _check_batch(self.layers[6], len(x))
        return self.layers(x)


class GlyphNet(DigitNet):
    """DigitNet of twice the width that first brings images of any size (n, 1, h, w) to 16×16: features (n, 64).

    So that one network serves 8×8 and 32×32: a stroke of a large image is no longer wider than what
    three convolutions see. Not for characters inside a larger picture: each must fill its image.
    Raises ValueError as `DigitNet` does.
    """

    def __init__(self) -> None:
        super().__init__(width=32)

    @checked
    def forward(self, x: Tensor) -> Tensor:
        check_pixels(self, x, self.channels)
        return super().forward(F.interpolate(x, size=(16, 16), mode="bilinear", antialias=True))


def _conv(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()
    )


class DrivingNet(nn.Module):
    """Encoder for frames of a road (n, 3, 36, 64), RGB in [0, 1], and sizes near it: features (n, 64).

    Where an edge lies in the picture is what steering hangs on, so places are kept: only strides
    make the maps smaller, down to 5×8. NaN and infinities in frames come out again.

    Raises ValueError for frames of another shape, dtype or device, or a single one in training. Taught in notebook 14.
    """

    dim = 64
    channels = 3

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _strided(3, 16, 5),
            _strided(16, 32, 3),
            _strided(32, 32, 3),
            nn.AdaptiveAvgPool2d((5, 8)),
            nn.Flatten(),
            nn.Linear(32 * 5 * 8, self.dim),
            nn.BatchNorm1d(self.dim),
            nn.ReLU(),
        )

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """Three convolutions and the dense part."""
        return (*list(self.layers)[:3], self.layers[3:])

    @checked
    def forward(self, x: Tensor) -> Tensor:
        check_pixels(self, x, self.channels)
        _check_batch(self.layers[6], len(x))
        return self.layers(x)


def _strided(channels_in: int, channels_out: int, size: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels_in, channels_out, size, stride=2, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())


class CifarResNet(nn.Module):
    """ResNet of 6n+2 layers for small RGB images in [0, 1] (n, 3, h, w): features (n, 64).

    Widths 16, 32, 64 and shortcuts without parameters. Parameter names follow the widely used
    CIFAR-10 weight files of depth 20, 32 and 56, so that those load too. `blocks` are its parts in
    depth order, input first. NaN and infinities in images come out again.

    Raises ValueError when depth is not 6n+2, at most 1202, for images of another shape, dtype or device, and for
    a single one too small for training. Source: He et al. (2016), section 4.2 (option A), arXiv:1512.03385. Taught in
    notebooks 03 and 07.
    """

    dim = 64
    channels = 3
    mean: Tensor
    std: Tensor

    @checked
    def __init__(self, depth: int = 20) -> None:
        super().__init__()
        if not 8 <= depth <= DEEPEST or (depth - 2) % 6:
            raise ValueError(f"depth must be 6n+2 with n ≥ 1 (20, 32, 56, …) and at most {DEEPEST}, got {depth}")
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, blocks, stride=1)
        self.layer2 = _stage(16, 32, blocks, stride=2)
        self.layer3 = _stage(32, 64, blocks, stride=2)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The first convolution with its normalisation, and the three stages."""
        return nn.Sequential(self.conv1, self.bn1), self.layer1, self.layer2, self.layer3

    @checked
    def forward(self, x: Tensor) -> Tensor:
        check_pixels(self, x, self.channels)
        _check_batch(self.bn1, len(x) * (-(-x.shape[2] // 4)) * (-(-x.shape[3] // 4)))  # in the last stage
        x = (x - self.mean) / self.std
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean((2, 3))


def _stage(channels_in: int, channels_out: int, blocks: int, stride: int) -> nn.Sequential:
    first = _Block(channels_in, channels_out, stride)
    return nn.Sequential(first, *(_Block(channels_out, channels_out, 1) for _ in range(blocks - 1)))


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.stride = stride
        self.padding = (channels_out - channels_in) // 2  # new channels start as zeros, half on each side

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.stride > 1 or self.padding:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(out + x)
