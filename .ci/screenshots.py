"""Write build/screenshots: every notebook as JupyterLab shows it, light and dark; `make screenshots` runs this.

The stored outputs are shown and nothing is run. Each picture is a notebook in full length, so it shows how it
looks to a reader: figures, tables, formulas, folded answers. `data/lab.png`, for the README, is written anew too.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))
from lab import CHROMIUM_OPTIONS, MISSING, chromium, jupyter_lab  # noqa: E402

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
# Its top, in few colours to keep it small, is the README's picture.
FIRST_PAGE, FIRST_PAGE_HEIGHT = ("00", "light"), 912
WINDOW = {"width": 1000, "height": 2000}
# Text is rendered, formulas are set (a dollar sign is left of one that is not), pictures are decoded.
LOADED = """() => {
    const cells = [...document.querySelectorAll(".jp-Notebook .jp-MarkdownCell")];
    const rendered = cell => cell.querySelector(".jp-RenderedMarkdown")?.childElementCount;
    const blocks = [...document.querySelectorAll(".jp-RenderedMarkdown :is(p, li, td, h1, h2, h3)")];
    const images = [...document.querySelectorAll(".jp-Notebook img")];
    return cells.length > 5 && cells.every(rendered)
        && !blocks.some(block => block.textContent.includes("$"))
        && images.every(image => image.complete && image.naturalWidth);
}"""


def whole(page) -> Image.Image:
    """Return the open notebook in full length, put together from as many windows as it takes."""
    panel = page.locator(".jp-WindowedPanel-outer").first
    box, height = panel.bounding_box(), panel.evaluate("panel => panel.scrollHeight")
    picture = Image.new("RGB", (round(box["width"]), height))
    for top in range(0, height, int(box["height"])):
        at = panel.evaluate("(panel, top) => { panel.scrollTop = top; return panel.scrollTop }", top)
        part = Image.open(io.BytesIO(page.screenshot(clip=box, animations="disabled")))
        picture.paste(part, (0, round(at)))
    return picture


def main(names: list[str]) -> None:
    """Take the pictures of the notebooks whose numbers are named, of all without a name."""
    from playwright.sync_api import sync_playwright

    if not chromium():
        sys.exit(f"no Chromium to take pictures with: {MISSING}")
    found = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    paths = [path for path in found if not names or path.name[:2] in names]
    target = ROOT / "build" / "screenshots"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        copy = Path(folder) / "notebooks"  # JupyterLab saves what it opens
        shutil.copytree(ROOT / "notebooks", copy)
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        with jupyter_lab(copy) as lab:
            for theme, name in THEMES.items():
                lab.use_theme(name)
                for path in paths:
                    page = browser.new_page(viewport=WINDOW)
                    page.goto(lab.url(path.name))
                    page.wait_for_function(LOADED)
                    picture = whole(page)
                    picture.save(target / f"{path.stem}_{theme}.png")
                    if (path.name[:2], theme) == FIRST_PAGE:
                        top = picture.crop((0, 0, picture.width, FIRST_PAGE_HEIGHT))
                        top.quantize(128).save(ROOT / "data" / "lab.png", optimize=True)
                    page.close()
                    print(f"{path.stem} {theme}", flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
