"""Digits: printed in many typefaces, written by hand, and the classic collections."""

from __future__ import annotations

import gzip
import io
import string
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tlutils.datasets.archives import open_zip, reading
from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import check_span, checked
from tlutils.store import fetch

DIGITS = tuple("0123456789")
FACES = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmtt10"),
)


@checked
def printed(n: int = 4000, seed: int = 0, characters: str = string.digits, size: int = 8) -> Domain:
    """Render `n` printed characters (n, 1, size, size), values in [0, 1]; at 8×8 in the format of `handwritten`.

    Twenty typefaces that ship with Matplotlib, each glyph rotated by up to 15°, sheared by up to 0.3
    and scaled to 65–100 % of the field, then made 32×32 black and white and averaged over square
    blocks (4×4 for 8×8), as the handwriting was. `characters` are the classes, drawn equally often.

    Raises ValueError when n is smaller than the number of classes or beyond a million, a character
    repeats or cannot be printed, or `size` does not divide 32. Taught in notebook 02.
    """
    printable = all(c.isascii() and c.isalnum() for c in characters)
    if not characters or not printable or len(set(characters)) < len(characters):
        raise ValueError(f"characters must be different ASCII letters or digits, got {characters!r}")
    if n < len(characters):
        raise ValueError(f"n must be at least the number of characters ({len(characters)}), got {n}")
    check_span(n, "n", 1, 10**6)
    if size < 1 or 32 % size:
        raise ValueError(f"size must divide 32 (8, 16, 32), got {size}")
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % len(characters))
    ink = np.stack([_glyph(characters[label], rng) for label in labels])
    images = ink.reshape(n, size, 32 // size, size, 32 // size).mean((2, 4))
    return Domain(_as_images(images), torch.from_numpy(labels), tuple(characters), "printed")


def handwritten() -> Domain:
    """Return scikit-learn's 1,797 digits (n, 1, 8, 8), values in [0, 1], written by 13 people.

    Source: Alpaydin & Kaynak (1998), doi:10.24432/C50P49. Taught in notebook 02.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    return Domain(_as_images(data.images / 16), torch.from_numpy(data.target).long(), DIGITS, "handwritten")


@checked
def mnist(part: str = "train") -> Domain:
    """Return MNIST (n, 1, 28, 28), values in [0, 1]: 60,000 train or 10,000 test digits.

    Raises ValueError for an unknown part, OSError when the files cannot be had.
    Source: LeCun et al. (1998), doi:10.1109/5.726791. Taught in notebook 04.
    """
    stem = _part(part, {"train": "train", "test": "t10k"})
    images = _idx(fetch(f"mnist/MNIST/raw/{stem}-images-idx3-ubyte.gz"), header=16, shape=(-1, 28, 28))
    labels = _idx(fetch(f"mnist/MNIST/raw/{stem}-labels-idx1-ubyte.gz"), header=8, shape=(-1,))
    y = torch.from_numpy(labels.astype(np.int64))
    return Domain(_as_images(images / np.float32(255)), y, DIGITS, f"MNIST, {part}")


@checked
def usps(part: str = "train") -> Domain:
    """Return USPS (n, 1, 16, 16), values in [0, 1]: 7,291 train or 2,007 test digits from envelopes.

    Raises ValueError for an unknown part, OSError when the file cannot be had.
    Source: Hull (1994), doi:10.1109/34.291440. Taught in notebook 04.
    """
    import h5py

    group = _part(part, {"train": "train", "test": "test"})
    path = fetch("usps/usps.h5")
    with reading(path), h5py.File(path) as file:
        images = file[f"{group}/data"][:].reshape(-1, 16, 16)
        labels = file[f"{group}/target"][:].astype(np.int64)
        if not (images.min() >= 0 and images.max() <= 1):  # NaN fails every comparison
            raise ValueError(f"{path} holds pixels outside [0, 1]: get the file again")
    return Domain(_as_images(images), torch.from_numpy(labels), DIGITS, f"USPS, {part}")


@checked
def mnist_m(part: str = "train") -> Domain:
    """Return MNIST-M (n, 3, 32, 32), values in [0, 1]: MNIST digits blended over photographs.

    A subset, 8,000 train or 2,000 test digits; row i shows row i of `mnist(part)`. Raises ValueError
    for an unknown part, OSError when the file cannot be had. Source: Ganin et al. (2016),
    arXiv:1505.07818. Taught in notebook 04.
    """
    from PIL import Image

    stem = f"mnist_m/mnist_m_{_part(part, {'train': 'train', 'test': 'test'})}"
    path = fetch("mnist_m/mnist_m_subset.zip")
    with reading(path), open_zip(path) as archive:
        lines = [line.split() for line in archive.read(f"{stem}_labels.txt").decode().splitlines()]
        present = set(archive.namelist())
        rows = [(file, int(label)) for file, label in lines if f"{stem}/{file}" in present]
        images = [np.asarray(Image.open(io.BytesIO(archive.read(f"{stem}/{file}"))).convert("RGB")) for file, _ in rows]
        x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        y = torch.tensor([label for _, label in rows])
    return Domain(x, y, DIGITS, f"MNIST-M, {part}")


@checked
def resized(domain: Domain, size: int) -> Domain:
    """Return a domain of grey images brought to `size` × `size` pixels, colour averaged away.

    Shrinking averages areas; growing interpolates. Raises ValueError for a domain without images, and
    for a size outside 1 … 1,024. Taught in notebook 04.
    """
    if not isinstance(domain.x, Tensor) or domain.x.ndim != 4:
        raise ValueError(f"{domain.name}: need images (n, c, h, w), got {domain!r}")
    check_span(size, "size", 1, 1024)
    x = domain.x.mean(1, keepdim=True)
    mode = "area" if size < x.shape[-1] else "bilinear"
    return replace(domain, x=torch.nn.functional.interpolate(x, size=(size, size), mode=mode))


def _part(part: str, parts: dict[str, str]) -> str:
    if part not in parts:
        raise unknown("part", part, parts)
    return parts[part]


def _idx(path: Path, header: int, shape: tuple[int, ...]) -> np.ndarray:
    with reading(path), gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header).reshape(shape)


def _as_images(images: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)).unsqueeze(1)


def _glyph(character: str, rng: np.random.Generator) -> np.ndarray:
    """Draw one character at 128×128, deform it, make it black and white at 32×32: (32, 32) of True for ink."""
    from PIL import Image, ImageDraw

    field = 128
    image = Image.new("L", (field, field))
    draw = ImageDraw.Draw(image)
    draw.text((field // 2, field // 2), character, fill=255, font=_font(FACES[rng.integers(len(FACES))]), anchor="mm")
    angle, shear = np.deg2rad(rng.uniform(-15, 15)), rng.uniform(-0.3, 0.3)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = rotation @ np.array([[1, shear], [0, 1]])
    centre = np.full(2, field / 2)
    offset = centre - inverse @ centre
    coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
    image = image.transform((field, field), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    image = image.crop(image.getbbox())
    # The handwriting was cut to its ink and fitted into the field, so wide and narrow both fill it.
    height = rng.uniform(0.65, 1.0) * 32
    width = min(32, max(1, image.width / image.height * height))
    image = image.resize((round(width), round(height)), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (32, 32))
    canvas.paste(image, ((32 - image.width) // 2, (32 - image.height) // 2))
    return np.asarray(canvas) > 127


@cache
def _font(face: str):
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/{face}.ttf", 88)
