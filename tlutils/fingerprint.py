"""What a network computes, as a hash: its weights, its code and its settings."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from types import CodeType, FunctionType, MethodType, ModuleType

import torch
from torch import Tensor, nn

from tlutils.inputs import checked

Part = str | bytes | Tensor
PLAIN = (int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
EVERY_MODULE_HAS = frozenset(vars(nn.Module()))  # among them `training`, which does not count
# Their versions stand for their code: what a model of transformers reaches is most of that library.
LIBRARIES = ("torch", "transformers")
PIECE = 2**24  # bytes hashed at a time, so that only this much is ever copied
CHECKS = checked(len).__code__  # what looks at a function's arguments is no part of what it computes


@checked
def fingerprint(parts: Iterable[Part]) -> str:
    """Return the sha256, 64 hexadecimal digits, of texts, bytes and tensors in their order.

    A tensor counts by dtype, shape and values, not by its layout in memory or its device. Raises ValueError for a
    tensor that is sparse or without values.
    """
    digest = hashlib.sha256()
    for part in parts:
        if not isinstance(part, (str, bytes, Tensor)):
            raise TypeError(f"fingerprint: parts are texts, bytes and tensors, got {type(part).__name__} {part!r:.60}")
        if isinstance(part, Tensor):
            if part.is_meta or part.layout != torch.strided:
                raise ValueError(f"a tensor must be dense and hold values, got {part.layout} on {part.device}")
            digest.update(f"tensor {part.dtype} {tuple(part.shape)}\0".encode())
            for piece in _pieces(part.detach()):
                digest.update(piece.contiguous().reshape(-1).cpu().view(torch.uint8).numpy().data)
        else:
            data = part.encode() if isinstance(part, str) else part
            digest.update(f"{type(part).__name__} {len(data)}\0".encode() + data)
    return digest.hexdigest()


@checked
def network_parts(network: nn.Module) -> Iterator[Part]:
    """Yield all that decides what a network computes in evaluation mode.

    Of every submodule: parameters, buffers (those outside of the state dict too), attributes, and the
    code of its class. That is the code which runs: an edit of a file that was not imported again
    does not count, a class redefined in a notebook does. With the code go the functions and constants of the same
    file that it names. Not seen: hooks, and what the code reaches through other modules.
    """
    yield torch.__version__  # with the build, which the distribution's own version lacks
    seen: set[FunctionType] = set()
    classes: dict[type, None] = {}
    for name, module in network.named_modules(remove_duplicate=False):
        yield f"{name}: {type(module).__module__}.{type(module).__qualname__}"
        classes |= dict.fromkeys(type(module).__mro__)
        for key, value in sorted(vars(module).items()):
            if key not in EVERY_MODULE_HAS:
                yield key
                yield from _value(value, seen)
        for key, value in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            yield key
            yield value
    if any(_library(kind) == "transformers" for kind in classes):
        yield version("transformers")
    for kind in classes:
        if not _library(kind) and kind is not object:
            yield from _class(kind, seen)


def _pieces(tensor: Tensor) -> Iterable[Tensor]:
    if tensor.ndim == 0:
        return [tensor]
    row = max(1, tensor[:1].numel() * tensor.element_size())
    return tensor.split(max(1, PIECE // row))


def _value(value: object, seen: set[FunctionType]) -> Iterator[Part]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, PLAIN):
        yield repr(value)
    elif isinstance(value, MethodType):
        yield from _value(value.__func__, seen)
    elif isinstance(value, FunctionType):
        yield from _function(value, seen)
    elif isinstance(value, set | frozenset):  # their order changes from process to process
        yield repr(sorted(map(repr, value)))
    elif isinstance(value, dict | list | tuple):
        yield f"{type(value).__name__} of {len(value)}"
        for item in value.items() if isinstance(value, dict) else value:
            yield from _value(item, seen)
    else:
        try:
            yield pickle.dumps(value)
        except Exception:  # pickling runs the object's own code, which may raise anything
            yield type(value).__qualname__


def _class(kind: type, seen: set[FunctionType]) -> Iterator[Part]:
    for name, value in sorted(vars(kind).items()):
        if name.startswith("__") and name != "__call__":
            continue  # made by Python, or only used to build the network
        value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        yield name
        yield from _value(value, seen)


def _function(function: FunctionType, seen: set[FunctionType]) -> Iterator[Part]:
    if function.__code__ is CHECKS:
        function = function.__wrapped__  # type: ignore[attr-defined]  # functools.wraps left it there
    if function in seen or _library(function):
        return
    seen.add(function)
    names: set[str] = set()
    yield from _code(function.__code__, names)
    yield from _value((function.__defaults__, function.__kwdefaults__), seen)
    for cell in function.__closure__ or ():
        try:
            yield from _value(cell.cell_contents, seen)
        except ValueError:  # a name that has no value yet
            yield "empty"
    for name in sorted(names):
        value = function.__globals__.get(name)
        if value is not None and not isinstance(value, ModuleType | type):
            yield name
            yield from _value(value, seen)


def _code(code: CodeType, names: set[str]) -> Iterator[Part]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    names.update(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant, names)
        else:  # the order of a set changes from process to process
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


def _library(thing: type | FunctionType) -> str:
    """Return the library whose version, part of the fingerprint, stands for this code; empty when there is none."""
    name = (thing.__module__ or "").partition(".")[0]
    return name if name in LIBRARIES else ""
