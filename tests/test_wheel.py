"""The wheel stands alone: built, installed elsewhere, it has its data with it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: object, **options) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_package_and_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        manifest = archive.read("tlutils/data/manifest.json")
    assert manifest == (ROOT / "data" / "manifest.json").read_bytes()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"tlutils"}
    embedded = {path.relative_to(ROOT).as_posix() for path in (ROOT / "data").rglob("*") if path.is_file()}
    assert {f"tlutils/{name}" for name in embedded} <= set(names)
    assert [name for name in names if "__pycache__" in name or ".ipynb" in name] == []
    assert {name.rpartition("/")[2] for name in names} >= {"LICENSE-CODE", "LICENSE-TEXT"}


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # --no-index: the dependencies are here already, and this test needs no network
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", folder, wheel)
    return folder


def outside(site: Path) -> dict[str, str]:
    """Return an environment in which the installed package comes first and nothing of the course is set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TLUTILS_")}
    return kept | {"PYTHONPATH": str(site), "TLUTILS_PROFILE": "laptop"}


def test_the_installed_wheel_works_in_an_empty_folder(site, tmp_path):
    program = """
import tlutils
from tlutils.datasets.digits import handwritten, printed
from tlutils.store import data_dir
print(tlutils.__file__)
print(data_dir())
print(len(printed(50)), len(handwritten()))
"""
    out = run(sys.executable, "-c", program, cwd=tmp_path, env=outside(site))
    module, data, sizes = out.splitlines()
    assert Path(module).is_relative_to(site)
    assert Path(data) == site / "tlutils" / "data"
    assert sizes == "50 1797"


def test_the_first_lessons_run_on_the_installed_wheel_in_an_empty_folder(site, tmp_path):
    executes = "from nbclient.cli import main; main()"
    runs = {}
    for path in sorted((ROOT / "notebooks").glob("0[012]_*.ipynb")):
        alone = tmp_path / path.stem
        alone.mkdir()
        shutil.copy(path, alone / "lesson.ipynb")  # under a name by which the course's map does not find it
        command = [sys.executable, "-c", executes, "--timeout=300", "lesson.ipynb"]
        runs[path.stem] = subprocess.Popen(command, cwd=alone, env=outside(site), stderr=subprocess.PIPE, text=True)
    failed = {name: said for name, done in runs.items() if (said := done.communicate()[1]) and done.returncode}
    assert len(runs) == 3
    assert failed == {}
