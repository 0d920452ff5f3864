"""Texts as inputs: what a list of them must look like, and what every encoder of texts is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from tlutils.inputs import check_span, checked

SHOWN = 40  # characters of a text named in an error
LONGEST = 2**20  # tokens: more is no limit


class TextEncoder(nn.Module):
    """Base of all encoders of texts: a list of n strings → float32 features (n, dim), rows of length 1.

    A kind of encoder says how a text becomes numbers, `tokenise`, and how those become a row,
    `encode`. `extract_features` uses the two apart: it tokenises ahead and sorts by length.

    Raises ValueError, naming the row, for what is no list of strings or a text without a word, and
    NotImplementedError where a kind of encoder leaves one of the two out. Taught in notebook 12.
    """

    dim: int

    def forward(self, texts: Sequence[str]) -> Tensor:
        return self.encode(self.tokens(texts))

    def tokens(self, texts: Sequence[str], first: int = 0) -> list[list[int]]:
        """Return the token numbers of each text, checked: none is empty. Errors count rows from `first`.

        Raises ValueError as `check_texts` does, and for a text without a word.
        """
        check_texts(texts, first)
        rows = self.tokenise(list(texts))
        for number, (row, text) in enumerate(zip(rows, texts, strict=True), first):
            if not row:
                raise ValueError(f"text {number} holds no word or sign, only {text[:SHOWN]!r}: remove such rows")
        return rows

    def tokenise(self, texts: list[str]) -> list[list[int]]:
        """Return the token numbers of each text, cut to what the encoder can read; none for a text without a word.

        Raises NotImplementedError where a kind of encoder does not say how.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how a text becomes numbers: define tokenise")

    def encode(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Return the features (n, dim) of n lists of token numbers, none of them empty.

        Raises NotImplementedError where a kind of encoder does not say how.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how numbers become a row: define encode")


class TransformerEncoder(TextEncoder):
    """A transformer with its tokeniser: the mean of a text's token vectors, padding left out, brought to length 1.

    `network` is a model of transformers, `tokenizer` its fast tokeniser, `limit` the number of tokens
    after which a text is cut, [CLS] and [SEP] included. `blocks` are the embeddings and the layers, in
    depth order.

    Raises TypeError for another network or tokeniser, ValueError for a limit that leaves no room for a word.
    Source: Reimers & Gurevych (2019), section 3, arXiv:1908.10084. Taught in notebook 12.
    """

    @checked
    def __init__(self, network: Any, tokenizer: Any, limit: int) -> None:
        super().__init__()
        if not hasattr(network, "config") or not hasattr(tokenizer, "backend_tokenizer"):
            found = f"{type(network).__name__} and {type(tokenizer).__name__}"
            raise TypeError(f"network must be a model of transformers, tokenizer its fast tokeniser, got {found}")
        special = tokenizer.backend_tokenizer.num_special_tokens_to_add(False)
        check_span(limit, "limit, in tokens,", special + 1, LONGEST)
        if getattr(network, "pooler", None) is not None:
            network.pooler = None  # made for another pooling: it would only add weights that nothing uses
        # Where a network was read from is no part of what it computes, which is what caches ask for.
        network.name_or_path = network.config._name_or_path = ""
        self.network = network
        self.dim = network.config.hidden_size
        self.limit = limit
        self.padding = network.config.pad_token_id or 0
        # The plain tokeniser inside: quicker, and what it is does not change by being used.
        self.tokenizer = tokenizer.backend_tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(limit)
        self.special = special

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The embeddings and every layer."""
        depth = self.network.config.num_hidden_layers
        layers = next(m for m in self.network.modules() if isinstance(m, nn.ModuleList) and len(m) == depth)
        return self.network.embeddings, *layers

    @checked
    def tokenise(self, texts: list[str]) -> list[list[int]]:
        """Return the token numbers of each text, [CLS] and [SEP] included; none for a text without a word.

        Raises ValueError for a text that cannot be written as UTF-8.
        """
        try:
            rows = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        except TypeError:  # what the tokeniser's own language cannot hold
            raise ValueError("a text holds half a character: tokens(texts) says which") from None
        return [row if len(row) > self.special else [] for row in rows]

    def encode(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Return the features (n, dim) of n lists of token numbers. Raises ValueError for what are none."""
        lengths, numbers = token_numbers(rows)
        ids = pad_sequence(numbers.split(lengths.tolist()), batch_first=True, padding_value=self.padding)
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        device = next(self.parameters()).device
        return self.pooled(ids.to(device), mask.to(device))

    @checked
    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the features (n, dim) of token numbers (n, length); mask (n, length) is 1 where there is a token.

        Raises ValueError for numbers that the network does not know, or a row without a token.
        """
        if ids.dtype != torch.int64 or ids.ndim != 2 or ids.numel() == 0 or mask.shape != ids.shape:
            found = f"{ids.dtype} {tuple(ids.shape)} with a mask {tuple(mask.shape)}"
            raise ValueError(f"token numbers must be int64 (n, length) with a mask of that shape, got {found}")
        check_known(ids, self.network.config.vocab_size)
        if ids.shape[1] > self.limit:
            raise ValueError(f"a row has {ids.shape[1]} tokens, this encoder reads {self.limit}: use tokens(texts)")
        if not ((mask == 0) | (mask == 1)).all() or not mask.any(1).all():
            raise ValueError("the mask must be 1 at each token and 0 elsewhere, and every row must have a token")
        vectors = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(2)
        return F.normalize((vectors.float() * weight).sum(1) / weight.sum(1), dim=1)


def token_numbers(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return the length of each row (n,), and the token numbers of all rows one after the other.

    Raises ValueError for what is no list of lists of whole numbers, or when one of them is empty.
    """
    try:
        lengths = np.array([len(row) for row in rows])
        numbers = np.array([number for row in rows for number in row])
    except (TypeError, ValueError, RuntimeError):  # no list, of no lists, of no numbers
        lengths = numbers = np.zeros(0)
    if numbers.dtype != np.int64 or numbers.ndim != 1 or not lengths.all():
        raise ValueError("rows must be lists of token numbers, none of them empty: encoder.tokens(texts) gives them")
    return torch.from_numpy(lengths), torch.from_numpy(numbers)


@checked
def check_known(numbers: Tensor, known: int) -> None:
    """Raise ValueError when a token number, of any shape, does not lie between 0 and known − 1."""
    if numbers.numel() == 0 or numbers.dtype != torch.int64:
        raise ValueError(f"token numbers must be int64, at least one, got {numbers.dtype} {tuple(numbers.shape)}")
    low, high = (bound.item() for bound in numbers.aminmax())
    if low < 0 or high >= known:
        raise ValueError(f"token numbers must lie between 0 and {known - 1}, got {low} to {high}: another tokeniser's")


@checked
def check_texts(texts: object, first: int = 0) -> None:
    """Raise ValueError when `texts` is not a list of strings, or one of them is empty or cannot be written as UTF-8.

    Errors count rows from `first`.
    """
    if isinstance(texts, str) or not isinstance(texts, Sequence) or len(texts) == 0:
        found = f"the string {texts[:SHOWN]!r}" if isinstance(texts, str) else type(texts).__name__
        hint = "put it into a list" if isinstance(texts, str) else "pass list(texts)"
        if isinstance(texts, Sequence) and not isinstance(texts, str):
            found, hint = "an empty one", "pass at least one text"
        raise ValueError(f"texts must be a list of strings, got {found}: {hint}")
    for number, text in enumerate(texts, first):
        if not isinstance(text, str):
            raise ValueError(
                f"text {number} is {text!r:.{SHOWN}} ({type(text).__name__}) and not a string: "
                "remove such rows, or fill them in"
            )
        if not text.strip():
            raise ValueError(f"text {number} is empty: remove such rows, they say nothing")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"text {number} holds half a character, {text[error.start]!r} at place {error.start}: "
                "it was read in another encoding than it was written in"
            ) from error
