"""Does a model look at one spot in every picture? Often that spot is no part of what it should recognise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tlutils.explain import occlusion
from tlutils.inputs import checked
from tlutils.tensors import check_floats
from tlutils.train import predict

GRID = 8  # squares along the shorter side
LARGEST = 0.25  # a shortcut is a small part of the picture: at most this share is named
STANDS_OUT = 0.25  # attribution that a spot draws beyond its own share of the picture


class Region(NamedTuple):
    """A rectangle of an image, in pixels from the top left."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns: `x[..., *region.slices]` are its pixels."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class ShortcutReport:
    """What `shortcut_report` found: the region that stands out most, and whether it does so enough to be named.

    `share` of the attribution lies in it, on an `area` of the picture (both 0 to 1). `maps` (n, h, w)
    are the images' own, `mean` (h, w) their mean, each image counting the same. Taught in notebook 18.
    """

    region: Region
    share: float
    area: float
    maps: Tensor
    mean: Tensor

    @property
    def excess(self) -> float:
        """Share of the attribution beyond the area: 0 when it is spread evenly."""
        return self.share - self.area

    @property
    def named(self) -> bool:
        """Whether the region draws so much more than its area that somebody should look at it."""
        return self.excess >= STANDS_OUT

    def __str__(self) -> str:
        top, left, height, width = self.region
        where = f"rows {top} to {top + height - 1}, columns {left} to {left + width - 1}"
        found = f"{self.share:.0%} of the attribution on {self.area:.0%} of the picture ({where})"
        return f"look here: {found}" if self.named else f"no spot stands out; the strongest has {found}"


@checked
def shortcut_report(model: nn.Module, x: Tensor, *, fill: float | None = None) -> ShortcutReport:
    """Return where in the picture a model's decisions hang most, over many images x (n, c, h, w), whatever they show.

    Occlusion by squares an eighth of the picture's side wide, painted with `fill` or the image's mean
    colour, for the classes that the model predicts; no label is used. Of all rectangles of squares up to a
    quarter of the picture, the region is the one whose share of the attribution exceeds its share of the
    area most. It is named when the excess is 25 points or more, a round number. It
    sees a shortcut that keeps its place: one that wanders, or that fills the picture, is spread
    over the mean map. And a spot may be named for a good reason, so look at it.

    Raises ValueError for fewer than two images, none in which covering a square lowers the log-odds, or what
    `occlusion` cannot read. Source: Lapuschkin et al. (2019), doi:10.1038/s41467-019-08987-4, in spirit. Taught in
    notebook 18.
    """
    check_floats(x, "images", "(n, c, h, w)", rows=2)
    window = max(1, min(x.shape[2:]) // GRID)
    maps = occlusion(model, x, predict(model, x), window=window, fill=fill)
    mean = mean_attribution(maps)
    region = _standing_out(mean, window)
    share = mean[region.slices].sum().item()
    return ShortcutReport(region, share, region.height * region.width / mean.numel(), maps, mean)


@checked
def attribution_share(maps: Tensor, region: Region) -> Tensor:
    """Return the share of each map's positive attribution, maps (n, h, w), that lies in a region: (n,), from 0 to 1.

    0 for a map without positive values. Raises ValueError when the region is empty or leaves the maps, or
    maps are not finite or too large to add up. Taught in notebook 18.
    """
    positive, total = _positive(maps)
    _check_region(region, *maps.shape[1:])
    return positive[:, *region.slices].sum((1, 2)) / total.clamp(min=torch.finfo(maps.dtype).tiny)


def _positive(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positive parts of maps (n, h, w), checked, and their sums (n,)."""
    check_floats(maps, "maps", "(n, h, w)")
    positive = maps.clamp(min=0)
    total = positive.sum((1, 2))
    if not torch.isfinite(total).all():
        raise ValueError("maps have values too large to add up: scale them first")
    return positive, total


def _check_region(region: Region, h: int | None = None, w: int | None = None) -> None:
    if not all(isinstance(side, int) for side in region):
        raise TypeError(f"a region has four whole numbers of pixels, got {region}")
    top, left, height, width = region
    if min(top, left) < 0 or min(height, width) < 1:
        raise ValueError(f"a region needs a place from 0 and sides from 1, got {region}")
    if h is not None and w is not None and (top + height > h or left + width > w):
        raise ValueError(f"{region} is not within {h}×{w} pixels")


@checked
def repaint(region: Region) -> Callable[[Tensor], Tensor]:
    """Return an augmentation that paints a region of every image (n, c, h, w) in a random colour, drawn anew each time.

    What the region held then says nothing, so that no network can learn from it. Raises ValueError
    for a region that is empty, as the augmentation does for images that it leaves. Taught in notebook 18.
    """
    _check_region(region)

    @checked
    def augment(x: Tensor) -> Tensor:
        if x.ndim != 4 or not x.is_floating_point():
            raise ValueError(f"images must be a float tensor (n, c, h, w), got {x.dtype} {tuple(x.shape)}")
        _check_region(region, *x.shape[2:])
        x = x.clone()
        x[..., *region.slices] = torch.rand(*x.shape[:2], 1, 1, device=x.device)
        return x

    return augment


@checked
def mean_attribution(maps: Tensor) -> Tensor:
    """Return the mean of maps (n, h, w), their positive parts scaled to a sum of 1 first: (h, w), summing to 1.

    Raises ValueError when no map has a positive value, or values are not finite or too large to add up.
    """
    positive, total = _positive(maps)
    if not (total > 0).any():
        raise ValueError("no image has a place that speaks for its class: there is nothing to average")
    return (positive[total > 0] / total[total > 0, None, None]).mean(0)


def _standing_out(mean: Tensor, window: int) -> Region:
    """Return the rectangle of whole squares whose share of the mean map exceeds its share of the area most."""
    h, w = mean.shape
    below = torch.zeros(h + 1, w + 1, dtype=torch.float64)  # sums over everything up and left of a corner
    below[1:, 1:] = mean.double().cumsum(0).cumsum(1)
    y, x = (torch.tensor([*range(0, side, window), side]) for side in (h, w))
    (top, bottom), (left, right) = (torch.triu_indices(len(edges), len(edges), 1) for edges in (y, x))
    top, bottom, left, right = y[top][:, None], y[bottom][:, None], x[left], x[right]
    share = below[bottom, right] - below[top, right] - below[bottom, left] + below[top, left]
    area = (bottom - top) * (right - left) / (h * w)
    best = (share - area).masked_fill(area > LARGEST, -1).argmax()
    row, column = divmod(int(best), share.shape[1])
    first, last, start, end = (int(edge) for edge in (top[row], bottom[row], left[column], right[column]))
    return Region(first, start, last - first, end - start)
