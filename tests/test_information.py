"""Information in predictions: by hand, at its edges, as a score that reads no label, as a penalty."""

import math
from dataclasses import replace

import pytest
import torch

from tlutils import InformationMaximisation, fit, information, information_score, mmd


def test_information_equals_its_definition():
    logits = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)).double() * 2
    p = logits.softmax(1).tolist()
    mean = [math.fsum(row[k] for row in p) / 40 for k in range(5)]

    def entropy(row):
        return -math.fsum(q * math.log(q) for q in row)

    expected = entropy(mean) - math.fsum(entropy(row) for row in p) / 40
    assert information(logits).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        (1e4 * torch.eye(4).repeat(3, 1), math.log(4)),  # sure and even-handed
        (torch.zeros(6, 4), 0.0),  # unsure
        (1e4 * torch.eye(4)[[2] * 6], 0.0),  # sure, but always of one class
    ],
)
def test_information_is_largest_for_sure_and_even_predictions_and_finite_at_the_edges(logits, expected):
    logits.requires_grad_()
    value = information(logits)
    value.backward()
    assert value.item() == pytest.approx(expected, abs=1e-5) and torch.isfinite(logits.grad).all()


def test_information_passes_gradcheck():
    assert torch.autograd.gradcheck(information, torch.randn(6, 3, dtype=torch.double, requires_grad=True))


@pytest.mark.parametrize("logits", [torch.zeros(0, 3), torch.zeros(3)])
def test_information_refuses_other_shapes(logits):
    with pytest.raises(ValueError, match=r"float tensor \(n, k\), got \(3,\)|at least 1 row"):
        information(logits)


def test_bug_10_the_information_score_reads_no_label_and_leaves_the_mode(new_model, new_domain):
    model, target = new_model().train(), new_domain()
    score = information_score(model, target, batch_size=20)
    assert score == information_score(model, replace(target, y=(target.y + 1) % 3), batch_size=20)
    assert model.training
    assert score == pytest.approx(information(model.eval()(target.x)).item(), rel=1e-5)


def test_as_a_penalty_it_is_minus_the_information_of_the_target_plus_a_distance():
    a, b, la, lb = torch.randn(9, 4), torch.randn(7, 4), torch.randn(9, 3), torch.randn(7, 3)
    assert InformationMaximisation(strength=0.5)(a, b, la, lb).equal(-0.5 * information(lb))
    assert InformationMaximisation(mmd)(a, b, la, lb).equal(mmd(a, b) - information(lb))


def test_training_on_it_makes_the_target_predictions_sure_and_even(new_model, new_domain):
    source, target = new_domain(300), new_domain(300, shift=torch.tensor([3.0, -3, 0, 0]), seed=1).unlabelled()
    scores, even = [], []
    for penalty in (None, InformationMaximisation()):
        model = new_model()
        fit(model, source, target if penalty else None, penalty=penalty, epochs=40, batch_size=50, lr=1e-2)
        scores.append(information_score(model, target))
        even.append(torch.bincount(model(target.x).argmax(1), minlength=3).max().item() / 300)
    assert scores[1] > 1.5 * scores[0] and scores[1] > 0.8 * math.log(3)
    assert even[1] < 0.5 < even[0]
