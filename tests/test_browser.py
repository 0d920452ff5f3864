"""The course in a real JupyterLab: a notebook runs from its menu without an error, and a slider moves its figure."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from lab import CHROMIUM_OPTIONS, MISSING, chromium, end, jupyter_lab

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"

# Every code cell has run, or one of them has failed and those below it never will.
FINISHED = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map(prompt => prompt.textContent);
    const said = [...document.querySelectorAll("[data-mime-type$='stderr']")].map(output => output.textContent);
    return prompts.every(text => /\\[\\d+\\]/.test(text)) || said.some(text => text.includes("Traceback"));
}"""


@pytest.fixture(scope="module")
def browser():
    """Return Chromium, driven by Playwright; skip what needs it where either is missing."""
    api = pytest.importorskip("playwright.sync_api", reason=f"no playwright: {MISSING}")
    pytest.importorskip("jupyterlab", reason=f"no jupyterlab: {MISSING}")
    pytest.importorskip("ipywidgets", reason=f"no ipywidgets: {MISSING}")
    if not chromium():
        pytest.skip(f"no Chromium: {MISSING}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """Return a JupyterLab that serves a copy of the notebooks, which it saves into; it ends with the tests."""
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    prepare(folder)
    with jupyter_lab(folder) as lab:
        yield lab


def prepare(folder: Path) -> None:
    """Write the notebooks of these tests: without outputs, so that only what runs in the browser has any."""
    nbformat.write(stored("00_start_here"), folder / "start.ipynb")
    shift = stored("02_what_is_transfer")
    cells = up_to_slider(shift)
    shift.cells = [cells[0], cells[-1]]  # all that the slider needs
    nbformat.write(shift, folder / "shift.ipynb")
    weight = stored("08_adaptation_objective")
    weight.cells = up_to_slider(weight)
    for cell in weight.cells:  # claims hold of well-trained networks only
        cell.source = re.sub(r"^ *tl\.claim\(.*\n?", "", cell.source, flags=re.M)
    for old, new in (("steps=150", "steps=2"), ("seeds=3", "seeds=2"), ("printed(4000", "printed(400")):
        assert any(old in cell.source for cell in weight.cells), f"notebook 08 no longer says {old}"
        for cell in weight.cells:
            cell.source = cell.source.replace(old, new)
    nbformat.write(weight, folder / "weight.ipynb")


def stored(name: str) -> nbformat.NotebookNode:
    """Return a notebook of the course as if it had never been run."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def up_to_slider(notebook: nbformat.NotebookNode) -> list:
    """Return the code cells down to the one that shows a slider."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return code[: next(i for i, cell in enumerate(code) if "tl.plots.slider(" in cell.source) + 1]


@pytest.fixture
def page(browser):
    """Return a new page; the test fails for every error in its console, whether it looked there or not."""
    page, wrong = browser.new_page(viewport={"width": 1000, "height": 1200}), []
    page.set_default_timeout(60_000)
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    page.close()
    assert wrong == []


def run_all(page, lab, name: str) -> None:
    """Open a notebook, choose Run All Cells from the menu, wait until it has run, save it: no output is an error."""
    page.goto(lab.url(name))
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # earlier, the menu would ask for a kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(FINISHED)
    with page.expect_response(lambda answer: answer.request.method == "PUT" and name in answer.url):
        page.keyboard.press("Control+s")
    cells = nbformat.read(lab.notebooks / name, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []


def test_the_first_notebook_runs_from_the_menu(page, lab):
    run_all(page, lab, "start.ipynb")
    texts = [image.get_attribute("alt") for image in page.locator(".jp-OutputArea img").all()]
    assert len(texts) >= 3 and all(texts)
    assert page.get_by_text("holds: ").count() >= 2


@pytest.mark.parametrize(("name", "label"), [("shift", "strength"), ("weight", "λ")])
def test_a_slider_moves_its_figure_by_keyboard(page, lab, name, label):
    run_all(page, lab, f"{name}.ipynb")
    handle, figure = page.get_by_role("slider"), page.locator(".jupyter-widgets img")
    assert page.locator(".widget-label").first.inner_text() == label
    first = figure.get_attribute("src")
    assert figure.get_attribute("alt").startswith(f"{label} = 0:")
    handle.press("ArrowRight")
    page.wait_for_function("before => document.querySelector('.jupyter-widgets img').src !== before", arg=first)
    assert not figure.get_attribute("alt").startswith(f"{label} = 0:")
    handle.press("ArrowLeft")
    page.wait_for_function("before => document.querySelector('.jupyter-widgets img').src === before", arg=first)


def test_a_server_that_hangs_is_killed():
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(); signal.pause()"
    server = subprocess.Popen([sys.executable, "-uc", stubborn], stdout=subprocess.PIPE)
    server.stdout.readline()
    end(server, seconds=0.2)
    assert server.returncode == -signal.SIGKILL


def test_the_kernel_is_the_python_that_runs_the_tests(page, lab):
    cell = nbformat.v4.new_code_cell("import sys; sys.executable")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    run = nbformat.v4.new_notebook(cells=[cell], metadata=metadata)
    nbformat.write(run, lab.notebooks / "python.ipynb")
    run_all(page, lab, "python.ipynb")
    assert page.locator(".jp-OutputArea-output").inner_text().strip() == repr(sys.executable)
