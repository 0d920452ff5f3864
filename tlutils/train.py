"""Training: minimise L + λ·D, the equation of the whole course."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.adversary import scale_gradient
from tlutils.batches import Batches, in_a_row, on
from tlutils.checkpoint import Checkpoint, identity
from tlutils.domains import Domain, Rows
from tlutils.loop import Terms, evaluation_mode, minimise
from tlutils.parallel import forward

Penalty = Callable[..., Tensor]


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

    Raises ValueError for data or a penalty that cannot be trained on, or another run's checkpoint, OSError for one that
    cannot be written, FloatingPointError when a term or a gradient stops being finite. Source: Ben-David et al. (2010);
    Long et al. (2015), equation 3.
    Taught in notebooks 03, 04, 08 and 19.
    """
    check_trainable(source, target, penalty)
    modules = [model, penalty] if isinstance(penalty, nn.Module) else [model]
    check_optimizer(optimizer, modules[1:])
    source = source.labelled_part()
    labelled = target.labelled_part() if target is not None and target.y is not None else None
    wanted = [source, labelled, target if penalty else None]
    streams = [Batches(domain, batch_size) for domain in wanted if domain is not None]
    needs_predictions = getattr(penalty, "needs_predictions", False)

    def objective(prepared: list[nn.Module], device: torch.device, progress: float) -> Terms:
        model, distance = prepared if len(prepared) > 1 else (prepared[0], penalty)
        parts = [next(stream) for stream in streams]
        sizes = [len(x) for x, _ in parts]
        rows = in_a_row([x for x, _ in parts]).to(device)
        x = augment(rows[:]) if augment else rows  # drawn for all rows by every process, as one process would
        # One pass for all parts: the network sees, and normalises, both domains together.
        features, logits = (out.split(sizes) for out in forward(model, x, return_features=True))
        terms = {"source": task_loss(logits[0], parts[0][1])}
        if labelled is not None:
            terms["target"] = task_loss(logits[1], parts[1][1])
        if penalty:
            strength = weight(progress) if callable(weight) else weight
            pair = [scale_gradient(features[0], strength), scale_gradient(features[-1], strength)]
            if needs_predictions:
                pair += [scale_gradient(logits[0], strength), scale_gradient(logits[-1], strength)]
            terms["penalty"] = distance(*pair)
        if regulariser:
            terms["regulariser"] = regulariser()
        return terms

    per_epoch = max(1, len(source) // batch_size)
    steps = steps or epochs * per_epoch
    kept = None
    if checkpoint:
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


def check_trainable(source: Domain, target: Domain | None, penalty: Penalty | None) -> None:
    """Raise ValueError when the given domains and penalty leave nothing, or nonsense, to minimise."""
    source.labelled_part()
    if penalty and target is None:
        raise ValueError("a penalty compares two domains: pass a target as well")
    if target is not None:
        if _kind(target.x) != _kind(source.x):
            raise ValueError(
                f"{source.name} and {target.name} have rows of different shape: "
                f"{_kind(source.x)} and {_kind(target.x)}; bring them to one format"
            )
        if target.y is None and not penalty:
            raise ValueError(f"{target.name} has no labels and there is no penalty: nothing to learn from it")
        if target.y is not None and target.classes != source.classes:
            raise ValueError(f"{source.name} and {target.name} have different classes: one head cannot serve both")
        if target.y is not None and target.has_values != source.has_values:
            raise ValueError(f"of {source.name} and {target.name} one has classes, the other values: give both alike")


def check_optimizer(optimizer: torch.optim.Optimizer | None, penalties: list[nn.Module]) -> None:
    """Raise ValueError when a given optimizer would leave a penalty's own weights untrained."""
    if optimizer is None:
        return
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    left_out = [name for m in penalties for name, p in m.named_parameters() if p.requires_grad and id(p) not in given]
    if left_out:
        raise ValueError(
            f"the given optimizer does not train the penalty's weights ({', '.join(left_out[:3])}, …); "
            "build it from the parameters of the model and of the penalty"
        )


def task_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss of a task: the cross-entropy of logits (n, k) against class numbers (n,).

    Against values (n, k) it is the mean squared error. Raises ValueError when the model gives another
    number of columns than there are values.
    """
    labels = labels.to(outputs.device)
    if not labels.is_floating_point():
        return F.cross_entropy(outputs, labels)
    if outputs.shape != labels.shape:
        shapes = f"{tuple(labels.shape)}, not {tuple(outputs.shape)}"
        raise ValueError(f"the model must give a column for each value, {shapes}")
    return F.mse_loss(outputs, labels)


def ramp(peak: float) -> Callable[[float], float]:
    """Return a weight λ(p) that grows smoothly from 0 to `peak` as progress p goes from 0 to 1.

    Early features are noise, and matching noise helps nobody. Source: Ganin et al. (2016),
    section 5.2.2, divided by its end value so that the peak is reached. Taught in notebook 04.
    """

    def weight(progress: float) -> float:
        return peak * float(torch.tanh(torch.tensor(5 * progress)) / torch.tanh(torch.tensor(5.0)))

    return weight


def outputs(model: nn.Module, x: Rows, batch_size: int = 512) -> Tensor:
    """Return what the model gives for every row of x, (n, k), in evaluation mode: logits, or values."""
    device = next(model.parameters()).device
    with torch.inference_mode(), evaluation_mode(model):
        parts = [model(on(device, x[i : i + batch_size])).cpu() for i in range(0, len(x), batch_size)]
    return torch.cat(parts)  # outside of inference mode, so that they can serve as labels


def predict(model: nn.Module, x: Rows, batch_size: int = 512) -> Tensor:
    """Return the most probable class number (n,) for every row of x, in evaluation mode. Taught in notebook 01."""
    return outputs(model, x, batch_size).argmax(1)


def accuracy(model: nn.Module, domain: Domain) -> float:
    """Return the share of correct predictions on a labelled domain, between 0 and 1.

    Raises ValueError when the domain has no labels, or values in their place. Taught in notebook 03.
    """
    if domain.has_values:
        raise ValueError(f"{domain.name} has values, not classes: measure the error of `outputs` in place of accuracy")
    scored = domain.labelled_part()
    return (predict(model, scored.x) == scored.y).float().mean().item()


def _kind(x: Rows) -> tuple[int, ...] | str:
    return tuple(x.shape[1:]) if isinstance(x, Tensor) else "texts"
