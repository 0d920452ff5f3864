"""Run the notebooks with the versions that Colab has; `make colab-check` runs this (about 20 minutes).

    python .ci/colab_check.py             # every notebook
    python .ci/colab_check.py 08 14       # some of them
    python .ci/colab_check.py --venv DIR  # keep the environment elsewhere than in build/colab

Makes an environment with Colab's versions but without the course, builds the wheel, lets the notebooks'
own setup cell install it, and runs each notebook alone in an empty folder, as on Colab without a GPU. The
Python is the one that runs this; torch is the one of requirements.lock.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from publish import ROOT, setup_cell

# Colab's runtime of August 2026. Not here: its torch 2.11, which has no CPU build for every registry.
PINS = (
    "accelerate==1.14.*",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "ipywidgets==7.7.1",
    "matplotlib==3.10.*",
    "numpy==2.1.*",
    "peft==0.20.*",
    "scikit-learn==1.6.*",
    "transformers==5.15.*",
)
RUNNER = "nbclient>=0.10"
CELL_SECONDS = 600


def locked(name: str) -> str:
    """Return the line of requirements.lock for a package."""
    return re.search(rf"^{name}==.*$", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M)[0]


def make_environment(folder: Path) -> Path:
    """Make the environment or complete it, without the course; return its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", locked("torch")], check=True)  # alone: what comes next finds this build there
    subprocess.run([*pip, "install", locked("torch"), locked("torchvision"), *PINS, RUNNER], check=True)
    subprocess.run([*pip, "uninstall", "--yes", "tlutils"], check=True, stderr=subprocess.DEVNULL)
    return python


def install_course(python: Path, folder: Path) -> None:
    """Build the wheel into a folder and let the setup cell install it."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([python, "-c", setup_cell(wheel.as_uri(), driving=True)], check=True, cwd=folder, env=environment())


def environment() -> dict[str, str]:
    """Return this process's environment without what could lead to the checkout, and with the laptop profile."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TLUTILS_", "PYTHON"))}
    return kept | {"TLUTILS_PROFILE": "laptop"}


def run(python: Path, notebook: Path, folder: Path) -> bool:
    """Run a copy of a notebook alone in a new folder; print its line; return whether it ran to the end."""
    alone = folder / notebook.stem
    alone.mkdir()
    # Colab shows a notebook that lies in no folder: under another name the course does not find it either.
    shutil.copy(notebook, alone / "shown.ipynb")
    command = [python, "-c", "from nbclient.cli import main; main()", f"--timeout={CELL_SECONDS}", "shown.ipynb"]
    begin = time.monotonic()
    outside = environment() | {"TLUTILS_CACHE": str(folder / "cache"), "IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(command, cwd=alone, env=outside, capture_output=True, text=True)
    print(f"{notebook.stem:32} {'failed' if done.returncode else 'ok':6} {time.monotonic() - begin:4.0f} s", flush=True)
    if done.returncode:
        print(re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)[-3000:], flush=True)
    return not done.returncode


def main(arguments: list[str]) -> int:
    """Run the notebooks named, or all; return 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("numbers", nargs="*", metavar="NN", help="numbers of notebooks (default: all)")
    parser.add_argument("--venv", type=Path, default=ROOT / "build" / "colab")
    given = parser.parse_args(arguments)
    every = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    unknown = set(given.numbers) - {path.name[:2] for path in every}
    if unknown:
        parser.error(f"no notebook has the number {', '.join(sorted(unknown))}: known are 00 to {every[-1].name[:2]}")
    python = make_environment(given.venv.absolute())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        install_course(python, Path(folder))
        chosen = [path for path in every if path.name[:2] in (given.numbers or path.name[:2])]
        failed = [path.stem for path in chosen if not run(python, path, Path(folder))]
    print(f"{len(chosen) - len(failed)} ran to the end, {len(failed)} failed: {', '.join(failed) or 'none'}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
