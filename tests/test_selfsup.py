"""The contrastive loss against a double loop; training from views: deterministic, label-blind, loud when it fails."""

import math
from dataclasses import replace

import pytest
import torch

from tlutils import DigitNet, Domain, Projected, contrastive_loss, extract_features, fit_unlabelled
from tlutils.augment import random_noise, random_warp


def slow_loss(z1, z2, temperature):
    """Return NT-Xent by two loops in float64, as the paper writes it."""
    z = [row.double() / row.double().norm() for row in (*z1, *z2)]
    n, total = len(z1), 0.0
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        crowd = sum(math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * n) if k != i)
        total -= math.log(math.exp(float(z[i] @ z[partner]) / temperature) / crowd)
    return total / (2 * n)


@pytest.fixture
def views():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(9, 5, generator=generator)
    return z, z + 0.5 * torch.randn(9, 5, generator=generator)


@pytest.mark.parametrize("temperature", [0.1, 0.2, 1.0, 5.0])
def test_the_loss_is_the_double_loop(views, temperature):
    assert contrastive_loss(*views, temperature).item() == pytest.approx(slow_loss(*views, temperature), abs=1e-5)


def test_two_rows_are_enough():
    z = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    assert contrastive_loss(z, z).item() == pytest.approx(slow_loss(z, z, 0.2), abs=1e-5)


def test_length_order_and_sides_do_not_matter(views):
    loss, (z1, z2) = contrastive_loss(*views), views
    order = torch.randperm(len(z1))
    torch.testing.assert_close(contrastive_loss(1000 * z1, 1e-3 * z2), loss)
    torch.testing.assert_close(contrastive_loss(z1[order], z2[order]), loss)
    torch.testing.assert_close(contrastive_loss(z2, z1), loss)
    assert contrastive_loss(z1, z2[order]) > loss, "wrong partners cost more"


def test_equal_vectors_cost_a_blind_guess():
    same = torch.ones(8, 4)
    assert contrastive_loss(same, same).item() == pytest.approx(math.log(15), abs=1e-6)


@pytest.mark.parametrize("temperature", [1e-3, 1e-4])
def test_a_cold_temperature_stays_finite(views, temperature):
    z = views[0].clone().requires_grad_()
    loss = contrastive_loss(z, views[1], temperature)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(z.grad).all()


def test_the_gradient_is_right(views):
    z1, z2 = (view[:4].double().requires_grad_() for view in views)
    assert torch.autograd.gradcheck(contrastive_loss, (z1, z2))


@pytest.mark.parametrize(
    ("z1", "z2", "temperature", "message"),
    [
        (torch.rand(4, 3), torch.rand(5, 3), 0.2, r"\(4, 3\) and \(5, 3\)"),
        (torch.rand(4, 3), torch.rand(4, 2), 0.2, r"\(4, 3\) and \(4, 2\)"),
        (torch.rand(4), torch.rand(4), 0.2, r"first view .*\(4,\)"),
        (torch.rand(4, 3), torch.ones(4, 3, dtype=torch.long), 0.2, "second view .*int64"),
        (torch.rand(1, 3), torch.rand(1, 3), 0.2, "at least 2"),
        (torch.rand(4, 3), torch.rand(4, 3), 0.0, "positive"),
        (torch.rand(4, 3), torch.rand(4, 3), math.nan, "temperature must be a number"),
    ],
)
def test_the_loss_refuses(z1, z2, temperature, message):
    with pytest.raises(ValueError, match=message):
        contrastive_loss(z1, z2, temperature)


# ---------------------------------------------------------------- training


@pytest.fixture
def glyphs():
    """Return 60 pictures (60, 1, 8, 8) of three shapes, with labels."""
    y = torch.arange(60) % 3
    shapes = torch.zeros(3, 1, 8, 8)
    shapes[0, :, 3:5], shapes[1, :, :, 3:5], shapes[2, :, 2:6, 2:6] = 1, 1, 1
    noise = 0.1 * torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return Domain((shapes[y] + noise).clamp(0, 1), y, ("bar", "pole", "box"), "glyphs")


def new(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Projected(DigitNet(width=4), dim=8)


def trained(domain, seed=0, model=None, **settings):
    model = model or new()
    history = fit_unlabelled(model, domain, random_warp, **{"steps": 12, "batch_size": 20, **settings}, seed=seed)
    return model, history


def same(a, b):
    return all(x.equal(y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_training_lowers_the_loss_of_the_model_in_place(glyphs):
    model, history = trained(glyphs, steps=60)
    assert len(history) == 20 and set(history[0]) == {"loss"}
    assert history[-1]["loss"] < history[0]["loss"] - 0.3
    assert not same(model.encoder, new().encoder) and not same(model.head, new().head)
    assert not any(module.training for module in model.modules())


def test_a_seed_decides_every_bit_and_the_callers_randomness_is_left_alone(glyphs):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, history = trained(glyphs)
    assert torch.get_rng_state().equal(state)
    torch.rand(5)
    second, again = trained(glyphs)
    assert same(first, second) and history == again
    assert not same(first, trained(glyphs, seed=1)[0])


def test_labels_are_never_read(glyphs):
    blind, _ = trained(glyphs.unlabelled())
    for labels in (glyphs.y, glyphs.y.flip(0), torch.full_like(glyphs.y, -1)):
        assert same(blind, trained(replace(glyphs, y=labels))[0])


def test_epochs_are_passes_over_the_domain(glyphs):
    assert len(trained(glyphs, steps=None, epochs=3)[1]) == 3


def test_training_can_go_on_and_frozen_parts_stay(glyphs):
    model, _ = trained(glyphs)
    model.encoder.requires_grad_(False)
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    head = [p.detach().clone() for p in model.head.parameters()]
    trained(glyphs, model=model)
    assert all(value.equal(before[name]) for name, value in model.encoder.state_dict().items())
    assert not all(a.equal(b) for a, b in zip(head, model.head.parameters(), strict=True))
    assert "_is_accelerate_prepared" not in model.__dict__


def test_another_loss_of_two_views_may_be_given(glyphs):
    seen = []

    def spread(z1, z2):
        seen.append((z1.shape, z2.shape))
        return (z1 - z2).square().mean()

    trained(glyphs, loss=spread, steps=2)
    assert seen == [((20, 8), (20, 8))] * 2


def test_a_domain_smaller_than_a_batch_is_one_batch(glyphs):
    trained(glyphs.subset(torch.arange(7)), steps=2)


def test_nothing_is_printed(glyphs, capfd):
    trained(glyphs, steps=2)
    assert capfd.readouterr() == ("", "")


def test_training_stops_where_the_loss_is_not_finite(glyphs):
    with pytest.raises(FloatingPointError, match="step 0: the loss term is nan"):
        fit_unlabelled(new(), glyphs, lambda x: x * torch.nan, steps=3)
    with pytest.raises(FloatingPointError):
        trained(glyphs, lr=1e30)


@pytest.mark.parametrize(
    ("loss", "message"),
    [(lambda a, b: (a - b).sum(1), "scalar"), (lambda a, b: (a - b).sum().detach(), "no gradient")],
)
def test_a_loss_that_cannot_be_minimised_is_refused(glyphs, loss, message):
    with pytest.raises(ValueError, match=message):
        trained(glyphs, loss=loss)


def test_views_and_domains_that_cannot_be_compared_are_refused(glyphs):
    with pytest.raises(ValueError, match="view of every row"):
        fit_unlabelled(new(), glyphs, lambda x: x[:3], steps=1)
    with pytest.raises(ValueError, match="at least 2 rows"):
        trained(glyphs.subset(torch.tensor([0])))
    with pytest.raises(ValueError, match="at least 2 rows"):
        trained(Domain(["a", "b"], None, ("x",), "texts"))


def test_features_are_unit_vectors_of_the_width_asked_for(glyphs):
    features = extract_features(new(), glyphs.x)
    assert features.shape == (60, 8)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(60))


# ---------------------------------------------------------------- views


@pytest.mark.parametrize("make", [random_warp, random_noise])
@pytest.mark.parametrize("shape", [(40, 3, 9, 12), (1, 1, 8, 8)], ids=str)
def test_views_keep_shape_range_and_their_source(make, shape):
    x = torch.rand(shape).round(decimals=1)
    before = x.clone()
    out = make(x)
    assert out.shape == x.shape and out.dtype == x.dtype and 0 <= out.min() and out.max() <= 1
    assert x.equal(before) and make(x.double()).dtype == torch.float64
    assert len(make(x[:1].expand(32, -1, -1, -1)).unique(dim=0)) == 32, "each image has its own draw"


def test_a_warp_of_strength_zero_is_no_change():
    x = torch.rand(5, 2, 9, 12)
    torch.testing.assert_close(random_warp(x, 0, 0, 0, 0, 0), x)
    assert random_noise(x, 0).equal(x)


def extreme(monkeypatch, **strengths):
    """Warp with every draw at its upper end: rand gives 1."""
    monkeypatch.setattr(torch, "rand", lambda shape, **kw: torch.ones(shape, **kw))
    still = dict.fromkeys(("rotation", "shear", "zoom", "shift", "elastic"), 0)
    return lambda x: random_warp(x, **still | strengths)


def test_a_quarter_turn_is_rot90(monkeypatch):
    x = torch.rand(3, 2, 9, 9)
    torch.testing.assert_close(extreme(monkeypatch, rotation=90)(x), x.rot90(1, (2, 3)), atol=1e-4, rtol=0)


def test_a_shift_is_a_share_of_the_side_and_black_enters(monkeypatch):
    x = torch.rand(3, 1, 8, 16)
    expected = torch.zeros_like(x)
    expected[:, :, :-2, :-4] = x[:, :, 2:, 4:]
    torch.testing.assert_close(extreme(monkeypatch, shift=0.25)(x), expected, atol=1e-5, rtol=0)
    moved = extreme(monkeypatch, elastic=0.25)(x)  # nine points that move alike carry the image along
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)


def test_shear_and_zoom_read_where_a_loop_says(monkeypatch):
    x = torch.rand(1, 1, 7, 7)
    sheared, zoomed = extreme(monkeypatch, shear=1.0)(x), extreme(monkeypatch, zoom=1.0)(x)
    for row in range(7):
        for column in range(7):
            a, b = row - 3, column - 3
            slanted = x[0, 0, row, b + a + 3].item() if abs(b + a) <= 3 else 0
            doubled = x[0, 0, 2 * a + 3, 2 * b + 3].item() if max(abs(2 * a), abs(2 * b)) <= 3 else 0
            assert sheared[0, 0, row, column].item() == pytest.approx(slanted, abs=1e-5)
            assert zoomed[0, 0, row, column].item() == pytest.approx(doubled, abs=1e-5)


def test_noise_has_the_strength_asked_for():
    x = torch.full((200, 1, 8, 8), 0.5)
    assert (random_noise(x, 0.1) - x).std().item() == pytest.approx(0.1, rel=0.05)
