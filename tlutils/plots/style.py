"""The style of every figure: colours, markers, axes, labels at the ends of lines."""

from __future__ import annotations

from collections.abc import Mapping

# Okabe & Ito (2008), told apart with every common form of colour blindness. The yellow is left out
# and the light tones are darkened: text in these colours has a contrast of at least 4.5:1 on white.
COLOURS = ("#0072B2", "#B34700", "#00795A", "#A3487F", "#333333", "#8A6100", "#2A6F97")
MARKERS = "osD^vPX"
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


def new_figure(cells: int, size: tuple[float, float], columns: int = 1):
    """Return a new figure and its axes in reading order, in the course's style, unknown to pyplot."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # its stubs want literal names
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(-(-cells // columns), columns, squeeze=False)
    return figure, list(axes.flat)


def ink_on(colour: str, strength: float) -> str:
    """Return black or white, whichever has the higher contrast, at least 4.5:1, on a colour of that opacity on white.

    WCAG 2.2, relative luminance: the two contrasts are equal at 0.179.
    """
    from matplotlib.colors import to_rgb

    shade = [1 - strength * (1 - part) for part in to_rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade]
    return "white" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < 0.179 else "black"


def check_count(named: Mapping[str, object], what: str) -> None:
    if not 0 < len(named) <= len(COLOURS):
        raise ValueError(f"1 to {len(COLOURS)} {what} can be told apart in one figure, got {len(named)}")


def as_percent(axis) -> None:
    """Write shares as whole per cents, at ticks that are whole: 2.5 % apart they would be rounded."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
    axis.set_major_formatter("{x:.0%}")


def label_ends(axes, ends: Mapping[str, float], x: float) -> None:
    """Write each curve's name at its right end, moved apart where two would touch."""
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
