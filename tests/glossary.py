"""The glossary of the course, and every way in which it and the notebooks can disagree.

    python tests/glossary.py             # every fault of notebooks/ and of the repository's Markdown files

An entry of `notebooks/glossary.md` is a heading, a line with the Chinese name, other English names and
the place that teaches the term, and one or two sentences; entries stand in alphabetical order:

    ## negative transfer

    负迁移 · [03 · When it fails](03_inductive.ipynb#When-it-fails)

    The model does worse on the target with the source than without it.

A notebook defines a term by **term** (中文), with at most one word between. Chinese in brackets after a word
that is not bold recalls a term and may be a part of its Chinese name. Whatever else is bold, has at most
four words and is no sentence counts as a term as well, and needs an entry.

An anchor is a heading with a dash for each space: JupyterLab and nbconvert make it so, and MyST when its
`myst_heading_slug_func` says so. Headings with letters beyond ASCII have none, for JupyterLab compares
them with what the browser has encoded.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from notebook_form import FENCE, Page, headings, links, notebooks, sentences, without_code

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = "glossary.md"
LONGEST_TERM = 4  # words
SENTENCES = (1, 2)
CHINESE = "[\u4e00-\u9fff]"
BOLD = r"\*\*([^*]+)\*\*"


# ---------------------------------------------------------------- the glossary


@dataclass(frozen=True)
class Entry:
    """An entry; Chinese name, link and text are empty where the line or the text is missing."""

    name: str
    chinese: str
    others: tuple[str, ...]
    link: str
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.others)


def entries(text: str) -> list[Entry]:
    """Return the entries of a glossary, in its order."""
    found = []
    for block in re.split(r"^## ", text, flags=re.M)[1:]:
        name, _, body = block.partition("\n")
        line, _, meaning = body.strip().partition("\n")
        parts = re.fullmatch(r"(.+) · \[[^\]]+\]\(([^)\s]+)\)", line.strip())
        chinese, *others = parts[1].split(" · ") if parts else [""]
        found.append(Entry(name.strip(), chinese, tuple(others), parts[2] if parts else "", meaning.strip()))
    return found


def faults_of_entries(listed: list[Entry]) -> Iterator[str]:
    """Yield what is wrong with the entries among themselves: form, order, a name given twice."""
    seen = set()
    for before, entry in zip([None, *listed], listed, strict=False):
        if not re.search(CHINESE, entry.chinese) and entry.link:
            yield f"{entry.name}: no Chinese name"
        if not entry.link:
            yield f"{entry.name}: no line `中文 · [NN · Section](NN_name.ipynb#Section)` below the heading"
        elif not SENTENCES[0] <= sentences(entry.text) <= SENTENCES[1]:
            yield f"{entry.name}: {sentences(entry.text)} sentences (wanted: one or two)"
        if before and before.name.casefold() > entry.name.casefold():
            yield f"{entry.name}: out of order, it stands after {before.name}"
        for name in entry.names:
            if name.casefold() in seen:
                yield f"{name}: defined twice"
            seen.add(name.casefold())


def faults_of_places(folder: Path, listed: list[Entry]) -> Iterator[str]:
    """Yield every entry whose link leads to a notebook, or a section of one, that does not use the term."""
    for entry in listed:
        file, _, anchor = entry.link.partition("#")
        path = folder / unquote(file)
        if path.is_file() and path.suffix == ".ipynb":
            text = " ".join(section(path, unquote(anchor)).split()).casefold()
            if text and not any(name.casefold() in text for name in entry.names):
                yield f"{entry.name}: {entry.link} does not use the term"


# ---------------------------------------------------------------- terms of the notebooks


def definitions(text: str) -> Iterator[tuple[str | None, str, str]]:
    """Yield for each Chinese gloss the bold term before it, or None, the text before it, and the Chinese."""
    text = _line(text)
    for gloss in re.finditer(rf"\(([^()]*{CHINESE}[^()]*)\)", text):
        before = text[: gloss.start()].rstrip()
        bold = re.search(rf"{BOLD}(?:,? [\w-]+)?$", before)
        chinese = next(part for part in re.split("[,;，；]", gloss[1]) if re.search(CHINESE, part))
        yield bold and bold[1].strip(), before.replace("*", ""), chinese.strip()


def bold_terms(text: str) -> Iterator[str]:
    """Yield what is bold, short and no sentence."""
    for term in re.findall(BOLD, _line(text)):
        if re.search(r"[^\W\d]", term) and term[-1] not in ".?:" and len(term.split()) <= LONGEST_TERM:
            yield term.strip()


def _line(text: str) -> str:
    return " ".join(without_code(text).split())


def faults_of_terms(path: Path, listed: list[Entry]) -> Iterator[str]:
    """Yield every term of a notebook that the glossary lacks, or has under another Chinese name."""
    known = {name.casefold(): entry for entry in listed for name in entry.names}

    def find(term: str) -> Entry | None:
        term = term.casefold()
        return known.get(term) or known.get(term.removesuffix("s"))

    for cell in _page(path).prose:
        where = f"{path.name}, cell {cell.number}"
        for term, before, chinese in definitions(cell.text):
            entry = find(term) if term else _last_term(before, known)
            shown = f"**{term}** ({chinese})" if term else f"{' '.join(before.split()[-3:])} ({chinese})"
            if entry is None:
                yield f"{where}: {shown} is not in the glossary"
            elif chinese != entry.chinese and (term or chinese not in entry.chinese):
                yield f"{where}: {shown} is {entry.chinese} in the glossary"
        glossed = {term for term, _, _ in definitions(cell.text)}
        for term in bold_terms(cell.text):
            if term not in glossed and find(term) is None:
                yield f"{where}: **{term}** is not in the glossary"


def _last_term(text: str, known: dict[str, Entry]) -> Entry | None:
    """Return the entry with the longest name, singular or plural, that the text ends with."""
    text = text.casefold()
    ends = [name for name in known if re.search(rf"(?<!\w){re.escape(name)}s?$", text)]
    return known[max(ends, key=len)] if ends else None


# ---------------------------------------------------------------- links


def dead_links(path: Path) -> Iterator[str]:
    """Yield the relative links of a notebook or Markdown file whose file is missing.

    In notebooks and the glossary the anchor is looked for, too.
    """
    for where, target in _links(path):
        file, _, anchor = unquote(target).partition("#")
        if re.match(r"[a-z][a-z0-9+.-]+:|//", target, re.I):
            continue
        aim = path.parent / file.split("?")[0] if file else path
        if not aim.exists():
            yield f"{where}: link to {target}, and there is no such file"
        elif anchor and (aim.suffix == ".ipynb" or aim.name == GLOSSARY) and anchor not in anchors(aim):
            what = "entry" if aim.name == GLOSSARY else "heading"
            yield f"{where}: link to {target}, and {aim.name} has no such {what}"


def _links(path: Path) -> Iterator[tuple[str, str]]:
    if path.suffix != ".ipynb":
        yield from ((path.name, target) for target in links(_text(path)))
        return
    for cell in _page(path).cells:
        texts = [cell.text] if cell.kind == "markdown" else []
        texts += [text for mime, text in cell.texts_of_outputs() if mime in ("text/markdown", "text/html")]
        for text in texts:
            yield from ((f"{path.name}, cell {cell.number}", target) for target in links(text))


def anchors(path: Path) -> set[str]:
    """Return the anchors that JupyterLab gives to the headings of a file."""
    texts = [cell.text for cell in _page(path).prose] if path.suffix == ".ipynb" else [_text(path)]
    found = {_anchor(title) for text in texts for _, title in headings(text)}
    return {anchor for anchor in found if anchor.isascii()}


def section(path: Path, anchor: str) -> str:
    """Return the text below a heading, up to the next one of its level or above; without an anchor all of it."""
    wanted, inside = [], None if anchor else 0
    for line in "\n".join(FENCE.sub("", cell.text) for cell in _page(path).prose).splitlines():
        for level, title in headings(line):
            if inside is None and _anchor(title) == anchor:
                inside = level
            elif inside and level <= inside:
                inside = None
        if inside is not None:
            wanted.append(line)
    return "\n".join(wanted)


def _anchor(title: str) -> str:
    return re.sub(r"[`*]", "", title).replace(" ", "-")


@cache
def _page(path: Path) -> Page:
    return Page.read(path)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# ---------------------------------------------------------------- everything


def pages(root: Path) -> list[Path]:
    """Return every notebook and Markdown file of a repository; what lies in hidden folders is not its own."""
    tops = [path for path in root.iterdir() if path.name[0] not in "._"]
    found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*.*"))]
    found = [path for path in found if path.suffix in (".ipynb", ".md")]
    return sorted(path for path in found if not any(part[0] in "._" for part in path.relative_to(root).parts))


def faults(root: Path) -> list[str]:
    """Return every fault of the glossary, the notebooks and the Markdown files of a repository."""
    folder = root / "notebooks"
    listed = entries(_text(folder / GLOSSARY))
    found = [(folder, f"{GLOSSARY}, {fault}") for fault in faults_of_entries(listed)]
    found += [(folder, f"{GLOSSARY}, {fault}") for fault in faults_of_places(folder, listed)]
    found += [(folder, fault) for path in notebooks(folder) for fault in faults_of_terms(path, listed)]
    found += [(path.parent, fault) for path in pages(root) for fault in dead_links(path)]
    return [f"{here.relative_to(root).as_posix()}/{fault}".removeprefix("./") for here, fault in found]


if __name__ == "__main__":
    FOUND = faults(ROOT)
    print("\n".join(FOUND) or "no fault")
    sys.exit(bool(FOUND))
