"""Domains that carry values in place of classes, and texts in place of tensors: the same `fit` serves them."""

import pytest
import torch
from torch import nn

from tlutils import Classifier, Domain, accuracy, fit, predict
from tlutils.domains import rows_at, together
from tlutils.train import outputs, task_loss

NAMES = ("steering", "speed")


@pytest.fixture
def values():
    """80 rows whose two values are linear in the inputs."""
    x = torch.randn(80, 4, generator=torch.Generator().manual_seed(3))
    return Domain(x, x @ torch.tensor([[1.0, 0.0], [0.0, -2.0], [0.5, 0.0], [0.0, 0.0]]), NAMES, "road")


class Identity(nn.Module):
    dim = 4

    def forward(self, x):
        return x


class Letters(nn.Module):
    """The smallest text encoder: how often each of four letters occurs."""

    dim = 4

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, texts):
        assert isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        return torch.tensor([[float(text.count(letter)) for letter in "abcd"] for text in texts]) * self.scale


@pytest.fixture
def texts():
    return Domain(["aab", "abb", "ccd", "cdd"] * 10, torch.tensor([0, 0, 1, 1] * 10), ("early", "late"), "letters")


def test_a_domain_of_values_says_so(values):
    assert values.has_values and repr(values) == "Domain('road': 80 examples, shape (4,), values of steering, speed)"
    assert not values.unlabelled().has_values


def test_values_are_cut_with_their_rows(values):
    first, second = values.split(0.25, seed=1)
    assert (len(first), len(second)) == (20, 60)
    assert torch.allclose(first.y[:, 0], first.x[:, 0] + first.x[:, 2] / 2)
    few = values.few(7, seed=2)
    assert len(few) == 7 and len({tuple(row) for row in few.x.tolist()}) == 7
    with pytest.raises(ValueError, match="values has 80 examples, fewer than per_class=81"):
        values.few(81)


def test_unknown_values_are_nan_and_left_out(values):
    partly = values.partly_labelled(5, seed=2)
    assert partly.known.sum() == 5 and partly.y[~partly.known].isnan().all()
    assert torch.equal(partly.labelled_part().x.sort(0).values, values.few(5, seed=2).x.sort(0).values)
    half = Domain(values.x[:2], torch.tensor([[1.0, float("nan")], [1.0, 2.0]]), NAMES, "half")
    assert half.known.tolist() == [False, True]  # a row counts when all of its values are known


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (torch.zeros(80, 1), ["road", "(80, 2)", "('steering', 'speed')", "(80, 1)"]),
        (torch.zeros(79, 2), ["(80, 2)", "(79, 2)"]),
        (torch.zeros(80, 2).index_fill(0, torch.tensor([3]), float("inf")), ["infinite", "row 3"]),
    ],
)
def test_values_that_do_not_fit_are_refused(values, y, words):
    with pytest.raises(ValueError) as caught:
        Domain(values.x, y, NAMES, "road")
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_column_of_values_without_a_second_axis_is_refused(values):
    with pytest.raises(TypeError, match=r"float values \(n, k\), got torch.float32"):
        Domain(values.x, values.y[:, 0], ("steering",), "road")


def test_the_loss_of_values_is_the_mean_squared_error():
    wanted, got = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 2.0], [3.0, 1.0]])
    assert task_loss(got, wanted).item() == pytest.approx((1 + 0 + 9 + 1) / 4)
    with pytest.raises(ValueError, match=r"a column for each value, \(2, 1\), not \(2, 2\)"):
        task_loss(got, wanted[:, :1])  # would broadcast, silently


def test_fit_learns_values_and_outputs_gives_them_back(values):
    model = Classifier(Identity(), NAMES)
    history = fit(model, values, epochs=60, batch_size=20, lr=0.1)
    assert history[-1]["source"] < 0.01 < history[0]["source"]
    found = outputs(model, values.x, batch_size=32)
    assert found.shape == (80, 2) and (found - values.y).abs().mean() < 0.1 and not found.requires_grad


def test_few_values_of_the_target_enter_the_objective(values):
    moved = Domain(values.x, values.y + 5, NAMES, "other road").partly_labelled(10)
    model = Classifier(Identity(), NAMES)
    history = fit(model, values, moved, epochs=3)
    assert set(history[0]) == {"source", "target"} and history[0]["target"] > history[0]["source"]


def test_values_and_classes_do_not_mix(values):
    classes = Domain(values.x, torch.zeros(80, dtype=torch.int64), NAMES, "sorted")
    with pytest.raises(ValueError, match="one has classes, the other values"):
        fit(Classifier(Identity(), NAMES), values, classes)
    with pytest.raises(ValueError, match="road has values, not classes"):
        accuracy(Classifier(Identity(), NAMES), values)


def test_fit_learns_from_texts(texts):
    model = Classifier(Letters(), texts.classes)
    fit(model, texts, epochs=30, batch_size=8, lr=0.1)
    assert accuracy(model, texts) == 1
    assert predict(model, texts.x, batch_size=7).tolist() == texts.y.tolist()


def test_a_penalty_sees_texts_of_both_domains(texts):
    seen = []

    def gap(a, b):
        seen.append((len(a), len(b)))
        return (a.mean(0) - b.mean(0)).square().sum()

    other = Domain(["dd", "aa"] * 6, None, texts.classes, "unlabelled letters")
    fit(Classifier(Letters(), texts.classes), texts, other, penalty=gap, steps=2, batch_size=8)
    assert seen == [(8, 8), (8, 8)]


def test_texts_and_tensors_do_not_mix(texts, values):
    with pytest.raises(ValueError, match=r"letters and road have rows of different shape: texts and \(4,\)"):
        fit(Classifier(Letters(), texts.classes), texts, values.unlabelled(), penalty=lambda a, b: a.sum())


def test_rows_of_texts_are_taken_and_joined_like_rows_of_tensors():
    assert rows_at(["a", "b", "c"], torch.tensor([2, 0])) == ["c", "a"]
    assert together([["a"], ["b", "c"]]) == ["a", "b", "c"]
    assert together([torch.ones(1, 2), torch.zeros(2, 2)]).shape == (3, 2)
