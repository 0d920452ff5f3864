"""Photographs: surfaces and faces from scikit-image, objects from CIFAR-10, insects, pets."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from functools import cache

import numpy as np
import torch

from tlutils.datasets.archives import LARGEST, open_zip, reading
from tlutils.datasets.folders import as_pixels, check_side, square_image
from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import check_span, checked
from tlutils.store import available, fetch

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_RECORD = 1 + 3 * 32 * 32  # the label, then the planes of red, green and blue
INSECTS = ("hymenoptera/hymenoptera_data_256.zip", "hymenoptera/hymenoptera_data.zip")  # small copy, original

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


@checked
def surfaces(part: str = "train", per_class: int = 100, seed: int = 0) -> Domain:
    """Return `per_class` grey patches (n, 3, 32, 32), values in [0, 1], of each of twelve surfaces.

    Squares of 32 to 96 pixels from the photographs that ship with scikit-image, shrunk to 32×32.
    `train` is cut from the left half of every picture, `test` from the right: no pixel is shared.
    One picture stands for each surface, so this measures recognising that picture's other half.

    Raises ValueError for an unknown part or per_class outside 1 … 10,000. Taught in notebook 01.
    """
    _check_part(part)
    check_span(per_class, "per_class", 1, 10**4)
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


@checked
def cifar10(part: str = "train") -> Domain:
    """Return CIFAR-10 (n, 3, 32, 32), values in [0, 1]: 50,000 train or 10,000 test photographs of ten objects.

    Raises ValueError for an unknown part or an archive without a part's files, OSError when the file
    cannot be had. Source: Krizhevsky (2009), the binary version. Taught in notebook 10.
    """
    _check_part(part)
    files = [f"data_batch_{k}.bin" for k in range(1, 6)] if part == "train" else ["test_batch.bin"]
    wanted = [f"cifar-10-batches-bin/{file}" for file in files]
    content = _members("cifar10/cifar-10-binary.tar.gz", wanted)
    records = np.frombuffer(b"".join(content[name] for name in wanted), np.uint8).reshape(-1, CIFAR_RECORD)
    x = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32)).div_(255)
    return Domain(x, torch.from_numpy(records[:, 0].astype(np.int64)), OBJECTS, f"CIFAR-10, {part}")


@checked
def cifar10_jpeg(part: str = "train") -> Domain:
    """Return CIFAR-10 under strong JPEG compression (n, 3, 32, 32): 50,000 train or 10,000 test photographs.

    Ten kinds of objects; what the embedded encoder `photos` learnt from. Raises ValueError for an
    unknown part, OSError when the file cannot be had. Source: Krizhevsky (2009). Taught in notebook 03.
    """
    _check_part(part)
    return _zipped("cifar10_jpg/cifar10_jpg.zip", part, OBJECTS, 32, f"CIFAR-10 (JPEG), {part}")


@checked
def ants_bees(part: str = "train", *, size: int = 224) -> Domain:
    """Return photographs of ants and bees (n, 3, size, size), values in [0, 1]: 244 train or 153 test images.

    The centre of each, its short side resized. They were taken from ImageNet, so an encoder with ImageNet
    weights has met them or their like: this shows convenience, not what a new kind of image would give.

    Raises ValueError for an unknown part or an impossible size, OSError when the file cannot be had. Source: the
    PyTorch transfer learning tutorial; images by photographers on Flickr, no formal licence. Taught in notebook 17.
    """
    _check_part(part)
    check_side(size)
    folder = f"hymenoptera_data/{'train' if part == 'train' else 'val'}"
    file = next(filter(available, INSECTS), INSECTS[-1])
    return _zipped(file, folder, ("ants", "bees"), size, f"ants and bees, {part}")


@checked
def pets(part: str = "train", *, size: int = 160) -> Domain:
    """Return the Oxford-IIIT Pet photographs (n, 3, size, size), values in [0, 1]: 3,680 train or 3,669 test images.

    37 breeds of cats and dogs, the centre of each photograph; 1.1 GB of memory for a part at 160
    pixels, 2.2 GB at 224. No official validation part: split one off `train`.

    Raises ValueError for an unknown part, an impossible size, or an archive that lacks a listed image, OSError when
    the files cannot be had. Source: Parkhi et al. (2012), doi:10.1109/CVPR.2012.6248092, CC BY-SA 4.0.
    Taught in notebook 10.
    """
    _check_part(part)
    check_side(size)
    listing = f"annotations/{'trainval' if part == 'train' else 'test'}.txt"
    lines = _members("pets/annotations.tar.gz", [listing])[listing].decode().splitlines()
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    names = {int(number): image.rpartition("_")[0].replace("_", " ") for image, number, *_ in rows}
    numbers = sorted(names)
    images = _members("pets/images.tar.gz", [f"images/{image}.jpg" for image, *_ in rows], size)
    x = as_pixels([images[f"images/{image}.jpg"] for image, *_ in rows])
    y = torch.tensor([numbers.index(int(number)) for _, number, *_ in rows])
    return Domain(x, y, tuple(names[k] for k in numbers), f"Oxford-IIIT Pet, {part}")


def _check_part(part: str) -> None:
    if part not in ("train", "test"):
        raise unknown("part", part, ("train", "test"))


def _zipped(file: str, folder: str, classes: tuple[str, ...], size: int, name: str) -> Domain:
    """Return the JPEG images under `folder/class/` of a zip archive of the store."""
    images, labels = [], []
    path = fetch(file)
    with reading(path), open_zip(path) as archive:
        for number, label in enumerate(classes):
            for member in sorted(archive.namelist()):
                if member.startswith(f"{folder}/{label}/") and member.endswith((".jpg", ".jpeg")):
                    images.append(square_image(archive.read(member), size, f"{member} of {file}"))
                    labels.append(number)
        pixels = as_pixels(images)
    return Domain(pixels, torch.tensor(labels), classes, name)


def _members(file: str, names: Iterable[str], size: int | None = None) -> dict:
    """Return the named members of a tar archive of the store: their bytes, or as square images of a size.

    They are read in the archive's order, the only quick one in a compressed file, and never unpacked to disk.
    """
    missing, found = set(names), {}
    path = fetch(file)
    with reading(path), tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if member.name in missing and member.isfile():
                if member.size > LARGEST:
                    raise ValueError(f"{path} is refused: {member.name} would unpack to {member.size:,} bytes")
                content = archive.extractfile(member).read()
                found[member.name] = square_image(content, size, f"{member.name} of {file}") if size else content
                missing.remove(member.name)
    if missing:
        raise ValueError(f"{file} lacks {min(missing)} and {len(missing) - 1} more: get the file again")
    return found
