"""Measure the course again and rewrite the README's tables: `make report`, and `make bench` for data not embedded.

    python -m tlutils.report [notebooks | speed | strength | fuzz | NAME.py …]

Each notebook runs from top to bottom in a fresh kernel; its claims, its seconds and its memory go to
`data/results.json`. The other parts are commands that note their rows with `record`. What the README
shows is drawn from the JSON files in `data`, and from the notebooks' cards. When one part fails,
nothing is written. The stored experiments are measured by `python -m tlutils.experiments`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tlutils.course import cards, processor_cores
from tlutils.errors import unknown
from tlutils.evidence import Estimate
from tlutils.report_tables import (
    accuracies_table,
    notebooks_table,
    real_table,
    results_table,
    speed_table,
    strength_table,
)

CELL_SECONDS = 600
ROWS = "TLUTILS_ROWS"  # names the file to which `record` adds
NOTEBOOKS = "notebooks"
BENCH = "tests/bench"
STRENGTH = ("test_faults.py", "test_checkpoint.py", "test_processes.py", "test_hostile.py", "test_exercises.py")
# Everything but the notebooks: the target of the Makefile that measures it, and the commands, each run by this Python.
PARTS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "speed": (
        "make report",
        (
            (f"{BENCH}/bench.py", *"--images 64 --texts 500 --repeats 5".split()),
            (f"{BENCH}/keras_listing.py", *"--images 64".split()),
        ),
    ),
    "strength": ("make report", (("-m", "pytest", "-q", *(f"tests/{name}" for name in STRENGTH)),)),
    "fuzz": ("make report", ((".ci/fuzz.py", "--seconds", "90"),)),
    "digits_protocol.py": ("make bench", ((f"{BENCH}/digits_protocol.py",),)),
    "images.py": ("make bench", ((f"{BENCH}/images.py",),)),
    "language.py": ("make bench", ((f"{BENCH}/language.py",),)),
    "driving.py": ("make bench", ((f"{BENCH}/driving.py",),)),
    "signs.py": ("make bench", ((f"{BENCH}/signs.py",),)),
}
# Memory of the kernel and of the largest process it started; ru_maxrss counts KiB, on macOS bytes.
MEMORY = """\
import resource, sys
print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
      / (2**20 if sys.platform == "darwin" else 2**10))"""


class NotebookFailed(RuntimeError):
    """A notebook of the course did not run to its end."""


class PartFailed(RuntimeError):
    """A command that measures a part of the report failed."""


def record(**row: Any) -> None:
    """Add a row to the report, when one is being made; every value a number, a text or a list of them."""
    if os.environ.get(ROWS):
        with Path(os.environ[ROWS]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def figures(measured: float | Estimate) -> dict[str, float | list[float]]:
    """Return the entries of a row that hold a figure: its mean, and of an Estimate its interval and its runs."""
    if not isinstance(measured, Estimate):
        return {"mean": measured}
    return {"mean": measured.mean, "low": measured.low, "high": measured.high, "runs": list(measured.runs)}


def run(path: Path) -> dict:
    """Run a notebook in a fresh kernel, in its own folder; return its seconds, its memory and the claims it made.

    The notebook's file is left as it is. Raises NotebookFailed, naming file and fault.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(MEMORY))
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=where)
    with tempfile.TemporaryDirectory() as folder:
        claims = Path(folder) / "claims.jsonl"
        began = time.perf_counter()
        try:
            client.execute(env={"TLUTILS_PROFILE": "laptop"} | os.environ | {"TLUTILS_CLAIMS": str(claims)})
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise NotebookFailed(f"{path.name} failed: {error}") from error
        seconds = round(time.perf_counter() - began, 1)
        memory = round(float(notebook.cells[-1].outputs[0].text))
        return {"file": path.name, "seconds": seconds, "mebibytes": memory, "claims": _lines(claims)}


def measure(folder: Path) -> list[dict]:
    """Run all notebooks of a folder, in order.

    Raises NotebookFailed at the first that fails, ValueError when there is none.
    """
    found = cards(folder)
    if not found:
        raise ValueError(f"no notebooks NN_*.ipynb in {folder}")
    results = []
    for card in found:
        results.append(run(folder / card.file))
        print(f"{card.file}: {results[-1]['seconds']:.0f} s, its card says {card.run_seconds} s", flush=True)
    return results


def measure_part(name: str, root: Path) -> dict:
    """Run the commands of a part in `root`; return its rows, its seconds, and the machine.

    Raises PartFailed when a command fails or leaves no row.
    """
    target, commands = PARTS[name]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        began = time.perf_counter()
        for command in commands:
            print(f"{name}: python {' '.join(command)}", flush=True)
            done = subprocess.run([sys.executable, *command], cwd=root, env=os.environ | {ROWS: str(rows)})
            if done.returncode:
                raise PartFailed(f"python {' '.join(command)} ended with {done.returncode}")
        found = _lines(rows)
    if not found:
        raise PartFailed(f"{name}: no row was recorded")
    seconds = round(time.perf_counter() - began)
    return {"command": target, "machine": machine(), "seconds": seconds, "rows": found}


def machine() -> dict[str, str | int]:
    """Describe the machine behind the figures, without its name."""
    import torch

    return {
        "system": platform.system(),
        "processor": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "cores": processor_cores(),
        "python": ".".join(map(str, sys.version_info[:2])),
        "torch": version("torch").partition("+")[0],
        "profile": os.environ.get("TLUTILS_PROFILE") or "laptop",
    }


def fill(text: str, blocks: Mapping[str, str]) -> str:
    """Return text with each named block put between `<!-- name:begin -->` and `<!-- name:end -->`.

    Raises ValueError when a marker is missing or stands there twice.
    """
    for name, block in blocks.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        if text.count(begin) != 1 or text.count(end) != 1 or not re.search(pattern, text, re.S):
            raise ValueError(f"the README needs {begin} and, after it, {end}, each once")
        replacement = f"{begin}\n{block}\n{end}"
        text = re.sub(pattern, lambda _, new=replacement: new, text, flags=re.S)  # type: ignore[misc]  # defaults of a lambda
    return text


def blocks_of(root: Path, results: Mapping[str, Any]) -> dict[str, str]:
    """Return every block of the README under its name."""
    mutants = json.loads((root / "data" / "mutants.json").read_text(encoding="utf-8"))
    return {
        "notebooks": notebooks_table(cards(root / "notebooks")),
        "results": results_table(results),
        "accuracies": accuracies_table(),
        "speed": speed_table(results),
        "real": real_table(results),
        "strength": strength_table(results, mutants),
    }


def report(root: Path, names: Sequence[str]) -> None:
    """Measure the named parts under `root`, and rewrite `data/results.json` and README.md: both or neither.

    Parts that are not named keep their rows; with no name only the README is drawn again. Raises
    ValueError for an unknown part, and what `measure`, `measure_part` and `fill` raise.
    """
    for name in names:
        if name not in (NOTEBOOKS, *PARTS):
            raise unknown("part", name, (NOTEBOOKS, *PARTS))
    readme, path = root / "README.md", root / "data" / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    fill(readme.read_text(encoding="utf-8"), blocks_of(root, results))  # broken: say so before the long run
    for name in names:
        if name == NOTEBOOKS:
            results |= {"command": "make report", "machine": machine(), "notebooks": measure(root / "notebooks")}
        else:
            results["parts"][name] = measure_part(name, root)
    replace_files(
        {
            path: json.dumps(results, indent=1, ensure_ascii=False) + "\n",
            readme: fill(readme.read_text(encoding="utf-8"), blocks_of(root, results)),  # somebody may have edited it
        }
    )


def replace_files(contents: Mapping[Path, str]) -> None:
    """Write texts to files: all to temporary files first, so that a full disk leaves the old ones."""
    temporaries = {path: path.with_name(f"{path.name}.{os.getpid()}.tmp") for path in contents}
    try:
        for path, text in contents.items():
            temporaries[path].write_text(text, encoding="utf-8", newline="\n")
        for path, temporary in temporaries.items():
            temporary.replace(path)
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def draw_figure(root: Path) -> None:
    """Draw the README's figure, the stored learning curve of notebook 01, to `data/readme.png`."""
    from tlutils.evidence import stored
    from tlutils.plots import learning_curve

    figure = learning_curve(stored("few_labels"), title="Transfer needs fewer labels", xlabel="labels per class")
    figure.savefig(root / "data" / "readme.png", dpi=100, bbox_inches="tight", pad_inches=0.1)


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


if __name__ == "__main__":
    try:
        report(Path.cwd(), sys.argv[1:])
        draw_figure(Path.cwd())
    except (NotebookFailed, PartFailed, OSError, ValueError) as error:
        sys.exit(f"{error}\nNothing was written.")
