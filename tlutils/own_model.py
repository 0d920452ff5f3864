"""A trained model that can be kept: how it sees a row, a linear layer on top, its files, and its way back."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch
from torch import Tensor, nn

from tlutils.data_checks import thumbnails
from tlutils.datasets.folders import as_pixels, square_image
from tlutils.domains import Rows
from tlutils.encoders import image_encoder
from tlutils.features import as_linear_layer, extract_features
from tlutils.fingerprint import fingerprint
from tlutils.text_encoders import text_encoder
from tlutils.weights import load_weights, read_weights

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

VERSION = 1
WEIGHTS, CARD, SCRIPT = "model.safetensors", "card.json", "predict.py"
LARGEST = 4096  # pixels of a side that a card may ask for
WORDS = 2**14  # columns that words are hashed to
DENSE, SPARSE = 0.1, 100  # inverse strengths of regularisation, the same for all data: chosen by habit, tuned on none
LEAST_SPREAD = 0.1  # of the median column's; a column that hardly varies would else be blown up
Table: TypeAlias = "Tensor | csr_matrix"

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

    def table(self, x: Rows) -> Table:
        """Return a row of numbers for each image (n, c, h, w) or text: (n, d), sparse for words."""
        if self.encoder is not None:
            return extract_features(self.encoder, x)
        return thumbnails(x) if isinstance(x, Tensor) else _hashed(x)


def view(name: str, texts: bool) -> View:
    """Return the view `name`: `raw pixels`, `bag of words`, or an encoder of images or of texts."""
    if name in ("raw pixels", "bag of words"):
        return View(name, None)
    return View(name, text_encoder(name) if texts else image_encoder(name))


def _hashed(texts: Sequence[str]) -> csr_matrix:
    """Return words and pairs of neighbours, hashed: no list of words has to be kept. Chinese goes by its signs."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=WORDS, ngram_range=(1, 2), alternate_sign=False, token_pattern=r"[一-鿿]|[^\W一-鿿]{2,}"
    ).transform(texts)


def rows_of(table: Table, rows: Tensor) -> Table:
    """Return the rows of a table at these numbers (m,)."""
    return table[rows] if isinstance(table, Tensor) else table[rows.numpy()]


def _weights_hash(encoder: nn.Module) -> str:
    return fingerprint(part for item in encoder.state_dict().items() for part in item)


class Linear(nn.Module):
    """A linear layer, fitted by logistic regression, on rows (n, d), dense or sparse: logits (n, k)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)

    def forward(self, table: Table) -> Tensor:
        if isinstance(table, Tensor):
            return table @ self.weight.T + self.bias
        return torch.from_numpy(table @ self.weight.T.double().numpy()).float() + self.bias

    @classmethod
    def fitted(cls, table: Table, y: Tensor, classes: int) -> Linear:
        """Fit to rows (n, d) with labels (n,); a class without a row is never predicted, one alone always."""
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        if len(y.unique()) == 1:
            return cls(torch.zeros(classes, table.shape[1]), torch.where(torch.arange(classes) == y[0], 0.0, -1e4))
        dense = isinstance(table, Tensor)
        mean, scale = torch.zeros(table.shape[1]), torch.ones(1)
        if dense:
            mean, scale = table.mean(0), table.std(0)
            scale = scale.clamp(min=max(LEAST_SPREAD * scale.median().item(), 1e-12))
            table = (table - mean) / scale
        regression = LogisticRegression(C=DENSE if dense else SPARSE, max_iter=1000)
        with threadpool_limits(1):
            regression.fit(table, y)
        weight, bias = as_linear_layer(regression, mean, scale)
        rows = torch.from_numpy(regression.classes_).long()
        full, low = torch.zeros(classes, weight.shape[1]), torch.full((classes,), -1e4)
        full[rows], low[rows] = weight.float(), bias.float()
        return cls(full, low)


@dataclass(frozen=True, eq=False)
class OwnModel:
    """A view and a linear layer on it that name the class of an image or a text; see `load_model`."""

    view: View
    linear: Linear
    classes: tuple[str, ...]
    size: int | None  # side of the square images that it was trained on, None for texts
    tuned: bool = False  # the encoder's weights were changed, so they are kept too

    def probabilities(self, x: Rows) -> Tensor:
        """Return a probability for each class (n, k), of images (n, c, h, w) in [0, 1] or texts."""
        return self.linear(self.view.table(x)).softmax(1)

    def answer(self, given: Sequence[str]) -> tuple[list[str], list[float]]:
        """Return class and probability for each image file, or text. Raises ValueError for a file that is no image."""
        if self.size is None:
            rows: Rows = list(given)
        else:
            rows = as_pixels([square_image(Path(file), self.size) for file in given])
        sure, number = self.probabilities(rows).max(1)
        return [self.classes[n] for n in number.tolist()], sure.tolist()

    def save(self, folder: Path, about: dict[str, Any]) -> None:
        """Write weights (safetensors), card and script into an existing, empty folder; `about` goes onto the card."""
        from safetensors.torch import save_file

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


def load_model(folder: str | Path) -> OwnModel:
    """Return the model that `advise(…).save(folder)` or `python -m tlutils` left in a folder.

    `answer(files or texts)` names classes, `probabilities(x)` gives (n, k). No code of the folder is run.

    Raises FileNotFoundError for a missing file, ValueError for one that cannot be read, is of another
    version, or belongs to an encoder that has changed since. Taught in notebook 20.
    """
    folder = Path(folder)
    if not (folder / CARD).is_file():
        raise FileNotFoundError(f"{folder} holds no {CARD}: it should be the folder `model` that the advice saved")
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        version, name, tuned, classes, size = (card[key] for key in ("version", "view", "tuned", "classes", "size"))
    except (ValueError, KeyError, TypeError) as error:
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
        elif _weights_hash(seen.encoder) != card["fingerprint"]:
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
    sized = size is None or (isinstance(size, int) and 1 <= size <= LARGEST)
    kind = {"raw pixels": size is not None, "bag of words": size is None}
    return isinstance(name, str) and isinstance(tuned, bool) and named and sized and kind.get(name, True)


def _widths(seen: View) -> tuple[int, ...]:
    """Return how many numbers a row of a view may have."""
    if seen.encoder is not None:
        return (cast(int, seen.encoder.dim),)
    return (WORDS,) if seen.name == "bag of words" else (256, 3 * 256)  # thumbnails, grey or in colour
