"""Photographs: surfaces cut without sharing a pixel, faces, compressed objects."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import lfw_subset

from tlutils import extract_features, linear_probe
from tlutils.datasets import photos
from tlutils.datasets.photos import OBJECTS, SURFACES, cifar10_jpeg, faces, surfaces
from tlutils.nets import CifarResNet


@pytest.fixture
def picture(monkeypatch):
    """Let every surface be one given array of pixels."""

    def use(pixels):
        monkeypatch.setattr(photos, "_picture", lambda name: Image.fromarray(pixels.astype(np.uint8)))

    return use


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("part", ["train", "test"])
def test_twelve_surfaces_are_cut_equally_often(part):
    photos._picture.cache_clear()  # read anew, without network
    domain = surfaces(part, per_class=9)
    assert domain.x.shape == (12 * 9, 3, 32, 32) and domain.x.dtype == torch.float32
    assert torch.bincount(domain.y).tolist() == [9] * 12
    assert domain.classes == tuple(SURFACES) and len(SURFACES) == 12 and domain.name == f"surfaces, {part}"
    assert domain.x.min() >= 0 and 0.9 < domain.x.max() <= 1
    assert domain.x[:, 0].equal(domain.x[:, 1]) and domain.x[:, 0].equal(domain.x[:, 2]), "grey"
    assert domain.x.std((1, 2, 3)).median() > 0.02, "there is something to see"


@pytest.mark.parametrize("name", SURFACES)
def test_the_halves_of_a_picture_share_no_pixel_and_leave_none_out(name, picture):
    whole = photos._picture(name)
    halves = [photos._half(name, part) for part in ("train", "test")]
    assert np.array_equal(np.hstack([np.asarray(half) for half in halves]), np.asarray(whole))
    assert all(min(half.size) >= max(photos.ZOOMS) for half in halves) and whole.mode == "L"


@pytest.mark.parametrize("width", [200, 201])
def test_train_is_cut_from_the_left_and_test_from_the_right(picture, width):
    pixels = np.zeros((100, width))
    pixels[:, width // 2 :] = 255
    picture(pixels)
    assert surfaces("train", per_class=20).x.max() == 0 and surfaces("test", per_class=20).x.min() == 1


def test_patches_show_four_zoom_levels_everywhere_in_the_picture(picture):
    picture(np.tile(np.arange(256), (128, 1)))  # brightness is the column
    x = 255 * surfaces("train", per_class=30).x[:, 0]
    sides = ((x[:, :, 24:].mean((1, 2)) - x[:, :, :8].mean((1, 2))) / 24 * 32).round()
    assert set(sides.tolist()) == {32, 48, 64, 96}
    assert x.min() < 3 and x.max() > 124


def test_shrinking_averages_pixels_and_skips_none(picture):
    picture(np.random.default_rng(0).integers(0, 256, (128, 256)))
    contrasts = surfaces("train", per_class=10).x[:, 0].std((1, 2))
    assert contrasts.min() < 0.5 * contrasts.max(), "noise averages out at the larger zooms"


@pytest.mark.parametrize("part", ["train", "test"])
def test_the_seed_decides_where_surfaces_are_cut(part):
    one, same, other = (surfaces(part, 3, seed=seed) for seed in (1, 1, 2))
    assert one.x.equal(same.x) and not one.x.equal(other.x)


def test_train_and_test_of_one_seed_are_cut_at_different_places(picture):
    half = np.random.default_rng(0).integers(0, 255, (128, 128))
    picture(np.hstack([half, half]))
    assert not surfaces("train", 3).x.equal(surfaces("test", 3).x)


def test_a_patch_carries_the_label_of_its_picture(monkeypatch):
    shades = {name: np.full((128, 256), 20 * k, np.uint8) for k, name in enumerate(SURFACES)}
    monkeypatch.setattr(photos, "_picture", lambda name: Image.fromarray(shades[name]))
    domain = surfaces("test", per_class=2)
    assert (255 * domain.x.mean((1, 2, 3)) / 20).round().long().equal(domain.y)


def test_untrained_features_tell_surfaces_apart_but_not_perfectly():
    torch.manual_seed(0)
    encoder = CifarResNet(8).eval()
    train, test = surfaces("train", 20), surfaces("test", 20)
    score = linear_probe(extract_features(encoder, train.x), train.y).score(extract_features(encoder, test.x), test.y)
    assert 0.35 < score < 0.95


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: surfaces("trian"), r"unknown part 'trian': did you mean 'train'\?"),
        (lambda: cifar10_jpeg("tset"), r"unknown part 'tset': did you mean 'test'\?"),
        (lambda: surfaces(per_class=0), "per_class must be 1 to 10,000, got 0"),
    ],
)
def test_what_does_not_exist_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.usefixtures("no_network")
def test_faces_are_a_hundred_with_and_a_hundred_without():
    domain = faces()
    assert domain.x.shape == (200, 3, 25, 25) and torch.bincount(domain.y).tolist() == [100, 100]
    assert 0 <= domain.x.min() and domain.x.max() <= 1 and domain.classes == ("face", "no face")
    assert np.allclose(domain.x.numpy(), lfw_subset()[:, None])
    grey = domain.x[:, 0] - domain.x[:, 0].mean((1, 2), keepdim=True)
    average = [(grey / grey.std((1, 2), keepdim=True))[domain.y == k].mean(0) for k in range(2)]
    assert average[0].std() > 1.1 * average[1].std(), "faces resemble each other more than anything else does"


def test_the_compressed_objects_are_complete(objects):
    assert objects.x.shape == (10_000, 3, 32, 32) and torch.bincount(objects.y).tolist() == [1000] * 10
    assert objects.classes == OBJECTS and objects.name == "CIFAR-10 (JPEG), test"
    assert (objects.x.min(), objects.x.max()) == (0, 1)
    colour = (objects.x[:, 0] - objects.x[:, 2]).mean((1, 2))
    sky, frogs = (colour[objects.y == OBJECTS.index(name)].mean() for name in ("airplane", "frog"))
    assert sky < 0 < frogs, "red before blue: aeroplanes are bluish, frogs are not"


def test_the_objects_without_file_and_network_name_the_file(no_network, monkeypatch, tmp_path):
    monkeypatch.delenv("TLUTILS_DATA", raising=False)
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=r"cifar10_jpg/cifar10_jpg.zip"):
        cifar10_jpeg("test")
