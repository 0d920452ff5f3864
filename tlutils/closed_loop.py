"""Closed loop: a policy is scored by driving, where every mistake changes what it sees next."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn

from tlutils.domains import Domain
from tlutils.evidence import Estimate
from tlutils.expert import pursue
from tlutils.inputs import checked
from tlutils.simulator import STEPS, Driver, Simulator, check_tracks
from tlutils.worlds import World

TRACKS = range(10)  # never recorded: recordings use tracks 100 and up


class Policy:
    """A model as a driver: the steering it answers to the frame it sees, brought into [−1, 1].

    The model maps frames (n, 3, 36, 64) to (n, k), steering in the first column; a copy of it drives,
    in evaluation mode, on the CPU.

    Raises ValueError when the model answers something else than a row of numbers for each frame. Taught in notebook 14.
    """

    @checked
    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).cpu().eval()

    @checked
    def __call__(self, run: Simulator) -> float:
        with torch.inference_mode():
            answer = self.model(run.frame()[None])
        if not isinstance(answer, Tensor) or answer.ndim != 2 or answer.numel() == 0 or answer[0, 0].isnan():
            found = f"{answer[:1, :1].tolist()} …, {tuple(answer.shape)}" if isinstance(answer, Tensor) else answer
            raise ValueError(f"the model must answer frames (n, 3, 36, 64) with steering (n, k), got {found!r:.99}")
        return float(answer[0, 0].clamp(-1, 1))


@checked
def closed_loop(
    driver: nn.Module | Driver, world: World, tracks: Iterable[int] = TRACKS, *, processes: int = -1
) -> dict[str, Estimate]:
    """Let a policy (or any driver) drive the tracks of a world; return estimates over the tracks.

    `lap` is the share of the lap completed, `off road` the share of time off the road, `offset` the
    mean distance from the middle while on the road, in half road widths, `jerk` the mean change of
    steering from one control step to the next. The tracks are driven in as many processes as given,
    by default one for each free core; the answer does not depend on it.

    Raises ValueError for fewer than two tracks or no process, and as `score` does; ImportError without gymnasium.
    Taught in notebook 14.
    """
    from sklearn.utils.parallel import Parallel, delayed

    tracks = list(tracks)
    if len(tracks) < 2:
        raise ValueError(f"a score with its interval needs at least 2 runs: give 2 tracks or more, got {tracks}")
    if processes < 1 and processes != -1:
        raise ValueError(f"processes must be at least 1, or -1 for one on each free core, got {processes}")
    check_tracks(tracks)
    processes = min(processes, len(tracks))
    if isinstance(driver, nn.Module):
        driver = Policy(driver)
    runs = Parallel(n_jobs=processes)(delayed(score)(driver, world, track) for track in tracks)
    return {name: Estimate(tuple(run[name] for run in runs)) for name in runs[0]}


@checked
def score(driver: Driver, world: World, track: int) -> dict[str, float]:
    """Return what `closed_loop` reports, for one track. A lost car counts as off the road until the time is up.

    Raises ValueError as `Simulator` and `Policy` do, and for steering outside [−1, 1].
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # frames are small, and one thread gives the same digits everywhere
    try:
        run = Simulator(world, track)
        outside, offsets, steering = 0, [], [0.0]
        while not run.over:
            steering.append(driver(run))
            run.step(steering[-1])
            outside += not run.on_road
            if run.on_road:
                offsets.append(abs(run.offset))
    finally:
        torch.set_num_threads(threads)
    rest = STEPS - run.steps if run.lost else 0
    changes = [abs(b - a) for a, b in pairwise(steering)]
    return {
        "lap": run.progress,
        "off road": (outside + rest) / (run.steps + rest),
        "offset": sum(offsets) / max(1, len(offsets)),
        "jerk": sum(changes) / len(changes),
    }


@checked
def corrections(model: nn.Module, world: World, tracks: Iterable[int], *, frames: int) -> Domain:
    """Let a policy drive and ask the expert: frames that the policy came to, each with the expert's steering.

    Of all the policy saw on the given tracks, `frames` rows (n, 3, 36, 64) are kept, evenly spaced in
    time; a lost car ends its run. No recording of an expert holds what a policy's own mistakes lead to.

    Raises ValueError when no track or frame is asked for, and as `score` does. Source: Ross, Gordon & Bagnell (2011),
    DAgger, arXiv:1011.0686. Taught in notebook 14.
    """
    tracks = list(tracks)
    if not tracks:
        raise ValueError("corrections need at least one track to drive")
    if frames < 1:
        raise ValueError(f"frames must be at least 1, got {frames}")
    check_tracks(tracks)
    policy, seen, labels = Policy(model), [], []
    for track in tracks:
        run = Simulator(world, track)
        while not run.over:
            seen.append(run.frame())
            labels.append(pursue(run))
            run.step(policy(run))
    kept = torch.linspace(0, len(seen) - 1, min(frames, len(seen))).long()
    values = torch.tensor(labels, dtype=torch.float32)[kept, None]
    return Domain(torch.stack([seen[i] for i in kept.tolist()]), values, ("steering",), f"{world.name}, corrections")
