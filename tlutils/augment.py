"""Random changes that leave the label alone, drawn for each image of a batch (n, c, h, w)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def random_shift(x: Tensor, pixels: int) -> Tensor:
    """Move every image by up to `pixels` in both directions, mirroring what enters at the border."""
    n, _, h, w = x.shape
    padded = F.pad(x, (pixels,) * 4, mode="reflect")
    top, left = torch.randint(0, 2 * pixels + 1, (2, n, 1), device=x.device)
    rows = (top + torch.arange(h, device=x.device))[:, :, None]
    columns = (left + torch.arange(w, device=x.device))[:, None, :]
    images = torch.arange(n, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


def random_flip(x: Tensor) -> Tensor:
    """Mirror every second image, by chance, left to right."""
    return torch.where(_chance(x, 0.5), x.flip(3), x)


def random_grey(x: Tensor, share: float = 0.3) -> Tensor:
    """Take the colour out of a random `share` of the images."""
    return torch.where(_chance(x, share), x.mean(1, keepdim=True).expand_as(x), x)


def random_light(x: Tensor, strength: float = 0.4) -> Tensor:
    """Change contrast and brightness of every image by factors within 1 ± `strength`."""
    gain, offset = (1 + strength * (2 * torch.rand(2, len(x), 1, 1, 1, device=x.device) - 1)).unbind()
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((x - mean) * gain + mean * offset).clamp(0, 1)


def _chance(x: Tensor, share: float) -> Tensor:
    return torch.rand(len(x), 1, 1, 1, device=x.device) < share
