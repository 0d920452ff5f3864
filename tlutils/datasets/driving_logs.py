"""Recordings of cars: donkeycar tubs and Udacity's `driving_log.csv`, from a folder or a zip file, anyone's or ours."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlutils.camera import HEIGHT, WIDTH
from tlutils.datasets.archives import is_plain, open_zip, reading
from tlutils.datasets.folders import as_pixels
from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import check_span, checked
from tlutils.store import fetch

TUBS = {"A": "tub_5_24-04-23", "B": "tub_6_24-04-23", "C": "tub_10_24-04-23"}
COLUMNS = ("center", "left", "right", "steering", "throttle", "brake", "speed")  # of a log without a header
Folder = Path | zipfile.Path


@checked
def donkeycar(path: str | Path, inside: str = "") -> Domain:
    """Return a donkeycar tub of version 2: frames (n, 3, 36, 64) in [0, 1], steering (n, 1), in order of time.

    `path` is the tub's folder, or a zip file in which `inside` is that folder. Of each picture the
    lower part of the frames' shape is kept, since the road lies there; records that were deleted in
    donkeycar are left out. Steering is −1 full left to 1 full right.

    Raises ValueError, naming file and record, for a folder that is no tub, a missing or unreadable picture, pictures
    of different sizes, names that lead out of the tub, and steering outside [−1, 1], and for a zip file with traps
    (see `datasets.archives`). Taught in notebook 14.
    """
    folder = _folder(path, inside)
    if not (folder / "manifest.json").exists():
        raise ValueError(f"{folder} holds no manifest.json: give the folder of one tub, of donkeycar 4 or later")
    try:
        about = json.loads((folder / "manifest.json").read_text(encoding="utf-8").splitlines()[4])
        lines = [line for name in _inside(about["paths"]) for line in _lines(folder / name)]
        records = [json.loads(line) for line in lines]
        deleted = set(about["deleted_indexes"])
        rows = [(r["cam/image_array"], r["user/angle"]) for r in records if r["_index"] not in deleted]
        _inside([file for file, _ in rows])
    except Exception as error:  # JSON may hold anything in place of anything, and a zip file may be damaged
        raise ValueError(f"{folder} is no complete tub of version 2: {type(error).__name__}, {error}") from error
    return _domain(folder, rows, (folder / "images").joinpath, inside or Path(path).name)


@checked
def udacity(path: str | Path, inside: str = "") -> Domain:
    """Return the centre camera of a Udacity-style log: frames (n, 3, 36, 64) in [0, 1], steering (n, 1), in its order.

    `path` is the folder that holds `driving_log.csv` and `IMG`, or a zip file in which `inside` is that
    folder. The header may be missing, as in logs that the simulator writes; of a picture's path only the
    file name counts, since the log keeps the paths of the machine that recorded it. Steering is −1
    full left to 1 full right; of each picture the lower part of the frames' shape is kept.

    Raises ValueError, naming file and row, for a missing or empty log, a row without steering, a missing or
    unreadable picture, pictures of different sizes, and steering outside [−1, 1]. Taught in notebook 14.
    """
    folder = _folder(path, inside)
    log = folder / "driving_log.csv"
    if not log.exists():
        raise ValueError(f"{folder} holds no driving_log.csv: give the folder that the simulator recorded into")
    with reading(log):
        table = [row for row in csv.reader(_lines(log)) if row]
    names = [name.strip() for name in table[0]] if table and "steering" in "".join(table[0]) else COLUMNS
    table = table[names is not COLUMNS :]
    try:
        centre, steering = names.index("center"), names.index("steering")
        rows = [(PurePosixPath(PureWindowsPath(row[centre].strip()).as_posix()).name, row[steering]) for row in table]
    except (ValueError, IndexError) as error:
        raise ValueError(f"{log} needs the columns {', '.join(COLUMNS[:4])}: {error}") from error
    return _domain(folder, rows, (folder / "IMG").joinpath, inside or Path(path).name)


@checked
def real_car(tub: str) -> Domain:
    """Return a real model car's drive: frames (n, 3, 36, 64) in [0, 1], steering (n, 1).

    Tub A (998 frames) and B (982): one mat with a track, driven in opposite directions; C (896): white
    lines on a stone floor. About fifteen frames a second, in order of time: split by blocks of time.

    Raises ValueError for an unknown tub, OSError when the file cannot be had. Source: a student's
    public donkeycar folder (github.com/pi-test/mycar), no licence stated. Taught in notebook 14.
    """
    if tub not in TUBS:
        raise unknown("tub", tub, TUBS)
    path = fetch("driving_real_donkeycar/donkeycar_real_tubs.zip")
    return donkeycar(path, f"donkeycar_real/{TUBS[tub]}")


def udacity_simulator() -> Domain:
    """Return a drive in Udacity's simulator: frames (613, 3, 36, 64) in [0, 1], steering (613, 1), 433 of them 0.

    Raises OSError when the file cannot be had. Source: github.com/WyckliffeAluga/sdc-training-datasets,
    no licence stated; made with Udacity's simulator (MIT). Taught in notebook 14.
    """
    return udacity(fetch("driving_sim_udacity/udacity_sim_center.zip"), "udacity_sim")


@checked
def time_blocks(n: int, count: int) -> Tensor:
    """Return for each of n frames in order of time the number of its block (n,): `count` blocks of equal length.

    Neighbouring frames are nearly the same, so that frames drawn at random would test on what was
    trained on; whole blocks do not. Raises ValueError for more blocks than frames, or more than
    ten million frames. Taught in notebook 14.
    """
    check_span(n, "n", 1, 10**7)
    if not 1 <= count <= n:
        raise ValueError(f"{n} frames can be cut into 1 to {n} blocks, got {count}")
    return torch.arange(n) * count // n


def _folder(path: str | Path, inside: str) -> Folder:
    path = Path(path)
    if path.is_file():
        if not zipfile.is_zipfile(path):
            raise ValueError(f"{path} is neither a folder nor a zip file")
        return zipfile.Path(open_zip(path), f"{inside}/" if inside else "")
    if not path.is_dir():
        raise ValueError(f"{path} does not exist: give a folder or a zip file with the recording")
    return path / inside


def _inside(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if not is_plain(name):
            raise ValueError(f"the name {name!r} leads out of the tub")
    return names


def _lines(file: Folder) -> list[str]:
    return file.read_text(encoding="utf-8-sig").splitlines()


def _domain(folder: Folder, rows: Sequence[tuple[str, Any]], picture: Callable[[str], Folder], name: str) -> Domain:
    if not rows:
        raise ValueError(f"{folder} holds no record: nothing was recorded there, or the log was emptied")
    files = [picture(file) for file, _ in rows]
    missing = [file for file in files if not file.exists()]
    if missing:
        raise ValueError(
            f"the log of {folder} has {len(rows)} rows, but {len(missing)} of their pictures are missing, "
            f"the first is {missing[0]}: copy the pictures beside the log, or delete these rows"
        )
    steering = [_steering(value, folder, number) for number, (_, value) in enumerate(rows, 1)]
    frames, shape = [], None
    for file in files:
        frame, size = _frame(file)
        shape = shape or size
        if size != shape:
            raise ValueError(
                f"{file} has {size[0]}×{size[1]} pixels, those before it {shape[0]}×{shape[1]}: "
                "a log must come from one camera; bring its pictures to one size"
            )
        frames.append(frame)
    return Domain(as_pixels(frames), torch.tensor(steering)[:, None], ("steering",), name)


def _steering(value: Any, folder: Folder, number: int) -> float:
    try:
        steering = float(value)
    except (TypeError, ValueError):
        steering = math.nan
    if not -1 <= steering <= 1:
        raise ValueError(
            f"row {number} of the log of {folder}: steering must be a number in [−1, 1], got {value!r}; "
            "divide angles by the largest the car can steer"
        )
    return steering


def _frame(file: Folder) -> tuple[np.ndarray, tuple[int, int]]:
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(file.read_bytes())) as image:
            size = image.size
            view = ImageOps.fit(image.convert("RGB"), (WIDTH, HEIGHT), Image.Resampling.BILINEAR, centering=(0.5, 1))
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error on damaged content
        raise ValueError(f"{file} cannot be read as an image: {error}; remove it and its row") from error
    return np.asarray(view), size
