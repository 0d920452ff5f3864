"""Texts as inputs: what a list of them must look like, and what every encoder of texts is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHOWN = 40  # characters of a text named in an error


class TextEncoder(nn.Module):
    """Base of all encoders of texts: a list of n strings → float32 features (n, dim), rows of length 1.

    A kind of encoder says how a text becomes numbers, `tokenise`, and how those become a row,
    `encode`. `extract_features` uses the two apart: it tokenises ahead and sorts by length.

    Raises ValueError, naming the row, for what is no list of strings or a text without a word.
    Taught in notebook 12.
    """

    dim: int

    def forward(self, texts: Sequence[str]) -> Tensor:
        return self.encode(self.tokens(texts))

    def tokens(self, texts: Sequence[str], first: int = 0) -> list[list[int]]:
        """Return the token numbers of each text, checked: none is empty. Errors count rows from `first`."""
        check_texts(texts, first)
        rows = self.tokenise(list(texts))
        for number, (row, text) in enumerate(zip(rows, texts, strict=True), first):
            if not row:
                raise ValueError(f"text {number} holds no word or sign, only {text[:SHOWN]!r}: remove such rows")
        return rows

    def tokenise(self, texts: list[str]) -> list[list[int]]:
        """Return the token numbers of each text, cut to what the encoder can read; none for a text without a word."""
        raise NotImplementedError

    def encode(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Return the features (n, dim) of n lists of token numbers, none of them empty."""
        raise NotImplementedError


class TransformerEncoder(TextEncoder):
    """A transformer with its tokeniser: the mean of a text's token vectors, padding left out, brought to length 1.

    `network` is a model of transformers, `tokenizer` its fast tokeniser, `limit` the number of tokens
    after which a text is cut, [CLS] and [SEP] included. `blocks` are the embeddings and the layers, in
    depth order. Source: Reimers & Gurevych (2019), section 3, arXiv:1908.10084. Taught in notebook 12.
    """

    def __init__(self, network: Any, tokenizer: Any, limit: int) -> None:
        super().__init__()
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
        self.special = self.tokenizer.num_special_tokens_to_add(False)

    @property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The embeddings and every layer."""
        depth = self.network.config.num_hidden_layers
        layers = next(m for m in self.network.modules() if isinstance(m, nn.ModuleList) and len(m) == depth)
        return self.network.embeddings, *layers

    def tokenise(self, texts: list[str]) -> list[list[int]]:
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        return [row if len(row) > self.special else [] for row in rows]

    def encode(self, rows: Sequence[Sequence[int]]) -> Tensor:
        ids, mask = padded(rows, self.padding)
        device = next(self.parameters()).device
        return self.pooled(ids.to(device), mask.to(device))

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the features (n, dim) of token numbers (n, length); mask (n, length) is 1 where there is a token."""
        vectors = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(2)
        return F.normalize((vectors.float() * weight).sum(1) / weight.sum(1), dim=1)


def padded(rows: Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Return lists of numbers as one tensor (n, longest) and its mask, 1 where the number is a row's own."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(longest) < lengths[:, None]).long()


def check_texts(texts: Sequence[str], first: int = 0) -> None:
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
