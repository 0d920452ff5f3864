"""The style of every figure: colours, markers, axes, labels at the ends of lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tlutils.evidence import LARGEST, Estimate
from tlutils.inputs import checked, is_number

# Okabe & Ito (2008), told apart with every common form of colour blindness. The yellow is left out
# and the light tones are darkened: text in these colours has a contrast of at least 4.5:1 on white.
COLOURS = ("#0072B2", "#B34700", "#00795A", "#A3487F", "#333333", "#8A6100", "#2A6F97")
MARKERS = "osD^vPX"
MOST_CELLS = 1000
STYLE = {
    "figure.dpi": 100,
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E5E5",
    "lines.linewidth": 2,
    "figure.facecolor": "white",
}


@checked
def new_figure(cells: int, size: tuple[float, float], columns: int = 1):
    """Return a new figure and its axes in reading order, in the course's style, unknown to pyplot.

    Raises ValueError for no cell, and a size that is not a pair of numbers above 0.
    """
    if not (0 < cells <= MOST_CELLS and 0 < columns <= MOST_CELLS):
        raise ValueError(f"a figure has 1 to {MOST_CELLS} cells and columns, got {cells} and {columns}")
    check_numbers(size, "the size of a figure")
    if len(size) != 2 or min(size) <= 0:
        raise ValueError(f"the size of a figure is (width, height) in inches, got {size}")
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # its stubs want literal names
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(-(-cells // columns), columns, squeeze=False)
    return figure, list(axes.flat)


@checked
def ink_on(colour: str, strength: float) -> str:
    """Return black or white, whichever has the higher contrast, at least 4.5:1, on a colour of that opacity on white.

    WCAG 2.2, relative luminance: the two contrasts are equal at 0.179. Raises ValueError for an unknown colour and an
    opacity outside [0, 1].
    """
    from matplotlib.colors import is_color_like, to_rgb

    if not is_color_like(colour) or not 0 <= strength <= 1:
        raise ValueError(f"a colour and an opacity from 0 to 1 are needed, got {colour!r} and {strength}")
    shade = [1 - strength * (1 - part) for part in to_rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade]
    return "white" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < 0.179 else "black"


@checked
def check_named(what: str, named: Mapping[str, object], most: int = len(COLOURS)) -> None:
    """Raise ValueError for nothing to draw, or more than can be told apart."""
    if not 0 < len(named) <= most:
        raise ValueError(f"1 to {most} {what} can be told apart in one figure, got {len(named)}")


@checked
def check_curves(curves: Mapping[str, Mapping[Any, Estimate]], what: str) -> None:
    """Raise TypeError or ValueError unless each curve has an Estimate at every x, a number, and a point at least."""
    check_named(what, curves)
    for name, curve in curves.items():
        if not isinstance(curve, Mapping):
            raise TypeError(f"{what}: {name!r} must be a dict of estimates by x, got {curve!r:.80}")
        if not curve:
            raise ValueError(f"{what}: {name!r} has no point")
        check_numbers(curve, f"{what}: x of {name!r}")
        check_estimates(curve.values(), f"{what}: {name!r}")


@checked
def check_table(table: Mapping[str, Mapping[str, object]], what: str) -> None:
    """Raise TypeError unless every row of a table is a dict, ValueError for more cells than a figure holds."""
    for row in table.values():
        if not isinstance(row, Mapping):
            raise TypeError(f"every row of {what} must be a dict by column, got {row!r:.80}")
    if sum(map(len, table.values())) > MOST_CELLS:
        raise ValueError(f"{what} can have {MOST_CELLS} cells at most")


@checked
def check_estimates(estimates: Iterable[Estimate], what: str) -> None:
    """Raise TypeError unless all are Estimates."""
    for estimate in estimates:
        if not isinstance(estimate, Estimate):
            raise TypeError(f"{what} must be given as Estimate, got {estimate!r:.80}")


@checked
def check_numbers(numbers: Iterable[float], what: str) -> None:
    """Raise TypeError unless all are numbers, ValueError for one that no figure can show."""
    for number in numbers:
        if not is_number(number):
            raise TypeError(f"{what} must be a number, got {number!r:.80}")
        if not -LARGEST <= number <= LARGEST:
            raise ValueError(f"{what} must be finite, and at most {LARGEST:g}, got {number!r:.80}")


def legible(text: str) -> str:
    """Return a text that can be drawn: a file's name may hold bytes that are no text."""
    return text.encode("utf-8", "replace").decode()


def as_percent(axis) -> None:
    """Write shares as whole per cents, at ticks that are whole: 2.5 % apart they would be rounded."""
    from matplotlib.ticker import MaxNLocator

    if not hasattr(axis, "set_major_locator"):
        raise TypeError(f"an axis of matplotlib is asked for, got {axis!r:.80}")
    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
    axis.set_major_formatter("{x:.0%}")


@checked
def label_ends(axes, ends: Mapping[str, float], x: float) -> None:
    """Write each curve's name at its right end, moved apart where two would touch.

    Raises ValueError for no curve or more than there are colours, and an end that is not finite.
    """
    if not hasattr(axes, "annotate"):
        raise TypeError(f"axes of matplotlib are asked for, got {axes!r:.80}")
    check_named("curves", ends)
    check_numbers([*ends.values(), x], "the end of a curve")
    low, high = axes.get_ylim()
    gap = 0.075 * (high - low)
    names = sorted(ends, key=lambda name: ends[name])
    at = [ends[name] for name in names]
    for i in range(1, len(at)):
        at[i] = max(at[i], at[i - 1] + gap)
    at[-1] = min(at[-1], high)  # a label above the axes would not be drawn
    for i in reversed(range(len(at) - 1)):
        at[i] = min(at[i], at[i + 1] - gap)
    for name, height in zip(names, at, strict=True):
        style = {"color": COLOURS[list(ends).index(name)], "va": "center", "fontweight": "bold"}
        axes.annotate(name, (x, height), (8, 0), textcoords="offset points", **style)
