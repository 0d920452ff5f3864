"""Every notebook has its teaching guide, and guides and syllabi agree with the notebooks.

A check is a function that yields what is wrong, in words. Each runs on the course and on a small example
that is broken in one place at a time.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from notebook_form import Page, notebooks
from small_notebooks import text, write

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
TEACHING = NOTEBOOKS / "teaching"
LAST_WITH_GUIDE = 20  # later notebooks may still come without one
SECTIONS = ["Objectives", "Prepare", "Plan", "Misconceptions", "Discussion", "Quiz key", "On the board"]
LESSON, SLACK, DAY, WEEK = 90, 5, 420, 180  # minutes
PRESENT = "when present"


# ---------------------------------------------------------------- reading


@cache
def page(path: Path) -> Page:
    return Page.read(path)


@cache
def titles(path: Path) -> set[str]:
    return {title for cell in page(path).prose for _, title in cell.headings}


def parts(markdown: str) -> dict[str, str]:
    """Return the text below each level-2 heading."""
    found = re.split(r"^## +(.+?) *$", markdown, flags=re.M)
    return dict(zip(found[1::2], (part.strip() for part in found[2::2]), strict=True))


def table(markdown: str) -> list[dict[str, str]]:
    """Return the rows of the first table, by the names in its header."""
    found = re.search(r"^\|.*\|$(?:\n^\|.*\|$)+", markdown, re.M)
    lines = found[0].splitlines() if found else []
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=False)) for row in cells[2:]]


def minutes(rows: list[dict[str, str]]) -> int:
    return sum(int(row["Minutes"]) for row in rows)


def quiz_key(notebook: Page) -> list[str]:
    """Return the letter of the right choice for each of the three questions; ValueError where that is not plain."""
    questions = re.split(r"^(?=\*\*\d+\.\*\*)", notebook.section("Quiz")[1], flags=re.M)[1:]
    right = [re.findall(r"^- ([a-z])\) +\**Right\b", question, re.M) for question in questions]
    if [len(letters) for letters in right] != [1, 1, 1]:
        raise ValueError(f"{notebook.name}: right choices {right}, wanted three questions with one each")
    return [letters[0] for letters in right]


# ---------------------------------------------------------------- checks of a guide


def section_faults(guide: str) -> Iterator[str]:
    found = parts(guide)
    if list(found) != SECTIONS:
        yield f"the sections are {list(found)}, wanted {SECTIONS}"
        return
    yield from (f"{name!r} is empty" for name, body in found.items() if not body)
    for name in ("Objectives", "Discussion"):
        numbers = re.findall(r"^(\d)\. \S", found[name], re.M)
        if numbers != ["1", "2", "3"]:
            yield f"{name!r} has the items {numbers}, wanted three"
    beliefs = re.split(r"^### +", found["Misconceptions"], flags=re.M)[1:]
    if not 3 <= len(beliefs) <= 5:
        yield f"{len(beliefs)} misconceptions, wanted three to five"
    for belief in beliefs:
        for need in (r"^Ask: .*\?", r"^Hope for: \S"):
            if not re.search(need, belief, re.M):
                yield f"the misconception {belief.splitlines()[0]} has no line like {need!r}"


def plan_faults(guide: str) -> Iterator[str]:
    rows = table(parts(guide).get("Plan", ""))
    if not rows or list(rows[0]) != ["Minutes", "Activity", "Where", "You say or ask"]:
        yield "the plan is no table of Minutes, Activity, Where, You say or ask"
        return
    if minutes(rows) != LESSON:
        yield f"the plan has {minutes(rows)} minutes, wanted {LESSON}"
    slack = [row["Minutes"] for row in rows if row["Activity"] == "Slack"]
    if slack != [str(SLACK)]:
        yield f"slack of {slack} minutes, wanted {SLACK} once"
    for row in rows:
        if row["Activity"] != "Slack" and not re.search(r"\]\(\.\./\d\d_", row["Where"]):
            yield f"{row['Activity']!r} names no section of a notebook"


def key_faults(guide: str, notebook: Page) -> Iterator[str]:
    rows = table(parts(guide).get("Quiz key", ""))
    given, right = [row.get("Answer") for row in rows], quiz_key(notebook)
    if given != right:
        yield f"the quiz key says {given}, the notebook {right}"
    yield from (f"question {row['Question']} has no reason" for row in rows if not row.get("Reason"))


def link_faults(markdown: str, folder: Path) -> Iterator[str]:
    """A link to a notebook shows `NN · name` or the title of one of its sections."""
    for shown, target in re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", markdown):
        file, _, anchor = unquote(target).partition("#")
        aim = folder / file
        if re.match(r"[a-z]+://", target):
            continue
        if not aim.is_file():
            yield f"link to {target}, and there is no such file"
        elif aim.suffix == ".ipynb" and not re.match(rf"{aim.name[:2]} · ", shown):
            if shown not in titles(aim):
                yield f"{aim.name} has no section {shown!r}"
            # JupyterLab finds no anchor with letters beyond ASCII, so those sections are named only
            elif anchor != (shown.replace(" ", "-") if shown.isascii() else ""):
                yield f"the link to {shown!r} goes to #{anchor}"


def number_faults(guide: str, notebook: Page) -> Iterator[str]:
    """A number with the unit of a result has to stand in the notebook."""
    known = "\n".join(cell.text for cell in notebook.cells)
    for number in re.findall(r"\b\d[\d.,]* ?(?:%|points?\b|times\b|per ?cent\b)", guide):
        if number not in known:
            yield f"{number!r} stands nowhere in {notebook.name}"


def tone_faults(markdown: str) -> Iterator[str]:
    yield from (f"exclamation mark in {line.strip()!r}" for line in markdown.splitlines() if "!" in line)


def guide_faults(path: Path) -> list[str]:
    guide, notebook = path.read_text(encoding="utf-8"), path.parent.parent / f"{path.stem}.ipynb"
    if not notebook.is_file():
        return [f"{path.name} has no notebook {notebook.name}"]
    faults = [*section_faults(guide), *plan_faults(guide), *key_faults(guide, page(notebook))]
    faults += [*link_faults(guide, path.parent), *number_faults(guide, page(notebook)), *tone_faults(guide)]
    if not re.search(rf"^Notebook: \[{notebook.name[:2]} · [^\]]+\]\(\.\./{re.escape(notebook.name)}\)", guide, re.M):
        faults.append(f"no line `Notebook:` with a link to {notebook.name}")
    return faults


# ---------------------------------------------------------------- checks of the folder


def missing_guides(folder: Path) -> list[str]:
    needed = [path.stem for path in notebooks(folder) if int(path.name[:2]) <= LAST_WITH_GUIDE]
    return [stem for stem in needed if not (folder / "teaching" / f"{stem}.md").is_file()]


def syllabus_faults(readme: Path) -> list[str]:
    markdown = readme.read_text(encoding="utf-8")
    faults = [*link_faults(markdown, readme.parent), *tone_faults(markdown)]
    for name, columns in (("One day", {"What you do"}), ("Eight weeks", {"Week"})):
        rows = table(parts(markdown).get(name, ""))
        if not rows or not {"Minutes", "Unit", "What is cut"} | columns <= set(rows[0]):
            faults.append(f"{name!r} has no table of units, minutes and what is cut")
            continue
        faults += [f"{name}: {fault}" for fault in unit_faults(rows, readme.parent)]
        if name == "Eight weeks":
            weeks = {row["Week"]: [other for other in rows if other["Week"] == row["Week"]] for row in rows}
            sums = {week: minutes(some) for week, some in weeks.items()}
            faults += [f"week {week} has {sum_} minutes, at most {WEEK}" for week, sum_ in sums.items() if sum_ > WEEK]
            faults += [f"{len(weeks)} weeks, wanted eight"] if len(weeks) != 8 else []
        elif minutes(rows) > DAY:
            faults.append(f"the day has {minutes(rows)} minutes, at most {DAY}")
    return faults


def unit_faults(rows: list[dict[str, str]], folder: Path) -> Iterator[str]:
    """A row is a unit when a number of two digits and a dot begin its name; other rows are breaks."""
    named = [(found[1], row["Unit"]) for row in rows if (found := re.match(r"\[?(\d\d) · ", row["Unit"]))]
    numbers = [number for number, _ in named]
    yield from (f"unit {number} is named twice" for number in sorted({n for n in numbers if numbers.count(n) > 1}))
    for number, unit in named:
        there = next(folder.parent.glob(f"{number}_*.ipynb"), None)
        if there and PRESENT in unit:
            yield f"{there.name} exists: remove '{PRESENT}' from {unit!r}"
        elif there and f"]({there.stem}.md)" not in unit and f"](../{there.name})" not in unit:
            yield f"{unit!r} links neither the guide nor the notebook {there.name}"
        elif not there and PRESENT not in unit:
            yield f"{unit!r} has no notebook and is not marked '{PRESENT}'"


# ---------------------------------------------------------------- the course


def test_every_notebook_has_its_guide():
    assert missing_guides(NOTEBOOKS) == []


@pytest.mark.parametrize("path", sorted(TEACHING.glob("[0-9][0-9]_*.md")), ids=lambda path: path.stem)
def test_guide(path):
    assert guide_faults(path) == []


def test_syllabi():
    assert syllabus_faults(TEACHING / "README.md") == []


# ---------------------------------------------------------------- a small example, and how it breaks

QUESTION = """**{n}.** Why?

- a) This
- b) That

<details><summary>Answer</summary>

- a) {a}: for a good reason
- b) {b}: for a good reason

</details>"""
QUIZ = "## Quiz\n\n" + "\n\n".join(
    QUESTION.format(n=n, a="Right" if n < 3 else "No", b="No" if n < 3 else "Right") for n in (1, 2, 3)
)
GUIDE = """# Teaching 01 · Small

Notebook: [01 · Small](../01_small.ipynb)

## Objectives

1. one
2. two
3. three

## Prepare

- Run it.

## Plan

| Minutes | Activity | Where | You say or ask |
|--:|:--|:--|:--|
| 85 | Look | [The setting](../01_small.ipynb#The-setting), [Choosing λ](../01_small.ipynb) | Who? |
| 5 | Slack | – | Rest. |

## Misconceptions

### "A"

Ask: Why?

Hope for: Because.

### "B"

Ask: Why?

Hope for: Because.

### "C"

Ask: Why?

Hope for: Because it gains 7 points.

## Discussion

1. one
2. two
3. three

## Quiz key

| Question | Answer | Reason |
|:--|:--|:--|
| 1 | a | so |
| 2 | a | so |
| 3 | b | so |

## On the board

A line.
"""
README = """# Teaching

## One day

| Minutes | Unit | What you do | What is cut |
|--:|:--|:--|:--|
| 400 | [01 · Small](01_small.md) | Look | [The setting](../01_small.ipynb#The-setting) |
| 20 | Break | | |

## Eight weeks

| Week | Unit | Minutes | What is cut |
|--:|:--|--:|:--|
| 1 | [01 · Small](01_small.md) | 180 | Nothing |
| 2 | 02 · Later (when present) | 90 | Half |
""" + "".join(f"| {week} | Project | 180 | |\n" for week in range(3, 9))


@pytest.fixture
def example(tmp_path):
    """Return a function that writes a notebook, its guide and the syllabi, and returns their faults."""

    def faults(guide: str = GUIDE, readme: str = README, quiz: str = QUIZ) -> list[str]:
        page.cache_clear()
        titles.cache_clear()
        cells = [text("# Small\n\nIt gains 7 points."), text("## The setting"), text("## Choosing λ"), text(quiz)]
        write(tmp_path / "01_small.ipynb", *cells)
        folder = tmp_path / "teaching"
        folder.mkdir(exist_ok=True)
        (folder / "01_small.md").write_text(guide, encoding="utf-8")
        (folder / "README.md").write_text(readme, encoding="utf-8")
        return guide_faults(folder / "01_small.md") + syllabus_faults(folder / "README.md")

    return faults


def test_the_example_is_good(example):
    assert example() == []


@pytest.mark.parametrize(
    "old, new, fault",
    [
        ("## Prepare", "## Before", "the sections are"),
        ("## On the board\n\nA line.", "", "the sections are"),
        ("A line.", "", "'On the board' is empty"),
        ("2. two\n3. three\n\n## Prepare", "2. two\n\n## Prepare", "'Objectives' has the items"),
        ("3. three\n\n## Quiz", "3. three\n4. four\n\n## Quiz", "'Discussion' has the items"),
        ("### \"A\"\n\nAsk: Why?\n\nHope for: Because.\n\n", "", "2 misconceptions"),
        ("### \"B\"\n\nAsk: Why?", "### \"B\"\n\nAsk: Say it.", 'the misconception "B" has no line'),
        ("Hope for: Because.\n\n### \"C\"", "### \"C\"", 'the misconception "B" has no line'),
        ("| 85 | Look", "| 80 | Look", "the plan has 85 minutes"),
        ("| 5 | Slack | –", "| 5 | Quiz | [The setting](../01_small.ipynb#The-setting)", "slack of []"),
        ("| Activity |", "| What |", "the plan is no table"),
        ("[The setting](../01_small.ipynb#The-setting), [Choosing λ](../01_small.ipynb)", "here", "'Look' names no"),
        ("| 2 | a | so |", "| 2 | b | so |", "the quiz key says"),
        ("| 3 | b | so |\n", "", "the quiz key says"),
        ("| 3 | b | so |", "| 3 | b | |", "question 3 has no reason"),
        ("[The setting]", "[A setting]", "has no section 'A setting'"),
        ("#The-setting", "#The-end", "goes to #The-end"),
        ("(../01_small.ipynb) | Who", "(../01_small.ipynb#Choosing-λ) | Who", "goes to #Choosing-λ"),
        ("A line.", "[02 · Next](../02_next.ipynb)", "there is no such file"),
        ("[01 · Small](../01_small.ipynb)", "none", "no line `Notebook:`"),
        ("7 points", "8 points", "'8 points' stands nowhere"),
        ("A line.", "A line!", "exclamation mark"),
    ],
)
def test_a_broken_guide_is_rejected(example, old, new, fault):
    assert GUIDE.count(old)
    (found,) = example(guide=GUIDE.replace(old, new, 1))
    assert fault in found


@pytest.mark.parametrize(
    "old, new, fault",
    [
        ("## One day", "## Two days", "'One day' has no table"),
        ("| What is cut |\n|--:|:--|--:|", "| Cut |\n|--:|:--|--:|", "'Eight weeks' has no table"),
        ("| 20 | Break", "| 21 | Break", "the day has 421 minutes"),
        ("| 8 | Project | 180", "| 8 | Project | 181", "week 8 has 181 minutes"),
        ("| 8 | Project", "| 7 | Project", "7 weeks"),
        ("| 20 | Break |", "| 20 | [01 · Small](01_small.md) |", "One day: unit 01 is named twice"),
        ("| 2 | 02 · Later (when present)", "| 2 | [01 · Small](01_small.md)", "Eight weeks: unit 01 is named twice"),
        (" (when present)", "", "'02 · Later' has no notebook"),
        ("[01 · Small](01_small.md) | Look", "01 · Small (when present) | Look", "remove 'when present'"),
        ("[01 · Small](01_small.md) | Look", "01 · Small | Look", "links neither the guide nor the notebook"),
        ("(01_small.md) | Look", "(01_gone.md) | Look", "there is no such file"),
        ("[The setting]", "[A setting]", "has no section 'A setting'"),
        ("# Teaching\n", "# Teaching!\n", "exclamation mark"),
    ],
)
def test_a_broken_syllabus_is_rejected(example, old, new, fault):
    assert README.count(old)
    assert any(fault in found for found in example(readme=README.replace(old, new, 1)))


@pytest.mark.parametrize(
    "quiz",
    [QUIZ.replace("Right", "No", 1), QUIZ.replace("No", "Right", 1), QUIZ.rpartition("**3.**")[0]],
    ids=["none right", "two right", "two questions"],
)
def test_a_quiz_without_one_right_choice_each_is_an_error(example, quiz):
    with pytest.raises(ValueError, match="01_small.ipynb: right choices"):
        example(quiz=quiz)


def test_a_key_for_another_quiz_is_rejected(example):
    swapped = QUIZ.replace("Right", "-").replace("No", "Right").replace("a) -", "a) No").replace("b) -", "b) No")
    (found,) = example(quiz=swapped)
    assert "the quiz key says ['a', 'a', 'b'], the notebook ['b', 'b', 'a']" in found


def test_a_missing_guide_is_found_and_a_guide_needs_its_notebook(tmp_path):
    for name in ("03_there", "11_without", "99_later"):
        write(tmp_path / f"{name}.ipynb", text("# T"))
    (tmp_path / "teaching").mkdir()
    (tmp_path / "teaching" / "03_there.md").write_text(GUIDE, encoding="utf-8")
    assert missing_guides(tmp_path) == ["11_without"]
    (tmp_path / "03_there.ipynb").unlink()
    assert guide_faults(tmp_path / "teaching" / "03_there.md") == ["03_there.md has no notebook 03_there.ipynb"]
