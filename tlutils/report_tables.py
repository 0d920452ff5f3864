"""The README's tables, drawn from what was measured and stored: `results.json`, `experiments.json`, `mutants.json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlutils.course import Card
from tlutils.evidence import Estimate, stored

# The accuracies each stored experiment turns on: notebook, experiment, what was scored, name and place of each figure.
HEADLINES: tuple[tuple[str, str, str, dict[str, tuple[str | int, ...]]], ...] = (
    (
        *("01", "few_labels", "Ten kinds of surfaces, 5 labels per class"),
        {name: (name, 5) for name in ("transfer, fine-tuned", "transfer, frozen", "scratch")},
    ),
    (
        *("04", "adaptation", "Print → handwriting, no target label"),
        {name: (name,) for name in ("source only", "CORAL", "MMD", "oracle: all target labels")},
    ),
    (
        *("08", "objective", "The same pair in another draw, MMD by its weight λ"),
        {f"λ = {weight}": ("MMD", weight, "target") for weight in (0, 1, 100)},
    ),
    (
        *("09", "adversaries", "The same pair, with adversaries"),
        {name: ("accuracy", name) for name in ("source only", "DANN", "CDAN", "CDAN+E")},
    ),
    (
        *("10", "listing", "Surfaces, 50 labels per class"),
        {name: (name, 50) for name in ("pretrained, listing", "pretrained, probe", "scratch")},
    ),
    (
        *("12", "sentiment", "Reviews written for the course, 50 labels"),
        {name: (name, 50) for name in ("bag of words", "MiniLM, frozen", "MiniLM, fine-tuned")},
    ),
    (
        *("13", "languages", "Chinese hotel reviews, English labels only"),
        {name: ("no Chinese label", name) for name in ("no help", "student", "gloss", "gloss, passed on")},
    ),
    (
        *("14", "sim_to_real", "Share of the track driven where the road looks and grips differently"),
        {name: (name, "lap") for name in ("source only", "DANN", "MMD")},
    ),
    (
        *("15", "cities", "Share of city A's track driven, learnt in other cities"),
        {"from B": ("plain", "B", "A"), "from C": ("plain", "C", "A"), "from B and C": ("pooled", "A")},
    ),
    (
        *("16", "shift_grid", "Drawn data whose class shares move"),
        {name: ("label", name) for name in ("source only", "weights by label", "MMD")},
    ),
    (
        *("17", "choosing", "Surfaces, a probe on each encoder"),
        {name: ("sheet", "surfaces", name, "probe") for name in ("photos", "textures", "untrained")},
    ),
    (
        *("19", "lora", "200 sentences of SST-2, what is trained"),
        {name: ("accuracy", name) for name in ("frozen", "all weights", "LoRA, rank 8")},
    ),
    (
        *("19", "at_test_time", "CIFAR-10 in low contrast, ResNet-20"),
        {name: ("ResNet-20, and low contrast", name) for name in ("as it is", "BatchNorm statistics", "tent")},
    ),
    (
        *("19", "source_free", "Print → handwriting, the source gone"),
        {name: ("all classes", name) for name in ("source only", "SHOT")},
    ),
)


def notebooks_table(found: Sequence[Card]) -> str:
    """Return the table of notebooks, from their cards."""
    rows = [
        (_link(card.file, card.label), card.question, f"{card.read_minutes} min", f"{card.run_seconds} s")
        for card in found
    ]
    return _table(("Notebook", "Question", "To read:", "To run:"), rows)


def results_table(results: Mapping[str, Any]) -> str:
    """Return what `make report` measured in the notebooks: every claim, then seconds and memory, both folded."""
    notebooks = results["notebooks"]
    claims = [
        (_link(notebook["file"]), line["claim"], _measured(line), bounds(line))
        for notebook in notebooks
        for line in notebook["claims"]
    ]
    costs = [
        (_link(each["file"]), f"{each['seconds']:.0f} s", f"{each['mebibytes'] / 1024:.1f} GiB") for each in notebooks
    ]
    seconds = sum(notebook["seconds"] for notebook in notebooks)
    return "\n\n".join(
        (
            _folded(f"All {len(claims)} claims", _table(("Notebook", "Claim", "Measured:", "Bound"), claims)),
            _folded(
                f"Time and memory: {seconds / 60:.0f} minutes for all {len(notebooks)} notebooks",
                _table(("Notebook", "To run:", "Most memory:"), costs),
            ),
            _source(results),
        )
    )


def accuracies_table() -> str:
    """Return the headlines of the stored experiments: shares in %, mean with its 95 % interval over seeds."""
    rows = []
    for notebook, experiment, what, places in HEADLINES:
        figures = [f"{name} {_percent(_at(stored(experiment), path))}" for name, path in places.items()]
        rows.append((notebook, what, "<br>".join(figures), f"`{experiment}`"))
    return _table(("Notebook", "What", "In %, mean [95 % interval]", "Experiment"), rows)


def speed_table(results: Mapping[str, Any]) -> str:
    """Return both sides of every benchmark."""
    part = results["parts"]["speed"]
    rows = [(row["what"], row["against"], row["measured"]) for row in part["rows"]]
    return f"{_table(('What', 'Against', 'Measured:'), rows)}\n\n{_source(part)}"


def real_table(results: Mapping[str, Any]) -> str:
    """Return what was measured on data that others made: a row for each data set, a line for each method."""
    rows, sources = [], set()
    for name, part in results["parts"].items():
        if not name.endswith(".py"):
            continue
        sources.add(_source(part))
        for what in dict.fromkeys(row["what"] for row in part["rows"]):
            figures = [f"{row['name']} {_measured(row)}" for row in part["rows"] if row["what"] == what]
            rows.append((what, "<br>".join(figures), f"`{name}`"))
    return "\n\n".join((_table(("Data", "Measured", "Script"), rows), *sorted(sources)))


def strength_table(results: Mapping[str, Any], mutants: Mapping[str, Any]) -> str:
    """Return what was done to the package on purpose, how often, and how often it stood."""
    part, fuzz = results["parts"]["strength"], results["parts"]["fuzz"]
    rows = [(row["what"], f"{row['times']:,}", f"{row['survived']:,}") for row in (*part["rows"], *fuzz["rows"])]
    table = _table(("Done to it", "Times:", "Withstood:"), rows)
    killed = [
        (f"`{name}`", f"{module['made']:,}", f"{module['share']:.1%}")
        for name, module in mutants["modules"].items()
    ]
    changed = _table(("Changed on purpose", "Faults planted:", "Found by the tests:"), killed)
    listed = "Why the others live stands in `tests/survivors.toml`."
    return f"{table}\n\n{_source(part)}\n\n{changed}\n\n{_source(mutants)} {listed}"


def bounds(line: Mapping[str, Any]) -> str:
    """Return the bounds of a claim in words."""
    found = {"at least": line["at_least"], "at most": line["at_most"]}
    return ", ".join(f"{word} {bound:g}" for word, bound in found.items() if bound is not None)


def _at(results: Any, path: Iterable[str | int]) -> Estimate:
    for key in path:
        results = results[key]
    return results


def _percent(share: Estimate) -> str:
    return f"{100 * share:.1f}"


def _measured(line: Mapping[str, Any]) -> str:
    interval = f" [{line['low']:.3g}, {line['high']:.3g}]" if "low" in line else ""
    return f"{line['mean']:.3g}{interval}"


def _source(part: Mapping[str, Any]) -> str:
    """Return the command and the machine behind figures."""
    where = part["machine"]
    return f"Measured by `{part['command']}` on {where['cores']} cores ({where['processor']}), torch {where['torch']}."


def _link(file: str, text: str = "") -> str:
    return f"[{text or file[:2]}](notebooks/{file})"


def _folded(title: str, table: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{table}\n\n</details>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in markdown; a column whose head ends in a colon stands on the right."""
    lines = [[name.rstrip(":") for name in head], ["--:" if name.endswith(":") else ":--" for name in head], *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def _cell(text: str) -> str:
    """Return text that cannot break a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))
