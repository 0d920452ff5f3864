"""Slides from the notebooks: `make slides` stamps the cells with their slide types and writes build/slides.

    python .ci/slides.py --stamp   write the types into notebooks/*.ipynb; a second run changes nothing
    python .ci/slides.py           write the slides

The rule. The title with its card and every `##` heading begin a slide. Figures, claims, formulas, tables,
lists and short code follow on the same slide, one after the other, while they fit, else on one below it.
The other text is for the speaker's notes, what to see in a figure as well: ask first (key S shows the
notes). Setup, long code, references and links are left out.

A figure is shown without the code that draws it, claims as what they measured, a quiz without its answer,
which is in the notes. reveal.js comes from the package sphinx-revealjs: no page asks another server.
"""

import json
import os
import re
import shutil
import sys
from base64 import b64decode
from importlib.util import find_spec
from pathlib import Path

from mathml import mathml
from publish import BADGE, TAG

ROOT = Path(__file__).resolve().parent.parent
# The slide's canvas in pixels, what of it is filled at most, and what lines take, as slides.css sets them.
WIDTH, HEIGHT = 1280, 720
ROOM = 640
TEXT_LINE, TEXT_LETTERS, CODE_LINE, CODE_LETTERS, HEADING, GAP = 34, 88, 23, 100, 78, 18
FIGURE = 560  # the largest height of a figure
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$(?!\$)", re.S)
ANSWER = re.compile(r"<details><summary>Answer</summary>(.*?)</details>", re.S)


def types(notebook: dict) -> list[str]:
    """Return the slide type of every cell by the rule."""
    found, room, section = [], 0, ""
    for cell in notebook["cells"]:
        heading = cell["cell_type"] == "markdown" and re.match(r"##? +(.+)", _text(cell["source"]))
        section = heading[1] if heading else section
        kind = "skip" if section == "References" or cell is notebook["cells"][-1] else _kind(cell, section)
        if kind != "fragment":
            found.append(kind)
            room = ROOM - height(cell) if kind == "slide" else room
        elif height(cell) <= room:
            found.append("fragment")
            room -= height(cell)
        elif height(cell) <= ROOM:
            found.append("subslide")
            room = ROOM - height(cell)
        else:
            found.append("skip" if cell["cell_type"] == "code" else "notes")
    return found


def _kind(cell: dict, section: str) -> str:
    """Return slide, notes or skip; fragment for whatever is to be seen within a slide."""
    text = _text(cell["source"])
    if "tl.start(" in text or _published(cell):
        return "skip"
    if cell["cell_type"] == "code":
        return "fragment" if _pictures(cell) or shown(cell) else "skip"
    if re.match(r"##? ", text):
        return "slide"
    seen = re.search(r"\$\$|^\||^[-*] |^\d+\. |```|^### ", text, re.M) and "**What you should see" not in text
    if seen or section == "Quiz" or "card" in cell["metadata"].get("tags", []):
        return "fragment"
    return "notes"


def _published(cell: dict) -> bool:
    """Return whether `make publish` put the cell in: it carries no stamp and is on no slide."""
    return TAG in cell["metadata"].get("tags", [])


def shown(cell: dict) -> str:
    """Return what a slide shows of a code cell in letters: a claim's outcome, else the code and what it printed."""
    printed = "\n".join(_text(output.get("text", "")) for output in cell["outputs"])
    if hides_code(cell):
        return printed
    results = [_text(output["data"].get("text/plain", "")) for output in cell["outputs"] if "data" in output]
    return "\n".join([_text(cell["source"]), printed, *results])


def hides_code(cell: dict) -> bool:
    """Return whether a slide shows only what a cell gave: a figure, or the outcome of claims about what came before."""
    text = _text(cell["source"])
    return bool(_pictures(cell)) or ("tl.claim(" in text and not re.search(r"^(def|class) ", text, re.M))


def height(cell: dict) -> int:
    """Return an estimate, rather too large, of the pixels that a cell takes on a slide."""
    if cell["cell_type"] == "code":
        pictures = sum(_picture_height(output) + 2 * GAP for output in _pictures(cell))
        lines = sum(_lines(line, CODE_LETTERS) for line in shown(cell).splitlines())
        return pictures or lines * CODE_LINE + (1 + len(cell["outputs"])) * 2 * GAP
    text = ANSWER.sub("", _text(cell["source"]))
    formulas = len(re.findall(r"\$\$.+?\$\$", text, re.S))
    headings = len(re.findall(r"^##? ", text, re.M))
    plain = re.sub(r"\]\([^)]*\)|^##? .*", "", re.sub(r"\$\$.+?\$\$", "", text, flags=re.S), flags=re.M)
    lines = re.sub(r"(?<=[^\n|])\n(?![\n|\-*\d])", " ", plain).splitlines()  # a paragraph becomes one line
    rows = sum(line.startswith("|") for line in lines)
    wrapped = sum(_lines(line, TEXT_LETTERS) for line in lines if line.strip())
    return headings * HEADING + formulas * 80 + wrapped * TEXT_LINE + (rows + 1) * GAP


def _lines(line: str, letters: int) -> int:
    return max(1, -(-len(line) // letters))


def _pictures(cell: dict) -> list[dict]:
    kinds = ("image/png", "text/html")
    return [output for output in cell["outputs"] if any(kind in output.get("data", {}) for kind in kinds)]


def _picture_height(output: dict) -> int:
    if "image/png" in output["data"]:
        head = b64decode(_text(output["data"]["image/png"]))[:24]
        return min(FIGURE, int.from_bytes(head[20:24], "big"))
    html = _text(output["data"]["text/html"])
    return html.count("<img") * FIGURE + html.count("<tr") * 2 * TEXT_LINE


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def stamp(path: Path) -> bool:
    """Write the slide types into a notebook, nothing else; return whether it changed."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    changed = False
    for cell, kind in zip(notebook["cells"], types(notebook), strict=True):
        if not _published(cell) and cell["metadata"].get("slideshow") != {"slide_type": kind}:
            cell["metadata"]["slideshow"], changed = {"slide_type": kind}, True
    if changed:
        fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        fresh.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        fresh.replace(path)
    return changed


def page(path: Path):
    """Return a notebook as its slides show it: formulas as MathML, answers as notes, figures without code."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["title"] = re.sub(r"^# +", "", notebook.cells[0].source.splitlines()[0])
    notebook.cells = [cell for cell in notebook.cells if not _published(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = ANSWER.sub(r'<aside class="notes">\1</aside>', BADGE.sub("", cell.source))
            parts = re.split(r"(```.*?```|`[^`\n]+`)", text, flags=re.S)  # formulas stand outside code
            parts[::2] = [FORMULA.sub(lambda m: mathml(m[1] or m[2], display=bool(m[1])), part) for part in parts[::2]]
            # Pages of the course lie beside the slides only in the notebooks' folder: their names stay, unlinked.
            cell.source = re.sub(r"\[([^]]+)\]\((?!https?:)[^)]*\)", r"\1", "".join(parts))
        elif hides_code(cell):
            cell.metadata["transient"] = {"remove_source": True}
    return notebook


def build(folder: Path, target: Path) -> int:
    """Write the slides of the notebooks of a folder, with reveal.js beside them; return their number."""
    from nbconvert import SlidesExporter

    package = find_spec("sphinx_revealjs")
    if package is None:
        sys.exit("reveal.js is missing: pip install -e '.[site]' brings it in the package sphinx-revealjs")
    shutil.rmtree(target, ignore_errors=True)
    reveal = Path(package.submodule_search_locations[0]) / "_static" / "revealjs"
    themes = [f"{name.stem}.css" for name in (reveal / "dist" / "theme").glob("*.css") if name.stem != "white"]
    left_out = shutil.ignore_patterns("*.map", "*.esm.js", "league-gothic", *themes)  # other themes ask other servers
    for part in ("dist", "plugin/notes"):
        shutil.copytree(reveal / part, target / "reveal.js" / part, ignore=left_out)
    exporter = SlidesExporter(
        extra_template_basedirs=[str(Path(__file__).parent)],
        template_name="slides_template",
        reveal_url_prefix="reveal.js",
        reveal_width=str(WIDTH),
        reveal_height=str(HEIGHT),
        reveal_transition="none",
        reveal_theme="white",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    for path in paths:
        html, _ = exporter.from_notebook_node(page(path), {"metadata": {"name": path.stem}})
        (target / f"{path.stem}.html").write_text(html, encoding="utf-8")
    return len(paths)


if __name__ == "__main__":
    notebooks = ROOT / "notebooks"
    if sys.argv[1:] == ["--stamp"]:
        changed = [path.name for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb")) if stamp(path)]
        print(f"stamped: {', '.join(changed) or 'nothing to change'}")
    else:
        print(f"build/slides: {build(notebooks, ROOT / 'build' / 'slides')} talks; open one in a browser")
