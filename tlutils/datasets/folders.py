"""Images from files: one square RGB picture each, and a folder of them, one subfolder per class."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.inputs import check_span, checked

if TYPE_CHECKING:
    from PIL.Image import Image

LEFT_BEHIND = ("thumbs.db", "desktop.ini")  # what Windows leaves in folders of pictures
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # older versions of Pillow open 16-bit PNG files as "I"


@checked
def image_folder(path: str | Path, *, size: int, skip_broken: bool = False) -> Domain:
    """Return the images of a folder with one subfolder per class: (n, 3, size, size), RGB in [0, 1].

    Classes are the subfolders' names, sorted; images follow their classes, sorted by file name. Each
    is brought upright (EXIF), its short side resized to `size`, its centre cut out (see
    `square_image`). Hidden files and folders are ignored, and so are files beside the subfolders
    unless they are images. With `skip_broken=True` files that cannot be read are left out, and one
    warning names them all.

    Raises ValueError when `size` is not 1 to 4,096, the folder is missing or holds fewer than two classes,
    a class holds no image or another folder, an image lies beside the classes, or a file cannot be read
    as an image. Taught in notebook 20.
    """
    check_side(size)
    folders = class_folders(Path(path))
    images, labels, broken = [], [], []
    for label, folder in enumerate(folders):
        for file in flat_files(folder):
            try:
                images.append(square_image(file, size))
                labels.append(label)
            except ValueError as error:
                if not skip_broken:
                    raise ValueError(
                        f"{error}; repair or remove this file, or pass skip_broken=True to go on without such files"
                    ) from error
                broken.append(str(error))
        if label not in labels:
            raise ValueError(f"class {folder.name!r} holds no image that can be read: fill or remove {folder}")
    if broken:
        warnings.warn(f"{len(broken)} files were left out:\n  " + "\n  ".join(broken), stacklevel=3)
    return Domain(as_pixels(images), torch.tensor(labels), tuple(f.name for f in folders), Path(path).resolve().name)


@checked
def square_image(file: Path | bytes, size: int, name: str = "") -> np.ndarray:
    """Return an image, a file or its content, as RGB (size, size, 3), uint8: the centre of the upright picture.

    The short side is resized to `size`, averaging over the pixels it merges. Palettes and CMYK become
    RGB, 16-bit greys are divided by 257, transparent pixels lie on white. Of several frames the
    first counts.

    Raises ValueError with name and reason when the content is empty, cut off, no image, of an unknown
    range, or so large that it may be a decompression bomb (Pillow's limit, 89 million pixels); and for
    a size outside 1 … 4,096.
    """
    check_side(size)
    from PIL import Image, ImageOps

    name = name or str(file)
    try:
        content = file if isinstance(file, bytes) else file.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if not content:
                raise ValueError("it is empty, 0 bytes")
            with Image.open(io.BytesIO(content)) as image:
                # A JPEG decodes faster at half or quarter size; twice the wanted size keeps the detail.
                image.draft(None, (2 * size, 2 * size))
                upright = ImageOps.exif_transpose(image)
                square = ImageOps.fit(_rgb(upright), (size, size), Image.Resampling.BILINEAR)
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error on damaged content
        raise ValueError(f"{name} cannot be read as an image: {_reason(error)}") from error
    return np.asarray(square)


@checked
def check_side(size: int) -> None:
    """Raise ValueError for a side of images, in pixels, that no memory holds."""
    check_span(size, "size", 1, 4096)


@checked
def as_pixels(images: Sequence[np.ndarray]) -> Tensor:
    """Return images (h, w, 3), uint8, as one float tensor (n, 3, h, w) in [0, 1].

    Raises ValueError for no image, and for images of different sizes or another form.
    """
    forms = {(image.dtype.name, *image.shape) for image in images}
    if len(forms) != 1 or any(len(form) != 4 or form[0] != "uint8" or form[3] != 3 for form in forms):
        found = ", ".join(sorted(map(str, forms))) or "none"
        raise ValueError(f"images must be (h, w, 3), of values uint8 and of one size, got {found:.200}")
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().div_(255)


def _rgb(image: Image) -> Image:
    from PIL import Image

    if image.mode in SIXTEEN_BIT:
        pixels = np.asarray(image).astype(np.int64)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError(f"its values run from {pixels.min()} to {pixels.max()}; save it with 8 or 16 bits")
        image = Image.fromarray(((pixels + 128) // 257).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("its floating-point values have no known range; save it with 8 or 16 bits")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "its content is of no image format that Pillow knows"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"it is suspiciously large, save a smaller copy ({error})"
    return str(error) or type(error).__name__


@checked
def class_folders(root: Path, least: int = 2) -> list[Path]:
    """Return the subfolders of a folder, one per class, sorted. Raises ValueError for fewer than `least`, or strays."""
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder; give the folder that holds one subfolder for each class")
    entries = entries_of(root)
    stray = [entry for entry in entries if not entry.is_dir() and is_image_name(entry)]
    if stray:
        raise ValueError(f"{stray[0]} lies beside the classes: move it into the subfolder of its class")
    folders = [entry for entry in entries if entry.is_dir()]
    if len(folders) < least:
        found = f"only {folders[0].name!r}" if folders else "none"
        wanted = "of at least two classes" if least > 1 else "class"
        raise ValueError(f"{root} needs a subfolder for each {wanted}, found {found}")
    return folders


@checked
def flat_files(folder: Path) -> list[Path]:
    """Return the files of a class, sorted. Raises ValueError when one of them is a folder, OSError for no folder."""
    entries = entries_of(folder)
    for entry in entries:
        if entry.is_dir():
            raise ValueError(
                f"{entry} is a folder inside class {folder.name!r}: images must lie directly in the folder "
                "of their class (is the given path one level too high?)"
            )
    return entries


@checked
def entries_of(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted by name, without hidden files and what Windows leaves behind.

    Raises OSError for what is no folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [e for e in entries if not e.name.startswith(".") and e.name.lower() not in LEFT_BEHIND]


@checked
def is_image_name(path: Path) -> bool:
    """Return whether a file's name ends as those of images do."""
    from PIL import Image

    return path.suffix.lower() in Image.registered_extensions()
