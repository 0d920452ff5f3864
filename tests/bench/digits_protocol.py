"""MNIST ↔ USPS without a target label: every method of the course, several seeds, the last step's model.

    python tests/bench/digits_protocol.py [--seeds 3] [--steps 1000] [--workers 2]

Full training sets at 16×16, images of both domains warped at random, one schedule and one budget of
steps for all. Target labels are read once, for the score on the target's test set. The method is
chosen by the mutual information of its predictions on the target's training images, no label read;
a method that maximises it (those with IM) starts that race ahead, which the last lines make plain
by choosing among the others as well. Rate and batch are those of notebook 04, the number of steps is what
ten minutes allow. The warp is gentler than that of notebook 05: with seed 0, IM's own criterion was
higher so.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context

import torch

import tlutils as tl
from tlutils.datasets import digits
from tlutils.report import figures, record
from tlutils.session import seed_everything

METHODS = {
    "source only": lambda: None,
    "CORAL": lambda: tl.coral,
    "MMD": lambda: tl.mmd,
    "DANN": lambda: tl.DomainAdversary(64),
    "CDAN+E": lambda: tl.DomainAdversary(64, classes=10, entropy=True),
    "IM": lambda: tl.InformationMaximisation(),
    "MMD + IM": lambda: tl.InformationMaximisation(tl.mmd),
}
WARP = partial(tl.augment.random_warp, shift=0.075, elastic=0)
DIRECTIONS = ("MNIST → USPS", "USPS → MNIST")


def domains(direction: str) -> tuple[tl.Domain, tl.Domain, tl.Domain]:
    """Return source, target and the target's test set, at 16×16."""
    mnist, mnist_test = (digits.resized(digits.mnist(part), 16) for part in ("train", "test"))
    if direction == DIRECTIONS[0]:
        return mnist, digits.usps("train"), digits.usps("test")
    return digits.usps("train"), mnist, mnist_test


def run(direction: str, method: str, seed: int, steps: int) -> dict:
    """Train once; return the score without labels, the score with labels, and the seconds."""
    torch.set_num_threads(1)  # two runs side by side use two cores better than one run does
    source, target, test = domains(direction)
    inputs = target.unlabelled()
    began = time.perf_counter()
    seed_everything(seed)
    model, penalty = tl.Classifier(tl.DigitNet(), source.classes), METHODS[method]()
    tl.fit(
        model,
        source,
        inputs if penalty else None,
        penalty=penalty,
        weight=tl.ramp(1.0),
        steps=steps,
        lr=5e-3,
        augment=WARP,
        seed=seed,
    )
    seconds = time.perf_counter() - began
    criterion = tl.information_score(model, inputs)
    run = {"direction": direction, "method": method, "seed": seed}
    return run | {"criterion": criterion, "accuracy": tl.accuracy(model, test), "seconds": seconds}


def report(runs: list[dict], direction: str) -> None:
    """Print a line for each method, then what the label-free criterion chose for every seed."""
    print(f"\n{direction}: accuracy on the test set in %, mean [95 % interval] and every seed")
    what = f"{direction}, no target label, %, {len({r['seed'] for r in runs})} seeds"
    for method in METHODS:
        mine = [r for r in runs if r["method"] == method]
        estimate = tl.Estimate([100 * r["accuracy"] for r in mine])
        seconds = sum(r["seconds"] for r in mine) / len(mine)
        each = " ".join(f"{run:.1f}" for run in estimate.runs)
        print(f"  {method:14} {estimate:.1f}   {each}   {seconds:.0f} s a run")
        record(what=what, name=method, **figures(estimate))
    without = [method for method in METHODS if "IM" not in method]
    for label, pool in (("chosen without labels", list(METHODS)), ("chosen, without IM", without)):
        chosen = []
        for seed in sorted({r["seed"] for r in runs}):
            among = {r["method"]: r for r in runs if r["seed"] == seed and r["method"] in pool}
            chosen.append(among[tl.choose({method: r["criterion"] for method, r in among.items()})])
        names = ", ".join(r["method"] for r in chosen)
        estimate = tl.Estimate([100 * r["accuracy"] for r in chosen])
        print(f"  {label:22} {estimate:.1f}   ({names})")
        record(what=what, name=label, **figures(estimate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    began = time.perf_counter()
    jobs = [(d, m, s, options.steps) for s in range(options.seeds) for d in DIRECTIONS for m in METHODS]
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        runs = []
        for done in as_completed([pool.submit(run, *job) for job in jobs]):
            runs.append(done.result())
            print("{direction}  {method:12} seed {seed}  {seconds:.0f} s".format(**runs[-1]), flush=True)
    runs.sort(key=lambda r: r["seed"])
    for direction in DIRECTIONS:
        report([r for r in runs if r["direction"] == direction], direction)
    print(f"\n{len(runs)} runs of {options.steps} steps in {(time.perf_counter() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
