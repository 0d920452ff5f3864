"""Textures made by formula: shapes, ranges, seeds, and that the families can be told apart."""

import pytest
import torch

from tlutils.datasets.textures import FAMILIES, textures


@pytest.fixture(scope="module")
def drawn():
    return textures(per_class=40, seed=0)


def test_sixteen_families_are_drawn_equally_often_in_grey(drawn):
    assert drawn.x.shape == (640, 3, 32, 32) and drawn.x.dtype == torch.float32
    assert drawn.classes == tuple(FAMILIES) and torch.bincount(drawn.y).tolist() == [40] * 16
    assert drawn.x.min() >= 0 and drawn.x.max() <= 1
    assert torch.equal(drawn.x[:, 0], drawn.x[:, 1]) and torch.equal(drawn.x[:, 0], drawn.x[:, 2])


def test_the_seed_decides_what_is_drawn(drawn):
    assert torch.equal(textures(per_class=40, seed=0).x, drawn.x)
    assert not torch.equal(textures(per_class=40, seed=1).x, drawn.x)


def test_no_picture_is_flat_and_none_comes_twice(drawn):
    assert drawn.x.flatten(1).std(1).min() > 0.03
    assert len(drawn.x.unique(dim=0)) == len(drawn)


def test_brightness_says_little_about_the_family(drawn):
    """Contrast and brightness are drawn alike for all, so that the pattern is what there is to learn."""
    means = torch.stack([drawn.x[drawn.y == k].mean() for k in range(16)])
    assert means.min() > 0.4 and means.max() < 0.6


@pytest.mark.parametrize(("steep", "flat"), [("clouds", "grain"), ("fur", "grain"), ("cells", "cracks")])
def test_coarse_families_have_lower_frequencies_than_fine_ones(drawn, steep, flat):
    def roughness(family):
        x = drawn.x[drawn.y == drawn.classes.index(family), 0]
        return (x.diff(dim=1).square().mean() / x.var((1, 2)).mean()).item()

    assert roughness(steep) < 0.7 * roughness(flat)


def test_a_number_below_one_is_refused():
    with pytest.raises(ValueError, match="per_class must be 1 to 10,000, got 0"):
        textures(per_class=0)
