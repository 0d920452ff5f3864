"""Experiments too long for a notebook: `python -m tlutils.experiments [NAME …]` measures and stores them.

Each repeats at full length what a notebook runs live in a smaller form. The figures lie in
`data/experiments.json`; `tlutils.stored` gives them back.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from tlutils.chinese_experiments import languages
from tlutils.choice_experiments import choosing
from tlutils.digit_experiments import adaptation, adversaries, objective
from tlutils.driving_experiments import cities, sim_to_real
from tlutils.errors import unknown
from tlutils.evidence import Estimate, experiments_file, repeat, stored_experiments
from tlutils.photo_experiments import few_labels, listing
from tlutils.session import start
from tlutils.store import write_json
from tlutils.text_experiments import sentiment
from tlutils.transfer_experiments import real_pairs, shift_grid
from tlutils.trend_experiments import at_test_time, encoder_size, lora, source_free

SEEDS = 5

EXPERIMENTS: dict[str, Callable[[int], dict]] = {
    "few_labels": few_labels,
    "adaptation": adaptation,
    "objective": objective,
    "adversaries": adversaries,
    "listing": listing,
    "sim_to_real": sim_to_real,
    "cities": cities,
    "sentiment": sentiment,
    "languages": languages,
    "shift_grid": shift_grid,
    "real_pairs": real_pairs,
    "choosing": choosing,
    "encoder_size": encoder_size,
    "lora": lora,
    "at_test_time": at_test_time,
    "source_free": source_free,
}


def measure(name: str) -> None:
    """Run an experiment over all seeds and store its figures beside the others."""
    start()
    began = time.perf_counter()
    runs = _plain(repeat(EXPERIMENTS[name], SEEDS))
    seconds = round(time.perf_counter() - began)
    command = f"python -m tlutils.experiments {name}"
    entry = {"command": command, "seconds": seconds, "runs": runs}
    write_json(experiments_file(), stored_experiments() | {name: entry})


def _plain(results: Any) -> Any:
    if isinstance(results, Estimate):
        return [round(run, 4) for run in results.runs]
    return {key: _plain(value) for key, value in results.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tlutils.experiments", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(EXPERIMENTS), metavar="NAME", help=", ".join(EXPERIMENTS))
    for experiment in parser.parse_args().names:
        if experiment not in EXPERIMENTS:
            parser.error(str(unknown("experiment", experiment, EXPERIMENTS)))
        measure(experiment)
