"""German traffic signs: photographs of 43 kinds, thirty or fewer of each physical sign."""

from __future__ import annotations

import csv
import io
from zipfile import ZipFile

import numpy as np
import torch
from torch import Tensor

from tlutils.datasets.archives import open_zip, reading
from tlutils.datasets.folders import as_pixels
from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.store import fetch

FILE = "gtsrb_subset/gtsrb_subset.zip"
PARTS = ("train", "test")
CLASSES = (
    *("speed limit 20", "speed limit 30", "speed limit 50", "speed limit 60", "speed limit 70", "speed limit 80"),
    *("end of speed limit 80", "speed limit 100", "speed limit 120", "no passing", "no passing for trucks"),
    *("right of way", "priority road", "yield", "stop", "no vehicles", "no trucks", "no entry", "general caution"),
    *("curve left", "curve right", "double curve", "bumpy road", "slippery road", "road narrows", "road works"),
    *("traffic signals", "pedestrians", "children", "bicycles", "ice or snow", "wild animals", "end of all limits"),
    *("turn right ahead", "turn left ahead", "ahead only", "straight or right", "straight or left", "keep right"),
    *("keep left", "roundabout", "end of no passing", "end of no passing for trucks"),
)


@checked
def signs(part: str = "train") -> Domain:
    """Return traffic signs (n, 3, 32, 32), values in [0, 1]: 1,720 train or 645 test photographs of 43 kinds.

    A subset of GTSRB, 40 training and 15 test photographs a kind, scaled to 32×32. Several training
    photographs show one physical sign from nearer and nearer: split them by `sign_tracks`.

    Raises ValueError for an unknown part, OSError when the file cannot be had. Source: Stallkamp et al.
    (2012), doi:10.1016/j.neunet.2012.02.016; free for research and education. Taught in notebook 15.
    """
    if part not in PARTS:
        raise unknown("part", part, PARTS)
    path = fetch(FILE)
    with reading(path), open_zip(path) as archive:
        rows = _rows(archive, part)
        x = as_pixels([_pixels(archive.read(member)) for member, _ in rows])
        y = torch.tensor([label for _, label in rows])
    return Domain(x, y, CLASSES, f"traffic signs, {part}")


def sign_tracks() -> Tensor:
    """Return the number of the physical sign (1720,) in each photograph of `signs("train")`: what to split by.

    Taught in notebook 17.
    """
    with open_zip(fetch(FILE)) as archive:
        rows = _rows(archive, "train")
    # Files are named track_frame.ppm within the folder of their class.
    return torch.tensor([1000 * label + int(member.rpartition("/")[2].partition("_")[0]) for member, label in rows])


def _rows(archive: ZipFile, part: str) -> list[tuple[str, int]]:
    """Return the members of a part and their class numbers, in the order of their lists."""
    if part == "test":
        lists = {"GTSRB/GT-final_test.csv": "GTSRB/Final_Test/Images"}
    else:
        folders = [f"GTSRB/Final_Training/Images/{number:05}" for number in range(len(CLASSES))]
        lists = {f"{folder}/GT-{folder[-5:]}.csv": folder for folder in folders}
    return [
        (f"{folder}/{row['Filename']}", int(row["ClassId"]))
        for name, folder in lists.items()
        for row in csv.DictReader(archive.read(name).decode().splitlines(), delimiter=";")
    ]


def _pixels(content: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))
