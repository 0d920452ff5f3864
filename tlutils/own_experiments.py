"""Pictures with planted flaws: which of them the checks of one's own data find, and what the others cost."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from tlutils.advice import advise
from tlutils.data_checks import check_data, copies
from tlutils.datasets import photos, planted
from tlutils.datasets.folders import as_pixels, square_image
from tlutils.domains import Domain
from tlutils.own_rows import OwnData

KINDS = ("brick", "grass", "gravel", "fur", "tissue", "machine")
MARKED = 1  # the class that carries a mark in its bottom right corner
CORNER = 3
FEW = 12  # rows that are copied, or get a wrong label
FAINT = 0.1  # share of the class's colour in a tint


def snapshots(part: str = "train", per_class: int = 40, seed: int = 0) -> Domain:
    """Return patches (6 · per_class, 3, 32, 32) of six surfaces, `train` or `test`; see `photos.surfaces`.

    Raises ValueError as that does. Taught in notebook 20.
    """
    all_kinds = photos.surfaces(part, per_class, seed)
    rows = torch.cat([(all_kinds.y == all_kinds.classes.index(kind)).nonzero().squeeze(1) for kind in KINDS])
    y = torch.arange(len(KINDS)).repeat_interleave(per_class)
    return Domain(all_kinds.x[rows], y, KINDS, "snapshots")


def write_files(domain: Domain, folder: Path) -> list[str]:
    """Write images (n, 3, h, w) as PNG files `folder/class/000.png`; return the place of each row in the folder.

    They are numbered by their rows. Raises FileExistsError where a class has its folder already. Taught in notebook 20.
    """
    for name in domain.classes:
        (folder / name).mkdir(parents=True)
    places = [f"{domain.classes[label]}/{row:03}.png" for row, label in enumerate(domain.y.tolist())]
    for place, x in zip(places, domain.x, strict=True):
        _picture(x).save(folder / place)
    return places


def _picture(x: Tensor):
    from PIL import Image

    return Image.fromarray((x * 255).round().byte().permute(1, 2, 0).numpy())


def mislabelled(domain: Domain, seed: int) -> tuple[Domain, set[int]]:
    """Return the domain with another label on twelve rows, and the numbers of these. Taught in notebook 20."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(domain), generator=generator)[:FEW]
    y = domain.y.clone()
    y[rows] = (y[rows] + torch.randint(1, len(KINDS), (FEW,), generator=generator)) % len(KINDS)
    return replace(domain, y=y), {*rows.tolist()}


def _saved_again(x: Tensor, side: int) -> Tensor:
    """Return an image (3, h, w) as it comes back from a JPEG file of `side` by `side` pixels."""
    file = io.BytesIO()
    _picture(x).resize((side, side)).save(file, "JPEG", quality=90)
    return as_pixels([square_image(file.getvalue(), x.shape[-1])])[0]


def _copied(n: int) -> Tensor:
    return torch.arange(FEW) * (n // FEW)


def _with(domain: Domain, change: Callable[[Tensor], Tensor]) -> Domain:
    """Return the domain and changed copies of twelve of its rows."""
    rows = _copied(len(domain))
    more = torch.stack([change(x) for x in domain.x[rows]])
    return replace(domain, x=torch.cat([domain.x, more]), y=torch.cat([domain.y, domain.y[rows]]))


def _marked(domain: Domain, share: float, seed: int) -> Domain:
    """Return the domain with a mark in the corner on a share of the rows of one class."""
    drawn = torch.rand(len(domain), generator=torch.Generator().manual_seed(seed)) < share
    rows = (domain.y == MARKED) & drawn
    return replace(domain, x=torch.where(rows[:, None, None, None], planted.corner(domain, CORNER).x, domain.x))


FLAWS: dict[str, Callable[[Domain, int], Domain]] = {
    "nothing planted": lambda domain, seed: domain,
    "copies, saved again": lambda domain, seed: _with(domain, lambda x: _saved_again(x, 32)),
    "copies, shrunk": lambda domain, seed: _with(domain, lambda x: _saved_again(x, 24)),
    "copies, mirrored": lambda domain, seed: _with(domain, lambda x: x.flip(2)),
    "mark on one class": lambda domain, seed: _marked(domain, 1.0, seed),
    "mark on half of one class": lambda domain, seed: _marked(domain, 0.5, seed),
    "mark that wanders": lambda domain, seed: planted.wandering(domain, seed=seed),
    "faint tint": lambda domain, seed: planted.tint(domain, strength=FAINT),
    "wrong labels": lambda domain, seed: mislabelled(domain, seed)[0],
}


def found(seed: int) -> dict[str, dict[str, float]]:
    """Return for each flaw whether there is a remark on a leak, 1 or 0, and which share of the copies is told.

    Without planted copies that share is 1 or 0 for any remark on copies. Taught in notebook 20.
    """
    answers, plain = {}, snapshots(per_class=30, seed=seed)
    for name, flaw in FLAWS.items():
        own = _own(flaw(plain, seed))
        remarks, groups = " ".join(what for what, _ in check_data(own)), copies(own.domain.x)
        told = float("copies" in remarks)
        if len(own.domain) > len(plain):
            told = (groups[len(plain) :] == groups[_copied(len(plain))]).double().mean().item()
        answers[name] = {"copies": told, "leak": float("tells" in remarks)}
    return answers


def promised_and_met(seed: int) -> dict[str, dict[str, float]]:
    """Return accuracy on rows kept aside, the lower end of its interval, and accuracy on new pictures.

    These are from the same photographs' other halves. The snapshots come without a flaw, with the faint tint, which no
    new picture has, and with wrong labels; of these, the share among the twelve surest mistakes, and among all rows,
    is also told. Taught in notebook 20.
    """
    new, answers = snapshots("test", seed=seed), {}
    for name in ("nothing planted", "faint tint", "wrong labels"):
        advice = advise(_own(FLAWS[name](snapshots(seed=seed), seed)), encoders=["photos"], minutes=0, seed=seed)
        aside = advice.tested[advice.chosen.name]
        answers[name] = {
            "kept aside": aside.value,
            "lower end": aside.interval[0],
            "new pictures": (advice.model.probabilities(new.x).argmax(1) == new.y).double().mean().item(),
            "raw pixels": advice.tested["raw pixels"].value,
        }
    wrong = {str(row) for row in mislabelled(snapshots(seed=seed), seed)[1]}
    listed = [advice.places[row] for row, *_ in advice.mistakes(FEW)]
    answers["planted labels"] = {"surest mistakes": _share(listed, wrong), "all rows": _share(advice.places, wrong)}
    return answers


def _share(places: Sequence[str], among: set[str]) -> float:
    return sum(place in among for place in places) / len(places)


def _own(domain: Domain) -> OwnData:
    return OwnData(domain, tuple(str(row) for row in range(len(domain))))
