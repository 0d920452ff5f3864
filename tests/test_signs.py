"""Traffic signs: the real subset where the mirror has it, a small archive of its layout where not."""

import io
import zipfile

import pytest
import torch
from PIL import Image

from tlutils.datasets import signs

FILE = "gtsrb_subset/gtsrb_subset.zip"


@pytest.mark.parametrize(("part", "each"), [("train", 40), ("test", 15)])
def test_the_signs_are_complete(real, part, each):
    real(FILE)
    domain = signs.signs(part)
    assert domain.x.shape == (43 * each, 3, 32, 32) and torch.bincount(domain.y).tolist() == [each] * 43
    assert domain.classes[14] == "stop" and domain.classes[38] == "keep right" and len(domain.classes) == 43


def test_a_stop_sign_is_red_and_keep_right_is_blue(real):
    real(FILE)
    domain = signs.signs()
    stop, right = (domain.x[domain.y == number, :, 8:24, 8:24].mean((0, 2, 3)) for number in (14, 38))
    assert stop[0] > stop[2] * 1.2 and right[2] > right[0] * 1.2


def test_a_physical_sign_has_one_class_and_several_photographs(real):
    real(FILE)
    tracks, y = signs.sign_tracks(), signs.signs().y
    assert len(tracks) == 1720 and 1.2 < 1720 / len(tracks.unique()) < 30
    assert all(len(y[tracks == track].unique()) == 1 for track in tracks.unique()[:100])


def test_labels_are_those_of_the_lists_whatever_the_order(monkeypatch, tmp_path):
    path = tmp_path / "signs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
        lines = [header, "b.ppm;9;9;0;0;8;8;7", "a.ppm;9;9;0;0;8;8;3"]
        archive.writestr("GTSRB/GT-final_test.csv", "\r\n".join(lines))
        for name, shade in (("a", 30), ("b", 70)):
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), (shade, 0, 0)).save(buffer, "PPM")
            archive.writestr(f"GTSRB/Final_Test/Images/{name}.ppm", buffer.getvalue())
    monkeypatch.setattr(signs, "fetch", {FILE: path}.__getitem__)
    domain = signs.signs("test")
    assert domain.y.tolist() == [7, 3] and (255 * domain.x[:, 0, 0, 0]).round().tolist() == [70, 30]


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="unknown part 'val'"):
        signs.signs("val")
