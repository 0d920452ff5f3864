"""Write the reading edition, build/site: notebooks, guides and glossary as static pages; `make site` runs this.

Shows the stored outputs; nothing is executed and nothing is fetched. A warning of Sphinx or a link that
leads nowhere fails the build, and the edition of before stays in place. REPO=owner/name, or the line
`repository-code:` in CITATION.cff, adds buttons that open a notebook on GitHub and Colab.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from publish import ADDRESS, BADGE, REPO
from sphinx.cmd.build import main as sphinx

from tlutils.course import Card, cards

ROOT = Path(__file__).resolve().parent.parent
# The first notebook of each part, and the part's name in the navigation.
PARTS = {0: "Start", 1: "What transfer is", 6: "How to transfer", 10: "At work", 16: "Limits and choices"}
# Links to solutions, which are not published, and to a folder.
NO_PAGE = re.compile(r"\[([^]]+)\]\([./]*(?:solutions(?:/[^)]*)?|exercises/?)\)")


def repository(root: Path) -> str:
    """Return owner/name from REPO or CITATION.cff, empty where neither names one; exit where it is not of that form."""
    line = ADDRESS.search(_text(root / "CITATION.cff"))
    found = re.search(r"https://github\.com/([^\"'\s]+)", line[0]) if line else None
    name = os.environ.get("REPO") or (found[1] if found else "")
    if name and not REPO.fullmatch(name):
        sys.exit(f"REPO is {name!r}, expected owner/name, as in make site REPO=anna/transfer-learning")
    return name


def index(folder: Path) -> str:
    """Return the first page: the course as a table for each part, and the navigation."""
    lines = [
        "# Transfer learning you can run",
        "",
        "A course in notebooks. Every figure and every number on these pages was measured when its notebook ran; "
        "nothing runs here. To run and change a notebook, download it from its page.",
    ]
    found = cards(folder)
    starts = [*PARTS, 100]
    for (first, name), last in zip(PARTS.items(), starts[1:], strict=True):
        part = [card for card in found if first <= card.number < last]
        if part:
            rows = [f"| [{card.label}]({card.file}) | {card.question} | {card.read_minutes} min |" for card in part]
            lines += ["", f"## {name}", "", "| Notebook | Question | To read |", "|:--|:--|--:|", *rows]
            lines += _toctree(name, [f"{short(card.label, found)} <{card.file}>" for card in part])
    exercises = sorted(path.name for path in (folder / "exercises").glob("*.ipynb"))
    guides = sorted(path.name for path in (folder / "teaching").glob("[0-9]*.md"))
    lines += ["", "## Beside the notebooks", "", "[Glossary](glossary.md), English and Chinese"]
    lines += [" · [Teaching the course](teaching/README.md)"] if guides else []
    lines += _toctree("Terms", ["glossary.md"])
    lines += _toctree("Exercises", [f"exercises/{name}" for name in exercises])
    lines += _toctree("Teaching", [f"teaching/{name}" for name in ["README.md", *guides] if guides])
    return "\n".join(lines) + "\n"


def short(label: str, found: list[Card]) -> str:
    """Return a label for the navigation: up to its colon, unless another notebook begins alike."""
    first = label.partition(":")[0]
    alike = [card for card in found if card.label.partition(":")[0][5:] == first[5:]]
    return first if len(alike) == 1 else label


def _toctree(caption: str, files: list[str]) -> list[str]:
    return ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *files, "```"] if files else []


def stage(notebooks: Path, source: Path) -> None:
    """Copy what becomes a page to the folder `source` and write its first page.

    Solutions are left out, and the badges of `make publish`: every page has a button for Colab, and a
    badge is a picture from another server.
    """
    source.mkdir()
    for kind in ("*.ipynb", "*.md", "exercises/*.ipynb", "teaching/*.md"):
        for path in notebooks.glob(kind):
            copy = source / path.relative_to(notebooks)
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(NO_PAGE.sub(r"\1", BADGE.sub("", _text(path))), encoding="utf-8")
    (source / "index.md").write_text(index(source), encoding="utf-8")


class _Page(HTMLParser):
    """The anchors of a page, and the local files and pages that it names."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        target = given.get("src") if tag in ("img", "script") else given.get("href") if tag in ("a", "link") else None
        if target is not None and not re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.I):
            self.links.append(target)


def dead_links(site: Path) -> Iterator[str]:
    """Yield, in words, every local link, script, style or picture of a folder of pages that leads nowhere."""
    pages = {path.resolve(): _Page(_text(path)) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link in page.links:
            file, _, fragment = link.partition("#")
            target = (path.parent / unquote(file.partition("?")[0])).resolve() if file else path
            if not target.is_file():
                yield f"{path.relative_to(site.resolve())}: {link} is no file of the site"
            elif fragment and target in pages and unquote(fragment) not in pages[target].anchors:
                yield f"{path.relative_to(site.resolve())}: {link} is no anchor of that page"


def build(root: Path, target: Path) -> None:
    """Write the pages of the notebooks under `root` to the folder `target`; exit with what is wrong."""
    os.environ["REPO"] = repository(root)
    with tempfile.TemporaryDirectory() as folder:
        source, site = Path(folder, "source"), Path(folder, "site")
        stage(root / "notebooks", source)
        settings = ["-c", str(root / ".ci" / "site"), "-d", str(Path(folder, "doctrees"))]
        failed = sphinx([*settings, "-b", "html", "-q", "-W", "--keep-going", "-j", "auto", str(source), str(site)])
        for template in (site / "_static").glob("*.html"):  # the theme's own, not pages
            template.unlink()
        dead = list(dead_links(site))
        if failed or dead:
            sys.exit("\n".join([*dead, f"build/site is not written: {len(dead)} dead links, Sphinx's answer {failed}"]))
        fresh = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        shutil.copytree(site, fresh)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    build(ROOT, ROOT / "build" / "site")
    print(f"build/site/index.html: {len(list((ROOT / 'build' / 'site').rglob('*.html')))} pages")
