"""Measure the course again: `make report` runs every notebook and rewrites the README's tables.

Each notebook runs from top to bottom in a fresh kernel. Its claims and its seconds go to
`data/results.json`; the tables of notebooks and of results in README.md are drawn from there and
from the notebooks' cards. When one notebook fails, nothing is written. The stored experiments are
measured by `python -m tlutils.experiments`, which takes longer.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tlutils.course import Card, cards, processor_cores

COMMAND = "make report"
CELL_SECONDS = 600


class NotebookFailed(RuntimeError):
    """A notebook of the course did not run to its end."""


def run(path: Path) -> dict:
    """Run a notebook in a fresh kernel, in its own folder; return its seconds and the claims it made.

    The notebook's file is left as it is. Raises NotebookFailed, naming file and fault.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=where)
    with tempfile.TemporaryDirectory() as folder:
        claims = Path(folder) / "claims.jsonl"
        began = time.perf_counter()
        try:
            client.execute(env={"TLUTILS_PROFILE": "laptop"} | os.environ | {"TLUTILS_CLAIMS": str(claims)})
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise NotebookFailed(f"{path.name} failed: {error}") from error
        seconds = time.perf_counter() - began
        lines = claims.read_text(encoding="utf-8").splitlines() if claims.exists() else []
    return {"file": path.name, "seconds": round(seconds, 1), "claims": [json.loads(line) for line in lines]}


def measure(folder: Path) -> dict:
    """Run all notebooks of a folder; return the content of `data/results.json`.

    Raises NotebookFailed at the first that fails, ValueError when there is none.
    """
    found = cards(folder)
    if not found:
        raise ValueError(f"no notebooks NN_*.ipynb in {folder}")
    results = []
    for card in found:
        results.append(run(folder / card.file))
        print(f"{card.file}: {results[-1]['seconds']:.0f} s, its card says {card.run_seconds} s", flush=True)
    return {"version": 1, "command": COMMAND, "machine": machine(), "notebooks": results}


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


def notebooks_table(found: list[Card]) -> str:
    """Return the table of notebooks in markdown."""
    lines = ["| Notebook | Question | To read | To run |", "|:--|:--|--:|--:|"]
    for card in found:
        link = f"[{card.label}](notebooks/{card.file})"
        lines.append(f"| {link} | {_cell(card.question)} | {card.read_minutes} min | {card.run_seconds} s |")
    return "\n".join(lines)


def results_table(results: dict) -> str:
    """Return the table of claims in markdown, folded: mean with its 95 % interval, and the bound it must keep."""
    count = sum(len(notebook["claims"]) for notebook in results["notebooks"])
    lines = [f"<details><summary>All {count} claims</summary>", ""]
    lines += ["| Notebook | Claim | Measured | Bound |", "|:--|:--|--:|:--|"]
    for notebook in results["notebooks"]:
        link = f"[{notebook['file'][:2]}](notebooks/{notebook['file']})"
        for line in notebook["claims"]:
            lines.append(f"| {link} | {_cell(line['claim'])} | {_measured(line)} | {_bound(line)} |")
    where = results["machine"]
    measured = f"Measured on {where['cores']} cores ({where['processor']}) with torch {where['torch']}."
    lines += ["", "</details>", "", measured]
    return "\n".join(lines)


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


def report(root: Path) -> None:
    """Measure the notebooks under `root` and rewrite `data/results.json` and README.md: both or neither.

    Raises what `measure` and `fill` raise.
    """
    readme = root / "README.md"
    fill(readme.read_text(encoding="utf-8"), {"notebooks": "", "results": ""})  # broken: say so before the long run
    results = measure(root / "notebooks")
    blocks = {"notebooks": notebooks_table(cards(root / "notebooks")), "results": results_table(results)}
    replace_files(
        {
            root / "data" / "results.json": json.dumps(results, indent=1, ensure_ascii=False) + "\n",
            readme: fill(readme.read_text(encoding="utf-8"), blocks),  # as it is now: somebody may have edited it
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


def _measured(line: dict) -> str:
    interval = f" [{line['low']:.3g}, {line['high']:.3g}]" if "low" in line else ""
    return f"{line['mean']:.3g}{interval}"


def _bound(line: dict) -> str:
    bounds = {"at least": line["at_least"], "at most": line["at_most"]}
    return ", ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)


def _cell(text: str) -> str:
    """Return text that cannot break a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


if __name__ == "__main__":
    try:
        report(Path.cwd())
        draw_figure(Path.cwd())
    except (NotebookFailed, OSError, ValueError) as error:
        sys.exit(f"{error}\nNothing was written.")
