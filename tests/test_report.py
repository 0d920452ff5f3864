"""The report: runs notebooks, collects their claims, rewrites the README; all or nothing."""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_notebooks import code, lesson

from tlutils import report
from tlutils.course import cards

ROOT = Path(__file__).resolve().parent.parent
README = """before
<!-- notebooks:begin -->
old
<!-- notebooks:end -->

<!-- results:begin --><!-- results:end -->
after
"""
MACHINE = {
    "system": "Linux",
    "processor": "x86_64, AVX2",
    "cores": 2,
    "python": "3.11",
    "torch": "2.13.0",
    "profile": "laptop",
}
CLAIMS = """\
from pathlib import Path
from tlutils.evidence import Estimate, claim
claim("transfer | scratch", Estimate((0.18, 0.2, 0.22)), at_least=0.1)
claim("a figure of its own", 3.14159, at_least=3, at_most=4)
Path("where.txt").write_text("here")
"""


@pytest.fixture(autouse=True)
def kernels_find_the_package(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


@pytest.fixture
def course(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    lesson(tmp_path / "notebooks" / "00_a.ipynb", code(CLAIMS), title="Start", question="Why?")
    lesson(tmp_path / "notebooks" / "01_b.ipynb", code("assert True"), title="Second", question="What?")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def block(text: str, name: str) -> str:
    return re.search(f"<!-- {name}:begin -->\n(.*?)\n<!-- {name}:end -->", text, re.S)[1]


def results_of(*lines: dict) -> dict:
    return {"machine": MACHINE, "notebooks": [{"file": "04_x.ipynb", "seconds": 1.0, "claims": list(lines)}]}


# ---------------------------------------------------------------- running


def test_a_report_holds_claims_seconds_and_machine(course, capsys):
    before = contents(course / "notebooks")
    report.report(course)
    results = json.loads((course / "data" / "results.json").read_text(encoding="utf-8"))
    assert (results["version"], results["command"]) == (1, "make report")
    assert [notebook["file"] for notebook in results["notebooks"]] == ["00_a.ipynb", "01_b.ipynb"]
    first, second = results["notebooks"]
    assert [line["claim"] for line in first["claims"]] == ["transfer | scratch", "a figure of its own"]
    assert first["claims"][0]["runs"] == [0.18, 0.2, 0.22]
    assert first["claims"][0]["low"] < 0.2 < first["claims"][0]["high"]
    assert second["claims"] == []
    assert 0 < first["seconds"] < 300
    after = contents(course / "notebooks")
    assert after.pop("where.txt") == b"here"  # it ran in the notebooks' folder
    assert after == before  # and left them as they were
    assert "00_a.ipynb" in capsys.readouterr().out
    text = (course / "README.md").read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert block(text, "notebooks") == report.notebooks_table(cards(course / "notebooks"))
    assert block(text, "results") == report.results_table(results)
    assert not list(course.rglob("*.tmp"))


def test_the_machine_is_described_without_its_name():
    described = json.dumps(report.machine())
    assert platform.node() not in described
    assert set(report.machine()) == set(MACHINE)


def test_a_failing_notebook_is_named_and_nothing_is_written(course):
    lesson(course / "notebooks" / "01_b.ipynb", code("1 / 0"))
    before = contents(course)
    done = subprocess.run([sys.executable, "-m", "tlutils.report"], cwd=course, capture_output=True, text=True)
    assert done.returncode == 1
    assert "01_b.ipynb failed" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.strip().endswith("Nothing was written.")
    after = contents(course)
    after.pop("notebooks/where.txt")
    assert after == before


@pytest.mark.parametrize(
    "source, fault", [("claim('x', 1, at_least=2)", "ClaimFailed"), ("import os; os._exit(1)", "died")]
)
def test_a_false_claim_and_a_dead_kernel_are_failures(tmp_path, source, fault):
    path = lesson(tmp_path / "00_a.ipynb", code(f"from tlutils.evidence import claim\n{source}"))
    with pytest.raises(report.NotebookFailed, match=f"(?s)00_a.ipynb failed.*{fault}"):
        report.run(path)


def test_a_cell_that_hangs_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "CELL_SECONDS", 1)
    path = lesson(tmp_path / "00_a.ipynb", code("import time; time.sleep(60)"))
    with pytest.raises(report.NotebookFailed, match="00_a.ipynb failed"):
        report.run(path)


def test_a_course_without_notebooks_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no notebooks"):
        report.measure(tmp_path)


# ---------------------------------------------------------------- writing


def test_a_readme_without_markers_is_noticed_before_anything_runs(course, monkeypatch):
    (course / "README.md").write_text("no markers", encoding="utf-8")
    monkeypatch.setattr(report, "run", lambda path: pytest.fail("ran a notebook"))
    with pytest.raises(ValueError, match="notebooks:begin"):
        report.report(course)


@pytest.mark.parametrize("text", ["{end}{begin}", "{begin}", "", "{begin}{end}{begin}{end}"])
def test_markers_must_stand_once_and_in_order(text):
    with pytest.raises(ValueError, match="each once"):
        report.fill(text.format(begin="<!-- x:begin -->", end="<!-- x:end -->"), {"x": "new"})


def test_filling_twice_changes_nothing_more_and_keeps_backslashes():
    once = report.fill(README, {"notebooks": r"a \1 \| b", "results": "c"})
    assert report.fill(once, {"notebooks": r"a \1 \| b", "results": "c"}) == once
    assert r"a \1 \| b" in once


def test_a_failed_write_leaves_all_files_as_they_were(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        report.replace_files({first: "new", second: "\ud800"})
    assert contents(tmp_path) == {"a.txt": b"old"}


# ---------------------------------------------------------------- tables


def test_results_table_shows_mean_interval_and_bound():
    table = report.results_table(
        results_of(
            {"claim": "a | b", "mean": 18.24, "low": 16.12, "high": 20.31, "runs": [], "at_least": 15, "at_most": None},
            {"claim": "alone", "mean": 0.5, "runs": [0.5], "at_least": 0.25, "at_most": 0.75},
        )
    )
    lines = table.splitlines()
    assert lines[0] == "<details><summary>All 2 claims</summary>" and "</details>" in lines
    assert lines[4] == r"| [04](notebooks/04_x.ipynb) | a \| b | 18.2 [16.1, 20.3] | at least 15 |"
    assert lines[5] == "| [04](notebooks/04_x.ipynb) | alone | 0.5 | at least 0.25, at most 0.75 |"
    assert "2 cores (x86_64, AVX2)" in lines[-1]


def test_notebooks_table_links_to_every_notebook(course):
    lines = report.notebooks_table(cards(course / "notebooks")).splitlines()
    assert lines[2] == "| [00 · Start](notebooks/00_a.ipynb) | Why? | 8 min | 20 s |"
    assert len(lines) == 4


# ---------------------------------------------------------------- the course's own README


@pytest.fixture(scope="module")
def stored() -> dict:
    path = ROOT / "data" / "results.json"
    assert path.exists(), "run `make report`"
    return json.loads(path.read_text(encoding="utf-8"))


def test_readme_shows_the_cards():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert block(text, "notebooks") == report.notebooks_table(cards(ROOT / "notebooks")), "run `make report`"


def test_readme_shows_the_stored_results(stored):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert block(text, "results") == report.results_table(stored), "run `make report`"


def test_stored_results_are_those_of_the_notebooks_as_they_are(stored):
    """Digits may differ between the two runs; sentences and bounds may not."""
    files = [card.file for card in cards(ROOT / "notebooks")]
    assert [notebook["file"] for notebook in stored["notebooks"]] == files, "run `make report`"
    for notebook in stored["notebooks"]:
        made = [(line["claim"], report._bound(line)) for line in notebook["claims"]]
        assert made == printed_claims(ROOT / "notebooks" / notebook["file"]), f"{notebook['file']}: run `make report`"


def printed_claims(path: Path) -> list[tuple[str, str]]:
    """Return sentence and bound of every claim among a notebook's stored outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    text = "\n".join("".join(output.get("text", "")) for output in outputs)
    return re.findall(r"^holds: (.*) \(measured [^()]*?, (at (?:least|most) [^()]*)\)$", text, re.M)
