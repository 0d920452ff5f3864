"""Every notebook has the form of the course: its numbers, its frame, its outputs."""

from pathlib import Path

import pytest
from notebook_form import RULES, Page, notebooks

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
FIRST_SIX = [
    "00_start_here",
    "01_why_transfer",
    "02_what_is_transfer",
    "03_inductive",
    "04_transductive",
    "05_unsupervised",
]
CASES = [(path, rule) for path in notebooks(FOLDER) for rule in RULES]


@pytest.mark.parametrize("path, rule", CASES, ids=[f"{path.stem}-{rule}" for path, rule in CASES])
def test_form(path, rule):
    assert not RULES[rule](Page.read(path)), "\n".join(map(str, RULES[rule](Page.read(path))))


def test_the_first_six_notebooks_exist():
    there = [path.stem for path in notebooks(FOLDER)]
    assert [name for name in FIRST_SIX if name not in there] == []


def test_no_two_notebooks_share_a_number():
    numbers = [path.name[:2] for path in notebooks(FOLDER)]
    assert len(numbers) == len(set(numbers))
