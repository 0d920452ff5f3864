"""Digits: printed, handwritten, and the real files of the classic collections."""

import string

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tlutils import Domain
from tlutils.datasets.digits import DIGITS, FACES, _font, handwritten, mnist, mnist_m, printed, resized, usps

pytestmark = pytest.mark.filterwarnings("error::UserWarning")  # a reader would see them in the notebook

MNIST = "mnist/MNIST/raw/{}-images-idx3-ubyte.gz", "mnist/MNIST/raw/{}-labels-idx1-ubyte.gz"
MNIST_TRAIN, MNIST_TEST = ([name.format(part) for name in MNIST] for part in ("train", "t10k"))


def counts(domain):
    return torch.bincount(domain.y, minlength=len(domain.classes)).tolist()


@pytest.fixture(scope="module")
def many():
    return printed(3000, seed=0)


@pytest.mark.usefixtures("no_network")
class TestEmbedded:
    def test_printed_digits_have_the_format_of_the_handwriting(self, many):
        hand = handwritten()
        assert many.x.shape == (3000, 1, 8, 8) and many.x[0].shape == hand.x[0].shape
        assert many.x.dtype == hand.x.dtype == torch.float32 and many.y.dtype == hand.y.dtype == torch.int64
        assert many.classes == hand.classes == DIGITS == tuple("0123456789")
        for x in (many.x, hand.x):
            assert set((16 * x).unique().tolist()) == set(range(17)), "shares of ink in 4×4 pixels"

    @pytest.mark.parametrize(
        ("n", "characters"), [(200, "0123456789"), (107, "0123456789"), (10, "0123456789"), (31, "abc")]
    )
    def test_every_character_is_printed_equally_often(self, n, characters):
        domain = printed(n, characters=characters)
        assert len(domain) == n == sum(counts(domain)) and max(counts(domain)) - min(counts(domain)) <= 1

    def test_the_seed_decides_what_is_printed(self):
        one, same, other = printed(60, seed=3), printed(60, seed=3), printed(60, seed=4)
        assert one.x.equal(same.x) and one.y.equal(same.y)
        assert not one.x.equal(other.x) and not one.y.equal(other.y)
        assert not one.y.equal(one.y.sort().values), "in mixed order"

    def test_no_two_prints_are_alike(self, many):
        assert len(many.x.unique(dim=0)) > 0.99 * len(many)

    def test_every_print_fills_the_field_but_for_its_margin(self, many):
        ink = many.x.sum((1, 2, 3))
        assert ink.min() > 2 and ink.max() < 50
        rows = (many.x.amax(3) > 0).float().sum(2).squeeze(1)
        assert rows.min() >= 6, "at least 65 % of 32 rows touch six blocks"

    @pytest.mark.parametrize("size", [8, 16])
    def test_a_smaller_print_is_the_larger_one_averaged(self, size):
        large, small = printed(40, seed=2, size=32), printed(40, seed=2, size=size)
        assert large.x.shape == (40, 1, 32, 32) and set(large.x.unique().tolist()) == {0, 1}, "black and white"
        block = 32 // size
        torch.testing.assert_close(small.x, large.x.reshape(40, 1, size, block, size, block).mean((3, 5)))
        assert small.y.equal(large.y) and printed(40, seed=2).x.shape == (40, 1, 8, 8)

    def test_letters_can_be_printed(self):
        letters = printed(104, characters=string.ascii_letters)
        assert letters.classes == tuple(string.ascii_letters) and counts(letters) == [2] * 52
        assert printed(6, characters="zXa").classes == ("z", "X", "a"), "in the order given"

    def test_twenty_different_typefaces_are_used(self, monkeypatch):
        used = []
        monkeypatch.setattr("tlutils.datasets.digits._font", lambda face: used.append(face) or _font(face))
        printed(400)
        assert set(used) == set(FACES) and len(FACES) == 20
        assert len({_font(face).getname() for face in FACES}) == 20

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"n": 9}, ["number of characters (10)", "got 9"]),
            ({"n": 0}, ["got 0"]),
            ({"n": 2**40}, ["n must be 1 to 1,000,000"]),
            ({"characters": ""}, ["different ASCII", "''"]),
            ({"characters": "1232"}, ["different ASCII", "'1232'"]),
            ({"characters": "ab "}, ["different ASCII", "'ab '"]),
            ({"characters": "aé"}, ["ASCII", "'aé'"]),
            ({"characters": "a迁"}, ["ASCII", "'a迁'"]),
            ({"size": 12}, ["must divide 32", "got 12"]),
            ({"size": 0}, ["must divide 32", "got 0"]),
        ],
    )
    def test_what_cannot_be_printed_is_refused(self, arguments, words):
        with pytest.raises(ValueError) as caught:
            printed(**arguments)
        assert all(word in str(caught.value) for word in words), caught.value

    def test_the_handwriting_is_scikit_learns(self):
        hand, data = handwritten(), load_digits()
        assert len(hand) == 1797 and hand.x.shape == (1797, 1, 8, 8)
        assert np.array_equal(hand.x[:, 0].numpy() * 16, data.images) and np.array_equal(hand.y.numpy(), data.target)

    def test_a_linear_classifier_is_at_home_on_print_and_falls_on_handwriting(self, many):
        train, test = many.split(0.7)
        model = LogisticRegression(max_iter=1000).fit(train.x.flatten(1), train.y)
        assert model.score(test.x.flatten(1), test.y) >= 0.97
        assert 0.45 <= model.score(handwritten().x.flatten(1), handwritten().y) <= 0.70

    @pytest.mark.parametrize("load", [mnist, usps, mnist_m])
    def test_an_unknown_part_is_refused_with_the_nearest_one(self, load):
        with pytest.raises(ValueError, match=r"unknown part 'tests': did you mean 'test'\?"):
            load("tests")

    @pytest.mark.parametrize(
        ("load", "name"), [(mnist, MNIST_TEST[0]), (usps, "usps/usps.h5"), (mnist_m, "mnist_m/mnist_m_subset.zip")]
    )
    def test_without_file_and_network_the_error_names_the_file(self, load, name, monkeypatch, tmp_path):
        monkeypatch.delenv("TLUTILS_DATA", raising=False)
        monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
        with pytest.raises(OSError, match=f"could not get {name}"):
            load("test")


@pytest.mark.parametrize(
    ("part", "files", "label_counts"),
    [
        ("train", MNIST_TRAIN, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("test", MNIST_TEST, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_mnist_is_complete(real, part, files, label_counts):
    real(*files)
    domain = mnist(part)
    assert domain.x.shape == (sum(label_counts), 1, 28, 28) and counts(domain) == label_counts
    assert (domain.x.min(), domain.x.max()) == (0, 1) and domain.name == f"MNIST, {part}"
    assert domain.x[:, :, 10:18, 10:18].mean() > 4 * domain.x[:, :, :4].mean(), "digits sit in the middle"


@pytest.mark.parametrize(
    ("part", "label_counts"),
    [
        ("train", [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]),
        ("test", [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]),
    ],
)
def test_usps_is_complete(real, part, label_counts):
    real("usps/usps.h5")
    domain = usps(part)
    assert domain.x.shape == (sum(label_counts), 1, 16, 16) and counts(domain) == label_counts
    assert domain.x.min() >= 0 and 0.99 < domain.x.max() <= 1 and domain.name == f"USPS, {part}"


@pytest.mark.parametrize(("load", "files"), [(mnist, MNIST_TEST), (usps, ["usps/usps.h5"])])
def test_the_real_digits_stand_upright(real, load, files):
    real(*files)
    domain = load("test")
    mine, known = (
        torch.stack([d.x[d.y == k].mean(0) for k in range(10)])
        for d in (resized(domain, 16), resized(handwritten(), 16))
    )

    def likeness(a, b):
        return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]

    turned = [k for q in range(4) for k in (mine.rot90(q, (2, 3)), mine.mT.rot90(q, (2, 3)))]
    assert max(range(8), key=lambda i: likeness(turned[i], known)) == 0


@pytest.mark.parametrize(("part", "n", "files"), [("train", 8000, MNIST_TRAIN), ("test", 2000, MNIST_TEST)])
def test_row_i_of_mnist_m_shows_row_i_of_mnist(real, part, n, files):
    real("mnist_m/mnist_m_subset.zip", *files)
    blended, plain = mnist_m(part), mnist(part)
    assert blended.x.shape == (n, 3, 32, 32) and blended.name == f"MNIST-M, {part}"
    assert blended.x.min() == 0 and 0.99 < blended.x.max() <= 1
    assert blended.y.equal(plain.y[:n])
    assert (blended.x[:, 0] != blended.x[:, 1]).any(), "in colour"
    # The digit was blended as a difference: its strokes are edges of both pictures.
    edges = [(x.diff(dim=-1).abs() - x.diff(dim=-1).abs().mean()).flatten() for x in _aligned(blended, plain, n)]
    assert torch.corrcoef(torch.stack(edges))[0, 1] > 0.3
    shuffled = edges[0].reshape(n, -1).roll(1, 0).flatten()
    assert torch.corrcoef(torch.stack([shuffled, edges[1]]))[0, 1] < 0.2


def _aligned(blended, plain, n):
    return resized(blended, 28).x, resized(plain.subset(torch.arange(n)), 28).x


GREY = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
TINY = Domain(GREY, torch.tensor([0, 1, -1]), ("a", "b"), "tiny")


def test_shrinking_averages_areas():
    smaller = resized(TINY, 2)
    torch.testing.assert_close(smaller.x, GREY.reshape(3, 1, 2, 4, 2, 4).mean((3, 5)))
    assert smaller.y.equal(TINY.y) and smaller.classes == TINY.classes and smaller.name == "tiny"


@pytest.mark.parametrize("size", [5, 8, 11, 32])
def test_any_size_stays_in_range_and_keeps_the_mean_brightness(size):
    x = resized(TINY, size).x
    assert x.shape == (3, 1, size, size) and 0 <= x.min() and x.max() <= 1
    assert x.mean().item() == pytest.approx(GREY.mean().item(), abs=0.03)


def test_what_is_no_picture_is_not_resized():
    for x in (torch.rand(4, 8), ["text"]):
        with pytest.raises(ValueError, match=r"rows: need images \(n, c, h, w\)"):
            resized(Domain(x, None, (), "rows"), 8)
    for size in (0, 2**40):
        with pytest.raises(ValueError, match=f"size must be 1 to 1,024, got {size}"):
            resized(Domain(torch.rand(4, 1, 8, 8), None, (), "grey"), size)


def test_the_same_size_is_no_change():
    torch.testing.assert_close(resized(TINY, 8).x, GREY)


def test_colour_is_averaged_away():
    colour = Domain(torch.rand(2, 3, 8, 8), None, (), "colour")
    torch.testing.assert_close(resized(colour, 8).x, colour.x.mean(1, keepdim=True))
