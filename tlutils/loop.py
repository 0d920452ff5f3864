"""The loop under every training of the course: steps, rates, checks, history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from tlutils.batches import Batches
from tlutils.checkpoint import Checkpoint
from tlutils.inputs import checked
from tlutils.parallel import global_batchnorm, is_first, join, same_random_stream, warn_of_dropout
from tlutils.session import watched_by_a_person
from tlutils.trainable import check_settings

if TYPE_CHECKING:
    from accelerate import Accelerator

Terms = dict[str, Tensor]


@checked
def minimise(
    objective: Callable[[list[nn.Module], torch.device, float], Terms],
    modules: list[nn.Module],
    *,
    streams: Sequence[Batches],
    steps: int,
    per_epoch: int,
    lr: float,
    optimizer: torch.optim.Optimizer | None = None,
    after_epoch: Callable[[nn.Module], None] | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
) -> list[dict[str, float]]:
    """Change the weights of `modules`, the model first, in place to minimise the sum of the objective's terms.

    `objective(modules, device, progress)` draws a batch from `streams` and returns named scalars; progress runs
    from 0 at the first step to 1 at the last. AdamW unless another optimizer is given; rates follow
    one cycle (Smith 2018) up to `lr`, or to those of the given optimizer. `after_epoch` is called
    with the model, in evaluation mode, after every `per_epoch` steps and at the end; what it draws at
    random does not change the run. A `checkpoint` is written at the same moments, and a run that finds its own goes
    on from there: weights and history come out as if it had never stopped. Returns the mean of every term, a dict per
    epoch.

    Started in several processes (`accelerate launch`, `torchrun`), all draw the same batches and share out what
    `parallel.forward` computes; weights and history come out as in one process, and the same in all. Only the
    first calls `after_epoch`. Dropout is not the same as in one process, which a warning says.

    Raises ValueError for settings or terms that cannot be minimised, nothing to train, a checkpoint of another run or
    what sharded weights (FSDP) rule out, OSError for a checkpoint that cannot be written, FloatingPointError when a
    term or a gradient stops being finite.
    """
    from tqdm.auto import tqdm

    check_settings(lr=lr, steps=steps, per_epoch=per_epoch)
    if not modules:
        raise ValueError("there is nothing to train: pass the model in a list")
    accelerator = join()
    check_shards(accelerator, modules, after_epoch, checkpoint)
    # The faster layout for convolutions, and exact.
    modules[0].to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs leave memory_format out
    if optimizer is None:
        trainable = [p for module in modules for p in module.parameters() if p.requires_grad]
        if not trainable:
            raise ValueError("there is nothing to train: the model has no weights, or all of them are frozen")
        optimizer = torch.optim.AdamW(trainable, lr=lr, weight_decay=1e-2)
    warn_of_dropout(modules)
    prepared, optimizer = prepare(accelerator, modules, optimizer)
    peak = [group["lr"] for group in optimizer.param_groups]
    inner = cast(Any, optimizer).optimizer  # the one that Accelerate wraps
    schedule = torch.optim.lr_scheduler.OneCycleLR(inner, peak, total_steps=steps, cycle_momentum=False)
    parts: list[Any] = [*modules, optimizer, schedule, *streams]
    parts += [after_epoch] if hasattr(after_epoch, "state_dict") else []
    shown = is_first() and watched_by_a_person()
    with seeded(seed), training_mode(prepared[0]), given_back(accelerator, modules), global_batchnorm(modules):
        done, history = checkpoint.load(parts) if checkpoint else (0, [])
        for step in tqdm(range(done, steps), initial=done, total=steps, disable=not shown, leave=False):
            same_random_stream(accelerator.device)
            progress = step / (steps - 1) if steps > 1 else 1.0
            terms = objective(prepared, accelerator.device, progress)
            check_terms(terms, step, streams)
            optimizer.zero_grad()
            accelerator.backward(sum(terms.values()))
            check_gradients(modules, terms, step, streams)
            optimizer.step()
            schedule.step()
            record(history, terms, step, per_epoch)
            if is_first() and ((step + 1) % per_epoch == 0 or step + 1 == steps):
                if after_epoch:
                    with torch.random.fork_rng(), evaluation_mode(modules[0]):
                        after_epoch(modules[0])
                if checkpoint:
                    checkpoint.save(parts, step + 1, history)
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


def check_shards(
    accelerator: Accelerator, modules: list[nn.Module], after_epoch: object, checkpoint: Checkpoint | None
) -> None:
    """Raise ValueError for what needs all the weights in one process, where each holds a shard of them (FSDP)."""
    if accelerator.distributed_type.value not in ("FSDP", "DEEPSPEED"):
        return
    asked = {"a penalty with weights of its own": modules[1:], "after_epoch": after_epoch, "checkpoint": checkpoint}
    if refused := [name for name, value in asked.items() if value]:
        raise ValueError(
            f"{accelerator.distributed_type.value} leaves each process a shard of the weights, which does not go "
            f"together with {' and '.join(refused)}: leave it out, or launch with --multi_gpu, which copies the weights"
        )


def check_terms(terms: dict[str, Tensor], step: int, streams: Sequence[Batches]) -> None:
    """Raise when a term is not finite, not a scalar, or carries no gradient; say at which rows."""
    if not isinstance(terms, dict) or not terms:
        raise ValueError(f"an objective returns named terms, a dict of scalar tensors, got {terms!r:.80}")
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.ndim:
            raise ValueError(f"the {name} term must be a scalar tensor, got {term!r:.80}")
        if not term.requires_grad:
            raise ValueError(f"the {name} term carries no gradient: it cannot be minimised (a detach, or .item()?)")
        if not torch.isfinite(term):
            raise FloatingPointError(
                f"training stopped at step {step}: the {name} term is {term.item()}; "
                f"lower the learning rate or the weight, and look at the inputs, {_rows(streams)}"
            )


def check_gradients(
    modules: list[nn.Module], terms: dict[str, Tensor], step: int, streams: Sequence[Batches]
) -> None:
    """Raise when a gradient is not finite; say of which weights, and at which rows."""
    named = [(name, p.grad) for m in modules for name, p in m.named_parameters() if p.grad is not None]
    if not named or torch.isfinite(torch.nn.utils.get_total_norm([gradient for _, gradient in named])):
        return
    broken = [name for name, gradient in named if not torch.isfinite(gradient).all()]
    if not broken:
        return  # large enough for its square to overflow, and still a number
    figures = ", ".join(f"{name} {term.item():g}" for name, term in terms.items())
    raise FloatingPointError(
        f"training stopped at step {step}: the gradient of {', '.join(broken[:3])} is not finite, though every term is "
        f"({figures}); a root or a logarithm at zero does that; look at the inputs, {_rows(streams)}"
    )


def _rows(streams: Sequence[Batches]) -> str:
    return " and ".join(f"rows {_some(stream.index.tolist())} of {stream.domain.name}" for stream in streams)


def _some(numbers: list[int], most: int = 64) -> str:
    return ", ".join(map(str, numbers[:most])) + (f" and {len(numbers) - most} more" if len(numbers) > most else "")


@checked
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


@contextmanager
@checked
def seeded(seed: int) -> Iterator[None]:
    """Run a block on its own random stream and give the caller's back afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
@checked
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
@checked
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
