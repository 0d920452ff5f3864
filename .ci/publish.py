"""Stamp the repository's address where readers need it; `make publish REPO=owner/name` runs this.

Into README.md and every notebook a Colab badge, into every notebook a setup cell (tag `colab`) before
its first code, into CITATION.cff the line `repository-code:`. Stamping again changes nothing; another
REPO replaces the first. Colab reads GitHub's branch `main`.
"""

import os
import re
import sys
import tomllib
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
TAG = "colab"
# GitHub's own limits: an owner has letters, digits and single hyphens, a name also dots and underscores.
REPO = re.compile(r"(?=.{1,39}/)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*/(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}")
COLAB = "https://colab.research.google.com"
BADGE = re.compile(rf"\[!\[Open in Colab\]\([^)]*\)\]\({re.escape(COLAB)}/github/[^)]*\)")
ADDRESS = re.compile(r"^repository-code:.*$", re.M)
# What the driving notebooks need beyond the package: distributions of the extra `driving` and their modules.
MODULES = {"gymnasium": "gymnasium", "box2d": "Box2D", "pygame-ce": "pygame"}


def badge(repo: str, path: str) -> str:
    """Return the badge that opens a notebook of the repository in Colab."""
    return f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{repo}/blob/main/{path})"


def archive(repo: str) -> str:
    """Return the address of the repository's content, as pip takes it without git."""
    return f"https://github.com/{repo}/archive/refs/heads/main.zip"


def setup_cell(source: str, driving: bool) -> str:
    """Return the code of the setup cell: the package from `source`, for a driving notebook its simulator too."""
    wanted = {"tlutils": f"tlutils @ {source}"}
    if driving:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        needs = project["optional-dependencies"]["driving"]
        wanted |= {MODULES[re.match(r"[\w-]+", need)[0]]: need for need in needs}
    lines = "".join(f'    "{module}": "{need}",\n' for module, need in wanted.items())
    body = (ROOT / ".ci" / "colab_cell.py").read_text(encoding="utf-8").rstrip()
    return f"{body}\n\n\ninstall_missing({{\n{lines}}})"


def setup_code(repo: str, path: str) -> str:
    """Return the code of the setup cell of one notebook of the repository."""
    return setup_cell(archive(repo), driving="driving" in path)


def with_badge(text: str, stamp: str) -> str:
    """Return markdown that begins `# Title` with its badge below the title, an older badge replaced."""
    if BADGE.search(text):
        return BADGE.sub(lambda _: stamp, text, count=1)
    title, _, rest = text.partition("\n")
    if not title.startswith("# "):
        raise ValueError(f"it begins {title[:40]!r}, expected `# Title`, below which the badge goes")
    return "\n\n".join(part for part in (title, stamp, rest.strip("\n")) if part) + "\n" * text.endswith("\n")


def stamp_notebook(notebook: nbformat.NotebookNode, repo: str, path: str) -> None:
    """Put badge and setup cell into a notebook that lies at `path` in the repository.

    Solutions carry the badge of their exercises, which `make exercises` derives from them.
    """
    notebook.cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    where = next((number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"), None)
    if where is None:
        raise ValueError("it has no code cell, expected one to put the setup before")
    first = notebook.cells[0]
    first.source = with_badge(first.source, badge(repo, path.replace("/solutions/", "/exercises/")))
    # It is no part of the lesson: folded away in JupyterLab, a form in Colab, left out of the reading edition.
    metadata = {"tags": [TAG, "remove-cell"], "jupyter": {"source_hidden": True}, "cellView": "form"}
    notebook.cells.insert(where, nbformat.v4.new_code_cell(setup_code(repo, path), id=TAG, metadata=metadata))


def stamped(root: Path, repo: str) -> dict[Path, str]:
    """Return the new text of every file that carries the repository's address, writing nothing.

    Raises ValueError for a `repo` that is not GitHub's owner/name, or naming the file that cannot be stamped.
    """
    if not REPO.fullmatch(repo):
        raise ValueError(f"REPO is {repo!r}, expected GitHub's owner/name, as in `make publish REPO=owner/name`")
    texts = {}
    folders = [root / "notebooks" / name for name in ("", "exercises", "solutions")]
    notebooks = [path for folder in folders for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
    for path in [root / "README.md", root / "CITATION.cff", *notebooks]:
        try:
            texts[path] = _stamped(path, repo, path.relative_to(root).as_posix())
        except (OSError, ValueError, AttributeError) as error:
            raise ValueError(f"{path.relative_to(root)} cannot be stamped: {error}") from error
    return texts


def _stamped(path: Path, repo: str, name: str) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        notebook = nbformat.reads(text, as_version=4)
        stamp_notebook(notebook, repo, name)
        nbformat.validate(notebook)
        return nbformat.writes(notebook) + "\n"
    if path.suffix == ".md":
        return with_badge(text, badge(repo, "notebooks/00_start_here.ipynb"))
    line = f'repository-code: "https://github.com/{repo}"'
    return ADDRESS.sub(line, text) if ADDRESS.search(text) else f"{text.rstrip()}\n{line}\n"


def write(texts: dict[Path, str]) -> list[Path]:
    """Write what has changed, each file to a temporary name first; return the files written."""
    changed = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    fresh = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in changed}
    try:
        for path, temporary in fresh.items():
            temporary.write_text(texts[path], encoding="utf-8", newline="\n")
        for path, temporary in fresh.items():
            temporary.replace(path)
    finally:
        for temporary in fresh.values():
            temporary.unlink(missing_ok=True)
    return changed


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Stamp the repository named; return 2, with one line that says why, when nothing was written."""
    try:
        changed = write(stamped(root, " ".join(arguments).strip()))
    except (ValueError, OSError) as error:
        print(f"Nothing was stamped: {error}", file=sys.stderr)
        return 2
    print(f"{len(changed)} files stamped." if changed else "Everything carries this address already.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
