"""How `make test` re-runs notebooks: figures of claims may move, everything else may not; any order will do."""

import random
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import notebook_order
import pytest
from small_notebooks import code, write

ROOT = Path(__file__).resolve().parent.parent
NBVAL = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/nbval_sanitize.cfg"]
# What a notebook printed when it was stored; each is re-run with NOW.
NOW = "holds: MMD (five kernels) helps (measured 18.2 [16.1, 20.3], at least 15)\n"
ALONE = "holds: it is small (measured 1.5e-05, at least 0, at most 1)\n"
STORED = {
    "same": (NOW, NOW, True),
    "other_figures": (NOW.replace("18.2 [16.1, 20.3]", "19 [-1e+02, 140]"), NOW, True),
    "no_interval": (ALONE.replace("1.5e-05", "-0.1"), ALONE, True),
    "two_claims": (ALONE + NOW.replace("18.2", "3"), ALONE + NOW, True),
    "other_sentence": (NOW.replace("helps", "hurts"), NOW, False),
    "other_words_in_brackets": (NOW.replace("five", "six"), NOW, False),
    "other_bound": (NOW.replace("at least 15", "at least 10"), NOW, False),
    "other_kind_of_bound": (NOW.replace("at least", "at most"), NOW, False),
    "lost_interval": (NOW.replace(" [16.1, 20.3]", ""), NOW, False),
    "second_bound_gone": (ALONE.replace(", at most 1", ""), ALONE, False),
    "no_claim": ("measured 18.2, at least 15\n", "measured 18.3, at least 15\n", False),
    "missing": ("", NOW, False),
}


@pytest.fixture(scope="module")
def rerun(tmp_path_factory) -> str:
    """What pytest prints when it re-runs one notebook for each case, in a random order."""
    folder = tmp_path_factory.mktemp("notebooks")
    for name, (stored, now, _) in STORED.items():
        write(folder / f"{name}.ipynb", code("figure = 1"), code(f"print({now!r}, end='')", stored))
    options = ["-v", "--color=no", "-p", "no:cacheprovider", "-p", "tests.notebook_order", "--notebook-order=random"]
    command = [sys.executable, "-m", "pytest", *options, *NBVAL, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", STORED)
def test_only_the_figures_of_claims_may_move(rerun, name):
    verdict = re.search(rf"\b{name}\.ipynb::Cell 1 (PASSED|FAILED)", rerun)[1]
    assert (verdict == "PASSED") is STORED[name][2]


def test_the_printed_seed_repeats_the_order_and_cells_stay_together(rerun):
    seed = re.search(r"ORDER=(\d+) repeats it", rerun)[1]
    ran = re.findall(r"(\w+)\.ipynb::Cell (\d)", rerun.partition("FAILURES")[0])
    names = sorted(STORED)
    random.Random(int(seed)).shuffle(names)
    assert ran == [(name, cell) for name in names for cell in "01"]


def test_the_given_order_and_the_seeds():
    items = [SimpleNamespace(path=Path(name), cell=cell) for name in "abcdef" for cell in (0, 1)]

    def ordered(seed: int | None) -> str:
        moved = list(items)
        notebook_order.pytest_collection_modifyitems(SimpleNamespace(notebook_seed=seed), moved)
        assert [item.cell for item in moved] == [0, 1] * 6
        return "".join(str(item.path) for item in moved[::2])

    assert ordered(None) == "abcdef"
    assert ordered(1) == ordered(1) != ordered(2)
    assert sorted(ordered(1)) == list("abcdef")
