"""Domains: what a sample is, how it is cut, and what is refused."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from tlutils import Domain
from tlutils.domains import together

CLASSES = ("a", "b", "c")


@pytest.fixture
def numbered():
    """60 rows that carry their own number; classes of 30, 20 and 10 rows, mixed."""
    y = torch.tensor([0] * 30 + [1] * 20 + [2] * 10)[torch.randperm(60, generator=torch.Generator().manual_seed(5))]
    return Domain(torch.arange(60.0)[:, None].expand(60, 2).clone(), y, CLASSES, "numbered")


def rows(domain):
    return [int(row[0]) for row in domain.x]


def counts(domain):
    return torch.bincount(domain.y, minlength=len(domain.classes)).tolist()


def agrees(part, whole):
    return part.y.equal(whole.y[rows(part)]) and part.classes == whole.classes and part.name == whole.name


def test_a_domain_keeps_what_it_is_given_and_says_what_it_is():
    x, y = torch.rand(2, 1, 3, 3), torch.tensor([1, 0])
    domain = Domain(x, y, ["a", "b"], "tiny")
    assert domain.x is x and domain.y is y and domain.classes == ("a", "b") and len(domain) == 2
    assert repr(domain) == "Domain('tiny': 2 examples, shape (1, 3, 3), 2 classes)"
    assert repr(Domain(["good", "bad"], None, CLASSES, "texts")) == "Domain('texts': 2 examples, texts, no labels)"


def test_map_puts_other_inputs_under_the_same_labels(numbered):
    doubled = numbered.map(lambda x: 2 * x)
    assert doubled.x.equal(2 * numbered.x) and doubled.y is numbered.y
    assert doubled.classes == CLASSES and doubled.name == "numbered"
    with pytest.raises(ValueError, match=r"shape \(59,\) to match x, got \(60,\)"):
        numbered.map(lambda x: x[1:])


def test_a_domain_is_frozen(numbered):
    with pytest.raises(FrozenInstanceError):
        numbered.y = None


@pytest.mark.parametrize(("fraction", "first"), [(0.5, [15, 10, 5]), (0.8, [24, 16, 8]), (0.1, [3, 2, 1])])
def test_split_takes_the_fraction_of_every_class_and_shares_no_row(numbered, fraction, first):
    one, two = numbered.split(fraction, seed=1)
    assert counts(one) == first
    assert sorted(rows(one) + rows(two)) == list(range(60))
    assert agrees(one, numbered) and agrees(two, numbered)


def test_split_depends_on_the_seed_alone(numbered):
    torch.manual_seed(1)
    one = rows(numbered.split(0.5, seed=3)[0])
    torch.manual_seed(2)
    assert rows(numbered.split(0.5, seed=3)[0]) == one
    assert rows(numbered.split(0.5, seed=4)[0]) != one
    assert rows(numbered.split()[0]) == rows(numbered.split(0.5, 0)[0])


def test_split_of_unlabelled_rows_takes_the_fraction_of_all(numbered):
    one, two = numbered.unlabelled().split(0.25)
    assert (len(one), len(two)) == (15, 45) and one.y is None and not set(rows(one)) & set(rows(two))


@pytest.mark.parametrize("per_class", [1, 3, 10])
def test_few_draws_exactly_per_class_rows_of_every_class(numbered, per_class):
    few = numbered.few(per_class, seed=2)
    assert counts(few) == [per_class] * 3
    assert len(set(rows(few))) == 3 * per_class and agrees(few, numbered)


def test_few_changes_with_the_seed_and_only_with_the_seed(numbered):
    torch.manual_seed(1)
    drawn = rows(numbered.few(3, seed=0))
    torch.manual_seed(2)
    assert rows(numbered.few(3, seed=0)) == drawn == rows(numbered.few(3))
    assert rows(numbered.few(3, seed=1)) != drawn


def test_partly_labelled_keeps_all_rows_and_the_labels_that_few_draws(numbered):
    partly = numbered.partly_labelled(2, seed=7)
    known = (partly.y != -1).nonzero().squeeze(1).tolist()
    assert partly.x is numbered.x and len(partly) == 60
    assert known == sorted(rows(numbered.few(2, seed=7)))
    assert partly.y[known].equal(numbered.y[known]) and (partly.y == -1).sum() == 54
    assert (numbered.y != -1).all(), "the original keeps its labels"


def test_partly_labelled_with_no_label_per_class_has_no_labels(numbered):
    assert numbered.partly_labelled(0).y is None


def test_few_never_draws_a_row_whose_label_is_unknown(numbered):
    partly = numbered.partly_labelled(2)
    assert sorted(rows(partly.few(2))) == sorted(rows(partly.labelled_part()))


def test_unlabelled_drops_the_labels_and_nothing_else(numbered):
    blind = numbered.unlabelled()
    assert blind.y is None and blind.x is numbered.x and blind.classes == CLASSES and blind.name == "numbered"


def test_labelled_part_is_the_rows_with_a_label(numbered):
    assert numbered.labelled_part() is numbered
    part = numbered.partly_labelled(4).labelled_part()
    assert counts(part) == [4, 4, 4] and agrees(part, numbered)


@pytest.mark.parametrize(
    "blind", [Domain.unlabelled, lambda d: Domain(d.x, torch.full((60,), -1), CLASSES, "numbered")]
)
def test_labelled_part_of_nothing_is_an_error(numbered, blind):
    with pytest.raises(ValueError, match="numbered has no labels"):
        blind(numbered).labelled_part()


@pytest.mark.parametrize("index", [[5, 3, 3], torch.tensor([5, 3, 3]), np.array([5, 3, 3])])
def test_subset_takes_positions_in_their_order(numbered, index):
    part = numbered.subset(index)
    assert rows(part) == [5, 3, 3] and agrees(part, numbered)


def test_subset_takes_a_mask(numbered):
    mask = numbered.x[:, 0] >= 57
    assert rows(numbered.subset(mask)) == [57, 58, 59]
    assert rows(numbered.unlabelled().subset(mask)) == [57, 58, 59]


def test_domains_of_texts_are_cut_like_any_other():
    texts = [f"text {i}" for i in range(8)]
    domain = Domain(texts, torch.arange(8) % 2, ("neg", "pos"), "reviews")
    assert domain.subset([6, 1]).x == ["text 6", "text 1"]
    assert domain.subset(torch.arange(8) < 2).x == texts[:2]
    few = domain.few(2)
    assert all(int(text[-1]) % 2 == label for text, label in zip(few.x, few.y.tolist(), strict=True))
    one, two = domain.split(0.5)
    assert sorted(one.x + two.x) == texts and counts(one) == [2, 2]


X, Y = torch.rand(4, 2), torch.tensor([0, 1, 2, 0])
NAN = X.clone()
NAN[2, 1] = float("nan")


@pytest.mark.parametrize(
    ("x", "y", "error", "words"),
    [
        (torch.rand(4), None, ValueError, ["(n, …)", "(4,)"]),
        (torch.rand(()), None, ValueError, ["(n, …)", "()"]),
        (torch.ones(4, 2, dtype=torch.int64), None, TypeError, ["float tensor", "torch.int64", "x.float()"]),
        (torch.ones(4, 2, dtype=torch.uint8), None, TypeError, ["float tensor", "torch.uint8", "x.float()"]),
        (NAN, None, ValueError, ["NaN", "1 rows", "first row 2"]),
        (X / 0, None, ValueError, ["infinite", "4 rows", "first row 0"]),
        (torch.rand(0, 2), None, ValueError, ["at least one example", "none"]),
        ([], None, ValueError, ["at least one example", "none"]),
        (X.numpy(), None, TypeError, ["float tensor or a list of strings", "ndarray"]),
        (None, None, TypeError, ["float tensor or a list of strings", "NoneType"]),
        ("one string", None, TypeError, ["list of strings", "str"]),
        (["text", 5], None, TypeError, ["list of strings", "list"]),
        (X, Y[:3], ValueError, ["shape (4,)", "(3,)"]),
        (X, Y[:, None], ValueError, ["shape (4,)", "(4, 1)"]),
        (["a", "b"], Y, ValueError, ["shape (2,)", "(4,)"]),
        (X, Y.float(), TypeError, ["int64", "torch.float32"]),
        (X, Y.int(), TypeError, ["int64", "torch.int32"]),
        (X, [0, 1, 2, 0], TypeError, ["int64", "list"]),
        (X, Y + 1, ValueError, ["label 3", "0 … 2", "3 classes"]),
        (X, Y - 2, ValueError, ["label -2", "0 … 2", "-1 marks"]),
        (X[:, :0], None, ValueError, ["without a single value", "(4, 0)"]),
        (X.to("meta"), None, ValueError, ["x must hold values"]),
        (X.to_sparse(), None, ValueError, ["x must be a dense tensor"]),
        (X, Y.to_sparse(), ValueError, ["y must be a dense tensor"]),
        (X, torch.rand(4, 3).to("meta"), ValueError, ["y must hold values"]),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_value_and_expectation(x, y, error, words):
    with pytest.raises(error) as caught:
        Domain(x, y, CLASSES, "my data")
    assert all(word in str(caught.value) for word in ["my data", *words]), caught.value


@pytest.mark.parametrize("classes", ["abc", ("a", 1), None, 3, b"abc", {"a", "b"}])
def test_names_that_are_no_texts_are_refused(classes):
    with pytest.raises(TypeError, match="my data: classes must be a list of texts"):
        Domain(X, None, classes, "my data")
    with pytest.raises(TypeError, match="the name of a domain must be a text, got 3"):
        Domain(X, None, CLASSES, 3)


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        ([60], ValueError, r"each within 0 … 59, got \[60\]"),
        ([-61], ValueError, "each within 0 … 59"),
        (torch.tensor([[1]]), ValueError, r"must be \(m,\)"),
        (torch.tensor(1), ValueError, r"must be \(m,\)"),
        (torch.tensor([1.0]), TypeError, "whole numbers or by a mask of True and False, got torch.float32"),
        ([1.5], TypeError, "Domain.subset: index must be a tensor or an array or a list of whole numbers"),
        (np.array(["a"]), TypeError, "whole numbers or by a mask"),
    ],
)
def test_rows_that_do_not_exist_are_refused(numbered, index, error, words):
    with pytest.raises(error, match=words):
        numbered.subset(index)


def test_positions_may_be_of_any_whole_dtype_and_count_from_the_end(numbered):
    for index in (torch.tensor([59, 0], dtype=torch.uint8), np.array([0, 59])[::-1], [-1, 0], np.array([59, 0], "u2")):
        assert rows(numbered.subset(index)) == [59, 0]


def test_few_of_a_domain_without_classes_is_refused_like_one_without_labels():
    with pytest.raises(ValueError, match="nobody has no labels to draw from"):
        Domain(X, torch.full((4,), -1), (), "nobody").few(1)


def test_parts_are_put_together_only_where_their_rows_fit():
    assert together([X, X[:1]]).shape == (5, 2) and together([["a"], ("b",)]) == ["a", "b"]
    for parts in ([], [X, X[:, :1]], [X[0, 0]]):
        with pytest.raises(ValueError, match="at least one part|rows of one shape"):
            together(parts)
    with pytest.raises(TypeError, match="parts must be a list of"):
        together([X, ["a"]])


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda d: d.few(11), ["class 'c'", "10 examples", "per_class=11", "at most 10"]),
        (lambda d: d.partly_labelled(21), ["class 'b'", "20 examples", "per_class=21"]),
        (lambda d: d.few(0), ["at least 1", "got 0"]),
        (lambda d: d.partly_labelled(-1), ["at least 1", "got -1"]),
        (lambda d: d.unlabelled().few(1), ["numbered has no labels"]),
        (lambda d: d.unlabelled().partly_labelled(1), ["numbered has no labels"]),
        (lambda d: d.split(0), ["between 0 and 1", "got 0"]),
        (lambda d: d.split(1.0), ["between 0 and 1", "got 1.0"]),
        (lambda d: d.split(0.01), ["60 rows", "0.01", "empty"]),
        (lambda d: d.subset(torch.tensor([], dtype=torch.int64)), ["at least one example"]),
        (lambda d: d.subset(torch.zeros(60, dtype=torch.bool)), ["at least one example"]),
        (lambda d: d.subset(torch.ones(59, dtype=torch.bool)), ["mask", "(60,)", "(59,)"]),
    ],
)
def test_impossible_cuts_are_refused_with_a_reason(numbered, ask, words):
    with pytest.raises(ValueError) as caught:
        ask(numbered)
    assert all(word in str(caught.value) for word in words), caught.value
