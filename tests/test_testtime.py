"""Tent: its entropy against a slow one, what a step may change, and what must be left alone."""

import math

import pytest
import torch

from tlutils import Classifier, accuracy, fit
from tlutils.testtime import entropy, tent


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture
def fitted(new_model, new_domain):
    model = new_model()
    fit(model, new_domain(), epochs=8, batch_size=15)
    return model


def test_entropy_equals_its_definition():
    logits = torch.randn(30, 5, generator=torch.Generator().manual_seed(0)).double()
    expected = [-math.fsum(p * math.log(p) for p in row) for row in logits.softmax(1).tolist()]
    assert entropy(logits).tolist() == pytest.approx(expected, rel=1e-12)


def test_entropy_is_finite_for_huge_logits_and_has_a_gradient():
    logits = (1e4 * torch.eye(3)).requires_grad_()
    entropy(logits).sum().backward()
    assert entropy(logits).tolist() == [0, 0, 0] and torch.isfinite(logits.grad).all()


def test_a_step_is_one_step_of_adam_on_the_entropy_by_scales_and_shifts(fitted, new_domain):
    x = new_domain(20, shift=0.5, seed=3).x
    expected = state(fitted)
    logits, lr = tent(fitted, x, batch_size=20, lr=1e-3), 1e-3

    # By hand: normalise with the batch's own statistics, differentiate numerically, move by lr against the sign,
    # which is Adam's first step.
    def mean_entropy(weight, bias):
        z = x.double() @ expected["encoder.linear.weight"].double().T + expected["encoder.linear.bias"].double()
        z = (z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt()
        out = torch.relu(z * weight + bias) @ expected["head.weight"].double().T + expected["head.bias"].double()
        return -(out.softmax(1) * out.log_softmax(1)).sum(1).mean(), out

    start = [expected["encoder.norm.weight"].double(), expected["encoder.norm.bias"].double()]
    assert torch.allclose(logits.double(), mean_entropy(*start)[1], atol=1e-4)
    for part, name in enumerate(("weight", "bias")):
        for i in range(len(start[part])):
            values = []
            for nudge in (1e-6, -1e-6):
                moved = [s.clone() for s in start]
                moved[part][i] += nudge
                values.append(mean_entropy(*moved)[0].item())
            slope = (values[0] - values[1]) / 2e-6
            found = (fitted.state_dict()[f"encoder.norm.{name}"][i] - expected[f"encoder.norm.{name}"][i]).item()
            if abs(slope) > 1e-5:
                assert found == pytest.approx(-lr * math.copysign(1, slope), rel=2e-2)


def test_steps_lower_the_entropy_of_their_batch(fitted, new_domain):
    x = new_domain(60, shift=1.5, seed=3).x
    first = entropy(tent(fitted, x, batch_size=60, lr=1e-2)).mean()
    last = entropy(tent(fitted, x, batch_size=60, lr=1e-2, steps=10)).mean()
    assert last < first


def test_only_scales_and_shifts_move_and_everything_else_is_put_back(fitted, new_domain):
    fitted.head.requires_grad_(False)
    fitted.encoder.linear.weight.grad = kept = torch.ones_like(fitted.encoder.linear.weight)
    before, modes = state(fitted), {m: m.training for m in fitted.modules()}
    asked = [p.requires_grad for p in fitted.parameters()]
    tent(fitted, new_domain(50, shift=1.0).x, batch_size=20)
    changed = {name for name, value in fitted.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"encoder.norm.weight", "encoder.norm.bias"}
    assert asked == [p.requires_grad for p in fitted.parameters()] and fitted.encoder.linear.weight.grad is kept
    assert modes == {m: m.training for m in fitted.modules()}


def test_it_follows_a_shift_of_the_inputs_and_needs_a_mix_of_classes(fitted, new_domain):
    shifted = new_domain(300, shift=4.0, seed=5)
    before, unchanged = accuracy(fitted, shifted), state(fitted)
    mixed = (tent(fitted, shifted.x, batch_size=60).argmax(1) == shifted.y).float().mean()
    fitted.load_state_dict(unchanged)
    in_order = shifted.subset(shifted.y.argsort(stable=True))
    sorted_ = (tent(fitted, in_order.x, batch_size=60).argmax(1) == in_order.y).float().mean()
    assert mixed > before + 0.2 and mixed > sorted_ + 0.2  # a batch of one class, its known failure


def test_every_row_is_answered_in_order_whatever_the_batch(fitted, new_domain):
    x = new_domain(11).x
    with_all = tent(fitted, x, batch_size=10, lr=1e-12)
    assert with_all.shape == (11, 3) and not with_all.requires_grad
    assert torch.allclose(tent(fitted, x, batch_size=64, lr=1e-12), with_all, atol=1e-5)
    assert len(tent(fitted, x[:3], batch_size=2)) == 3


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"batch_size": 1}, "batch_size ≥ 2"), ({"steps": 0}, "steps ≥ 1"), ({"lr": 0.0}, "lr > 0")],
)
def test_settings_that_make_no_sense_are_refused(fitted, new_domain, settings, told):
    with pytest.raises(ValueError, match=told):
        tent(fitted, new_domain().x, **settings)


def test_inputs_and_models_that_cannot_serve_are_refused(fitted, new_domain):
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        tent(fitted, new_domain().x[:1])

    class Plain(torch.nn.Linear):
        dim = 4

    with pytest.raises(ValueError, match="no BatchNorm layer with scale and shift"):
        tent(Classifier(Plain(4, 4), 3), new_domain().x)
    before = state(fitted)
    with pytest.raises(FloatingPointError, match="lower lr"):
        tent(fitted, torch.full((4, 4), torch.inf))
    assert all(torch.equal(value, before[name]) for name, value in fitted.state_dict().items())
