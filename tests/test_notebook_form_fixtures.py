"""The rules for notebooks accept a good notebook and reject every broken one."""

import subprocess
import sys
from pathlib import Path

import fixtures_notebooks as fixtures
import notebook_form as form
import pytest

VARIATIONS = [(rule, change) for rule, changes in fixtures.BROKEN.items() for change in changes]
LINT = Path(form.__file__)


def complaints(draft: fixtures.Draft, folder: Path) -> list[str]:
    return [str(breach) for breach in form.breaches(draft.page(folder))]


@pytest.mark.parametrize("build", [fixtures.good, fixtures.good_front_door])
def test_a_good_notebook_keeps_every_rule(build, tmp_path):
    assert complaints(build(), tmp_path) == []


def test_every_rule_has_a_broken_notebook():
    assert set(fixtures.BROKEN) == set(form.RULES)


@pytest.mark.parametrize("rule, change", VARIATIONS, ids=[f"{rule}-{change.__name__}" for rule, change in VARIATIONS])
def test_a_broken_notebook_is_rejected(rule, change, tmp_path):
    draft = fixtures.good()
    change(draft)
    found = form.RULES[rule](draft.page(tmp_path))
    assert found
    assert all(breach.rule == rule and breach.measured and breach.limit for breach in found)


@pytest.mark.parametrize("change", fixtures.AT_THE_LIMIT, ids=lambda change: change.__name__)
def test_a_notebook_at_the_limit_is_accepted(change, tmp_path):
    draft = fixtures.good()
    change(draft)
    assert complaints(draft, tmp_path) == []


def test_the_front_door_needs_a_claim_too(tmp_path):
    draft = fixtures.good_front_door()
    draft.replace("tl.claim", "tl.claim(", "print(")
    assert [breach.rule for breach in form.breaches(draft.page(tmp_path))] == ["claims"]


def test_the_shorter_form_is_for_the_front_door_alone(tmp_path):
    draft = fixtures.good_front_door()
    draft.name = "07_short.ipynb"
    draft.replace("Next", "Next: [01 · The next one]", "Previous: [01 · The nearest one before, over a gap]")
    wanted = {"number_of_cells", "number_of_words", "words_per_line_of_code", "claims"}
    assert {breach.rule for breach in form.breaches(draft.page(tmp_path))} == wanted


def test_a_breach_says_rule_cell_value_and_limit(tmp_path):
    draft = fixtures.good()
    draft.find("The model reads")["source"] = fixtures.prose(130)
    (found,) = form.breaches(draft.page(tmp_path))
    assert str(found) == "longest_text_cell, cell 6: 130 words (wanted: at most 110)"


@pytest.mark.parametrize(
    "text, count",
    [
        ("Transfer isn't state-of-the-art 迁移学习.", 4),
        ("The loss $L + \\lambda D$ is `fit(model, x)` here.", 6),
        ("$$\nL + D\n$$\nthen", 1),
        ("It costs $5 and $10 more.", 6),
        ("[two words](https://example.org/a-b-c) 3.5 %", 3),
        ("![a hidden text](a.png) shown", 1),
        ("| Time | read 8 min |\n|:--|:--|\n| a | b |", 6),
        ("<details><summary>Answer</summary>\n\n- a) No\n\n</details>", 3),
        ("```python\nx = 1\n```\nafter <!-- not this -->", 1),
        ("", 0),
    ],
)
def test_words(text, count):
    assert form.words(text) == count


@pytest.mark.parametrize(
    "text, count",
    [
        ("One. Two. Three.", 3),
        ("It costs 3.5 points, e.g. here (see Fig. 3). `fit` does it? $a. b$ is third.", 3),
        ("- One\n- Two\n- Three", 3),
        ("**One.** Two goes\nover a line. And a third", 3),
    ],
)
def test_sentences(text, count):
    assert form.sentences(text) == count


def test_the_command_line_prints_numbers_and_breaches(tmp_path):
    def run(*arguments):
        return subprocess.run([sys.executable, LINT, *map(str, arguments)], capture_output=True, text=True, timeout=60)

    fixtures.good().page(tmp_path)
    answer = run(tmp_path / "03_this_one.ipynb")
    assert answer.returncode == 0, answer.stderr
    assert "03_this_one" in answer.stdout.splitlines()[-1]

    draft = fixtures.good()
    fixtures.wall_of_text(draft)
    draft.page(tmp_path)
    answer = run(tmp_path / "03_this_one.ipynb")
    assert answer.returncode == 1
    assert answer.stdout.splitlines()[-1].startswith("03_this_one.ipynb: longest_text_cell, cell 6: 111 words")

    (tmp_path / "09_torn.ipynb").write_text('{"cells": [', encoding="utf-8")
    assert run(tmp_path / "09_torn.ipynb").returncode == 2
    assert run(tmp_path / "none.ipynb").returncode == 2
    assert run(tmp_path / "exercises" / "nothing").returncode == 2
