"""Frozen features and the probe on top of them."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tlutils import Classifier, DigitNet, extract_features, linear_probe


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = DigitNet(4)
    encoder(torch.rand(64, 1, 8, 8))  # moves the BatchNorm statistics away from their start
    return encoder


@pytest.mark.parametrize("batch_size", [1, 7, 20, 256])
def test_features_are_one_pass_of_the_encoder_in_evaluation_mode(encoder, batch_size):
    x, seen = torch.rand(20, 1, 8, 8), []
    hook = encoder.register_forward_hook(lambda module, inputs, out: seen.append((len(out), module.training)))
    features = extract_features(encoder, x, batch_size=batch_size)
    hook.remove()
    assert sum(n for n, _ in seen) == 20 and max(n for n, _ in seen) <= batch_size
    assert not any(training for _, training in seen)
    torch.testing.assert_close(features, encoder.eval()(x).detach(), rtol=1e-4, atol=1e-5)
    assert features.dtype == torch.float32 and features.shape == (20, encoder.dim)


def test_features_are_float32_whatever_the_encoder_computes_in(encoder):
    assert extract_features(encoder.double(), torch.rand(3, 1, 8, 8).double()).dtype == torch.float32


def test_every_layer_keeps_its_mode_and_its_statistics(encoder):
    encoder.train()
    encoder.layers[0].eval()
    modes = [module.training for module in encoder.modules()]
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    extract_features(encoder, torch.rand(9, 1, 8, 8))
    assert [module.training for module in encoder.modules()] == modes
    assert all(value.equal(before[key]) for key, value in encoder.state_dict().items())


def test_features_carry_no_gradient_but_a_head_can_learn_from_them(encoder):
    features = extract_features(encoder, torch.rand(9, 1, 8, 8))
    assert not features.requires_grad
    head = torch.nn.Linear(encoder.dim, 2)
    head(features).sum().backward()
    assert head.weight.grad is not None and encoder.layers[0][0].weight.grad is None


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.rand(5, 3, 8, 8), ["(n, 1, h, w)", "(5, 3, 8, 8)"]),
        (torch.rand(1, 8, 8), ["(n, 1, h, w)", "(1, 8, 8)"]),
        (torch.ones(5, 1, 8, 8, dtype=torch.uint8), ["float tensor", "torch.uint8"]),
        (np.ones((5, 1, 8, 8), np.float32), ["x must be a tensor", "ndarray"]),
        (["a text"], ["x must be a tensor", "list"]),
        (torch.rand(0, 1, 8, 8), ["(0, 1, 8, 8)"]),
        (255 * torch.ones(5, 1, 8, 8), ["[0, 1]", "255", "divide by 255"]),
        (torch.linspace(-2, 2, 320).view(5, 1, 8, 8), ["-2 to 2", "encoder's own"]),
        (torch.linspace(0, 300, 320).view(5, 1, 8, 8), ["0 to 300", "encoder's own"]),
        (torch.full((5, 1, 8, 8), torch.nan), ["NaN"]),
        (torch.full((5, 1, 8, 8), torch.inf), ["inf"]),
    ],
)
def test_what_is_not_a_batch_of_images_is_refused(encoder, x, words):
    with pytest.raises(ValueError if isinstance(x, torch.Tensor) else TypeError) as caught:
        extract_features(encoder, x)
    assert all(word in str(caught.value) for word in words), caught.value


def test_one_bad_pixel_is_found_and_a_rounding_error_forgiven(encoder):
    x = torch.rand(300, 1, 8, 8)
    x[0, 0, 0, 0], x[1, 0, 0, 0] = 1.005, -0.005
    extract_features(encoder, x)
    for wrong in (torch.nan, 1.2, -0.2):
        x[299, 0, 7, 7] = wrong
        with pytest.raises(ValueError, match="values in"):
            extract_features(encoder, x)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_holds_at_least_one_image(encoder, batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        extract_features(encoder, torch.rand(3, 1, 8, 8), batch_size=batch_size)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (torch.nn.Identity(), "shape (3, 1, 8, 8)"),
        (torch.nn.Flatten(0), "shape (192,)"),
        (torch.nn.LSTM(8, 4), "tuple"),
    ],
)
def test_an_encoder_must_return_a_row_for_each_image(network, words):
    network.forward = (lambda x: (x, x)) if "tuple" in words else network.forward
    with pytest.raises(ValueError) as caught:
        extract_features(network, torch.rand(3, 1, 8, 8))
    assert words in str(caught.value)


def test_any_network_will_do_with_or_without_weights():
    x = torch.rand(5, 2, 4, 4)
    assert extract_features(torch.nn.Flatten(), x).equal(x.flatten(1))
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.Flatten())
    torch.testing.assert_close(extract_features(net, x.double()), net(x).detach())


def test_callers_precision_and_gradient_settings_do_not_leak_in(encoder):
    x = torch.rand(9, 1, 8, 8)
    expected = extract_features(encoder, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert extract_features(encoder, x).equal(expected)
    assert extract_features(encoder, x.clone().requires_grad_(True)).equal(expected)


def test_a_failing_encoder_is_given_back_in_its_mode(encoder):
    encoder.train()

    def fail(module, inputs):
        raise RuntimeError("broken")

    encoder.register_forward_pre_hook(fail)
    with pytest.raises(ValueError, match="the encoder, DigitNet, cannot work on .*broken"):
        extract_features(encoder, torch.rand(9, 1, 8, 8), batch_size=2)
    assert all(module.training for module in encoder.modules())


def test_the_caller_keeps_images_as_they_were(encoder):
    x = torch.rand(9, 1, 8, 8)
    before = x.clone()
    extract_features(encoder, x, batch_size=2)
    assert x.equal(before) and x.is_contiguous()


def test_a_probe_solves_what_a_plane_can_separate_at_any_scale():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(300) % 3
    features = 1000 * torch.randn(300, 4, generator=generator)
    features[:, 1:] = 1e-6 * (20 * torch.eye(3)[y] + torch.randn(300, 3, generator=generator))
    probe = linear_probe(features[:150], y[:150])
    assert probe.score(features[150:], y[150:]) == 1
    assert np.allclose(probe.predict_proba(features).sum(1), 1)


def test_a_weaker_regularisation_gives_larger_weights():
    features, y = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2
    norms = [np.abs(linear_probe(features, y, regularisation=c)[-1].coef_).sum() for c in (0.001, 1.0)]
    assert norms[0] < norms[1] / 2


def test_weights_say_how_much_each_row_counts():
    generator = torch.Generator().manual_seed(0)
    features, y = torch.randn(80, 3, generator=generator), torch.arange(80) % 2
    weights = torch.arange(80) // 40 + 1.0  # the second half counts twice
    standardised = (features - features.mean(0)) / features.std(0, correction=0)
    twice = torch.cat([standardised, standardised[40:]]), torch.cat([y, y[40:]])
    mine = linear_probe(features, y, weights=weights)[-1].coef_
    assert np.allclose(mine, LogisticRegression(max_iter=1000).fit(*twice).coef_, atol=1e-3)
    assert not np.allclose(mine, linear_probe(features, y)[-1].coef_, atol=1e-2)


@pytest.mark.parametrize(
    ("n", "labels", "words"),
    [
        (4, [0, 1, 0], ["4 rows", "3 labels"]),
        (4, [1, 1, 1, 1], ["at least two classes"]),
        (4, [0, 1, -1, -1], ["-1", "labelled_part"]),
    ],
)
def test_a_probe_refuses_labels_it_cannot_learn_from(n, labels, words):
    with pytest.raises(ValueError) as caught:
        linear_probe(torch.rand(n, 2), torch.tensor(labels))
    assert all(word in str(caught.value) for word in words), caught.value


def test_an_encoder_inside_a_classifier_gives_the_features_its_head_sees(encoder):
    model, x = Classifier(encoder, 3).eval(), torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(extract_features(model.encoder, x), model(x, return_features=True)[0].detach())
