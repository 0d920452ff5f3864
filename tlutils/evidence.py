"""What came out: repeated measurements with intervals, and claims that fail when they stop holding."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from tlutils.errors import unknown
from tlutils.inputs import checked, is_number
from tlutils.store import data_dir

CONFIDENCE = 0.95
LARGEST = 1e150  # of a run: its square is still a number


class ClaimFailed(AssertionError):
    """A claim of the course did not hold in this run. Taught in notebook 00."""


@dataclass(frozen=True)
class Estimate:
    """A measurement repeated over seeds: every run, their mean, and a 95 % interval for the mean.

    The interval is Student's t over the runs. Estimates over the same seeds subtract run by run, so
    the interval of a difference is the paired one. `format(e, ".0%")` formats mean and interval.

    Raises ValueError for fewer than two runs or a run that is not finite. Source: Student (1908),
    doi:10.1093/biomet/6.1.1. Taught in notebook 01.
    """

    runs: tuple[float, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.runs, Iterable) or getattr(self.runs, "ndim", 1) == 0:
            raise TypeError(f"an estimate needs a list of runs, got {self.runs!r}")
        runs = tuple(self.runs)
        if len(runs) < 2:
            raise ValueError(f"an estimate needs at least 2 runs, got {len(runs)}")
        for run in runs:
            if not is_number(run):
                raise TypeError(f"every run must be a number, got {run!r}")
            if not abs(run if isinstance(run, int) else float(run)) <= LARGEST:
                raise ValueError(f"every run must be finite, and at most {LARGEST:g}, got {run!r}")
        object.__setattr__(self, "runs", tuple(float(run) for run in runs))

    @property
    def mean(self) -> float:
        """Mean over the runs."""
        return fmean(self.runs)

    @property
    def half_width(self) -> float:
        """Half the width of the interval for the mean."""
        from scipy.special import stdtrit

        n = len(self.runs)
        return float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * stdev(self.runs) / math.sqrt(n)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.half_width

    def __sub__(self, other: Estimate | float) -> Estimate:
        if not isinstance(other, Estimate):
            return Estimate(tuple(run - other for run in self.runs))
        if len(self.runs) != len(other.runs):
            raise ValueError(f"cannot pair {len(self.runs)} runs with {len(other.runs)}: use the same seeds for both")
        return Estimate(tuple(a - b for a, b in zip(self.runs, other.runs, strict=True)))

    def __rmul__(self, factor: float) -> Estimate:
        return Estimate(tuple(factor * run for run in self.runs))

    def __float__(self) -> float:
        return self.mean

    def __format__(self, spec: str) -> str:
        spec = spec or ".3g"
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __repr__(self) -> str:
        return f"{self} over {len(self.runs)} runs"


@checked
def repeat(experiment: Callable[[int], Any], seeds: int | Iterable[int] = 5) -> Any:
    """Run `experiment(seed)` for every seed, each freshly seeded, and gather `Estimate`s.

    The experiment returns a number, or a dict (of dicts) of numbers; the answer has the same form.
    Raises ValueError when the runs disagree in their keys, and as `Estimate` and `seed_everything` do.
    Taught in notebook 01.
    """
    from tlutils.session import seed_everything

    results = []
    for seed in seeds if isinstance(seeds, Iterable) else range(seeds):
        seed_everything(seed)
        results.append(experiment(seed))
    if not results:
        raise ValueError("repeat needs at least 2 seeds, got none")
    return _gather(results)


def _gather(results: list) -> Any:
    if not isinstance(results[0], dict):
        return Estimate(tuple(results))
    if any(not isinstance(result, dict) or result.keys() != results[0].keys() for result in results):
        raise ValueError("every run of the experiment must return the same keys")
    return {key: _gather([result[key] for result in results]) for key in results[0]}


def claim(
    sentence: str, measured: float | Estimate, *, at_least: float | None = None, at_most: float | None = None
) -> None:
    """Print `holds: sentence (…)` if the measured value (the mean, for an `Estimate`) is within its bounds.

    The figure is also written, as a line of JSON, to the file named by TLUTILS_CLAIMS: so `make
    report` collects them. Raises ClaimFailed when the claim does not hold, ValueError without a bound.
    Taught in notebook 00.
    """
    if at_least is None and at_most is None:
        raise ValueError(f"the claim {sentence!r} needs a bound: at_least, at_most or both")
    bounds = {"at least": at_least, "at most": at_most}
    for what, figure in {"measured value": measured, **bounds}.items():
        if not (figure is None and what in bounds) and not isinstance(figure, Estimate) and not is_number(figure):
            raise TypeError(f"the {what} of the claim {sentence!r} must be a number, got {figure!r}")
    value = float(measured)
    stated = ", ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
    figures = f"measured {measured:.3g}, {stated}"
    low = -math.inf if at_least is None else at_least
    high = math.inf if at_most is None else at_most
    if not low <= value <= high:
        raise ClaimFailed(f"does not hold: {sentence} ({figures})")
    _record(sentence, measured, at_least, at_most)
    print(f"holds: {sentence} ({figures})")


def _record(sentence: str, measured: float | Estimate, at_least: float | None, at_most: float | None) -> None:
    if not os.environ.get("TLUTILS_CLAIMS"):
        return
    runs = list(measured.runs) if isinstance(measured, Estimate) else [float(measured)]
    line = {"claim": sentence, "mean": float(measured), "runs": runs, "at_least": at_least, "at_most": at_most}
    if isinstance(measured, Estimate):
        line |= {"low": measured.low, "high": measured.high}
    with Path(os.environ["TLUTILS_CLAIMS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


@checked
def stored(name: str) -> Any:
    """Return the stored figures of a long experiment: nested dicts whose leaves are Estimates.

    They were measured by `python -m tlutils.experiments NAME` and lie in `data/experiments.json`.
    Raises ValueError for an unknown name. Taught in notebook 01.
    """
    results = stored_experiments()
    if name not in results:
        raise unknown("stored experiment", name, results)
    return _estimates(results[name]["runs"])


def stored_experiments() -> dict[str, dict]:
    """Return every stored experiment with its command, its seconds and its runs."""
    path = experiments_file()
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def experiments_file() -> Path:
    """Return the path of the file that holds the stored experiments."""
    return data_dir() / "experiments.json"


def _estimates(runs: Any) -> Any:
    if isinstance(runs, list):
        return Estimate(tuple(runs))
    return {int(key) if key.isdigit() else key: _estimates(value) for key, value in runs.items()}
