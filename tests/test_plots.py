"""Figures: what is drawn is what was given, legible, described, and unknown to pyplot."""

import base64
import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from tlutils import Domain, Estimate, plots, transfer_gain
from tlutils.plots import (
    COLOURS,
    MARKERS,
    against,
    border,
    compare,
    contributions,
    examples,
    gains,
    hits,
    image_grid,
    learning_curve,
    matrix,
    show,
    slider,
    training_curve,
    two_domains,
)


def around(value, spread=0.01):
    return Estimate((value - spread, value, value + spread))


def curves(count=3, apart=0.1):
    return {
        f"method number {k}": {1: around(0.3 + apart * k), 5: around(0.5, 0.05), 20: around(0.6 + apart * k)}
        for k in range(count)
    }


def drawn(figure):
    """Draw a figure and return its renderer."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def contrast(colour, background=(1, 1, 1)):
    """WCAG 2.2: the ratio of relative luminances."""

    def luminance(rgb):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(rgb)]
        return np.dot([0.2126, 0.7152, 0.0722], linear)

    dark, light = sorted([luminance(colour), luminance(background)])
    return (light + 0.05) / (dark + 0.05)


# Colours


def test_the_contrast_formula_gives_the_known_values():
    assert contrast("black") == pytest.approx(21) and contrast("#777777") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", COLOURS)
def test_text_in_every_colour_can_be_read_on_white(colour):
    assert contrast(colour) >= 4.5


def test_every_colour_has_a_marker_of_its_own():
    assert len(set(COLOURS)) == len(COLOURS) == len(set(MARKERS)) == len(MARKERS)


# Learning curves


def test_a_learning_curve_shows_means_intervals_and_names():
    given = curves()
    figure = learning_curve(given, title="Few labels", xlabel="labels")
    (axes,) = figure.axes
    bands = [np.asarray(band.get_paths()[0].vertices)[:, 1] for band in axes.collections]
    for (name, curve), line, band, colour in zip(given.items(), axes.lines, bands, COLOURS, strict=False):
        assert list(line.get_xdata()) == [1, 5, 20] and list(line.get_ydata()) == [curve[k].mean for k in (1, 5, 20)]
        assert {curve[k].low for k in curve} | {curve[k].high for k in curve} <= set(band)
        (label,) = [text for text in axes.texts if text.get_text() == name]
        assert to_hex(label.get_color()) == to_hex(line.get_color()) == colour.lower()
    assert isinstance(figure, Figure) and len(bands) == len(axes.lines) == len(axes.texts) == 3
    assert (axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()) == ("Few labels", "labels", "accuracy")
    drawn(figure)
    assert axes.get_xscale() == "log" and [t.get_text() for t in axes.get_xticklabels()] == ["1", "5", "20"]
    assert all(tick.get_text().endswith("%") for tick in axes.get_yticklabels())


def test_points_are_joined_in_the_order_of_x():
    figure = learning_curve({"mixed": {20: around(0.9), 1: around(0.1), 5: around(0.5)}}, title="", xlabel="")
    (line,) = figure.axes[0].lines
    assert list(line.get_xdata()) == [1, 5, 20] and list(line.get_ydata()) == pytest.approx([0.1, 0.5, 0.9])


def test_a_zero_stands_a_decade_to_the_left_of_the_smallest_other_x():
    curve = {0: around(0.5), 0.1: around(0.6), 1: around(0.7), 10: around(0.6)}
    figure = learning_curve({"accuracy": curve}, title="", xlabel="λ")
    drawn(figure)
    (axes,) = figure.axes
    places = axes.transData.transform([(x, 0.5) for x in curve])[:, 0]
    assert np.diff(places) == pytest.approx([places[1] - places[0]] * 3, rel=1e-3)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "0.1", "1", "10"]


@pytest.mark.parametrize("count", range(1, len(COLOURS) + 1))
@pytest.mark.parametrize("apart", [0.0, 0.005, -0.01, 0.05], ids=str)
def test_labels_of_curves_never_touch_and_are_all_drawn(count, apart):
    figure = learning_curve(curves(count, apart), title="t", xlabel="x")
    renderer = drawn(figure)
    (axes,) = figure.axes
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    assert len(boxes) == count and not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    line = max(line.get_window_extent(renderer).x1 for line in axes.lines)
    for box, text in zip(boxes, axes.texts, strict=True):
        assert axes.get_ylim()[0] <= text.xy[1] <= axes.get_ylim()[1], "outside of its axes it would not be drawn"
        assert box.x0 > line and box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1


def test_labels_stand_in_the_order_of_their_curves():
    axes = learning_curve(curves(5, apart=-0.002), title="", xlabel="").axes[0]
    heights = {text.get_text(): text.xy[1] for text in axes.texts}
    assert sorted(heights, key=heights.get) == [f"method number {k}" for k in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("count", [0, len(COLOURS) + 1])
def test_more_curves_than_can_be_told_apart_are_refused(count):
    with pytest.raises(ValueError, match=f"1 to 7 curves.*got {count}"):
        learning_curve(curves(count), title="", xlabel="")
    with pytest.raises(ValueError, match=f"1 to 7 curves.*got {count}"):
        training_curve(curves(count), title="", xlabel="")


def test_a_training_curve_shows_every_run_and_the_mean_on_a_plain_scale():
    given = curves(2)
    figure = training_curve(given, title="Watched", xlabel="epoch", ylabel="domain accuracy")
    drawn(figure)
    (axes,) = figure.axes
    for k, curve in enumerate(given.values()):
        *runs, mean = axes.lines[4 * k : 4 * k + 4]
        for number, run in enumerate(runs):
            assert list(run.get_ydata()) == [curve[epoch].runs[number] for epoch in (1, 5, 20)]
        assert list(mean.get_ydata()) == [curve[epoch].mean for epoch in (1, 5, 20)]
        assert {to_hex(line.get_color()) for line in (*runs, mean)} == {COLOURS[k].lower()}
    assert [text.get_text() for text in axes.texts] == sorted(given, key=lambda name: given[name][20].mean)
    assert axes.get_xscale() == "linear" and [t.get_text() for t in axes.get_xticklabels()] == ["1", "5", "20"]
    assert (axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()) == ("Watched", "epoch", "domain accuracy")


# Comparisons


def test_a_comparison_shows_every_run_mean_and_interval():
    given = {"source only": around(0.6, 0.03), "with MMD": around(0.9)}
    axes = compare(given, title="Adaptation").axes[0]
    for row, estimate in enumerate(given.values()):
        interval, runs, mean = axes.lines[3 * row : 3 * row + 3]
        assert list(interval.get_xdata()) == [estimate.low, estimate.high] and list(mean.get_xdata()) == [estimate.mean]
        assert tuple(runs.get_xdata()) == estimate.runs
        assert all(set(line.get_ydata()) == {row} for line in (interval, runs, mean))
    assert [text.get_text() for text in axes.texts] == ["60%", "90%"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(given)
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first row is on top"


@pytest.mark.parametrize(("low", "high"), [(0.785, 0.925), (0.1, 0.97), (0.51, 0.55)])
def test_ticks_of_a_comparison_are_the_whole_per_cents_they_say(low, high):
    figure = compare({"a": Estimate((low, low + 0.01)), "b": Estimate((high - 0.01, high))}, title="")
    drawn(figure)
    (axes,) = figure.axes
    for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True):
        assert 100 * tick == pytest.approx(int(label.get_text().rstrip("%").replace("−", "-")), abs=1e-6)


def test_a_comparison_of_other_numbers_writes_them_short_and_with_a_true_minus():
    given = {str(value): around(value) for value in (0.604, -0.1, 0.0, 12.34)}
    axes = compare(given, title="", percent=False).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.60", "−0.10", "0.00", "12.3"]


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_numbers_of_a_comparison_do_not_touch_their_neighbours(rows):
    figure = compare({f"method {k}": around(0.5) for k in range(rows)}, title="t")
    renderer = drawn(figure)
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(boxes) == rows and not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(box.y1 <= figure.bbox.y1 for box in boxes)


# Pictures


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("n", "columns", "shape"), [(5, 12, (1, 5)), (5, 2, (3, 2)), (1, 3, (1, 1))])
def test_a_grid_shows_every_image_under_its_label(channels, n, columns, shape):
    images, labels = torch.rand(n, channels, 6, 6), [f"label {k}" for k in range(n)]
    figure = image_grid(images, labels, columns=columns, title="Grid")
    assert figure.axes[0].get_gridspec().get_geometry() == shape
    assert [cell.get_title() for cell in figure.axes if cell.images] == labels
    for cell, image in zip(figure.axes, images, strict=False):
        assert np.allclose(cell.images[0].get_array(), image.expand(3, 6, 6).permute(1, 2, 0))
    assert figure.get_suptitle() == "Grid" and not any(cell.axison for cell in figure.axes)


def test_a_grid_does_not_stretch_the_brightness_of_grey_images():
    picture = image_grid(torch.full((1, 1, 4, 4), 0.25), [""]).axes[0].images[0]
    assert np.allclose(picture.to_rgba(picture.get_array())[..., :3], 0.25, atol=1 / 255)


@pytest.mark.parametrize(("n", "labels"), [(3, ["a", "b"]), (1, []), (0, [])])
def test_a_grid_with_a_missing_label_or_without_images_is_refused(n, labels):
    with pytest.raises(ValueError, match=f"{n} images but {len(labels)} labels"):
        image_grid(torch.rand(n, 1, 4, 4), labels)


def test_examples_show_a_row_of_all_classes_for_each_draw():
    y = torch.arange(40) % 4
    x = (y / 4)[:, None, None, None].expand(40, 1, 3, 3).clone()
    figure = examples(Domain(x, y, ("a", "b", "c", "d"), "shades"), per_class=3)
    assert figure.axes[0].get_gridspec().get_geometry() == (3, 4)
    assert [cell.get_title() for cell in figure.axes] == list("abcd") * 3
    assert [float(cell.images[0].get_array()[0, 0, 0]) for cell in figure.axes] == [0, 0.25, 0.5, 0.75] * 3
    assert figure.get_suptitle() == "shades"


# Two domains


def pairs(n=30, m=20, d=5):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, d, generator=generator), torch.randn(m, d, generator=generator) + 3


def test_two_domains_are_drawn_in_the_plane_of_their_joint_principal_components():
    from sklearn.decomposition import PCA

    a, b = pairs()
    figure = two_domains({"before": (a, b), "after": (b, a)}, names=("printed", "handwritten"))
    assert [cell.get_title("left") for cell in figure.axes] == ["before", "after"]
    expected = PCA(2).fit_transform(torch.cat([a, b]))
    points = np.concatenate([np.stack(line.get_data(), 1) for line in figure.axes[0].lines])
    assert np.allclose(np.abs(points), np.abs(expected), atol=1e-4)
    assert [len(line.get_xdata()) for cell in figure.axes for line in cell.lines] == [30, 20, 20, 30]
    assert [(text.get_text(), text.get_color()) for text in figure.texts] == [
        ("printed", COLOURS[0]),
        ("handwritten", COLOURS[1]),
    ]


def test_with_labels_the_points_are_class_numbers_at_their_places():
    a, b = pairs(4, 3)
    labels = torch.tensor([3, 1, 2, 0]), torch.tensor([7, 8, 9])
    figure = two_domains({"panel": (a, b)}, names=("one", "two"), labels=labels)
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == list("3120789")
    assert [text.get_color() for text in texts] == [COLOURS[0]] * 4 + [COLOURS[1]] * 3
    plain = two_domains({"panel": (a, b)}, names=("one", "two")).axes[0].lines
    places = np.concatenate([np.stack(line.get_data(), 1) for line in plain])
    assert np.allclose([text.get_position() for text in texts], places)


def test_at_most_four_hundred_rows_of_a_domain_are_drawn():
    figure = two_domains({"panel": pairs(500, 450, 3)}, names=("a", "b"))
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [400, 400]


# A border, and one estimate against another


class Right:
    """Answers the second class to the right of 0.5."""

    def decision_function(self, x):
        return (x[:, 0] - 0.5).numpy()


def plane(shift=0.0, n=400):
    x = torch.rand(n, 2, generator=torch.Generator().manual_seed(0)) * 4 - 2 + shift
    return Domain(x, (x[:, 0] > 0.5).long(), ("left", "right"), "plane")


def test_a_border_runs_where_the_answer_changes_between_dots_and_crosses():
    source, target = plane(), plane(shift=1.0)
    figure = border(Right(), source, target)
    assert [cell.get_title("left") for cell in figure.axes] == ["source", "target"]
    for cell, domain in zip(figure.axes, (source, target), strict=True):
        (contour,) = cell.collections
        line = np.concatenate([path.vertices for path in contour.get_paths()])
        assert np.allclose(line[:, 0], 0.5, atol=0.02) and np.ptp(line[:, 1]) > 4
        for number, points in enumerate(cell.lines):
            shown = domain.x[:250][domain.y[:250] == number]
            assert np.allclose(np.stack(points.get_data(), 1), shown) and points.get_marker() == "ox"[number]
    assert (
        figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
        and figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    )


@pytest.mark.parametrize(
    "domain",
    [
        plane().unlabelled(),
        Domain(torch.rand(4, 3), torch.tensor([0, 1, 0, 1]), ("a", "b"), "wide"),
        Domain(torch.rand(4, 2), torch.tensor([0, 1, 0, 1]), ("a", "b", "c"), "three"),
    ],
    ids=lambda domain: domain.name,
)
def test_a_border_of_other_data_is_refused(domain):
    for pair in ((domain, plane()), (plane(), domain)):
        with pytest.raises(ValueError, match=f"two classes, got Domain.'{domain.name}'"):
            border(Right(), *pair)


def test_estimates_against_each_other_are_joined_in_their_order_with_both_intervals():
    path = [(around(0.9, 0.02), around(0.1, 0.03)), (around(0.2), around(0.5)), (around(0.6), around(0.7))]
    figure = against({"one": path, "two": path[:2]}, title="t", xlabel="x", ylabel="y")
    (axes,) = figure.axes
    first = axes.containers[0]
    assert list(first.lines[0].get_xdata()) == pytest.approx([0.9, 0.2, 0.6])
    assert list(first.lines[0].get_ydata()) == pytest.approx([0.1, 0.5, 0.7])
    across, up = (np.array(bars.get_segments()[0]) for bars in first.lines[2])
    assert across[:, 0] == pytest.approx([path[0][0].low, path[0][0].high])
    assert up[:, 1] == pytest.approx([path[0][1].low, path[0][1].high])
    assert [(text.get_text(), text.get_color()) for text in axes.texts] == [("one", COLOURS[0]), ("two", COLOURS[1])]
    assert (axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()) == ("t", "x", "y")


# Showing


@pytest.fixture
def published(monkeypatch):
    calls = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: calls.append((data, options)))
    return calls


def test_a_shown_figure_is_published_as_png_with_its_alt_text(published):
    show(learning_curve(curves(), title="t", xlabel="x"), alt="Three curves rise.")
    ((data, options),) = published
    png = data["image/png"]
    assert png.startswith(b"\x89PNG") and data["text/plain"] == "Three curves rise." and options["raw"] is True
    metadata = options["metadata"]["image/png"]
    assert metadata["alt"] == "Three curves rise."
    assert metadata["width"] == pytest.approx(int.from_bytes(png[16:20], "big") / 1.3, abs=2), "sharp on dense screens"
    assert 500 < metadata["width"] < 900


@pytest.mark.parametrize("watched", [False, True])
def test_a_person_gets_the_figure_as_html_that_carries_its_text(published, monkeypatch, watched):
    monkeypatch.setattr("tlutils.plots.showing.watched_by_a_person", lambda: watched)
    show(learning_curve(curves(), title="t", xlabel="x"), alt='Three "curves" rise.')
    ((data, _),) = published
    assert set(data) == {"image/png", "text/plain"} | ({"text/html"} if watched else set())
    assert not watched or 'alt="Three &quot;curves&quot; rise."' in data["text/html"]


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_figure_without_alt_text_is_not_shown(published, alt):
    with pytest.raises(ValueError, match="alt must say"):
        show(learning_curve(curves(), title="t", xlabel="x"), alt=alt)
    assert not published


@pytest.fixture
def watched(monkeypatch):
    pytest.importorskip("ipywidgets")
    monkeypatch.setattr("tlutils.plots.showing.watched_by_a_person", lambda: True)
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    return shown


WEIGHTS = (0, 0.1, 10)


def frame(weight):
    return compare({"accuracy": around(0.5 + weight / 100)}, title=f"weight {weight}")


def test_a_slider_shows_the_picture_of_the_setting_it_stands_at(watched):
    slider(WEIGHTS, frame, label="λ", alt='An accuracy "between" runs.')
    ((choice, picture),) = (box.children for box in watched)
    assert choice.description == "λ" and list(choice.options) == ["0", "0.1", "10"] and choice.value == "0"
    seen = []
    for setting in ("0", "0.1", "10", "0"):
        choice.value = setting
        seen.append(picture.value)
        assert f'alt="λ = {setting}: An accuracy &quot;between&quot; runs."' in picture.value
        png = base64.b64decode(re.search('base64,([^"]+)"', picture.value)[1])
        assert png.startswith(b"\x89PNG")
    assert len(set(seen)) == 3 and seen[0] == seen[3]


def test_a_slider_draws_once_and_never_while_it_is_moved(watched):
    drawn = []
    slider(WEIGHTS, lambda weight: drawn.append(weight) or frame(weight), label="λ", alt="An accuracy.")
    ((choice, _),) = (box.children for box in watched)
    for setting in choice.options:
        choice.value = setting
    assert drawn == list(WEIGHTS)


@pytest.mark.parametrize("reason", ["nobody watches", "no ipywidgets"])
def test_where_a_slider_cannot_be_moved_nothing_is_drawn_or_shown(reason, published, monkeypatch):
    monkeypatch.setattr("tlutils.plots.showing.watched_by_a_person", lambda: reason != "nobody watches")
    if reason == "no ipywidgets":
        monkeypatch.setitem(sys.modules, "ipywidgets", None)
    slider(WEIGHTS, lambda weight: pytest.fail("drawn for nobody"), label="λ", alt="An accuracy.")
    assert not published


@pytest.mark.parametrize(("settings", "alt"), [([1], "something"), ([], "something"), ([0, 0.1, 10], " ")])
def test_a_slider_without_a_choice_or_a_text_is_refused(settings, alt):
    message = re.escape(f"2 settings or more and an alt text, got {settings}, {alt!r}")
    with pytest.raises(ValueError, match=message):
        slider(settings, frame, label="λ", alt=alt)


def test_a_matrix_writes_each_share_into_its_cell_and_leaves_missing_ones_blank():
    values = {"A": {"B": around(0.25), "A": 1.0}, "B": {"B": 0.9}}
    figure = matrix(values, title="t", rows="from", columns="to")
    axes = figure.axes[0]
    drawn(figure)
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "100%", (1, 0): "25%", (1, 1): "90%"} and len(axes.patches) == 3
    assert [label.get_text() for label in axes.get_xticklabels()] == ["A", "B"]
    for text, patch in zip(axes.texts, axes.patches, strict=True):
        alpha = patch.get_alpha()
        shade = tuple(alpha * c + 1 - alpha for c in to_rgb(COLOURS[0]))
        assert contrast(text.get_color(), shade) >= 4.5, "the number can be read on its cell"


@pytest.mark.parametrize("colour", [*COLOURS, "#777777"])
def test_the_number_in_a_cell_can_be_read_at_every_strength(colour):
    for percent in range(101):
        shade = tuple(1 - percent / 100 * (1 - part) for part in to_rgb(colour))
        assert contrast(plots.style.ink_on(colour, percent / 100), shade) >= 4.5, percent


def test_a_gain_is_read_by_number_and_mark_without_its_colour():
    base = around(0.5, 0)
    row = {"helps": around(0.9), "hurts": around(0.38), "unknown": around(0.5, 0.3)}
    table = {"MMD": {name: transfer_gain(estimate, base) for name, estimate in row.items()}}
    figure = gains(table, title="t", columns="shift")
    axes = figure.axes[0]
    drawn(figure)
    assert [text.get_text() for text in axes.texts] == ["+40 ▲", "−12 ▼", "0"]
    for text, patch in zip(axes.texts, axes.patches, strict=True):
        shade = tuple(patch.get_alpha() * c + 1 - patch.get_alpha() for c in to_rgb(patch.get_facecolor()[:3]))
        assert contrast(text.get_color(), shade) >= 4.5, "the number can be read on its cell"
    assert "no mark: no evidence" in figure.texts[0].get_text()


@pytest.mark.parametrize("table", [{}, {"A": {}}, {"A": {"x": 1}, "B": {"y": 1}}])
def test_gains_without_cells_or_with_other_columns_are_refused(table):
    with pytest.raises(ValueError, match="same columns"):
        gains(table, title="t", columns="shift")


def test_hits_lie_above_the_line_and_the_worst_misses_are_named_apart():
    points = {"a": (0.1, 0.3), "b": (0.2, 0.0), "c": (0.1, -0.2), "d": (0.1, -0.201), "e": (0.3, -0.01)}
    figure = hits(points, title="t", xlabel="x", ylabel="y", named=2)
    axes = figure.axes[0]
    drawn(figure)
    texts = {text.get_text(): text for text in axes.texts}
    assert set(texts) == {"hits: 2", "misses: 3", "c", "d"}
    boxes = [texts[name].get_window_extent() for name in "cd"]
    assert not boxes[0].overlaps(boxes[1])
    assert {len(line.get_xdata()) for line in axes.lines if line.get_marker() in "oX"} == {2, 3}


@pytest.mark.parametrize("points", [{}, {"a": (-0.1, 0.2)}])
def test_hits_need_comparisons_in_the_forecast_order(points):
    with pytest.raises(ValueError, match="forecast as better first"):
        hits(points, title="t", xlabel="x", ylabel="y")


@pytest.mark.parametrize("values", [{}, {"A": {}}, {"A": {"A": 1.2}}])
def test_a_matrix_of_nothing_or_of_no_shares_is_refused(values):
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        matrix(values, title="t", rows="from", columns="to")


def test_every_word_stands_once_with_its_sign_inside_the_figure():
    words = "The grinder is loud, yes, but nobody here has ever drunk better coffee unquestionably".split()
    values = torch.linspace(-1, 1, len(words))
    figure = contributions(words, values, title="words", meaning=("for good", "for bad"))
    (axes,) = figure.axes
    drawn = [text for text in axes.texts if text.get_text() in words]
    assert [text.get_text() for text in drawn] == words
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # which lays the figure out
    renderer = canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in drawn]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2)), "no word on another"
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)
    shades = [text.get_bbox_patch().get_facecolor() for text in drawn]
    assert to_hex(shades[0]) == COLOURS[1].lower() and to_hex(shades[-1]) == COLOURS[0].lower()
    assert shades[0][3] == shades[-1][3] > shades[len(words) // 2][3], "the strongest is the darkest"
    numbers = {text.get_text() for text in axes.texts} - set(words)
    assert {"−1.00", "+1.00"} <= numbers, "the sign is not told by colour alone"
    for wrong in (values[1:], values[:0]):
        with pytest.raises(ValueError, match="need one for each"):
            contributions(words, wrong, title="", meaning=("", ""))


def test_no_function_imports_pyplot():
    code = """
import sys, torch
from tlutils import Domain, Estimate, plots
e = Estimate((0.1, 0.2))
d = Domain(torch.rand(4, 1, 3, 3), torch.tensor([0, 1, 0, 1]), ("a", "b"), "d")
p = (torch.rand(5, 3), torch.rand(4, 3))
figures = [
    plots.learning_curve({"a": {1: e, 2: e}}, title="t", xlabel="x"),
    plots.compare({"a": e}, title="t"),
    plots.image_grid(d.x, list("abcd")),
    plots.examples(d),
    plots.two_domains({"a": p}, names=("a", "b")),
]
for figure in figures:
    plots.show(figure, alt="something")
print(len(figures), "matplotlib.pyplot" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "5 False"


def test_a_training_curve_of_numbers_is_not_in_per_cent():
    curve = {"a": {0: Estimate((0.1, 0.3)), 1: Estimate((-0.2, 0.0))}}
    for percent in (True, False):
        figure = training_curve(curve, title="", xlabel="", percent=percent)
        FigureCanvasAgg(figure).draw()
        ticks = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
        assert all("%" in tick for tick in ticks) if percent else not any("%" in tick for tick in ticks)
