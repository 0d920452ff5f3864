"""Planted shortcuts: colours that give the class away in a source and mean nothing elsewhere.

Planted, so that it is known where they are. In each, the colour of class k is hue k of as many as there are
classes; `shift` moves every picture to the colour of another class, as a target might have it.
"""

from __future__ import annotations

import colorsys
from dataclasses import replace

import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.inputs import check_span, checked

SIDE = 6  # of a coloured square, in pixels
CORNERS = ("top left", "top right", "bottom left", "bottom right")


@checked
def corner(domain: Domain, where: int = 0, *, shift: int = 0) -> Domain:
    """Return a labelled domain (n, 3, h, w) with a 6×6 square in its class's colour near the corner `where`, 0 to 3.

    Top left, top right, bottom left, bottom right, one pixel from the edge. Raises ValueError for data
    that are no labelled colour images of 16×16 and up, or another corner. Taught in notebook 18.
    """
    if where not in range(4):
        raise ValueError(f"where must be 0 to 3 ({', '.join(CORNERS)}), got {where!r}")
    colours = _colours(domain, shift)
    top, left = corner_of(domain.x, where)
    x = domain.x.clone()
    x[:, :, top : top + SIDE, left : left + SIDE] = colours
    return replace(domain, x=x, name=f"{domain.name}, coloured corner")


@checked
def corner_of(x: Tensor, where: int) -> tuple[int, int]:
    """Return the top and left of the square that `corner` plants in images (n, 3, h, w).

    Raises ValueError for tensors of another form, and for another corner. Taught in notebook 18.
    """
    if x.ndim != 4 or where not in range(4):
        raise ValueError(f"images (n, 3, h, w) have the corners 0 to 3, got {tuple(x.shape)} and {where}")
    h, w = x.shape[2:]
    return h - SIDE - 1 if where >= 2 else 1, w - SIDE - 1 if where % 2 else 1


@checked
def wandering(domain: Domain, *, shift: int = 0, seed: int = 0) -> Domain:
    """Return a labelled domain (n, 3, h, w) with a 6×6 square in its class's colour, anywhere in each image.

    Raises ValueError for data that are no labelled colour images of 16×16 and up. Taught in notebook 18.
    """
    colours = _colours(domain, shift)
    n, _, h, w = domain.x.shape
    generator = torch.Generator().manual_seed(seed)
    top, left = (torch.randint(0, side - SIDE + 1, (n, 1, 1, 1), generator=generator) for side in (h, w))
    rows, columns = torch.arange(h)[:, None], torch.arange(w)
    inside = (rows >= top) & (rows < top + SIDE) & (columns >= left) & (columns < left + SIDE)
    return replace(domain, x=torch.where(inside, colours, domain.x), name=f"{domain.name}, wandering square")


@checked
def tint(domain: Domain, *, shift: int = 0, strength: float = 0.35) -> Domain:
    """Return a labelled domain (n, 3, h, w), every image mixed with its class's colour in the share `strength`.

    Raises ValueError for data that are no labelled colour images of 16×16 and up, and a strength outside [0, 1].
    Taught in notebook 18.
    """
    check_span(strength, "strength", 0, 1)
    colours = _colours(domain, shift)
    return replace(domain, x=(1 - strength) * domain.x + strength * colours, name=f"{domain.name}, tinted")


def _colours(domain: Domain, shift: int) -> Tensor:
    """Return the colour of each image, (n, 3, 1, 1), in [0, 1], after a check of the domain."""
    images = isinstance(domain.x, Tensor) and domain.x.ndim == 4 and domain.x.shape[1] == 3
    if not images or min(domain.x.shape[2:]) < 16:
        raise ValueError(f"{domain.name}: need colour images (n, 3, h, w) of 16×16 and up, got {domain!r}")
    if domain.has_values or not domain.known.all():
        raise ValueError(f"{domain.name}: every image needs a class, since the planted colour gives it away")
    k = len(domain.classes)
    hues = torch.tensor([colorsys.hsv_to_rgb(number / k, 1, 1) for number in range(k)])
    return hues[(domain.y + shift % k) % k][:, :, None, None]
