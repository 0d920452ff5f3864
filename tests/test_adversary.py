"""Adversaries against oracles written out by hand, and against the bugs that other libraries ship."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from tlutils import DomainAdversary, accuracy, coral, fit, mmd, ramp, reverse_gradient, sliced_wasserstein
from tlutils.adversary import LARGEST_PRODUCT, scale_gradient

D, K = 5, 3
PLAIN, CDAN, CDAN_E = {}, {"classes": K}, {"classes": K, "entropy": True}
kinds = pytest.mark.parametrize("kind", [PLAIN, CDAN, CDAN_E], ids=["DANN", "CDAN", "CDAN+E"])


def batch(n=9, m=6, d=D, k=K, seed=0):
    """Features and logits of both domains, in the order in which an adversary takes them."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((n, d), (m, d), (n, k), (m, k))
    return [torch.randn(*shape, generator=generator) + 0.5 * i for i, shape in enumerate(shapes)]


def adversary_of(kind, dim=D, seed=0, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return DomainAdversary(dim, **kind, **settings)


def arguments(kind, samples):
    return samples if kind else samples[:2]


def score_by_hand(adversary, row):
    """The discriminator on one row, from its weights, in plain Python."""
    layers = [m for m in adversary.discriminator if isinstance(m, torch.nn.Linear)]
    for i, layer in enumerate(layers):
        weight, bias = layer.weight.double().tolist(), layer.bias.double().tolist()
        row = [math.fsum(w * x for w, x in zip(ws, row, strict=True)) + b for ws, b in zip(weight, bias, strict=True)]
        row = [max(0.0, x) for x in row] if i < len(layers) - 1 else row
    return row[0]


def softmax_by_hand(logits):
    powers = [math.exp(z) for z in logits]
    return [p / sum(powers) for p in powers]


def loss_by_hand(adversary, source, target, source_logits, target_logits):
    """Mean binary cross-entropy of each domain, row by row, weighted as in Long et al. (2018), equation 8."""
    losses = []
    for features, logits, is_source in ((source, source_logits, True), (target, target_logits, False)):
        rows, weights = [], []
        for f, z in zip(features.double().tolist(), logits.double().tolist(), strict=True):
            p = softmax_by_hand(z)
            joint = [x * q for q in p for x in f] if adversary.classes else f
            right = 1 / (1 + math.exp(-score_by_hand(adversary, joint)))
            rows.append(-math.log(right if is_source else 1 - right))
            entropy = -math.fsum(q * math.log(q) for q in p)
            weights.append(1 + math.exp(-entropy) if adversary.entropy else 1.0)
        losses.append(math.fsum(w * r for w, r in zip(weights, rows, strict=True)) / math.fsum(weights))
    return sum(losses) / 2


# Reversal


@pytest.mark.parametrize("strength", [0.0, 0.1, 1.0, 3.0])
def test_reversal_keeps_values_and_turns_gradients_round(strength):
    x = batch()[0].requires_grad_()
    reversed_, scaled = reverse_gradient(x, strength), scale_gradient(x, strength)
    assert reversed_.equal(x) and scaled.equal(x)
    (true,) = torch.autograd.grad((x**3).sum(), x)
    torch.testing.assert_close(torch.autograd.grad((reversed_**3).sum(), x)[0], -strength * true)
    torch.testing.assert_close(torch.autograd.grad((scaled**3).sum(), x)[0], strength * true)


def test_reversing_twice_is_the_plain_gradient():
    x = batch()[0].requires_grad_()
    (reverse_gradient(reverse_gradient(x)) ** 2).sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())


def test_reversal_is_for_the_features_alone():
    adversary = adversary_of(PLAIN)
    a, b = (x.requires_grad_() for x in batch()[:2])
    weights = list(adversary.parameters())
    mine = torch.autograd.grad(adversary(a, b), [a, b, *weights])
    one, zero = torch.nn.functional.softplus(-adversary.discriminator(a)), adversary.discriminator(b)
    plain = torch.autograd.grad((one.mean() + torch.nn.functional.softplus(zero).mean()) / 2, [a, b, *weights])
    for k, (got, expected) in enumerate(zip(mine, plain, strict=True)):
        torch.testing.assert_close(got, -expected if k < 2 else expected)


# The loss


@kinds
@pytest.mark.parametrize("sizes", [(9, 6), (4, 11), (1, 1)])
def test_the_loss_equals_the_one_by_hand(kind, sizes):
    adversary, samples = adversary_of(kind), batch(*sizes)
    assert adversary(*arguments(kind, samples)).item() == pytest.approx(loss_by_hand(adversary, *samples), abs=1e-6)


@kinds
def test_both_domains_weigh_the_same_whatever_their_size(kind):
    adversary = adversary_of(kind)
    source, target, source_logits, target_logits = batch()
    more = [source, target.repeat(7, 1), source_logits, target_logits.repeat(7, 1)]
    few = adversary(*arguments(kind, batch()))
    torch.testing.assert_close(adversary(*arguments(kind, more)), few)


def test_a_discriminator_that_knows_nothing_has_the_loss_log_two():
    adversary = adversary_of(PLAIN)
    for parameter in adversary.discriminator[-1].parameters():
        torch.nn.init.zeros_(parameter)
    assert adversary(*batch()[:2]).item() == pytest.approx(math.log(2))


@kinds
def test_huge_scores_stay_finite_and_keep_a_gradient(kind):
    """A sigmoid inside would be exactly 0 or 1 here: infinite loss or, clamped, no gradient at all."""
    adversary, samples = adversary_of(kind), batch()
    with torch.no_grad():
        adversary.discriminator[-1].weight.mul_(1e6)
    a, b = (x.requires_grad_() for x in samples[:2])
    scores = []
    adversary.discriminator.register_forward_hook(lambda *call: scores.append(call[2].detach()))
    loss = adversary(*arguments(kind, samples))
    assert torch.cat(scores).abs().max() > 1e4 and torch.isfinite(loss) and loss > 1e3
    for gradient in torch.autograd.grad(loss, [a, b]):
        assert torch.isfinite(gradient).all()
    assert any(gradient.any() for gradient in torch.autograd.grad(adversary(*arguments(kind, samples)), [a, b]))


# Predictions


def seen_by_the_discriminator(adversary, *samples):
    seen = []
    hook = adversary.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    adversary(*samples)
    hook.remove()
    return seen


def test_the_product_is_the_outer_product():
    samples = batch()
    seen = seen_by_the_discriminator(adversary_of(CDAN), *samples)
    for joint, features, logits in zip(seen, samples[:2], samples[2:], strict=True):
        for row, f, z in zip(joint, features, logits, strict=True):
            torch.testing.assert_close(row, torch.outer(torch.tensor(softmax_by_hand(z.tolist())), f).flatten())


def test_columns_are_counted_before_random_maps_step_in():
    assert LARGEST_PRODUCT == 4096, "as in the authors' code"
    assert not list(DomainAdversary(LARGEST_PRODUCT // 4, classes=4).buffers())
    assert len(list(DomainAdversary(LARGEST_PRODUCT // 4 + 1, classes=4).buffers())) == 2
    assert not list(DomainAdversary(LARGEST_PRODUCT + 1).buffers()), "plain features are never multiplied"


def test_random_maps_keep_inner_products_on_average():
    """⟨T(f, g), T(f′, g′)⟩ estimates ⟨f, f′⟩⟨g, g′⟩, as in Long et al. (2018), section 3.2; error about 1/√columns."""
    d, k = 500, 10
    f, _, z, _ = batch(n=6, d=d, k=k)
    g = z.softmax(1)
    exact = (f @ f.T) * (g @ g.T)
    inner = []
    for seed in range(30):
        joint, _ = seen_by_the_discriminator(adversary_of({"classes": k}, dim=d, seed=seed, hidden=2), f, f, z, z)
        assert joint.shape == (6, 1024)
        inner.append(joint @ joint.T)
    size = exact.diagonal().sqrt()
    error = (torch.stack(inner) - exact) / (size[:, None] * size)
    assert error.mean(0).abs().max() < 0.04
    assert error.square().mean().sqrt() < 4 / math.sqrt(1024)


def test_random_maps_are_kept_in_the_state_dict():
    kind, samples = {"classes": 10, "entropy": True}, batch(d=500, k=10)
    old, new = (adversary_of(kind, dim=500, seed=seed, hidden=4) for seed in (0, 1))
    assert old(*samples).item() != new(*samples).item()
    assert {"feature_map", "prediction_map"} <= old.state_dict().keys()
    assert not {"feature_map", "prediction_map"} & dict(old.named_parameters()).keys(), "fixed, not trained"
    new.load_state_dict(old.state_dict())
    assert new(*samples).equal(old(*samples))
    assert old.double()(*(x.double() for x in samples)).dtype == torch.float64, "maps move with the module"


def test_a_sure_row_counts_more():
    adversary, samples = adversary_of(CDAN_E), batch(n=2)
    samples[2] = torch.tensor([[50.0, 0, 0], [0, 0, 0]])  # sure: weight 1 + 1; undecided: 1 + 1/3
    weights = adversary._certainty(samples[2], torch.zeros(2))
    torch.testing.assert_close(weights, torch.tensor([2.0, 4 / 3]) / (5 / 3))


@kinds
def test_predictions_carry_no_gradient(kind):
    samples = [x.requires_grad_() for x in batch()]
    adversary_of(kind)(*arguments(kind, samples)).backward()
    assert all(x.grad is not None and x.grad.any() for x in samples[:2])
    assert all(x.grad is None for x in samples[2:])


# Domain accuracy


@kinds
def test_equal_domains_are_named_at_one_half(kind):
    source, _, logits, _ = batch()
    assert adversary_of(kind).accuracy(*arguments(kind, [source, source, logits, logits])) == 0.5


@kinds
def test_separable_domains_are_named_perfectly_after_training(kind):
    adversary, samples = adversary_of(kind), batch(40, 13)
    samples[1] += 8
    optimizer = torch.optim.Adam(adversary.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        adversary(*arguments(kind, samples)).backward()
        optimizer.step()
    assert adversary.accuracy(*arguments(kind, samples)) == 1
    swapped = [samples[i] for i in (1, 0, 3, 2)]
    assert adversary.accuracy(*arguments(kind, swapped)) == 0


def test_accuracy_weighs_both_domains_alike():
    adversary = adversary_of(PLAIN, dim=1)
    adversary.discriminator = torch.nn.Identity()  # the feature itself is the score
    source, target = torch.tensor([[1.0], [2], [3], [-1]]), torch.tensor([[-1.0]])
    assert adversary.accuracy(source, target) == (3 / 4 + 1) / 2


# In `fit`


def gradients(new_model, new_domain, kind, weight):
    """The gradients of the first training step, of the model and of the adversary, by name."""
    model, adversary, seen = new_model(), adversary_of(kind, dim=16), {}
    for name, parameter in [*model.named_parameters(), *adversary.named_parameters()]:
        parameter.register_hook(lambda gradient, name=name: seen.__setitem__(name, gradient.clone()))
    target = new_domain(shift=2.0, seed=1).unlabelled()
    fit(model, new_domain(), target, penalty=adversary, weight=weight, steps=1, batch_size=30)
    return seen


@kinds
def test_the_weight_scales_the_encoders_gradient_and_not_the_discriminators(new_model, new_domain, kind):
    none, tenth, full = (gradients(new_model, new_domain, kind, weight) for weight in (0.0, 0.1, 1.0))
    felt = 0
    for name, gradient in full.items():
        assert gradient.any()
        if name.startswith("encoder"):
            assert not gradient.equal(none[name])
            torch.testing.assert_close(tenth[name] - none[name], (gradient - none[name]) / 10, rtol=1e-3, atol=1e-6)
            felt += 1
        else:  # the discriminator, and the head, which the penalty does not touch
            assert gradient.equal(tenth[name]) and gradient.equal(none[name]), name
    assert felt and any(name.startswith("discriminator") for name in full)


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
def test_a_ramped_weight_reaches_its_peak_at_the_last_step(new_model, new_domain, steps):
    strength, seen = ramp(1.0), []
    fit(
        new_model(),
        new_domain(6),
        new_domain(6).unlabelled(),
        penalty=DomainAdversary(16, hidden=2),
        weight=lambda progress: seen.append(strength(progress)) or seen[-1],
        steps=steps,
    )
    assert len(seen) == steps and seen[-1] == pytest.approx(1)
    assert steps == 1 or seen[0] == 0


@kinds
def test_fit_trains_the_adversary_and_learns_the_task(new_model, new_domain, kind):
    adversary, model, source = adversary_of(kind, dim=16), new_model(), new_domain(300)
    before = copy.deepcopy(adversary.state_dict())
    target = new_domain(300, shift=1.0, seed=1)
    fit(model, source, target.unlabelled(), penalty=adversary, epochs=5, batch_size=50, lr=1e-2)
    assert not any(value.equal(before[name]) for name, value in adversary.state_dict().items())
    assert accuracy(model, source) > 0.9


def test_an_adversary_brings_the_domains_together(new_model, new_domain):
    source, target = new_domain(300), new_domain(300, shift=torch.tensor([0.0, 0, 0, 1.5]), seed=1)
    apart = []
    for weight in (0.0, 1.0):
        model = new_model()
        settings = {"epochs": 10, "batch_size": 50, "lr": 1e-2, "weight": weight}
        fit(model, source, target.unlabelled(), penalty=adversary_of(PLAIN, dim=16), **settings)
        apart.append(mmd(*(model(domain.x, return_features=True)[0] for domain in (source, target))).item())
    assert apart[1] < 0.7 * apart[0]
    assert accuracy(model, target) > 0.9


PENALTIES = {
    "MMD": lambda: mmd,
    "CORAL": lambda: coral,
    "sliced Wasserstein": lambda: sliced_wasserstein,
    "DANN": lambda: adversary_of(PLAIN, dim=16),
    "CDAN+E": lambda: adversary_of(CDAN_E, dim=16),
}
every_penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)


def answers(new_model, new_domain, target, penalty, seed=0):
    model, penalty = new_model(), penalty()
    fit(model, new_domain(), target, penalty=penalty, epochs=3, batch_size=15, seed=seed)
    weights = penalty.state_dict() if isinstance(penalty, torch.nn.Module) else {}
    with torch.no_grad():
        return torch.cat([model(new_domain(shift=1.0, seed=2).x).flatten(), *(w.flatten() for w in weights.values())])


@every_penalty
def test_contradictory_target_labels_move_no_bit(new_model, new_domain, penalty):
    target = new_domain(shift=1.0, seed=1)
    poisoned = replace(target, y=(target.y + 1) % K)
    honest = answers(new_model, new_domain, target.unlabelled(), penalty)
    assert answers(new_model, new_domain, poisoned.unlabelled(), penalty).equal(honest)
    assert not answers(new_model, new_domain, poisoned, penalty).equal(honest), "the canary can die"


@every_penalty
def test_a_seeded_run_repeats_bit_for_bit(new_model, new_domain, penalty):
    target = new_domain(shift=1.0, seed=1).unlabelled()
    first, again, other = (answers(new_model, new_domain, target, penalty, seed) for seed in (0, 0, 1))
    assert first.equal(again) and not first.equal(other)


# Wrong input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 4, "entropy": True}, "number of classes"),
        ({"dim": 0}, "dim=0"),
        ({"dim": 4, "hidden": 0}, "hidden=0"),
        ({"dim": 4, "classes": 1}, "classes=1"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        DomainAdversary(**settings)


def test_the_smallest_settings_are_allowed():
    a, b = batch()[:2]
    assert torch.isfinite(DomainAdversary(1, hidden=1)(a[:, :1], b[:, :1]))
    assert torch.isfinite(DomainAdversary(D, classes=2)(*batch(k=2)))


@kinds
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("shape", [(4, D + 1), (0, D), (D,)])
def test_features_that_do_not_fit_are_named(kind, which, shape):
    samples = batch()
    samples[which] = torch.zeros(shape)
    for call in (adversary_of(kind), adversary_of(kind).accuracy):
        with pytest.raises(ValueError, match=rf"features must have shape \(n, {D}\).*got \({shape[0]}"):
            call(*arguments(kind, samples))


def test_logits_that_do_not_fit_are_named():
    adversary, (a, b, p, q) = adversary_of(CDAN), batch()
    for call in (adversary, adversary.accuracy):
        with pytest.raises(ValueError, match="features and logits of both domains"):
            call(a, b)
        with pytest.raises(ValueError, match=rf"logits must have shape \(n, {K}\)"):
            call(a, b, p, q[:, :2])
        with pytest.raises(ValueError, match=rf"logits must have shape \(n, {K}\)"):
            call(a, b, p[:, :2], q)
        with pytest.raises(ValueError, match="9 rows of features but 1 of logits"):
            call(a, b, p[:1], q)


def test_a_score_of_zero_names_the_target():
    adversary, zero = adversary_of(PLAIN, dim=1), torch.zeros(3, 1)
    adversary.discriminator = torch.nn.Identity()
    assert adversary.accuracy(zero, zero) == 0.5
    assert adversary.accuracy(zero + 1, zero) == 1 and adversary.accuracy(zero, zero + 1) == 0


def test_the_discriminator_has_two_hidden_layers_of_128_unless_told_otherwise():
    for settings, hidden in (({}, 128), ({"hidden": 7}, 7)):
        shapes = [tuple(weight.shape) for weight in adversary_of(CDAN, **settings).discriminator.parameters()][::2]
        assert shapes == [(hidden, D * K), (hidden, hidden), (1, hidden)]


@kinds
def test_accuracy_keeps_nothing_for_a_gradient_and_the_loss_does(kind):
    adversary, seen = adversary_of(kind), []
    adversary.discriminator.register_forward_hook(lambda *call: seen.append(call[2].requires_grad))
    adversary.accuracy(*arguments(kind, batch()))
    adversary(*arguments(kind, batch()))
    assert seen == [False, False, True, True]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: scale_gradient(None, 1.0), "scale_gradient: x must be a tensor"),
        (lambda x: reverse_gradient(x, "1"), "reverse_gradient: strength must be a number"),
        (lambda x: DomainAdversary("4"), "DomainAdversary: dim must be a whole number"),
        (lambda x: DomainAdversary(D)(x, None), "DomainAdversary: target_features must be a tensor"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(call, words):
    with pytest.raises(TypeError, match=words):
        call(batch()[0])
