"""A small encoder of texts from their characters: the student of notebook 13."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.inputs import check_span, checked
from tlutils.nets import WIDEST
from tlutils.texts import TextEncoder, check_known, check_texts, token_numbers

PAIR = 2**21  # above every code point, so that a pair of characters and a single one never share a number
UNKNOWN = 0  # the row of the table for every character that is not listed


class CharacterStudent(TextEncoder):
    """Characters and pairs of neighbours → the sum of their vectors, two layers, a row of length 1: (n, dim).

    `grams` (g,) are the numbers of the listed ones, ascending, as `common_grams` finds them. What is
    not listed counts as unknown when it is a character, and not at all when it is a pair. Order beyond
    neighbours is lost; any script can be read, and nothing has to be cut into words first.

    Raises ValueError for grams that are not ascending whole numbers, and widths below 1. Source: the sum of gram
    vectors is Wieting et al. (2016), arXiv:1607.02789. Taught in notebook 13.
    """

    grams: Tensor

    @checked
    def __init__(self, grams: Tensor, dim: int = 384, *, width: int = 128, hidden: int = 512) -> None:
        super().__init__()
        for what, size in {"dim": dim, "width": width, "hidden": hidden}.items():
            check_span(size, what, 1, WIDEST)
        if grams.ndim != 1 or grams.dtype != torch.int64 or len(grams) == 0 or (grams.diff() <= 0).any():
            raise ValueError(
                f"grams must be ascending int64 numbers (g,), as common_grams returns them; "
                f"got {grams.dtype} {tuple(grams.shape)}"
            )
        self.register_buffer("grams", grams)
        self.table = nn.EmbeddingBag(len(grams) + 1, width, mode="sum")
        nn.init.normal_(self.table.weight, std=0.1)  # a text is a sum of many
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, dim))
        self.dim = dim

    @checked
    def tokenise(self, texts: list[str]) -> list[list[int]]:
        """Return the places in the table of each text's characters and pairs; none for a text without a character."""
        listed, rows = self.grams.cpu().numpy(), []
        for text in texts:
            numbers = gram_numbers(text)
            place = np.searchsorted(listed, numbers).clip(max=len(listed) - 1)
            known = listed[place] == numbers
            rows.append(np.where(known, place + 1, UNKNOWN)[known | (numbers < PAIR)].tolist())
        return rows

    def encode(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Return the features (n, dim) of n lists of places in the table. Raises ValueError for what are none."""
        lengths, numbers = token_numbers(rows)
        check_known(numbers, len(self.grams) + 1)
        device = self.table.weight.device
        sums = self.table(numbers.to(device), (lengths.cumsum(0) - lengths).to(device))
        return F.normalize(self.layers(sums), dim=1)


@checked
def common_grams(texts: Any, size: int = 24_000, *, at_least: int = 2) -> Tensor:
    """Return the numbers of the `size` characters and pairs most common in a list of texts, ascending (g,), int64.

    Those seen fewer than `at_least` times are left out; of equally common ones the lower number comes first.

    Raises ValueError for texts that are no list of strings or leave nothing to list, and numbers below 1.
    """
    check_texts(texts)
    if size < 1 or at_least < 1:
        raise ValueError(f"size and at_least must be at least 1, got {size} and {at_least}")
    found, counts = np.unique(np.concatenate([gram_numbers(text) for text in texts]), return_counts=True)
    order = np.lexsort((found, -counts))[: (counts >= at_least).sum()][:size]
    if len(order) == 0:
        raise ValueError(f"no character occurs {at_least} times in these {len(texts)} texts: lower at_least")
    return torch.from_numpy(np.sort(found[order]))


@checked
def gram_numbers(text: str) -> np.ndarray:
    """Return a number for every character of a text, then for every pair of neighbours: int64 (2n − 1,).

    Small and capital letters, full and half width, and kinds of white space count as one.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    codes = np.array([ord(character) for character in plain], dtype=np.int64)
    return np.concatenate([codes, (codes[:-1] + 1) * PAIR + codes[1:]])
