"""A folder of images: every kind of file that people really have in theirs."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from tlutils.datasets import image_folder
from tlutils.datasets.folders import square_image

SIZE = 16


def scene(width=48, height=32):
    """Return a smooth colour picture whose left, right, top and bottom differ, as uint8 (h, w, 3)."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([255 * columns / width, 255 * rows / height, 255 - 255 * columns / width], 2).astype(np.uint8)


def encoded(picture, form, **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def png(pixels=None):
    return encoded(Image.fromarray(scene() if pixels is None else pixels), "PNG")


@pytest.fixture
def folder(tmp_path):
    """Two classes, two pictures each; returns the root."""
    for name in ("b cats", "a dogs"):
        (tmp_path / name).mkdir()
        for file in ("2.png", "10.png"):
            (tmp_path / name / file).write_bytes(png())
    return tmp_path


def centre(pixels, size=SIZE):
    """Resize the short side, then crop the centre: the slow way, in floating point."""
    image = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None] / 255
    height, width = pixels.shape[:2]
    scale = size / min(height, width)
    shape = (round(height * scale), round(width * scale))
    image = torch.nn.functional.interpolate(image, size=shape, mode="bilinear", antialias=True)
    top, left = (shape[0] - size) // 2, (shape[1] - size) // 2
    return image[0, :, top : top + size, left : left + size]


def close(image, expected, tolerance=0.02):
    got = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    return (got - expected).abs().max() <= tolerance


# ---------------------------------------------------------------- a good folder


def test_classes_and_files_come_sorted_by_name(folder):
    for number, (name, file) in enumerate([("b cats", "2.png"), ("b cats", "10.png"), ("a dogs", "2.png")]):
        (folder / name / file).write_bytes(png(np.full((20, 20, 3), 50 * number, np.uint8)))
    domain = image_folder(folder, size=SIZE)
    assert domain.classes == ("a dogs", "b cats") and domain.y.tolist() == [0, 0, 1, 1]
    assert domain.x.shape == (4, 3, SIZE, SIZE) and domain.x.dtype == torch.float32
    assert (255 * domain.x.mean((1, 2, 3))).round()[1:].tolist() == [100, 50, 0], "10.png before 2.png, as text"
    assert domain.name == folder.name and image_folder(str(folder), size=SIZE).x.equal(domain.x)


@pytest.mark.parametrize("shape", [(48, 32), (32, 48), (32, 32), (33, 47), (10, 15), (300, 150)])
def test_the_short_side_is_resized_and_the_centre_cut(shape):
    pixels = scene(*shape)
    assert close(square_image(png(pixels), SIZE), centre(pixels), 0.03)


def test_shrinking_averages_pixels_and_skips_none():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    assert square_image(png(noise), SIZE).std() < 0.15 * noise.std()


def test_a_large_jpeg_keeps_its_detail_though_decoded_small():
    pixels = scene(1200, 800)
    pixels[300:500, 500:700] = 255
    small = square_image(encoded(Image.fromarray(pixels), "JPEG", quality=95), 64)
    assert close(small, centre(pixels, 64), 0.06)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_photographs_are_turned_upright(orientation, form):
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda a: np.rot90(a, -1),
    }[orientation](scene())
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(np.ascontiguousarray(turned)), form, exif=exif)
    assert close(square_image(content, SIZE), centre(scene()), 0.05)


# ---------------------------------------------------------------- kinds of pixels


def with_alpha():
    alpha = np.full(scene().shape[:2], 255, np.uint8)
    alpha[:, :24] = 0
    return np.dstack([scene(), alpha])


def on_white():
    pixels = scene()
    pixels[:, :24] = 255
    return pixels


def grey(pixels):
    return np.repeat(np.asarray(Image.fromarray(pixels).convert("L"))[..., None], 3, 2)


def lab():
    profiles = [ImageCms.createProfile(space) for space in ("sRGB", "LAB")]
    return ImageCms.profileToProfile(Image.fromarray(scene()), *profiles, outputMode="LAB")


def palette_with_transparency():
    flat = np.full((32, 48), 1, np.uint8)
    flat[:, :24] = 0
    image = Image.fromarray(flat, "P")
    image.putpalette([10, 20, 30, 200, 100, 0])
    return encoded(image, "PNG", transparency=0)


RAMP = np.linspace(0, 65535, 48).astype(np.uint16)[None].repeat(32, 0)
RAMP_8 = np.repeat((RAMP / 257).round().astype(np.uint8)[..., None], 3, 2)


@pytest.mark.parametrize(
    ("content", "expected", "tolerance"),
    [
        (encoded(Image.fromarray(scene()).quantize(256), "PNG"), scene(), 0.1),
        (encoded(Image.fromarray(scene()).quantize(64), "GIF"), scene(), 0.15),
        (encoded(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=95), scene(), 0.05),
        (encoded(Image.fromarray(scene()).convert("CMYK"), "TIFF"), scene(), 0.02),
        (encoded(Image.fromarray(scene()).convert("L"), "PNG"), grey(scene()), 0.02),
        (encoded(Image.fromarray(grey(scene())[..., 0] > 127), "PNG"), 255 * (grey(scene()) > 127), 0.02),
        (encoded(Image.fromarray(RAMP), "PNG"), RAMP_8, 0.02),
        (encoded(Image.fromarray(RAMP), "TIFF"), RAMP_8, 0.02),
        (encoded(Image.fromarray(RAMP.astype(">u2")), "TIFF"), RAMP_8, 0.02),
        (encoded(Image.fromarray(RAMP.astype(np.int32)), "TIFF"), RAMP_8, 0.02),
        (encoded(Image.fromarray(with_alpha()), "PNG"), on_white(), 0.02),
        (encoded(Image.fromarray(with_alpha()).convert("LA"), "PNG"), grey(on_white()), 0.02),
        (encoded(Image.fromarray(with_alpha()), "WEBP", lossless=True), on_white(), 0.02),
        (palette_with_transparency(), np.where(np.arange(48)[None, :, None] < 24, 255, [200, 100, 0]), 0.02),
        (encoded(Image.fromarray(scene()), "BMP"), scene(), 0.02),
        (encoded(lab(), "TIFF"), scene(), 0.06),
        (
            encoded(Image.fromarray(scene()), "GIF", save_all=True, append_images=[Image.new("RGB", (48, 32))]),
            scene(),
            0.15,
        ),
    ],
    ids="palette gif cmyk_jpeg cmyk_tiff grey bits 16_png 16_tiff 16_big_endian 32_tiff alpha grey_alpha webp_alpha "
    "palette_alpha bmp lab frames".split(),
)
def test_every_kind_of_pixel_becomes_rgb(content, expected, tolerance):
    expected = np.broadcast_to(expected, (32, 48, 3)).astype(np.uint8)
    image = square_image(content, SIZE)
    assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8
    assert close(image, centre(expected), tolerance + 0.02)


def test_transparent_pixels_do_not_bleed_into_the_rim():
    pixels = np.zeros((64, 64, 4), np.uint8)  # black, invisible
    pixels[:, 32:] = 255
    assert square_image(png(pixels), SIZE).min() == 255, "white on white"


@pytest.mark.parametrize("values", [[-5.0, 5.0], [0.0, 1.0]])
def test_floating_point_pixels_have_no_known_range(values):
    image = Image.fromarray(np.linspace(*values, 64, dtype=np.float32).reshape(8, 8))
    with pytest.raises(ValueError, match="x cannot be read as an image: its floating-point values"):
        square_image(encoded(image, "TIFF"), SIZE, "x")


def test_32_bit_values_beyond_16_bits_are_refused():
    image = Image.fromarray(np.full((8, 8), 70000, np.int32))
    with pytest.raises(ValueError, match="values run from 70000 to 70000; save it with 8 or 16 bits"):
        square_image(encoded(image, "TIFF"), SIZE)


# ---------------------------------------------------------------- broken files

PHOTO = encoded(Image.fromarray(scene(300, 200)), "JPEG")
BROKEN = {
    "empty.jpg": (b"", "it is empty, 0 bytes"),
    "cut.jpg": (PHOTO[: len(PHOTO) // 2], "truncated"),
    "cut.png": (png(scene(300, 200))[:-300], "image file is truncated|broken|unrecognized"),
    "cut.gif": (encoded(Image.fromarray(scene(300, 200)), "GIF")[:-9000], "truncated|not processed|broken"),
    "header.png": (png()[:20], "no image format that Pillow knows|broken|truncated"),
    "page.jpg": (b"<!DOCTYPE html><title>404</title>", "no image format that Pillow knows"),
    "notes.txt": (b"two cats", "no image format that Pillow knows"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_reason_and_fix(folder, name):
    content, reason = BROKEN[name]
    (folder / "b cats" / name).write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        image_folder(folder, size=SIZE)
    message = str(caught.value)
    assert message.startswith(str(folder / "b cats" / name)) and "skip_broken=True" in message


def test_broken_files_can_be_left_out_and_one_warning_names_them_all(folder):
    expected = image_folder(folder, size=SIZE)
    for name, (content, _) in BROKEN.items():
        (folder / "a dogs" / name).write_bytes(content)
    with pytest.warns(UserWarning) as caught:
        domain = image_folder(folder, size=SIZE, skip_broken=True)
    (warning,) = caught
    assert str(warning.message).startswith(f"{len(BROKEN)} files were left out")
    assert all(str(folder / "a dogs" / name) in str(warning.message) for name in BROKEN)
    assert warning.filename == __file__, "points at the caller"
    assert domain.x.equal(expected.x) and domain.y.equal(expected.y)


def test_without_broken_files_nothing_is_said(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image_folder(folder, size=SIZE, skip_broken=True)


def test_a_class_of_broken_files_only_is_an_error_all_the_same(folder):
    for file in (folder / "b cats").iterdir():
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="class 'b cats' holds no image that can be read: fill or remove"):
        image_folder(folder, size=SIZE, skip_broken=True)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_decompression_bomb_is_refused_before_it_unfolds(folder, side):
    bomb = encoded(Image.new("1", (side, side)), "PNG")
    assert len(bomb) < 100_000
    (folder / "a dogs" / "bomb.png").write_bytes(bomb)
    with pytest.raises(ValueError, match="bomb.png cannot be read as an image: it is suspiciously large"):
        image_folder(folder, size=SIZE)


def test_a_link_to_nowhere_is_a_broken_file(folder):
    (folder / "a dogs" / "gone.png").symlink_to(folder / "nothing.png")
    with pytest.raises(ValueError, match="gone.png cannot be read as an image: .*No such file"):
        image_folder(folder, size=SIZE)


# ---------------------------------------------------------------- the folder itself


def test_what_systems_leave_behind_and_notes_beside_the_classes_are_ignored(folder):
    expected = image_folder(folder, size=SIZE)
    for name in (".DS_Store", "Thumbs.db", "README.txt", "labels.csv"):
        (folder / name).write_bytes(b"x")
    for name in (".DS_Store", "._1.png", "Thumbs.db", "desktop.ini"):
        (folder / "a dogs" / name).write_bytes(b"x")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "b cats" / ".ipynb_checkpoints").mkdir()
    domain = image_folder(folder, size=SIZE)
    assert domain.x.equal(expected.x) and domain.classes == expected.classes


def remove(folder):
    for file in folder.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda root: (remove(root / "a dogs"), (root / "a dogs").rmdir()), "two classes, found only 'b cats'"),
        (lambda root: remove(root / "a dogs"), "class 'a dogs' holds no image"),
        (lambda root: (root / "stray.JPG").write_bytes(PHOTO), "stray.JPG lies beside the classes: move it"),
        (lambda root: (root / "a dogs" / "more").mkdir(), "more is a folder inside class 'a dogs'.*one level too high"),
    ],
)
def test_a_folder_of_another_form_is_refused(folder, change, words):
    change(folder)
    with pytest.raises(ValueError, match=words):
        image_folder(folder, size=SIZE)


def test_no_folder_a_file_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(ValueError, match="nowhere is not a folder; give the folder that holds"):
        image_folder(tmp_path / "nowhere", size=SIZE)
    (tmp_path / "file.zip").touch()
    with pytest.raises(ValueError, match="file.zip is not a folder"):
        image_folder(tmp_path / "file.zip", size=SIZE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="at least two classes, found none"):
        image_folder(tmp_path / "empty", size=SIZE)


def test_a_size_below_one_is_refused(folder):
    with pytest.raises(ValueError, match="size must be 1 to 4,096, got 0"):
        image_folder(folder, size=0)


def test_a_relative_path_gives_the_domain_its_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert image_folder(Path("."), size=SIZE).name == folder.name
