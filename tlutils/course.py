"""The course itself: the notebooks' cards, a map drawn from them, a check of the machine."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tlutils.inputs import checked
from tlutils.session import Session, start
from tlutils.store import cache_dir

OLDEST_PYTHON = (3, 11)
FREE_GB = 1.0
# What every notebook stands on, by the names under which it is installed.
PACKAGES = ("torch", "torchvision", "transformers", "accelerate", "numpy", "scikit-learn", "scikit-image", "matplotlib")
ROWS = ("Question", "You will be able to", "Time", "Before this")


@checked
@dataclass(frozen=True)
class Card:
    """What a notebook says about itself in its first two cells; texts are markdown."""

    file: str
    number: int
    title: str
    question: str
    able_to: str
    read_minutes: int
    run_seconds: int
    before: str

    @property
    def label(self) -> str:
        """Number and title, as in `01 · Why transfer`."""
        return f"{self.number:02} · {re.sub(r'^[0-9]+[ .·:–-]+', '', self.title)}"


@checked
def cards(folder: str | Path = ".") -> list[Card]:
    """Return the cards of the notebooks `NN_*.ipynb` in a folder, in order.

    Raises ValueError, naming file and fault, for a notebook whose title or card is not in form.
    Taught in notebook 00.
    """
    try:
        found = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    except (OSError, ValueError) as error:  # a name too long, or with a zero in it
        raise ValueError(f"{str(folder)!r:.80} cannot be read: {error!s:.80}") from error
    return [_card(path) for path in found]


@checked
def course_map(folder: str | Path | None = None) -> None:
    """Display the notebooks of a folder as a table of links: question, minutes to read, seconds to run.

    Without a folder it is the working directory; where that holds no notebook of the course, as on Colab, a
    line says so. Raises ValueError when a folder that was named holds none, and as `cards` does. Taught in
    notebook 00.
    """
    from IPython.display import display

    found = cards(folder or ".")
    if not found and folder is None:
        print("This notebook was opened alone: the others do not lie beside it, so there is no map to draw.")
        return
    if not found:
        raise ValueError(
            f"no notebooks NN_*.ipynb in {str(folder)!r}: open this one in the course's folder `notebooks`, "
            "or name that folder: course_map(folder)"
        )
    display({"text/html": _map_as_html(found), "text/plain": _map_as_text(found)}, raw=True)


@checked
def check_machine(session: Session | None = None) -> None:
    """Print in plain words what this machine offers, and a line beginning `Please` for all it lacks.

    Python, packages, device, profile, free disk, and whether the network will be needed. Without a
    session one is started. Taught in notebook 00.
    """
    session = session or start()
    versions, free = _versions(PACKAGES), _free_gb(cache_dir())
    data = "full-size data" if session.full else "the data that comes with the course"
    print(f"Python     {'.'.join(map(str, sys.version_info[:3]))}")
    stated = [f"{name} {found or '(missing)'}" for name, found in versions.items()]
    for title, some in zip(("Packages", ""), (stated[:3], stated[3:]), strict=True):
        print(f"{title:11}" + ", ".join(some))  # two lines, so that a narrow window breaks neither
    print(f"Device     {session.device}; processor cores: {processor_cores()}")
    print(f"Profile    {session.profile}: {data}")
    print(f"Free disk  {free:.0f} GB where downloads and computed files are kept")
    print(f"Network    {'needed, once for each data set' if session.full else 'not needed'}")
    problems = _problems(sys.version_info[:2], versions, free)
    print("\n".join(problems) or "This machine has all that the course needs.")


def processor_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _problems(python: tuple[int, ...], versions: dict[str, str | None], free_gb: float) -> list[str]:
    """Return a sentence for everything below what the course needs."""
    problems = []
    if python < OLDEST_PYTHON:
        problems.append(f"Please install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer.")
    missing = [name for name, found in versions.items() if found is None]
    if missing:
        problems.append(f"Please install what is missing: pip install {' '.join(missing)}")
    if free_gb < FREE_GB:
        problems.append(f"Please free some disk space: {free_gb:.1f} GB are left, the course needs {FREE_GB:.0f} GB.")
    return problems


def _versions(packages: Sequence[str]) -> dict[str, str | None]:
    """Return the installed version of every package, None where it is missing, without importing any."""
    versions: dict[str, str | None] = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions


def _free_gb(folder: Path) -> float:
    """Return the free space in GB on the disk of a folder that need not exist yet."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free / 1e9


def _card(path: Path) -> Card:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts, tags = [_source(cells, number) for number in (0, 1)], _tags(cells, 1)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name}: not a notebook ({error!r:.200})") from error
    title = re.match(r"# +(\S.*)", texts[0])
    if not title:
        raise ValueError(f"{path.name}: the first cell is not a markdown cell that begins `# Title`")
    if "card" not in tags:
        raise ValueError(f"{path.name}: the second cell is not tagged `card`")
    rows = _rows(texts[1])
    for name in ROWS:
        if not rows.get(name):
            raise ValueError(f"{path.name}: the card has no row `| {name} | … |`")
    time = re.fullmatch(r"read (\d{1,6}) min, run (\d{1,6}) s", rows["Time"])
    if not time:
        raise ValueError(f"{path.name}: the card's time is {rows['Time']!r}, expected the form `read 8 min, run 20 s`")
    return Card(
        file=path.name,
        number=int(path.name[:2]),
        title=title[1].strip(),
        question=rows["Question"],
        able_to=rows["You will be able to"],
        read_minutes=int(time[1]),
        run_seconds=int(time[2]),
        before=rows["Before this"],
    )


def _source(cells: list[dict], number: int) -> str:
    """Return the text of a markdown cell, empty when there is no such cell."""
    if number >= len(cells) or cells[number].get("cell_type") != "markdown":
        return ""
    return "".join(cells[number].get("source", ""))


def _tags(cells: list[dict], number: int) -> list[str]:
    return list(cells[number].get("metadata", {}).get("tags", [])) if number < len(cells) else []


def _rows(table: str) -> dict[str, str]:
    """Return the rows of a markdown table with two columns."""
    rows = re.findall(r"^\s*\|(.+?)(?<!\\)\|(.*)\|\s*$", table, flags=re.M)
    return {name.strip(): text.strip().replace(r"\|", "|") for name, text in rows}


def _map_as_html(found: list[Card]) -> str:
    """Return a table whose headers name their scope, so that a screen reader can say where it is."""
    # Said in each cell, because JupyterLab aligns the cells of tables to the right.
    left = 'style="text-align: left"'
    head = "".join(f'<th scope="col" {left}>{name}</th>' for name in ("Notebook", "Question", "To read", "To run"))
    rows = "".join(
        f'<tr><th scope="row" {left}><a href="{html.escape(card.file)}">{html.escape(card.label)}</a></th>'
        f"<td {left}>{_inline_code(card.question)}</td>"
        f"<td>{card.read_minutes} min</td><td>{card.run_seconds} s</td></tr>"
        for card in found
    )
    caption = f"<caption>The notebooks of the course: {_total(found)}</caption>"
    return f'<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _map_as_text(found: list[Card]) -> str:
    width = max(len(card.label) for card in found)
    lines = [
        f"{card.label:{width}}  {card.question}  ({card.read_minutes} min to read, {card.run_seconds} s to run)"
        for card in found
    ]
    return "\n".join([f"The notebooks of the course: {_total(found)}", *lines])


def _total(found: list[Card]) -> str:
    minutes, seconds = sum(card.read_minutes for card in found), sum(card.run_seconds for card in found)
    return f"{minutes} minutes to read, {seconds} seconds to run"


def _inline_code(markdown: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(markdown, quote=False))
