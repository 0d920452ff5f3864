"""Training: minimise L + λ·D, the equation of the whole course."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.domains import Domain
from tlutils.session import watched_by_a_person

if TYPE_CHECKING:
    from accelerate import Accelerator

Penalty = Callable[[Tensor, Tensor], Tensor]


def fit(
    model: nn.Module,
    source: Domain,
    target: Domain | None = None,
    *,
    penalty: Penalty | None = None,
    weight: float | Callable[[float], float] = 1.0,
    epochs: int = 10,
    steps: int | None = None,
    batch_size: int = 64,
    lr: float = 2e-3,
    optimizer: torch.optim.Optimizer | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
) -> list[dict[str, float]]:
    """Train `model` in place to minimise L_S + L_T + weight · penalty(f(x_S), f(x_T)).

    L_S is the cross-entropy on the labelled source, L_T the same on those target rows that have a
    label (none: the term is absent), `penalty` compares the features of a source and a target batch
    of `batch_size` rows each. `weight` is λ, or a function of progress in [0, 1]. Rates follow one
    cycle (Smith 2018) up to `lr`, or to those of a given `optimizer`; `steps` replaces `epochs`
    (passes over the source). Returns the mean of every term, a dict per epoch.

    Raises ValueError for data or a penalty that cannot be trained on, FloatingPointError when a term
    stops being finite. Source: Ben-David et al. (2010); Long et al. (2015), equation 3.
    Taught in notebooks 03, 04 and 08.
    """
    from accelerate import Accelerator
    from tqdm.auto import tqdm

    check_trainable(source, target, penalty)
    source = source.labelled_part()
    accelerator = Accelerator()
    model.to(memory_format=torch.channels_last)  # the faster layout for convolutions, and exact
    modules = [model, penalty] if isinstance(penalty, nn.Module) else [model]
    if optimizer is None:
        trainable = [p for module in modules for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trainable, lr=lr, weight_decay=1e-2)
    model, *rest, optimizer = accelerator.prepare(*modules, optimizer)
    penalty = rest[0] if rest else penalty
    per_epoch = max(1, len(source) // batch_size)
    total = steps or epochs * per_epoch
    peak = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer.optimizer, peak, total_steps=total, cycle_momentum=False)
    history = []
    with seeded(seed), training_mode(model), given_back(accelerator, modules):
        source_batches = batches(source, batch_size)
        target_batches = batches(target, batch_size) if penalty else None
        labels_known = target is not None and target.y is not None
        labelled_batches = batches(target.labelled_part(), batch_size) if labels_known else None
        for step in tqdm(range(total), disable=not watched_by_a_person(), leave=False):
            parts = [next(b) for b in (source_batches, labelled_batches, target_batches) if b]
            sizes = [len(x) for x, _ in parts]
            x = torch.cat([x for x, _ in parts]).to(accelerator.device)
            x = augment(x) if augment else x
            # One pass for all parts: the network sees, and normalises, both domains together.
            features, logits = (out.split(sizes) for out in model(x, return_features=True))
            terms = {"source": task_loss(logits[0], parts[0][1])}
            if labelled_batches:
                terms["target"] = task_loss(logits[1], parts[1][1])
            if penalty:
                terms["penalty"] = penalty(features[0], features[-1])
            check_terms(terms, step)
            strength = weight(step / total) if callable(weight) else weight
            loss = terms["source"] + terms.get("target", 0) + strength * terms.get("penalty", 0)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            schedule.step()
            record(history, terms, step, per_epoch)
    for group, rate in zip(optimizer.param_groups, peak, strict=True):
        group["lr"] = rate  # a given optimizer can be used again
    check_weights(modules, total)
    return history


def check_trainable(source: Domain, target: Domain | None, penalty: Penalty | None) -> None:
    """Raise ValueError when the given domains and penalty leave nothing, or nonsense, to minimise."""
    source.labelled_part()
    if penalty and target is None:
        raise ValueError("a penalty compares two domains: pass a target as well")
    if target is not None:
        if target.x.shape[1:] != source.x.shape[1:]:
            raise ValueError(
                f"{source.name} and {target.name} have rows of different shape: "
                f"{tuple(source.x.shape[1:])} and {tuple(target.x.shape[1:])}; bring them to one format"
            )
        if target.y is None and not penalty:
            raise ValueError(f"{target.name} has no labels and there is no penalty: nothing to learn from it")
        if target.y is not None and target.classes != source.classes:
            raise ValueError(f"{source.name} and {target.name} have different classes: one head cannot serve both")


def check_terms(terms: dict[str, Tensor], step: int) -> None:
    """Raise when a term is not finite, not a scalar, or carries no gradient."""
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.ndim:
            raise ValueError(f"the {name} term must be a scalar tensor, got {term!r:.80}")
        if not term.requires_grad:
            raise ValueError(f"the {name} term carries no gradient: it cannot be minimised (a detach, or .item()?)")
        if not torch.isfinite(term):
            raise FloatingPointError(
                f"training stopped at step {step}: the {name} term is {term.item()}; "
                "lower the learning rate or the weight, and look at the inputs"
            )


def check_weights(modules: list[nn.Module], steps: int) -> None:
    """Raise when training left a weight or a running statistic that is not finite."""
    for module in modules:
        for name, value in module.state_dict().items():
            if not torch.isfinite(value).all():
                raise FloatingPointError(
                    f"training ended after {steps} steps with values in {name} that are not finite: "
                    "the model is of no use; lower the learning rate or the weight, and look at the inputs"
                )


def record(history: list[dict[str, float]], terms: dict[str, Tensor], step: int, per_epoch: int) -> None:
    """Add a step's terms to the running means of its epoch."""
    k = step % per_epoch
    if k == 0:
        history.append(dict.fromkeys(terms, 0.0))
    for name, term in terms.items():
        history[-1][name] += (term.item() - history[-1][name]) / (k + 1)


def task_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of logits (n, k) against class numbers (n,)."""
    return F.cross_entropy(logits, labels.to(logits.device))


def ramp(peak: float) -> Callable[[float], float]:
    """Return a weight λ(p) that grows smoothly from 0 to `peak` as progress p goes from 0 to 1.

    Early features are noise, and matching noise helps nobody. Source: Ganin et al. (2016),
    section 5.2.2, divided by its end value so that the peak is reached. Taught in notebook 04.
    """

    def weight(progress: float) -> float:
        return peak * float(torch.tanh(torch.tensor(5 * progress)) / torch.tanh(torch.tensor(5.0)))

    return weight


def predict(model: nn.Module, x: Tensor, batch_size: int = 512) -> Tensor:
    """Return the most probable class number (n,) for every row of x, in evaluation mode."""
    device = next(model.parameters()).device
    with torch.inference_mode(), evaluation_mode(model):
        parts = [model(part.to(device)).argmax(1).cpu() for part in x.split(batch_size)]
    return torch.cat(parts)  # outside of inference mode, so that predictions can serve as labels


def accuracy(model: nn.Module, domain: Domain) -> float:
    """Return the share of correct predictions on a labelled domain, between 0 and 1.

    Raises ValueError when the domain has no labels.
    """
    scored = domain.labelled_part()
    return (predict(model, scored.x) == scored.y).float().mean().item()


def batches(domain: Domain, size: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield shuffled batches (x, y) without end; a short remainder is dropped, as BatchNorm needs it."""
    size = min(size, len(domain))
    while True:
        for index in torch.randperm(len(domain)).split(size)[: len(domain) // size]:
            yield domain.x[index], None if domain.y is None else domain.y[index]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block on its own random stream and give the caller's back afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def training_mode(model: nn.Module) -> Iterator[None]:
    """Train, except for frozen BatchNorm layers: those keep their statistics as well as their weights."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine and not module.weight.requires_grad:
            module.eval()
    try:
        yield
    finally:
        model.eval()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluate, then return every layer to the mode it was in."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def given_back(accelerator: Accelerator, modules: list[nn.Module]) -> Iterator[None]:
    """Take Accelerate's wrappers and marks off the modules at the end: a later fit prepares them anew."""
    try:
        yield
    finally:
        for module in modules:
            accelerator.unwrap_model(module, keep_fp32_wrapper=False)
            module.__dict__.pop("_is_accelerate_prepared", None)
