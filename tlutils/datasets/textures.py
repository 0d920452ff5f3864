"""Textures made by formula: sixteen families of patterns that nobody photographed."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.inputs import check_span, checked

SIDE = 32


@checked
def textures(per_class: int = 250, seed: int = 0) -> Domain:
    """Return `per_class` grey textures (n, 3, 32, 32), values in [0, 1], of each of sixteen families.

    Every picture has its own angle, scale (a period of 3 to 12 pixels), place, contrast and brightness, may be
    inverted, and carries a little noise. Drawn from formulas and random numbers alone: no photograph is in
    them, so nothing of another data set can be. Not a model of real surfaces.

    Raises ValueError for per_class outside 1 … 10,000. Source of the idea: Baradad et al. (2021), arXiv:2106.05963.
    Taught in notebook 17.
    """
    check_span(per_class, "per_class", 1, 10**4)
    generator = torch.Generator().manual_seed(seed)
    patterns = (draw(*_grid(per_class, generator), generator) for draw in FAMILIES.values())
    x = torch.cat([_photographed(pattern, generator) for pattern in patterns])
    y = torch.arange(len(FAMILIES)).repeat_interleave(per_class)
    return Domain(x[:, None].expand(-1, 3, -1, -1).contiguous(), y, tuple(FAMILIES), "textures")


def _uniform(low: float, high: float, n: int, generator: torch.Generator) -> Tensor:
    """Return n random numbers, shaped to scale n pictures."""
    return low + (high - low) * torch.rand(n, 1, 1, generator=generator)


def _grid(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return turned, scaled and moved coordinates of every pixel, in periods: two of (n, 32, 32)."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    angle = _uniform(0, math.pi, n, generator)
    period = 3 * 4 ** torch.rand(n, 1, 1, generator=generator)
    u = (columns * angle.cos() + rows * angle.sin()) / period
    v = (rows * angle.cos() - columns * angle.sin()) / period
    return u + _uniform(0, 1, n, generator), v + _uniform(0, 1, n, generator)


def _photographed(pattern: Tensor, generator: torch.Generator) -> Tensor:
    """Bring patterns to a contrast and a brightness of their own, half of them inverted, with a little noise."""
    n = len(pattern)
    centred = pattern - pattern.mean((1, 2), keepdim=True)
    spread = centred.std((1, 2), keepdim=True).clamp(min=1e-3)
    sign = 1 - 2 * torch.randint(2, (n, 1, 1), generator=generator)
    picture = _uniform(0.35, 0.65, n, generator) + sign * _uniform(0.06, 0.25, n, generator) * centred / spread
    return (picture + 0.02 * torch.randn(pattern.shape, generator=generator)).clamp(0, 1)


def _wave(phase: Tensor) -> Tensor:
    return (2 * math.pi * phase).sin()


def _noise(n: int, generator: torch.Generator, steepness: float, stretch: float = 1.0) -> Tensor:
    """Return noise whose amplitude falls with frequency f as f^−steepness, longer in one direction by `stretch`."""
    f = torch.fft.fftfreq(SIDE)
    angle = _uniform(0, math.pi, n, generator)
    along = f[:, None] * angle.cos() - f * angle.sin()
    across = f[:, None] * angle.sin() + f * angle.cos()
    amplitude = ((along * stretch).square() + across.square()).clamp(min=SIDE**-2).sqrt() ** -steepness
    field = torch.fft.ifft2(torch.fft.fft2(torch.randn(n, SIDE, SIDE, generator=generator)) * amplitude).real
    return field / field.std((1, 2), keepdim=True)


def _nearest(u: Tensor, v: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return distances to the two nearest of 40 scattered points, in periods, and which point is nearest."""
    n = len(u)
    place = torch.rand(n, 40, 2, generator=generator)
    low = torch.stack([u.amin((1, 2)), v.amin((1, 2))], -1)[:, None]
    high = torch.stack([u.amax((1, 2)), v.amax((1, 2))], -1)[:, None]
    pixels = torch.stack([u.flatten(1), v.flatten(1)], -1)
    distances, points = torch.cdist(pixels, low + place * (high - low)).topk(2, largest=False)
    return distances.view(n, SIDE, SIDE, 2), points[..., 0].view(n, SIDE, SIDE)


# The families: each turns coordinates u, v (n, 32, 32), in periods, into n patterns of any contrast.


def _stripes(u, v, generator):
    return _wave(u)


def _waves(u, v, generator):
    return _wave(u + 0.35 * _wave(v / 2))


def _rings(u, v, generator):
    across, down = (c - c.mean((1, 2), keepdim=True) + _uniform(-1, 1, len(c), generator) for c in (u, v))
    return _wave(torch.hypot(across, down))


def _checks(u, v, generator):
    return (_wave(u) * _wave(v)).sign()


def _dots(u, v, generator):
    return (8 * (_wave(u) + _wave(v) - 0.8)).sigmoid()


def _mesh(u, v, generator):
    return (8 * (torch.maximum(_wave(u), _wave(v)) - 0.7)).sigmoid()


def _bricks(u, v, generator):
    u = u / 2 + 0.5 * (v.floor() % 2)
    to_joint = 0.5 - torch.maximum((u % 1 - 0.5).abs(), (v % 1 - 0.5).abs())
    return (30 * (to_joint - 0.1)).sigmoid()


def _weave(u, v, generator):
    return torch.where((u.floor() + v.floor()) % 2 == 0, _wave(3 * u), _wave(3 * v))


def _cells(u, v, generator):
    return _nearest(u, v, generator)[0][..., 0]


def _cracks(u, v, generator):
    distances, _ = _nearest(u, v, generator)
    return (distances[..., 1] - distances[..., 0]).clamp(max=0.3)


def _mosaic(u, v, generator):
    _, points = _nearest(u, v, generator)
    return torch.rand(len(u), 40, generator=generator).gather(1, points.flatten(1)).view_as(u)


def _spots(u, v, generator):
    distances, _ = _nearest(u, v, generator)
    return (12 * (_uniform(0.3, 0.6, len(u), generator) - distances[..., 0])).sigmoid()


def _grain(u, v, generator):
    return _noise(len(u), generator, 0.4)


def _clouds(u, v, generator):
    return _noise(len(u), generator, 1.8)


def _fur(u, v, generator):
    return _noise(len(u), generator, 1.2, stretch=6)


def _marble(u, v, generator):
    return _wave(u / 2 + 0.5 * _noise(len(u), generator, 1.8))


FAMILIES: dict[str, Callable[[Tensor, Tensor, torch.Generator], Tensor]] = {
    "stripes": _stripes,
    "waves": _waves,
    "rings": _rings,
    "checks": _checks,
    "dots": _dots,
    "mesh": _mesh,
    "bricks": _bricks,
    "weave": _weave,
    "cells": _cells,
    "cracks": _cracks,
    "mosaic": _mosaic,
    "spots": _spots,
    "grain": _grain,
    "clouds": _clouds,
    "fur": _fur,
    "marble": _marble,
}
