"""Small photographs: named surfaces and faces from scikit-image, objects from CIFAR-10."""

from __future__ import annotations

import io
import zipfile
from functools import cache

import numpy as np
import torch

from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.store import fetch

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


# name: (function of skimage.data, area used as left, top, right, bottom, shrink factor)
SURFACES = {
    "brick": ("brick", None, 1),
    "grass": ("grass", None, 1),
    "gravel": ("gravel", None, 1),
    "fur": ("cat", (60, 0, 360, 300), 1),
    "paper": ("page", None, 1),
    "handwriting": ("text", None, 1),
    "tissue": ("immunohistochemistry", None, 1),
    "stars": ("hubble_deep_field", None, 2),
    "coins": ("coins", None, 1),
    "moon": ("moon", None, 1),
    "retina": ("retina", (250, 250, 1160, 1160), 2),
    "machine": ("stereo_motorcycle", (150, 100, 650, 460), 1),
}
ZOOMS = (32, 48, 64, 96)  # side of the square that becomes 32×32


def surfaces(part: str = "train", per_class: int = 100, seed: int = 0) -> Domain:
    """Return `per_class` grey patches (n, 3, 32, 32), values in [0, 1], of each of twelve surfaces.

    Squares of 32 to 96 pixels from the photographs that ship with scikit-image, shrunk to 32×32.
    `train` is cut from the left half of every picture, `test` from the right: no pixel is shared.
    One picture stands for each surface, so this measures recognising that picture's other half.

    Raises ValueError for an unknown part or per_class below 1. Taught in notebook 01.
    """
    if part not in ("train", "test"):
        raise unknown("part", part, ("train", "test"))
    if per_class < 1:
        raise ValueError(f"per_class must be at least 1, got {per_class}")
    rng = np.random.default_rng((seed, part == "test"))
    patches = [_patch(_half(name, part), rng) for name in SURFACES for _ in range(per_class)]
    x = torch.from_numpy(np.stack(patches)).float().div_(255)[:, None].expand(-1, 3, -1, -1).contiguous()
    y = torch.arange(len(SURFACES)).repeat_interleave(per_class)
    return Domain(x, y, tuple(SURFACES), f"surfaces, {part}")


def _half(name: str, part: str):
    """Return the left (train) or right (test) half of a surface's picture, grey, as a PIL image."""
    picture = _picture(name)
    middle = picture.width // 2
    return picture.crop((0, 0, middle, picture.height) if part == "train" else (middle, 0, *picture.size))


@cache
def _picture(name: str):
    from PIL import Image
    from skimage import data

    function, area, shrink = SURFACES[name]
    pixels = getattr(data, function)()
    picture = Image.fromarray(pixels[0] if isinstance(pixels, tuple) else pixels).convert("L")
    return picture.crop(area).reduce(shrink) if area else picture.reduce(shrink)


def _patch(picture, rng: np.random.Generator) -> np.ndarray:
    from PIL import Image

    side = int(rng.choice(ZOOMS))
    left, top = rng.integers(0, (picture.width - side + 1, picture.height - side + 1))
    patch = picture.crop((left, top, left + side, top + side)).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(patch)


def faces() -> Domain:
    """Return scikit-image's 200 grey crops (200, 3, 25, 25), values in [0, 1]: 100 faces, 100 without a face.

    Source: a subset of Labelled Faces in the Wild, Huang et al. (2007). Taught in notebook 03.
    """
    from skimage.data import lfw_subset

    x = torch.from_numpy(lfw_subset()).float()[:, None].expand(-1, 3, -1, -1).contiguous()
    return Domain(x, (torch.arange(200) >= 100).long(), ("face", "no face"), "faces")


def cifar10_jpeg(part: str = "train") -> Domain:
    """Return CIFAR-10 under strong JPEG compression (n, 3, 32, 32): 50,000 train or 10,000 test photographs.

    Ten kinds of objects; what the embedded encoder `photos` learnt from. Raises ValueError for an
    unknown part, OSError when the file cannot be had. Source: Krizhevsky (2009). Taught in notebook 03.
    """
    if part not in ("train", "test"):
        raise unknown("part", part, ("train", "test"))
    from PIL import Image

    images, labels = [], []
    with zipfile.ZipFile(fetch("cifar10_jpg/cifar10_jpg.zip")) as archive:
        for number, label in enumerate(OBJECTS):
            for member in sorted(archive.namelist()):
                if member.startswith(f"{part}/{label}/") and member.endswith(".jpg"):
                    images.append(np.asarray(Image.open(io.BytesIO(archive.read(member))).convert("RGB")))
                    labels.append(number)
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return Domain(x.float().div_(255), torch.tensor(labels), OBJECTS, f"CIFAR-10 (JPEG), {part}")
