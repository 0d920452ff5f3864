"""Derive notebooks/exercises from notebooks/solutions; `make exercises` runs this.

nbgrader's own preprocessors take the solutions and outputs out and lock the checks, so what a reader opens here is
what `nbgrader generate_assignment` hands to a class.
"""

import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def derived(solution: NotebookNode) -> NotebookNode:
    """Return the exercise notebook of a notebook with solutions."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearOutput, ClearSolutions, ComputeChecksums, LockCells
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(NOTEBOOKS / "teaching")).load_config()
    exercise, resources = nbformat.from_dict(solution), {"unique_key": "exercise"}
    for step in (LockCells, ClearSolutions, ClearOutput, ClearHiddenTests, ComputeChecksums):
        exercise, resources = step(config=config).preprocess(exercise, resources)
    return exercise


def text(notebook: NotebookNode) -> str:
    """Return a notebook as it is stored."""
    return nbformat.writes(notebook) + "\n"


def main() -> None:
    """Write the exercise notebook of each solution, and remove those that have lost theirs."""
    solutions = sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))
    if not solutions:
        sys.exit(f"no notebook in {NOTEBOOKS / 'solutions'}: exercises are derived from solutions")
    folder = NOTEBOOKS / "exercises"
    folder.mkdir(exist_ok=True)
    for path in solutions:
        temporary = folder / f"{path.name}.tmp"
        temporary.write_text(text(derived(nbformat.read(path, as_version=4))), encoding="utf-8")
        temporary.replace(folder / path.name)
    for orphan in {path.name for path in folder.glob("*.ipynb")} - {path.name for path in solutions}:
        (folder / orphan).unlink()
    print(f"{len(solutions)} exercise notebooks in {folder.relative_to(NOTEBOOKS.parent)}")


if __name__ == "__main__":
    main()
