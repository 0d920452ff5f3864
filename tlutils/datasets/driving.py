"""Recorded drives of the expert in every world of the table: frames, steering, speed."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.store import data_dir
from tlutils.worlds import WORLDS, sense, world

PARTS = ("train", "test")  # recorded on different tracks
OUTPUTS = ("steering", "speed")
FILE = "driving.npz"


@checked
def recorded(name: str, part: str = "train", *, outputs: tuple[str, ...] = ("steering",)) -> Domain:
    """Return an expert's drive in a world: frames (n, 3, 36, 64) in [0, 1], real values (n, k), one column an output.

    `steering` is the expert's, −1 full left to 1 full right; `speed` is the car's in units a second.
    About eight frames a second in order of time, track after track; `train` and `test` are different
    tracks, and closed-loop scores are taken on others again. Now and then the car was pushed off its
    line, so that there are frames of recoveries (Laskey et al. 2017, arXiv:1703.09327); the label is
    always what the expert would do. What a world's sensor adds is drawn here, the same every time.

    Raises ValueError for an unknown world, part or output, or no output. Rebuilt by `python -m tlutils.build_driving`.
    Taught in notebooks 14 and 15.
    """
    place = world(name)
    if part not in PARTS:
        raise unknown("part", part, PARTS)
    for output in outputs or ("",):
        if output not in OUTPUTS:
            raise unknown("output", output, OUTPUTS)
    views = torch.from_numpy(_arrays()[f"{name}/{part}/views"]).permute(0, 3, 1, 2).float().div_(255)
    values = torch.stack([torch.from_numpy(_arrays()[f"{name}/{part}/{output}"]) for output in outputs], 1)
    frames = sense(views, place, seed=list(WORLDS).index(name) + len(WORLDS) * PARTS.index(part))
    return Domain(frames, values.float(), outputs, f"{name}, {part}")


@checked
def tracks(name: str, part: str = "train") -> torch.Tensor:
    """Return the number of the track (n,) of each frame of `recorded(name, part)`: what to split by.

    Raises ValueError for an unknown world or part. Taught in notebook 14.
    """
    world(name)
    if part not in PARTS:
        raise unknown("part", part, PARTS)
    return torch.from_numpy(_arrays()[f"{name}/{part}/track"]).long()


@cache
def _arrays() -> dict[str, np.ndarray]:
    with np.load(data_dir() / FILE, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}
