"""`make publish` stamps badges, setup cells and the address, on copies of the course's own files."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import nbformat
import notebook_form
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
publish = notebook_form.PUBLISH
REPO, OTHER = "first-owner/first-name", "some-one/the.course_2"


@pytest.fixture
def course(tmp_path) -> Path:
    """A copy of what is stamped, with every neighbour that a link of a notebook leads to."""
    for name in ("README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return tmp_path


def content(course: Path) -> dict[str, bytes]:
    return {path.relative_to(course).as_posix(): path.read_bytes() for path in course.rglob("*") if path.is_file()}


def stamp(course: Path, repo: str = REPO) -> int:
    return publish.main([repo], course)


def pages(course: Path) -> list[Path]:
    return sorted((course / "notebooks").rglob("[0-9][0-9]_*.ipynb"))


# ---------------------------------------------------------------- the stamps


def test_a_stamped_notebook_differs_by_badge_and_setup_cell_alone(course):
    before = {path: nbformat.read(path, as_version=4) for path in pages(course)}
    assert stamp(course) == 0
    assert before
    for path, old in before.items():
        new = nbformat.read(path, as_version=4)
        nbformat.validate(new)
        (place,) = (number for number, cell in enumerate(new.cells) if cell.id == "colab")
        added = new.cells.pop(place)
        assert "colab" in added.metadata.tags and added.outputs == [] and added.execution_count is None
        assert [cell.cell_type for cell in new.cells[:place]] == ["markdown"] * place
        assert new.cells[place].cell_type == "code"
        title, badge, *rest = new.cells[0].source.split("\n\n", 2)
        shown = path.relative_to(course).as_posix().replace("solutions", "exercises")
        assert badge.endswith(f"(https://colab.research.google.com/github/{REPO}/blob/main/{shown})")
        new.cells[0].source = "\n\n".join([title, *rest])
        assert new == old, path.name


@pytest.mark.parametrize("number", ["00", "14"])
def test_a_stamped_notebook_keeps_the_form(course, number):
    (path,) = (course / "notebooks").glob(f"{number}_*.ipynb")
    before = notebook_form.breaches(notebook_form.Page.read(path))
    stamp(course)
    page = notebook_form.Page.read(path)
    assert notebook_form.breaches(page) == before
    assert len(page.nb.cells) == len(page.cells) + 1


def test_stamped_notebooks_pass_the_linter(course):
    stamp(course)
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml"]
    command += sorted((course / "notebooks").glob("*.ipynb"))
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_readme_and_citation_name_the_repository(course):
    stamp(course)
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Transfer learning you can run\n\n[![Open in Colab](")
    assert f"/github/{REPO}/blob/main/notebooks/00_start_here.ipynb)\n\n" in readme
    citation = yaml.safe_load((course / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation.pop("repository-code") == f"https://github.com/{REPO}"
    assert citation == yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_stamping_twice_changes_nothing_and_another_address_replaces_the_first(course, capsys):
    stamp(course)
    once = content(course)
    stamp(course)
    assert content(course) == once
    assert "already" in capsys.readouterr().out
    stamp(course, OTHER)
    assert not [name for name, text in content(course).items() if REPO.encode() in text]
    stamp(course)
    assert content(course) == once


def test_only_driving_notebooks_ask_for_the_simulator(course):
    stamp(course)
    asking = {path.name[:2] for path in pages(course) if '\\"Box2D\\": ' in path.read_text(encoding="utf-8")}
    assert asking == {"14", "15"}


def test_exercises_derived_after_stamping_carry_the_stamp(course):
    pytest.importorskip("nbgrader", reason="exercises are derived by nbgrader: pip install nbgrader")
    spec = importlib.util.spec_from_file_location("derive", ROOT / ".ci/exercises.py")
    derive = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(derive)
    (course / "notebooks/exercises").mkdir(exist_ok=True)
    solutions = sorted((course / "notebooks/solutions").glob("*.ipynb"))
    for path in solutions:
        exercise = derive.derived(nbformat.read(path, as_version=4))
        nbformat.write(exercise, course / "notebooks/exercises" / path.name)
    stamp(course)
    for path in solutions:
        derived = derive.text(derive.derived(nbformat.read(path, as_version=4)))
        assert (course / "notebooks/exercises" / path.name).read_text(encoding="utf-8") == derived


def test_the_repository_itself_invents_no_address():
    committed = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8")).get("repository-code", "")
    badges = {found for path in pages(ROOT) for found in publish.BADGE.findall(path.read_text(encoding="utf-8"))}
    repos = {re.search(r"/github/([^/]+/[^/]+)/", found)[1] for found in badges}
    assert repos == ({committed.removeprefix("https://github.com/")} if committed else set())


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "repo",
    [
        "",
        "owner",
        "owner/",
        "/name",
        "a b/c",
        "owner/name/more",
        "https://github.com/owner/name",
        "owner/name.git",
        "-owner/name",
        "own--er/name",
        "owner/..",
        "owner/näme",
        "o" * 40 + "/name",
        'owner/name"\nversion: 9',
    ],
)
def test_what_is_no_repository_gets_one_line_and_writes_nothing(course, capsys, repo):
    before = content(course)
    assert stamp(course, repo) == 2
    said = capsys.readouterr().err
    assert said.startswith("Nothing was stamped: REPO is ") and said.count("\n") == 1
    assert "expected GitHub's owner/name, as in `make publish REPO=owner/name`" in said
    assert content(course) == before


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("not JSON", "Notebook does not appear to be JSON"),
        ('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "no code cell"),
        (nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])), "expected `# Title`"),
    ],
)
def test_a_notebook_that_cannot_be_stamped_is_named_and_nothing_is_written(course, capsys, text, complaint):
    (course / "notebooks/07_bad.ipynb").write_text(text, encoding="utf-8")
    before = content(course)
    assert stamp(course) == 2
    said = capsys.readouterr().err
    assert "notebooks/07_bad.ipynb cannot be stamped" in said and complaint in said
    assert content(course) == before


def test_a_full_disk_leaves_every_file_as_it_was(course, capsys, monkeypatch):
    before, wrote, written = content(course), Path.write_text, []

    def write_text(path, *given, **options):
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        written.append(path)
        return wrote(path, *given, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
    assert stamp(course) == 2
    assert "No space left" in capsys.readouterr().err
    assert content(course) == before


# ---------------------------------------------------------------- the setup cell, run


def test_where_the_package_is_the_cell_does_nothing(capfd, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    names = {}
    exec(publish.setup_code(REPO, "01_why_transfer.ipynb"), names)
    assert set(names) - {"__builtins__"} == {"install_missing"}
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def machine(tmp_path):
    """Return a Python like Colab's: its own site-packages, behind them all that is installed here but tlutils."""
    venv.create(tmp_path / "venv", symlinks=os.name != "nt")
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (site,) = (tmp_path / "venv").rglob("site-packages")
    # A path in a .pth file is searched, its own .pth files are not read: an editable tlutils stays hidden.
    here = {str(distribution(name).locate_file("")) for name in ("torch", "numpy", "pip")}
    (site / "here.pth").write_text("\n".join(sorted(here)), encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return python, site


def run(python: Path, code: str, **outside: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "TLUTILS_"))}
    folder = python.parent.parent.parent / "empty"
    return subprocess.run([python, "-c", code], cwd=folder, env=kept | outside, capture_output=True, text=True)


def test_in_an_empty_folder_the_cell_installs_the_package_and_touches_nothing_else(machine, wheel):
    python, site = machine
    cell = publish.setup_cell(wheel.as_uri(), driving=False)
    look = "\nfrom importlib.util import find_spec; print(find_spec('tlutils').origin, find_spec('torch').origin)"
    done = run(python, cell + look, PIP_NO_INDEX="1")  # what is pinned and there needs no registry
    assert done.returncode == 0, done.stderr
    *said, found = done.stdout.splitlines()
    assert said == ["Installing tlutils … (a minute or two)", "Done. Nothing that was here has changed."]
    assert found.split() == [str(site / "tlutils/__init__.py"), importlib.util.find_spec("torch").origin]
    new = {path.name.partition("-")[0] for path in site.iterdir()} - {"here.pth", "__pycache__"}
    assert new == {"tlutils"}
    again = run(python, cell)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_version_that_does_not_fit_is_named_and_stays(machine, wheel):
    python, site = machine
    old = site / "captum-0.1.0.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: captum\nVersion: 0.1.0\n", encoding="utf-8")
    (old / "INSTALLER").write_text("pip\n", encoding="utf-8")
    done = run(python, publish.setup_cell(wheel.as_uri(), driving=False), PIP_NO_INDEX="1")
    _, told, why = done.stderr.partition("RuntimeError: what is missing does not fit beside what is here:\n")
    assert told and "depends on captum>=" in why and "The user requested (constraint) captum==0.1.0" in why
    assert old.exists() and not (site / "tlutils").exists()


def test_torch_is_asked_for_and_never_installed(machine):
    python, site = machine
    (site / "here.pth").unlink()
    done = run(python, publish.setup_code(REPO, "01_why_transfer.ipynb"), PIP_NO_INDEX="1")
    assert done.stderr.endswith(
        "RuntimeError: install torch and torchvision and numpy first, in the build for this machine: "
        "this cell never does\n"
    )
    assert done.stdout == ""
