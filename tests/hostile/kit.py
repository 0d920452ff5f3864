"""Hostile input: what a public function may be given, and what it may answer.

An `Attack` names a function and a `Kind` for each argument: values it is meant for, and values that
break code: wrong types, shapes, dtypes, strides, nothing at all, NaN, infinities, extremes. Each
example calls the function with good values, of which at most two are replaced by hostile ones. The
answer is either an error that the function documents, raised on purpose, or a result without NaN or
infinities; and the arguments are left as they were.
"""

from __future__ import annotations

import builtins
import copy
import dataclasses
import inspect
import linecache
import math
import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import tlutils as tl
from tlutils import inputs

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "0"))  # per attack; 0: few, and the same in every run
FAULT = re.compile(r"\b([A-Z]\w*(?:Error|Failed|Exists))\b")
AS = re.compile(r"Raises? (?:as|what|[\w, ]*as) (.*?)(?:\.\s|\.$|;)", re.S)
PACKAGE = str(Path(tl.__file__).parent)
CHECKS = inputs.__file__  # the errors of `checked` are documented once, in the package's docstring


@dataclasses.dataclass(frozen=True)
class Kind:
    """The values an argument is meant for, and those that try to break it."""

    good: st.SearchStrategy
    bad: st.SearchStrategy


@dataclasses.dataclass(frozen=True)
class Attack:
    """A function, a Kind for each of its arguments, and how its answer is read.

    `finite=False`: the docstring says that NaN or infinite values may come out. `changes` names the
    arguments that the function is meant to change. `examples` is less for what is slow.
    """

    function: Callable
    arguments: Sequence[Kind] = ()
    named: Mapping[str, Kind] = dataclasses.field(default_factory=dict)
    finite: bool = True
    changes: tuple[int | str, ...] = ()
    examples: int = 20
    also: tuple[type[BaseException], ...] = ()  # errors of the arguments' own making, such as a function's

    def run(self) -> int:
        """Try it and return how many calls were made; raises AssertionError with the call that broke the promise."""
        calls = 0
        chosen = settings(
            max_examples=EXAMPLES or self.examples,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )

        @chosen
        @given(self._calls())
        def attack(call):
            nonlocal calls
            calls += 1
            _judge(self, call)

        attack()
        return calls

    def _calls(self) -> st.SearchStrategy:
        """Return calls: at most two of their arguments are hostile, and in a sixth of them none."""
        kinds = {**dict(enumerate(self.arguments)), **self.named}

        @st.composite
        def calls(draw):
            hostile = draw(st.sets(st.sampled_from(list(kinds)), max_size=2)) if kinds else set()
            torch.manual_seed(0)
            return {name: draw(kind.bad if name in hostile else kind.good) for name, kind in kinds.items()}

        return calls()


def _judge(attack: Attack, call: dict[int | str, Any]) -> None:
    before = {name: _copied(value) for name, value in call.items() if name not in attack.changes}
    arguments = [value for name, value in call.items() if isinstance(name, int)]
    named = {name: value for name, value in call.items() if isinstance(name, str)}
    documented = (TypeError, *documented_errors(attack.function), *attack.also)
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            answer = attack.function(*arguments, **named)
    except Exception as error:
        told = f"{type(error).__name__}: {error}\n{_shown(call)}"
        if type(error) not in attack.also and raised_in(error) != CHECKS:
            assert isinstance(error, documented), f"not documented: {told}"
            assert raised_in(error), f"by accident: {told}"
        assert str(error).strip(), f"without a word: {told}"
    else:
        if attack.finite:
            assert (where := not_finite(answer)) is None, f"{where} of the answer is not finite\n{_shown(call)}"
    for name, value in before.items():
        assert _same(value, call[name]), f"argument {name} was changed\n{_shown(call)}"


# ---------------------------------------------------------------- errors


def documented_errors(function: Callable) -> tuple[type[BaseException], ...]:
    """Return the errors that a docstring names: ValueError, say, or those of what it refers to with `as name does`."""
    text = inspect.getdoc(function) or ""
    if inspect.isclass(function):
        text += inspect.getdoc(function.__init__) or ""
    names = set(FAULT.findall(text))
    for name in re.findall(r"`([\w.]+)`", " ".join(AS.findall(text))):
        other = getattr(inspect.getmodule(function), name, None) or getattr(tl, name, None)
        names |= {error.__name__ for error in documented_errors(other)} if callable(other) else set()
    found = [getattr(builtins, name, None) or getattr(inspect.getmodule(function), name, None) for name in names]
    return tuple(error for error in found if inspect.isclass(error) and issubclass(error, BaseException))


def raised_in(error: BaseException) -> str | None:
    """Return the file of the package whose `raise` made the error; None where a line broke by accident."""
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    path = last.tb_frame.f_code.co_filename
    on_purpose = path.startswith(PACKAGE) and linecache.getline(path, last.tb_lineno).strip().startswith("raise")
    return path if on_purpose else None


# ---------------------------------------------------------------- answers


def not_finite(answer: Any, where: str = "all") -> str | None:
    """Return the first place in an answer that holds NaN or an infinity; None where there is none."""
    if isinstance(answer, Tensor):
        return None if answer.is_meta or bool(torch.isfinite(answer).all()) else where
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "fc":
        return None if np.isfinite(answer).all() else where
    if isinstance(answer, float):
        return None if math.isfinite(answer) else where
    if isinstance(answer, nn.Module):
        return not_finite(dict(answer.state_dict()), where)
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        parts = {field.name: getattr(answer, field.name) for field in dataclasses.fields(answer)}
    elif isinstance(answer, Mapping):
        parts = answer
    elif isinstance(answer, (list, tuple)):
        parts = dict(enumerate(answer))
    else:
        return None
    return next((found for key, part in parts.items() if (found := not_finite(part, f"{where}[{key!r}]"))), None)


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value if value.is_meta or value.layout != torch.strided else value.detach().clone()
    mutable = (np.ndarray, nn.Module, tl.Domain, list, tuple, dict, set)
    return copy.deepcopy(value) if isinstance(value, mutable) else value


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a is b or a.is_meta or b.is_meta or a.layout != torch.strided:
            return True
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.detach().nan_to_num())
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, nn.Module):
        return all(_same(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))
    if isinstance(a, tl.Domain):
        return isinstance(b, tl.Domain) and _same(a.x, b.x) and _same(a.y, b.y) and a.classes == b.classes
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    return a is b or repr(a) == repr(b)


def _shown(call: Mapping) -> str:
    """Write a call down, tensors by shape, dtype and a few values."""
    return "; ".join(f"{name} = {_one(value)}" for name, value in call.items())


def _one(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)[:200]
    few = "" if value.is_meta or value.layout != torch.strided else f" {value.flatten()[:4].tolist()} …"
    return f"tensor {tuple(value.shape)} {value.dtype}{few}"


# ---------------------------------------------------------------- kinds

ODD_NUMBERS = (
    *(math.nan, math.inf, -math.inf, -1, 0, -0.0, 1e-310, 1e308, 2**70, -(2**70)),
    *(True, np.float32(1), np.int64(2)),
)
NOT_DATA = (None, "", "abc", b"x", 1j, object(), [], {}, (), [1, "a"], {1: 2}, {1, 2}, range(3), len, int)
WRONG = st.sampled_from([*ODD_NUMBERS, *NOT_DATA, torch.zeros(()), np.array([1, None], dtype=object), np.zeros((2, 2))])


def one_of(*values: Any) -> st.SearchStrategy:
    """Return a strategy of given values."""
    return st.sampled_from(values)


def tensor(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    """Return normally distributed values of a seed."""
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@st.composite
def odd_tensors(draw, shape: tuple[int, ...] = (6, 3)):
    """Draw tensors of about this shape that are odd in one way."""
    x = tensor(*shape, seed=draw(st.integers(0, 3)))
    return draw(st.sampled_from(ODDITIES))(x)


def _with(x: Tensor, value: float) -> Tensor:
    x = x.clone()
    x.view(-1)[: 1 + x.numel() // 7] = value
    return x


ODDITIES: tuple[Callable[[Tensor], Any], ...] = (
    lambda x: x[:0],
    lambda x: x[:1],
    lambda x: x[:2],
    lambda x: x[..., :0],
    lambda x: x[..., :1],
    lambda x: x[None],
    lambda x: x[0],
    lambda x: x.new_zeros(()),
    lambda x: torch.zeros_like(x),
    lambda x: torch.full_like(x, 3.0),
    lambda x: _with(x, math.nan),
    lambda x: _with(x, math.inf),
    lambda x: _with(x, -math.inf),
    lambda x: _with(x, 3e38),
    lambda x: 1e30 * x,
    lambda x: 1e-30 * x,
    lambda x: x * 1e-45,
    lambda x: x + 1e8,
    lambda x: x.double() * 1e200,
    lambda x: x.double(),
    lambda x: x.half(),
    lambda x: x.bfloat16(),
    lambda x: x.half() * 1e4,
    lambda x: x.long(),
    lambda x: x.to(torch.uint8),
    lambda x: x > 0,
    lambda x: x.to(torch.complex64),
    lambda x: x.to("meta"),
    lambda x: x.to_sparse(),
    lambda x: x.flip(0),
    lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    lambda x: x[:1].expand_as(x),
    lambda x: torch.cat([x, x], -1)[..., ::2],
    lambda x: x.clone().requires_grad_(),
    lambda x: x.numpy(),
    lambda x: x.tolist(),
    lambda x: torch.cat([x] * 3),
    lambda x: torch.cat([x, x], -1),
)


def tensors(*shape: int, scale: float = 1.0) -> Kind:
    """Return float tensors of a shape."""
    good = st.integers(0, 3).map(lambda seed: tensor(*shape, seed=seed, scale=scale))
    return Kind(good, odd_tensors(shape) | WRONG)


def shares_of(*shape: int) -> Kind:
    """Return rows of probabilities, each summing to 1."""
    good = st.integers(0, 3).map(lambda seed: tensor(*shape, seed=seed).softmax(-1))
    return Kind(good, odd_tensors(shape) | WRONG)


def class_numbers(n: int, classes: int) -> Kind:
    """Return labels (n,) of so many classes, all of them present."""
    y = torch.arange(n) % classes
    odd = (
        *(y[:0], y[:1], y[: n - 1], torch.cat([y, y]), y[:, None], y - 1, y.double(), y.int(), y.bool(), y + 1000),
        *(torch.zeros_like(y), torch.full_like(y, -1), torch.full_like(y, 2**62), torch.arange(n), y.to("meta")),
        *(y.numpy(), y.tolist(), torch.full((n,), math.nan), y.flip(0), torch.stack([y, y], 1)[:, 0]),
    )
    return Kind(st.sampled_from([y, y.flip(0)]), st.sampled_from(odd) | WRONG)


def numbers(*good: float) -> Kind:
    """Return numbers, and what only looks like one."""
    return Kind(st.sampled_from(good), st.sampled_from(ODD_NUMBERS) | WRONG)


def names(*good: str) -> Kind:
    """Return known names, and what is none."""
    odd = ["", "nosuch", good[0].upper(), good[0] + " ", "../x", "\0"]
    return Kind(st.sampled_from(good), st.sampled_from(odd) | WRONG)


def flags() -> Kind:
    """Return switches."""
    return Kind(st.booleans(), WRONG)


def values(good: Sequence[Any], bad: Sequence[Any] = ()) -> Kind:
    """Return given values, and given hostile ones besides those of a wrong type."""
    wrong = WRONG | st.sampled_from(list(bad)) if bad else WRONG
    return Kind(st.sampled_from(list(good)), wrong)


def functions(*good: Callable) -> Kind:
    """Return functions, and what cannot be called as they are."""
    odd = (lambda *_, **__: None, lambda *_, **__: "text", lambda *_, **__: math.nan)
    return Kind(st.sampled_from(good), st.sampled_from(odd) | WRONG.filter(lambda value: not callable(value)))


def domains(n: int = 12, classes: int = 3, *, dim: int = 4, always: bool = False) -> Kind:
    """Return small domains of rows (n, dim): labelled; hostile ones are tiny, unlabelled, of one class or extreme.

    With `always=True` even the hostile ones are domains: a method's first argument is one.
    """
    x, y, letters = tensor(n, dim), torch.arange(n) % classes, tuple("abcdefgh"[:classes])
    texts = [f"text {i}" for i in range(n)]
    odd = (
        *(tl.Domain(x[:1], y[:1], letters, "one row"), tl.Domain(x[:2], y[:2], letters, "two rows")),
        *(tl.Domain(x, None, letters, "unlabelled"), tl.Domain(x, torch.zeros_like(y), letters, "one class")),
        *(tl.Domain(x, torch.full_like(y, -1), letters, "unknown"), tl.Domain(x[:, :2], y, letters, "narrow")),
        *(tl.Domain(texts, y, letters, "texts"), tl.Domain(x, tensor(n, 2), ("a", "b"), "values")),
        *(tl.Domain(1e30 * x, y, letters, "huge"), tl.Domain(torch.zeros_like(x), y, letters, "constant")),
        *(tl.Domain(x.double(), y, letters, "double"), tl.Domain(x, y, (*letters, "more"), "an empty class")),
        *(tl.Domain(x, y % 2, letters[:2], "other classes"), tl.Domain(tensor(n, 3, 8, 8), y, letters, "pictures")),
    )
    good = st.integers(0, 3).map(lambda seed: tl.Domain(tensor(n, dim, seed=seed), y, letters, "rows"))
    return Kind(good, st.sampled_from(odd) if always else st.sampled_from(odd) | WRONG)


class Encoder(nn.Module):
    """A small encoder of rows (n, dim)."""

    def __init__(self, dim: int = 4, width: int = 5) -> None:
        super().__init__()
        self.dim, self.linear = width, nn.Linear(dim, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.linear(x))


def classifier(dim: int = 4, classes: int = 3) -> tl.Classifier:
    """Return a small classifier of rows, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return tl.Classifier(Encoder(dim), classes)


def models(dim: int = 4, classes: int = 3) -> Kind:
    """Return small classifiers of rows, and modules that are none."""
    odd = (nn.Linear, nn.Identity(), nn.Sequential(), nn.Linear(1, 1), nn.Linear(4, 3).double())
    return Kind(st.builds(partial(classifier, dim, classes)), st.sampled_from(odd) | WRONG)
