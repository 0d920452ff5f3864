"""Attacks on the checks of the exercises: every hostile answer gets words, none a traceback, and none is right.

Besides plain wrong values the answers are functions that give them, at once or after some good calls, that give back
what they were given, or the right values spoilt in one way.
"""

import contextlib
import copy
import functools
import importlib
import io
import math
import warnings
from unittest.mock import ANY

import numpy as np
import torch
from hostile.kit import WRONG, Attack, Kind, class_numbers, functions, numbers, odd_tensors, raised_in, tensor, values
from hypothesis import strategies as st
from torch import nn

import tlutils as tl
from tlutils.check import NotAttempted, NotYet, adversarial_adaptation, reading, selection, verdict, what_is_transfer

# ---------------------------------------------------------------- what an answer may be


class Unwritable:
    """An object that cannot be written down, compared or counted, once it is awake: Hypothesis itself does all that."""

    awake = False

    def _answer(self, otherwise):
        if Unwritable.awake:
            raise RuntimeError("not so")
        return otherwise

    def __repr__(self):
        return self._answer("Unwritable()")

    def __eq__(self, other):
        return self._answer(self is other)

    def __bool__(self):
        return self._answer(True)

    __hash__ = object.__hash__


@contextlib.contextmanager
def awake():
    Unwritable.awake = True
    try:
        yield
    finally:
        Unwritable.awake = False


class Loud(Exception):
    """An error that cannot be told."""

    def __str__(self):
        raise RuntimeError("no words")


class Module(nn.Module):
    """A frozen module whose outputs are changed; in evaluation mode otherwise, if that is given."""

    def __init__(self, inner, gives, later=None):
        super().__init__()
        self.inner, self.gives, self.later = inner.requires_grad_(False), gives, later or gives

    def train(self, mode=True):
        super().train(mode).inner.eval()
        return self

    def forward(self, *inputs):
        return (self.gives if self.training else self.later)(self.inner(*inputs))


def spoilt(value):
    """Return the ways to spoil one value that is right."""
    if isinstance(value, bool):
        return [not value, str(value), [value, value], math.nan]
    if isinstance(value, str):
        return [f"{value}?", value.encode(), [value], list(value), ANY]
    if isinstance(value, (list, tuple)):
        return [value[:-1], [*value, value[-1:]], {*map(str, value)}, dict(enumerate(value)), [value], *alike(value)]
    x = torch.as_tensor(value).double()
    return [
        *(x + 1j, x.to("meta"), x.to_sparse() + 1, x + math.nan, x * math.inf, -x - 1, x[None], torch.stack([x, x])),
        *([x.tolist(), None], x.numpy() + 1j, x.numpy().astype(object), str(value)),
        *(torch.quantize_per_tensor(x.float(), 100.0, 1, torch.quint8), nn.Parameter(x + 1), Unwritable()),
        *(ANY, 10**400),
    ]


def alike(value):
    """Return the ways to spoil a list in each of its parts at once."""
    ways = zip(*(spoilt(part) for part in value), strict=False) if value else ()
    return [type(value)(way) for way in ways]


class Later:
    """A function that gives good answers and, at its n-th call, something else."""

    def __init__(self, good, calls, then):
        self.good, self.left, self.then = good, calls, then

    def __call__(self, *inputs):
        self.left -= 1
        return (self.good if self.left >= 0 else self.then)(*inputs)


def stops(error):
    def stopping(*inputs):
        raise error

    return stopping


def writes(*inputs):
    """Change all that can be changed, and give it back."""
    for value in inputs:
        if isinstance(value, torch.Tensor):
            value.detach().zero_()
        elif isinstance(value, (dict, list)):
            value.clear()
    return inputs


def prints(*inputs):
    print("Right: I say so")
    return inputs[0] if inputs else 0


def first(change):
    return lambda *inputs: change(inputs[0])


MODULES = (
    *(nn.Linear(1, 1), nn.Identity(), nn.Sequential(), nn.ReLU(), nn.Linear(4, 3).to("meta"), nn.Flatten()),
    *(
        first(lambda m, f=f: Module(m, f))
        for f in (lambda y: y * math.nan, lambda y: y[:0], lambda y: y[0], lambda y: "y", str)
    ),
    *(
        first(lambda m, f=f: Module(m, lambda y: y, f))
        for f in (lambda y: y.to("meta"), lambda y: None, stops(ValueError("late")))
    ),
    first(lambda m: m.double()),
    first(lambda m: nn.LazyLinear(4)),
    first(lambda m: m.to("meta")),
    first(lambda m: type(m)() if isinstance(m, nn.Sequential) else m),
    lambda m, x=None, *others: (m(x), m(x[:0]), m(x=x))[0] if isinstance(m, nn.Module) else m,
    lambda m, x=None, *others: nn.functional.cross_entropy(input=x[:, 0], target=x[:, 0]) and m,
)
FUNCTIONS = (
    *(lambda: 0, lambda one: one, lambda *, named: named, lambda *inputs: inputs, lambda *inputs: inputs[-1]),
    *(writes, prints),
    *(first(lambda x: x), first(len), first(lambda x: x + 1), first(lambda x: [*x]), first(iter)),
    first(lambda x: x[:0]),
    *(lambda *inputs: inputs[:2], lambda *inputs: (inputs[0], inputs[0]), lambda *inputs: inputs[0] == inputs[0]),
    *(
        lambda *inputs: lambda: inputs,
        lambda *inputs: (part for part in inputs),
        lambda *inputs: [[], []],
        lambda *i: ANY,
    ),
    *(lambda *i: ([0], [math.nan]), lambda *i: ([0.5], [1]), lambda *i: ([[0]], 1), lambda *i: ("a", "b")),
    lambda *i: (1j, 2),
    *(lambda *i: (torch.zeros(2, device="meta"), torch.ones(2)), lambda *i: (np.ndarray, torch.Tensor)),
    lambda *i: np.ndarray,
    *(len, print, dict, list, int, str, type, object, Unwritable, ValueError, torch.Tensor),
    *(torch.zeros_like, math.sqrt),
    *(
        stops(e)
        for e in (Loud(), RecursionError("deep"), SystemExit(3), StopIteration(), AssertionError(), MemoryError())
    ),
    *(
        stops(e)
        for e in (NotImplementedError("half"), ValueError(10**5 * "long "), Warning("w"), RuntimeError("a\nb\0"))
    ),
)
VALUES = (
    *(Unwritable(), ANY, nn.Linear(2, 2), torch.Tensor, np.ndarray, np.zeros((2, 2)), np.array(["a", "b"])),
    np.float32("nan"),
    *(tensor(2).to("meta"), tensor(2).to_sparse(), tensor(3) + 1j, torch.zeros(2, 0), 10**400, -(10**400), 1e400),
    float("nan"),
    *([[]], [[], []], [None, None], ["a", 1], [math.nan] * 3, [1j, 2, 3], {"a": None}, {"a": {}}, {1: "a"}),
    *({"": ""}, {None}),
    *({"a", "z"}, {"a", 1}, {"A": "", "B": 1, "C": [], "D": {}}, "abcde!", "\0", "é", "\ud800", b"ab", frozenset()),
    "z" * 10**5,
    *([torch.zeros(2, device="meta")] * 2, (math.inf, -math.inf), [10**400] * 3, range(3), iter("ab")),
    np.datetime64("2020-01-01"),
    dict.fromkeys(("frozen", "frozen, in training mode", "one rate", "one rate, too high", "L2-SP"), Unwritable()),
    dict.fromkeys("abcdef", "inductive "),
    dict.fromkeys("ABCDE", math.nan),
    dict.fromkeys("ABCD", Unwritable()),
    dict.fromkeys(("north", "east", "south", "west"), b"match"),
)

# ---------------------------------------------------------------- checks


class Oracle(Exception):
    """Carries the function that gives the right values out of a check."""


@functools.cache
def right_function(check):
    """Return what a check compares a reader's function with; None where it does not compare so."""
    module = importlib.import_module(check.__module__)
    if not hasattr(module, "function"):
        return None
    known = module.function

    def caught(answer, oracle, cases, **others):
        raise Oracle(oracle)

    module.function = caught
    try:
        with contextlib.suppress(NotYet):
            check(lambda *inputs: None)
    except Oracle as found:
        return found.args[0]
    finally:
        module.function = known
    return None


@st.composite
def answers(draw, check):
    """Draw an answer that is wrong in whatever way."""
    constant = st.sampled_from([*VALUES, *FUNCTIONS]) | WRONG | odd_tensors((4, 3))
    oracle = right_function(check) if check else None
    ways = [
        constant,
        constant.map(lambda value: lambda *inputs: copy_of(value)),
        st.sampled_from([*MODULES, *FUNCTIONS]),
    ]
    if oracle:
        way, calls = draw(st.integers(0, 20)), draw(st.integers(0, 3))
        ways += [st.just(lambda *inputs: one_of(spoilt(oracle(*inputs)), way)), st.just(stops_later(oracle, calls))]
    return draw(st.one_of(ways))


def one_of(ways, number):
    return ways[number % len(ways)]


def copy_of(value):
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def stops_later(oracle, calls):
    """Return a function that is right for so many calls; a fresh one for each check, since it counts."""
    return functools.partial(Later, oracle, calls, stops(ValueError("later")))


def answered(check):
    """Return a function of an answer that raises what the check says, and an error of its own for another word."""

    def judged(answer):
        out, err = io.StringIO(), io.StringIO()
        answer = answer() if isinstance(answer, functools.partial) else answer
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings(), awake():
                warnings.simplefilter("always")
                check(answer)
        except NotYet as error:
            assert raised_in(error), f"raised by accident: {error}"
            assert str(error).startswith("Not ") and error._render_traceback_() == [str(error)], (
                f"{error} is shown otherwise"
            )
            assert not err.getvalue(), f"on stderr: {err.getvalue()}"
            raise
        raise ZeroDivisionError(f"a wrong answer is not refused; it printed {out.getvalue()!r}")

    return judged


CHECKS = {name: getattr(tl.check, name) for name in sorted(tl.check.__all__) if name[0].islower()}
HINTS = {"a": "not a.", "b": "not b."}
NAMED = {"x": "one", "y": "two"}
NOT_SO = {("one",): "not one.", ("two",): "not two."}
CASES = {"a row": (torch.tensor([3.5, 1.25, 2.125]),)}
ROWS = class_numbers(6, 3)
ANYTHING = Kind(st.just(1.0), answers(None))
ANYTHING_OR_ROWS = Kind(ROWS.good, ROWS.bad | answers(None))
SHARED = {  # what the checks judge with
    "verdict.function": lambda answer: verdict.function(answer, torch.median, CASES, look="it."),
    "verdict.choice": lambda answer: verdict.choice(answer, "c", HINTS),
    "verdict.number": lambda answer: verdict.number(answer, 0.377, within=0.01, look="it."),
    "selection.sentences": lambda answer: selection.sentences(answer, {"b"}, HINTS, "one is missing."),
    "selection.names": lambda answer: selection.names(answer, NAMED, NAMED.values(), NOT_SO),
}


def refused(check, oracle=None):
    """Return the attack on a function that raises NotYet for every answer."""
    wrong = answers(oracle)
    return Attack(answered(check), (Kind(wrong, wrong),), also=(NotYet, NotAttempted))


ATTACKS = {
    **{f"{check.__module__.removeprefix('tlutils.')}.{name}": refused(check, check) for name, check in CHECKS.items()},
    **{f"check.{name}": refused(check) for name, check in SHARED.items()},
    "check.verdict.attempted": Attack(awake()(verdict.attempted), (ANYTHING,), also=(NotAttempted,)),
    "check.verdict.call": Attack(
        awake()(verdict.call), (functions(len), ANYTHING), finite=False, also=(NotYet, NotAttempted)
    ),
    "check.verdict.values": Attack(
        verdict.values, (ANYTHING, numbers(2)), {"words": values(["two"])}, finite=False, also=(NotYet, NotAttempted)
    ),
    "check.verdict.numbers": Attack(
        awake()(verdict.numbers), (ANYTHING, values(["rows"])), finite=False, also=(NotYet,)
    ),
    "check.verdict.right": Attack(verdict.right, (ANYTHING,)),
    "check.selection.row_numbers": Attack(
        awake()(lambda given: selection.row_numbers(given, 6, "six rows")), (ANYTHING_OR_ROWS,), also=(NotYet,)
    ),
    "check.reading.real": Attack(awake()(reading.real), (ANYTHING,), finite=False),
    "check.reading.one_number": Attack(awake()(reading.one_number), (ANYTHING,), finite=False),
    "check.reading.listed": Attack(awake()(reading.listed), (ANYTHING,), finite=False),
    "check.reading.shown": Attack(awake()(reading.shown), (ANYTHING, numbers(60), functions(repr, str))),
    "check.reading.kind_of": Attack(awake()(reading.kind_of), (ANYTHING,)),
    "check.what_is_transfer.four_pairs": Attack(what_is_transfer.four_pairs, (numbers(50, 1000),)),
    "check.adversarial_adaptation.four_runs": Attack(adversarial_adaptation.four_runs),
}
EXEMPT = {
    "check.verdict.NotYet": "an error",
    "check.verdict.NotAttempted": "an error",
    "check.verdict.Mistake": "holds what a check states",
    "check.verdict.errors_told": "attacked through call",
    "check.reading.quietly": "reads no argument",
}
