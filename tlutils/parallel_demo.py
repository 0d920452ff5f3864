"""One training in as many processes as are asked for: `launch(2)` starts this file with `accelerate launch`.

Shows that `fit` needs no other line for two processes than for one. Taught in notebook 19.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tlutils.datasets import digits
from tlutils.discrepancy import mmd
from tlutils.domains import Domain
from tlutils.evidence import Estimate
from tlutils.inputs import check_span, checked, is_number
from tlutils.nets import Classifier, DigitNet
from tlutils.parallel import is_first, join, processes
from tlutils.session import seed_everything
from tlutils.train import fit

STEPS = 12
LOOPBACK = {"linux": "lo", "darwin": "lo0"}
MOST_PROCESSES = 64
GRACE = 40  # seconds in which a launcher that is told to stop ends its processes; it gives them 30


@checked
def training(dtype: torch.dtype = torch.float64, batch_size: int = 64) -> list[dict[str, float]]:
    """Train the digits' network on print, with MMD to handwriting, and return the terms, a dict per three steps.

    In double precision what two processes add up in another order differs by next to nothing; in single precision
    Adam makes a visible difference of it. Raises ValueError for another precision, and a batch below 2 or above 512.
    """
    if dtype not in (torch.float64, torch.float32) or not 2 <= batch_size <= 512:
        raise ValueError(f"need torch.float64 or float32 and a batch of 2 to 512 rows, got {dtype} and {batch_size}")
    torch.set_num_threads(1)
    seed_everything(0)
    source, target = (domain.map(lambda x: x.to(dtype)) for domain in (digits.printed(3 * batch_size), _inputs()))
    model = Classifier(DigitNet(), source.classes).to(dtype)
    return fit(model, source, target, penalty=mmd, steps=STEPS, batch_size=batch_size, lr=5e-3)


def both_precisions() -> dict[str, list[dict[str, float]]]:
    """Return what `training` gives in double and in single precision."""
    return {"double": training(), "single": training(torch.float32)}


def _inputs() -> Domain:
    return digits.handwritten().unlabelled()


@checked
def launch(count: int) -> dict:
    """Return what `training` gives in `count` CPU processes: {"processes", "double", "single", "seconds" of both}.

    Raises ValueError as `in_processes` does, RuntimeError when one of them fails. Taught in notebook 19.
    """
    return json.loads(in_processes(count, ["-m", "tlutils.parallel_demo"]).splitlines()[-1])


@checked
def losses(report: dict) -> dict[int, Estimate]:
    """Return the sum of all terms after every third step, in double and in single precision.

    Raises ValueError for a report that `launch` did not make.
    """
    double, single = report.get("double"), report.get("single")
    if not _is_terms(double) or not _is_terms(single) or len(double) != len(single):
        raise ValueError("a report has as many terms of the objective in double as in single precision: see launch")
    both = zip(double, single, strict=True)
    return {3 * k: Estimate(tuple(sum(terms.values()) for terms in pair)) for k, pair in enumerate(both, 1)}


def _is_terms(steps: Any) -> bool:
    """Whether these are the terms of an objective, a dict of finite numbers per step."""
    return isinstance(steps, list) and all(
        isinstance(terms, dict) and all(is_number(value) and math.isfinite(value) for value in terms.values())
        for terms in steps
    )


@checked
def in_processes(count: int, arguments: Sequence[str], *, limit: float = 120) -> str:
    """Return what `accelerate launch ARGUMENTS` prints in `count` CPU processes of this machine.

    `arguments` are a script or `-m` and a module, and its own arguments. The processes speak over the
    loopback interface (gloo), at a port that is free.

    Raises ValueError for less than one process, more than 64, or no time; RuntimeError with the processes'
    last words when one of them fails, or all together take longer than `limit` seconds.
    """
    check_span(count, "the number of processes", 1, MOST_PROCESSES)
    check_span(limit, "limit, in seconds,", 1, threading.TIMEOUT_MAX)
    settings = {"num_processes": count, "num_machines": 1, "main_process_port": 0, "mixed_precision": "no"}
    options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    # `--multi_gpu` means many processes; the environment says that they use CPUs.
    many = "--multi_gpu" if count > 1 else "--cpu"
    command = [sys.executable, "-m", "accelerate.commands.launch", many, *options, "--dynamo_backend", "no"]
    package = str(Path(__file__).resolve().parents[1])
    environment = os.environ | {
        "ACCELERATE_USE_CPU": "true",
        "TLUTILS_PROFILE": "laptop",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])),
    }
    if sys.platform in LOOPBACK:
        environment["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    pipe = subprocess.PIPE
    pipes: dict[str, Any] = {"stdout": pipe, "stderr": pipe, "text": True, "start_new_session": True}
    launcher = subprocess.Popen([*command, *arguments], env=environment, **pipes)
    try:
        printed, complaints = launcher.communicate(timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{count} processes did not end within {limit} seconds") from error
    finally:
        _end(launcher)
    if launcher.returncode:
        raise RuntimeError(f"a run of {count} processes failed:\n{complaints[-2000:]}")
    return printed


def _end(launcher: subprocess.Popen) -> None:
    """End a launcher that still runs, and what it started: killed at once, it would leave its processes behind."""
    if launcher.poll() is not None:
        return
    end = partial(os.killpg, launcher.pid) if hasattr(os, "killpg") else launcher.send_signal
    end(signal.SIGTERM)
    try:
        launcher.communicate(timeout=GRACE)
    except subprocess.TimeoutExpired:
        end(signal.SIGKILL)


def main() -> None:
    """Train in the processes that the launcher started; the first one prints what came out."""
    accelerator = join()  # before anybody draws data
    began = time.perf_counter()
    report = {"processes": processes()} | both_precisions() | {"seconds": time.perf_counter() - began}
    if is_first():
        print(json.dumps(report), flush=True)
    accelerator.end_training()  # all leave together: who goes first must not look like a failure


if __name__ == "__main__":
    main()
