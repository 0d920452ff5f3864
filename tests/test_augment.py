"""Augmentations: shapes, ranges, one draw for each image, and a slow loop that does the same."""

from functools import partial

import pytest
import torch

from tlutils.augment import (
    random_blur,
    random_colours,
    random_flip,
    random_grey,
    random_light,
    random_looks,
    random_shift,
)

CHANGES = {
    "shift": partial(random_shift, pixels=3),
    "flip": random_flip,
    "grey": partial(random_grey, share=0.5),
    "light": random_light,
    "colours": random_colours,
    "blur": random_blur,
    "looks": random_looks,
}
each = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@each
@pytest.mark.parametrize("shape", [(40, 3, 9, 12), (40, 1, 8, 8), (1, 3, 8, 8)], ids=str)
def test_shape_and_range_stay(change, shape):
    x = torch.rand(shape).round(decimals=1)  # holds exact zeros and ones
    out = change(x)
    assert out.shape == x.shape and out.dtype == x.dtype and 0 <= out.min() and out.max() <= 1


@each
def test_equal_images_get_different_draws(change):
    x = torch.rand(1, 3, 8, 8).expand(64, -1, -1, -1)
    assert 1 < len(change(x).unique(dim=0)) <= 64


@each
def test_the_seed_decides(change):
    x = torch.rand(32, 3, 8, 8)
    torch.manual_seed(4)
    first = change(x)
    torch.manual_seed(4)
    assert change(x).equal(first)
    assert not change(x).equal(first), "the next call draws anew"


@each
def test_the_given_images_are_left_alone(change):
    x = torch.rand(32, 3, 8, 8)
    before = x.clone()
    change(x)
    assert x.equal(before)


def test_a_shift_of_zero_is_no_change():
    x = torch.rand(5, 3, 8, 8)
    assert random_shift(x, 0).equal(x)


def test_a_shift_is_what_a_loop_over_the_images_cuts(monkeypatch):
    x = torch.rand(30, 3, 9, 12)
    draws = torch.randint(0, 5, (2, 30, 1))
    monkeypatch.setattr(torch, "randint", lambda *asked, **_: draws if asked == (0, 5, (2, 30, 1)) else None)
    shifted = random_shift(x, 2)
    for image, out, top, left in zip(x, shifted, *draws.squeeze(2).tolist(), strict=True):
        padded = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="reflect")
        assert out.equal(padded[:, top : top + 9, left : left + 12])


def test_shifts_reach_every_offset_in_both_directions():
    x = torch.zeros(2000, 1, 9, 9)
    x[:, :, 4, 4] = 1
    places = {tuple(place) for place in (random_shift(x, 2) == 1).nonzero()[:, 2:].tolist()}
    assert places == {(row, column) for row in range(2, 7) for column in range(2, 7)}


def test_about_half_of_the_images_are_flipped_and_the_rest_stay():
    x = torch.rand(1000, 1, 4, 4)
    out = random_flip(x)
    flipped = torch.tensor([a.equal(b) for a, b in zip(out, x.flip(3), strict=True)])
    assert out[~flipped].equal(x[~flipped])
    assert 430 <= flipped.sum() <= 570


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.3, 240, 360), (1.0, 1000, 1000)])
def test_a_share_of_the_images_becomes_grey(share, low, high):
    x = torch.rand(1000, 3, 4, 4)
    out = random_grey(x, share)
    grey = (out == out[:, :1]).flatten(1).all(1)
    assert low <= grey.sum() <= high
    assert out[~grey].equal(x[~grey])
    torch.testing.assert_close(out[grey][:, 0], x[grey].mean(1))


def test_light_of_strength_zero_is_no_change():
    x = torch.rand(5, 3, 8, 8)
    torch.testing.assert_close(random_light(x, 0.0), x)


def test_light_changes_contrast_and_brightness_within_its_strength():
    x = 0.5 + 0.1 * (torch.rand(2000, 1, 8, 8) - 0.5)  # nothing is clipped
    out = random_light(x, 0.4)
    brightness = (out.mean((1, 2, 3)) / x.mean((1, 2, 3))).sort().values
    contrast = (out.std((1, 2, 3)) / x.std((1, 2, 3))).sort().values
    for factor in (brightness, contrast):
        assert 0.6 - 1e-4 <= factor[0] < 0.62 and 1.38 < factor[-1] <= 1.4 + 1e-4 and 0.97 < factor.mean() < 1.03
    both = torch.stack([out.mean((1, 2, 3)) / x.mean((1, 2, 3)), out.std((1, 2, 3)) / x.std((1, 2, 3))])
    assert torch.corrcoef(both)[0, 1].abs() < 0.1, "drawn independently"


def test_colours_reorder_relight_and_invert_each_channel_as_a_whole():
    x = torch.rand(200, 3, 6, 6) * 0.2 + 0.4
    orders, inverted = set(), set()
    for image, changed in zip(x, random_colours(x), strict=True):
        if changed.min() == 0 or changed.max() == 1:
            continue  # cut off at an end: no longer a line of its channel
        rows = torch.corrcoef(torch.cat([changed, image]).flatten(1))[:3, 3:]
        order = rows.abs().argmax(1)
        signs = rows[torch.arange(3), order].round()
        assert (rows.abs().amax(1) > 0.9999).all() and sorted(order.tolist()) == [0, 1, 2] and len(signs.unique()) == 1
        orders.add(tuple(order.tolist()))
        inverted.add(signs[0].item())
    assert len(orders) == 6 and inverted == {-1.0, 1.0}


def test_blur_keeps_the_mean_and_is_a_gaussian_along_both_axes():
    x = torch.zeros(50, 3, 11, 11)
    x[:, :, 5, 5] = 1.0
    out = random_blur(x, 1.0)
    assert torch.allclose(out.sum((2, 3)), torch.ones(50, 3), atol=1e-5)
    for image in out:
        row = image[0, 5, 3:8] / image[0, 5, 3:8].sum()
        assert torch.allclose(image[0, 3:8, 3:8], torch.outer(row, row), atol=1e-5)
        assert torch.equal(image[0], image[1]) and torch.allclose(image[0], image[0].T, atol=1e-6)
        if row[1] > 1e-3:  # weights exp(−k²/2σ²): the second's is the first's to the fourth
            assert (row[0] / row[2]).item() == pytest.approx(((row[1] / row[2]) ** 4).item(), rel=1e-2)
