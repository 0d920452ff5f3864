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

from tlutils import report, stored
from tlutils import report_tables as tables
from tlutils.course import cards

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = ("notebooks", "results", "accuracies", "speed", "real", "strength")
README = "\n".join(["before", *(f"<!-- {name}:begin -->\nold\n<!-- {name}:end -->\n" for name in BLOCKS), "after\n"])
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
    (tmp_path / "data" / "results.json").write_text(json.dumps(RESULTS), encoding="utf-8")
    (tmp_path / "data" / "mutants.json").write_text(json.dumps(MUTANTS), encoding="utf-8")
    lesson(tmp_path / "notebooks" / "00_a.ipynb", code(CLAIMS), title="Start", question="Why?")
    lesson(tmp_path / "notebooks" / "01_b.ipynb", code("assert True"), title="Second", question="What?")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def block(text: str, name: str) -> str:
    return re.search(f"<!-- {name}:begin -->\n(.*?)\n<!-- {name}:end -->", text, re.S)[1]


def results_of(*lines: dict) -> dict:
    notebook = {"file": "04_x.ipynb", "seconds": 90.0, "mebibytes": 1536, "claims": list(lines)}
    return {"command": "make report", "machine": MACHINE, "notebooks": [notebook], "parts": {}}


def part(*rows: dict, command: str = "make report") -> dict:
    return {"command": command, "machine": MACHINE, "seconds": 1, "rows": list(rows)}


FASTER = {"what": "`mmd`", "against": "the rest | all", "measured": "2 times as fast"}
RESULTS = results_of() | {
    "parts": {
        "speed": part(FASTER),
        "strength": part({"what": "Faults, download: 3 kinds", "times": 1200, "survived": 1200}),
        "fuzz": part({"what": "Damaged files", "times": 5, "survived": 4}),
        "signs.py": part(
            {"what": "Signs, %", "name": "source only", "mean": 37.93, "low": 27.5, "high": 48.3, "runs": [1, 2]},
            {"what": "Signs, %", "name": "oracle", "mean": 75.0},
            command="make bench",
        ),
    }
}
MUTANTS = {
    "command": "make mutants",
    "machine": MACHINE,
    "modules": {"select": {"made": 80, "killed": 72, "timed_out": 0, "share": 0.9, "survivors": []}},
}


# ---------------------------------------------------------------- running


def test_a_report_holds_claims_seconds_and_machine(course, capsys):
    before = contents(course / "notebooks")
    report.report(course, ["notebooks"])
    results = json.loads((course / "data" / "results.json").read_text(encoding="utf-8"))
    assert results["command"] == "make report" and results["machine"] == report.machine()
    assert results["parts"] == RESULTS["parts"], "what was not named is kept"
    assert [notebook["file"] for notebook in results["notebooks"]] == ["00_a.ipynb", "01_b.ipynb"]
    first, second = results["notebooks"]
    assert [line["claim"] for line in first["claims"]] == ["transfer | scratch", "a figure of its own"]
    assert first["claims"][0]["runs"] == [0.18, 0.2, 0.22]
    assert first["claims"][0]["low"] < 0.2 < first["claims"][0]["high"]
    assert second["claims"] == []
    assert 0 < first["seconds"] < 300
    assert 50 < first["mebibytes"] < 10_000
    after = contents(course / "notebooks")
    assert after.pop("where.txt") == b"here"  # it ran in the notebooks' folder
    assert after == before  # and left them as they were
    assert "00_a.ipynb" in capsys.readouterr().out
    text = (course / "README.md").read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert {name: block(text, name) for name in BLOCKS} == report.blocks_of(course, results)
    assert not list(course.rglob("*.tmp"))


def test_the_machine_is_described_without_its_name():
    described = json.dumps(report.machine())
    assert platform.node() not in described
    assert set(report.machine()) == set(MACHINE)


def test_a_failing_notebook_is_named_and_nothing_is_written(course):
    lesson(course / "notebooks" / "01_b.ipynb", code("1 / 0"))
    before = contents(course)
    command = [sys.executable, "-m", "tlutils.report", "notebooks"]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
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
        report.report(course, ["notebooks"])


@pytest.mark.parametrize("text", ["{end}{begin}", "{begin}", "", "{begin}{end}{begin}{end}"])
def test_markers_must_stand_once_and_in_order(text):
    with pytest.raises(ValueError, match="each once"):
        report.fill(text.format(begin="<!-- x:begin -->", end="<!-- x:end -->"), {"x": "new"})


def test_filling_twice_changes_nothing_more_and_keeps_backslashes():
    once = report.fill(README, {"notebooks": r"a \1 \| b", "results": "c"})
    assert report.fill(once, {"notebooks": r"a \1 \| b", "results": "c"}) == once != README
    assert r"a \1 \| b" in once


def test_a_failed_write_leaves_all_files_as_they_were(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        report.replace_files({first: "new", second: "\ud800"})
    assert contents(tmp_path) == {"a.txt": b"old"}


# ---------------------------------------------------------------- tables


def test_results_table_shows_mean_interval_and_bound():
    table = tables.results_table(
        results_of(
            {"claim": "a | b", "mean": 18.24, "low": 16.12, "high": 20.31, "runs": [], "at_least": 15, "at_most": None},
            {"claim": "alone", "mean": 0.5, "runs": [0.5], "at_least": 0.25, "at_most": 0.75},
        )
    )
    lines = table.splitlines()
    assert lines[0] == "<details><summary>All 2 claims</summary>" and "</details>" in lines
    assert lines[4] == r"| [04](notebooks/04_x.ipynb) | a \| b | 18.2 [16.1, 20.3] | at least 15 |"
    assert lines[5] == "| [04](notebooks/04_x.ipynb) | alone | 0.5 | at least 0.25, at most 0.75 |"
    assert "| [04](notebooks/04_x.ipynb) | 90 s | 1.5 GiB |" in lines
    assert lines[-1] == "Measured by `make report` on 2 cores (x86_64, AVX2), torch 2.13.0."


def test_the_other_tables_show_their_rows_command_and_machine():
    machine = "on 2 cores (x86_64, AVX2), torch 2.13.0."
    speed = tables.speed_table(RESULTS).splitlines()
    assert speed[2] == r"| `mmd` | the rest \| all | 2 times as fast |"
    assert speed[-1] == f"Measured by `make report` {machine}"
    real = tables.real_table(RESULTS).splitlines()
    assert real[2] == "| Signs, % | source only 37.9 [27.5, 48.3]<br>oracle 75 | `signs.py` |"
    assert real[-1] == f"Measured by `make bench` {machine}"
    strength = tables.strength_table(RESULTS, MUTANTS).splitlines()
    assert strength[2:4] == ["| Faults, download: 3 kinds | 1,200 | 1,200 |", "| Damaged files | 5 | 4 |"]
    assert "| `select` | 80 | 90.0% |" in strength
    assert strength[-1].startswith(f"Measured by `make mutants` {machine}")


def test_headlines_name_figures_that_are_stored():
    lines = tables.accuracies_table().splitlines()
    assert len(lines) == 2 + len(tables.HEADLINES)
    mean, low, high = (100 * x for x in (lambda e: (e.mean, e.low, e.high))(stored("adaptation")["MMD"]))
    assert f"MMD {mean:.1f} [{low:.1f}, {high:.1f}]" in next(line for line in lines if "`adaptation`" in line)


# ---------------------------------------------------------------- parts


def test_a_part_gathers_the_rows_that_its_commands_record(course, monkeypatch):
    source = "from tlutils.report import figures, record; from tlutils import Estimate\n"
    source += "record(what='a', measured='1'); record(what='b', **figures(Estimate((1, 2))))"
    monkeypatch.setitem(report.PARTS, "speed", ("make report", (("-c", source), ("-c", source.partition(";")[0]))))
    found = report.measure_part("speed", course)
    assert found["machine"] == report.machine() and found["command"] == "make report"
    assert found["rows"][0] == {"what": "a", "measured": "1"}
    assert found["rows"][1]["runs"] == [1.0, 2.0] and found["rows"][1]["mean"] == 1.5


@pytest.mark.parametrize(("source", "fault"), [("raise SystemExit(3)", "ended with 3"), ("1", "no row was recorded")])
def test_a_part_that_fails_or_says_nothing_changes_no_file(course, monkeypatch, source, fault):
    monkeypatch.setitem(report.PARTS, "speed", ("make report", (("-c", source),)))
    before = contents(course)
    with pytest.raises(report.PartFailed, match=fault):
        report.report(course, ["speed"])
    assert contents(course) == before


def test_an_unknown_part_is_named_before_anything_runs(course):
    with pytest.raises(ValueError, match="unknown part 'sped': did you mean 'speed'"):
        report.report(course, ["notebooks", "sped"])


def test_nothing_is_recorded_where_no_report_is_made(monkeypatch, tmp_path):
    monkeypatch.delenv(report.ROWS, raising=False)
    monkeypatch.chdir(tmp_path)
    report.record(what="a")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", sorted(report.PARTS))
def test_the_commands_of_every_part_exist(name):
    for command in report.PARTS[name][1]:
        files = [word for word in command if word.endswith(".py")]
        assert files and all((ROOT / file).is_file() for file in files)


def test_notebooks_table_links_to_every_notebook(course):
    lines = tables.notebooks_table(cards(course / "notebooks")).splitlines()
    assert lines[2] == "| [00 · Start](notebooks/00_a.ipynb) | Why? | 8 min | 20 s |"
    assert len(lines) == 4


# ---------------------------------------------------------------- the course's own README


@pytest.fixture(scope="module")
def measured() -> dict:
    path = ROOT / "data" / "results.json"
    assert path.exists(), "run `make report`"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", BLOCKS)
def test_readme_and_stored_results_agree(measured, name):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert block(text, name) == report.blocks_of(ROOT, measured)[name], "run `python -m tlutils.report`"


def test_every_part_was_measured_and_names_command_and_machine(measured):
    assert set(measured["parts"]) == set(report.PARTS)
    for name, found in measured["parts"].items():
        assert found["command"] == report.PARTS[name][0] and set(found["machine"]) == set(MACHINE) and found["rows"]
    rows = [row for name in ("strength", "fuzz") for row in measured["parts"][name]["rows"]]
    assert [row for row in rows if row["times"] > row["survived"]] == []


def test_stored_results_are_those_of_the_notebooks_as_they_are(measured):
    """Digits may differ between the two runs; sentences and bounds may not."""
    files = [card.file for card in cards(ROOT / "notebooks")]
    assert [notebook["file"] for notebook in measured["notebooks"]] == files, "run `make report`"
    for notebook in measured["notebooks"]:
        made = [(line["claim"], tables.bounds(line)) for line in notebook["claims"]]
        assert made == printed_claims(ROOT / "notebooks" / notebook["file"]), f"{notebook['file']}: run `make report`"


def printed_claims(path: Path) -> list[tuple[str, str]]:
    """Return sentence and bound of every claim among a notebook's stored outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    text = "\n".join("".join(output.get("text", "")) for output in outputs)
    return re.findall(r"^holds: (.*) \(measured [^()]*?, (at (?:least|most) [^()]*)\)$", text, re.M)
