"""The words in which answers are judged: each kind of wrong answer gets its own, and none a bare traceback."""

import math

import numpy as np
import pytest
import torch

from tlutils.check.verdict import (
    Mistake,
    NotAttempted,
    NotYet,
    attempted,
    call,
    choice,
    function,
    number,
)

CASES = {"a row of three": (torch.tensor([3.0, 1, 2]),), "an empty row": (torch.zeros(0),)}


def judge(answer, **options):
    return function(answer, lambda x: x.sum(), CASES, look="the sum.", **options)


@pytest.mark.parametrize("answer", [..., None, [..., 1], (1, ...), {"a": ...}])
def test_dots_are_not_attempted(answer):
    with pytest.raises(NotAttempted, match="Not attempted yet"):
        attempted(answer)


def stub(x):
    raise NotImplementedError


def without_kernel():
    raise NotImplementedError("no kernel")


@pytest.mark.parametrize("answer", [..., None, lambda x: None, lambda x: ..., stub])
def test_functions_that_return_nothing_are_not_attempted(answer):
    with pytest.raises(NotAttempted):
        judge(answer)


@pytest.mark.parametrize(
    "answer",
    [torch.sum, lambda x: float(x.sum()), lambda x: np.float32(x.sum()), lambda x: x.double().sum() + 1e-6],
)
def test_right_in_any_form(answer):
    judge(answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (3, "a function is asked for, and this is an int 3"),
        (lambda x, y: x, "stopped for a row of three with TypeError"),
        (lambda x: 1 / 0, "stopped for a row of three with ZeroDivisionError: division by zero"),
        (lambda x: x, r"shape \(\), and yours \(3,\)"),
        (lambda x: "six", "numbers are asked for, and your function gives a str 'six'"),
        (lambda x: x.sum() + 1, "gives 7, which is too high. Where to look: the sum"),
        (lambda x: x.sum() - 1, "gives 5, which is too low"),
        (lambda x: math.nan, "not finite"),
        (lambda x: x.max() if len(x) else 0, "gives 3, which is too low"),
    ],
)
def test_wrong_functions_are_told_why(answer, message):
    with pytest.raises(NotYet, match=message) as caught:
        judge(answer)
    assert not isinstance(caught.value, NotAttempted)


def test_a_known_mistake_gets_its_hint_where_it_can_be_computed():
    mistakes = [Mistake(lambda x: x.mean() * 0, "zero."), Mistake(lambda x: x.max(), "the largest is not the sum.")]
    with pytest.raises(NotYet, match="Not yet: the largest is not the sum"):
        judge(lambda x: x.max() if len(x) else 5, mistakes=mistakes)


def test_an_answer_that_fits_no_mistake_everywhere_gets_no_hint():
    cases = {"two": (2.0,), "three": (3.0,)}
    with pytest.raises(NotYet, match="for three, your function gives 4, which is too high. Where to look: it"):
        function(lambda x: 4, {2.0: 4, 3.0: 3}.get, cases, mistakes=[Mistake(lambda x: 2 * x, "no.")], look="it.")


def test_a_function_that_changes_its_inputs_changes_copies():
    cases = {"a row": (torch.ones(3),)}
    function(lambda x: x.zero_().sum(), lambda x: 0.0 * x.sum(), cases, look="")
    assert cases["a row"][0].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("given", "expected", "message"),
    [
        ({"a": 1}, {"a": 2}, "too low"),
        ({"b": 2}, {"a": 2}, "keys a"),
        ((1, 2, 3), (1, 2), "2 values"),
        ([1, 5], [1, 2], "too high"),
        ("ring", "star", "which is not it"),
        (torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 2, 4]), "33% of the values"),
    ],
)
def test_nested_values(given, expected, message):
    with pytest.raises(NotYet, match=message):
        function(lambda: given, lambda: expected, {"nothing": ()}, look="")
    function(lambda: expected, lambda: expected, {"nothing": ()}, look="")


def test_an_array_that_is_turned_round_is_read():
    function(lambda: np.array([3.0, 1])[::-1], lambda: torch.tensor([1.0, 3]), {"nothing": ()}, look="")


def test_an_error_with_words_is_no_empty_stub():
    with pytest.raises(NotYet, match="stopped with NotImplementedError: no kernel") as caught:
        call(without_kernel)
    assert not isinstance(caught.value, NotAttempted)


def test_choices():
    hints = {"left": "left is where we came from.", "up": "there is a ceiling."}
    choice("right", "right", hints)
    for answer, message in (("left", "came from"), ("down", "left, right, up"), (["left"], "none of the answers")):
        with pytest.raises(NotYet, match=message):
            choice(answer, "right", hints)
    with pytest.raises(NotAttempted):
        choice(..., "right", hints)


def test_numbers():
    mistakes = [(2, "you took it twice.")]
    for given in (1, 1.0, np.float32(1), torch.tensor(1.0), torch.tensor([1.004])):
        number(given, 1, within=0.01, mistakes=mistakes, look="it.")
    for answer, message in (
        (2, "twice"),
        (3, "3 is too high. Where to look: it"),
        (0, "too low"),
        (math.nan, "not finite"),
        ("1", "a str"),
        (True, "a bool"),
        ([1, 2], "a list"),
    ):
        with pytest.raises(NotYet, match=message):
            number(answer, 1, within=0.01, mistakes=mistakes, look="it.")


def test_a_notebook_shows_the_words_alone():
    from IPython.core.interactiveshell import InteractiveShell

    shown = []
    shell = InteractiveShell()
    shell._showtraceback = lambda kind, error, lines: shown.extend(lines)
    shell.run_cell("from tlutils.check import NotYet\nraise NotYet('Not yet: look again.')")
    assert shown == ["Not yet: look again."]


def test_warnings_of_an_answer_stay_quiet(recwarn):
    call(lambda: np.float64(1) / np.float64(0))
    assert not recwarn
