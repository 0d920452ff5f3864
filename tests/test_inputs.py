"""Arguments are compared with annotations: every kind of annotation, every message, and what stays Python's own."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence  # noqa: F401  named in texts below
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional, Protocol, TypeVar, Union  # noqa: F401

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tlutils.inputs import check_dense, check_span, checked

if TYPE_CHECKING:
    from tlutils.nowhere import Absent  # noqa: F401

Value = TypeVar("Value")
Rows = Tensor | Sequence[str]


class Runs(Protocol):
    """What can run."""

    def run(self) -> None: ...


class Unprintable:
    """What cannot be written down."""

    def __repr__(self) -> str:
        raise RuntimeError("no words for this")


class Estimate:
    """A class whose name begins with a vowel."""


def expects(annotation: Any) -> Callable[[Any], Any]:
    """Return a checked function of one argument `x` with this annotation, a type or a text; it returns x."""

    def f(x):
        return x

    f.__annotations__["x"] = annotation
    return checked(f)


X = torch.zeros(3)
GOOD = {
    "Tensor": [X, nn.Parameter(X), X[:0], X.double(), X > 0, X.long(), X.half(), X * math.nan],
    "int": [3, 0, -1, np.int64(3), np.uint8(3), torch.tensor(3), np.array(3), 2**63 - 1, -(2**63)],
    "float": [
        *(3, 0.5, math.inf, -math.inf, np.float32(1), np.int64(2), Fraction(1, 2)),
        *(torch.tensor(0.5), torch.tensor(2)),
    ],
    "str": ["", "abc", np.str_("abc")],
    "bool": [True, False, np.True_],
    "bytes": [b"", b"x"],
    "dict": [{}, {1: 2}],
    "dict[str, int]": [{}, {"a": 1}],
    "None": [None],
    "Tensor | None": [X, None],
    "Optional[int]": [3, None],
    "Union[str, Path]": ["a", Path("a")],
    "str | Path": ["a", Path("a")],
    "Callable": [len, int, lambda: None, nn.Identity()],
    "Callable[[int], Any]": [len],
    "Callable[..., Any] | None": [len, None],
    "Sequence": [[], (), range(3), [X, "a"]],
    "Sequence[str]": [[], ["a"], ("a", "b")],
    "Sequence[int]": [[], [1, np.int64(2)], range(3)],
    "Sequence[float]": [[1, 2.5, np.float64(3), torch.tensor(1.0)]],
    "Sequence[Tensor]": [[X], (X, X)],
    "Sequence[float | None]": [[1.0, None]],
    "Sequence[Sequence[int]]": [[[1], (2, 3)], []],
    "Sequence[Any]": [[1, "a"]],
    "Sequence[Value]": [[1, "a"]],
    "list[str]": [["a"], ("a",)],
    "tuple[str, ...]": [(), ("a", "b"), ["a"]],
    "tuple[int, float]": [(1, 2.5), [1, 2]],
    "Iterable[str]": [["a"], {"a"}, {"a": 1}, iter(["a"]), (c for c in "ab")],
    "Iterable": [X, np.zeros(2)],
    "Mapping[str, int]": [{}, {"a": 1}],
    "set[str]": [{"a"}],
    "type": [int, Path],
    "type[Path]": [Path],
    "Literal['a', 'b']": ["a", "b"],
    "Literal['a'] | Literal['b'] | None": ["a", "b", None],
    "Literal[1, 2]": [1, 2],
    "Rows": [X, ["a"]],
    "nn.Module": [nn.Identity()],
    "Estimate": [Estimate()],
    "Any": [None, 3, Unprintable()],
    "object": [None, 3, "a"],
    "Value": [None, 3],
    "Runs": [None, 3],
    "np.ndarray": [np.zeros(2)],
    "torch.device": [torch.device("cpu")],
    "Absent": [None, 3],
    "np.NoSuchThing": [None, 3],
    "Absent | None": [3],
    "'str'": ["quoted twice"],
}


@pytest.mark.parametrize(("annotation", "value"), [(a, v) for a, values in GOOD.items() for v in values])
def test_what_an_annotation_names_passes_and_is_not_touched(annotation, value):
    came = expects(annotation)(value)
    assert came is value or (annotation == "int" and type(came) is int and came == value)


def test_whole_numbers_arrive_as_those_of_python():
    for value in (np.int64(3), np.array(3), torch.tensor(3)):
        assert type(expects("int | None")(value)) is int  # torch's generators take no other kind
        assert expects("int | Tensor")(torch.tensor(3)).dtype == torch.int64
        assert type(many(value)[0]) is type(seeded(seed=value)) is int


WRONG = {
    "Tensor": [(None, "a tensor, got NoneType None"), ([1.0], "a tensor, got list [1.0]"), (np.ones(1), "got nd")],
    "int": [
        *((True, "a whole number, got bool True"), (2.0, "a whole number, got float 2.0"), ("2", "got str '2'")),
        *((None, "got NoneType None"), (torch.tensor([3]), "got a tensor (1,) of int64"), (int, "got type <cl")),
        *((torch.tensor(2.0), "got a tensor () of float32"), (torch.tensor(True), "got a tensor () of bool")),
        *((np.True_, "a whole number"), (np.array([3]), "got ndarray array([3])"), (1j, "got complex 1j")),
    ],
    "float": [
        *((True, "a number, got bool True"), ("1", "a number, got str '1'"), (1j, "got complex 1j")),
        *((torch.ones(2), "got a tensor (2,) of float32"), (torch.tensor(True), "of bool"), (np.ones(1), "nd")),
        *((torch.tensor(1j), "got a tensor () of complex64"), (np.True_, "a number"), ([1.0], "got list [1.0]")),
    ],
    "str": [(b"x", "a text, got bytes b'x'"), (Path("a"), "a text, got Po"), (None, "a text, got NoneType None")],
    "bool": [(1, "True or False, got int 1"), (None, "True or False"), ("True", "True or False, got str 'True'")],
    "bytes": [("x", "bytes, got str 'x'")],
    "dict[str, int]": [([], "a dict, got list []"), (None, "a dict, got NoneType None")],
    "Mapping[str, int]": [([("a", 1)], "a dict, got list")],
    "None": [(3, "None, got int 3")],
    "float | None": [("a", "a number or None, got str 'a'")],
    "str | Path": [(3, "a text or a Path, got int 3"), (b"x", "a text or a Path, got bytes b'x'")],
    "Callable[[int], Any]": [(3, "a function, got int 3"), ("len", "a function, got str 'len'")],
    "Sequence[str]": [
        *(("abc", "a list of texts, got str 'abc'"), (["a", 1], "a list of texts, got list ['a', 1]")),
        *(({"a"}, "a list of texts, got set {'a'}"), (iter("a"), "a list of texts, got str_"), (X, "tensor (3,)")),
    ],
    "list[str]": [(["a", None], "a list of texts"), (range(3), "a list of texts, got range range(0, 3)")],
    "Sequence[int]": [([1.5], "a list of whole numbers, got list [1.5]"), ([True], "a list of whole numbers")],
    "Sequence[float]": [(["a"], "a list of numbers"), ([True, 1.0], "a list of numbers"), (3.0, "a list of numbers")],
    "Sequence[Tensor]": [([X, [0.0]], "a list of tensors"), ([None], "a list of tensors, got list [None]")],
    "Sequence[Estimate]": [([3], "a list of Estimates")],
    "Sequence[float | None]": [(["a"], "a list of numbers or Nones")],
    "Sequence[Sequence[int]]": [([[1.5]], "a list of lists"), ([3], "a list of lists, got list [3]")],
    "Sequence[Any]": [(3, "a list, got int 3")],
    "Sequence[Callable[[int], Any]]": [([3], "a list of functions, got list [3]")],
    "tuple[int, float]": [
        *(((1,), "a tuple (a whole number, a number), got tuple (1,)"), ((1.5, 2), "a tuple (a whole number, a")),
        *((3, "a tuple (a whole number, a number), got int 3"), (("a", None), "a tuple (")),
    ],
    "Iterable[str]": [("abc", "a list of texts, got str 'abc'"), (3, "got int 3"), (torch.tensor(1.0), "a list of")],
    "type[Path]": [(3, "a type, got int 3")],
    "Literal['a', 'b']": [(3, "one of 'a', 'b', got int 3")],
    "Rows": [(3, "a tensor or a list of texts, got int 3"), ("a", "a tensor or a list of texts, got str 'a'")],
    "nn.Module": [(nn.Identity, "a Module, got type")],
    "Estimate": [(3, "an Estimate, got int 3"), (Unprintable(), "an Estimate, got Unprintable <Unprintable")],
    "np.ndarray": [([1], "an array, got list [1]")],
    "torch.device": [("cpu", "a device, got str 'cpu'")],
}


@pytest.mark.parametrize(("annotation", "value", "told"), [(a, *case) for a, cases in WRONG.items() for case in cases])
def test_another_type_is_told_with_what_was_expected_and_what_came(annotation, value, told):
    with pytest.raises(TypeError) as caught:
        expects(annotation)(value)
    assert str(caught.value).startswith("f: x must be ")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["long " * 100, list(range(1000)), {i: i for i in range(99)}, np.zeros((9, 9))])
def test_long_values_are_not_written_out(value):
    with pytest.raises(TypeError) as caught:
        expects("Estimate")(value)
    assert len(str(caught.value)) < 120 and "\n" not in str(caught.value)


def test_numbers_too_long_to_be_written_are_told_all_the_same():
    with pytest.raises(ValueError, match="of 64 bits at most, got int that cannot be written down"):
        expects("int")(10**5000)
    with pytest.raises(TypeError, match="an Estimate, got int that cannot be written down"):
        expects("Estimate")(10**5000)


BAD_VALUES = {
    "float": [
        *((math.nan, "a number, got nan"), (np.float32("nan"), "got nan"), (torch.tensor(math.nan), "got nan")),
        *((2**70, "a whole number of 64 bits at most, got int 1180591620717411303424"), (10**400, "of 64 bits")),
        (torch.tensor(1.0, device="meta"), 'on the device "meta"'),
    ],
    "int": [(2**63, "of 64 bits at most, got int 9223372036854775808"), (-(2**70), "64 bits")],
    "int | None": [(2**63, "of 64 bits at most")],
    "float | str": [(math.nan, "got nan")],
    "Tensor": [
        (X.to("meta"), 'must hold values, got a tensor on the device "meta": make it on the cpu'),
        (X.to_sparse(), "must be a dense tensor, got torch.sparse_coo: call .to_dense() first"),
    ],
    "Tensor | None": [(X.to("meta"), "must hold values")],
    "Literal['a', 'b']": [("c", "must be one of 'a', 'b', got 'c'")],
    "Literal['a'] | Literal['b'] | None": [("c", "must be one of 'a', 'b', got 'c'")],
    "Literal[1, 2]": [(3, "must be one of 1, 2, got 3")],
}


@pytest.mark.parametrize(("annotation", "value", "told"), [(a, *c) for a, cases in BAD_VALUES.items() for c in cases])
def test_values_of_the_right_type_that_no_function_can_use(annotation, value, told):
    with pytest.raises(ValueError, match="f: x must ") as caught:
        expects(annotation)(value)
    assert told in str(caught.value) and len(str(caught.value)) < 200


def test_complex_tensors_are_of_the_wrong_type():
    with pytest.raises(TypeError, match=r"f: x must hold real numbers, got a tensor \(3,\) of complex64: take"):
        expects("Tensor")(X + 1j)


@checked
def seeded(seed: int = 0) -> int:
    """Return the seed."""
    return seed


def test_a_seed_is_one_that_every_generator_takes():
    for seed in (0, 1, 2**32 - 1, np.int64(3)):
        torch.manual_seed(seeded(seed))
        np.random.default_rng(seed)
        np.random.RandomState(seed)
    for seed in (-1, 2**32, 2**70, -(2**70)):
        with pytest.raises(ValueError, match="seeded: seed must be 0 to 4,294,967,295, got int -?[0-9]"):
            seeded(seed=seed)


@checked
def many(first: int, /, second: float = 1.0, *rest: str, named: str = "n", **others: bool) -> tuple:
    """Return what came."""
    return first, second, rest, named, others


def test_arguments_are_matched_as_python_matches_them():
    assert many(1) == (1, 1.0, (), "n", {})
    assert many(1, 2.0, 3, "x", named="y", z=4) == (1, 2.0, (3, "x"), "y", {"z": 4})  # inside of * and **: not checked
    for call, told in (
        (lambda: many("1"), "many: first must be a whole number, got str '1'"),
        (lambda: many(1, "2"), "many: second must be a number"),
        (lambda: many(1, second="2"), "many: second must be a number"),
        (lambda: many(1, named=3), "many: named must be a text, got int 3"),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert told in str(caught.value)


@checked
def two(a: int, *, b: str = "") -> None:
    """Take two."""


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: two(), "missing 1 required positional argument: 'a'"),
        (lambda: two(1, "x"), "takes 1 positional argument but 2"),
        (lambda: two(1, a=2), "got multiple values for argument 'a'"),
        (lambda: two(1, c=2), "got an unexpected keyword argument 'c'"),
    ],
)
def test_a_wrong_number_of_arguments_is_told_by_python_itself(call, told):
    with pytest.raises(TypeError, match="two") as caught:
        call()
    assert told in str(caught.value)


class Scaled(nn.Module):
    """A module whose methods are checked."""

    @checked
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    @checked
    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x

    @checked
    def by(self, factor: float) -> Scaled:
        """Return it with another factor."""
        return Scaled(factor)

    @staticmethod
    @checked
    def half(x: Tensor) -> Tensor:
        """Return the half."""
        return x / 2


class Called:
    """An object that is called."""

    @checked
    def __call__(self, n: int) -> int:
        return n


def test_methods_are_told_by_the_name_under_which_a_reader_calls_them():
    scaled = Scaled(2)
    assert torch.equal(scaled(torch.ones(2)), torch.full((2,), 2.0)) and Called()(3) == 3
    for call, told in (
        (lambda: Scaled("2"), "Scaled: factor must be a number, got str '2'"),
        (lambda: scaled([1.0]), "Scaled: x must be a tensor, got list [1.0]"),
        (lambda: scaled.by(None), "Scaled.by: factor must be a number"),
        (lambda: Scaled.half(3), "Scaled.half: x must be a tensor"),
        (lambda: Called()("3"), "Called: n must be a whole number"),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value).startswith(told)


@checked
@dataclasses.dataclass(frozen=True)
class Point:
    """A dataclass, whose __init__ nobody wrote."""

    x: float
    name: str = "origin"


def test_dataclasses_are_checked_when_they_are_made():
    assert Point(1) == Point(1, "origin") and dataclasses.replace(Point(1), x=2.5).x == 2.5
    assert str(inspect.signature(Point)) == "(x: 'float', name: 'str' = 'origin') -> None"
    for call, told in (
        (lambda: Point("1"), "Point: x must be a number, got str '1'"),
        (lambda: dataclasses.replace(Point(1), name=None), "Point: name must be a text, got NoneType None"),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == told


def test_name_document_and_signature_stay_and_copies_can_be_made():
    assert (seeded.__name__, seeded.__doc__, seeded.__module__) == ("seeded", "Return the seed.", __name__)
    assert str(inspect.signature(seeded)) == "(seed: 'int' = 0) -> 'int'"
    assert str(inspect.signature(Scaled)) == "(factor: 'float') -> 'None'"
    assert inspect.getsource(seeded).startswith("@checked\ndef seeded")
    assert pickle.loads(pickle.dumps(seeded)) is seeded and copy.deepcopy(seeded) is seeded


def test_the_functions_own_errors_and_frames_stay():
    def divided(a: float) -> float:
        return 1 / a

    with pytest.raises(ZeroDivisionError) as caught:
        checked(divided)(0)
    assert caught.traceback[-1].name == "divided"
    with pytest.raises(TypeError) as caught:
        checked(divided)("0")
    assert caught.traceback.filter(caught)[-1].path == Path(__file__)  # the frames of the check itself are left out


def test_an_iterator_is_not_read_by_the_check():
    given = iter(["a", 3])
    assert list(expects("Iterable[str]")(given)) == ["a", 3]


def test_of_a_long_list_one_element_of_each_type_is_looked_at():
    asked = []

    class Sneaky(str):
        @property
        def __class__(self):
            asked.append(self)
            return str

    expects("Sequence[str]")([Sneaky("a") for _ in range(1000)])
    assert len(asked) <= 1
    assert len(expects("Sequence[int]")(range(10**12))) == 10**12


def test_annotations_are_looked_up_at_the_first_call_only():
    later = {}
    exec(
        "from __future__ import annotations\nfrom tlutils.inputs import checked\n@checked\ndef f(x: Later): return x",
        later,
    )
    later["Later"] = int  # a module that was not loaded yet when the function was made
    with pytest.raises(TypeError, match="f: x must be a whole number"):
        later["f"]("a")
    later["Later"] = str
    with pytest.raises(TypeError, match="f: x must be a whole number"):
        later["f"]("a")


def test_annotations_may_be_types_as_well_as_texts():
    for annotation in (int, Optional[int], Union[int, None], int | None):  # noqa: UP007, UP045
        assert expects(annotation)(3) == 3
        with pytest.raises(TypeError, match="a whole number"):
            expects(annotation)("3")


def test_tensors_are_neither_copied_nor_detached():
    x = torch.ones(3, requires_grad=True)
    expects("Tensor")(x).sum().backward()
    assert torch.equal(x.grad, torch.ones(3))
    big = torch.zeros(1).expand(2**40)  # any pass over the values would take minutes
    assert expects("Tensor")(big) is big


def test_a_span_includes_its_ends():
    for value in (1, 2.5, 4096):
        check_span(value, "size", 1, 4096)
    for value in (0, 4097, math.nan, math.inf, -1):
        with pytest.raises(ValueError, match=f"size must be 1 to 4,096, got {value}"):
            check_span(value, "size", 1, 4096)


def test_only_dense_real_tensors_with_values_are_dense():
    check_dense(X, "x")
    for x, error in ((X.to("meta"), ValueError), (X.to_sparse(), ValueError), (X + 1j, TypeError)):
        with pytest.raises(error, match="^x must "):
            check_dense(x, "x")
