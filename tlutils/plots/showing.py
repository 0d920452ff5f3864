"""Showing figures: as pictures with their text, and behind a slider."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tlutils.inputs import checked
from tlutils.plots.style import check_numbers
from tlutils.session import watched_by_a_person

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
def show(figure: Figure, alt: str) -> None:
    """Display a figure as PNG with `alt` as its text for those who cannot see it.

    To a person in front of a notebook it is shown as HTML as well: JupyterLab passes over the text that
    comes with a PNG. Raises ValueError when the text is missing. Taught in notebook 00.
    """
    from IPython.display import display

    _check_figure(figure)
    if not alt.strip():
        raise ValueError("alt must say in a sentence what the figure shows")
    png = _png(figure)
    metadata = {"image/png": {"alt": alt, "width": _width(png)}}
    live = {"text/html": picture(png, alt)} if watched_by_a_person() else {}
    display({"image/png": png, "text/plain": alt} | live, metadata=metadata, raw=True)


@checked
def slider(settings: Sequence[float], draw: Callable[[float], Figure], *, label: str, alt: str) -> None:
    """Display a slider over `settings`, in their order, that shows the figure of each, `draw(setting)`, at once.

    An extra to a figure that stands alone: nothing is drawn or displayed where nobody can move a slider
    (nbval, nbconvert) or ipywidgets is missing. Else all figures are drawn before the slider appears, so
    that moving it only swaps pictures. `alt` describes what all figures show.

    Raises ValueError for fewer than two settings, settings that read alike or are not finite, or a missing text.
    Taught in notebooks 01, 02 and 08.
    """
    if not callable(draw):
        raise TypeError(f"draw must be a function of a setting, got {draw!r:.80}")
    check_numbers(settings, "a setting")
    if len({f"{setting:g}" for setting in settings}) < len(settings):
        raise ValueError(f"the settings of a slider must read differently, got {list(settings)}")
    if len(settings) < 2 or not alt.strip():
        raise ValueError(f"a slider needs 2 settings or more and an alt text, got {list(settings)}, {alt!r}")
    if not watched_by_a_person():
        return
    try:
        import ipywidgets
    except ModuleNotFoundError:
        return
    from IPython.display import display

    # Pictures inside HTML and not the Image widget: that has no alternative text.
    pictures = {f"{setting:g}": picture(draw(setting), f"{label} = {setting:g}: {alt}") for setting in settings}
    choice = ipywidgets.SelectionSlider(options=list(pictures), description=label)
    shown = ipywidgets.HTML(pictures[choice.value])
    choice.observe(lambda change: setattr(shown, "value", pictures[change["new"]]), names="value")
    display(ipywidgets.VBox([choice, shown]))


@checked
def picture(figure: Figure | bytes, alt: str) -> str:
    """Return a figure, or its PNG, as an element of HTML with `alt` as its text for those who cannot see it.

    Raises ValueError for bytes that are no PNG. Seen in the report of notebook 20.
    """
    if not isinstance(figure, bytes):
        _check_figure(figure)
    elif figure[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(f"the bytes of a picture must be a PNG, got {figure[:20]!r}")
    png = figure if isinstance(figure, bytes) else _png(figure)
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" width="{_width(png)}" alt="{html.escape(alt)}">'


def _check_figure(figure: Figure) -> None:
    if not callable(getattr(figure, "savefig", None)):
        raise TypeError(f"a figure of matplotlib is asked for, got {figure!r:.80}")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, bbox_inches="tight", pad_inches=0.1)
    return buffer.getvalue()


def _width(png: bytes) -> int:
    """Return the width at which a PNG is shown: fewer pixels than it has, so that it is sharp on dense screens."""
    return int.from_bytes(png[16:20], "big") // 2 * 2 * 10 // 13
