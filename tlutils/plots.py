"""Figures of the course: one style, direct labels, intervals, alt text."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.evidence import Estimate
from tlutils.session import watched_by_a_person

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tlutils.negative import TransferGain

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

    `curves[name][x]` is an Estimate of a share between 0 and 1; x = 0 stands a decade to the left of
    the smallest other x. Raises ValueError for no curve or more than there are colours. Taught in
    notebooks 01 and 08.
    """
    _check_count(curves, "curves")
    figure, (axes,) = _figure(1, (7, 4.2))
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
    _percent(axes.yaxis)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    _label_ends(axes, ends, max(ticks))
    return figure


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
    ValueError for no curve or more than there are colours. Taught in notebooks 09 and 18.
    """
    _check_count(curves, "curves")
    figure, (axes,) = _figure(1, (7, 4.2))
    for curve, colour, marker in zip(curves.values(), COLOURS, MARKERS, strict=False):
        epochs = sorted(curve)
        axes.plot(epochs, [curve[epoch].runs for epoch in epochs], color=colour, lw=1, alpha=0.45)
        axes.plot(epochs, [curve[epoch].mean for epoch in epochs], color=colour, marker=marker)
    axes.set_xticks(epochs)
    if percent:
        _percent(axes.yaxis)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    _label_ends(axes, {name: curve[max(curve)].mean for name, curve in curves.items()}, max(epochs))
    return figure


def compare(estimates: Mapping[str, Estimate], *, title: str, xlabel: str = "accuracy", percent: bool = True) -> Figure:
    """Draw one row for each named estimate: every run as a dot, the mean as a bar, its interval as a line.

    Taught in notebook 04.
    """
    figure, (axes,) = _figure(1, (7, 0.9 + 0.5 * len(estimates)))
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
        _percent(axes.xaxis)
    axes.set(title=title, xlabel=xlabel)
    return figure


def shares(values: Mapping[str, tuple[float, float, float]], *, title: str) -> Figure:
    """Draw one row for each named share: a dot, its interval as a line, its value; (share, low, high) each.

    Taught in notebook 20.
    """
    figure, (axes,) = _figure(1, (7, 0.55 * len(values) + 1.1))
    for row, (value, low, high) in enumerate(values.values()):
        colour = COLOURS[0]
        axes.plot([low, high], [row, row], color=colour, lw=2)
        axes.plot(value, row, "o", color=colour)
        axes.annotate(f"{value:.0%}", (high, row), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_title(title)
    _percent(axes.xaxis)
    return figure


def image_grid(images: Tensor, labels: Sequence[str], *, columns: int = 12, title: str = "") -> Figure:
    """Draw images (n, c, h, w) in [0, 1], each under its label.

    Raises ValueError when images and labels differ in number. Taught in notebook 00.
    """
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(f"{len(images)} images but {len(labels)} labels: need one label for each, and at least one")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    width = 7.5 / columns
    height = width * images.shape[2] / images.shape[3]
    figure, cells = _figure(rows * columns, (7.5, rows * (height + 0.27) + 0.35 * bool(title)), columns=columns)
    size = max(6.5, min(11, 95 / columns))
    for cell in cells:
        cell.axis("off")
    for cell, image, label in zip(cells, images, labels, strict=False):
        cell.imshow(image.expand(3, -1, -1).permute(1, 2, 0).numpy())
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
                cell.text(px, py, str(label), color=colour, fontsize=8, alpha=0.8, ha="center", va="center")
        cell.set(title=title, xticks=[], yticks=[])
        cell.grid(visible=False)
    for name, colour, x in zip(names, COLOURS, (0.02, 0.45), strict=False):
        figure.text(x, -0.03, name, color=colour, fontsize=12, fontweight="bold")
    return figure


def border(model, source: Domain, target: Domain) -> Figure:
    """Draw two labelled domains (n, 2) side by side with the line where a scikit-learn `model` changes its answer.

    Two classes, dots and crosses, up to 250 rows a domain. Raises ValueError for other data.
    Taught in notebook 02.
    """
    for domain in (source, target):
        if domain.y is None or domain.x.shape[1:] != (2,) or len(domain.classes) != 2:
            raise ValueError(f"a border is drawn for labelled rows (n, 2) of two classes, got {domain!r}")
    rows = torch.cat([source.x, target.x])
    low, high = rows.min(0).values.tolist(), rows.max(0).values.tolist()
    grid = torch.meshgrid(*(torch.linspace(a, b, 300) for a, b in zip(low, high, strict=True)), indexing="xy")
    scores = torch.as_tensor(model.decision_function(torch.stack(grid, -1).reshape(-1, 2))).reshape(300, 300)
    figure, cells = _figure(2, (7.5, 3.4), columns=2)
    for cell, domain, title in zip(cells, (source, target), ("source", "target"), strict=True):
        for number, marker in enumerate("ox"):
            x, y = domain.x[:250][domain.y[:250] == number].T
            cell.plot(x, y, marker, color=COLOURS[number], ms=4, alpha=0.6)
        cell.contour(*grid, scores, levels=[0.0], colors=["#333333"], linewidths=2)
        cell.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    names, colours = (*source.classes, "line: fitted on the source"), (*COLOURS[:2], "#333333")
    for name, colour, x in zip(names, colours, (0.02, 0.16, 0.34), strict=True):
        figure.text(x, -0.05, name, color=colour, fontsize=12, fontweight="bold")
    return figure


def against(
    paths: Mapping[str, Sequence[tuple[Estimate, Estimate]]], *, title: str, xlabel: str, ylabel: str
) -> Figure:
    """Draw one estimate against another, with both intervals, each named path joined in its order.

    Raises ValueError for no path or more than there are colours. Taught in notebook 02.
    """
    _check_count(paths, "paths")
    figure, (axes,) = _figure(1, (7, 4.2))
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


def matrix(values: Mapping[str, Mapping[str, Estimate | float]], *, title: str, rows: str, columns: str) -> Figure:
    """Draw shares between 0 and 1 as a table of cells, darker for larger: `values[row][column]`, blank where missing.

    Columns stand in the order of the rows as far as they share names. Raises ValueError for an empty
    table or a share outside [0, 1]. Taught in notebook 15.
    """
    down = list(values)
    found = {name for row in values.values() for name in row}
    across = [name for name in down if name in found] + sorted(found - set(down))
    cells = [(i, j) for i, row in enumerate(down) for j, name in enumerate(across) if name in values[row]]
    means = {(i, j): float(values[down[i]][across[j]]) for i, j in cells}
    if not means or not all(0 <= mean <= 1 for mean in means.values()):
        raise ValueError(f"a matrix shows shares between 0 and 1, at least one, got {list(means.values())}")
    figure, (axes,) = _figure(1, (1.6 + 1.15 * len(across), 1.3 + 0.75 * len(down)))
    for (i, j), mean in means.items():
        x, y = [j - 0.48, j + 0.48, j + 0.48, j - 0.48], [i - 0.48, i - 0.48, i + 0.48, i + 0.48]
        axes.fill(x, y, color=COLOURS[0], alpha=0.06 + 0.9 * mean, lw=0)
        axes.text(j, i, f"{mean:.0%}", ha="center", va="center", color=_ink(COLOURS[0], 0.06 + 0.9 * mean))
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.set(title=title, xlabel=columns, ylabel=rows, xlim=(-0.5, len(across) - 0.5), ylim=(len(down) - 0.5, -0.5))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return figure


def gains(table: Mapping[str, Mapping[str, TransferGain]], *, title: str, columns: str) -> Figure:
    """Draw gains as a table of cells, `table[row][column]`: blue where transfer helps, orange where it hurts.

    The number in each cell is the mean in points, 100 times a difference of shares, the mark after it the
    verdict: ▲ helps, ▼ hurts, none for no evidence. Raises ValueError for an empty table or rows with
    other columns. Taught in notebook 16.
    """
    down, across = list(table), list(next(iter(table.values()), {}))
    if not across or any(list(row) != across for row in table.values()):
        raise ValueError(f"every row needs the same columns, at least one; got {[list(row) for row in table.values()]}")
    largest = max(abs(cell.gain.mean) for row in table.values() for cell in row.values()) or 1.0
    figure, (axes,) = _figure(1, (1.9 + 1.35 * len(across), 1.1 + 0.48 * len(down)))
    look = {"helps": (COLOURS[0], " ▲"), "no evidence": ("#777777", ""), "hurts": (COLOURS[1], " ▼")}
    for i, row in enumerate(table.values()):
        for j, cell in enumerate(row.values()):
            colour, mark = look[cell.verdict]
            strength = 0.12 if cell.verdict == "no evidence" else 0.2 + 0.8 * abs(cell.gain.mean) / largest
            x, y = [j - 0.48, j + 0.48, j + 0.48, j - 0.48], [i - 0.46, i - 0.46, i + 0.46, i + 0.46]
            axes.fill(x, y, color=colour, alpha=strength, lw=0)
            number = f"{round(100 * cell.gain.mean):+d}".replace("-", "−").replace("+0", "0")
            weight = "normal" if cell.verdict == "no evidence" else "bold"
            ink = _ink(colour, strength)
            axes.text(j, i, number + mark, ha="center", va="center", color=ink, fontweight=weight)
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.set(title=title, xlabel=columns, xlim=(-0.5, len(across) - 0.5), ylim=(len(down) - 0.5, -0.5))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    figure.text(0.02, -0.05, "points;  ▲ helps   ▼ hurts   no mark: no evidence", fontsize=11)
    return figure


def hits(
    points: Mapping[str, tuple[float, float]], *, title: str, xlabel: str, ylabel: str, named: int = 6
) -> Figure:
    """Draw comparisons as points (forecast, outcome), both at least 0 for a hit: dots above the line, crosses below it.

    The forecast is that the first does better, by x ≥ 0; the outcome is by how much it did. The `named`
    misses with the largest loss carry their names. Raises ValueError for no point or a negative forecast.
    Taught in notebook 16.
    """
    if not points or min(x for x, _ in points.values()) < 0:
        raise ValueError("hits are drawn for at least one comparison, the one forecast as better first: x ≥ 0")
    figure, (axes,) = _figure(1, (7, 4.6))
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


def contributions(words: Sequence[str], values: Tensor, *, title: str, meaning: tuple[str, str]) -> Figure:
    """Draw a text with what each word contributes, values (m,): a shade, blue for and orange against, and a number.

    `meaning` says what positive and negative values speak for. Raises ValueError when words and
    values differ in number or there is none. Taught in notebook 12.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if len(words) != len(values) or not words:
        raise ValueError(f"{len(words)} words but {len(values)} values: need one for each, and at least one word")
    figure, (axes,) = _figure(1, (7.5, 1))
    axes.axis("off")
    axes.set(xlim=(0, 7.5), ylim=(0, 1))  # in inches, once the figure has its height
    measure = FigureCanvasAgg(figure).get_renderer()
    largest = max(values.abs().max().item(), 1e-9)
    x = line = 0
    placed = []
    for word, value in zip(words, values.tolist(), strict=True):
        sample = figure.text(0, 0, word, fontsize=13)
        width = max(sample.get_window_extent(measure).width / figure.dpi, 0.36) + 0.12
        sample.remove()
        if x and x + width > 7.3:
            x, line = 0, line + 1
        placed.append((x, line, width, word, value))
        x += width + 0.05
    height = 0.6 * (line + 1)
    figure.set_size_inches(7.5, height + 0.9)
    axes.set_ylim(height, 0)
    for x, line, width, word, value in placed:
        colour, share = COLOURS[0 if value >= 0 else 1], abs(value) / largest
        box = {"boxstyle": "round,pad=0.12", "facecolor": (colour, 0.5 * share), "edgecolor": "none"}
        axes.text(x + width / 2, 0.6 * line + 0.18, word, fontsize=13, ha="center", va="center", bbox=box)
        if share >= 0.15:
            number = f"{value:+.2f}".replace("-", "−")
            axes.text(x + width / 2, 0.6 * line + 0.4, number, fontsize=10, color=colour, ha="center", va="center")
    axes.set_title(title)
    for text, colour, at in zip(meaning, COLOURS, (0.02, 0.5), strict=False):
        sign = "+" if colour == COLOURS[0] else "−"
        figure.text(at, -0.06, f"{sign}  {text}", color=colour, fontsize=12, fontweight="bold")
    return figure


def show(figure: Figure, alt: str) -> None:
    """Display a figure as PNG with `alt` as its text for those who cannot see it.

    To a person in front of a notebook it is shown as HTML as well: JupyterLab passes over the text that
    comes with a PNG. Raises ValueError when the text is missing. Taught in notebook 00.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt must say in a sentence what the figure shows")
    png = _png(figure)
    metadata = {"image/png": {"alt": alt, "width": _width(png)}}
    live = {"text/html": picture(png, alt)} if watched_by_a_person() else {}
    display({"image/png": png, "text/plain": alt} | live, metadata=metadata, raw=True)


def slider(settings: Sequence[float], draw: Callable[[float], Figure], *, label: str, alt: str) -> None:
    """Display a slider over `settings`, in their order, that shows the figure of each, `draw(setting)`, at once.

    An extra to a figure that stands alone: nothing is drawn or displayed where nobody can move a slider
    (nbval, nbconvert) or ipywidgets is missing. Else all figures are drawn before the slider appears, so
    that moving it only swaps pictures. `alt` describes what all figures show.

    Raises ValueError for fewer than two settings or a missing text. Taught in notebooks 01, 02 and 08.
    """
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


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, bbox_inches="tight", pad_inches=0.1)
    return buffer.getvalue()


def picture(figure: Figure | bytes, alt: str) -> str:
    """Return a figure, or its PNG, as an element of HTML with `alt` as its text for those who cannot see it."""
    png = figure if isinstance(figure, bytes) else _png(figure)
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" width="{_width(png)}" alt="{html.escape(alt)}">'


def _width(png: bytes) -> int:
    """Return the width at which a PNG is shown: fewer pixels than it has, so that it is sharp on dense screens."""
    return int.from_bytes(png[16:20], "big") // 2 * 2 * 10 // 13


def _figure(cells: int, size: tuple[float, float], columns: int = 1):
    """Return a new figure and its axes in reading order, in the course's style, unknown to pyplot."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(-(-cells // columns), columns, squeeze=False)
    return figure, list(axes.flat)


def _ink(colour: str, strength: float) -> str:
    """Return black or white, whichever has the higher contrast, at least 4.5:1, on a colour of that opacity on white.

    WCAG 2.2, relative luminance: the two contrasts are equal at 0.179.
    """
    from matplotlib.colors import to_rgb

    shade = [1 - strength * (1 - part) for part in to_rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade]
    return "white" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < 0.179 else "black"


def _check_count(named: Mapping[str, object], what: str) -> None:
    if not 0 < len(named) <= len(COLOURS):
        raise ValueError(f"1 to {len(COLOURS)} {what} can be told apart in one figure, got {len(named)}")


def _percent(axis) -> None:
    """Write shares as whole per cents, at ticks that are whole: 2.5 % apart they would be rounded."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
    axis.set_major_formatter("{x:.0%}")


def _label_ends(axes, ends: Mapping[str, float], x: float) -> None:
    """Write each curve's name at its right end, moved apart where two would touch."""
    low, high = axes.get_ylim()
    gap = 0.075 * (high - low)
    names = sorted(ends, key=ends.get)
    at = [ends[name] for name in names]
    for i in range(1, len(at)):
        at[i] = max(at[i], at[i - 1] + gap)
    at[-1] = min(at[-1], high)  # a label above the axes would not be drawn
    for i in reversed(range(len(at) - 1)):
        at[i] = min(at[i], at[i + 1] - gap)
    for name, height in zip(names, at, strict=True):
        style = {"color": COLOURS[list(ends).index(name)], "va": "center", "fontweight": "bold"}
        axes.annotate(name, (x, height), (8, 0), textcoords="offset points", **style)
