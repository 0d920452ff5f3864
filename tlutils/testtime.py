"""Adaptation at test time: a trained model goes on learning from the inputs that it is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tlutils.inputs import checked
from tlutils.tensors import check_floats, device_of
from tlutils.trainable import working

_BatchNorm = nn.modules.batchnorm._BatchNorm


@checked
def entropy(logits: Tensor) -> Tensor:
    """Return the entropy in nats of each row's prediction: logits (n, k) → (n,), between 0 and log k.

    Finite for finite logits of any size, and carries a gradient. Raises ValueError for logits that are not (n, k) or
    not finite. Taught in notebook 19.
    """
    check_floats(logits, "logits", "(n, k)")
    return _entropy(logits)


def _entropy(logits: Tensor) -> Tensor:
    log_p = logits.log_softmax(1).clamp_min(torch.finfo(logits.dtype).min)  # 0 · −∞ is not a number
    return -(logits.softmax(1) * log_p).sum(1)


@checked
def tent(model: nn.Module, x: Tensor, *, batch_size: int = 64, lr: float = 1e-3, steps: int = 1) -> Tensor:
    """Adapt `model` in place to a stream of inputs x (n, …), batch by batch, and return its logits (n, k).

    Each batch is normalised by its own mean and variance; `steps` steps of Adam then lower the mean
    entropy of its predictions by the scales and shifts of BatchNorm, and nothing else. A batch is answered with
    the predictions made before its own last step, so that answering costs one forward pass. Labels and source data
    are not needed. It assumes that a batch is a fair mix of classes: see the notebook for what happens otherwise.
    Running statistics, and which weights are trainable, are left as they were; a remainder of the stream goes
    to the batches before it.

    Raises ValueError for a model without affine BatchNorm layers, fewer than two rows, settings that are not
    positive, or inputs that the model cannot read; FloatingPointError when the entropy stops being finite.
    Source: Wang et al. (2021), algorithm 1, arXiv:2006.10726. Taught in notebook 19.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.affine]
    if not layers:
        raise ValueError("the model has no BatchNorm layer with scale and shift: there is nothing that tent may change")
    if batch_size < 2 or steps < 1 or not 0 < lr < float("inf"):
        raise ValueError(f"tent needs batch_size ≥ 2, steps ≥ 1 and lr > 0, got {batch_size}, {steps} and {lr}")
    if x.ndim == 0 or len(x) < 2:
        raise ValueError(f"a batch's own statistics need at least 2 rows, got {len(x) if x.ndim else 'no row'}")
    device = device_of(model)
    scales_and_shifts = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
    optimizer = torch.optim.Adam(scales_and_shifts, lr=lr)
    answers = []
    with _only(model, layers, scales_and_shifts):
        # A last batch of one row would have no variance, so that batches share the rows evenly.
        for batch in x.tensor_split(max(1, len(x) // batch_size)):
            for _ in range(steps):
                with working("the model", model, batch):
                    logits = model(batch.to(device))
                loss = _entropy(logits).mean()
                if not torch.isfinite(loss):
                    raise FloatingPointError(f"the entropy is {loss.item()}: lower lr, and look at the inputs")
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            answers.append(logits.detach().cpu())
    return torch.cat(answers)


@contextmanager
def _only(model: nn.Module, layers: Sequence[nn.Module], learning: list[nn.Parameter]) -> Iterator[None]:
    """Let `learning` learn alone and BatchNorm use each batch's statistics, and put everything else back."""
    asked = {parameter: parameter.requires_grad for parameter in model.parameters()}
    modes = {module: module.training for module in model.modules()}
    memory = [(layer, name, value.clone()) for layer in layers for name, value in layer.named_buffers()]
    model.eval().requires_grad_(False)
    for parameter in learning:
        parameter.requires_grad_(True)
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer, name, value in memory:
            getattr(layer, name).copy_(value)
        for module, mode in modes.items():
            module.training = mode
        for parameter, learns in asked.items():
            parameter.requires_grad_(learns)
