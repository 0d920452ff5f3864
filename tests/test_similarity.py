"""Centred kernel alignment against n × n kernels, and what must not change it."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tlutils import Classifier, DigitNet, cka
from tlutils.similarity import layer_outputs


def hsic(k, m):
    """The biased criterion: trace of two centred kernels, up to (n − 1)²."""
    h = np.eye(len(k)) - 1 / len(k)
    return np.trace(k @ h @ m @ h)


def unbiased_hsic(k, m):
    """Song et al. (2012): kernels without their diagonals."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    ones = np.ones(n)
    within = (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + within - 2 * ones @ k @ m @ ones / (n - 2)) / (n * (n - 3))


def cka_by_hand(a, b, criterion):
    k, m = (x.double().numpy() @ x.double().numpy().T for x in (a, b))
    return criterion(k, m) / np.sqrt(criterion(k, k) * criterion(m, m))


def pair(n=30, p=8, q=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(n, p, generator=generator)
    return a, torch.randn(n, q, generator=generator) + a[:, :1] ** 2


SHAPES = pytest.mark.parametrize(("n", "p", "q"), [(30, 8, 5), (12, 300, 4), (12, 4, 300), (12, 90, 80), (4, 3, 3)])
both = pytest.mark.parametrize("debiased", [True, False], ids=["debiased", "biased"])


@SHAPES
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_cka_equals_the_ratio_of_criteria_on_kernels(n, p, q, offset):
    a, b = (x + offset for x in pair(n, p, q))
    assert cka(a, b) == pytest.approx(cka_by_hand(a, b, unbiased_hsic), rel=1e-7, abs=1e-9)
    assert cka(a, b, debiased=False) == pytest.approx(cka_by_hand(a, b, hsic), rel=1e-7)


@both
@SHAPES
def test_a_turn_a_shift_a_scale_and_the_order_of_rows_change_nothing(n, p, q, debiased):
    a, b = (x.double() for x in pair(n, p, q))
    expected = cka(a, b, debiased=debiased)
    q_, order = torch.linalg.qr(torch.randn(p, p).double()).Q, torch.randperm(n)
    for other, of in [(a @ q_, b), (1e3 * a, 1e-20 * b), (a + 500, b - 7), (a[order], b[order]), (b, a)]:
        assert cka(other, of, debiased=debiased) == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert cka(a, 3 * a @ q_ + 1, debiased=debiased) == pytest.approx(1)


def test_stretching_one_direction_changes_it():
    a = pair()[0]
    assert cka(a, a * torch.tensor([30.0] + [1.0] * 7)) < 0.6


@pytest.mark.parametrize("n", [10, 40])
def test_debiased_cka_of_unrelated_wide_representations_is_near_zero_and_biased_near_one(n):
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(2, n, 500, generator=generator) for _ in range(30)]
    values = torch.tensor([cka(a, b) for a, b in draws])
    assert abs(values.mean()) <= 3 * values.std() / 30**0.5 and values.abs().max() <= 1
    assert min(cka(a, b, debiased=False) for a, b in draws) > 0.9


@both
@pytest.mark.parametrize("seed", range(5))
def test_cka_is_at_most_one(seed, debiased):
    assert abs(cka(*pair(5, 3, 2, seed), debiased=debiased)) <= 1 + 1e-12


class Largest(TorchDispatchMode):
    """Remember the number of elements of the largest tensor that any operation gives."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        self.elements = max(self.elements, out.numel() if isinstance(out, torch.Tensor) else 0)
        return out


@pytest.mark.parametrize(("n", "d"), [(500, 6), (6, 500)])
def test_the_smaller_of_both_forms_is_computed(n, d):
    a, b = pair(n, d, d)
    with Largest() as largest:
        cka(a, b)
    assert largest.elements == n * d


GOOD = pair(6)[0]


@pytest.mark.parametrize("swap", [False, True], ids=["second", "first"])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (GOOD.reshape(6, 2, 4), ["(n, d)", "(6, 2, 4)", "flatten(1)"]),
        (GOOD.long(), ["float tensor", "torch.int64"]),
        (GOOD / 0, ["NaN or infinite"]),
        (GOOD[:3], ["at least 4 rows", "got 3"]),
        (torch.full((6, 3), 0.1), ["does not tell the rows apart"]),
        (torch.eye(6), ["does not tell the rows apart"]),
    ],
)
def test_bad_representations_are_refused_with_value_and_expectation(bad, words, swap):
    with pytest.raises(ValueError) as caught:
        cka(*((bad, GOOD) if swap else (GOOD, bad)))
    assert all(word in str(caught.value) for word in [*words, "first" if swap else "second"]), caught.value


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="b must be a tensor, got ndarray"):
        cka(GOOD, GOOD.numpy())


def test_different_rows_are_refused():
    with pytest.raises(ValueError, match="6 and 5 rows: both representations must be of the same examples"):
        cka(GOOD, GOOD[:5])


def test_biased_cka_needs_two_rows():
    assert cka(GOOD[:2], GOOD[:2] + 1, debiased=False) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        cka(GOOD[:1], GOOD[:1], debiased=False)


# ---------------------------------------------------------------- outputs of layers


def test_layer_outputs_are_those_of_a_pass_flattened_in_evaluation_mode():
    torch.manual_seed(0)
    model = Classifier(DigitNet(), 3)
    model(torch.rand(9, 1, 8, 8))
    assert model.training
    x = torch.rand(7, 1, 8, 8)
    first, features = layer_outputs(model, [model.encoder.layers[0], model.encoder], x, batch_size=3)
    assert model.training and not any(module._forward_hooks for module in model.modules())
    model.eval()
    with torch.no_grad():
        assert torch.allclose(first, model.encoder.layers[0](x).flatten(1), atol=1e-5)
        assert torch.allclose(features, model.encoder(x), atol=1e-5)


def test_a_layer_outside_of_the_model_is_named():
    model = Classifier(DigitNet(), 3)
    with pytest.raises(ValueError, match="layer 1 was used 0 times in 1 passes"):
        layer_outputs(model, [model.encoder, DigitNet()], torch.rand(4, 1, 8, 8))
    assert not any(module._forward_hooks for module in model.modules())
