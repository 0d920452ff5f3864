"""BatchNorm re-estimated: against statistics by hand, and what must stay as it was."""

import pytest
import torch
from torch import nn

from tlutils.normalisation import reestimate_batchnorm, statistics_gap


def test_the_first_layer_holds_the_mean_and_variance_of_the_new_inputs():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2), nn.BatchNorm1d(2)).train()
    model(torch.randn(20, 3) * 5 - 8)
    x = torch.randn(64, 3) * 2 + 7
    weights = [p.clone() for p in model.parameters()]
    reestimate_batchnorm(model.eval(), x)
    assert torch.allclose(model[0].running_mean, x.mean(0), atol=1e-5)
    assert torch.allclose(model[0].running_var, x.var(0), atol=1e-4)
    out = model(x)
    assert torch.allclose(out.mean(0), torch.zeros(2), atol=1e-3)
    assert torch.allclose(out.std(0), torch.ones(2), atol=0.02)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert not model.training and model[0].momentum == 0.1


def test_batches_count_alike_and_none_is_a_single_row():
    model = nn.Sequential(nn.BatchNorm1d(3))
    x = torch.randn(65, 3)
    reestimate_batchnorm(model, x, batch_size=64)
    halves = torch.stack([rows.mean(0) for rows in x.chunk(2)])
    assert torch.allclose(model[0].running_mean, halves.mean(0), atol=1e-6)


def test_dropout_stays_off_and_modes_come_back():
    model = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(2)).train()
    reestimate_batchnorm(model, torch.full((10, 2), 3.0))
    assert torch.equal(model[1].running_mean, torch.full((2,), 3.0))
    assert model.training and model[0].training and model[1].training


def test_nothing_to_estimate_is_an_error():
    with pytest.raises(ValueError, match="no BatchNorm layer"):
        reestimate_batchnorm(nn.Linear(2, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="at least 2 rows"):
        reestimate_batchnorm(nn.Sequential(nn.BatchNorm1d(2)), torch.zeros(1, 2))


def test_a_measurement_in_training_mode_changes_no_memory_and_no_mode():
    """A named bug: the gap of a model just fitted, and so in training mode, was its own batch's, and was remembered."""
    model, x = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2), nn.BatchNorm1d(2)), torch.randn(20, 3)
    model(torch.randn(20, 3) * 5 - 8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gap = statistics_gap(model, x)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items()) and model.training
    assert gap == statistics_gap(model.eval(), x)


@pytest.mark.parametrize("x", [torch.randn(6, 4), 1e30 * torch.randn(6, 3)], ids=["width", "variance"])
def test_inputs_that_cannot_be_read_leave_the_memory_as_it_was(x):
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2))
    model(torch.randn(20, 3) + 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="cannot work on|cannot remember"):
        reestimate_batchnorm(model, x)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items()) and model.training
