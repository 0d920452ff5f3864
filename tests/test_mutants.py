"""The last run of `make mutants`: enough killed, every survivor explained; and its tool on a module made up here."""

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RESULTS = json.loads((ROOT / "data" / "mutants.json").read_text(encoding="utf-8"))["modules"]
REASONS = tomllib.loads((ROOT / "tests" / "survivors.toml").read_text(encoding="utf-8"))
MODULES = ["adversary", "discrepancy", "evidence", "select", "transferability"]

modules = pytest.mark.parametrize("name", MODULES)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the tool needs fork")


def test_the_five_modules_were_checked():
    assert sorted(RESULTS) == MODULES and set(REASONS) <= set(MODULES)


@modules
def test_at_least_85_percent_of_the_mutants_were_killed(name):
    found = RESULTS[name]
    assert found["made"] - found["killed"] == len(found["survivors"])
    assert found["share"] == round(found["killed"] / found["made"], 3) >= 0.85


@modules
def test_every_survivor_has_its_reason_and_every_reason_its_survivor(name):
    reasons = REASONS.get(name, [])
    given = {(row["function"], row["before"], after): row["reason"] for row in reasons for after in row["after"]}
    found = {(row["function"], row["before"], row["after"]): row["reason"] for row in RESULTS[name]["survivors"]}
    assert found == given and all(len(reason.split()) > 3 for reason in given.values())


@modules
def test_the_survivors_lines_still_stand_in_the_module(name):
    lines = (ROOT / "tlutils" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    text = " ".join(map(str.strip, lines))
    gone = [row["before"] for row in RESULTS[name]["survivors"] if row["before"] not in text]
    assert not gone, f"run `make mutants` again: {name} has changed"


MODULE = '''\
"""A module with one test too few."""

ZERO: int = 0


def larger(a, b):
    return a if a > b else b


def countdown(n):
    while n > ZERO:
        n -= 1
    return n
'''
TEST = """\
from tiny import countdown, larger


def test_larger():
    assert larger(2, 1) == 2 and larger(1, 2) == 2


def test_countdown():
    assert countdown(3) == 0
"""
RUN = """\
import json, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import mutants

mutants.LEAST, folder = 1, Path(sys.argv[2])
sys.pycache_prefix = str(folder)
print(json.dumps(mutants.check(folder / "tiny.py", [folder / "test_tiny.py"], None, 3, folder)))
"""


@forks
def test_the_tool_kills_what_a_test_notices_ends_what_hangs_and_lets_the_rest_live(tmp_path):
    pytest.importorskip("mutmut", reason="mutmut is not installed: `make mutants` brings it")
    (tmp_path / "tiny.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "test_tiny.py").write_text(TEST, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", RUN, ROOT / ".ci", tmp_path],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    line = "return a if a > b else b"
    assert found["survivors"] == [{"function": "larger", "before": line, "after": "return a if a >= b else b"}]
    # ZERO: None, 1; larger: >=, never, always; countdown: >=, += 1, = 1, -= 2.
    assert (found["made"], found["killed"], found["timed_out"]) == (9, 8, 2)
    assert (tmp_path / "tiny.py").read_text(encoding="utf-8") == MODULE


def test_a_survivor_without_a_reason_is_listed_and_so_is_a_reason_without_a_survivor(monkeypatch):
    pytest.importorskip("mutmut", reason="mutmut is not installed: `make mutants` brings it")
    monkeypatch.syspath_prepend(ROOT / ".ci")
    explain = importlib.import_module("mutants").explain
    survivors = [{"function": "f", "before": "a", "after": after} for after in ("b", "c")]
    reasons = [{"function": "f", "before": "a", "after": ["b", "d"], "reason": "the same"}]
    bare, left_over = explain("tiny", survivors, reasons)
    assert [survivor["reason"] for survivor in survivors] == ["the same", ""]
    assert tomllib.loads(bare) == {"tiny": [{"function": "f", "before": "a", "after": ["c"], "reason": ""}]}
    assert left_over.startswith("tiny.f") and left_over.endswith("d")
