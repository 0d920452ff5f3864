"""A folder of images that nobody prepared: classes, splits, and what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from tlutils.datasets.folders import as_pixels, class_folders, entries_of, is_image_name, square_image
from tlutils.domains import UNLABELLED, Domain
from tlutils.inputs import check_span, checked
from tlutils.own_rows import OwnData, Remark, check_classes, counted, some

SMALLEST, LARGEST = 8, 1024  # sides of an image that an encoder can use and memory can hold
MOST_BYTES = 2**31  # of pixels in memory; of larger folders a share of every class is read
TRAIN, TEST, UNKNOWN = ("train", "training"), ("test", "val", "valid", "validation"), ("unlabelled", "unlabeled")


class Picture(NamedTuple):
    """An image that was read: its pixels (size, size, 3), its class, its file, and width, height and bytes of that."""

    pixels: np.ndarray
    label: int
    place: str
    facts: tuple[int, int, int]


@checked
def read_images(path: Path, size: int) -> OwnData:
    """Return the images of a folder; see `read_own_data`. Raises ValueError as that does, OSError for no folder."""
    check_span(size, "size", SMALLEST, LARGEST)
    remarks: list[Remark] = []
    root = _entered(path, remarks)
    inside = {entry.name.lower(): entry for entry in entries_of(root) if entry.is_dir()}
    train, test, unknown = (next((inside[n] for n in names if n in inside), None) for names in (TRAIN, TEST, UNKNOWN))
    if train is None:
        test = None  # a class that happens to be called "test"
    folders = [folder for folder in class_folders(train or root, least=1) if folder != unknown]
    check_classes([folder.name for folder in folders], str(path))
    by_class = {folder: _read(folder, root, size, remarks, _share(folders, size)) for folder in folders}
    full = [folder.name for folder, pictures in by_class.items() if pictures]
    if lost := [folder.name for folder, pictures in by_class.items() if not pictures]:
        remarks.append(Remark(f"no image can be read in {counted(len(lost), 'class')}: {some(lost)}", "fill or remove"))
    check_classes(full, str(path))
    pictures = [p._replace(label=full.index(folder.name)) for folder, found in by_class.items() for p in found]
    if unknown is not None:
        pictures += _read(unknown, root, size, remarks, _share([unknown], size))
    domain = _domain(pictures, full, path.resolve().name)
    places = tuple(picture.place for picture in pictures)
    facts = torch.tensor([picture.facts for picture in pictures])
    tested = [] if test is None else _test_part(test, full, root, size, remarks)
    return OwnData(
        domain,
        places,
        _domain(tested, full, f"{domain.name}, {test.name}") if tested else None,
        tuple(picture.place for picture in tested),
        tuple(remarks),
        facts,
    )


def _entered(path: Path, remarks: list[Remark]) -> Path:
    """Return the folder itself, or the only one that it holds, as unpacked archives have it."""
    inside = [entry for entry in entries_of(path) if entry.name != "__MACOSX"]
    if len(inside) == 1 and inside[0].is_dir() and any(entry.is_dir() for entry in entries_of(inside[0])):
        remarks.append(Remark(f"{path.name} holds nothing but the folder {inside[0].name}", "that one was read"))
        return _entered(inside[0], remarks)
    return path


def _share(folders: Sequence[Path], size: int) -> float:
    """Return which share of the images fits into memory."""
    count = sum(len(entries_of(folder)) for folder in folders)
    return min(1.0, MOST_BYTES / (max(1, count) * size * size * 3 * 4))


def _read(folder: Path, root: Path, size: int, remarks: list[Remark], share: float) -> list[Picture]:
    """Return a share of the images in a folder, without label, and add what was left out to the remarks."""
    entries = entries_of(folder)
    images = [entry for entry in entries if not entry.is_dir() and is_image_name(entry)]
    name = folder.relative_to(root)
    if other := [entry.name for entry in entries if entry not in images]:
        told = f"beside images {name} holds {counted(len(other), 'other entry')}: {some(other)}"
        remarks.append(Remark(told, "move images out of inner folders; else nothing"))
    if share < 1:
        drawn = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        images = [images[i] for i in sorted(drawn[: max(1, round(share * len(images)))].tolist())]
        remarks.append(Remark(f"{name} is large: {share:.0%} of it was read", "nothing, unless rare cases matter"))
    pictures, broken = [], []
    for file in images:
        try:
            pictures.append(Picture(square_image(file, size), UNLABELLED, str(file.relative_to(root)), _facts(file)))
        except (ValueError, OSError) as error:
            broken.append(f"{file.name} ({str(error).rpartition('image: ')[2]})")
    if broken:
        told = f"left out: {counted(len(broken), 'image')} of {name} that cannot be read: {some(broken)}"
        remarks.append(Remark(told, "repair or remove"))
    return pictures


def _facts(file: Path) -> tuple[int, int, int]:
    from PIL import Image

    with Image.open(file) as image:
        return *image.size, file.stat().st_size


def _test_part(test: Path, classes: Sequence[str], root: Path, size: int, remarks: list[Remark]) -> list[Picture]:
    folders = class_folders(test, least=1)
    if strange := [folder.name for folder in folders if folder.name not in classes]:
        remarks.append(Remark(f"{test.name} has classes that the training part lacks: {some(strange)}", "left out"))
    kept = [folder for folder in folders if folder.name in classes]
    share = _share(kept, size)
    found = ((folder, _read(folder, root, size, remarks, share)) for folder in kept)
    return [p._replace(label=classes.index(folder.name)) for folder, pictures in found for p in pictures]


def _domain(pictures: Sequence[Picture], classes: Sequence[str], name: str) -> Domain:
    labels = torch.tensor([picture.label for picture in pictures])
    return Domain(as_pixels([picture.pixels for picture in pictures]), labels, tuple(classes), name)
