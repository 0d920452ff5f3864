"""The planted flaws are what their names say, and the files hold the pictures."""

import pytest
import torch

from tlutils import own_experiments as planted
from tlutils.data_checks import check_data
from tlutils.datasets.folders import image_folder
from tlutils.own_rows import OwnData


@pytest.fixture(scope="module")
def plain():
    return planted.snapshots(per_class=12)


def told(domain):
    return " ".join(what for what, _ in check_data(OwnData(domain, tuple(map(str, range(len(domain)))))))


def test_snapshots_are_six_surfaces_in_order(plain):
    assert plain.x.shape == (72, 3, 32, 32) and plain.classes == planted.KINDS
    assert torch.bincount(plain.y).tolist() == [12] * 6


def test_files_hold_the_pictures_and_places_name_them(plain, tmp_path):
    places = planted.write_files(plain, tmp_path / "all")
    read = image_folder(tmp_path / "all", size=32)
    assert places[13] == "grass/013.png" and read.classes == tuple(sorted(planted.KINDS))
    grass = read.x[read.y == read.classes.index("grass")]
    assert (grass[1] - plain.x[13]).abs().max() < 1 / 255
    with pytest.raises(FileExistsError):
        planted.write_files(plain, tmp_path / "all")


def test_twelve_labels_are_wrong_and_known(plain):
    domain, rows = planted.mislabelled(plain, seed=1)
    assert {*(domain.y != plain.y).nonzero().squeeze(1).tolist()} == rows and len(rows) == planted.FEW


@pytest.mark.parametrize(
    "flaw, more, changed",
    [("copies, mirrored", 12, 0), ("copies, shrunk", 12, 0), ("mark on one class", 0, 12), ("faint tint", 0, 72)],
)
def test_flaws_change_what_they_name(plain, flaw, more, changed):
    domain = planted.FLAWS[flaw](plain, 0)
    differing = (domain.x[: len(plain)] != plain.x).flatten(1).any(1).sum()
    assert len(domain) == len(plain) + more and differing == changed


def test_a_mark_on_one_class_is_told_by_its_name_and_a_dark_class_is_none(plain):
    assert "tells 'grass' from the other classes" in told(planted.FLAWS["mark on one class"](plain, 0))
    dark = plain.x.clone()
    dark[plain.y == 1] *= 0.2  # all over: a property of the class, no mark
    assert "tells" not in told(type(plain)(dark, plain.y, plain.classes, "dark"))
