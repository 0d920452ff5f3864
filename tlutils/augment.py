"""Random changes that leave the label alone, drawn for each image of a batch (n, c, h, w).

Images are float tensors with values in [0, 1]. Nobody looks for pixels that are NaN, infinite or beyond 1e30:
what comes of them may be NaN or infinite.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlutils.inputs import checked


@checked
def random_shift(x: Tensor, pixels: int) -> Tensor:
    """Move every image of x (n, c, h, w) by up to `pixels` in both directions, mirroring what enters at the border.

    Raises ValueError for what are no float images, or a move as far as a side is long.
    Source: He et al. (2016), section 4.2, arXiv:1512.03385. Taught in notebook 14.
    """
    _check_images(x, pixels=(pixels, min(x.shape[2:], default=1) - 1))
    n, _, h, w = x.shape
    padded = F.pad(x, (pixels,) * 4, mode="reflect")
    top, left = torch.randint(0, 2 * pixels + 1, (2, n, 1), device=x.device)
    rows = (top + torch.arange(h, device=x.device))[:, :, None]
    columns = (left + torch.arange(w, device=x.device))[:, None, :]
    images = torch.arange(n, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


@checked
def random_flip(x: Tensor) -> Tensor:
    """Mirror every second image of x (n, c, h, w), by chance, left to right.

    Raises ValueError for what are no float images.
    Source: He et al. (2016), section 4.2, arXiv:1512.03385. Taught in notebook 01.
    """
    _check_images(x)
    return torch.where(_chance(x, 0.5), x.flip(3), x)


@checked
def random_grey(x: Tensor, share: float = 0.3) -> Tensor:
    """Take the colour out of a random `share` of the images (n, c, h, w).

    Raises ValueError for what are no float images, or a share outside [0, 1].
    Source: Chen et al. (2020), appendix A, arXiv:2002.05709. A part of how the encoder of notebook 03 was trained.
    """
    _check_images(x, share=(share, 1))
    return torch.where(_chance(x, share), x.mean(1, keepdim=True).expand_as(x), x)


@checked
def random_light(x: Tensor, strength: float = 0.4) -> Tensor:
    """Change contrast and brightness of every image of x (n, c, h, w) by factors within 1 ± `strength`.

    Raises ValueError for what are no float images, or a strength outside [0, 1].
    Source: Chen et al. (2020), appendix A, arXiv:2002.05709. A part of how the encoder of notebook 03 was trained.
    """
    _check_images(x, strength=(strength, 1))
    gain, offset = (1 + strength * (2 * torch.rand(2, len(x), 1, 1, 1, device=x.device) - 1)).unbind()
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((x - mean) * gain + mean * offset).clamp(0, 1)


@checked
def random_noise(x: Tensor, strength: float = 0.05) -> Tensor:
    """Add Gaussian noise of standard deviation `strength` to every pixel of x (n, c, h, w), within [0, 1].

    Raises ValueError for what are no float images, or a strength outside [0, 1].
    Source: Bishop (1995), doi:10.1162/neco.1995.7.1.108. Taught in notebook 05.
    """
    _check_images(x, strength=(strength, 1))
    return (x + strength * torch.randn_like(x)).clamp(0, 1)


@checked
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

    Raises ValueError for what are no float images, a rotation above 180, or another setting outside [0, 1].
    Source: Simard et al. (2003), doi:10.1109/ICDAR.2003.1227801. Taught in notebook 05.
    """
    _check_images(x, rotation=(rotation, 180), shear=(shear, 1), zoom=(zoom, 1), shift=(shift, 1), elastic=(elastic, 1))
    n, _, h, w = x.shape
    # Half the digits are too few for places.
    like: dict[str, Any] = {"device": x.device, "dtype": torch.promote_types(x.dtype, torch.float32)}

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
    return F.grid_sample(x.to(there.dtype), 2 * there / side, align_corners=False).clamp(0, 1).to(x.dtype)


def _check_images(x: Tensor, **settings: tuple[float, float]) -> None:
    """Raise ValueError unless x (n, c, h, w) are images, and each setting lies within 0 and its most."""
    if x.ndim != 4 or not x.is_floating_point() or 0 in x.shape:
        raise ValueError(f"need a float tensor of images (n, c, h, w), got {x.dtype} {tuple(x.shape)}")
    for name, (value, most) in settings.items():
        if not 0 <= value <= most:
            raise ValueError(f"{name} must lie between 0 and {most}, got {value}")


def _chance(x: Tensor, share: float) -> Tensor:
    return torch.rand(len(x), 1, 1, 1, device=x.device) < share


@checked
def random_colours(x: Tensor) -> Tensor:
    """Give colour images (n, 3, h, w) other colours: channels in another order, each relit on its own, half inverted.

    What is bright and what is dark, and every hue, then say nothing; edges still do.

    Raises ValueError for what are no float images. Taught in notebook 14.
    """
    _check_images(x)
    n, c, _, _ = x.shape
    order = torch.rand(n, c, device=x.device).argsort(1)
    x = x.gather(1, order[:, :, None, None].expand_as(x))
    x = torch.where(_chance(x, 0.5), 1 - x, x)
    gain, offset = torch.rand(2, n, c, 1, 1, device=x.device).unbind()
    return ((0.4 + 0.9 * gain) * x + 0.6 * (offset - 0.5)).clamp(0, 1)


@checked
def random_blur(x: Tensor, strongest: float = 1.0) -> Tensor:
    """Blur every image of x (n, c, h, w) by a Gaussian of its own, standard deviation 0 to `strongest` pixels.

    Raises ValueError for what are no float images, or a blur of more than 100 pixels.
    Source: Chen et al. (2020), appendix A, arXiv:2002.05709. Taught in notebook 14.
    """
    _check_images(x, strongest=(strongest, 100))
    n, c, h, w = x.shape
    width = strongest * torch.rand(n, 1, device=x.device) + 1e-3
    kernel = torch.exp(-torch.arange(-2.0, 3.0, device=x.device) ** 2 / (2 * width**2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)[:, None, None].to(x.dtype)
    # One group for each channel of each image, so that all are blurred at once, rows first, then columns.
    flat = F.pad(x, (2,) * 4, mode="replicate").reshape(1, n * c, h + 4, w + 4)
    flat = F.conv2d(F.conv2d(flat, kernel, groups=n * c), kernel.transpose(2, 3), groups=n * c)
    return flat.reshape(x.shape)


@checked
def random_looks(x: Tensor) -> Tensor:
    """Give every frame of x (n, 3, h, w) its own look: other colours, up to one pixel aside, some blur, some noise.

    Raises ValueError for what are no float images.
    Source: Tobin et al. (2017), domain randomisation, arXiv:1703.06907. Taught in notebook 14.
    """
    return random_noise(random_blur(random_colours(random_shift(x, 1))))
