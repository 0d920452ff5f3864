"""Occlusion against covering by hand, on networks whose answer is known by construction; guided backpropagation."""

import pytest
import torch
from torch import nn

from tlutils import Classifier, DigitNet, DrivingNet, image_encoder
from tlutils.explain import guided_backprop, log_odds, occlusion

X = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 1])


def linear(weight, classes=2):
    """Return a linear network of images (n, 3, 8, 8), whose first class has the given weights and the others none."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, classes))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.zero_()
        network[1].weight[0] = weight.flatten()
    return network


def one_pixel(row, column):
    weight = torch.zeros(3, 8, 8)
    weight[1, row, column] = 5.0
    return linear(weight)


@pytest.mark.parametrize("fill", [0.0, 0.3, None])
def test_a_linear_network_loses_its_weights_times_what_was_covered(fill):
    weight = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(1))
    cover = X.mean((2, 3), keepdim=True) if fill is None else fill
    sign = torch.tensor([1.0, -1.0, -1.0])[:, None, None]  # of two classes, the log-odds are their difference
    expected = sign * (weight * (X - cover)).sum(1)
    assert torch.allclose(occlusion(linear(weight), X, CLASSES, window=1, fill=fill), expected, atol=1e-4)


@pytest.mark.parametrize("window", [2, 3, 8])
@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_every_square_is_covered_alone_the_last_ones_cut_at_the_border(window, batch_size):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    maps = occlusion(model, X, CLASSES, window=window, fill=0.5, batch_size=batch_size)
    with torch.no_grad():
        whole = log_odds(model(X), CLASSES)
        for top in range(0, 8, window):
            for left in range(0, 8, window):
                part = (..., slice(top, top + window), slice(left, left + window))
                covered = X.clone()
                covered[part] = 0.5
                lost = (whole - log_odds(model(covered), CLASSES))[:, None, None]
                assert torch.allclose(maps[part], lost.expand_as(maps[part]), atol=1e-5)


def test_the_one_pixel_that_counts_is_the_one_that_is_marked():
    maps = occlusion(one_pixel(5, 2), X, CLASSES, window=1, fill=0.0)
    elsewhere = torch.ones(8, 8, dtype=torch.bool)
    elsewhere[5, 2] = False
    assert (maps[:, elsewhere].abs() < 1e-5).all()
    assert maps[0, 5, 2] > 0 > maps[1, 5, 2], "for the first class, against the second"


def test_log_odds_are_those_of_the_softmax():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 1, 2, 3, 0, 1])
    p = logits.double().softmax(1)[range(6), classes]
    assert torch.allclose(log_odds(logits, classes).double(), (p / (1 - p)).log(), atol=1e-5)


def test_model_mode_and_images_stay_as_they_were():
    model = Classifier(DigitNet(), 3)
    model.train()
    model.encoder.eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    x = torch.rand(4, 1, 8, 8)
    kept, y = x.clone(), torch.tensor([0, 1, 2, 0])
    for method in (lambda: occlusion(model, x, y, window=4), lambda: guided_backprop(model, x, y)):
        maps = method()
        assert maps.shape == (4, 8, 8) and not maps.requires_grad and maps.isfinite().all()
        assert model.training and not model.encoder.training and x.equal(kept) and not x.requires_grad
        assert all(value.equal(state[name]) for name, value in model.state_dict().items())
        assert all(p.grad is None for p in model.parameters())
        assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in model.modules())


def test_guided_backprop_cuts_negative_gradients_at_every_relu():
    """By hand: two ReLUs behind one another, the second weighted +1 and −1; only the path that adds survives."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        model[1].weight[:] = torch.tensor([[1.0, -2, 0, 0], [0, 0, 3, 4]])
        model[3].weight[:] = torch.tensor([[1.0, -1], [0, 0]])
    x = torch.tensor([[0.9, 0.1, 0.5, 0.5]]).view(1, 1, 2, 2)
    maps = guided_backprop(model, x, torch.tensor([0]))
    assert maps.flatten().tolist() == pytest.approx([1, 2, 0, 0])


def test_what_cannot_be_explained_is_refused():
    model = one_pixel(0, 0)
    for window in (0, 9):
        with pytest.raises(ValueError, match=f"between 1 and the side 8 of the image, got {window}"):
            occlusion(model, X, CLASSES, window=window)
    with pytest.raises(ValueError, match=r"class numbers \(3,\), got \(2,\)"):
        occlusion(model, X, CLASSES[:2], window=1)
    with pytest.raises(ValueError, match="classes must lie within 0 … 1, got 2"):
        occlusion(model, X, torch.tensor([0, 1, 2]), window=1)
    with pytest.raises(ValueError, match="no nn.ReLU layers"):
        guided_backprop(Classifier(image_encoder("untrained"), 2), torch.rand(3, 3, 32, 32), CLASSES)


def test_many_images_and_a_network_of_the_course_go_together():
    torch.manual_seed(0)
    model = Classifier(DrivingNet(), 2)
    x, y = torch.rand(5, 3, 32, 32), torch.tensor([0, 1, 0, 1, 1])
    whole = occlusion(model, x, y, window=8)
    alone = [occlusion(model, x[i : i + 1], y[i : i + 1], window=8) for i in range(5)]
    assert torch.allclose(whole, torch.cat(alone), atol=1e-5)
