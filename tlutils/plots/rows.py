"""Figures of rows of data: images under their labels, two domains in a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.inputs import checked
from tlutils.plots.style import COLOURS, check_named, legible, new_figure
from tlutils.tensors import check_count, check_floats, finite, found

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = 400  # rows of a domain
LARGEST = 1e30  # of what lies in a plane: the space between two of them is still a float32

@checked
def image_grid(images: Tensor, labels: Sequence[str], *, columns: int = 12, title: str = "") -> Figure:
    """Draw images (n, c, h, w) in [0, 1], each under its label.

    Raises ValueError when images and labels differ in number, for another shape, values that are not finite, and no
    column. Taught in notebook 00.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape[2:]:
        raise ValueError(f"images must be (n, 1 or 3, h, w), got {found(images)}")
    if len(images) != len(labels) or len(images) == 0:
        raise ValueError(f"{len(images)} images but {len(labels)} labels: need one label for each, and at least one")
    images = images.detach().cpu()
    if images.dtype != torch.uint8:  # matplotlib knows no half precision
        images = finite(images.float(), "the images have NaN or infinite values")
    check_count("columns", columns)
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
        cell.set_title(legible(label), fontsize=size, fontweight="normal", loc="center", pad=3, parse_math=False)
    if title:
        figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    return figure


@checked
def examples(domain: Domain, per_class: int = 1, *, title: str = "", seed: int = 0) -> Figure:
    """Draw `per_class` random examples of every class of a domain of images, named.

    Raises ValueError for texts and for values in place of classes, and as `Domain.few` and `image_grid` do. Taught in
    notebook 00.
    """
    if not isinstance(domain.x, Tensor) or domain.has_values:
        raise ValueError(f"examples are drawn of images of classes, got {domain!r}")
    shown = domain.few(per_class, seed)
    order = torch.arange(len(shown)).reshape(-1, per_class).T.flatten()
    names = [domain.classes[k] for k in shown.y[order].tolist()]
    title = title or legible(domain.name).replace("$", r"\$")
    return image_grid(shown.x[order], names, columns=len(domain.classes), title=title)


@checked
def two_domains(
    panels: Mapping[str, tuple[Tensor, Tensor]], *, names: tuple[str, str], labels: tuple[Tensor, Tensor] | None = None
) -> Figure:
    """Draw features of two domains (n, d), (m, d) in the plane of their two largest joint principal components.

    One panel for each named pair, up to 400 rows a domain; with `labels` the points are class
    numbers, else dots and crosses. Raises ValueError for no panel or more than 12, features that are not finite or
    have a single column, and labels that do not fit. Taught in notebooks 02 and 04.
    """
    check_named("panels", panels, 12)
    if len(names) != 2 or len(labels or names) != 2:
        raise ValueError(f"names, and labels, are those of two domains: got {len(names)} and {len(labels or names)}")
    for title, pair in panels.items():
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(isinstance(x, Tensor) for x in pair):
            raise TypeError(f"the panel {title!r} must be a pair of tensors, got {pair!r:.80}")
        for rows, y in zip(pair, labels or pair, strict=True):
            check_floats(rows, f"the panel {title!r}", "(n, d)")
            if rows.shape[1] < 2 or rows.shape[1] != pair[0].shape[1]:
                raise ValueError(f"the panel {title!r} needs two columns or more, as many on both sides")
            if labels and (not isinstance(y, Tensor) or y.ndim != 1 or len(y) < len(rows[:DRAWN])):
                raise ValueError(f"the panel {title!r} needs labels ({len(rows)},), got {found(y)}")
    figure, cells = new_figure(len(panels), (7.5, 4.3 if len(panels) < 3 else 3.2), columns=len(panels))
    for cell, (title, pair) in zip(cells, panels.items(), strict=True):
        both = [rows[:DRAWN].detach().float() for rows in pair]
        centre = torch.cat(both).mean(0)
        centred = finite(torch.cat(both) - centre, f"the panel {title!r} has values too large for float32: scale them")
        basis = torch.linalg.svd(centred, full_matrices=False).Vh[:2].T
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


@checked
def border(model, source: Domain, target: Domain) -> Figure:
    """Draw two labelled domains (n, 2) side by side with the line where a scikit-learn `model` changes its answer.

    Two classes, dots and crosses, up to 250 rows a domain. Raises ValueError for other data and a model that cannot
    score them, TypeError for one without a `decision_function`. Taught in notebook 02.
    """
    if not callable(getattr(model, "decision_function", None)):
        raise TypeError(f"a border needs a model with a decision_function, got {model!r:.80}")
    for domain in (source, target):
        shape = domain.x.shape[1:] if isinstance(domain.x, Tensor) else None
        if domain.y is None or domain.has_values or shape != (2,) or len(domain.classes) != 2:
            raise ValueError(f"a border is drawn for labelled rows (n, 2) of two classes, got {domain!r}")
        check_floats(domain.x, domain.name, "(n, d)")
    rows = torch.cat([source.x, target.x])
    low, high = rows.min(0).values.tolist(), rows.max(0).values.tolist()
    if rows.abs().max() > LARGEST:
        raise ValueError(f"a border is drawn for values of {LARGEST:g} at most: scale the features first")
    grid = torch.meshgrid(*(torch.linspace(a, b, 300) for a, b in zip(low, high, strict=True)), indexing="xy")
    try:
        scores = torch.as_tensor(model.decision_function(torch.stack(grid, -1).reshape(-1, 2)))
    except Exception as error:
        raise ValueError(f"the model cannot score rows ({grid[0].numel()}, 2): {error}") from error
    if scores.numel() != grid[0].numel() or not torch.isfinite(scores).all():
        raise ValueError(f"the model must give a finite score for each of {grid[0].numel()} rows, got {found(scores)}")
    scores = scores.reshape(grid[0].shape)
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
