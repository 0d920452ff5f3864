"""Make a folder in which nbgrader runs a class: the assignments with their solutions, and its settings.

    make class CLASS=FOLDER

Then, in that folder: nbgrader generate_assignment, zip_collect, autograde, generate_feedback, as
notebooks/teaching/README.md tells.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CONFIG = NOTEBOOKS / "teaching/nbgrader_config.py"


def make(folder: Path) -> int:
    """Write a class's folder and return the number of its assignments; raises FileExistsError where one is."""
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: name a new folder, so that a class's work stays untouched")
    solutions = sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary) / "class"
        for path in solutions:
            assignment = made / "source" / path.stem
            assignment.mkdir(parents=True)
            shutil.copy(path, assignment)
        shutil.copy(CONFIG, made)
        made.rename(folder)
    return len(solutions)


def main() -> None:
    """Make the folder that the command line names."""
    parser = argparse.ArgumentParser(description="make a folder for a class with nbgrader")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.expanduser()
    try:
        count = make(folder)
    except OSError as error:
        sys.exit(str(error))
    print(f"{count} assignments in {folder}; next: cd there, nbgrader generate_assignment 01_why_transfer")


if __name__ == "__main__":
    main()
