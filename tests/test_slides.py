"""Slides: every cell carries the type that the rule gives it, and no slide overflows or asks another server."""

import json
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from small_notebooks import CARD, code, text

ROOT = Path(__file__).resolve().parent.parent
if not find_spec("latex2mathml"):
    pytest.skip("latex2mathml is not installed: pip install -e '.[site]'", allow_module_level=True)
sys.path.insert(0, str(ROOT / ".ci"))

import publish  # noqa: E402
import slides  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
# Shows one slide after the other and measures it: reveal.js hides all but the current one.
OVERFLOWING = """() => [...document.querySelectorAll('.slides section section')].filter(slide => {
  const column = slide.parentElement, before = [slide.style.display, column.style.display];
  column.hidden = slide.hidden = false;
  column.style.display = slide.style.display = 'block';
  const over = slide.scrollHeight > 720 || slide.scrollWidth > 1280;
  [slide.style.display, column.style.display] = before;
  return over;
}).map(slide => slide.innerText.slice(0, 60))"""


def lesson(*cells: dict) -> dict:
    """Return a notebook with title, card and setup before its cells and a line of links after them."""
    first = [text("# Small"), text(CARD.format(question="What?", time="read 8 min, run 20 s"), "card")]
    return {"cells": [*first, code('session = tl.start(seed=0)\nsession', "laptop"), *cells, text("Next: 05")]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_types_agree_with_the_rule(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    wrong = []
    for number, (cell, kind) in enumerate(zip(cells, slides.types({"cells": cells}), strict=True)):
        stored = cell["metadata"].get("slideshow", {}).get("slide_type")
        if stored != kind and publish.TAG not in cell["metadata"].get("tags", []):
            wrong.append(f"cell {number}: {stored}, not {kind}")
    assert not wrong, f"{path.name}: {wrong[:5]}; `make slides` stamps the notebooks"


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (text("## Section\n\nWords."), "slide"),
        (text("Only words, for the speaker."), "notes"),
        (text("**What you should see.** Two rows.\n\n- one"), "notes"),
        (text("A loss:\n\n$$\\min L$$"), "fragment"),
        (text("- a list"), "fragment"),
        (text("| a | b |\n|:--|:--|\n| 1 | 2 |"), "fragment"),
        (code("x = 1\nx", "1"), "fragment"),
        (code("# References\nx", "1"), "fragment"),
        (code("\n".join(f"x{k} = {k}" for k in range(40))), "skip"),
        (code("\n".join(f"x{k} = {k}" for k in range(24))), "subslide"),
    ],
)
def test_the_rule(cell, kind):
    assert slides.types(lesson(cell)) == ["slide", "fragment", "skip", kind, "skip"]


def fourth_cell(notebook: dict, folder: Path) -> str:
    """Return the first cell after the frame of a small notebook, as its slides show it."""
    notebook |= {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = str(number)
    path = folder / "04_small.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return slides.page(path).cells[3].source


def test_references_are_left_out_and_answers_are_notes(tmp_path):
    quiz = "## Quiz\n\n**1.** Why?\n\n- a) So\n\n<details><summary>Answer</summary>\n\n- a) Right: so\n\n</details>"
    notebook = lesson(text(quiz), text("## References\n\n- A (2010), doi:10.1/2"))
    assert slides.types(notebook)[3:] == ["slide", "skip", "skip"]
    shown = fourth_cell(notebook, tmp_path)
    assert "<details>" not in shown and '<aside class="notes">\n\n- a) Right: so' in shown


def test_what_publishing_adds_is_on_no_slide_and_gets_no_stamp(tmp_path):
    path = tmp_path / NOTEBOOKS[4].name
    shutil.copy(NOTEBOOKS[4], path)
    slides.stamp(path)
    notebook = nbformat.read(path, as_version=4)
    publish.stamp_notebook(notebook, "anna/transfer-learning", f"notebooks/{path.name}")
    nbformat.write(notebook, path)
    assert not slides.stamp(path)
    shown = slides.page(path)
    assert len(shown.cells) == len(notebook.cells) - 1 and "colab" not in shown.cells[0].source


def test_a_claim_about_earlier_cells_hides_its_code_and_a_function_is_shown():
    claim = code('tl.claim("it holds", 1, at_least=0)', "holds: it holds")
    assert slides.hides_code(claim) and slides.shown(claim) == "holds: it holds"
    assert not slides.hides_code(code('def f():\n    return 1\n\n\ntl.claim("it holds", f(), at_least=0)', "holds"))


def test_formulas_become_mathml_outside_code_alone(tmp_path):
    notebook = lesson(text("The $x_S$ costs `$5` and\n\n$$\\frac{1}{n}$$"))
    shown = fourth_cell(notebook, tmp_path)
    assert shown.count("<math ") == 2 and "`$5`" in shown and "<mfrac>" in shown


def test_a_stamp_changes_nothing_but_the_types_and_a_second_one_nothing(tmp_path):
    copy = tmp_path / NOTEBOOKS[4].name
    before = json.loads(NOTEBOOKS[4].read_text(encoding="utf-8"))
    for cell in before["cells"]:
        cell["metadata"].pop("slideshow", None)
    copy.write_text(json.dumps(before), encoding="utf-8")
    assert slides.stamp(copy)
    stamped = copy.read_bytes()
    assert not slides.stamp(copy) and copy.read_bytes() == stamped
    after = json.loads(stamped)
    assert [cell["metadata"].pop("slideshow")["slide_type"] for cell in after["cells"]] == slides.types(before)
    assert after == before


def test_no_slide_overflows_or_asks_another_server(tmp_path):
    for name, extra in (("nbconvert", "test"), ("sphinx_revealjs", "site"), ("playwright", "site")):
        if not find_spec(name):
            pytest.skip(f"{name} is not installed: pip install -e '.[{extra}]'")
    if not CHROMIUM:
        pytest.skip("no browser: sudo apt-get install chromium")
    from playwright.sync_api import sync_playwright

    notebooks, target = tmp_path / "notebooks", tmp_path / "slides"
    notebooks.mkdir()
    for path in NOTEBOOKS:
        shutil.copy(path, notebooks)
        slides.stamp(notebooks / path.name)
    assert slides.build(notebooks, target) == len(NOTEBOOKS)
    problems = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.on("request", lambda request: re.match("(file|data|blob):", request.url) or problems.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        for path in sorted(target.glob("*.html")):
            page.goto(path.as_uri())
            problems += [f"{path.stem} overflows: {words!r}" for words in page.evaluate(OVERFLOWING)]
            pictures = page.locator("img").evaluate_all("found => found.filter(one => one.alt.length < 20).length")
            problems += [f"{path.stem}: {pictures} pictures without alt text"] if pictures else []
            html = path.read_text(encoding="utf-8")
            problems += [path.stem] if "No description has been provided" in html else []
        browser.close()
    assert problems == []
