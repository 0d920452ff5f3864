"""Figures of rows of data: images under their labels, two domains in a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.plots.style import COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    figure, cells = new_figure(rows * columns, (7.5, rows * (height + 0.27) + 0.35 * bool(title)), columns=columns)
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
    figure, cells = new_figure(len(panels), (7.5, 4.3 if len(panels) < 3 else 3.2), columns=len(panels))
    for cell, (title, pair) in zip(cells, panels.items(), strict=True):
        both = [rows[:400].float() for rows in pair]
        centre = torch.cat(both).mean(0)
        basis = torch.linalg.svd(torch.cat(both) - centre, full_matrices=False).Vh[:2].T
        for rows, name, colour, marker, which in zip(both, names, COLOURS, "ox", range(2), strict=False):
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
    figure, cells = new_figure(2, (7.5, 3.4), columns=2)
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
