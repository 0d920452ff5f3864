"""A cell that uses a name no cell has defined is followed by advice, and fails as before."""

import sys
from types import SimpleNamespace

import IPython
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tlutils.missing_names import explain_missing_names, missing_name

ADVICE = "No cell has defined `features` yet. Run the cells above this one"


@pytest.fixture
def shell(monkeypatch, tmp_path):
    made = InteractiveShell(ipython_dir=str(tmp_path))
    made.history_manager.end_session()
    made.history_manager.enabled = False
    monkeypatch.setattr(IPython, "get_ipython", lambda: made)
    explain_missing_names()
    return made


@pytest.mark.parametrize(
    "cell",
    [
        "features.shape",
        "x = 1\nprint(features)",
        "def f():\n    return features\nf()",
        "[features for _ in range(2)]",
        "list(map(lambda i: features[i], range(2)))",
    ],
)
def test_a_missing_name_gets_its_traceback_and_then_one_line(shell, capsys, cell):
    result = shell.run_cell(cell)
    out = capsys.readouterr().out
    assert isinstance(result.error_in_exec, NameError) and not result.success
    assert out.index("Traceback (most recent call last)") < out.index("name 'features' is not defined")
    assert out.index("name 'features' is not defined") < out.index(ADVICE)
    assert out.rstrip().count("\n", out.index(ADVICE)) == 0


@pytest.mark.parametrize(
    "cell",
    [
        "1 / 0",
        "raise NameError('of my own')",
        "import math\nmath.nothing",
        "def f():\n    print(x)\n    x = 1\nf()",  # defined, but too late: no cell above mends that
        "exec('features', {})",  # the name is missing in another file's code
        "1 +",
        "1 + 1",
        "",
    ],
)
def test_what_the_cells_above_would_not_mend_gets_no_advice(shell, capsys, cell):
    shell.run_cell(cell)
    assert "Run the cells above" not in capsys.readouterr().out


def test_starting_twice_advises_once(shell, capsys):
    explain_missing_names()
    shell.run_cell("features")
    assert capsys.readouterr().out.count(ADVICE) == 1


def test_an_error_that_nobody_raised_has_no_frame_to_look_at():
    assert missing_name(NameError("name 'x' is not defined", name="x"), {}) is None


def test_outside_a_notebook_nothing_happens(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    explain_missing_names()
    monkeypatch.delitem(sys.modules, "IPython")
    explain_missing_names()


def test_in_a_kernel_the_error_still_stops_the_run():
    cells = ["import tlutils as tl\ntl.start()", "features.shape", "print('not reached')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.raises(CellExecutionError, match="name 'features' is not defined"):
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    stopped = {output.output_type: output for output in notebook.cells[1].outputs}
    assert stopped["error"].ename == "NameError"
    assert stopped["stream"].text.startswith(ADVICE)
    assert notebook.cells[2].outputs == []
