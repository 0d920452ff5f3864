"""A notebook that keeps every rule of `notebook_form`, and ways to break each rule.

`good()` builds the notebook and its neighbours; `BROKEN[rule]` lists functions that change it so that
the rule must complain. `AT_THE_LIMIT` lists changes that go as far as a rule allows.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbformat.v4.rwbase import split_lines
from notebook_form import IGNORE, PUBLISH, SEE, Page

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
ALT = "Accuracy over labels per class, two curves that meet at fifty labels"
SENTENCE = (
    "The model reads each picture once and keeps what it has learned from the others. A second reader "
    "compares the answer with the label, and the difference tells how far the borrowed knowledge reaches."
).split()

CARD = """| Question | How many labels does transfer save? |
|:--|:--|
| You will be able to | draw a learning curve and read a saving off it |
| Time | read 8 min, run 20 s |
| Before this | [02 · The one before](02_before.ipynb) |"""

QUIZ = """## Quiz

""" + "\n\n".join(
    f"""**{number}.** Why is the test half cut from the other side?

- a) So that no pixel is shared.
- b) So that it is harder.
- c) So that both halves have one size.

<details><summary>Answer</summary>

- a) Right: shared pixels would give the picture away.
- b) No: difficulty is a side effect here.
- c) No: sizes could be equal either way.

</details>"""
    for number in (1, 2, 3)
)

REFERENCES = """## References

- Ben-David et al., A theory of learning from different domains, 2010. https://doi.org/10.1007/s10994-009-5152-4
- Kornblith et al., Do better ImageNet models transfer better? arXiv:1805.08974
- [scikit-learn documentation, learning curves](https://scikit-learn.org/stable/modules/learning_curve.html)"""

NAVIGATION = (
    "Previous: [02 · The one before](02_before.ipynb) · Next: [04 · The one after](04_after.ipynb)"
    " · [Exercises, about 30 minutes](exercises/03_this_one.ipynb) · [Glossary](glossary.md)"
)


def prose(count: int) -> str:
    """Return `count` words of prose."""
    return " ".join(islice(cycle(SENTENCE), count)).rstrip(".,") + "."


def code(lines: int) -> str:
    """Return `lines` lines of code."""
    return "\n".join(f"step_{k} = {k} + 1  # one more" for k in range(lines))


def figure() -> nbformat.NotebookNode:
    """Return the stored output of a figure."""
    return new_output("display_data", {"image/png": PNG, "text/plain": ALT}, metadata={"image/png": {"alt": ALT}})


def printed(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    """Return a stored line of text."""
    return new_output("stream", name=name, text=text)


@dataclass
class Draft:
    """A notebook that is still to be written, with the files beside it."""

    cells: list = field(default_factory=list)
    metadata: dict = field(default_factory=dict)
    name: str = "03_this_one.ipynb"
    beside: list[str] = field(default_factory=list)
    minor: int = 5
    padding: int = 0

    def text(self, source: str, *tags: str) -> None:
        self.cells.append(new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {}))

    def code(self, source: str, *outputs: nbformat.NotebookNode, tags: tuple[str, ...] = ()) -> None:
        metadata = {"tags": list(tags)} if tags else {}
        self.cells.append(new_code_cell(source, outputs=list(outputs), metadata=metadata))

    def number_cells(self) -> None:
        """Give ids and execution counts as a run from top to bottom leaves them."""
        count = 0
        for place, cell in enumerate(self.cells):
            cell["id"] = f"cell-{place}"
            if cell["cell_type"] == "code":
                count += 1
                cell["execution_count"] = count

    def of_kind(self, kind: str) -> list:
        return [cell for cell in self.cells if cell["cell_type"] == kind]

    def find(self, start: str) -> nbformat.NotebookNode:
        """Return the first cell whose source begins with `start`."""
        return next(cell for cell in self.cells if cell["source"].startswith(start))

    def replace(self, start: str, old: str, new: str) -> None:
        """Change the text of the cell that begins with `start`; the text must be there."""
        cell = self.find(start)
        assert old in cell["source"], f"{old!r} is not in {cell['source']!r}"
        cell["source"] = cell["source"].replace(old, new)

    def put_before(self, start: str, *cells: nbformat.NotebookNode) -> None:
        place = self.cells.index(self.find(start))
        self.cells[place:place] = cells
        self.number_cells()

    def page(self, folder: Path) -> Page:
        """Write the notebook and its neighbours into a folder and read it as the rules do."""
        for name in self.beside:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("{}", encoding="utf-8")
        notebook = {"nbformat": 4, "nbformat_minor": self.minor, "metadata": self.metadata, "cells": self.cells}
        notebook = split_lines(nbformat.from_dict(copy.deepcopy(notebook)))  # as Jupyter stores it
        path = folder / self.name
        path.write_text(json.dumps(notebook, ensure_ascii=False) + " " * self.padding, encoding="utf-8")
        return Page.read(path)


def good() -> Draft:
    """Return a notebook 03 that keeps every rule, with 02, 04 and its exercises beside it."""
    draft = Draft(beside=["02_before.ipynb", "04_after.ipynb", "exercises/03_this_one.ipynb", "glossary.md"])
    draft.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        "language_info": {"name": "python", "version": "3.13.1"},
    }
    draft.text("# How many labels transfer saves")
    draft.text(CARD, "card")
    draft.code("import tlutils as tl\n\nsession = tl.start(seed=0)")
    for title in ("Two learners", "A curve for each"):
        draft.text(f"## {title}\n\n{prose(55)}")
        draft.code(code(5), printed("1 2 3\n"))
        draft.text(prose(60))
        draft.code(code(6), figure(), tags=(IGNORE,))
        draft.text(f"{SEE} {prose(50)}")
        draft.code(code(5))
        draft.text("### A closer look")
        draft.text(prose(70))
        draft.code('tl.claim("transfer is ahead", 1.0, at_least=0.5)', printed("holds: transfer is ahead\n"))
        draft.code('tl.claim("and stays ahead", 1.0, at_least=0.5)', printed("holds: and stays ahead\n"))
    draft.text(f"## When it fails\n\n{prose(60)}")
    draft.code(code(4))
    draft.text(prose(75))
    draft.code(code(5))
    draft.text(prose(65))
    draft.code(code(5))
    draft.text("## Take-away\n\nBorrow early. The gain shrinks with labels, e.g. at 50. Measure `both` sides.")
    draft.text(QUIZ)
    draft.text(REFERENCES)
    draft.text(NAVIGATION)
    draft.number_cells()
    return draft


def good_front_door() -> Draft:
    """Return a notebook 00, shorter, that keeps every rule."""
    draft = Draft(metadata=good().metadata, name="00_start_here.ipynb", beside=["01_next.ipynb"])
    draft.text("# Start here\n\n[![Open in Colab](https://colab.example/badge.svg)](https://colab.example/00.ipynb)")
    draft.text(re.sub(r"Before this \| .*", "Before this | nothing |", CARD), "card")
    draft.code("import tlutils as tl\n\nsession = tl.start()")
    for title in ("Transfer in a minute", "The map"):
        draft.text(f"## {title}\n\n{prose(75)}")
        draft.code(code(6), figure(), tags=(IGNORE,))
        draft.text(f"{SEE} {prose(55)}")
    draft.code('tl.claim("transfer is ahead", 1.0, at_least=0.5)', printed("holds: transfer is ahead\n"))
    draft.text(f"## When it fails\n\n{prose(75)}")
    draft.text("## Take-away\n\nBorrow early. The gain shrinks. Measure both sides.")
    draft.text(QUIZ)
    draft.text(REFERENCES)
    draft.text("Next: [01 · The next one](01_next.ipynb)")
    draft.number_cells()
    return draft


# ---------------------------------------------------------------- changes

Change = Callable[[Draft], None]
BROKEN: dict[str, list[Change]] = {}
AT_THE_LIMIT: list[Change] = []


def breaks(rule: str) -> Callable[[Change], Change]:
    """Enter a change among those that the rule must reject."""

    def enter(change: Change) -> Change:
        BROKEN.setdefault(rule, []).append(change)
        return change

    return enter


def at_the_limit(change: Change) -> Change:
    """Enter a change that every rule must still accept."""
    AT_THE_LIMIT.append(change)
    return change


def says(rule: str, name: str, start: str, old: str, new: str) -> None:
    """Enter a change of text: in the cell that begins with `start`, `old` becomes `new`."""

    def change(draft: Draft) -> None:
        draft.replace(start, old, new)

    change.__name__ = name
    breaks(rule)(change)


says("title", "second_level", "# ", "# How", "## How")
says("title", "text_below", "# ", "saves", "saves\n\nAn introduction.")


@breaks("title")
def title_is_code(draft):
    draft.cells.insert(0, new_code_cell("1 + 1"))


says("card", "no_question_mark", "| Question", "save?", "save")
says("card", "other_row_name", "| Question", "You will be able to", "Aim")
says("card", "time_without_seconds", "| Question", ", run 20 s", "")
says("card", "prose_before_this", "| Question", "| [02", "| some Python and [02")
says("card", "text_below_card", "| Question", ".ipynb) |", ".ipynb) |\n\nMore about it.")
says("card", "row_missing", "| Question", "| Time | read 8 min, run 20 s |\n", "")


@breaks("card")
def card_without_its_tag(draft):
    draft.cells[1]["metadata"] = {}


@breaks("card")
def second_card(draft):
    draft.find("## Two learners")["metadata"]["tags"] = ["card"]


@breaks("setup_cell")
def seven_lines_of_setup(draft):
    draft.find("import")["source"] += "\n" + code(5)


@breaks("setup_cell")
def setup_without_start(draft):
    draft.replace("import", "tl.start(seed=0)", "0")


@breaks("setup_cell")
def no_code_at_all(draft):
    draft.cells = draft.of_kind("markdown")


def stamp(draft: Draft, code: str, *outputs: nbformat.NotebookNode) -> None:
    """Put a cell tagged `colab` before the first code cell, without counting it."""
    cell = new_code_cell(code, outputs=list(outputs), metadata={"tags": ["colab"]}, id="colab")
    draft.cells.insert(draft.cells.index(draft.find("import")), cell)


def stamped_code(draft: Draft) -> str:
    return PUBLISH.setup_code("owner/name", draft.name)


@breaks("colab_cell")
def a_foreign_install_cell(draft):
    stamp(draft, "%pip install -q torch torchvision")


@breaks("colab_cell")
def the_setup_for_colab_with_a_line_more(draft):
    stamp(draft, stamped_code(draft) + "\nimport os")


@breaks("colab_cell")
def the_setup_of_another_kind_of_notebook(draft):
    stamp(draft, PUBLISH.setup_code("owner/name", "14_driving.ipynb"))


@breaks("colab_cell")
def the_setup_for_colab_after_it_ran(draft):
    stamp(draft, stamped_code(draft), printed("Installing tlutils\n"))


@breaks("colab_cell")
def the_setup_for_colab_after_other_code(draft):
    stamp(draft, stamped_code(draft))
    draft.cells.append(draft.cells.pop(draft.cells.index(draft.find("# @title"))))


@breaks("colab_cell")
def an_install_command_without_the_tag(draft):
    draft.find("import")["source"] += "\n!pip install captum"


@at_the_limit
def stamped_for_colab(draft):
    stamp(draft, stamped_code(draft))


@at_the_limit
def six_lines_of_setup(draft):
    draft.find("import")["source"] += "\n" + code(4)


@at_the_limit
def blank_lines_do_not_count(draft):
    draft.find("import")["source"] += "\n" * 9 + "# end"


@breaks("code_comes_early")
def long_introduction(draft):
    draft.put_before("import", new_markdown_cell(prose(100)))


says("sections", "no_failures", "## When", "## When it fails", "## Failures")
says("sections", "take_away_misspelt", "## Take-away", "Take-away", "Takeaway")
says("sections", "two_in_one_cell", "## Quiz", "## Quiz", "## More\n\n## Quiz")
says("sections", "heading_below_text", "## A curve", "## A curve", "Now comes the curve.\n\n## A curve")
says("sections", "one_section_of_its_own", "## A curve", "## A", "### A")


@breaks("sections")
def quiz_before_take_away(draft):
    first, second = (draft.cells.index(draft.find(start)) for start in ("## Take-away", "## Quiz"))
    draft.cells[first], draft.cells[second] = draft.cells[second], draft.cells[first]


@breaks("sections")
def no_references(draft):
    draft.cells.remove(draft.find("## References"))


says("take_away", "two_sentences", "## Take-away", "Borrow early. ", "")
says("take_away", "four_sentences", "## Take-away", "early. ", "early. Borrow well. ")


says("quiz", "two_questions", "## Quiz", "**3.** Why", "Why")
says("quiz", "misnumbered", "## Quiz", "**3.**", "**4.**")
says("quiz", "two_choices", "## Quiz", "- c) So that both halves have one size.\n", "")
says("quiz", "choice_without_reason", "## Quiz", "- b) No: difficulty is a side effect here.\n", "")
says("quiz", "reason_in_a_word", "## Quiz", "No: difficulty is a side effect here.", "No.")
says("quiz", "nothing_right", "## Quiz", "Right: ", "Hm: ")
says("quiz", "two_right", "## Quiz", "No: difficulty", "Right: difficulty")
says("quiz", "answer_open", "## Quiz", "<details><summary>Answer</summary>\n\n", "")
says("quiz", "list_not_rendered", "## Quiz", "</summary>\n\n", "</summary>\n")
says("quiz", "details_not_closed", "## Quiz", "</details>", "")
says("quiz", "choices_out_of_order", "## Quiz", "- b) So that it is harder.\n", "- d) So that it is harder.\n")
says("quiz", "text_after_answer", "## Quiz", "</details>", "</details>\n\nAnd so on.")


@breaks("exercises")
def exercises_without_link(draft):
    draft.replace("Previous:", "(exercises/03_this_one.ipynb)", "(exercises/other.ipynb)")


@at_the_limit
def no_exercises_at_all(draft):
    draft.replace("Previous:", " · [Exercises, about 30 minutes](exercises/03_this_one.ipynb)", "")
    draft.beside.remove("exercises/03_this_one.ipynb")


says("references", "without_identifier", "## References", " arXiv:1805.08974", "")
says("references", "plain_url", "## References", "scikit-learn documentation", "scikit-learn pages")
says("references", "unlisted_reference", "## References", "\n- [scikit", "\n\nA book by somebody.\n\n- [scikit")


@breaks("references")
def empty_references(draft):
    draft.find("## References")["source"] = "## References"


says("navigation", "wrong_neighbour", "Previous", "04_after.ipynb", "02_before.ipynb")
says("navigation", "no_way_back", "Previous", "Previous: [02 · The one before](02_before.ipynb) · ", "")
says("navigation", "no_glossary", "Previous", " · [Glossary](glossary.md)", "")
says("navigation", "heading_in_navigation", "Previous", "Previous", "## On\n\nPrevious")


@breaks("navigation")
def neighbour_does_not_exist(draft):
    draft.beside.remove("04_after.ipynb")


@breaks("navigation")
def no_navigation(draft):
    draft.cells.pop()


@at_the_limit
def newest_notebook_has_no_next(draft):
    draft.beside.remove("04_after.ipynb")
    draft.replace("Previous", " · Next: [04 · The one after](04_after.ipynb)", "")


@breaks("number_of_cells")
def sixty_one_cells(draft):
    missing = 61 - len(draft.cells)
    draft.put_before("## Take-away", *(new_markdown_cell("#### Again") for _ in range(missing)))


@at_the_limit
def sixty_cells(draft):
    missing = 60 - len(draft.cells)
    draft.put_before("## Take-away", *(new_markdown_cell("### Again") for _ in range(missing)))


@breaks("number_of_cells")
def few_cells(draft):
    del draft.cells[4:15]


@breaks("number_of_words")
def few_words(draft):
    for cell in draft.of_kind("markdown"):
        cell["source"] = re.sub(r"The model reads.*", prose(20), cell["source"])


@breaks("number_of_words")
def many_words(draft):
    draft.put_before("## Take-away", *(new_markdown_cell(prose(100)) for _ in range(12)))


@breaks("lines_of_code")
def many_lines_of_code(draft):
    for cell in draft.of_kind("code")[1:]:
        cell["source"] += "\n" + code(12)


@breaks("median_code_cell")
def most_code_cells_have_seven_lines(draft):
    for cell in draft.of_kind("code")[1:]:
        cell["source"] += "\n" + code(7 - len(cell["source"].splitlines()))


@breaks("ninetieth_percentile_code_cell")
def two_code_cells_have_sixteen_lines(draft):
    for cell in draft.of_kind("code")[2:4]:
        cell["source"] = code(16)


@breaks("longest_code_cell")
def twenty_six_lines(draft):
    draft.find("step_0")["source"] = code(26)


@at_the_limit
def twenty_five_lines(draft):
    draft.find("step_0")["source"] = code(25)


@breaks("code_cells_in_a_row")
def four_code_cells_in_a_row(draft):
    draft.put_before("### A closer look", *(new_code_cell(code(1)) for _ in range(3)))


@breaks("code_cells_in_a_row")
def empty_text_between(draft):
    draft.put_before("### A closer look", new_code_cell("1"), new_markdown_cell(""), *map(new_code_cell, "23"))


@at_the_limit
def three_code_cells_in_a_row(draft):
    draft.put_before("### A closer look", *(new_code_cell(code(1)) for _ in range(2)))


@breaks("words_per_line_of_code")
def much_code_per_word(draft):
    for cell in draft.of_kind("code")[1:]:
        cell["source"] += "\n" + code(5)


@breaks("words_per_line_of_code")
def little_code_per_word(draft):
    for cell in draft.of_kind("code")[1:]:
        cell["source"] = cell["source"].splitlines()[0]


@breaks("longest_text_cell")
def wall_of_text(draft):
    draft.find("The model reads")["source"] = prose(111)


@at_the_limit
def long_text(draft):
    draft.find("The model reads")["source"] = prose(110)


@breaks("median_text_cell")
def most_text_cells_are_short(draft):
    for cell in draft.of_kind("markdown"):
        cell["source"] = re.sub(r"The model reads.*", prose(22), cell["source"])


@breaks("median_text_cell")
def most_text_cells_are_long(draft):
    for cell in draft.of_kind("markdown"):
        cell["source"] = re.sub(r"The model reads.*", prose(90), cell["source"])


@breaks("what_you_should_see")
def figure_without_its_paragraph(draft):
    draft.replace(SEE, SEE, "A curve.")


@breaks("what_you_should_see")
def two_figures_and_one_paragraph(draft):
    draft.of_kind("code")[1]["outputs"].append(figure())


@breaks("what_you_should_see")
def paragraph_after_the_last_figure_missing(draft):
    draft.find("## When")["source"] += "\n\nNext."
    draft.of_kind("code")[-1]["outputs"].append(figure())


@breaks("what_you_should_see")
def nothing_to_see(draft):
    for cell in draft.of_kind("code"):
        cell["outputs"] = []
    for cell in draft.of_kind("markdown"):
        cell["source"] = cell["source"].replace(SEE, "Look.")


@breaks("what_you_should_see")
def words_inside_a_paragraph(draft):
    draft.replace(SEE, SEE, f"Now. {SEE}")


def _alt(draft: Draft, alt: str | None) -> None:
    output = next(output for cell in draft.of_kind("code") for output in cell["outputs"] if "data" in output)
    output["metadata"] = {} if alt is None else {"image/png": {"alt": alt}}


@breaks("alt_text")
def figure_without_alt_text(draft):
    _alt(draft, None)


@breaks("alt_text")
def alt_text_of_nineteen_characters(draft):
    _alt(draft, "x" * 19)


@at_the_limit
def alt_text_of_twenty_characters(draft):
    _alt(draft, "x" * 20)


@breaks("alt_text")
def alt_text_says_image_of(draft):
    _alt(draft, f"Image of {ALT}")


says("alt_text", "markdown_image_without_alt", "### A", "### A", "![](02_before.ipynb)\n\n### A")
says("alt_text", "html_image_without_alt", "### A", "### A", '<img src="02_before.ipynb">\n\n### A')


@breaks("executed_in_order")
def never_executed(draft):
    draft.of_kind("code")[3]["execution_count"] = None


@breaks("executed_in_order")
def executed_twice(draft):
    draft.of_kind("code")[-1]["execution_count"] += 1


@breaks("clean_outputs")
def stored_error(draft):
    draft.find("step_0")["outputs"] = [new_output("error", ename="ValueError", evalue="no", traceback=[])]


@breaks("clean_outputs")
def stored_warning(draft):
    draft.find("step_0")["outputs"] = [printed("UserWarning: old\n", "stderr")]


@breaks("claims")
def two_claims(draft):
    draft.replace('tl.claim("transfer', "tl.claim", "print")
    draft.replace('tl.claim("and', "tl.claim(", "print(1)  # not tl.claim(")


@breaks("outputs_compared")
def most_outputs_ignored(draft):
    for cell in draft.of_kind("code"):
        if "claim(" not in cell["source"]:
            cell["metadata"]["tags"] = [IGNORE]


@breaks("outputs_compared")
def claim_ignored(draft):
    draft.find("tl.claim")["metadata"]["tags"] = [IGNORE]


@breaks("outputs_compared")
def claim_ignored_by_a_comment(draft):
    draft.replace("tl.claim", "tl.claim", "# NBVAL_IGNORE_OUTPUT\ntl.claim")


@breaks("outputs_compared")
def cell_skipped(draft):
    draft.find("step_0")["metadata"]["tags"] = ["nbval-skip"]


@breaks("file_size")
def large_file(draft):
    draft.padding = 1_000_000


@breaks("valid_format")
def cell_without_id(draft):
    del draft.cells[5]["id"]


@breaks("valid_format")
def two_cells_with_one_id(draft):
    draft.cells[5]["id"] = draft.cells[6]["id"]


@breaks("valid_format")
def old_format(draft):
    draft.minor = 4


@breaks("valid_format")
def unknown_field(draft):
    draft.cells[5]["colour"] = "red"


@breaks("valid_format")
def raw_cell(draft):
    draft.cells[4] = nbformat.v4.new_raw_cell("notes", id="raw")


@breaks("minimal_metadata")
def stored_widgets(draft):
    draft.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}


@breaks("minimal_metadata")
def other_kernel(draft):
    draft.metadata["kernelspec"] = {"name": "venv", "display_name": "Python 3 (ipykernel)"}


@breaks("minimal_metadata")
def kernel_named_after_a_folder(draft):
    draft.metadata["kernelspec"]["display_name"] = "Python 3 (.venv)"


@breaks("minimal_metadata")
def stored_times(draft):
    draft.cells[3]["metadata"]["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00Z"}


@breaks("minimal_metadata")
def slideshow_with_more_than_a_type(draft):
    draft.cells[3]["metadata"]["slideshow"] = {"slide_type": "slide", "scroll": True}


@at_the_limit
def slide_types(draft):
    draft.cells[3]["metadata"]["slideshow"] = {"slide_type": "fragment"}


@at_the_limit
def another_version_of_python(draft):
    draft.metadata["language_info"] = {"name": "python", "version": "3.11.7", "pygments_lexer": "ipython3"}


says("heading_order", "level_skipped", "### A", "### A", "#### A")
says("heading_order", "two_titles", "### A", "### A", "# A")
says("heading_order", "underlined", "### A", "### A closer look", "A closer look\n---\n\nat it")
says("no_emoji", "emoji_in_text", "### A", "look", "look \U0001f680")


@breaks("no_emoji")
def emoji_in_an_output(draft):
    draft.find("step_0")["outputs"] = [printed("done \u2705\n")]


says("no_exclamation_mark", "exclamation", "### A", "look", "look!")


@at_the_limit
def exclamation_marks_outside_prose(draft):
    draft.replace("### A", "look", "look\n\nHere `a != b!`, $n!$, n != m, ![a small picture](02_before.ipynb)<!-- -->")


says("no_machine_path", "path_in_text", "### A", "look", "look at /home/someone")
says("no_machine_path", "path_in_code", "step_0", "step_0 = 0", 'step_0 = "/tmp/data"')
says("no_machine_path", "windows_path", "step_0", "step_0 = 0", r'step_0 = "C:\\data"')


@breaks("no_machine_path")
def path_in_an_output(draft):
    draft.find("step_0")["outputs"] = [printed("saved in /root/.cache/features\n")]


@breaks("no_machine_path")
def path_in_html(draft):
    draft.find("step_0")["outputs"] = [new_output("display_data", {"text/html": "<b>/tmp/x</b>"})]


@at_the_limit
def looks_like_a_path(draft):
    draft.replace("### A", "look", r"look\n\nSee https://example.org/home and $f: D:\mathcal{X}$, under data/tmp.")


@breaks("width_of_code")
def wide_code(draft):
    draft.find("step_0")["source"] = "a" * 99 + "=1"


@at_the_limit
def code_of_a_hundred_characters(draft):
    draft.replace("step_0", "step_0 = 0 + 1  # one more", "a" * 98 + "=1")


SWALLOWED = "try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass"


@breaks("no_swallowed_error")
def swallowed_error(draft):
    draft.find("step_0")["source"] = SWALLOWED


@breaks("no_swallowed_error")
def swallowed_in_a_loop(draft):
    draft.find("step_0")["source"] = "for k in (1, 2):\n    " + SWALLOWED.replace("\n", "\n    ").replace("pass", "...")


@breaks("no_swallowed_error")
def not_python(draft):
    draft.find("step_0")["source"] = "if:"


@at_the_limit
def magic_line_and_shown_error(draft):
    shown = SWALLOWED.replace("pass", "print('infinite')")
    draft.find("step_0")["source"] = f"%time 1\n{shown}"


says("links_resolve", "dead_link", "### A", "look", "look at [it](nowhere.ipynb)")
says("links_resolve", "dead_image", "### A", "look", 'look <img src="figures/none.png" alt="a small map">')
says("links_resolve", "dead_link_target", "### A", "look", "look at [it][1]\n\n[1]: nowhere.md")


@breaks("links_resolve")
def dead_link_in_an_output(draft):
    draft.find("step_0")["outputs"] = [new_output("display_data", {"text/html": '<a href="none.ipynb">none</a>'})]


@at_the_limit
def links_that_resolve(draft):
    draft.replace("### A", "look", "look [out](https://example.org), [down](#quiz), [on](04_after.ipynb#quiz) `[a](b)`")


says("nothing_left_to_do", "todo_in_text", "### A", "look", "look TODO")
says("nothing_left_to_do", "todo_in_code", "step_0", "# one more", "# TODO more")
