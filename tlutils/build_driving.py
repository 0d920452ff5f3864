"""Rebuild or verify the recorded drives: `python -m tlutils.build_driving [--check]` (half a minute)."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from tlutils.datasets.driving import FILE, PARTS
from tlutils.expert import pursue
from tlutils.simulator import Simulator
from tlutils.store import data_dir, sha256, write_json
from tlutils.worlds import WORLDS, World

TRACKS = {"train": range(100, 108), "test": range(120, 124)}
FRAMES = {"train": 300, "test": 150}  # of each track
EVERY = 3  # control steps between two kept frames
PUSH = 0.7  # the steering that pushes the car off its line
PUSHED, CALM = 8, 40  # control steps: how long a push lasts, and how long at most until the next


def record(world: World, track: int, frames: int) -> dict[str, np.ndarray]:
    """Let the expert drive with pushes; return views (n, 36, 64, 3), uint8, and the expert's steering and speed (n,).

    A car that was lost starts again at the next thousand tracks; only what its camera saw is kept.
    """
    rng = np.random.default_rng(track)
    kept: dict[str, list] = {"views": [], "steering": [], "speed": []}
    run, push, left = Simulator(world, track), 0.0, 0
    while len(kept["views"]) < frames:
        if run.over:
            track += 1000
            run = Simulator(world, track)
        steering = pursue(run)
        if run.steps % EVERY == 0 and run.on_road:
            for name, value in (("views", run.view()), ("steering", steering), ("speed", run.speed)):
                kept[name].append(value)
        if left == 0:
            push = rng.choice([-PUSH, PUSH]) if push == 0 else 0.0
            left = PUSHED if push else int(rng.integers(CALM // 2, CALM))
        left -= 1
        run.step(float(np.clip(steering + push, -1, 1)))
    return {
        "views": np.stack(kept["views"]),
        "steering": np.array(kept["steering"], dtype=np.float32),
        "speed": np.array(kept["speed"], dtype=np.float32),
    }


def build() -> None:
    """Record every world and write the frames and their card."""
    arrays: dict[str, Any] = {}
    for name, world in WORLDS.items():
        for part in PARTS:
            drives = [record(world, track, FRAMES[part]) for track in TRACKS[part]]
            for key in drives[0]:
                arrays[f"{name}/{part}/{key}"] = np.concatenate([drive[key] for drive in drives])
            numbers = np.repeat(np.array(TRACKS[part], dtype=np.int16), FRAMES[part])
            arrays[f"{name}/{part}/track"] = numbers
    path = data_dir() / FILE
    np.savez_compressed(path, **arrays)
    write_json(path.with_suffix("").with_suffix(".card.json"), card())


def card() -> dict:
    """Return the card of the recorded drives."""
    return {
        "name": "driving",
        "worlds": list(WORLDS),
        "frames": {part: FRAMES[part] * len(TRACKS[part]) for part in PARTS},
        "size": "36×64 RGB, clean views; blur, exposure and noise of a world's sensor are drawn on loading",
        "values": "the expert's steering (−1 full left … 1 full right), the car's speed in units a second, the track",
        "tracks": {part: list(TRACKS[part]) for part in PARTS},
        "data": "tlutils.simulator: gymnasium's CarRacing-v3 (tracks and physics), a camera in perspective",
        "command": "python -m tlutils.build_driving",
        "sha256": sha256(data_dir() / FILE),
        "licence": "MIT",
        "limits": "flat tracks without traffic, people or weather; all of it is simulated, the world `road` too",
    }


def check() -> str:
    """Verify the recorded drives; return what was verified.

    Hash always; one drive is recorded again and compared. Raises ValueError when something differs.
    """
    import json

    path = data_dir() / FILE
    stated = json.loads((data_dir() / "driving.card.json").read_text(encoding="utf-8"))["sha256"]
    if sha256(path) != stated:
        raise ValueError(f"{path}: sha256 is {sha256(path)}, the card says {stated}")
    again = record(WORLDS["sim"], TRACKS["test"][0], 20)
    with np.load(path) as arrays:
        for name, values in again.items():
            apart = np.abs(arrays[f"sim/test/{name}"][: len(values)].astype(float) - values).max()
            if apart > (3 if name == "views" else 1e-3):
                raise ValueError(f"a drive recorded again differs in {name} by {apart:.3g}")
    return "driving: hash as its card says, a drive recorded again is the same"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tlutils.build_driving", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="verify the embedded file against its card")
    if not parser.parse_args(arguments).check:
        build()
        return 0
    try:
        print(check())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
