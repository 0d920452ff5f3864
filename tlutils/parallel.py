"""From one process to many: each computes its share of a batch's rows, and all go on with all rows.

A loss, a penalty or a discriminator then sees the batch that one process would have seen, so that the
code above this module need not know how many processes there are. Taught in notebook 19.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from tlutils.batches import Drawn
from tlutils.domains import Rows
from tlutils.inputs import checked
from tlutils.trainable import working

if TYPE_CHECKING:
    from accelerate import Accelerator

# How long all wait for one that is silent, as the others do while the first scores. One that dies is noticed at once.
PATIENCE = timedelta(minutes=10)
Value = TypeVar("Value")
_BatchNorm = nn.modules.batchnorm._BatchNorm


def join() -> Accelerator:
    """Return Accelerate's handle, after this process met those that a launcher started with it, if any.

    Raises RuntimeError when they do not meet in `PATIENCE`; a later wait for one that stays silent as long raises it
    too, unless the script made an `Accelerator` of its own before. Taught in notebook 19.
    """
    from accelerate import Accelerator, InitProcessGroupKwargs

    return Accelerator(kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])


def processes() -> int:
    """Return how many processes train together: 1 unless a launcher started more."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def is_first() -> bool:
    """Return whether this process is the one that shows, scores and writes."""
    return processes() == 1 or distributed.get_rank() == 0


def from_first(value: Value) -> Value:
    """Return the first process's value on every process."""
    if processes() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


@checked
def forward(model: nn.Module, x: Rows | Drawn, **settings) -> Any:
    """Return model(x, **settings), a table (n, …) or several, where each process computes its share of the n rows.

    Every process must be given the same x, and gets all rows back, with gradient; of `Drawn` rows it reads its share
    only. When each minimises the same loss of them and the gradients are averaged, as `DistributedDataParallel` does,
    the result is that of one process; shares need not be equal.

    Raises ValueError when there are fewer rows than processes, or the model breaks on them. Source: Li et al. (2020),
    arXiv:2006.15704. Taught in notebook 19.
    """
    if isinstance(x, Tensor) and x.ndim == 0:
        raise ValueError("x must have rows, got a tensor () of one number")
    if processes() == 1:
        rows = x[:]
        with working("the model", model, rows):
            return model(rows, **settings)
    n = len(x)
    if n < processes():
        raise ValueError(
            f"a batch of {n} rows cannot be shared out among {processes()} processes: "
            "take a larger batch_size, or fewer processes"
        )
    first, last = (n * (distributed.get_rank() + k) // processes() for k in (0, 1))
    out = model(x[first:last], **settings)
    # Own rows among zeros: the sum over the processes puts every row in its place.
    tables = [
        add_up(torch.cat([part.new_zeros(first, *part.shape[1:]), part, part.new_zeros(n - last, *part.shape[1:])]))
        for part in (out if isinstance(out, tuple) else (out,))
    ]
    return tuple(tables) if isinstance(out, tuple) else tables[0]


@checked
def add_up(x: Tensor) -> Tensor:
    """Return the sum over all processes of tensors x of one shape; gradients are summed likewise."""
    return _Sum.apply(x) if processes() > 1 else x


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(x: Tensor) -> Tensor:
    x = x.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(x)
    return x


def same_random_stream(device: torch.device) -> None:
    """Continue every process's random numbers where the first one's are, so that all draw the same next batch.

    Dropout on unequal shares would leave the streams apart. `device` is one that the processes can talk from.
    """
    if processes() == 1:
        return
    torch.set_rng_state(_as_first_has(torch.get_rng_state(), device))
    if device.type == "cuda":
        torch.cuda.set_rng_state(_as_first_has(torch.cuda.get_rng_state(device), device), device)


def _as_first_has(state: Tensor, device: torch.device) -> Tensor:
    state = state.to(device)
    distributed.broadcast(state, src=0)
    return state.cpu()


@checked
def warn_of_dropout(modules: Sequence[nn.Module]) -> None:
    """Warn once that several processes draw other dropout masks than one process would."""
    if is_first() and processes() > 1 and any(isinstance(m, nn.Dropout) and m.p for n in modules for m in n.modules()):
        warnings.warn(
            f"each of {processes()} processes draws dropout for its own rows: the result is as good as that of one "
            "process and not the same",
            stacklevel=3,
        )


@contextmanager
@checked
def global_batchnorm(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Let BatchNorm layers in training normalise by mean and variance of all processes' rows, not of their own.

    What torch.nn.SyncBatchNorm does on GPUs, for CPUs too; with one process nothing changes. Source: Ioffe &
    Szegedy (2015), algorithm 1, arXiv:1502.03167. Taught in notebook 19.
    """
    layers = [layer for module in modules for layer in module.modules() if isinstance(layer, _BatchNorm)]
    layers = [layer for layer in layers if not isinstance(layer, nn.SyncBatchNorm)] if processes() > 1 else []
    for layer in layers:
        layer.forward = partial(_normalise, layer)  # type: ignore[method-assign]  # taken away below
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's own is found again


def _normalise(layer: _BatchNorm, x: Tensor) -> Tensor:
    if not layer.training:
        return type(layer).forward(layer, x)
    axes = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    rows = x.new_tensor([x.numel() / x.shape[1]])
    total, count = add_up(torch.cat([x.sum(axes), rows])).split([x.shape[1], 1])
    mean = total / count
    centred = x - mean.view(shape)
    variance = add_up(centred.square().sum(axes)) / count
    if layer.track_running_stats:
        _remember(layer, mean.detach(), variance.detach() * count / (count - 1))
    out = centred * (variance + layer.eps).rsqrt().view(shape)
    return out * layer.weight.view(shape) + layer.bias.view(shape) if layer.affine else out


@torch.no_grad()
def _remember(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    layer.num_batches_tracked += 1
    share = 1 / layer.num_batches_tracked.item() if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance, share)
