"""Training: minimise L + λ·D, the equation of the whole course."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.adversary import scale_gradient
from tlutils.batches import Batches, in_a_row, on
from tlutils.checkpoint import Checkpoint, identity
from tlutils.domains import Domain, Rows
from tlutils.inputs import checked
from tlutils.loop import Terms, evaluation_mode, minimise
from tlutils.parallel import forward
from tlutils.tensors import check_class_numbers
from tlutils.trainable import (
    Penalty,
    check_model,
    check_optimizer,
    check_pair,
    check_settings,
    check_takes,
    check_trainable,
    view_of,
    working,
)


@checked
def fit(
    model: nn.Module,
    source: Domain,
    target: Domain | None = None,
    *,
    penalty: Penalty | None = None,
    weight: float | Callable[[float], float] = 1.0,
    regulariser: Callable[[], Tensor] | None = None,
    epochs: int = 10,
    steps: int | None = None,
    batch_size: int = 64,
    lr: float = 2e-3,
    optimizer: torch.optim.Optimizer | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    after_epoch: Callable[[nn.Module], None] | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place to minimise L_S + L_T + weight · penalty(f(x_S), f(x_T)).

    L_S is the cross-entropy on the labelled source (in a regression, the mean squared error), L_T the
    same on those target rows that have a label (none: the term is absent), `penalty` compares the
    features of a source and a target batch of `batch_size` rows each. One with an attribute
    `needs_predictions` that is true is also given the outputs of both. `weight` is λ, or a function of
    progress from 0 to 1; it scales what the encoder feels of the penalty, while weights of the penalty
    itself (a discriminator's) learn in full. `regulariser` is a term of the weights alone. Rates follow
    one cycle (Smith 2018) up to `lr`, or to those of a given `optimizer`; `steps` replaces `epochs`
    (passes over the source). After each epoch `after_epoch(model)` may look at the model. Returns the
    mean of every term, a dict per epoch. Started in several processes it trains the same model, each of them
    reading and computing its share of every batch (`parallel`); only for `augment`, which draws for all rows as in
    one process, does each read them all.

    After each epoch the run's whole state goes to the file `checkpoint`, if one is named. The same call again goes on
    from there, and ends with the weights of a run that never stopped; a finished one gives them back at once. What
    `after_epoch` keeps is kept with it when it has a `state_dict`.

    Raises ValueError for a model, data, settings or functions that cannot be trained with, or another run's checkpoint,
    OSError for one that cannot be written, FloatingPointError when a term or a gradient stops being finite. Source:
    Ben-David et al. (2010); Long et al. (2015), equation 3. Taught in notebooks 03, 04, 08 and 19.
    """
    check_settings(lr=lr, epochs=epochs, steps=steps, batch_size=batch_size)
    check_trainable(source, target, penalty)
    check_model(model)
    if after_epoch:
        check_takes("after_epoch", after_epoch, model)
    modules = [model, penalty] if isinstance(penalty, nn.Module) else [model]
    check_optimizer(optimizer, modules)
    source = source.labelled_part()
    labelled = target.labelled_part() if target is not None and target.y is not None else None
    wanted = [source, labelled, target if penalty is not None else None]
    streams = [Batches(domain, batch_size) for domain in wanted if domain is not None]
    needs_predictions = getattr(penalty, "needs_predictions", False)

    def objective(prepared: list[nn.Module], device: torch.device, progress: float) -> Terms:
        model, distance = prepared if len(prepared) > 1 else (prepared[0], penalty)
        parts = [next(stream) for stream in streams]
        sizes = [len(x) for x, _ in parts]
        rows = in_a_row([x for x, _ in parts]).to(device)
        x = view_of(rows[:], augment) if augment else rows  # drawn for all by every process, as one process would
        # One pass for all parts: the network sees, and normalises, both domains together.
        both = forward(model, x, return_features=True)
        check_pair(both, len(rows))
        features, logits = (out.split(sizes) for out in both)
        terms = {"source": task_loss(logits[0], parts[0][1])}
        if labelled is not None:
            terms["target"] = task_loss(logits[1], parts[1][1])
        if penalty is not None:
            strength = _strength(weight, progress)
            pair = [scale_gradient(features[0], strength), scale_gradient(features[-1], strength)]
            if needs_predictions:
                pair += [scale_gradient(logits[0], strength), scale_gradient(logits[-1], strength)]
            with working("penalty", penalty, *pair):
                terms["penalty"] = distance(*pair)
        if regulariser:
            with working("regulariser", regulariser):
                terms["regulariser"] = regulariser()
        return terms

    per_epoch = max(1, len(source) // batch_size)
    steps = steps or epochs * per_epoch
    kept = None
    if checkpoint is not None:
        used = [domain for domain in wanted if domain is not None]
        fixed = None if callable(weight) else weight
        run = identity(modules, used, steps=steps, batch_size=batch_size, lr=lr, seed=seed, weight=fixed)
        kept = Checkpoint(Path(checkpoint), run)
    return minimise(
        objective,
        modules,
        streams=streams,
        steps=steps,
        per_epoch=per_epoch,
        lr=lr,
        optimizer=optimizer,
        after_epoch=after_epoch,
        seed=seed,
        checkpoint=kept,
    )


def _strength(weight: float | Callable[[float], float], progress: float) -> float:
    if not callable(weight):
        return weight
    with working("weight", weight, progress):
        return weight(progress)


@checked
def task_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss of a task: the cross-entropy of logits (n, k) against class numbers (n,).

    Against values (n, k) it is the mean squared error. Outputs that are NaN or infinite, or too large to be squared,
    make a loss that is so too: `fit` stops there. Raises ValueError when the model gives another number of rows or
    columns than the labels want.
    """
    if not labels.is_floating_point():
        if outputs.ndim != 2 or not outputs.is_floating_point():
            raise ValueError(f"the model must give class scores (n, k), got {tuple(outputs.shape)} of {outputs.dtype}")
        check_class_numbers(labels, "the labels of the task", rows=len(outputs), classes=outputs.shape[1])
        return F.cross_entropy(outputs, labels.to(outputs.device).long())
    labels = labels.to(outputs.device)
    if outputs.shape != labels.shape:
        shapes = f"{tuple(labels.shape)}, not {tuple(outputs.shape)}"
        raise ValueError(f"the model must give a column for each value, {shapes}")
    return F.mse_loss(outputs, labels)


@checked
def ramp(peak: float) -> Callable[[float], float]:
    """Return a weight λ(p) that grows smoothly from 0 to `peak` as progress p goes from 0 to 1.

    Early features are noise, and matching noise helps nobody. Source: Ganin et al. (2016),
    section 5.2.2, divided by its end value so that the peak is reached. Raises ValueError for an
    infinite peak. Taught in notebook 04.
    """
    if math.isinf(peak):
        raise ValueError(f"peak must be finite, got {peak}")

    def weight(progress: float) -> float:
        return peak * float(torch.tanh(torch.tensor(5 * progress)) / torch.tanh(torch.tensor(5.0)))

    return weight


@checked
def outputs(model: nn.Module, x: Rows, batch_size: int = 512) -> Tensor:
    """Return what the model gives for every row of x, (n, k), in evaluation mode: logits, or values.

    Raises ValueError for no rows, rows that the model breaks on, or outputs that are not finite, naming the row.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if (isinstance(x, Tensor) and x.ndim == 0) or len(x) == 0:
        raise ValueError("x must have at least one row (n, …), got none")
    device = next((p.device for p in model.parameters()), None)
    with torch.inference_mode(), evaluation_mode(model), working("the model", model, x):
        parts = [model(on(device, x[i : i + batch_size])).cpu() for i in range(0, len(x), batch_size)]
    found = torch.cat(parts)  # outside of inference mode, so that they can serve as labels
    if found.ndim != 2 or len(found) != len(x) or found.numel() == 0 or found.dtype == torch.bool:
        raise ValueError(f"the model must give outputs ({len(x)}, k), got {tuple(found.shape)} of {found.dtype}")
    if not torch.isfinite(found).all():
        row = (~torch.isfinite(found)).any(1).nonzero()[0].item()
        raise ValueError(f"the model gives NaN or infinite values for row {row}: look at that row, and at its weights")
    return found


@checked
def predict(model: nn.Module, x: Rows, batch_size: int = 512) -> Tensor:
    """Return the most probable class number (n,) for every row of x, in evaluation mode.

    Raises ValueError as `outputs` does. Taught in notebook 01.
    """
    return outputs(model, x, batch_size).argmax(1)


@checked
def accuracy(model: nn.Module, domain: Domain) -> float:
    """Return the share of correct predictions on a labelled domain, between 0 and 1.

    Raises ValueError when the domain has no labels, or values in their place, and as `outputs` does.
    Taught in notebook 03.
    """
    if domain.has_values:
        raise ValueError(f"{domain.name} has values, not classes: measure the error of `outputs` in place of accuracy")
    scored = domain.labelled_part()
    return (predict(model, scored.x) == scored.y).float().mean().item()
