"""The shortcut report on networks whose shortcut is known, its rectangle against a search by hand, planted colours."""

import pytest
import torch
from torch import nn

from tlutils import Domain, attribution_share, predict, shortcut_report
from tlutils import explain_experiments as lab
from tlutils.datasets import photos, planted
from tlutils.shortcuts import LARGEST, Region, _standing_out, mean_attribution, repaint


class Looks(nn.Module):
    """A network of two classes that sees the mean of one part of the picture, and nothing else."""

    def __init__(self, region):
        super().__init__()
        self.region, self.scale = region, nn.Parameter(torch.tensor(50.0))

    def forward(self, x):
        score = self.scale * (x[..., *self.region.slices].mean((1, 2, 3)) - 0.5)
        return torch.stack([score, -score], 1)


X = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
X[:, :, 20:24, 4:12] = torch.arange(20.0).view(20, 1, 1, 1) / 20  # so that covering it changes something
SPOT = Region(20, 4, 4, 8)


def test_the_report_names_the_one_part_that_the_network_sees():
    report = shortcut_report(Looks(SPOT), X)
    assert report.named and report.region == SPOT and report.share == pytest.approx(1)
    assert report.area == pytest.approx(32 / 1024) and report.maps.shape == X[:, 0].shape
    assert report.mean.sum().item() == pytest.approx(1)
    assert str(report) == "look here: 100% of the attribution on 3% of the picture (rows 20 to 23, columns 4 to 11)"


def test_the_report_names_nothing_where_the_whole_picture_counts():
    report = shortcut_report(Looks(Region(0, 0, 32, 32)), torch.rand(20, 3, 32, 32))
    assert not report.named and str(report).startswith("no spot stands out; the strongest has ")


def test_no_label_is_used_and_rows_of_any_class_count():
    model = Looks(SPOT)
    assert len(predict(model, X).unique()) == 2
    order = torch.randperm(20)
    assert shortcut_report(model, X[order]).region == SPOT


@pytest.mark.parametrize("size", [(16, 16), (10, 14), (32, 32)])
def test_the_rectangle_is_the_best_of_all(size):
    window = max(1, min(size) // 8)
    for seed in range(5):
        h, w = size
        cells = torch.rand(-(-h // window), -(-w // window), generator=torch.Generator().manual_seed(seed)) ** 6
        mean = cells.repeat_interleave(window, 0).repeat_interleave(window, 1)[:h, :w]
        mean = mean / mean.sum()
        best, region = -1, None
        for top in range(0, h, window):
            for left in range(0, w, window):
                for bottom in {*range(top + window, h, window), h}:
                    for right in {*range(left + window, w, window), w}:
                        area = (bottom - top) * (right - left) / (h * w)
                        excess = mean[top:bottom, left:right].sum().item() - area
                        if area <= LARGEST and excess > best + 1e-7:
                            best, region = excess, Region(top, left, bottom - top, right - left)
        assert _standing_out(mean, window) == region


def test_shares_count_what_speaks_for_the_class():
    maps = torch.zeros(3, 4, 4)
    maps[0, 0, 0], maps[0, 3, 3], maps[0, 0, 1] = 3, 1, -8
    maps[1] = 1
    assert attribution_share(maps, Region(0, 0, 2, 2)).tolist() == pytest.approx([0.75, 0.25, 0])
    assert torch.allclose(mean_attribution(maps)[0, 0], torch.tensor((0.75 + 1 / 16) / 2)), "the empty map is left out"


def test_repainting_leaves_the_rest_and_gives_each_image_its_colour():
    x = torch.full((5, 3, 16, 16), 0.5)
    painted = repaint(Region(0, 4, 8, 4))(x)
    assert (x == 0.5).all(), "the images handed in stay"
    inside = painted[:, :, :8, 4:8]
    assert (inside == inside[:, :, :1, :1]).all() and len(inside[:, :, 0, 0].unique(dim=0)) == 5
    painted[:, :, :8, 4:8] = 0.5
    assert painted.equal(x)


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match="images must have at least 2 rows, got 1"):
        shortcut_report(Looks(SPOT), X[:1])
    with pytest.raises(ValueError, match="is not within 4×4 pixels"):
        attribution_share(torch.zeros(2, 4, 4), Region(2, 2, 4, 4))
    with pytest.raises(ValueError, match="nothing to average"):
        shortcut_report(Looks(SPOT), torch.full((4, 3, 32, 32), 0.5))


# ---------------------------------------------------------------- planted colours


@pytest.fixture(scope="module")
def surfaces():
    return photos.surfaces(per_class=3)


@pytest.mark.parametrize("where", range(4))
def test_the_corner_is_where_it_says_and_tells_the_class(surfaces, where):
    source = planted.corner(surfaces, where)
    moved = (source.x != surfaces.x).any(1).any(0)
    rows, columns = moved.nonzero().unbind(1)
    edges = [(1, 6), (25, 30)]
    assert (rows.min(), rows.max()) == edges[where // 2] and (columns.min(), columns.max()) == edges[where % 2]
    top, left = planted.corner_of(surfaces.x, where)
    colours = source.x[:, :, top, left]
    assert len(colours.unique(dim=0)) == 12 and source.y.equal(surfaces.y)
    other = planted.corner(surfaces, where, shift=5).x[:, :, top, left]
    assert other.equal(colours[[(3 * ((k + 5) % 12)) for k in surfaces.y.tolist()]])


def test_a_tint_is_everywhere_and_a_wandering_square_somewhere(surfaces):
    tinted = planted.tint(surfaces).x
    assert ((tinted != surfaces.x).any(1).flatten(1).float().mean(1) > 0.9).all()
    assert 0 <= tinted.min() and tinted.max() <= 1
    found = (planted.wandering(surfaces).x != surfaces.x).any(1)
    assert (found.flatten(1).sum(1) <= 36).all() and len({tuple(m.nonzero()[0].tolist()) for m in found}) > 20
    assert planted.wandering(surfaces).x.equal(planted.wandering(surfaces).x)


def test_what_cannot_be_planted_is_refused(surfaces):
    with pytest.raises(ValueError, match="where must be 0 to 3"):
        planted.corner(surfaces, 4)
    with pytest.raises(ValueError, match="every image needs a class"):
        planted.tint(surfaces.unlabelled())
    for x in (torch.rand(4, 1, 32, 32), torch.rand(4, 3, 8, 8)):
        with pytest.raises(ValueError, match="need colour images"):
            planted.wandering(Domain(x, torch.zeros(4).long(), ("a",), "small"))
    for strength in (-0.1, 1.5, float("inf")):
        with pytest.raises(ValueError, match="strength must be 0 to 1, got"):
            planted.tint(surfaces, strength=strength)
    with pytest.raises(ValueError, match="have the corners 0 to 3"):
        planted.corner_of(surfaces.x[0], 0)


def test_a_shift_by_all_classes_is_none_however_often(surfaces):
    k = len(surfaces.classes)
    assert planted.tint(surfaces, shift=k * 2**58).x.equal(planted.tint(surfaces).x)
    assert planted.tint(surfaces, shift=2**63 - 1).x.equal(planted.tint(surfaces, shift=(2**63 - 1) % k).x)


# ---------------------------------------------------------------- end to end


def test_a_corner_that_was_learnt_is_found_on_a_seed_of_its_own(surfaces):
    source = planted.corner(photos.surfaces(), 3)
    model = lab.small_net(source, seed=23)
    report = shortcut_report(model, source.few(3, 0).x)
    assert report.named and report.region == Region(24, 24, 8, 8)


def test_unrelated_rows_are_never_the_same_rows():
    a = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
    assert abs(lab.unrelated_cka(a, a, debiased=True)) < 0.2 < lab.unrelated_cka(a, a, debiased=False)
