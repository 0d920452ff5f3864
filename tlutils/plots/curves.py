"""Figures of estimates: curves, rows, paths, hits and misses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from tlutils.evidence import Estimate
from tlutils.inputs import checked
from tlutils.plots.style import (
    COLOURS,
    MARKERS,
    as_percent,
    check_curves,
    check_estimates,
    check_named,
    check_numbers,
    label_ends,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 100  # of shares, one below the other


@checked
def learning_curve(
    curves: Mapping[str, Mapping[float, Estimate]], *, title: str, xlabel: str, ylabel: str = "accuracy"
) -> Figure:
    """Draw estimates over a logarithmic x, a line with an interval band for each named curve.

    `curves[name][x]` is an Estimate of a share between 0 and 1; x = 0 stands a decade to the left of
    the smallest other x. Raises ValueError for no curve or more than there are colours, a curve without
    points, x below 0 or none above it. Taught in notebooks 01 and 08.
    """
    check_curves(curves, "curves")
    if min(map(min, curves.values())) < 0 or not max(map(max, curves.values())) > 0:
        raise ValueError("a logarithmic x must be 0 or more, and above 0 somewhere")
    figure, (axes,) = new_figure(1, (7, 4.2))
    for curve, colour, marker in zip(curves.values(), COLOURS, MARKERS, strict=False):
        x = sorted(curve)
        axes.plot(x, [curve[k].mean for k in x], color=colour, marker=marker)
        axes.fill_between(x, [curve[k].low for k in x], [curve[k].high for k in x], color=colour, alpha=0.15, lw=0)
    ends = {name: curve[max(curve)].mean for name, curve in curves.items()}
    ticks = sorted({k for curve in curves.values() for k in curve})
    if 0 in ticks:
        axes.set_xscale("symlog", linthresh=min(tick for tick in ticks if tick > 0), linscale=0.9)
    else:
        axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    as_percent(axes.yaxis)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    label_ends(axes, ends, max(ticks))
    return figure


@checked
def training_curve(
    curves: Mapping[str, Mapping[int, Estimate]],
    *,
    title: str,
    xlabel: str,
    ylabel: str = "accuracy",
    percent: bool = True,
) -> Figure:
    """Draw estimates against time, or depth, a thin line for every run, a thick one for each named curve's mean.

    `curves[name][epoch]` is an Estimate: a share between 0 and 1, or with `percent=False` any number. Raises
    ValueError for no curve or more than there are colours, a curve without points, and one whose points differ in
    their number of runs. Taught in notebooks 09 and 18.
    """
    check_curves(curves, "curves")
    for name, curve in curves.items():
        if len({len(estimate.runs) for estimate in curve.values()}) > 1:
            raise ValueError(f"the curve {name!r} needs the same runs at every point, a line is drawn for each")
    figure, (axes,) = new_figure(1, (7, 4.2))
    for curve, colour, marker in zip(curves.values(), COLOURS, MARKERS, strict=False):
        epochs = sorted(curve)
        axes.plot(epochs, [curve[epoch].runs for epoch in epochs], color=colour, lw=1, alpha=0.45)
        axes.plot(epochs, [curve[epoch].mean for epoch in epochs], color=colour, marker=marker)
    axes.set_xticks(epochs)
    if percent:
        as_percent(axes.yaxis)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    label_ends(axes, {name: curve[max(curve)].mean for name, curve in curves.items()}, max(epochs))
    return figure


@checked
def compare(estimates: Mapping[str, Estimate], *, title: str, xlabel: str = "accuracy", percent: bool = True) -> Figure:
    """Draw one row for each named estimate: every run as a dot, the mean as a bar, its interval as a line.

    Raises ValueError for no estimate or more than 21. Taught in notebook 04.
    """
    check_named("estimates", estimates, 3 * len(COLOURS))
    check_estimates(estimates.values(), "estimates")
    figure, (axes,) = new_figure(1, (7, 0.9 + 0.5 * len(estimates)))
    for row, (estimate, colour) in enumerate(zip(estimates.values(), COLOURS * 3, strict=False)):
        axes.plot([estimate.low, estimate.high], [row, row], color=colour, lw=5, alpha=0.3, solid_capstyle="round")
        axes.plot(estimate.runs, [row] * len(estimate.runs), "o", color=colour, ms=4, alpha=0.6)
        axes.plot([estimate.mean], [row], "|", color=colour, ms=20, mew=3)
        digits = 2 if percent or abs(estimate.mean) < 1 else 1
        mean = round(estimate.mean, digits) + 0.0  # without this sum, −0.001 is written −0.00
        text = f"{mean:.0%}" if percent else f"{mean:.{digits}f}".replace("-", "−")
        axes.annotate(text, (estimate.mean, row), (0, 11), textcoords="offset points", color=colour, ha="center")
    axes.set_yticks(range(len(estimates)), list(estimates))
    axes.set_ylim(len(estimates) - 0.4, -0.7)
    axes.margins(x=0.09)  # room for the number above the outermost mean
    axes.grid(axis="y", visible=False)
    if percent:
        as_percent(axes.xaxis)
    axes.set(title=title, xlabel=xlabel)
    return figure


@checked
def shares(values: Mapping[str, tuple[float, float, float]], *, title: str) -> Figure:
    """Draw one row for each named share: a dot, its interval as a line, its value; (share, low, high) each.

    Raises ValueError for no share, or what is not three finite numbers. Taught in notebook 20.
    """
    check_named("shares", values, MOST_ROWS)
    for name, three in values.items():
        if not isinstance(three, (tuple, list)) or len(three) != 3:
            raise ValueError(f"the share {name!r} must be (share, low, high), got {three!r:.80}")
        check_numbers(three, f"the share {name!r}")
    figure, (axes,) = new_figure(1, (7, 0.55 * len(values) + 1.1))
    for row, (value, low, high) in enumerate(values.values()):
        colour = COLOURS[0]
        axes.plot([low, high], [row, row], color=colour, lw=2)
        axes.plot(value, row, "o", color=colour)
        axes.annotate(f"{value:.0%}", (high, row), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_title(title)
    as_percent(axes.xaxis)
    return figure


@checked
def against(
    paths: Mapping[str, Sequence[tuple[Estimate, Estimate]]], *, title: str, xlabel: str, ylabel: str
) -> Figure:
    """Draw one estimate against another, with both intervals, each named path joined in its order.

    Raises ValueError for no path or more than there are colours, and for a path that is no list of pairs. Taught in
    notebook 02.
    """
    check_named("paths", paths)
    for name, path in paths.items():
        if not isinstance(path, (list, tuple)) or not path or not all(_is_pair(point) for point in path):
            raise ValueError(f"the path {name!r} must be a list of pairs of estimates, got {path!r:.80}")
        check_estimates(chain.from_iterable(path), f"the path {name!r}")
    figure, (axes,) = new_figure(1, (7, 4.2))
    for (name, path), colour, marker in zip(paths.items(), COLOURS, MARKERS, strict=False):
        across, up = zip(*path, strict=True)
        x, y = [e.mean for e in across], [e.mean for e in up]
        axes.errorbar(
            x, y, [e.half_width for e in up], [e.half_width for e in across], color=colour, marker=marker, elinewidth=1
        )
        end = (x[-1], up[-1].high)
        axes.annotate(name, end, (-4, 5), textcoords="offset points", color=colour, fontweight="bold")
    axes.margins(y=0.12)  # room for the highest name
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure


@checked
def hits(
    points: Mapping[str, tuple[float, float]], *, title: str, xlabel: str, ylabel: str, named: int = 6
) -> Figure:
    """Draw comparisons as points (forecast, outcome), both at least 0 for a hit: dots above the line, crosses below it.

    The forecast is that the first does better, by x ≥ 0; the outcome is by how much it did. The `named`
    misses with the largest loss carry their names. Raises ValueError for no point, a negative forecast, what is no
    pair of finite numbers, and `named` below 0. Taught in notebook 16.
    """
    for name, point in points.items():
        if not _is_pair(point):
            raise ValueError(f"the point {name!r} must be (forecast, outcome), got {point!r:.80}")
        check_numbers(point, f"the point {name!r}")
    if named < 0:
        raise ValueError(f"named must be 0 or more, got {named}")
    if not points or min(x for x, _ in points.values()) < 0:
        raise ValueError("hits are drawn for at least one comparison, the one forecast as better first: x ≥ 0")
    figure, (axes,) = new_figure(1, (7, 4.6))
    axes.axhline(0, color="#333333", lw=1)
    for is_hit, colour, marker, name in ((True, COLOURS[0], "o", "hits"), (False, COLOURS[1], "X", "misses")):
        chosen = [point for point in points.values() if (point[1] >= 0) == is_hit]
        if chosen:
            axes.plot(*zip(*chosen, strict=True), marker, color=colour, ms=7, alpha=0.75, mew=0)
        edge = 0.97 if is_hit else 0.03
        label = {"color": colour, "fontweight": "bold", "ha": "right", "va": "top" if is_hit else "bottom"}
        axes.text(0.99, edge, f"{name}: {len(chosen)}", transform=axes.transAxes, **label)
    worst = sorted((name for name in points if points[name][1] < 0), key=lambda name: points[name][1])[:named]
    low, high = axes.get_ylim()
    last = -math.inf
    for name in sorted(worst, key=lambda name: points[name][1]):
        x, y = points[name]
        at = max(y, last + 0.06 * (high - low))  # names that would touch are moved apart
        last = at
        axes.annotate(name, (x, y), (x + 0.012 * (axes.get_xlim()[1]), at), color=COLOURS[1], fontsize=9, va="center")
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure


def _is_pair(value: object) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2
