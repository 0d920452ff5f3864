"""Random changes that leave the label alone, drawn for each image of a batch (n, c, h, w)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def random_shift(x: Tensor, pixels: int) -> Tensor:
    """Move every image of x (n, c, h, w) by up to `pixels` in both directions, mirroring what enters at the border.

    Source: He et al. (2016), section 4.2, arXiv:1512.03385. Taught in notebook 14.
    """
    n, _, h, w = x.shape
    padded = F.pad(x, (pixels,) * 4, mode="reflect")
    top, left = torch.randint(0, 2 * pixels + 1, (2, n, 1), device=x.device)
    rows = (top + torch.arange(h, device=x.device))[:, :, None]
    columns = (left + torch.arange(w, device=x.device))[:, None, :]
    images = torch.arange(n, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


def random_flip(x: Tensor) -> Tensor:
    """Mirror every second image of x (n, c, h, w), by chance, left to right.

    Source: He et al. (2016), section 4.2, arXiv:1512.03385. Taught in notebook 01.
    """
    return torch.where(_chance(x, 0.5), x.flip(3), x)


def random_grey(x: Tensor, share: float = 0.3) -> Tensor:
    """Take the colour out of a random `share` of the images (n, c, h, w).

    Source: Chen et al. (2020), appendix A, arXiv:2002.05709. A part of how the encoder of notebook 03 was trained.
    """
    return torch.where(_chance(x, share), x.mean(1, keepdim=True).expand_as(x), x)


def random_light(x: Tensor, strength: float = 0.4) -> Tensor:
    """Change contrast and brightness of every image of x (n, c, h, w) by factors within 1 ± `strength`.

    Source: Chen et al. (2020), appendix A, arXiv:2002.05709. A part of how the encoder of notebook 03 was trained.
    """
    gain, offset = (1 + strength * (2 * torch.rand(2, len(x), 1, 1, 1, device=x.device) - 1)).unbind()
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((x - mean) * gain + mean * offset).clamp(0, 1)


def random_noise(x: Tensor, strength: float = 0.05) -> Tensor:
    """Add Gaussian noise of standard deviation `strength` to every pixel of x (n, c, h, w), within [0, 1].

    Source: Bishop (1995), doi:10.1162/neco.1995.7.1.108. Taught in notebook 05.
    """
    return (x + strength * torch.randn_like(x)).clamp(0, 1)


def random_warp(
    x: Tensor,
    rotation: float = 10,
    shear: float = 0.2,
    zoom: float = 0.15,
    shift: float = 0.125,
    elastic: float = 0.1,
) -> Tensor:
    """Bend every image of x (n, c, h, w): turn, slant, stretch, move, and push it about as if it were rubber.

    Up to `rotation` degrees, a slope of `shear`, factors of 1 + `zoom` and its inverse along each
    side, and moves by a share `shift` of the side; nine points of the image wander by up to a share
    `elastic` and the rest follows smoothly. What enters at the border is black.
    Source: Simard et al. (2003), doi:10.1109/ICDAR.2003.1227801. Taught in notebook 05.
    """
    n, _, h, w = x.shape
    like: dict[str, Any] = {"device": x.device, "dtype": x.dtype}

    def within(bound: float, *shape: int) -> Tensor:
        return bound * (2 * torch.rand(shape, **like) - 1)

    angle, slope = torch.deg2rad(within(rotation, n)), within(shear, n)
    right = torch.stack([angle.cos(), angle.sin()])
    down = torch.stack([-angle.sin(), angle.cos()]) + slope * right
    stretch = (1 + zoom) ** within(1, 2, n)
    matrix = torch.stack([stretch * right, stretch * down]).permute(2, 0, 1)
    side = torch.tensor([w, h], **like)
    # Where each pixel comes from, in pixels from the centre; grid_sample wants shares of half a side.
    rows, columns = (torch.arange(size, **like) - (size - 1) / 2 for size in (h, w))
    here = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).view(1, h * w, 2)
    there = (here @ matrix + within(shift, n, 1, 2) * side).view(n, h, w, 2)
    if elastic:
        pushed = F.interpolate(within(elastic, n, 2, 3, 3), size=(h, w), mode="bicubic", align_corners=True)
        there = there + pushed.permute(0, 2, 3, 1) * side
    return F.grid_sample(x, 2 * there / side, align_corners=False).clamp(0, 1)


def _chance(x: Tensor, share: float) -> Tensor:
    return torch.rand(len(x), 1, 1, 1, device=x.device) < share


def random_colours(x: Tensor) -> Tensor:
    """Give colour images (n, 3, h, w) other colours: channels in another order, each relit on its own, half inverted.

    What is bright and what is dark, and every hue, then say nothing; edges still do. Taught in notebook 14.
    """
    n, c, _, _ = x.shape
    order = torch.rand(n, c, device=x.device).argsort(1)
    x = x.gather(1, order[:, :, None, None].expand_as(x))
    x = torch.where(_chance(x, 0.5), 1 - x, x)
    gain, offset = torch.rand(2, n, c, 1, 1, device=x.device).unbind()
    return ((0.4 + 0.9 * gain) * x + 0.6 * (offset - 0.5)).clamp(0, 1)


def random_blur(x: Tensor, strongest: float = 1.0) -> Tensor:
    """Blur every image of x (n, c, h, w) by a Gaussian of its own, standard deviation 0 to `strongest` pixels.

    Source: Chen et al. (2020), appendix A, arXiv:2002.05709. Taught in notebook 14.
    """
    n, c, h, w = x.shape
    width = strongest * torch.rand(n, 1, device=x.device) + 1e-3
    kernel = torch.exp(-torch.arange(-2.0, 3.0, device=x.device) ** 2 / (2 * width**2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)[:, None, None]
    # One group for each channel of each image, so that all are blurred at once, rows first, then columns.
    flat = F.pad(x, (2,) * 4, mode="replicate").reshape(1, n * c, h + 4, w + 4)
    flat = F.conv2d(F.conv2d(flat, kernel, groups=n * c), kernel.transpose(2, 3), groups=n * c)
    return flat.reshape(x.shape)


def random_looks(x: Tensor) -> Tensor:
    """Give every frame of x (n, 3, h, w) its own look: other colours, up to one pixel aside, some blur, some noise.

    Source: Tobin et al. (2017), domain randomisation, arXiv:1703.06907. Taught in notebook 14.
    """
    return random_noise(random_blur(random_colours(random_shift(x, 1))))
