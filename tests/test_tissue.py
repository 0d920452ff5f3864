"""Tissue patches: labelled by stain, cut from separate halves, stained anew; colours matched."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2hed, rgb2lab
from skimage.data import immunohistochemistry

from tlutils import Domain, extract_features, image_encoder, linear_probe
from tlutils.datasets import tissue
from tlutils.datasets.tissue import normalise_stain, site
from tlutils.metrics import auc


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["A", "B"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_both_sites_come_in_equal_classes(name, part):
    domain = site(name, part, per_class=30)
    assert domain.x.shape == (60, 3, 32, 32) and domain.x.dtype == torch.float32
    assert torch.bincount(domain.y).tolist() == [30, 30] and domain.classes == ("low", "high")
    assert 0 <= domain.x.min() and domain.x.max() <= 1 and domain.name == f"tissue, site {name}, {part}"


def where(patch, picture):
    """Return row and column at which a patch (32, 32, 3) lies in a picture."""
    rows, columns = np.nonzero((picture == patch[0, 0]).all(2))
    places = [
        (r, c)
        for r, c in zip(rows, columns, strict=True)
        if picture[r : r + 32, c : c + 32].shape == patch.shape and (picture[r : r + 32, c : c + 32] == patch).all()
    ]
    assert len(places) == 1
    return places[0]


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_patch_lies_in_its_half_and_its_label_is_the_slides_stain_there(part):
    slide = immunohistochemistry()
    brown = rgb2hed(slide)[..., 2]
    domain = site("A", part, per_class=40, seed=3)
    places = []
    for image, label in zip(domain.x, domain.y.tolist(), strict=True):
        row, column = where((255 * image).round().byte().permute(1, 2, 0).numpy(), slide)
        places.append((row, column))
        assert column + 32 <= 256 if part == "train" else column >= 256
        amount = brown[row : row + 32, column : column + 32].mean()
        assert amount < tissue.LOW if label == 0 else amount > tissue.HIGH
    assert len(set(places)) == 80, "no place twice"


def test_site_b_shows_the_same_places_in_other_colours():
    a, b = site("A", per_class=100), site("B", per_class=100)
    grey_a, grey_b = (d.x.mean(1).flatten(1) for d in (a, b))
    alike = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(grey_a, grey_b, strict=True)])
    assert alike.median() > 0.8 and a.y.equal(b.y)
    assert (a.x.mean((0, 2, 3)) - b.x.mean((0, 2, 3))).abs().max() > 0.05


def test_the_other_scanner_lets_no_light_pass_between_the_halves(monkeypatch):
    slide = np.ones((64, 512, 3))
    slide[:, 256:] = 0.2
    monkeypatch.setattr(tissue, "_slide", lambda: slide)
    picture = tissue._slide_b.__wrapped__()
    assert np.allclose(picture[:, :256], picture[0, 0]) and np.allclose(picture[:, 256:], picture[0, -1])


@pytest.mark.parametrize("part", ["train", "test"])
def test_part_and_seed_decide_the_places(part):
    one, same, other = (site("A", part, 20, seed=seed) for seed in (1, 1, 2))
    assert one.x.equal(same.x) and not one.x.equal(other.x)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: site("C"), "unknown site 'C'"),
        (lambda: site("A", "tset"), "unknown part 'tset': did you mean 'test'"),
        (lambda: site("A", per_class=0), "per_class must lie between 1 and .*, got 0"),
        (lambda: site("A", per_class=10**6), "per_class must lie between 1 and .*, got 1000000"),
    ],
)
def test_what_does_not_exist_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_at_the_other_site_decisions_fail_and_matched_colours_mend_them():
    encoder = image_encoder("photos")
    train, a, b = site("A", "train", 100), site("A", "test", 100), site("B", "test", 100)
    mended = normalise_stain(b, train)
    probe = linear_probe(extract_features(encoder, train.x), train.y)
    features = [extract_features(encoder, domain.x) for domain in (a, b, mended)]
    at_home, away, matched = (probe.score(rows, a.y) for rows in features)
    assert at_home > 0.85 and away < at_home - 0.2 and matched > away + 0.1
    assert auc(torch.from_numpy(probe.predict_proba(features[0])[:, 1]), a.y) > 0.93


# ---------------------------------------------------------------- normalise_stain


def lab(domain):
    return rgb2lab(domain.x.permute(0, 2, 3, 1).double().numpy())


def inside(seed, shift=0.0, spread=0.04, n=6):
    """Return images in the middle of the colour space, so that no value is cut at 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.5 + shift * torch.tensor([1.0, 0, -1]).view(3, 1, 1) + spread * torch.randn(n, 3, 8, 8, generator=generator)
    return Domain(x.clamp(0.2, 0.8), torch.arange(n) % 2, ("a", "b"), f"seed {seed}")


def test_mean_and_spread_of_every_channel_become_the_references():
    domain, reference = inside(0, 0.1), inside(1, -0.05, 0.08, n=9)
    matched = normalise_stain(domain, reference)
    assert np.allclose(lab(matched).mean((0, 1, 2)), lab(reference).mean((0, 1, 2)), atol=0.05)
    assert np.allclose(lab(matched).std((0, 1, 2)), lab(reference).std((0, 1, 2)), rtol=0.01)
    assert matched.x.shape == domain.x.shape and matched.x.dtype == torch.float32
    assert matched.y.equal(domain.y) and matched.classes == domain.classes
    assert matched.name == "seed 0, colours of seed 1"


def test_matching_a_domain_with_itself_changes_nothing():
    domain = site("A", per_class=20)
    assert torch.allclose(normalise_stain(domain, domain).x, domain.x, atol=2e-3)


def test_all_images_share_one_correction():
    domain, reference = inside(0, 0.1), inside(1)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    assert torch.allclose(
        normalise_stain(domain.subset(order), reference).x, normalise_stain(domain, reference).x[order], atol=1e-6
    )
    pale, dark = site("A", per_class=20).x.mean((2, 3)).split(20)
    matched = normalise_stain(site("B", per_class=20), site("A", per_class=20))
    after_pale, after_dark = matched.x.mean((2, 3)).split(20)
    before, after = (pale - dark)[:, 2].mean(), (after_pale - after_dark)[:, 2].mean()
    assert after > 0.5 * before, "what tells low from high is still there"


def test_labels_play_no_part():
    domain, reference = inside(0), inside(1)
    turned = Domain(domain.x, 1 - domain.y, domain.classes, domain.name)
    assert normalise_stain(turned, reference).x.equal(normalise_stain(domain.unlabelled(), reference.unlabelled()).x)


def test_images_of_one_colour_are_moved_but_not_divided_by_zero():
    flat = Domain(torch.full((2, 3, 4, 4), 0.4), None, (), "flat")
    matched = normalise_stain(flat, inside(1))
    assert torch.isfinite(matched.x).all() and matched.x.std((0, 2, 3)).max() < 1e-3


def test_colours_outside_0_to_1_are_refused():
    for x in (255 * torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8) - 0.5):
        with pytest.raises(ValueError, match=r"loud: colours must lie in \[0, 1\], they run from"):
            normalise_stain(Domain(x, None, (), "loud"), inside(0))


@pytest.mark.parametrize("x", [torch.rand(4, 1, 8, 8), torch.rand(4, 3), ["text"]])
def test_images_without_colours_are_refused(x):
    grey = Domain(x, None, (), "grey")
    for pair in ((grey, inside(0)), (inside(0), grey)):
        with pytest.raises(ValueError, match=r"grey: stains are normalised in RGB images \(n, 3, h, w\)"):
            normalise_stain(*pair)
