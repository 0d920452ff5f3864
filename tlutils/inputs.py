"""One answer to an argument of the wrong type: which one it was, what was expected, what came."""

from __future__ import annotations

import inspect
import math
import operator
import reprlib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, wraps
from numbers import Real
from typing import Any, Literal, TypeGuard, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor

Function = TypeVar("Function", bound=Callable[..., Any])
LISTS = (Sequence, Iterable, list, tuple)
WHOLE = -(2**63), 2**63 - 1  # what 64 bits hold; torch takes no others
SEEDS = 0, 2**32 - 1  # what every generator takes: Python's, NumPy's and torch's
WORDS = {
    Tensor: "a tensor",
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "True or False",
    bytes: "bytes",
    np.ndarray: "an array",
    dict: "a dict",
    type(None): "None",
    Callable: "a function",
    Mapping: "a dict",
}


def checked(function: Function) -> Function:
    """Return the function, or the dataclass, which now first compares its arguments with its annotations.

    It raises TypeError for another type and for complex tensors. It raises ValueError for a number
    that is not one (NaN), a whole number beyond 64 bits, a `seed` below 0 or beyond 32 bits, a value that a
    Literal does not name, and a tensor that is not dense, or on the device "meta", without values. Numbers may
    come from NumPy or be a tensor's only value; whole ones arrive as int. True is not a number. What an
    annotation says about the inside of a dict or of a function is not checked.
    """
    if isinstance(function, type):  # a dataclass, whose __init__ nobody wrote
        setattr(function, "__init__", checked(vars(function)["__init__"]))  # noqa: B010
        return function
    kinds = {name: parameter.kind for name, parameter in inspect.signature(function).parameters.items()}
    positional = [name for name, kind in kinds.items() if kind.name.startswith("POSITIONAL")]
    annotations = cache(lambda: _annotations(function))  # not before the first call: all modules are loaded then
    title = _title(function)

    @wraps(function)
    def with_checks(*args, **kwargs):
        __tracebackhide__ = True  # IPython and pytest leave this frame out
        expected = annotations()
        given = list(args)
        for place, (name, value) in enumerate(zip(positional, args, strict=False)):  # too many: Python tells
            if name in expected:
                given[place] = _checked(value, expected[name], title, name)
        for name, value in kwargs.items():
            if name in expected:
                kwargs[name] = _checked(value, expected[name], title, name)
        return function(*given, **kwargs)

    return with_checks  # type: ignore[return-value]  # the same signature


def check_dense(x: Tensor, what: str) -> None:
    """Raise ValueError for a tensor that is not dense or holds no values, TypeError for a complex one."""
    __tracebackhide__ = True
    if x.is_meta:
        raise ValueError(f'{what} must hold values, got a tensor on the device "meta": make it on the cpu')
    if x.layout != torch.strided:
        raise ValueError(f"{what} must be a dense tensor, got {x.layout}: call .to_dense() first")
    if x.is_complex():
        raise TypeError(f"{what} must hold real numbers, got {described(x)}: take .real or .abs()")


def check_span(value: float, what: str, least: float, most: float) -> None:
    """Raise ValueError unless a number lies between two others, or is one of them."""
    if not least <= value <= most:
        raise ValueError(f"{what} must be {least:,} to {most:,}, got {value!r}")


def is_number(value: object) -> bool:
    """Whether a value is one real number, which may be NaN: of Python, of NumPy or a tensor's."""
    return isinstance(value, Real) or (_is_scalar(value) and not value.is_meta)


def _annotations(function: Callable) -> dict[str, tuple[Any, ...]]:
    """Return the types that each parameter may have; what only a type checker can look up is not checked."""
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        annotation = parameter.annotation
        if annotation is parameter.empty or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        with suppress(NameError, AttributeError):
            only = types.SimpleNamespace(__annotations__={name: annotation})  # one at a time: another may not be found
            found[name] = _choices(get_type_hints(only, function.__globals__)[name])
    return found


def _title(function: Callable) -> str:
    """Return the name under which a reader called the function."""
    name = function.__qualname__.rpartition("<locals>.")[2]
    return name.removesuffix(".__init__").removesuffix(".forward").removesuffix(".__call__")


def _choices(expected: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the only one."""
    return get_args(expected) if get_origin(expected) in (Union, types.UnionType) else (expected,)


def _checked(value: Any, choices: tuple[Any, ...], title: str, name: str) -> Any:
    """Return the value, a whole number as int."""
    __tracebackhide__ = True
    kind = type(value)
    if kind not in choices and not _fits_any(value, choices):
        wanted = " or ".join(map(_in_words, choices))
        raise TypeError(f"{title}: {name} must be {wanted}, got {described(value)}")
    if isinstance(value, Tensor):
        check_dense(value, f"{title}: {name}")
    if int in choices or float in choices:
        _check_number(value, f"{title}: {name}", SEEDS if name == "seed" else WHOLE)
        if int in choices and not isinstance(value, int) and kind not in choices and _is_whole(value):
            return operator.index(value)
    elif kind not in choices:
        literals = [each for choice in choices if get_origin(choice) is Literal for each in get_args(choice)]
        if literals and isinstance(value, tuple(map(type, literals))) and value not in literals:
            raise ValueError(f"{title}: {name} must be one of {', '.join(map(repr, literals))}, got {value!r}")
    return value


def _check_number(value: Any, what: str, bounds: tuple[int, int]) -> None:
    __tracebackhide__ = True
    if _is_whole(value):
        if not bounds[0] <= operator.index(value) <= bounds[1]:
            span = f"0 to {SEEDS[1]:,}" if bounds is SEEDS else "a whole number of 64 bits at most"
            raise ValueError(f"{what} must be {span}, got {described(value)}")
    elif isinstance(value, (Real, Tensor)) and math.isnan(value):
        raise ValueError(f"{what} must be a number, got nan")


def _fits_any(value: Any, choices: tuple[Any, ...]) -> bool:
    return any(_fits(value, choice) for choice in choices)


def _fits(value: Any, expected: Any) -> bool:
    kind = get_origin(expected) or expected
    if kind is None:
        return value is None
    if kind is Literal:
        return isinstance(value, tuple({type(choice) for choice in get_args(expected)}))
    if kind is Any or not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return True
    if kind is int:
        return _is_whole(value)
    if kind is float:
        return (isinstance(value, Real) and not isinstance(value, bool)) or _is_scalar(value)
    if kind is bool:
        return isinstance(value, (bool, np.bool_))
    if kind in LISTS:
        return _is_list(value, kind, get_args(expected))
    return callable(value) if kind is Callable else isinstance(value, kind)


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool) or getattr(value, "ndim", 0) != 0:
        return False
    if isinstance(value, Tensor):
        return _is_scalar(value) and not value.is_floating_point()
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _is_scalar(value: object) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.ndim == 0 and value.dtype != torch.bool and not value.is_complex()


def _is_list(value: Any, kind: Any, inside: tuple) -> bool:
    """Whether a list, no text, holds what it should; a tuple is as good as a list."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (list, tuple) if kind in (list, tuple) else kind):
        return False
    if not isinstance(value, Sequence):  # an iterator can be read only once
        return getattr(value, "ndim", 1) > 0
    if kind is tuple and inside and inside[-1] is not Ellipsis:
        return len(value) == len(inside) and all(map(_fits_any, value, map(_choices, inside)))
    value = value[:1] if isinstance(value, range) else value
    one_of_each = {type(each): each for each in value} if inside else {}  # of a million texts, one is looked at
    return all(_fits_any(each, _choices(inside[0])) for each in one_of_each.values())


def _in_words(expected: Any) -> str:
    kind, inside = get_origin(expected) or expected, get_args(expected)
    if kind is Literal:
        return f"one of {', '.join(map(repr, inside))}"
    if kind is tuple and inside and inside[-1] is not Ellipsis:
        return f"a tuple ({', '.join(' or '.join(map(_in_words, _choices(each))) for each in inside)})"
    if kind in LISTS:
        many = [_plural(choice) for choice in _choices(inside[0])] if inside else []
        return f"a list of {' or '.join(many)}" if all(many[:1]) and many else "a list"
    name = getattr(kind, "__name__", str(kind))
    return WORDS.get(type(None) if kind is None else kind) or f"{'an' if name[0] in 'AEIO' else 'a'} {name}"


def _plural(expected: Any) -> str:
    kind = get_origin(expected) or expected
    if kind in LISTS:
        return "lists"
    noun = _in_words(expected).removeprefix("a ").removeprefix("an ")
    return f"{noun}s" if isinstance(kind, type) and kind not in (Any, bool, object) else ""


def _short(value: Any) -> str:
    """Write a value down in at most about 60 characters, also one that breaks when it is written."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    try:
        return " ".join(short.repr(value).split())
    except Exception:  # whatever a repr may raise; Python itself does at thousands of digits
        return "that cannot be written down"


def described(value: Any) -> str:
    """Describe a value in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    text = _short(value)
    return f"{type(value).__name__} {text}" if len(text) <= 60 else type(value).__name__
