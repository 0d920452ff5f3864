"""What can be trained, and on what: checks of a reader's model, data, settings and functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed, nn

from tlutils.domains import Domain, Rows
from tlutils.inputs import checked, described
from tlutils.tensors import check_count

Penalty = Callable[..., Tensor]
FASTEST = 1e30  # a learning rate beyond it is hardly a float32 any more, and its product with a gradient is none
# What breaks when a network or a function is given what it cannot take.
_BREAKS = (TypeError, ValueError, RuntimeError, LookupError, AttributeError, AssertionError)


class working:
    """Let a network or a function of the reader's work on `given`; what breaks in it is told as a ValueError.

    Memory that runs out stays what it is, and so does the silence of another process.
    """

    def __init__(self, what: str, worker: object, *given: Any) -> None:
        self.what, self.worker, self.given = what, worker, given

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, _BREAKS) or isinstance(error, torch.cuda.OutOfMemoryError):
            return
        if isinstance(error, RuntimeError) and distributed.is_available() and distributed.is_initialized():
            return
        name = getattr(self.worker, "__name__", type(self.worker).__name__)
        given = " and ".join(map(_in_words, self.given))
        raise ValueError(f"{self.what}, {name}, cannot work on {given}: {error}") from error


def _in_words(x: Any) -> str:
    return f"{len(x)} texts" if isinstance(x, Sequence) else described(x)


@checked
def check_settings(*, lr: float, **counts: int | None) -> None:
    """Raise ValueError for a learning rate that is not positive and finite, or a count below 1; None is no count."""
    if not 0 < lr <= FASTEST:
        raise ValueError(f"lr must be positive and at most {FASTEST:g}, got {lr}")
    for name, count in counts.items():
        if count is not None:
            check_count(name, count, most=10**9)


@checked
def check_trainable(source: Domain, target: Domain | None, penalty: Penalty | None) -> None:
    """Raise ValueError when the given domains and penalty leave nothing, or nonsense, to minimise."""
    source.labelled_part()
    if penalty is not None and target is None:
        raise ValueError("a penalty compares two domains: pass a target as well")
    if target is not None:
        if _kind(target.x) != _kind(source.x):
            raise ValueError(
                f"{source.name} and {target.name} have rows of different shape: "
                f"{_kind(source.x)} and {_kind(target.x)}; bring them to one format"
            )
        if target.y is None and penalty is None:
            raise ValueError(f"{target.name} has no labels and there is no penalty: nothing to learn from it")
        if target.y is not None and target.classes != source.classes:
            raise ValueError(f"{source.name} and {target.name} have different classes: one head cannot serve both")
        if target.y is not None and target.has_values != source.has_values:
            raise ValueError(f"of {source.name} and {target.name} one has classes, the other values: give both alike")


@checked
def check_model(model: nn.Module) -> None:
    """Raise ValueError for a model that does not give its features as well as its class scores."""
    parameters = inspect.signature(model.forward).parameters.values()
    if not any(p.name == "return_features" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise ValueError(
            f"the model, {type(model).__name__}, has to give features too, model(x, return_features=True): "
            "make an encoder a model with Classifier(encoder, classes)"
        )


@checked
def check_takes(what: str, function: Callable, *arguments: object) -> None:
    """Raise TypeError for a function that cannot be called with these arguments, before any time is spent on them."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise TypeError(f"{what} must take {len(arguments)} argument(s), this one does not: {error}") from error
    except ValueError:
        return  # some functions written in C do not tell


def check_pair(both: object, rows: int) -> None:
    """Raise ValueError unless a model gave features and class scores, two tables with so many rows."""
    tables = both if isinstance(both, tuple) else ()
    if len(tables) != 2 or not all(isinstance(table, Tensor) and table.shape[:1] == (rows,) for table in tables):
        found = " and ".join(str(tuple(table.shape)) for table in tables if isinstance(table, Tensor))
        raise ValueError(
            f"the model must return features ({rows}, d) and class scores ({rows}, k) of {rows} rows, "
            f"got {found or type(both).__name__}"
        )


def view_of(x: Rows, augment: Callable[[Any], Any]) -> Any:
    """Return augment(x), a view of every row of x (n, …). Raises ValueError when it gives another number of rows."""
    with working("augment", augment, x):
        views = augment(x)
    rows = len(views) if isinstance(views, Sequence) or (isinstance(views, Tensor) and views.ndim) else None
    if rows != len(x):
        found = type(views).__name__ if rows is None else rows
        raise ValueError(f"augment must return a view of every row: {len(x)} given, {found} returned")
    return views


@checked
def check_optimizer(optimizer: torch.optim.Optimizer | None, modules: list[nn.Module]) -> None:
    """Raise ValueError when a given optimizer trains none of the weights of `modules`, or not all of a penalty's.

    The model comes first, a penalty with weights of its own after it.
    """
    if optimizer is None:
        return
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not any(id(p) in given for module in modules for p in module.parameters()):
        raise ValueError("the given optimizer trains other weights than the model's: build it from model.parameters()")
    penalties = modules[1:]
    left_out = [name for m in penalties for name, p in m.named_parameters() if p.requires_grad and id(p) not in given]
    if left_out:
        raise ValueError(
            f"the given optimizer does not train the penalty's weights ({', '.join(left_out[:3])}, …); "
            "build it from the parameters of the model and of the penalty"
        )


def _kind(x: Rows) -> tuple[int, ...] | str:
    return tuple(x.shape[1:]) if isinstance(x, Tensor) else "texts"
