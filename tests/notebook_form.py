r"""The form of a notebook of the course: every rule a small function that lists its breaches.

    python tests/notebook_form.py notebooks             # every notebook of a folder
    python tests/notebook_form.py notebooks/03_*.ipynb  # one of them

prints a table of the numbers per notebook, then every breach in words. A breach names its rule, the
cell (counted from 1, code and text together), the measured value and the limit.

The fixed pieces of a notebook, in order:

Title. The first cell is `# Title` and nothing else; a line of linked badges may stand below it.

Card. The second cell, tagged `card`, is these five lines and nothing else. `Before this` is
`nothing`, or links separated by commas or `and`.

    | Question | How many labels does transfer save? |
    |:--|:--|
    | You will be able to | draw a learning curve and read a saving off it |
    | Time | read 8 min, run 20 s |
    | Before this | [00 · Start here](00_start_here.ipynb) |

Setup. The first code cell: at most 6 lines, with `tl.start(`, after at most 120 words. The cell tagged
`colab` that `make publish` puts before it is compared with what that writes, and otherwise not counted.

Sections. Each level-2 heading is the first line of its cell. Two or more of your own, then
`## When it fails`, `## Take-away`, `## Quiz`, `## References`. What stands between the card and the take-away is
the body. The last cell leads on: to the exercises, when `exercises/NN_*.ipynb` exists, and to both neighbours.

What you should see. After each figure and before the next one, a paragraph of a markdown cell begins

    **What you should see.** The blue curve rises first …

Take-away. Three sentences.

Quiz. Three questions, numbered; each is a paragraph, then a list of three or more choices, then one
`<details>` in the same cell. Its first line is written as below, an empty line follows, then one line
for each choice with its reason. Exactly one reason begins with `Right`.

    **1.** Why is the test half cut from the other side of the picture?

    - a) So that no pixel is shared.
    - b) So that it is harder.
    - c) So that both halves have the same size.

    <details><summary>Answer</summary>

    - a) Right: shared pixels would let the model recognise the picture itself.
    - b) No: difficulty is a side effect and nothing is gained by it.
    - c) No: the sizes could be equal with shared pixels as well.

    </details>

References. A list; every item has a DOI (`https://doi.org/10.…` or `doi:10.…`), an arXiv id
(`arXiv:1234.56789` or `https://arxiv.org/abs/…`), or a URL and the word `documentation`.

Navigation. The last cell, markdown without a heading; each link exactly where that file exists (in one line):

    Previous: [02 · What is transfer](02_what_is_transfer.ipynb) · Next: [04 · Transductive](04_transductive.ipynb)
    · [Glossary](glossary.md)

How it is counted. Words: what a reader reads, so without formulas, HTML tags, table markup, link
targets and blocks of code; answers in `<details>` count. Lines of code: lines that are not blank, so
comments count. The words per line of code and the length of text cells are taken over the body.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from statistics import median
from urllib.parse import unquote

import nbformat

SETUP_LINES = 6
WORDS_BEFORE_CODE = 120
CELLS = (25, 60)
WORDS = (900, 2000)
CODE_LINES = 180
MEDIAN_CODE_CELL = 6
P90_CODE_CELL = 15
LONGEST_CODE_CELL = 25
CODE_CELLS_IN_A_ROW = 3
WORDS_PER_LINE = (8, 15)
LONGEST_TEXT_CELL = 110
MEDIAN_TEXT_CELL = (30, 80)
CODE_WIDTH = 100
ALT_LENGTH = 20
FILE_BYTES = 1_000_000
IGNORED_SHARE = 0.6
CLAIMS = 3
# Notebook 00 is the front door: shorter, with more words around less code, one claim.
FRONT_DOOR_CELLS = (15, 60)
FRONT_DOOR_WORDS = (500, 2000)
FRONT_DOOR_WORDS_PER_LINE = (8, 25)
FRONT_DOOR_CLAIMS = 1

SEE = "**What you should see.**"
CLOSING = ("When it fails", "Take-away", "Quiz", "References")
IGNORE = "nbval-ignore-output"
_spec = importlib.util.spec_from_file_location("publish", Path(__file__).resolve().parent.parent / ".ci/publish.py")
PUBLISH = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(PUBLISH)

Found = Iterator[tuple[int | None, str, str]]


# ---------------------------------------------------------------- text


COMMENT = re.compile(r"<!--.*?-->", re.S)
FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?(^ {0,3}\1\s*$|\Z)", re.S | re.M)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
FORMULA = re.compile(
    r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|\\begin\{(\w+\*?)\}.+?\\end\{\1\}"
    r"|(?<![\\$])\$(?![\s$])(?:[^$\n]|\n(?!\s*\n))*?(?<![\s\\])\$(?!\d)",
    re.S,
)


def without_code(text: str) -> str:
    """Return markdown without comments, code and formulas."""
    for part in (COMMENT, FENCE, SPAN, FORMULA):
        text = part.sub(" ", text)
    return text


def readable(text: str) -> str:
    """Return the prose of markdown as a reader meets it: link texts stay, a code span stays as `code` words."""
    text = SPAN.sub(lambda found: _code_words(found[2]), FENCE.sub(" ", COMMENT.sub(" ", text)))
    text = FORMULA.sub(" ", text)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", " ", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<?https?://[^\s>)]+>?", " ", text)
    text = re.sub(r"</?[A-Za-z][^<>]*>", " ", text)
    return re.sub(r"&[a-z]+;|\|", " ", text)


def _code_words(span: str) -> str:
    return " ".join("code" for token in span.split() if re.search(r"\w", token))


def words(text: str) -> int:
    """Return the number of words in markdown."""
    return len(re.findall(r"[^\W_]+(?:[’'.,\-/][^\W_]+)*", readable(text)))


def sentences(text: str) -> int:
    """Return the number of sentences in markdown; a paragraph or list item ends its last sentence."""
    text = readable(FORMULA.sub("formula", SPAN.sub("code", text)))
    text = re.sub(r"\b(e\.g|i\.e|vs|cf|al|Figs?|Eqs?|Sec|approx|resp)\.(?=\s)", r"\1", text)
    return sum(len(re.findall(r"\w.*?(?:[.?!]+[*_\"'”’)\]]*(?=\s|$)|\Z)", block, re.S)) for block in blocks(text))


def blocks(text: str) -> list[str]:
    """Return the paragraphs and list items of markdown."""
    parts = re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)])\s)", text)
    return [re.sub(r"^\s*(?:[-*+]|\d+[.)])\s+", "", part).strip() for part in parts if part.strip()]


def headings(text: str) -> list[tuple[int, str]]:
    """Return level and title of every heading in markdown."""
    text = FENCE.sub("", text)
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*$", text, re.M)]


def links(text: str) -> list[str]:
    """Return every target that markdown links to or shows."""
    text = without_code(text)
    inside = re.findall(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)", text)
    return inside + re.findall(r"^\s*\[[^\]]+\]:\s*(\S+)", text, re.M) + _html_links(text)


def _html_links(html: str) -> list[str]:
    return re.findall(r"<(?:a|img)\b[^>]*?\b(?:href|src)\s*=\s*[\"']([^\"']+)[\"']", html)


# ---------------------------------------------------------------- a notebook


@dataclass(frozen=True)
class Cell:
    """A cell with its number, counted from 1."""

    number: int
    node: nbformat.NotebookNode

    @property
    def kind(self) -> str:
        return self.node.get("cell_type", "")

    @cached_property
    def text(self) -> str:
        source = self.node.get("source", "")
        return source if isinstance(source, str) else "".join(source)

    @property
    def tags(self) -> list[str]:
        return self.node.get("metadata", {}).get("tags", [])

    @property
    def outputs(self) -> list:
        return self.node.get("outputs", [])

    @property
    def headings(self) -> list[tuple[int, str]]:
        return headings(self.text) if self.kind == "markdown" else []

    @cached_property
    def words(self) -> int:
        return words(self.text) if self.kind == "markdown" else 0

    @property
    def lines(self) -> int:
        return sum(bool(line.strip()) for line in self.text.splitlines())

    @property
    def only_headings(self) -> bool:
        return all(line.lstrip().startswith("#") for line in self.text.splitlines() if line.strip())

    @property
    def ignored(self) -> bool:
        return IGNORE in self.tags or bool(re.search(r"^\s*#\s*NBVAL_IGNORE_OUTPUT", self.text, re.M))

    @cached_property
    def tree(self) -> ast.Module | None:
        """The parsed code, shell and magic lines left out; None when it is not Python."""
        code = re.sub(r"^(\s*)[%!].*$", r"\1pass", self.text, flags=re.M)
        try:
            with warnings.catch_warnings(action="ignore"):
                return ast.parse(code)
        except SyntaxError:
            return None

    @property
    def claims(self) -> int:
        """How many calls of `claim` stand in the cell."""
        if self.kind != "code" or self.tree is None:
            return len(re.findall(r"\bclaim\(", self.text)) if self.kind == "code" else 0
        calls = (node.func for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return sum("claim" in (getattr(call, "id", ""), getattr(call, "attr", "")) for call in calls)

    def texts_of_outputs(self) -> Iterator[tuple[str, str]]:
        """Yield format and text of every output that is text."""
        for output in self.outputs:
            if "text" in output:
                yield "text/plain", _joined(output["text"])
            for mime, value in output.get("data", {}).items():
                if not mime.startswith("image/") or mime == "image/svg+xml":
                    yield mime, _joined(value)
            if output.get("output_type") == "error":
                yield "text/plain", "\n".join(map(str, output.get("traceback", [])))

    def images(self) -> Iterator[str | None]:
        """Yield the alt text, None without one, of every image among the outputs."""
        for output in self.outputs:
            for mime in output.get("data", {}):
                if mime.startswith("image/"):
                    yield output.get("metadata", {}).get(mime, {}).get("alt")


def _joined(value: object) -> str:
    return "".join(value) if isinstance(value, list) and all(isinstance(x, str) for x in value) else str(value)


@dataclass(frozen=True)
class Page:
    """A parsed notebook, the folder it lies in, its file name and its size in bytes."""

    nb: nbformat.NotebookNode
    folder: Path
    name: str
    size: int

    @classmethod
    def read(cls, path: Path) -> Page:
        """Read a notebook as it is stored, without the repairs that nbformat would make."""
        text = path.read_text(encoding="utf-8")
        return cls(nbformat.from_dict(json.loads(text)), path.parent, path.name, path.stat().st_size)

    @property
    def number(self) -> int | None:
        found = re.match(r"(\d\d)_", self.name)
        return int(found[1]) if found else None

    @property
    def front_door(self) -> bool:
        return self.number == 0

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells of the lesson: what `make publish` adds is none of them."""
        lesson = (node for node in self.nb.get("cells", []) if PUBLISH.TAG not in Cell(0, node).tags)
        return [Cell(number, node) for number, node in enumerate(lesson, 1)]

    @cached_property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "code"]

    @cached_property
    def prose(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "markdown"]

    @cached_property
    def body(self) -> list[Cell]:
        """The cells between the card and the closing frame (take-away, quiz, references, navigation)."""
        frame = {"Take-away", "Quiz", "References"}
        ends = [cell.number for cell in self.prose if frame & {title for level, title in cell.headings if level == 2}]
        return self.cells[2 : min(ends) - 1] if ends else self.cells[2:]

    @property
    def text_cells(self) -> list[Cell]:
        return [cell for cell in self.body if cell.kind == "markdown" and not cell.only_headings]

    @property
    def words(self) -> int:
        return sum(cell.words for cell in self.prose)

    @property
    def code_lines(self) -> int:
        return sum(cell.lines for cell in self.code)

    @property
    def words_per_line(self) -> float:
        lines = sum(cell.lines for cell in self.body if cell.kind == "code")
        return sum(cell.words for cell in self.body) / lines if lines else math.inf

    @property
    def claims(self) -> int:
        return sum(cell.claims for cell in self.code)

    def section(self, title: str) -> tuple[int | None, str]:
        """Return the cell and the text, heading left out, of a level-2 section; (None, "") when missing."""
        start, text = None, []
        for cell in self.cells:
            here = [name for level, name in cell.headings if level == 2]
            if start is None and title in here:
                start = cell.number
            elif start is not None and (here or cell is self.navigation):
                break
            if start is not None and cell.kind == "markdown":
                text.append(cell.text)
        return start, re.sub(r"^ {0,3}##\s.*$", "", "\n\n".join(text), count=1, flags=re.M).strip()

    @property
    def navigation(self) -> Cell | None:
        last = self.cells[-1] if self.cells else None
        return last if last and last.kind == "markdown" and not last.headings else None

    def neighbour(self, step: int, folder: str = "") -> str | None:
        """Return the file before (−1), after (1) or of the same number (0), relative to this folder, if any.

        Before and after are the nearest that exist: a course may grow with a gap.
        """
        if self.number is None:
            return None
        files = sorted((self.folder / folder).glob("[0-9][0-9]_*.ipynb"))
        away = {path: int(path.name[:2]) - self.number for path in files}
        found = [path for path in files if (away[path] * step > 0 if step else away[path] == 0)]
        nearest = min(found, key=lambda path: abs(away[path]), default=None)
        return nearest.relative_to(self.folder).as_posix() if nearest else None


@dataclass(frozen=True)
class Breach:
    """What broke a rule, where, the measured value and the limit."""

    rule: str
    cell: int | None
    measured: str
    limit: str

    def __str__(self) -> str:
        where = f"cell {self.cell}" if self.cell else "notebook"
        return f"{self.rule}, {where}: {self.measured} (wanted: {self.limit})"


RULES: dict[str, Callable[[Page], list[Breach]]] = {}


def rule(check: Callable[[Page], Found]) -> Callable[[Page], list[Breach]]:
    """Enter a check among the RULES under its own name."""

    @wraps(check)
    def checked(page: Page) -> list[Breach]:
        return [Breach(check.__name__, *found) for found in check(page)]

    RULES[check.__name__] = checked
    return checked


# ---------------------------------------------------------------- frame


@rule
def title(page: Page) -> Found:
    limit = "first cell: `# Title` alone, below it at most a line of linked badges"
    first = page.cells[0] if page.cells else None
    if first is None or first.kind != "markdown":
        yield 1, "the first cell is not markdown", limit
        return
    lines = [line for line in first.text.splitlines() if line.strip()]
    if not lines or not re.match(r"# \S", lines[0]):
        yield 1, f"it begins {lines[0][:40] if lines else ''!r}", limit
    rest = re.sub(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)", "", "\n".join(lines[1:])).strip()
    if rest:
        yield 1, f"below the title stands {rest[:40]!r}", limit


LINK = r"\[[^\]]+\]\([^)]+\)"
CARD = (
    (r"\| *Question *\|.*\? *\|", "| Question | … ? |"),
    (r"\| *:-+ *\| *:-+ *\|", "|:--|:--|"),
    (r"\| *You will be able to *\| *[^ |].*\|", "| You will be able to | … |"),
    (r"\| *Time *\| *read \d+ min, run \d+ s *\|", "| Time | read 8 min, run 20 s |"),
    (
        rf"\| *Before this *\| *([Nn]othing|{LINK}((, and |, | and ){LINK})*) *\|",
        "| Before this | nothing, or links alone |",
    ),
)


@rule
def card(page: Page) -> Found:
    second = page.cells[1] if len(page.cells) > 1 else None
    if second is None or second.kind != "markdown" or "card" not in second.tags:
        yield 2, "the second cell is not a markdown cell tagged `card`", "a card"
        return
    tagged = [cell.number for cell in page.cells if "card" in cell.tags]
    if len(tagged) > 1:
        yield tagged[1], f"{len(tagged)} cells are tagged `card`", "one card"
    lines = [line.strip() for line in second.text.splitlines() if line.strip()]
    if len(lines) != len(CARD):
        yield 2, f"{len(lines)} lines", "the five lines of the table and nothing else"
    for line, (form, shown) in zip(lines, CARD, strict=False):
        if not re.fullmatch(form, line):
            yield 2, f"line {line!r}", shown


@rule
def setup_cell(page: Page) -> Found:
    if not page.code:
        yield None, "no code cell", "a setup cell"
        return
    first = page.code[0]
    if first.lines > SETUP_LINES:
        yield first.number, f"{first.lines} lines of setup", f"at most {SETUP_LINES}"
    if "tl.start(" not in first.text:
        yield first.number, "the first code cell does not call tl.start(", "tl.start(…) in the first code cell"


INSTALLS = re.compile(r"\b(?:pip3?|uv|conda|mamba|apt(?:-get)?)\b[\s\"',]+install\b")


@rule
def colab_cell(page: Page) -> Found:
    stored = page.nb.get("cells", [])
    code = [Cell(number, node) for number, node in enumerate(stored, 1) if node.get("cell_type") == "code"]
    wanted = "as `make publish` writes it"
    for cell in (cell for cell in code if PUBLISH.TAG in cell.tags):
        repo = re.search(r"https://github\.com/([^/]+/[^/]+)/archive/", cell.text)
        if cell.text != PUBLISH.setup_code(repo[1] if repo else "", page.name):
            yield cell.number, "a cell tagged `colab` with other code", wanted
        if cell is not code[0] or cell.outputs:
            yield cell.number, "a cell tagged `colab` with outputs, or after other code", wanted
    for cell in page.code:
        if INSTALLS.search(cell.text):
            yield cell.number, f"it installs something: {INSTALLS.search(cell.text)[0]!r}", "nothing is installed"


@rule
def code_comes_early(page: Page) -> Found:
    first = page.code[0].number if page.code else len(page.cells) + 1
    before = sum(cell.words for cell in page.prose if cell.number < first)
    if before > WORDS_BEFORE_CODE:
        yield first, f"{before} words before the first code cell", f"at most {WORDS_BEFORE_CODE}"


@rule
def sections(page: Page) -> Found:
    titles = [name for cell in page.prose for level, name in cell.headings if level == 2]
    for cell in page.prose:
        second = [name for level, name in cell.headings if level == 2]
        if second and (len(second) > 1 or not re.match(r"\s*##\s", cell.text)):
            yield cell.number, f"level-2 headings {second}", "one, as the first line of its cell"
    closing = list(CLOSING)
    if titles[-len(closing) :] != closing:
        yield None, f"the level-2 headings are {titles}", f"they end with {closing}"
        return
    own = titles[: -len(closing)]
    if len(own) < 2 or set(own) & set(closing):
        yield None, f"sections before `When it fails`: {own}", "at least two of your own, other names"


@rule
def take_away(page: Page) -> Found:
    number, text = page.section("Take-away")
    if number and sentences(text) != 3:
        yield number, f"{sentences(text)} sentences", "exactly three"


@rule
def quiz(page: Page) -> Found:
    number, text = page.section("Quiz")
    if number is None:
        return
    for cell in page.cells[number - 1 :]:
        opened, closed = len(re.findall("<details", cell.text)), len(re.findall("</details>", cell.text))
        if cell.kind == "markdown" and opened != closed:
            yield cell.number, f"{opened} <details> opened, {closed} closed", "each closed in its cell"
    questions = re.split(r"^(?=\*\*\d+\.\*\*)", text, flags=re.M)[1:]
    marks = [re.match(r"\*\*(\d+)\.\*\* +\S", question) for question in questions]
    found = [mark[1] if mark else "?" for mark in marks]
    if found != ["1", "2", "3"]:
        yield number, f"questions {found}", "three, written `**1.** …`, `**2.** …`, `**3.** …`"
    for index, question in enumerate(questions, 1):
        yield from ((number, f"question {index}: {what}", wanted) for what, wanted in _breaches_of_question(question))


def _breaches_of_question(text: str) -> Iterator[tuple[str, str]]:
    asked, *answers = re.split(r"^<details>", text, flags=re.M)
    if len(answers) != 1:
        yield f"{len(answers)} <details>", "one, at the start of a line"
        return
    answer, _, after = answers[0].partition("</details>")
    opener = re.match(r"<summary>Answer</summary>[ \t]*\n[ \t]*\n", answer)
    if not opener:
        yield f"opens `<details>{answer[:30]!s}`", "`<details><summary>Answer</summary>` and an empty line"
    if after.strip():
        yield f"text after </details>: {after.strip()[:30]!r}", "nothing"
    choices = re.findall(r"^- ([a-z])\) +\S", asked, re.M)
    reasons = dict(re.findall(r"^- ([a-z])\) +(\S.*)", answer, re.M))
    if len(choices) < 3 or choices != [chr(ord("a") + k) for k in range(len(choices))]:
        yield f"choices {choices}", "at least three, `- a) …`, `- b) …`, `- c) …` in order"
    if list(reasons) != choices:
        yield f"reasons for {list(reasons)}", f"one line `- a) …` for each of {choices}"
    for letter, reason in reasons.items():
        if words(reason) < 4:
            yield f"the reason for {letter} has {words(reason)} words", "a reason of at least 4 words"
    right = [letter for letter, reason in reasons.items() if re.match(r"\**Right\b", reason)]
    if len(right) != 1:
        yield f"reasons that begin with `Right`: {right}", "exactly one"


@rule
def exercises(page: Page) -> Found:
    there = page.neighbour(0, "exercises")
    last = page.navigation
    if there and last and there not in links(last.text):
        yield last.number, f"no link to {there}", "a link in the last cell, because the file exists"


SOURCE = re.compile(r"doi\.org/10\.\d{4,}|doi:\s*10\.\d{4,}|arxiv\.org/(?:abs|pdf)/\S|arxiv:\s*\S*\d{4}", re.I)


@rule
def references(page: Page) -> Found:
    number, text = page.section("References")
    if number is None:
        return
    items = blocks(text)
    if not items:
        yield number, "no reference", "at least one"
    for item in items:
        documented = re.search(r"https?://", item) and re.search("documentation", item, re.I)
        if not SOURCE.search(item) and not documented:
            yield number, f"reference {item[:50]!r}", "a DOI, an arXiv id, or a URL and the word `documentation`"


@rule
def navigation(page: Page) -> Found:
    last = page.navigation
    if last is None:
        yield len(page.cells), "the last cell is no navigation", "markdown without a heading"
        return
    for word, step in (("Previous", -1), ("Next", 1)):
        wanted = page.neighbour(step)
        found = re.findall(rf"\b{word}: *\[[^\]]+\]\(([^)#\s]+)\)", last.text)
        if found != ([wanted] if wanted else []):
            form = f"`{word}: [NN · Title]({wanted})`" if wanted else "no link, there is no such file"
            yield last.number, f"{word}: {found or 'no link'}", form
    if (page.folder / "glossary.md").exists() and "glossary.md" not in links(last.text):
        yield last.number, "no link to the glossary", "`· [Glossary](glossary.md)`"
    if not links(last.text):
        yield last.number, "no link in the last cell", "a link"


# ---------------------------------------------------------------- sizes


def _outside(value: float, limits: tuple[float, float]) -> bool:
    return not limits[0] <= value <= limits[1]


def _between(limits: tuple[float, float]) -> str:
    return f"{limits[0]} to {limits[1]}"


@rule
def number_of_cells(page: Page) -> Found:
    limits = FRONT_DOOR_CELLS if page.front_door else CELLS
    if _outside(len(page.cells), limits):
        yield None, f"{len(page.cells)} cells", _between(limits)


@rule
def number_of_words(page: Page) -> Found:
    limits = FRONT_DOOR_WORDS if page.front_door else WORDS
    if _outside(page.words, limits):
        yield None, f"{page.words} words of prose", _between(limits)


@rule
def lines_of_code(page: Page) -> Found:
    if page.code_lines > CODE_LINES:
        yield None, f"{page.code_lines} lines of code", f"at most {CODE_LINES}"


def code_cell_sizes(page: Page) -> tuple[float, int, int]:
    """Return the median, the 90th percentile (nearest rank) and the maximum of lines in code cells."""
    sizes = sorted(cell.lines for cell in page.code) or [0]
    return median(sizes), sizes[math.ceil(0.9 * len(sizes)) - 1], sizes[-1]


@rule
def median_code_cell(page: Page) -> Found:
    size = code_cell_sizes(page)[0]
    if size > MEDIAN_CODE_CELL:
        yield None, f"the median code cell has {size:g} lines", f"at most {MEDIAN_CODE_CELL}"


@rule
def ninetieth_percentile_code_cell(page: Page) -> Found:
    size = code_cell_sizes(page)[1]
    if size > P90_CODE_CELL:
        yield None, f"the 90th percentile of code cells is {size} lines", f"at most {P90_CODE_CELL}"


@rule
def longest_code_cell(page: Page) -> Found:
    for cell in page.code:
        if cell.lines > LONGEST_CODE_CELL:
            yield cell.number, f"{cell.lines} lines", f"at most {LONGEST_CODE_CELL}"


@rule
def code_cells_in_a_row(page: Page) -> Found:
    row = 0
    for cell in page.cells:
        row = row + 1 if cell.kind == "code" else 0 if cell.words else row
        if cell.kind == "code" and row == CODE_CELLS_IN_A_ROW + 1:
            yield cell.number, f"{row} code cells in a row without text", f"at most {CODE_CELLS_IN_A_ROW}"


@rule
def words_per_line_of_code(page: Page) -> Found:
    limits = FRONT_DOOR_WORDS_PER_LINE if page.front_door else WORDS_PER_LINE
    if _outside(page.words_per_line, limits):
        yield None, f"{page.words_per_line:.1f} words per line of code in the body", _between(limits)


@rule
def longest_text_cell(page: Page) -> Found:
    for cell in page.text_cells:
        if cell.words > LONGEST_TEXT_CELL:
            yield cell.number, f"{cell.words} words", f"at most {LONGEST_TEXT_CELL}"


def median_of_text_cells(page: Page) -> float:
    """Return the median number of words in text cells of the body, cells of headings alone left out."""
    return median([cell.words for cell in page.text_cells] or [0])


@rule
def median_text_cell(page: Page) -> Found:
    size = median_of_text_cells(page)
    if _outside(size, MEDIAN_TEXT_CELL):
        yield None, f"the median text cell of the body has {size:g} words", _between(MEDIAN_TEXT_CELL)


# ---------------------------------------------------------------- results


@rule
def what_you_should_see(page: Page) -> Found:
    wanted = f"a paragraph that begins {SEE} before the next figure"
    waiting, seen = None, 0
    for cell in page.cells:
        if cell.kind == "markdown" and any(part.strip().startswith(SEE) for part in re.split(r"\n\s*\n", cell.text)):
            waiting, seen = None, seen + 1
        for _ in cell.images():
            if waiting:
                yield waiting, "a figure without its paragraph", wanted
            waiting = cell.number
    if waiting:
        yield waiting, "a figure without its paragraph", wanted
    if not seen:
        yield None, f"no paragraph begins {SEE}", "at least one in each notebook"


@rule
def alt_text(page: Page) -> Found:
    for cell in page.cells:
        for alt in cell.images():
            if len((alt or "").strip()) < ALT_LENGTH:
                yield cell.number, f"alt text {alt!r} of a figure", f"at least {ALT_LENGTH} characters in its metadata"
        html = "\n".join(text for mime, text in cell.texts_of_outputs() if mime == "text/html")
        alts = [*cell.images(), *_alts_in_html(html)]
        if cell.kind == "markdown":
            text = without_code(cell.text)
            alts += re.findall(r"!\[([^\]]*)\]", text) + _alts_in_html(text)
        for alt in alts:
            if alt is not None and not alt.strip():
                yield cell.number, "an image without alt text", "alt text"
            elif re.match(r"\s*image of\b", alt or "", re.I):
                yield cell.number, f"alt text {alt[:30]!r}", "not beginning with `Image of`"


def _alts_in_html(html: str) -> list[str]:
    found = (re.search(r"\balt\s*=\s*(\"[^\"]*\"|'[^']*')", tag) for tag in re.findall(r"<img\b[^>]*>", html))
    return [alt[1][1:-1] if alt else "" for alt in found]


@rule
def executed_in_order(page: Page) -> Found:
    for wanted, cell in enumerate(page.code, 1):
        count = cell.node.get("execution_count")
        if count != wanted:
            yield cell.number, f"execution count {count}", f"{wanted}: run from top to bottom in a fresh kernel"
            return


@rule
def clean_outputs(page: Page) -> Found:
    for cell in page.code:
        for output in cell.outputs:
            if output.get("output_type") == "error":
                yield cell.number, f"error output {output.get('ename')}", "no error"
            if output.get("name") == "stderr":
                yield cell.number, f"stderr {_joined(output.get('text', ''))[:60]!r}", "no warnings, no progress bars"


@rule
def claims(page: Page) -> Found:
    wanted = FRONT_DOOR_CLAIMS if page.front_door else CLAIMS
    if page.claims < wanted:
        yield None, f"{page.claims} calls of claim(", f"at least {wanted}"


@rule
def outputs_compared(page: Page) -> Found:
    ignored = [cell for cell in page.code if cell.ignored]
    if len(ignored) > IGNORED_SHARE * len(page.code):
        share = len(ignored) / len(page.code)
        yield None, f"{share:.0%} of the code cells are tagged {IGNORE}", f"at most {IGNORED_SHARE:.0%}"
    for cell in page.code:
        if cell.ignored and cell.claims:
            yield cell.number, f"a claim in a cell tagged {IGNORE}", "claims are always compared"
        skipped = {"nbval-skip", "nbval-raises-exception", "raises-exception"} & set(cell.tags)
        if skipped or re.search(r"^\s*#\s*NBVAL_(SKIP|RAISES)", cell.text, re.M):
            yield cell.number, f"left out of the check {sorted(skipped)}", "every cell is run again and may not fail"


# ---------------------------------------------------------------- file


@rule
def file_size(page: Page) -> Found:
    if page.size > FILE_BYTES:
        yield None, f"{page.size:,} bytes", f"at most {FILE_BYTES:,}"


@rule
def valid_format(page: Page) -> Found:
    if (page.nb.get("nbformat"), page.nb.get("nbformat_minor", 0) >= 5) != (4, True):
        yield None, f"nbformat {page.nb.get('nbformat')}.{page.nb.get('nbformat_minor')}", "4.5 or later"
    ids = [cell.node.get("id") for cell in page.cells]
    for cell, name in zip(page.cells, ids, strict=True):
        if not name or ids.count(name) > 1:
            yield cell.number, f"id {name!r}", "an id of its own for every cell"
        if cell.kind not in ("markdown", "code"):
            yield cell.number, f"a cell of kind {cell.kind!r}", "markdown or code"
    try:
        with warnings.catch_warnings(action="ignore"):
            nbformat.validate(copy.deepcopy(page.nb))
    except nbformat.ValidationError as error:
        yield None, f"nbformat: {str(error).splitlines()[0]}", "a valid notebook"


@rule
def minimal_metadata(page: Page) -> Found:
    metadata = page.nb.get("metadata", {})
    kernel = metadata.get("kernelspec", {})
    shown = kernel.get("display_name", "")
    if kernel.get("name") != "python3" or shown not in ("Python 3", "Python 3 (ipykernel)"):
        yield None, f"kernelspec {dict(kernel)}", "name `python3`, display name `Python 3 (ipykernel)`"
    extra = set(metadata) - {"kernelspec", "language_info"}
    if extra:
        yield None, f"notebook metadata {sorted(extra)}", "kernelspec and language_info alone"
    for cell in page.cells:
        metadata = cell.node.get("metadata", {})
        extra = set(metadata) - {"tags", "slideshow"}
        if extra:
            yield cell.number, f"cell metadata {sorted(extra)}", "tags and slideshow alone"
        if set(metadata.get("slideshow", {})) - {"slide_type"}:
            yield cell.number, f"slideshow {dict(metadata['slideshow'])}", "a slide_type alone"


# ---------------------------------------------------------------- language and code


@rule
def heading_order(page: Page) -> Found:
    above, firsts = 0, 0
    for cell in page.prose:
        for level, name in cell.headings:
            if level > above + 1:
                yield cell.number, f"{'#' * level} {name} follows level {above}", "no level skipped"
            above, firsts = level, firsts + (level == 1)
        if re.search(r"^(?![|>#\s]).*\w.*\n {0,3}(=+|-{2,})[ \t]*$", without_code(cell.text), re.M):
            yield cell.number, "a line underlined into a heading", "headings written with #"
    if firsts != 1:
        yield None, f"{firsts} level-1 headings", "one, the title"


EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u2712\u2714-\u2716\u2718-\u27bf\u2b1b-\u2b55\u23e9-\u23fa\ufe0f]")


@rule
def no_emoji(page: Page) -> Found:
    for cell in page.cells:
        for found in EMOJI.findall(cell.text + "".join(text for _, text in cell.texts_of_outputs())):
            yield cell.number, f"emoji {found!r} (U+{ord(found):04X})", "none"


@rule
def no_exclamation_mark(page: Page) -> Found:
    for cell in page.prose:
        found = re.search(r".{0,25}!(?![\[=])", without_code(cell.text))
        if found:
            yield cell.number, f"{found[0].strip()!r}", "no exclamation mark in prose"


MACHINE_PATH = re.compile(r"(?<![\w.~<])/(?:home|tmp|root|Users)\b|\b[A-Z]:\\(?=[\w\\])")


@rule
def no_machine_path(page: Page) -> Found:
    for cell in page.cells:
        source = FORMULA.sub(" ", cell.text) if cell.kind == "markdown" else cell.text
        for where, text in [("source", source), *(("output", text) for _, text in cell.texts_of_outputs())]:
            found = MACHINE_PATH.search(text)
            if found:
                shown = text[found.start() : found.start() + 40]
                yield cell.number, f"{shown!r} in its {where}", "no path of a machine"


@rule
def width_of_code(page: Page) -> Found:
    for cell in page.code:
        widest = max(map(len, cell.text.splitlines()), default=0)
        if widest > CODE_WIDTH:
            yield cell.number, f"a line of {widest} characters", f"at most {CODE_WIDTH}"


@rule
def no_swallowed_error(page: Page) -> Found:
    for cell in page.code:
        if cell.tree is None:
            yield cell.number, "the code does not parse", "Python"
            continue
        handlers = [node for node in ast.walk(cell.tree) if isinstance(node, ast.ExceptHandler)]
        if any(all(_does_nothing(line) for line in handler.body) for handler in handlers):
            yield cell.number, "except: pass", "an error is shown or handled"


def _does_nothing(line: ast.stmt) -> bool:
    return isinstance(line, ast.Pass | ast.Continue) or (
        isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    )


@rule
def links_resolve(page: Page) -> Found:
    for cell in page.cells:
        targets = links(cell.text) if cell.kind == "markdown" else []
        for mime, text in cell.texts_of_outputs():
            targets += links(text) if mime == "text/markdown" else _html_links(text) if mime == "text/html" else []
        for target in targets:
            local = unquote(target.split("#")[0].split("?")[0])
            if local and not re.match(r"[a-z][a-z0-9+.-]+:|//", target, re.I) and not (page.folder / local).exists():
                yield cell.number, f"link to {target}", "a file that exists"


@rule
def nothing_left_to_do(page: Page) -> Found:
    for cell in page.cells:
        found = re.search(r"\b(TODO|FIXME|XXX|TBD)\b", cell.text)
        if found:
            yield cell.number, found[0], "nothing left to do"


# ---------------------------------------------------------------- command line


def breaches(page: Page) -> list[Breach]:
    """Return every breach of every rule."""
    return [breach for check in RULES.values() for breach in check(page)]


def numbers(page: Page) -> dict[str, str]:
    """Return the numbers of a notebook, as the table of the command line shows them."""
    middle, p90, longest = code_cell_sizes(page)
    first = page.code[0].number if page.code else 0
    return {
        "notebook": page.name.removesuffix(".ipynb"),
        "cells": str(len(page.cells)),
        "words": str(page.words),
        "to code": str(sum(cell.words for cell in page.prose if cell.number < first)),
        "code": str(page.code_lines),
        "median": f"{middle:g}",
        "p90": str(p90),
        "max": str(longest),
        "ratio": f"{page.words_per_line:.1f}",
        "text": f"{median_of_text_cells(page):g}",
        "longest": str(max((cell.words for cell in page.text_cells), default=0)),
        "claims": str(page.claims),
        "ignored": f"{sum(cell.ignored for cell in page.code) / max(1, len(page.code)):.0%}",
        "kB": str(round(page.size / 1000)),
        "breaches": str(len(breaches(page))),
    }


def notebooks(folder: Path) -> list[Path]:
    """Return the numbered notebooks of a folder, in order."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def main(arguments: list[str]) -> int:
    """Print the numbers and the breaches of the notebooks named; return 1 if there is a breach."""
    paths = [found for name in arguments for found in (notebooks(Path(name)) if Path(name).is_dir() else [Path(name)])]
    if not paths:
        print("usage: python tests/notebook_form.py NOTEBOOK_OR_FOLDER …   (no notebook found)")
        return 2
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        print(f"no such notebook: {', '.join(missing)}")
        return 2
    try:
        pages = [Page.read(path) for path in paths]
    except ValueError as error:
        print(f"not a notebook, one of {', '.join(map(str, paths))}: {error}")
        return 2
    rows = [numbers(page) for page in pages]
    limits = {"notebook": "limits (not 00)", "to code": f"≤{WORDS_BEFORE_CODE}", "code": f"≤{CODE_LINES}"}
    limits |= {"cells": "{}–{}".format(*CELLS), "words": "{}–{}".format(*WORDS), "median": f"≤{MEDIAN_CODE_CELL}"}
    limits |= {"p90": f"≤{P90_CODE_CELL}", "max": f"≤{LONGEST_CODE_CELL}", "ratio": "{}–{}".format(*WORDS_PER_LINE)}
    limits |= {"text": "{}–{}".format(*MEDIAN_TEXT_CELL), "longest": f"≤{LONGEST_TEXT_CELL}", "claims": f"≥{CLAIMS}"}
    limits |= {"ignored": f"≤{IGNORED_SHARE:.0%}", "kB": f"≤{FILE_BYTES // 1000}", "breaches": "0"}
    table = [{name: name for name in limits}, limits, *rows]
    columns = list(rows[0])
    width = {name: max(len(row[name]) for row in table) for name in columns}
    for row in table:
        first, *rest = (row[name].rjust(width[name]) for name in columns)
        print("  ".join([first.strip().ljust(width["notebook"]), *rest]))
    for page in pages:
        for breach in breaches(page):
            print(f"{page.name}: {breach}")
    return int(any(breaches(page) for page in pages))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
