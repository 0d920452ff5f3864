"""Figures that are tables of cells: shares, gains, and what each word contributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from torch import Tensor

from tlutils.evidence import Estimate
from tlutils.inputs import checked
from tlutils.negative import TransferGain
from tlutils.plots.style import COLOURS, check_numbers, check_table, ink_on, legible, new_figure
from tlutils.tensors import finite, found

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOK = {"helps": (COLOURS[0], " ▲"), "no evidence": ("#777777", ""), "hurts": (COLOURS[1], " ▼")}

@checked
def matrix(values: Mapping[str, Mapping[str, Estimate | float]], *, title: str, rows: str, columns: str) -> Figure:
    """Draw shares between 0 and 1 as a table of cells, darker for larger: `values[row][column]`, blank where missing.

    Columns stand in the order of the rows as far as they share names. Raises ValueError for an empty
    table or a share outside [0, 1]. Taught in notebook 15.
    """
    check_table(values, "matrix")
    for row in values.values():
        check_numbers(map(_plain, row.values()), "a share of a matrix")
    down = list(values)
    found = {name for row in values.values() for name in row}
    across = [name for name in down if name in found] + sorted(found - set(down))
    cells = [(i, j) for i, row in enumerate(down) for j, name in enumerate(across) if name in values[row]]
    means = {(i, j): float(values[down[i]][across[j]]) for i, j in cells}
    if not means or not all(0 <= mean <= 1 for mean in means.values()):
        raise ValueError(f"a matrix shows shares between 0 and 1, at least one, got {list(means.values())}")
    figure, (axes,) = new_figure(1, (1.6 + 1.15 * len(across), 1.3 + 0.75 * len(down)))
    for (i, j), mean in means.items():
        x, y = [j - 0.48, j + 0.48, j + 0.48, j - 0.48], [i - 0.48, i - 0.48, i + 0.48, i + 0.48]
        axes.fill(x, y, color=COLOURS[0], alpha=0.06 + 0.9 * mean, lw=0)
        axes.text(j, i, f"{mean:.0%}", ha="center", va="center", color=ink_on(COLOURS[0], 0.06 + 0.9 * mean))
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.set(title=title, xlabel=columns, ylabel=rows, xlim=(-0.5, len(across) - 0.5), ylim=(len(down) - 0.5, -0.5))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    return figure


@checked
def gains(table: Mapping[str, Mapping[str, TransferGain]], *, title: str, columns: str) -> Figure:
    """Draw gains as a table of cells, `table[row][column]`: blue where transfer helps, orange where it hurts.

    The number in each cell is the mean in points, 100 times a difference of shares, the mark after it the
    verdict: ▲ helps, ▼ hurts, none for no evidence. Raises ValueError for an empty table or rows with
    other columns. Taught in notebook 16.
    """
    check_table(table, "gains")
    down, across = list(table), list(next(iter(table.values()), {}))
    if not across or any(list(row) != across for row in table.values()):
        raise ValueError(f"every row needs the same columns, at least one; got {[list(row) for row in table.values()]}")
    for cell in chain.from_iterable(row.values() for row in table.values()):
        if not (isinstance(cell, TransferGain) and isinstance(cell.gain, Estimate) and cell.verdict in LOOK):
            raise TypeError(f"gains are drawn from the answers of transfer_gain, got {cell!r:.80}")
    largest = max(abs(cell.gain.mean) for row in table.values() for cell in row.values()) or 1.0
    figure, (axes,) = new_figure(1, (1.9 + 1.35 * len(across), 1.1 + 0.48 * len(down)))
    for i, row in enumerate(table.values()):
        for j, cell in enumerate(row.values()):
            colour, mark = LOOK[cell.verdict]
            strength = 0.12 if cell.verdict == "no evidence" else 0.2 + 0.8 * abs(cell.gain.mean) / largest
            x, y = [j - 0.48, j + 0.48, j + 0.48, j - 0.48], [i - 0.46, i - 0.46, i + 0.46, i + 0.46]
            axes.fill(x, y, color=colour, alpha=strength, lw=0)
            number = f"{round(100 * cell.gain.mean):+d}".replace("-", "−").replace("+0", "0")
            weight = "normal" if cell.verdict == "no evidence" else "bold"
            ink = ink_on(colour, strength)
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


@checked
def contributions(words: Sequence[str], values: Tensor, *, title: str, meaning: tuple[str, str]) -> Figure:
    """Draw a text with what each word contributes, values (m,): a shade, blue for and orange against, and a number.

    `meaning` says what positive and negative values speak for. Raises ValueError when words and
    values differ in number or there is none, and for values that are not finite. Taught in notebook 12.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if values.shape != (len(words),) or not words:
        raise ValueError(f"{len(words)} words but {found(values)} as values: need one for each, and at least one word")
    values = finite(values.detach().cpu().double(), "the contributions have NaN or infinite values")
    figure, (axes,) = new_figure(1, (7.5, 1))
    axes.axis("off")
    axes.set(xlim=(0, 7.5), ylim=(0, 1))  # in inches, once the figure has its height
    measure = FigureCanvasAgg(figure).get_renderer()
    largest = max(values.abs().max().item(), 1e-9)
    x = line = 0
    placed = []
    for word, value in zip(map(legible, words), values.tolist(), strict=True):
        sample = figure.text(0, 0, word, fontsize=13, parse_math=False)
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
        style = {"fontsize": 13, "ha": "center", "va": "center", "parse_math": False}  # a price is no formula
        axes.text(x + width / 2, 0.6 * line + 0.18, word, bbox=box, **style)
        if share >= 0.15:
            number = f"{value:+.2f}".replace("-", "−")
            axes.text(x + width / 2, 0.6 * line + 0.4, number, fontsize=10, color=colour, ha="center", va="center")
    axes.set_title(title)
    for text, colour, at in zip(meaning, COLOURS, (0.02, 0.5), strict=False):
        sign = "+" if colour == COLOURS[0] else "−"
        figure.text(at, -0.06, f"{sign}  {text}", color=colour, fontsize=12, fontweight="bold")
    return figure


def _plain(value: Any) -> Any:
    return value.mean if isinstance(value, Estimate) else value
