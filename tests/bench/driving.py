"""From simulated frames to real cameras: steering errors before and after adaptation, without driving.

    python tests/bench/driving.py [--seeds 3] [--steps 400]

A policy is cloned from recordings of the simulator (world `sim`, or all five worlds together) and scored on
the drives of a real model car and of another simulator. A drive is cut into 20 blocks of time: the frames of
every second one are adapted to, without their steering unless the line says so, and the others are scored.
Intervals are over those ten blocks, each the mean over the seeds. The error is the mean absolute difference
of steering; "always the mean" answers the mean steering of the adaptation blocks, which needs their labels.
"""

from __future__ import annotations

import argparse
import copy
import time

import torch

import tlutils as tl
from tlutils.augment import random_looks
from tlutils.datasets import driving, driving_logs
from tlutils.driving_experiments import cloned
from tlutils.normalisation import reestimate_batchnorm
from tlutils.report import figures, record
from tlutils.session import seed_everything
from tlutils.worlds import WORLDS

BLOCKS = 20
FEW = 50  # labelled frames, from the first block of adaptation
TARGETS = {
    "real car A": lambda: driving_logs.real_car("A"),
    "real car B": lambda: driving_logs.real_car("B"),
    "real car C": lambda: driving_logs.real_car("C"),
    "Udacity's simulator": driving_logs.udacity_simulator,
}


def all_worlds() -> tl.Domain:
    """Return the training frames of every world as one domain."""
    parts = [driving.recorded(name) for name in WORLDS]
    return tl.Domain(torch.cat([p.x for p in parts]), torch.cat([p.y for p in parts]), parts[0].classes, "all worlds")


def sources(seed: int, steps: int) -> dict[str, torch.nn.Module]:
    """Return the policies that need no target: they serve all targets."""
    sim = driving.recorded("sim")
    return {
        "source only": cloned(sim, steps=steps, seed=seed),
        "random looks": cloned(sim, augment=random_looks, steps=steps, seed=seed),
        "random looks, all worlds": cloned(all_worlds(), augment=random_looks, steps=steps, seed=seed),
    }


def adapted(plain: torch.nn.Module, frames: tl.Domain, seed: int, steps: int) -> dict[str, torch.nn.Module]:
    """Return the policies that adapt to a target's frames; the last two read labels."""
    sim, inputs = driving.recorded("sim"), frames.unlabelled()
    again = copy.deepcopy(plain)
    reestimate_batchnorm(again, inputs.x)
    seed_everything(1000 + seed)
    adversary = tl.DomainAdversary(tl.DrivingNet.dim)
    settings = {"weight": tl.ramp(1.0), "steps": steps, "seed": seed}
    few = copy.deepcopy(plain)
    tl.fit(few, frames.subset(torch.arange(min(FEW, len(frames)))), steps=100, batch_size=32, lr=1e-3, seed=seed)
    return {
        "BatchNorm re-estimated": again,
        "MMD": cloned(sim, inputs, penalty=tl.mmd, **settings),
        "DANN": cloned(sim, inputs, penalty=adversary, **settings),
        f"fine-tuned, {FEW} labels": few,
        "oracle: all labels": cloned(frames, steps=steps, seed=seed),
    }


def errors(steering: torch.Tensor, scored: tl.Domain, blocks: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute error (10,) of each block."""
    apart = (steering - scored.y[:, 0]).abs()
    return torch.stack([apart[blocks == block].mean() for block in blocks.unique()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    runs: dict[tuple[str, str], list[torch.Tensor]] = {}
    for seed in range(options.seeds):
        general = sources(seed, options.steps)
        for target, load in TARGETS.items():
            drive = load()
            blocks = driving_logs.time_blocks(len(drive), BLOCKS)
            frames, scored, ours = drive.subset(blocks % 2 == 0), drive.subset(blocks % 2 == 1), blocks[blocks % 2 == 1]
            constant = frames.y.mean().expand(len(scored))
            runs.setdefault((target, "always the mean"), []).append(errors(constant, scored, ours))
            models = general | adapted(general["source only"], frames, seed, options.steps)
            for name, model in models.items():
                steering = tl.train.outputs(model, scored.x)[:, 0].clamp(-1, 1)
                runs.setdefault((target, name), []).append(errors(steering, scored, ours))
            print(f"seed {seed}, {target}: {time.perf_counter() - began:.0f} s", flush=True)
    print("\nmean absolute error of steering, mean [95 % interval over ten blocks of time]")
    for (target, name), each in runs.items():
        error = tl.Estimate(torch.stack(each).mean(0).tolist())
        print(f"  {target:20} {name:26} {error:.3f}")
        what = f"Simulator → {target}, error of steering, {BLOCKS // 2} blocks of time, {options.seeds} seeds"
        record(what=what, name=name, **figures(error))


if __name__ == "__main__":
    main()
