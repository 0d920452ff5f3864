"""Features of many texts, block by block: tokenised ahead, batches of about equal length, quick linear layers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from tlutils.inputs import checked
from tlutils.texts import TextEncoder

TOKENS = 2048  # in a batch: few enough that what a layer computes stays in a core's cache
SORTED = 1024  # texts sorted by length at a time, which are also what a kill costs at most
Prepared = TypeVar("Prepared")


@checked
def text_blocks(
    encoder: TextEncoder, x: Sequence[str], batch_size: int, device: torch.device, first: int
) -> Generator[Tensor]:
    """Yield the features of texts from number `first` on, in their order, SORTED of them at a time.

    Inside such a block batches hold texts of about equal length, so that hardly any padding is computed.

    Raises ValueError for a batch_size below 1, a negative number, texts that say nothing, and features that are no
    rows; NotImplementedError as `TextEncoder` does.
    """
    if batch_size < 1 or first < 0:
        raise ValueError(f"batch_size must be at least 1 and first at least 0, got {batch_size} and {first}")
    budget = TOKENS * (16 if device.type == "cuda" else 1)

    def prepare(first: int) -> list[list[int]]:
        return encoder.tokens(x[first : first + SORTED], first)

    with quick_linears(encoder), closing(ahead(prepare, range(first, len(x), SORTED))) as chunks:
        for rows in chunks:
            block = None
            for index in _alike(rows, batch_size, budget):
                features = encoder.encode([rows[i] for i in index])
                check_rows(features, len(index), "texts")
                block = features.new_empty(len(rows), features.shape[1]) if block is None else block
                block[index] = features
            yield block


def _alike(rows: Sequence[Sequence[int]], batch_size: int, budget: int) -> Iterator[list[int]]:
    """Yield positions of rows of about equal length, as many as keep rows × longest within the budget."""
    index: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: len(rows[i])):
        if index and (len(index) == batch_size or (len(index) + 1) * len(rows[i]) > budget):
            yield index
            index = []
        index.append(i)
    yield index


@contextmanager
@checked
def quick_linears(network: nn.Module) -> Iterator[None]:
    """Let oneDNN multiply in the frozen float32 linear layers of a network on a CPU.

    torch leaves such products to MKL, which on processors of AMD takes twice the time for the same digits.
    """
    layers = [layer for layer in network.modules() if type(layer) is nn.Linear and _is_plain(layer)]
    if not torch.backends.mkldnn.is_available() or not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        layers = []
    for layer in layers:
        packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), None)
        layer.forward = partial(_by_onednn, layer, packed)  # type: ignore[method-assign]  # the class's own is back below
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _is_plain(layer: nn.Linear) -> bool:
    return layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32


def _by_onednn(layer: nn.Linear, packed: Tensor, x: Tensor) -> Tensor:
    if torch.is_autocast_enabled("cpu"):
        return nn.functional.linear(x, layer.weight, layer.bias)  # oneDNN's anyway, in bfloat16
    return torch.ops.mkldnn._linear_pointwise(x, packed, layer.bias, "none", [], "")


@checked
def ahead(prepare: Callable[[int], Prepared], firsts: Sequence[int]) -> Generator[Prepared]:
    """Yield prepare(first) for each, the next one prepared in the background while this one is used."""
    with ThreadPoolExecutor(1) as thread:
        waiting = None
        for first in firsts:
            coming = thread.submit(prepare, first)
            if waiting:
                yield waiting.result()
            waiting = coming
        if waiting:
            yield waiting.result()


@checked
def check_rows(features: object, rows: int, what: str) -> None:
    """Raise ValueError when an encoder did not return a row for each of its inputs."""
    if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != rows:
        found = f"shape {tuple(features.shape)}" if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f"an encoder must return a tensor (n, dim), a row for each of {rows} {what}, got {found}")
