"""Exercises agree with their solutions; checks pass the right answer, know an untouched one, and tell wrong ones apart.

The notebooks' cells run in this process, one after the other, as a kernel would run them.
"""

import contextlib
import importlib.util
import io
import re
from functools import cache
from pathlib import Path
from textwrap import dedent

import nbformat
import pytest
import torch

import tlutils as tl
from tlutils.check import NotAttempted, NotYet

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOLUTIONS = sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))
HEAD = re.compile(r"^## (\d) · .+\n\nDifficulty ([123]) of 3 · (\d+) minutes · (\d) points?\n", re.M)
HINTS = re.compile(r"<details><summary>Hint (\d)</summary>\n\n.+?\n\n</details>", re.S)
CHECK = re.compile(r"^tl\.check\.(\w+)\(\w+\)$")
FEWEST_WRONG = 3


# ---------------------------------------------------------------- reading


@cache
def cells(path: Path) -> list:
    return nbformat.read(path, as_version=4).cells


def marked(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


@cache
def exercises(path: Path) -> dict[str, int]:
    """Return the place of the answer's cell by the name of its check."""
    answers = [i for i, cell in enumerate(cells(path)) if marked(cell).get("solution")]
    checks = [CHECK.match(cell.source) for cell in cells(path) if marked(cell).get("grade")]
    assert len(answers) == len(checks) and all(checks), f"{path.name}: each answer needs a cell with its check alone"
    return {check[1]: place for check, place in zip(checks, answers, strict=True)}


@cache
def wrong_answers(path: Path) -> dict[str, list[tuple[str, str]]]:
    file = ROOT / "tests/wrong_answers" / f"{path.stem[3:]}.py"
    spec = importlib.util.spec_from_file_location(f"wrong_{path.stem[3:]}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WRONG


def all_exercises() -> list:
    return [
        pytest.param(path, name, id=f"{path.stem[:2]}-{name}") for path in SOLUTIONS for name in exercises(path)
    ]


def all_wrong() -> list:
    return [
        pytest.param(path, name, *answer, id=f"{path.stem[:2]}-{name}-{number}")
        for path in SOLUTIONS
        for name, answers in wrong_answers(path).items()
        for number, answer in enumerate(answers, 1)
    ]


# ---------------------------------------------------------------- running


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@cache
def before(path: Path, place: int) -> dict:
    """Return the names that stand when the cell at `place` is reached, with the solutions of all cells above."""
    names: dict = {"__name__": "exercise"}
    above = before(path, place - 1) if place else names
    names = dict(above)
    if place:
        run(cells(path)[place - 1], names)
    return names


def run(cell, names: dict) -> str:
    """Run a cell, or source, among names; return what it printed."""
    source = cell if isinstance(cell, str) else cell.source if cell.cell_type == "code" else ""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(dedent(source), "<cell>", "exec"), names)
    return printed.getvalue()


def checked(path: Path, name: str, answer: str) -> str:
    """Return what the check prints when `answer` stands in the place of the solution."""
    names = dict(before(path, exercises(path)[name]))
    run(answer, names)
    check = next(cell for cell in cells(path) if cell.source.startswith(f"tl.check.{name}("))
    return run(check, names)


def stub(path: Path, name: str) -> str:
    return cells(NOTEBOOKS / "exercises" / path.name)[exercises(path)[name]].source


# ---------------------------------------------------------------- form


def test_every_lesson_has_exercises():
    lessons = {path.name for path in NOTEBOOKS.glob("*.ipynb")} - {"00_start_here.ipynb"}
    assert {path.name for path in SOLUTIONS} == lessons


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_two_or_three_exercises_each_with_minutes_points_and_two_hints(path):
    points = [marked(cell)["points"] for cell in cells(path) if marked(cell).get("grade")]
    stated, hints = [], []
    for cell in cells(path):
        if cell.cell_type == "markdown":
            stated += HEAD.findall(cell.source)
            hints += HINTS.findall(cell.source)
    assert 2 <= len(exercises(path)) <= 3
    assert [int(number) for number, *_ in stated] == list(range(1, len(points) + 1))
    assert [int(head[-1]) for head in stated] == points
    assert hints == ["1", "2"] * len(points)


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_exercises_are_derived_from_solutions(path):
    pytest.importorskip("nbgrader", reason="nbgrader is missing: pip install -e .[classroom]")
    spec = importlib.util.spec_from_file_location("derive", ROOT / ".ci/exercises.py")
    derive = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(derive)
    derived = derive.text(derive.derived(nbformat.read(path, as_version=4)))
    stored = (NOTEBOOKS / "exercises" / path.name).read_text(encoding="utf-8")
    assert derived == stored, "run make exercises"


def test_no_exercise_without_solution_and_no_check_without_exercise():
    assert {path.name for path in (NOTEBOOKS / "exercises").glob("*.ipynb")} == {path.name for path in SOLUTIONS}
    used = [name for path in SOLUTIONS for name in exercises(path)]
    assert sorted(used) == sorted(set(tl.check.__all__) - {"NotAttempted", "NotYet"})


# ---------------------------------------------------------------- judging


@pytest.mark.parametrize(("path", "name"), all_exercises())
def test_solution_is_right_and_stub_is_not_attempted(path, name, record_property):
    assert checked(path, name, cells(path)[exercises(path)[name]].source).startswith("Right: ")
    with pytest.raises(NotAttempted, match="Not attempted yet"):
        checked(path, name, stub(path, name))
    record_property("exercise", f"{path.stem[:2]}  {name}")


@pytest.mark.parametrize(("path", "name", "source", "hint"), all_wrong())
def test_wrong_answer_gets_the_hint_that_fits(path, name, source, hint, record_property):
    with pytest.raises(NotYet, match=re.escape(hint)) as caught:
        checked(path, name, source)
    assert not isinstance(caught.value, NotAttempted)
    record_property("wrong answer to", f"{path.stem[:2]}  {name}")


@pytest.mark.parametrize(("path", "name"), all_exercises())
def test_three_wrong_answers_get_three_hints(path, name):
    hints = {hint for _, hint in wrong_answers(path)[name]}
    assert len(hints) >= FEWEST_WRONG
