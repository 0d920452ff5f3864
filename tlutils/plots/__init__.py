"""Figures of the course: one style, direct labels, intervals, alt text."""

from tlutils.plots.curves import against, compare, hits, learning_curve, shares, training_curve
from tlutils.plots.rows import border, examples, image_grid, two_domains
from tlutils.plots.showing import picture, show, slider
from tlutils.plots.style import COLOURS, MARKERS, STYLE
from tlutils.plots.tables import contributions, gains, matrix

__all__ = [
    "COLOURS",
    "MARKERS",
    "STYLE",
    "against",
    "border",
    "compare",
    "contributions",
    "examples",
    "gains",
    "hits",
    "image_grid",
    "learning_curve",
    "matrix",
    "picture",
    "shares",
    "show",
    "slider",
    "training_curve",
    "two_domains",
]
