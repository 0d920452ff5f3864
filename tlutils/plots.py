"""Figures of the course: one style, direct labels, intervals, alt text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.evidence import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def learning_curve(
    curves: Mapping[str, Mapping[float, Estimate]], *, title: str, xlabel: str, ylabel: str = "accuracy"
) -> Figure:
    """Draw estimates over a logarithmic x, a line with an interval band for each named curve.

    `curves[name][x]` is an Estimate of a share between 0 and 1. Taught in notebook 01.
    """
    figure, (axes,) = _figure(1, (7, 4.2))
    for (name, curve), colour, marker in zip(curves.items(), COLOURS, MARKERS, strict=False):
        x = sorted(curve)
        axes.plot(x, [curve[k].mean for k in x], color=colour, marker=marker)
        axes.fill_between(x, [curve[k].low for k in x], [curve[k].high for k in x], color=colour, alpha=0.15, lw=0)
    ends = {name: curve[max(curve)].mean for name, curve in curves.items()}
    axes.set_xscale("log")
    ticks = sorted({k for curve in curves.values() for k in curve})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    _label_ends(axes, ends, max(ticks))
    return figure


def compare(estimates: Mapping[str, Estimate], *, title: str, xlabel: str = "accuracy", percent: bool = True) -> Figure:
    """Draw one row for each named estimate: every run as a dot, the mean as a bar, its interval as a line.

    Taught in notebook 04.
    """
    figure, (axes,) = _figure(1, (7, 0.9 + 0.5 * len(estimates)))
    for row, ((name, estimate), colour) in enumerate(zip(estimates.items(), COLOURS * 3, strict=False)):
        axes.plot([estimate.low, estimate.high], [row, row], color=colour, lw=5, alpha=0.3, solid_capstyle="round")
        axes.plot(estimate.runs, [row] * len(estimate.runs), "o", color=colour, ms=4, alpha=0.6)
        axes.plot([estimate.mean], [row], "|", color=colour, ms=20, mew=3)
        text = f"{estimate.mean:.0%}" if percent else f"{estimate.mean:.3g}"
        axes.annotate(text, (estimate.mean, row), (0, 11), textcoords="offset points", color=colour, ha="center")
    axes.set_yticks(range(len(estimates)), list(estimates))
    axes.set_ylim(len(estimates) - 0.4, -0.7)
    axes.grid(axis="y", visible=False)
    if percent:
        axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set(title=title, xlabel=xlabel)
    return figure


def image_grid(images: Tensor, labels: Sequence[str], *, columns: int = 12, title: str = "") -> Figure:
    """Draw images (n, c, h, w) in [0, 1], each under its label.

    Raises ValueError when images and labels differ in number. Taught in notebook 00.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    width = 7.5 / columns
    figure, cells = _figure(rows * columns, (7.5, rows * (width + 0.27) + 0.35 * bool(title)), columns=columns)
    size = max(6.5, min(11, 95 / columns))
    for cell in cells:
        cell.axis("off")
    for cell, image, label in zip(cells, images, labels, strict=False):
        picture = image.permute(1, 2, 0)
        cell.imshow(picture.expand(-1, -1, 3) if picture.shape[2] == 1 else picture, vmin=0, vmax=1)
        cell.set_title(label, fontsize=size, fontweight="normal", loc="center", pad=3)
    if title:
        figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    return figure


def examples(domain: Domain, per_class: int = 1, *, title: str = "", seed: int = 0) -> Figure:
    """Draw `per_class` random examples of every class of a domain, named. Taught in notebook 00."""
    shown = domain.few(per_class, seed)
    order = torch.arange(len(shown)).reshape(-1, per_class).T.flatten()
    names = [domain.classes[k] for k in shown.y[order].tolist()]
    return image_grid(shown.x[order], names, columns=len(domain.classes), title=title or domain.name)


def two_domains(
    panels: Mapping[str, tuple[Tensor, Tensor]], *, names: tuple[str, str], labels: tuple[Tensor, Tensor] | None = None
) -> Figure:
    """Draw features of two domains (n, d), (m, d) in the plane of their two largest joint principal components.

    One panel for each named pair, up to 400 rows a domain; with `labels` the points are class
    numbers, else dots and crosses. Taught in notebooks 02 and 04.
    """
    figure, cells = _figure(len(panels), (7.5, 4.3 if len(panels) < 3 else 3.2), columns=len(panels))
    for cell, (title, pair) in zip(cells, panels.items(), strict=True):
        pair = [rows[:400].float() for rows in pair]
        centre = torch.cat(pair).mean(0)
        basis = torch.linalg.svd(torch.cat(pair) - centre, full_matrices=False).Vh[:2].T
        for rows, name, colour, marker, which in zip(pair, names, COLOURS, "ox", range(2), strict=False):
            x, y = ((rows - centre) @ basis).T
            if labels is None:
                cell.plot(x, y, marker, color=colour, ms=4, alpha=0.5, label=name)
                continue
            cell.plot(x, y, ",", color="none")
            for px, py, label in zip(x, y, labels[which].tolist(), strict=False):
                cell.text(px, py, str(label), color=colour, fontsize=8, alpha=0.8, ha="center", va="center", clip_on=True)
        cell.set(title=title, xticks=[], yticks=[])
        cell.grid(visible=False)
    for name, colour, x in zip(names, COLOURS, (0.02, 0.45), strict=False):
        figure.text(x, -0.03, name, color=colour, fontsize=12, fontweight="bold")
    return figure


def show(figure: Figure, alt: str) -> None:
    """Display a figure as PNG with `alt` as its text for those who cannot see it.

    Raises ValueError when the text is missing. Taught in notebook 00.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt must say in a sentence what the figure shows")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, bbox_inches="tight", pad_inches=0.1)
    metadata = {"image/png": {"alt": alt, "width": _width(buffer.getvalue()) // 2 * 2 * 10 // 13}}
    display({"image/png": buffer.getvalue(), "text/plain": alt}, metadata=metadata, raw=True)


def _width(png: bytes) -> int:
    return int.from_bytes(png[16:20], "big")


def _figure(cells: int, size: tuple[float, float], columns: int = 1):
    """Return a new figure and its axes in reading order, in the course's style, unknown to pyplot."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(-(-cells // columns), columns, squeeze=False)
    return figure, list(axes.flat)


def _label_ends(axes, ends: Mapping[str, float], x: float) -> None:
    """Write each curve's name at its right end, moved apart where two would touch."""
    low, high = axes.get_ylim()
    gap = 0.075 * (high - low)
    at = -float("inf")
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        at = max(end, at + gap)
        colour = COLOURS[list(ends).index(name)]
        axes.annotate(name, (x, at), (8, 0), textcoords="offset points", color=colour, va="center", fontweight="bold")
