"""A class with nbgrader, end to end: assign, hand in, collect, grade, feed back, whatever is handed in."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is missing: pip install -e .[classroom]")
ROOT = Path(__file__).resolve().parent.parent
UNIT = "08_adaptation_objective"
SECONDS = 20  # of an endless loop; the config grants more


def solved(*numbers: int, **replaced: str) -> str:
    """Return a notebook as a student hands it in: some exercises solved, some replaced, the others untouched."""
    handed_in = nbformat.read(ROOT / "notebooks/exercises" / f"{UNIT}.ipynb", as_version=4)
    solution = nbformat.read(ROOT / "notebooks/solutions" / f"{UNIT}.ipynb", as_version=4)
    for cell, with_solution in zip(handed_in.cells, solution.cells, strict=True):
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in {f"answer-{number}" for number in numbers}:
            cell.source = with_solution.source
        cell.source = replaced.get(name.replace("-", "_"), cell.source)
    return nbformat.writes(handed_in)


HANDED_IN = {
    "right": solved(1, 2, 3),
    "half right": solved(1, answer_2="floor = 0"),
    "empty": solved(),
    "endless": solved(2, 3, answer_1="while True: pass"),
    "crash": solved(2, 3, answer_1="import os\nos._exit(1)"),
    "cheat": solved(1).replace("tl.check.floor_of_biased_mmd(floor)", "print('all right')"),
}


def nbgrader(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader starts alembic by its name
    environment = os.environ | {"PATH": path}
    return subprocess.run(
        command, cwd=folder, env=environment, check=check, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("school") / "a class"
    subprocess.run([sys.executable, ROOT / ".ci/classroom.py", folder], check=True, capture_output=True)
    nbgrader(folder, "generate_assignment", UNIT)
    return folder


@pytest.fixture(scope="module")
def graded(handed_out) -> Path:
    """Return the class's folder after a lesson: everything handed in as one zip file, collected, graded, fed back."""
    downloads = handed_out / f"downloaded/{UNIT}/archive"
    downloads.mkdir(parents=True)
    with zipfile.ZipFile(downloads / "all.zip", "w") as archive:
        for student, notebook in HANDED_IN.items():
            archive.writestr(f"{student} {UNIT}.ipynb", notebook)
        archive.writestr(f".. {UNIT}.ipynb", HANDED_IN["right"])
    collecting = nbgrader(handed_out, "zip_collect", UNIT)
    assert f".. {UNIT}" in collecting.stderr  # what is left out is named
    grading = nbgrader(handed_out, "autograde", UNIT, f"--Execute.timeout={SECONDS}", check=False)
    assert "crash" in grading.stderr  # a kernel that died is told, by name
    nbgrader(handed_out, "generate_feedback", UNIT)
    return handed_out


@pytest.fixture(scope="module")
def points(graded) -> dict[str, list[float]]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{graded}/gradebook.db") as book:
        return {
            submission.student.id: [
                score for _, score in sorted((g.name, g.score) for g in submission.notebooks[0].grades)
            ]
            for submission in book.assignment_submissions(UNIT)
        }


def test_what_is_handed_out_is_the_exercise_notebook(handed_out):
    released = (handed_out / "release" / UNIT / f"{UNIT}.ipynb").read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in released
    assert nbformat.reads(released, 4) == nbformat.read(ROOT / "notebooks/exercises" / f"{UNIT}.ipynb", 4)


def test_each_gets_the_points_that_are_due(points):
    assert points["right"] == [3, 1, 3]
    assert points["half right"] == [3, 0, 0]
    assert points["empty"] == [0, 0, 0]


def test_an_endless_loop_costs_its_own_points_only(points):
    assert points["endless"] == [0, 1, 3]


def test_a_crash_costs_that_student_alone(points, graded):
    assert points.get("crash", [0, 0, 0]) == [0, 0, 0]
    assert not list((graded / "autograded").glob("crash/*/*.ipynb"))
    assert (graded / "submitted/crash" / UNIT / f"{UNIT}.ipynb").exists()  # nothing of it is lost


def test_a_changed_check_is_put_back(points):
    assert points["cheat"] == [3, 0, 0]


def test_feedback_says_what_the_check_said(graded):
    page = (graded / "feedback/half right" / UNIT / f"{UNIT}.html").read_text(encoding="utf-8")
    assert "counts each row with itself" in page
    assert "Not attempted yet" in page


def test_a_name_of_dots_is_left_aside(graded, points):
    assert set(points) == set(HANDED_IN)
    assert sorted(path.name for path in (graded / "submitted").iterdir()) == sorted(HANDED_IN)
    assert not (graded / UNIT).exists()


def test_an_archive_that_leads_out_writes_nothing_outside(tmp_path):
    folder = tmp_path / "school/class"
    subprocess.run([sys.executable, ROOT / ".ci/classroom.py", folder], check=True, capture_output=True)
    downloads = folder / f"downloaded/{UNIT}/archive"
    downloads.mkdir(parents=True)
    with zipfile.ZipFile(downloads / "all.zip", "w") as archive:
        archive.writestr(f"../../../../outside {UNIT}.ipynb", HANDED_IN["right"])
    nbgrader(folder, "zip_collect", UNIT, check=False)  # refused or passed over, as setuptools' version has it
    assert not list(tmp_path.rglob("*outside*"))
    assert not (folder / "submitted/outside").exists()


def test_a_class_that_is_there_stays_untouched(handed_out):
    before = sorted(handed_out.rglob("*"))
    again = subprocess.run([sys.executable, ROOT / ".ci/classroom.py", handed_out], capture_output=True, text=True)
    assert again.returncode == 1 and "name a new folder" in again.stderr and "Traceback" not in again.stderr
    assert sorted(handed_out.rglob("*")) == before


def test_a_missing_assignment_is_told(handed_out):
    told = nbgrader(handed_out, "generate_assignment", "99_nothing", check=False)
    assert told.returncode != 0 and "99_nothing" in told.stderr
