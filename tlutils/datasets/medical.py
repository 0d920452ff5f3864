"""Medical images: chest X-rays, tissue from two centres, blood cells from two laboratories.

For learning how transfer behaves. Nothing here supports a statement about a patient.
"""

from __future__ import annotations

import csv

import numpy as np
import torch

from tlutils.datasets.archives import open_zip, reading
from tlutils.datasets.folders import as_pixels, check_side, square_image
from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.store import fetch

PARTS = ("train", "val", "test")
TISSUES = (
    *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle"),
    *("normal colon mucosa", "cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
)
CELLS = ("neutrophil", "lymphocyte", "monocyte", "eosinophil")


@checked
def pneumonia(part: str = "train") -> Domain:
    """Return PneumoniaMNIST (n, 3, 28, 28), values in [0, 1]: 4,708 train, 524 val, 624 test chest X-rays.

    Grey pictures of children's chests, one hospital, normal or pneumonia. What it is not: 28×28
    pixels are far below what a radiologist needs, several pictures may be of one child (the
    patients' numbers are not given), and 63 to 74 % of pictures are ill, unlike a screening.

    Raises ValueError for an unknown part, OSError when the file cannot be had. Source: Yang et al.
    (2023), doi:10.1038/s41597-022-01721-8, from Kermany et al. (2018); CC BY 4.0. Taught in notebook 11.
    """
    return _medmnist("pneumoniamnist", part, ("normal", "pneumonia"), f"PneumoniaMNIST, {part}")


@checked
def path_mnist(part: str = "train") -> Domain:
    """Return PathMNIST (n, 3, 28, 28), values in [0, 1]: 89,996 train, 10,004 val, 7,180 test patches of bowel tissue.

    Nine kinds of tissue, stained with haematoxylin and eosin; `test` comes from another clinical
    centre than `train` and `val`. What it is not: whole slides, or patients (patches of one person
    are not marked), and the training images were already stain-normalised by their authors.

    Raises ValueError for an unknown part, OSError when the file cannot be had. Source: Yang et al.
    (2023), doi:10.1038/s41597-022-01721-8, from Kather et al. (2019), doi:10.1371/journal.pmed.1002730;
    CC BY 4.0. Taught in notebook 11.
    """
    return _medmnist("pathmnist", part, TISSUES, f"PathMNIST, {part}")


@checked
def blood_cells(site: str, *, size: int = 120) -> Domain:
    """Return white blood cells of one laboratory (n, 3, size, size), values in [0, 1]: 299 of site A, 97 of site B.

    Four kinds. Site A: a rapid stain, yellow background, 120×120 pixels; site B: the usual purple
    stain, 300×300. What it is not: the labels are partly the authors' own and were not checked by
    experts, as they say themselves; one picture per cell, patients unknown. The fifth kind,
    basophils, is left out: 1 and 3 pictures are too few to learn or to score.

    Raises ValueError for an unknown site or an impossible size, OSError when the file cannot be had. Source: Zheng
    et al. (2018), doi:10.1016/j.micron.2018.01.010; data of Jiangxi Tecom Science Corporation (A) and the
    CellaVision blog (B), GPL-3.0. Taught in notebook 11.
    """
    if site not in ("A", "B"):
        raise unknown("site", site, ("A", "B"))
    check_side(size)
    file = "wbc_two_sites/wbc_two_sites.zip"
    folder = f"wbc/dataset{'AB'.index(site) + 1}"
    path = fetch(file)
    with reading(path), open_zip(path) as archive:
        rows = list(csv.reader(archive.read(f"{folder}_labels.csv").decode("utf-8-sig").splitlines()))[1:]
        kept = [(f"{folder}/images/{int(number):03}.png", int(kind) - 1) for number, kind in rows]
        kept = [(member, label) for member, label in kept if label < len(CELLS)]
        x = as_pixels([square_image(archive.read(member), size, f"{member} of {file}") for member, _ in kept])
        y = torch.tensor([label for _, label in kept])
    return Domain(x, y, CELLS, f"blood cells, site {site}")


def _medmnist(name: str, part: str, classes: tuple[str, ...], title: str) -> Domain:
    if part not in PARTS:
        raise unknown("part", part, PARTS)
    path = fetch(f"{name}/{name}.npz")
    with reading(path):
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        x = torch.from_numpy(images.astype(np.float32)).div_(255)
        x = x[:, None].expand(-1, 3, -1, -1).contiguous() if x.ndim == 3 else x.permute(0, 3, 1, 2)
        y = torch.from_numpy(labels.astype(np.int64)).squeeze(1)
    return Domain(x, y, classes, title)
