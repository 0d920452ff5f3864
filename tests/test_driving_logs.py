"""Logs of cars: the real ones where the mirror has them, small ones with every fault a log can have."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from tlutils.datasets import driving_logs
from tlutils.datasets.driving_logs import donkeycar, real_car, time_blocks, udacity, udacity_simulator

TUBS, UDACITY = "driving_real_donkeycar/donkeycar_real_tubs.zip", "driving_sim_udacity/udacity_sim_center.zip"
HEADER = "center,left,right,steering,throttle,brake,speed"


def jpeg(shade, size=(160, 120)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(buffer, "JPEG")
    return buffer.getvalue()


def write_tub(folder, steering, shades=None, deleted=(), size=(160, 120)):
    (folder / "images").mkdir(parents=True)
    shades = shades or [40 * (k + 1) for k in range(len(steering))]
    records = []
    for k, (angle, shade) in enumerate(zip(steering, shades, strict=True)):
        (folder / "images" / f"{k}_cam_image_array_.jpg").write_bytes(jpeg(shade, size))
        records.append({"_index": k, "cam/image_array": f"{k}_cam_image_array_.jpg", "user/angle": angle})
    half = len(records) // 2
    for name, part in (("catalog_0.catalog", records[:half]), ("catalog_1.catalog", records[half:])):
        (folder / name).write_text("\n".join(json.dumps(record) for record in part) + "\n")
    about = {"paths": ["catalog_0.catalog", "catalog_1.catalog"], "current_index": 4, "deleted_indexes": list(deleted)}
    lines = [["cam/image_array", "user/angle"], ["image_array", "float"], {}, {"created_at": 0.0}, about]
    (folder / "manifest.json").write_text("\n".join(json.dumps(line) for line in lines))
    return folder


def write_log(folder, rows, header=True, pictures=None):
    (folder / "IMG").mkdir(parents=True)
    for name, shade in (pictures or {f"center_{k}.jpg": 40 * (k + 1) for k in range(len(rows))}).items():
        (folder / "IMG" / name).write_bytes(jpeg(shade, (320, 160)))
    (folder / "driving_log.csv").write_text("\n".join([HEADER] * header + rows) + "\n")
    return folder


def shades(domain):
    return (255 * domain.x.mean((1, 2, 3))).round().int().tolist()


# ---------------------------------------------------------------- the real ones


@pytest.mark.parametrize(("tub", "frames", "mean"), [("A", 998, -0.48), ("B", 982, 0.30), ("C", 896, -0.17)])
def test_the_real_tubs_are_complete(real, tub, frames, mean):
    real(TUBS)
    domain = real_car(tub)
    assert domain.x.shape == (frames, 3, 36, 64) and domain.y.shape == (frames, 1)
    assert domain.y.mean().item() == pytest.approx(mean, abs=0.006) and domain.y.abs().max() <= 1
    assert domain.classes == ("steering",)


def test_the_udacity_drive_is_complete(real):
    real(UDACITY)
    domain = udacity_simulator()
    assert domain.x.shape == (613, 3, 36, 64) and (domain.y == 0).sum() == 433
    assert 0.3 < domain.x[:, 2, :8].mean() > domain.x[:, 0, :8].mean(), "there is sky above"


# ---------------------------------------------------------------- donkeycar


def test_a_tub_keeps_its_order_over_catalogs_and_leaves_deleted_records_out(tmp_path):
    domain = donkeycar(write_tub(tmp_path / "tub", [0.5, -1.0, 0.0, 1.0], deleted=[2]))
    assert domain.y[:, 0].tolist() == [0.5, -1.0, 1.0] and shades(domain) == [40, 80, 160]
    assert domain.name == "tub"


def test_a_zip_file_gives_what_its_folder_gives(tmp_path):
    folder = write_tub(tmp_path / "data" / "tub_1", [0.1, 0.2])
    with zipfile.ZipFile(tmp_path / "tubs.zip", "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(tmp_path))
    one, two = donkeycar(folder), donkeycar(tmp_path / "tubs.zip", "data/tub_1")
    assert torch.equal(one.x, two.x) and torch.equal(one.y, two.y)


def test_the_lower_part_of_a_picture_is_kept_in_its_proportions(tmp_path):
    folder = write_tub(tmp_path / "tub", [0.0, 0.0])
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:30] = 255  # the top quarter: 160×90 of it remain
    picture[-20:, :, 0] = 255
    Image.fromarray(picture).save(folder / "images" / "0_cam_image_array_.jpg", quality=95)
    frame = donkeycar(folder).x[0]
    assert frame[:, 3:20].max() < 0.1 and frame[0, -4:].min() > 0.8


def test_what_is_no_tub_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"holds no manifest.json: give the folder of one tub"):
        donkeycar(tmp_path)
    folder = write_tub(tmp_path / "tub", [0.0, 0.1])
    (folder / "manifest.json").write_text("[]\n[]\n")
    with pytest.raises(ValueError, match="no complete tub of version 2"):
        donkeycar(folder)
    write_tub(tmp_path / "two", [0.0, 0.1])
    (tmp_path / "two" / "catalog_1.catalog").unlink()
    with pytest.raises(ValueError, match="no complete tub of version 2: FileNotFoundError"):
        donkeycar(tmp_path / "two")
    with pytest.raises(ValueError, match="holds no record"):
        donkeycar(write_tub(tmp_path / "none", [0.0, 0.1], deleted=[0, 1]))


# ---------------------------------------------------------------- Udacity


@pytest.mark.parametrize("header", [True, False])
def test_a_log_with_or_without_header_and_with_paths_of_another_machine(tmp_path, header):
    rows = [
        r"C:\Users\me\IMG\center_1.jpg, C:\x\left_1.jpg,right.jpg, -0.25,0,0,1",
        "/home/me/IMG/center_0.jpg,left_0.jpg,right.jpg,0.5,0,0,1",
        "IMG/center_2.jpg,left_0.jpg,right.jpg,1,0,0,1",
    ]
    domain = udacity(write_log(tmp_path / "log", rows, header))
    assert domain.y[:, 0].tolist() == [-0.25, 0.5, 1.0] and shades(domain) == [80, 40, 120]


def test_a_log_that_is_not_there_or_lacks_its_columns(tmp_path):
    with pytest.raises(ValueError, match=r"holds no driving_log.csv"):
        udacity(tmp_path)
    folder = write_log(tmp_path / "log", ["0.5"])
    (folder / "driving_log.csv").write_text("image,steering\nx.jpg,0\n")
    with pytest.raises(ValueError, match="needs the columns center, left, right, steering"):
        udacity(folder)
    (folder / "driving_log.csv").write_text(HEADER + "\n")
    with pytest.raises(ValueError, match="holds no record"):
        udacity(folder)


def test_a_log_with_more_rows_than_images(tmp_path):
    rows = [f"center_{k}.jpg,l,r,0,0,0,0" for k in range(3)]
    folder = write_log(tmp_path / "log", rows, pictures={"center_0.jpg": 40})
    with pytest.raises(ValueError, match=r"has 3 rows, but 2 of their pictures are missing, the first is .*center_1"):
        udacity(folder)


# ---------------------------------------------------------------- faults of both


@pytest.mark.parametrize("wrong", [1.5, -7, "left", None, float("nan")])
def test_steering_outside_its_range_names_the_row(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"row 2 of the log of .*tub: steering must be a number in \[−1, 1\], got"):
        donkeycar(write_tub(tmp_path / "tub", [0.0, wrong, 0.0]))


def test_pictures_of_different_sizes_are_refused(tmp_path):
    folder = write_tub(tmp_path / "tub", [0.0, 0.0])
    (folder / "images" / "1_cam_image_array_.jpg").write_bytes(jpeg(10, (320, 240)))
    with pytest.raises(ValueError, match="320×240 pixels, those before it 160×120"):
        donkeycar(folder)


def test_a_missing_and_a_damaged_picture_are_named(tmp_path):
    folder = write_tub(tmp_path / "tub", [0.0, 0.0])
    picture = folder / "images" / "1_cam_image_array_.jpg"
    picture.write_bytes(jpeg(10)[:200])
    with pytest.raises(ValueError, match="1_cam_image_array_.jpg cannot be read as an image"):
        donkeycar(folder)
    picture.unlink()
    with pytest.raises(ValueError, match="2 rows, but 1 of their pictures are missing, the first is .*1_cam"):
        donkeycar(folder)


def test_paths_that_lead_nowhere(tmp_path):
    for call in (donkeycar, udacity):
        with pytest.raises(ValueError, match="does not exist"):
            call(tmp_path / "absent")
        (tmp_path / "file").write_text("x")
        with pytest.raises(ValueError, match="neither a folder nor a zip file"):
            call(tmp_path / "file")
    with pytest.raises(ValueError, match="unknown tub 'D'"):
        real_car("D")


@pytest.mark.parametrize(("call", "name"), [(lambda: real_car("A"), TUBS), (udacity_simulator, UDACITY)])
def test_without_file_and_network_the_error_names_the_file(no_network, monkeypatch, tmp_path, call, name):
    monkeypatch.delenv("TLUTILS_DATA", raising=False)
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=name):
        call()


# ---------------------------------------------------------------- blocks of time


def test_blocks_of_time_are_whole_in_order_and_of_equal_length():
    blocks = time_blocks(103, 10)
    assert torch.equal(blocks, blocks.sort().values) and torch.bincount(blocks).tolist().count(10) == 7
    assert set(torch.bincount(blocks).tolist()) == {10, 11}
    with pytest.raises(ValueError, match="3 frames can be cut into 1 to 3 blocks, got 4"):
        time_blocks(3, 4)
    with pytest.raises(ValueError, match="n must be 1 to 10,000,000, got 1099511627776"):
        time_blocks(2**40, 4)


def test_shapes_of_frames_are_those_of_the_simulator():
    assert (driving_logs.HEIGHT, driving_logs.WIDTH) == (36, 64)
