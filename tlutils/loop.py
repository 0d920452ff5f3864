"""The loop under every training of the course: steps, rates, checks, history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tlutils.domains import Domain, Rows, rows_at
from tlutils.parallel import global_batchnorm, is_first, same_random_stream, warn_of_dropout
from tlutils.session import watched_by_a_person

if TYPE_CHECKING:
    from accelerate import Accelerator

Terms = dict[str, Tensor]


def minimise(
    objective: Callable[[list[nn.Module], torch.device, float], Terms],
    modules: list[nn.Module],
    *,
    steps: int,
    per_epoch: int,
    lr: float,
    optimizer: torch.optim.Optimizer | None = None,
    after_epoch: Callable[[nn.Module], None] | None = None,
    seed: int = 0,
) -> list[dict[str, float]]:
    """Change the weights of `modules`, the model first, in place to minimise the sum of the objective's terms.

    `objective(modules, device, progress)` draws a batch and returns named scalars; progress runs
    from 0 at the first step to 1 at the last. AdamW unless another optimizer is given; rates follow
    one cycle (Smith 2018) up to `lr`, or to those of the given optimizer. `after_epoch` is called
    with the model, in evaluation mode, after every `per_epoch` steps and at the end; what it draws at
    random does not change the run. Returns the mean of every term, a dict per epoch.

    Started in several processes (`accelerate launch`, `torchrun`), all draw the same batches and share out what
    `parallel.forward` computes; weights and history come out as in one process, and the same in all. Only the
    first calls `after_epoch`. Dropout is not the same as in one process, which a warning says.

    Raises ValueError for terms that cannot be minimised, FloatingPointError when one stops being finite.
    """
    from accelerate import Accelerator
    from tqdm.auto import tqdm

    accelerator = Accelerator()
    modules[0].to(memory_format=torch.channels_last)  # the faster layout for convolutions, and exact
    if optimizer is None:
        trainable = [p for module in modules for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trainable, lr=lr, weight_decay=1e-2)
    warn_of_dropout(modules)
    prepared, optimizer = prepare(accelerator, modules, optimizer)
    peak = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer.optimizer, peak, total_steps=steps, cycle_momentum=False)
    history = []
    shown = is_first() and watched_by_a_person()
    with seeded(seed), training_mode(prepared[0]), given_back(accelerator, modules), global_batchnorm(modules):
        for step in tqdm(range(steps), disable=not shown, leave=False):
            same_random_stream(accelerator.device)
            progress = step / (steps - 1) if steps > 1 else 1.0
            terms = objective(prepared, accelerator.device, progress)
            check_terms(terms, step)
            optimizer.zero_grad()
            accelerator.backward(sum(terms.values()))
            optimizer.step()
            schedule.step()
            record(history, terms, step, per_epoch)
            if after_epoch and is_first() and ((step + 1) % per_epoch == 0 or step + 1 == steps):
                with torch.random.fork_rng(), evaluation_mode(modules[0]):
                    after_epoch(modules[0])
    for group, rate in zip(optimizer.param_groups, peak, strict=True):
        group["lr"] = rate  # a given optimizer can be used again
    check_weights(modules, steps)
    return history


def prepare(
    accelerator: Accelerator, modules: list[nn.Module], optimizer: torch.optim.Optimizer
) -> tuple[list[nn.Module], torch.optim.Optimizer]:
    """Return modules and optimizer made ready by Accelerate; a module with nothing to train is only moved."""
    trained = [module for module in modules if any(p.requires_grad for p in module.parameters())]
    *ready, optimizer = accelerator.prepare(*trained, optimizer)
    wrapped = dict(zip(map(id, trained), ready, strict=True))
    return [wrapped.get(id(module)) or module.to(accelerator.device) for module in modules], optimizer


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


def batches(domain: Domain, size: int) -> Iterator[tuple[Rows, Tensor | None]]:
    """Yield shuffled batches (x, y) without end; a short remainder is dropped, as BatchNorm needs it."""
    size = min(size, len(domain))
    while True:
        for index in torch.randperm(len(domain)).split(size)[: len(domain) // size]:
            yield rows_at(domain.x, index), None if domain.y is None else domain.y[index]


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
