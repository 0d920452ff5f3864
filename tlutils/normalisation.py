"""BatchNorm's memory: the statistics of the domain that a network was trained on."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from tlutils.inputs import checked
from tlutils.loop import evaluation_mode
from tlutils.tensors import check_count, check_floats, device_of, finite
from tlutils.trainable import working

_BatchNorm = nn.modules.batchnorm._BatchNorm


@checked
def reestimate_batchnorm(model: nn.Module, x: Tensor, batch_size: int = 256) -> None:
    """Replace in place what every BatchNorm layer remembers by the statistics of inputs x (n, …).

    Means and variances are averaged over batches of `batch_size` rows, one pass, in the model's own
    layers' order; weights stay as they are and no label is used. Other layers (dropout) do as in evaluation.

    Raises ValueError for a model without BatchNorm statistics, fewer than two rows, values that are not finite or
    too large, or inputs that the model cannot read; its statistics then stay as they are. Source: Li et al.
    (2016), AdaBN, arXiv:1603.04779. Taught in notebook 14.
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not layers:
        raise ValueError("the model has no BatchNorm layer with running statistics: there is nothing to re-estimate")
    check_floats(x, "x", "(n, …)", rows=2)
    check_count("batch_size", batch_size, least=2)  # one row has no variance
    remembered = [(layer, copy.deepcopy(layer.state_dict())) for layer in layers]
    training, momenta = model.training, [layer.momentum for layer in layers]
    device = device_of(model)
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over all batches
        layer.train()
    try:
        with torch.no_grad(), working("the model", model, x):
            # A last batch of one row would have no variance, so that batches share the rows evenly.
            for rows in x.chunk(-(-len(x) // batch_size)):
                model(rows.to(device))
        for layer in layers:
            finite(layer.running_var, f"{type(layer).__name__} cannot remember the variance of x, which is too large")
    except BaseException:
        for layer, state in remembered:
            layer.load_state_dict(state)
        raise
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(training)


@checked
def statistics_gap(model: nn.Module, x: Tensor) -> float | None:
    """Return how far inputs x (n, …) lie from what the BatchNorm layers remember of the data they learnt from.

    The Kullback–Leibler divergence, in nats, from a normal distribution with the remembered mean and variance to one
    with those of x, averaged over the channels of a layer and over the layers. 0 for the very data of the
    training; there is no upper bound. No label and no source example is needed. None for a model
    without such layers. Model and mode stay as they were.

    Raises ValueError for values that are not finite or too large, one value to a channel, or inputs that the model
    cannot read. Source: the statistics are those of AdaBN, Li et al. (2016), arXiv:1603.04779.
    Taught in notebook 20.
    """
    gaps: list[Tensor] = []

    def measure(layer: nn.modules.batchnorm._BatchNorm, inputs: tuple[Tensor]) -> None:
        met = inputs[0].transpose(0, 1).flatten(1)
        ratio = (met.var(1) + layer.eps) / (layer.running_var + layer.eps)
        moved = (met.mean(1) - layer.running_mean).square() / (layer.running_var + layer.eps)
        gaps.append(((ratio - 1 - ratio.log() + moved) / 2).mean())

    check_floats(x, "x", "(n, …)")
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    hooks = [layer.register_forward_pre_hook(measure) for layer in layers]
    try:
        with torch.inference_mode(), evaluation_mode(model), working("the model", model, x):
            model(x.to(device_of(model)))
    finally:
        for hook in hooks:
            hook.remove()
    if not gaps:
        return None
    gap = torch.stack(gaps).mean().item()
    if not math.isfinite(gap):
        raise ValueError(f"the gap is {gap}: x is too large to square, or a channel has fewer than 2 values")
    return gap
