"""The reading edition: pages that stand alone, that everyone can read, with and without JavaScript.

The browser looks at a few pages here; `make site-check` names the edition in SITE, and it looks at all of them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from html import escape
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from small_notebooks import code, lesson, text

ROOT = Path(__file__).resolve().parent.parent
FEW = ("index.html", "00_start_here.html", "04_transductive.html", "teaching/04_transductive.html", "search.html")
MISSING = [name for name in ("sphinx", "myst_nb", "sphinx_book_theme", "latex2mathml") if not find_spec(name)]
if MISSING:
    reason = f"{', '.join(MISSING)} not installed: pip install -e '.[site]'"
    pytest.skip(reason, allow_module_level=True)
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # Sphinx's, about its own extensions
sys.path[:0] = [str(ROOT / ".ci"), str(ROOT / ".ci" / "site")]

import build_site  # noqa: E402
import pages  # noqa: E402
import publish  # noqa: E402
from mathml import mathml  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
RESOURCES = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["'](?:[a-z]+:)?//[^"']*""", re.I)


def copy_of_the_course(target: Path) -> Path:
    """Copy the scripts and the pages, as a checkout without git, data and tests has them."""
    without = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in (".ci", "notebooks"):
        shutil.copytree(ROOT / name, target / name, ignore=without)
    return target


def small_course(target: Path, glossary: str) -> Path:
    """Write a course of one notebook and the glossary given."""
    shutil.copytree(ROOT / ".ci", target / ".ci", ignore=shutil.ignore_patterns("__pycache__"))
    (target / "notebooks").mkdir()
    (target / "notebooks" / "glossary.md").write_text(glossary, encoding="utf-8")
    lesson(target / "notebooks" / "04_small.ipynb", code("1 + 1"), text("## A section"))
    return target


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Return the edition that SITE names, or one that is built here."""
    if os.environ.get("SITE"):
        return Path(os.environ["SITE"]).resolve()
    root = copy_of_the_course(tmp_path_factory.mktemp("course"))
    known = {name: value for name, value in os.environ.items() if name != "REPO"} | {"PYTHONPATH": str(ROOT)}
    script = [sys.executable, str(root / ".ci" / "build_site.py")]
    done = subprocess.run(script, env=known, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "build" / "site"


@pytest.fixture(scope="module")
def html(site) -> dict[str, str]:
    """Return the text of every page by its name."""
    return {str(path.relative_to(site)): path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}


def looked_at(site: Path) -> list[Path]:
    """Return the pages that the browser opens."""
    return sorted(site.rglob("*.html")) if os.environ.get("SITE") else [site / name for name in FEW]


@pytest.fixture(scope="module")
def chromium():
    """Return a browser without a window."""
    if not CHROMIUM or not find_spec("playwright"):
        pytest.skip("no browser: pip install -e '.[site]'; sudo apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


# ---------------------------------------------------------------- the files


def test_no_page_asks_another_server_for_anything(html):
    assert {name: RESOURCES.findall(page) for name, page in html.items() if RESOURCES.search(page)} == {}


def test_styles_and_scripts_ask_no_other_server(site):
    outside = re.compile(r"(?:url\(\s*|@import\s+)[\"']?(?:https?:)?//")
    assert [path.name for path in site.rglob("*.css") if outside.search(path.read_text(encoding="utf-8"))] == []


def test_no_page_names_a_path_of_the_machine(html, site):
    for name, page in html.items():
        assert not re.search(r"(?<![\w.~<\"/])/(?:home|tmp|root|Users|work)/\w", page), name
        assert str(ROOT) not in page and str(site) not in page, name


def test_every_picture_has_its_alt_text(html):
    for name, page in html.items():
        for picture in re.findall(r"<img\b[^>]*>", page):
            assert re.search(r'\balt="[^"]+"', picture), f"{name}: {picture[:120]}"
    stored = json.loads((ROOT / "notebooks" / "04_transductive.ipynb").read_text(encoding="utf-8"))
    texts = pages.alternative_texts(stored)
    assert len(texts) >= 5
    for alt in texts.values():
        assert f'alt="{escape(alt, quote=False)}"' in html["04_transductive.html"]


def test_table_headers_say_what_they_head(html):
    for name, page in html.items():
        assert not re.search(r"<th(?![^>]*\bscope=)[\s>]", page), name


def test_formulas_are_mathml(html):
    page = html["04_transductive.html"]
    assert page.count("<math ") >= 1 and "MathJax" not in page and r"\min_" not in page


def test_the_navigation_shows_the_parts_and_the_guides(html):
    page = html["index.html"]
    for part in ("Start", "What transfer is", "Terms", "Teaching"):
        assert f'<span class="caption-text">{part}</span>' in page


def test_no_solution_and_no_button_without_a_repository(html, site):
    assert not list(site.rglob("solutions"))
    assert not any("colab.research.google.com" in page for page in html.values())


# ---------------------------------------------------------------- the build


def test_a_dead_link_fails_the_build_and_keeps_the_old_edition(tmp_path, monkeypatch, capsys):
    root = small_course(tmp_path, "# Glossary\n\n[here](nowhere.md) and [there](04_small.ipynb#A-section)\n")
    monkeypatch.delenv("REPO", raising=False)
    kept = root / "build" / "site" / "index.html"
    kept.parent.mkdir(parents=True)
    kept.write_text("the old one")
    with pytest.raises(SystemExit, match="1 dead links"):
        build_site.build(root, kept.parent)
    assert "nowhere.md" in capsys.readouterr().err and kept.read_text() == "the old one"


def test_a_published_course_has_buttons_and_neither_badge_nor_setup_cell(tmp_path, monkeypatch):
    root = small_course(tmp_path, "# Glossary\n\n[there](04_small.ipynb#A-section)\n")
    notebook = nbformat.read(root / "notebooks" / "04_small.ipynb", as_version=4)
    publish.stamp_notebook(notebook, "anna/transfer-learning", "notebooks/04_small.ipynb")
    nbformat.write(notebook, root / "notebooks" / "04_small.ipynb")
    monkeypatch.setenv("REPO", "anna/transfer-learning")
    build_site.build(root, tmp_path / "site")
    page = (tmp_path / "site" / "04_small.html").read_text(encoding="utf-8")
    address = "anna/transfer-learning/blob/main/notebooks/04_small.ipynb"
    assert f"https://colab.research.google.com/github/{address}" in page
    assert not RESOURCES.search(page) and "install_missing" not in page


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("title: x\n", ""),
        ('repository-code: "https://github.com/anna/course"\n', "anna/course"),
        ("repository-code: https://github.com/anna/course\n", "anna/course"),
    ],
)
def test_the_repository_stands_in_citation_cff(tmp_path, monkeypatch, text, name):
    monkeypatch.delenv("REPO", raising=False)
    (tmp_path / "CITATION.cff").write_text(text)
    assert build_site.repository(tmp_path) == name


@pytest.mark.parametrize("name", ["anna", "https://github.com/anna/course", "anna/course/x", "../x", "a b/c"])
def test_a_repository_of_another_form_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setenv("REPO", name)
    with pytest.raises(SystemExit, match="expected owner/name"):
        build_site.repository(tmp_path)


def test_every_kind_of_dead_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<p id="x"></p><a href="b.html#y">1</a><a href="#z">2</a><a href="c.html">3</a>')
    (tmp_path / "b.html").write_text('<a href="a.html#x">fine</a><img src="no.png"><a href="https://x.org/">out</a>')
    assert [line.split()[1] for line in build_site.dead_links(tmp_path)] == ["b.html#y", "#z", "c.html", "no.png"]


def test_solutions_are_not_linked(tmp_path):
    notebooks = tmp_path / "notebooks"
    (notebooks / "solutions").mkdir(parents=True)
    (notebooks / "solutions" / "04_x.ipynb").write_text("{}")
    (notebooks / "teaching").mkdir()
    guide = "# T\n\n[Solutions](../solutions/04_x.ipynb), [words](../glossary.md)\n"
    (notebooks / "teaching" / "04.md").write_text(guide)
    build_site.stage(notebooks, tmp_path / "source")
    assert (tmp_path / "source" / "teaching" / "04.md").read_text().endswith("\nSolutions, [words](../glossary.md)\n")
    assert not (tmp_path / "source" / "solutions").exists()


def test_a_formula_that_cannot_be_converted_is_named():
    assert "<mfrac>" in mathml(r"\frac{1}{2}", display=True)
    assert "lVert" not in mathml(r"\big\lVert x \big\rVert", display=False)
    with pytest.raises(ValueError, match=r"no MathML for \\nosuch"):
        mathml(r"\nosuch{x}", display=False)


# ---------------------------------------------------------------- in a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(site, chromium, scheme):
    if not find_spec("axe_playwright_python"):
        pytest.skip("axe is not installed: pip install -e '.[site]'")
    from axe_playwright_python.sync_playwright import Axe

    # Without motion: a button halfway from its light to its dark colour has too little contrast for 150 ms.
    axe, page, found = Axe(), chromium.new_page(color_scheme=scheme, reduced_motion="reduce"), []
    for path in looked_at(site):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert page.evaluate("document.getAnimations().length") == 0
        answer = axe.run(page, options={"resultTypes": ["violations"], "preload": False}).response
        for rule in answer["violations"]:
            if rule["impact"] in ("serious", "critical"):
                found += [f"{path.name}: {rule['id']}: {node['html'][:120]}" for node in rule["nodes"]]
    page.close()
    assert found == []


def test_pages_load_without_an_error_and_fit_a_telephone(site, chromium):
    page, problems = chromium.new_page(viewport={"width": 400, "height": 800}), []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    for path in looked_at(site):
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > 400:
            problems.append(f"{path.name} is wider than the screen")
    page.close()
    assert problems == []


def test_the_search_finds_a_word(site, chromium):
    page = chromium.new_page()
    page.goto(f"{(site / 'search.html').as_uri()}?q=canary")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    found = [link.get_attribute("href") for link in page.query_selector_all("#search-results li a")]
    assert any("04_transductive" in link for link in found)
    page.close()


def test_a_page_reads_and_its_quiz_opens_without_javascript(site, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "04_transductive.html").as_uri())
    assert page.locator("article h1").is_visible() and page.locator("math").first.is_visible()
    assert page.locator("nav a", has_text="Start here").first.is_visible()
    answer = page.locator("details").first
    assert not answer.locator("li").first.is_visible()
    answer.locator("summary").click()
    assert answer.locator("li").first.is_visible()
    context.close()
