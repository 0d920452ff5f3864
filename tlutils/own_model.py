"""A trained model that can be kept: how it sees a row, a linear layer on top, its files, and its way back."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from tlutils.data_checks import thumbnails
from tlutils.datasets.folders import as_pixels, square_image
from tlutils.domains import Rows
from tlutils.encoders import image_encoder
from tlutils.features import check_images, extract_features
from tlutils.fingerprint import fingerprint
from tlutils.inputs import checked
from tlutils.own_linear import Linear, Table
from tlutils.text_encoders import text_encoder
from tlutils.texts import check_texts
from tlutils.weights import load_weights, read_weights

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

VERSION = 1
WEIGHTS, CARD, SCRIPT = "model.safetensors", "card.json", "predict.py"
LARGEST = 4096  # pixels of a side that a card may ask for
WORDS = 2**14  # columns that words are hashed to

SERVE = '''"""Name what is in {what}: python predict.py {example} …"""

import sys

import tlutils as tl

if len(sys.argv) < 2:
    sys.exit(__doc__)
model = tl.load_model(__file__.rpartition("predict.py")[0] or ".")
for given, name, probability in zip(sys.argv[1:], *model.answer(sys.argv[1:])):
    print(f"{{name}}\\t{{probability:.3f}}\\t{{given}}")
'''


@dataclass(frozen=True, eq=False)
class View:
    """How a model sees rows: an encoder, or no pretrained network at all (`raw pixels`, `bag of words`)."""

    name: str
    encoder: nn.Module | None

    @checked
    def table(self, x: Rows) -> Table:
        """Return a row of numbers for each image (n, c, h, w) or text: (n, d), sparse for words.

        Raises ValueError as `extract_features` does.
        """
        if self.encoder is not None:
            return extract_features(self.encoder, x)
        if isinstance(x, Tensor):
            check_images(nn.Identity(), x)
            return thumbnails(x)
        check_texts(x)
        return _hashed(x)


@checked
def view(name: str, texts: bool) -> View:
    """Return the view `name`: `raw pixels`, `bag of words`, or an encoder of images or of texts.

    Raises ValueError and OSError as `image_encoder` and `text_encoder` do.
    """
    if name in ("raw pixels", "bag of words"):
        return View(name, None)
    return View(name, text_encoder(name) if texts else image_encoder(name))


def _hashed(texts: Sequence[str]) -> csr_matrix:
    """Return words and pairs of neighbours, hashed: no list of words has to be kept. Chinese goes by its signs."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=WORDS, ngram_range=(1, 2), alternate_sign=False, token_pattern=r"[一-鿿]|[^\W一-鿿]{2,}"
    ).transform(texts)


def _weights_hash(encoder: nn.Module) -> str:
    return fingerprint(part for item in encoder.state_dict().items() for part in item)


@dataclass(frozen=True, eq=False)
class OwnModel:
    """A view and a linear layer on it that name the class of an image or a text; see `load_model`."""

    view: View
    linear: Linear
    classes: tuple[str, ...]
    size: int | None  # side of the square images that it was trained on, None for texts
    tuned: bool = False  # the encoder's weights were changed, so they are kept too

    @checked
    def probabilities(self, x: Rows) -> Tensor:
        """Return a probability for each class (n, k), of images (n, c, h, w) in [0, 1] or texts.

        Raises ValueError as `extract_features` does, and for images in place of texts or of other channels.
        """
        return self.linear(self.view.table(x)).softmax(1)

    @checked
    def answer(self, given: Sequence[str] | Sequence[Path]) -> tuple[list[str], list[float]]:
        """Return class and probability for each image file, or text.

        Raises ValueError for none, and for a file that is no image.
        """
        if not given:
            raise ValueError("nothing to answer: pass at least one image file or text")
        if self.size is None:
            rows: Rows = [str(text) for text in given]
        else:
            rows = as_pixels([square_image(Path(file), self.size) for file in given])
        sure, number = self.probabilities(rows).max(1)
        return [self.classes[n] for n in number.tolist()], sure.tolist()

    @checked
    def save(self, folder: Path, about: dict[str, Any]) -> None:
        """Write weights (safetensors), card and script into an existing, empty folder; `about` goes onto the card.

        Raises FileNotFoundError when there is no such folder, TypeError for an `about` that JSON cannot hold.
        """
        from safetensors.torch import save_file

        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}: make it first")
        try:
            json.dumps(about)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"about must hold what JSON can: {error}") from error
        weights = {f"linear.{key}": value.contiguous() for key, value in self.linear.state_dict().items()}
        encoder = self.view.encoder
        if self.tuned:
            weights |= {f"encoder.{key}": v.cpu().contiguous() for key, v in encoder.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        card = {
            "version": VERSION,
            "view": self.view.name,
            "tuned": self.tuned,
            "fingerprint": None if encoder is None or self.tuned else _weights_hash(encoder),
            "classes": self.classes,
            "size": self.size,
        }
        (folder / CARD).write_text(json.dumps(card | about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        words = ("a text", '"a text"') if self.size is None else ("an image", "image.jpg")
        (folder / SCRIPT).write_text(SERVE.format(what=words[0], example=words[1]), encoding="utf-8")


@checked
def load_model(folder: str | Path) -> OwnModel:
    """Return the model that `advise(…).save(folder)` or `python -m tlutils` left in a folder.

    `answer(files or texts)` names classes, `probabilities(x)` gives (n, k). No code of the folder is run.

    Raises FileNotFoundError for a missing file, ValueError for one that cannot be read, is of another
    version, or belongs to an encoder that has changed since. Taught in notebook 20.
    """
    folder = Path(folder)
    if not os.path.isfile(folder / CARD):  # False, too, for what cannot be a path
        raise FileNotFoundError(f"{folder} holds no {CARD}: it should be the folder `model` that the advice saved")
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        version, name, tuned, classes, size = (card[key] for key in ("version", "view", "tuned", "classes", "size"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{folder / CARD} cannot be read as a model's card ({error!r}): save the model again"
        ) from error
    if version != VERSION:
        raise ValueError(
            f"{folder} was saved in version {version} of the format, this package reads {VERSION}: save it again"
        )
    if not _plausible(name, tuned, classes, size):
        raise ValueError(f"{folder / CARD} is damaged, it names no view, classes or size: save the model again")
    weights = read_weights(folder / WEIGHTS)
    if damaged := [key for key, value in weights.items() if not value.isfinite().all()]:
        raise ValueError(f"{folder / WEIGHTS} is damaged, {damaged[0]} is not finite: save the model again")
    try:
        seen = view(name, texts=size is None)
    except ValueError as error:
        raise ValueError(f"{folder / CARD}: {error}") from error
    if seen.encoder is not None:
        if tuned:
            own = OrderedDict((k.removeprefix("encoder."), v) for k, v in weights.items() if k.startswith("encoder."))
            load_weights(seen.encoder, own, folder / WEIGHTS, skip=())
        elif _weights_hash(seen.encoder) != card.get("fingerprint"):
            raise ValueError(f"the encoder {name!r} is not the one that {folder} was trained on: save the model again")
    weight, bias = (weights.get(key, torch.empty(0)) for key in ("linear.weight", "linear.bias"))
    if bias.shape != (len(classes),) or tuple(weight.shape) not in [(len(classes), width) for width in _widths(seen)]:
        raise ValueError(
            f"{folder / WEIGHTS} and {CARD} do not belong together: {len(classes)} classes of the view {name!r}, "
            f"linear.weight {tuple(weight.shape)}, linear.bias {tuple(bias.shape)}; save the model again"
        )
    return OwnModel(seen, Linear(weight.float(), bias.float()), tuple(classes), size, tuned)


def _plausible(name: object, tuned: object, classes: object, size: object) -> bool:
    """Return whether what a card says can be true."""
    named = isinstance(classes, list) and len(classes) > 0 and all(isinstance(each, str) for each in classes)
    sized = size is None or (type(size) is int and 1 <= size <= LARGEST)
    kind = {"raw pixels": size is not None, "bag of words": size is None}
    return isinstance(name, str) and isinstance(tuned, bool) and named and sized and kind.get(name, True)


def _widths(seen: View) -> tuple[int, ...]:
    """Return how many numbers a row of a view may have."""
    if seen.encoder is not None:
        return (cast(int, seen.encoder.dim),)
    return (WORDS,) if seen.name == "bag of words" else (256, 3 * 256)  # thumbnails, grey or in colour
