"""What to do about a name that no cell has defined yet: one line below the traceback."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from tlutils.inputs import checked

ADVICE = (
    "No cell has defined `{name}` yet. Run the cells above this one, in order (in JupyterLab: Run → Run All Above "
    "Selected Cell; in Colab: Runtime → Run before), then this one again."
)


def explain_missing_names() -> None:
    """In a notebook, print a line of advice below each NameError of a cell; elsewhere do nothing.

    The error itself is raised and shown as before. Called by `start`; calling it again changes nothing.
    Taught in notebook 00.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    # An event that follows the cell, and no handler of exceptions: those replace one another and the traceback.
    if shell is not None and _advise not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _advise)


def _advise(result: Any) -> None:
    name = missing_name(result.error_in_exec, sys.modules["IPython"].get_ipython().user_ns)
    if name:
        print(ADVICE.format(name=name))


@checked
def missing_name(error: BaseException | None, namespace: dict[str, Any]) -> str | None:
    """Return the name that a cell, or a function defined in one, did not find; None for every other error."""
    if type(error) is not NameError or not error.name or error.__traceback__ is None:
        return None
    return error.name if _innermost(error.__traceback__).tb_frame.f_globals is namespace else None


def _innermost(traceback: TracebackType) -> TracebackType:
    while traceback.tb_next:
        traceback = traceback.tb_next
    return traceback
