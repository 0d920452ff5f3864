"""Cards, the map drawn from them, and the check of the machine."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch
from small_notebooks import CARD, lesson, text, write

from tlutils import course
from tlutils.course import Card, cards, check_machine, course_map
from tlutils.session import Session

ROOT = Path(__file__).resolve().parent.parent
GOOD = CARD.format(question="What moves?", time="read 8 min, run 20 s")
LAPTOP = Session(0, torch.device("cpu"), "laptop")


@pytest.fixture
def folder(tmp_path):
    lesson(tmp_path / "01_why.ipynb", title="Why transfer", question="`a` < b \\| c?", time="read 12 min, run 40 s")
    lesson(tmp_path / "00_start_here.ipynb", title="00 · Start here")
    write(tmp_path / "notes.ipynb", text("not a lesson"))
    return tmp_path


@pytest.fixture
def displayed(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    return shown


# ---------------------------------------------------------------- cards


def test_cards_come_in_order_with_every_field(folder):
    first, second = cards(folder)
    assert first.file == "00_start_here.ipynb"
    assert second == Card(
        file="01_why.ipynb",
        number=1,
        title="Why transfer",
        question="`a` < b | c?",
        able_to="say what moves",
        read_minutes=12,
        run_seconds=40,
        before="nothing",
    )


def test_the_label_has_the_number_once(folder):
    assert [card.label for card in cards(folder)] == ["00 · Start here", "01 · Why transfer"]


def test_a_title_may_begin_with_a_year_or_a_digit_of_its_own(folder):
    lesson(folder / "02_x.ipynb", title="2 domains")
    assert cards(folder)[2].title == "2 domains"


def test_a_source_stored_as_lines_reads_the_same(tmp_path):
    path = lesson(tmp_path / "00_a.ipynb")
    before = cards(tmp_path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert cards(tmp_path) == before


def test_a_line_of_badges_may_follow_the_title(tmp_path):
    write(tmp_path / "00_a.ipynb", text("# Start\n\n[![open](b.svg)](x)"), text(GOOD, "card"))
    assert cards(tmp_path)[0].title == "Start"


@pytest.mark.parametrize(
    "cells, fault",
    [
        ([], "first cell"),
        ([text("## Low"), text(GOOD, "card")], "first cell"),
        ([text("# T")], "not tagged `card`"),
        ([text("# T"), text(GOOD)], "not tagged `card`"),
        ([text("# T"), text(GOOD.replace("| Question |", "| Ask |"), "card")], "no row `| Question"),
        ([text("# T"), text(GOOD.replace("nothing", " "), "card")], "no row `| Before this"),
        ([text("# T"), text("free text", "card")], "no row `| Question"),
        ([text("# T"), text(GOOD.replace("8 min", "some minutes"), "card")], "time is 'read some minutes, run 20 s'"),
    ],
)
def test_a_malformed_card_is_named_with_its_fault(tmp_path, cells, fault):
    write(tmp_path / "07_bad.ipynb", *cells)
    with pytest.raises(ValueError) as error:
        cards(tmp_path)
    assert "07_bad.ipynb" in str(error.value)
    assert fault in str(error.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "07_bad.ipynb").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="07_bad.ipynb: not a notebook"):
        cards(tmp_path)


def test_the_course_itself_has_good_cards():
    assert all(card.question.endswith("?") for card in cards(ROOT / "notebooks"))


# ---------------------------------------------------------------- map


def test_the_map_is_an_accessible_table_of_links(folder, displayed):
    course_map(folder)
    table = ElementTree.fromstring(displayed[0]["text/html"])
    assert "20 minutes to read, 60 seconds to run" in table.find("caption").text
    assert [head.get("scope") for head in table.findall("thead/tr/th")] == ["col"] * 4
    rows = table.findall("tbody/tr")
    assert [row.find("th").get("scope") for row in rows] == ["row", "row"]
    assert [row.find("th/a").get("href") for row in rows] == ["00_start_here.ipynb", "01_why.ipynb"]
    assert [row.find("th/a").text for row in rows] == ["00 · Start here", "01 · Why transfer"]
    assert "".join(rows[1].find("td").itertext()) == "a < b | c?"
    assert rows[1].find("td/code").text == "a"
    assert [cell.text for cell in rows[1].findall("td")[1:]] == ["12 min", "40 s"]


def test_the_map_has_a_text_for_consoles(folder, displayed):
    course_map(folder)
    lines = displayed[0]["text/plain"].splitlines()
    assert len(lines) == 3
    assert lines[2] == "01 · Why transfer  `a` < b | c?  (12 min to read, 40 s to run)"


def test_a_map_without_notebooks_says_where_to_look(tmp_path):
    with pytest.raises(ValueError, match=r"course_map\(folder\)"):
        course_map(tmp_path)


def test_a_notebook_opened_alone_runs_on_without_a_map(tmp_path, monkeypatch, displayed, capsys):
    monkeypatch.chdir(tmp_path)
    course_map()
    assert displayed == []
    assert capsys.readouterr().out.startswith("This notebook was opened alone")


# ---------------------------------------------------------------- machine


def test_a_good_machine_is_described_and_nothing_is_asked_for(capsys):
    assert check_machine(LAPTOP) is None
    out = capsys.readouterr().out
    assert f"torch {torch.__version__}" in out
    for word in ("Python", "cpu", "laptop", "GB", "not needed", "has all that the course needs"):
        assert word in out
    assert "Please" not in out


def test_a_session_is_started_where_none_is_given(capsys, monkeypatch):
    monkeypatch.setenv("TLUTILS_PROFILE", "laptop")
    check_machine()
    assert "laptop" in capsys.readouterr().out


def test_the_gpu_profile_needs_the_network(capsys):
    check_machine(Session(0, torch.device("cuda"), "gpu"))
    out = capsys.readouterr().out
    assert "needed, once for each data set" in out
    assert "cuda" in out


def test_every_lack_has_its_own_line(capsys, monkeypatch):

    monkeypatch.setattr(course, "PACKAGES", ("torch", "no-such-a", "no-such-b"))
    monkeypatch.setattr(course, "_free_gb", lambda folder: 0.42)
    monkeypatch.setattr(course, "OLDEST_PYTHON", (9, 1))
    check_machine(LAPTOP)
    out = capsys.readouterr().out
    assert "no-such-a (missing)" in out
    lacks = [line for line in out.splitlines() if line.startswith("Please")]
    assert lacks == [
        "Please install Python 9.1 or newer.",
        "Please install what is missing: pip install no-such-a no-such-b",
        "Please free some disk space: 0.4 GB are left, the course needs 1 GB.",
    ]
    assert "has all that" not in out


def test_python_3_10_is_too_old_and_3_11_is_not():
    assert course._problems((3, 10), {}, 5.0) == ["Please install Python 3.11 or newer."]
    assert course._problems((3, 11), {}, 5.0) == []


def test_free_space_is_read_where_the_cache_will_be(tmp_path):
    assert course._free_gb(tmp_path / "not" / "there" / "yet") == pytest.approx(course._free_gb(tmp_path), rel=0.05)


def test_cores_without_affinity(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert course.processor_cores() == 1
