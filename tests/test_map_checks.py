"""Checks of maps: rank correlation against SciPy's, copies with new weights, deletion by hand."""

from itertools import pairwise

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from tlutils import Classifier, DigitNet
from tlutils.explain import grad_cam, occlusion
from tlutils.map_checks import map_agreement, randomised, removal_curve, sanity_check

X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Classifier(DigitNet(), 3).eval()


def parts(model):
    return [model.head, *reversed(model.encoder.blocks)]


# ---------------------------------------------------------------- agreement


def test_agreement_is_spearmans_with_ties():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randint(0, 6, (5, 4, 7), generator=generator).float() for _ in range(2))
    expected = [spearmanr(p.flatten(), q.flatten()).statistic for p, q in zip(a, b, strict=True)]
    assert map_agreement(a, b).tolist() == pytest.approx(expected, abs=1e-6)


def test_the_order_counts_and_nothing_else():
    a = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0))
    assert map_agreement(a, a.exp() + 7).tolist() == pytest.approx([1] * 3)
    assert map_agreement(a, -a).tolist() == pytest.approx([-1] * 3)


def test_a_map_without_an_order_agrees_with_none():
    a = torch.rand(2, 4, 4)
    assert map_agreement(a, torch.zeros(2, 4, 4)).tolist() == [0, 0]


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(2, 4, 4\) and \(2, 4, 5\)"):
        map_agreement(torch.zeros(2, 4, 4), torch.zeros(2, 4, 5))


# ---------------------------------------------------------------- randomised weights


def changed(model, copy):
    state = copy.state_dict()
    return {name for name, p in model.named_parameters() if not p.equal(state[name])}


def test_parts_are_drawn_anew_one_after_the_other_and_the_model_stays(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copies = randomised(model, parts(model), seed=0)
    assert len(copies) == 5
    assert changed(model, copies[0]) == {"head.weight", "head.bias"}
    new = [changed(model, copy) for copy in copies]
    assert all(first < second for first, second in pairwise(new))
    weights = {name for name, p in model.named_parameters() if p.ndim > 1}
    assert weights <= new[-1], "in the last copy, every weight is new"
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert copies[0].head.weight.equal(copies[4].head.weight), "what is redrawn once stays so"


def test_batchnorm_forgets_and_the_seed_decides(model):
    model.train()
    model(torch.rand(20, 1, 8, 8))
    model.eval()
    state = torch.get_rng_state()
    first, again, other = (randomised(model, parts(model), seed=seed)[-1] for seed in (0, 0, 1))
    assert torch.get_rng_state().equal(state), "the caller's random stream goes on as before"
    assert first.encoder.layers[0][1].running_mean.abs().max() == 0, "the copy's BatchNorm has forgotten"
    assert model.encoder.layers[0][1].running_mean.abs().max() > 0, "the model's has not"
    assert first.head.weight.equal(again.head.weight) and not first.head.weight.equal(other.head.weight)


def test_parts_that_cannot_be_drawn_are_refused(model):
    with pytest.raises(ValueError, match="part 1 is not a part of this model"):
        randomised(model, [model.head, nn.Linear(3, 3)])

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

    scaled = nn.Sequential(Scale(), nn.Linear(2, 2))
    with pytest.raises(ValueError, match="part 0 has weights that no layer can draw again: factor"):
        randomised(scaled, [scaled[0]])


def test_the_check_passes_a_map_of_the_weights_and_fails_a_map_of_the_image(model):
    methods = {
        "image": lambda model, x, classes: x[:, 0],
        "Grad-CAM": lambda model, x, classes: grad_cam(model, x, model.encoder.blocks[1], classes),
    }
    found = sanity_check(model, parts(model), X, methods)
    assert found["image"] == pytest.approx(dict.fromkeys(range(1, 6), 1))
    assert list(found["Grad-CAM"]) == [1, 2, 3, 4, 5] and abs(found["Grad-CAM"][5]) < 0.6


# ---------------------------------------------------------------- removal


def test_the_curve_is_that_of_covering_by_hand(model):
    maps = torch.randn(6, 8, 8, generator=torch.Generator().manual_seed(1))
    curve = removal_curve(model, X, CLASSES, maps, fill=0.25, steps=4)
    order = maps.flatten(1).argsort(descending=True)
    for k in range(5):
        x = X.clone()
        for image, places in zip(x, order[:, : 16 * k], strict=True):
            image.view(-1)[places] = 0.25
        with torch.no_grad():
            p = model(x).softmax(1)[range(6), CLASSES]
        assert curve[k].item() == pytest.approx(p.mean().item(), abs=1e-5)


def test_the_right_map_falls_first_and_the_mean_colour_is_the_default():
    """The one pixel of a linear network is all of its evidence: gone in the first step, or kept until the last."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.zero_()
        network[1].weight[0, 20] = 9
    x = torch.full((3, 1, 8, 8), 0.1)
    x[:, 0, 2, 4] = 1
    y = torch.zeros(3, dtype=torch.long)
    maps = occlusion(network, x, y, window=1)
    good, bad = (removal_curve(network, x, y, order, steps=64) for order in (maps, -maps))
    low = torch.sigmoid(9 * x.mean())
    assert good[0] > 0.99 and good[1].item() == pytest.approx(low.item(), abs=1e-4)
    assert (bad[:-1] > 0.99).all() and bad[-1].item() == pytest.approx(low.item(), abs=1e-4)


def test_wrong_input_is_named(model):
    with pytest.raises(ValueError, match=r"a map \(h, w\) for each, got .*\(6, 4, 4\)"):
        removal_curve(model, X, CLASSES, torch.zeros(6, 4, 4))
    with pytest.raises(ValueError, match="steps must lie within 1 … 1,000,000, got 0"):
        removal_curve(model, X, CLASSES, torch.zeros(6, 8, 8), steps=0)
