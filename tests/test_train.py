"""Training: the equation, its bookkeeping, and every way in which it must stop instead of lying."""

import copy
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

import tlutils
from tlutils import Classifier, Domain, accuracy, coral, fit, mmd, predict, ramp
from tlutils.loop import training_mode

SHORT = {"epochs": 2, "batch_size": 15}


def weights(module):
    return {key: value.clone() for key, value in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def gap(a, b):
    """The plainest penalty: the squared distance of the means."""
    return (a.mean(0) - b.mean(0)).square().sum()


class Adversary(torch.nn.Module):
    """A penalty with weights of its own."""

    def __init__(self, width=16):
        super().__init__()
        self.score = torch.nn.Linear(width, 1)

    def forward(self, a, b):
        return F.softplus(-self.score(a)).mean() + F.softplus(self.score(b)).mean()


# What training does


@pytest.mark.parametrize(
    "setting",
    [{}, {"penalty": mmd}, {"augment": lambda x: x + torch.randn_like(x)}],
    ids=["plain", "penalty", "augment"],
)
def test_training_gives_the_same_bits_for_the_same_seed(new_model, new_domain, setting):
    target = {"target": new_domain(shift=1.0, seed=1).unlabelled()} if "penalty" in setting else {}
    models = [new_model() for _ in range(3)]
    histories = []
    for model, seed in zip(models, (0, 0, 1), strict=True):
        torch.rand(len(histories))  # the caller's own draws do not matter
        histories.append(fit(model, new_domain(), **target, **setting, **SHORT, seed=seed))
    assert same(weights(models[0]), weights(models[1])) and histories[0] == histories[1]
    assert not same(weights(models[0]), weights(models[2]))


@pytest.mark.parametrize("fails", [False, True])
def test_training_leaves_the_callers_random_state_alone(new_model, new_domain, fails):
    state = torch.get_rng_state()
    try:
        fit(new_model(), new_domain(), **SHORT, augment=(lambda x: x * float("nan")) if fails else None)
    except FloatingPointError:
        assert fails
    assert torch.get_rng_state().equal(state)


def test_the_model_learns(new_model, new_domain):
    model = new_model()
    history = fit(model, new_domain(300), epochs=10, batch_size=30, lr=1e-2)
    assert accuracy(model, new_domain(300, seed=9)) > 0.95 > accuracy(new_model(), new_domain(300, seed=9))
    assert history[-1]["source"] < 0.5 * history[0]["source"]


def test_the_source_term_is_the_mean_cross_entropy(new_model, new_domain):
    source, model = new_domain(40), new_model()
    expected = F.cross_entropy(copy.deepcopy(model).train()(source.x), source.y).item()
    assert fit(model, source, steps=1, batch_size=40)[0]["source"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("penalty", "weight"), [(mmd, 3.0), (coral, 100.0), (gap, 3.0)])
def test_a_penalty_brings_the_domains_together(new_model, new_domain, penalty, weight):
    source, target = new_domain(300), new_domain(300, shift=torch.tensor([3.0, -3, 0, 0]), seed=1)
    scores, distances = [], []
    for strength in (0.0, weight):
        model = new_model()
        fit(model, source, target.unlabelled(), penalty=penalty, weight=strength, epochs=10, batch_size=50, lr=1e-2)
        scores.append(accuracy(model, target))
        distances.append(penalty(*(model(d.x, return_features=True)[0] for d in (source, target))).item())
    assert distances[1] < 0.5 * distances[0]
    assert accuracy(model, source) > 0.8
    if penalty is mmd:
        assert scores[1] > scores[0] + 0.02


def test_the_penalty_sees_features_of_a_batch_of_both_domains(new_model, new_domain):
    seen = []

    def penalty(a, b):
        seen.append((a.shape, b.shape, a.detach().mean(), b.detach().mean()))
        return gap(a, b)

    # The features of the target are all zero: its rows are so negative that ReLU kills them.
    model = new_model()
    model.encoder.norm = torch.nn.Identity()
    torch.nn.init.constant_(model.encoder.linear.weight, 0.1)
    fit(
        model,
        new_domain(50, shift=10.0),
        new_domain(30, shift=-1e4).unlabelled(),
        penalty=penalty,
        epochs=1,
        batch_size=20,
    )
    assert [(a, b) for a, b, *_ in seen] == [((20, 16), (20, 16))] * 2
    assert all(source > 0 and target == 0 for *_, source, target in seen)


def test_a_target_smaller_than_a_batch_gives_the_batch_it_can(new_model, new_domain):
    sizes = []
    fit(
        new_model(),
        new_domain(40),
        new_domain(7).unlabelled(),
        penalty=lambda a, b: sizes.append((len(a), len(b))) or gap(a, b),
        steps=3,
        batch_size=20,
    )
    assert sizes == [(20, 7)] * 3


def test_a_batch_has_no_row_twice_and_an_epoch_sees_every_row(new_model, new_domain):
    seen = []
    source = new_domain(60)
    fit(new_model(), source, epochs=3, batch_size=20, augment=lambda x: seen.append(x.clone()) or x)
    assert [len(x) for x in seen] == [20] * 9
    for epoch in (seen[:3], seen[3:6], seen[6:]):
        assert torch.cat(epoch).sort(0).values.equal(source.x.sort(0).values)
    assert not torch.cat(seen[:3]).equal(torch.cat(seen[3:6])), "another order in every epoch"


def test_one_forward_pass_sees_all_parts_together(new_model, new_domain):
    model, sizes = new_model(), []
    model.encoder.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    fit(model, new_domain(), new_domain().partly_labelled(2), penalty=gap, steps=2, batch_size=15)
    assert sizes == [15 + 6 + 15] * 2, "source, labelled target rows, target"


def test_augment_changes_what_the_model_sees(new_model, new_domain):
    model, means = new_model(), []
    model.encoder.register_forward_pre_hook(lambda _, inputs: means.append(inputs[0].mean().item()))
    fit(model, new_domain(), new_domain().unlabelled(), penalty=gap, **SHORT, augment=lambda x: x * 0 + 5)
    assert set(means) == {5.0}


# Weight


def test_a_weight_function_sees_progress_from_zero_to_one(new_model, new_domain):
    seen = []
    fit(
        new_model(),
        new_domain(),
        new_domain().unlabelled(),
        penalty=gap,
        weight=lambda p: seen.append(p) or 1.0,
        **SHORT,
    )
    assert seen == [step / 11 for step in range(12)]


def test_the_weight_multiplies_the_penalty(new_model, new_domain):
    def trained(penalty, weight):
        model = new_model()
        history = fit(model, new_domain(), new_domain(shift=2.0).unlabelled(), penalty=penalty, weight=weight, **SHORT)
        return weights(model), history

    expected, history = trained(lambda a, b: 4 * gap(a, b), 0.5)
    for penalty, weight in ((gap, 2.0), (gap, lambda progress: 2.0)):
        state, mine = trained(penalty, weight)
        assert all(torch.allclose(state[key], expected[key], atol=1e-6) for key in state)
        assert mine[-1]["penalty"] == pytest.approx(history[-1]["penalty"] / 4, rel=1e-4), "recorded without its weight"
    alone = new_model()
    fit(alone, new_domain(), new_domain(shift=2.0), **SHORT)
    assert not same(trained(gap, 2.0)[0], trained(gap, 0.0)[0])


@pytest.mark.parametrize("peak", [1.0, 0.3, 20.0])
def test_ramp_climbs_from_zero_to_its_peak(peak):
    values = [ramp(peak)(step / 50) for step in range(51)]
    assert values[0] == 0 and values[-1] == pytest.approx(peak)
    assert all(low < high for low, high in pairwise(values))
    assert values[5] == pytest.approx(peak * (2 / (1 + 2.718281828 ** (-10 * 0.1)) - 1), rel=1e-3), "Ganin's schedule"


def test_bug_6_the_weight_leaves_a_penaltys_own_weights_learning_in_full(new_model, new_domain):
    """λ scales what the encoder feels, not what a discriminator feels."""
    gradients = {}
    for weight in (0.1, 1.0):
        model, adversary = new_model(), Adversary()
        with torch.no_grad():
            adversary.score.weight.fill_(0.2)
            adversary.score.bias.zero_()
        optimizer = torch.optim.SGD([*model.encoder.parameters(), *adversary.parameters()], lr=0.0)
        model.head.requires_grad_(False).weight.data.zero_()  # the penalty alone moves the encoder
        fit(
            model,
            new_domain(),
            new_domain(shift=2.0).unlabelled(),
            penalty=adversary,
            weight=weight,
            optimizer=optimizer,
            steps=1,
        )
        gradients[weight] = model.encoder.linear.weight.grad, adversary.score.weight.grad
    torch.testing.assert_close(gradients[0.1][0], 0.1 * gradients[1.0][0])
    torch.testing.assert_close(gradients[0.1][1], gradients[1.0][1])
    assert gradients[1.0][0].abs().max() > 1e-3


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_a_ramped_weight_reaches_its_peak_in_a_run_of_any_length(new_model, new_domain, steps):
    seen = []
    climb = ramp(1.0)
    fit(
        new_model(),
        new_domain(),
        new_domain().unlabelled(),
        penalty=gap,
        weight=lambda p: seen.append(climb(p)) or seen[-1],
        steps=steps,
    )
    assert seen[-1] == pytest.approx(1.0) and (steps == 1 or seen[0] == 0)


def test_a_penalty_that_declares_it_is_given_the_logits_of_both_domains(new_model, new_domain):
    seen = []

    class Wanting:
        needs_predictions = True

        def __call__(self, a, b, logits_a, logits_b):
            seen.append((a.shape, b.shape, logits_a.shape, logits_b.shape))
            return gap(logits_a, logits_b)

    target = new_domain(40, shift=2.0).partly_labelled(2)
    fit(new_model(), new_domain(), target, penalty=Wanting(), steps=2, batch_size=20)
    assert seen == [((20, 16), (20, 16), (20, 3), (20, 3))] * 2


# The regulariser and the look after each epoch


def test_a_regulariser_is_added_to_the_objective_and_recorded(new_model, new_domain):
    plain, pulled = new_model(), new_model()
    fit(plain, new_domain(), **SHORT)
    history = fit(pulled, new_domain(), regulariser=lambda: 10 * pulled.head.weight.square().sum(), **SHORT)
    assert set(history[0]) == {"source", "regulariser"} and history[-1]["regulariser"] < history[0]["regulariser"]
    assert pulled.head.weight.norm() < plain.head.weight.norm()


def test_a_look_after_each_epoch_sees_the_model_in_evaluation_mode_and_changes_nothing(new_model, new_domain):
    looks = []

    def look(seen):
        torch.rand(7)
        looks.append((seen is model, any(m.training for m in seen.modules()), predict(seen, new_domain().x)))

    model, unseen = new_model(), new_model()
    history = fit(model, new_domain(), epochs=3, batch_size=15, after_epoch=look)
    assert history == fit(unseen, new_domain(), epochs=3, batch_size=15)
    assert same(weights(model), weights(unseen))
    assert [look[:2] for look in looks] == [(True, False)] * 3
    assert looks[-1][2].equal(predict(model, new_domain().x))


def test_an_epoch_cut_short_is_looked_at_too(new_model, new_domain):
    looks = []
    fit(new_model(), new_domain(), steps=8, batch_size=15, after_epoch=lambda model: looks.append(weights(model)))
    assert len(looks) == 2, "after 6 steps, a pass over the source, and at the end"
    model = new_model()
    fit(model, new_domain(), steps=8, batch_size=15)
    assert same(looks[-1], weights(model))


# Target labels


def test_labels_of_the_target_enter_the_objective(new_model, new_domain):
    elsewhere = new_domain(shift=torch.tensor([0, 0, 0, 6.0]), seed=1)
    target = Domain(elsewhere.x, (elsewhere.y + 1) % 3, elsewhere.classes, "the same rows mean something else here")
    model, without = new_model(), new_model()
    fit(without, new_domain(), epochs=20, batch_size=15, lr=1e-2)
    history = fit(model, new_domain(), target, epochs=20, batch_size=15, lr=1e-2)
    assert set(history[0]) == {"source", "target"} and history[-1]["target"] < history[0]["target"]
    assert accuracy(model, target) > 0.9 and accuracy(without, target) < 0.5


def test_only_the_labelled_rows_of_a_target_enter_the_target_term(new_model, new_domain):
    target = new_domain(30, shift=3.0, seed=1).partly_labelled(2)
    seen = []
    history = fit(new_model(), new_domain(), target, steps=4, batch_size=15, augment=lambda x: seen.append(x[15:]) or x)
    assert all(x.sort(0).values.equal(target.labelled_part().x.sort(0).values) for x in seen)
    assert len(history) == 1 and set(history[0]) == {"source", "target"}


def test_labelled_and_unlabelled_target_rows_serve_the_penalty(new_model, new_domain):
    target, sizes = new_domain(30, shift=3.0).partly_labelled(2), []
    history = fit(
        new_model(),
        new_domain(),
        target,
        penalty=lambda a, b: sizes.append(len(b)) or gap(a, b),
        steps=4,
        batch_size=30,
    )
    assert set(history[0]) == {"source", "target", "penalty"} and sizes == [30] * 4


def test_the_target_term_is_the_mean_cross_entropy_of_the_target_rows(new_model, new_domain):
    source, target = new_domain(30), new_domain(30, shift=2.0)
    model = copy.deepcopy(new_model()).train()
    logits = model(torch.cat([source.x, target.x]))
    history = fit(new_model(), source, target, steps=1, batch_size=30)
    assert history[0]["source"] == pytest.approx(F.cross_entropy(logits[:30], source.y).item(), rel=1e-4)
    assert history[0]["target"] == pytest.approx(F.cross_entropy(logits[30:], target.y).item(), rel=1e-4)


def test_a_target_without_labels_adds_no_target_term(new_model, new_domain):
    history = fit(new_model(), new_domain(), new_domain().unlabelled(), penalty=gap, **SHORT)
    assert all(set(epoch) == {"source", "penalty"} for epoch in history)


def test_the_canary_contradictory_target_labels_move_no_unsupervised_prediction(new_model, new_domain):
    honest = new_domain(shift=1.0, seed=1)
    contradictory = Domain(honest.x, (honest.y + 1) % 3, honest.classes, honest.name)
    given, logits = [honest, contradictory], []
    for target in (d.unlabelled() for d in given):
        model = new_model()
        fit(model, new_domain(), target, penalty=mmd, **SHORT)
        logits.append(model(honest.x))
    assert logits[0].equal(logits[1])
    heard = new_model()
    fit(heard, new_domain(), contradictory, penalty=mmd, **SHORT)
    assert not heard(honest.x).equal(logits[0]), "the same labels do move a method that is given them"


def test_source_rows_without_label_are_left_out(new_model, new_domain):
    source, seen = new_domain().partly_labelled(4), []
    history = fit(new_model(), source, epochs=2, batch_size=6, augment=lambda x: seen.append(x) or x)
    assert len(history) == 2 and len(seen) == 4, "an epoch is a pass over the 12 labelled rows"
    assert torch.cat(seen[:2]).sort(0).values.equal(source.labelled_part().x.sort(0).values)


# What is trained and what is frozen


def test_a_penalty_with_weights_is_trained_too(new_model, new_domain):
    adversary, plain = Adversary(), Adversary()
    before = weights(adversary)
    fit(new_model(), new_domain(), new_domain(shift=3.0).unlabelled(), penalty=adversary, **SHORT)
    assert not any(value.equal(before[key]) for key, value in weights(adversary).items())
    before = weights(plain)
    fit(new_model(), new_domain(), new_domain().unlabelled(), penalty=lambda a, b: plain(a, b), **SHORT)
    assert same(weights(plain), before), "a function around it hides the weights"


def test_bug_8_a_frozen_encoder_stays_as_it_is_statistics_included(new_model, new_domain):
    model = new_model()
    model.encoder.requires_grad_(False)
    before, head = weights(model.encoder), weights(model.head)
    fit(model, new_domain(shift=5.0), **SHORT)
    assert same(weights(model.encoder), before) and not same(weights(model.head), head)


def test_an_encoder_that_is_not_frozen_moves_statistics_included(new_model, new_domain):
    model = new_model()
    before = weights(model.encoder)
    fit(model, new_domain(shift=5.0), **SHORT)
    assert not any(value.equal(before[key]) for key, value in weights(model.encoder).items())


def test_a_layer_frozen_alone_stays_while_the_rest_moves(new_model, new_domain):
    model = new_model()
    model.encoder.linear.requires_grad_(False)
    before = weights(model.encoder)
    fit(model, new_domain(), **SHORT)
    moved = {key for key, value in weights(model.encoder).items() if not value.equal(before[key])}
    assert moved == {
        f"norm.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }


def test_batchnorm_without_weights_can_be_trained(new_model, new_domain):
    model = new_model()
    model.encoder.norm = torch.nn.BatchNorm1d(16, affine=False)
    fit(model, new_domain(), **SHORT)
    assert model.encoder.norm.num_batches_tracked == 12


def test_while_training_all_but_frozen_batchnorm_is_in_training_mode(new_model):
    model = new_model().eval()
    model.encoder.requires_grad_(False)
    with pytest.raises(KeyError), training_mode(model):
        assert model.training and model.encoder.linear.training and not model.encoder.norm.training
        raise KeyError
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_in_evaluation_mode(new_model, new_domain, fails):
    model = new_model().train()
    try:
        fit(model, new_domain(), **SHORT, augment=(lambda x: x * float("nan")) if fails else None)
    except FloatingPointError:
        assert fails
    assert not any(module.training for module in model.modules())


# Optimizer, steps, history


def test_a_given_optimizer_is_used_and_can_be_used_again(new_model, new_domain):
    model = new_model()
    optimizer = torch.optim.SGD(
        [{"params": model.encoder.parameters(), "lr": 0.0}, {"params": model.head.parameters(), "lr": 0.1}],
        momentum=0.9,
    )
    before, head = [p.detach().clone() for p in model.encoder.parameters()], weights(model.head)
    fit(model, new_domain(), optimizer=optimizer, **SHORT)
    assert all(p.equal(q) for p, q in zip(model.encoder.parameters(), before, strict=True)), "a rate of 0 of its own"
    assert not same(weights(model.head), head)
    assert [group["lr"] for group in optimizer.param_groups] == [0.0, 0.1]
    assert optimizer.param_groups[0]["momentum"] == 0.9


def test_the_rate_climbs_to_its_peak_and_falls_to_zero(new_model, new_domain):
    rates = []

    class Watched(torch.optim.SGD):
        def step(self, *args, **kwargs):
            rates.append(self.param_groups[0]["lr"])
            return super().step(*args, **kwargs)

    model = new_model()
    fit(model, new_domain(), optimizer=Watched(model.parameters(), lr=0.5), steps=40, batch_size=15)
    top = rates.index(max(rates))
    assert len(rates) == 40 and max(rates) == pytest.approx(0.5, rel=0.01) and rates[0] < 0.1 and rates[-1] < 0.01
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)


def test_the_learning_rate_is_that_of_the_default_optimizer(new_model, new_domain):
    moved = []
    for lr in (1e-5, 1e-2):
        model = new_model()
        fit(model, new_domain(), lr=lr, **SHORT)
        moved.append((model.head.weight - new_model().head.weight).abs().max().item())
    assert moved[0] < 1.2e-4 and moved[1] > 100 * moved[0]


@pytest.mark.parametrize(
    ("setting", "lengths"),
    [
        ({"epochs": 3, "batch_size": 20}, [4, 4, 4]),
        ({"epochs": 1, "batch_size": 90}, [1]),
        ({"epochs": 2, "batch_size": 1000}, [1, 1]),
        ({"epochs": 9, "batch_size": 20, "steps": 10}, [4, 4, 2]),
        ({"steps": 3, "batch_size": 20}, [3]),
    ],
)
def test_history_holds_the_means_of_every_epoch_and_steps_override_epochs(new_model, new_domain, setting, lengths):
    values = iter(range(1000))
    history = fit(
        new_model(),
        new_domain(),
        new_domain().unlabelled(),
        penalty=lambda a, b: 0 * gap(a, b) + next(values),
        **setting,
    )
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    assert [epoch["penalty"] for epoch in history] == pytest.approx(
        [start + (length - 1) / 2 for start, length in zip(starts, lengths, strict=True)]
    )
    assert next(values) == sum(lengths)
    assert all(type(value) is float for epoch in history for value in epoch.values())


def test_no_progress_bar_when_nobody_watches(new_model, new_domain, capfd):
    fit(new_model(), new_domain(), **SHORT)
    assert capfd.readouterr() == ("", "")


def test_a_progress_bar_when_somebody_does(new_model, new_domain, capfd, monkeypatch):
    monkeypatch.setattr("tlutils.loop.watched_by_a_person", lambda: True)
    fit(new_model(), new_domain(), **SHORT)
    assert "/12" in capfd.readouterr().err


# Mixed precision


@pytest.fixture
def bf16():
    """Accelerate's state as after `Accelerator(mixed_precision="bf16")`, put back afterwards."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    Accelerator(mixed_precision="bf16", cpu=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def dtypes(module, call):
    seen = []
    hook = module.register_forward_hook(lambda _, inputs, out: seen.append(out.dtype))
    call()
    hook.remove()
    return set(seen)


def test_mixed_precision_ends_with_the_training_and_begins_with_the_next(new_model, new_domain, bf16):
    model, adversary, source, target = new_model(), Adversary(), new_domain(), new_domain(shift=1.0).unlabelled()
    inside = (model.encoder.linear, adversary.score)
    features = torch.rand(4, 16)
    for _ in range(2):
        for layer in inside:
            train = lambda: fit(model, source, target, penalty=adversary, **SHORT)  # noqa: E731
            assert dtypes(layer, train) == {torch.bfloat16}
        assert dtypes(inside[0], lambda: model(source.x)) == {torch.float32}
        assert dtypes(inside[1], lambda: adversary(features, features)) == {torch.float32}
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert copy.deepcopy(model)(source.x).equal(model(source.x))


def test_mixed_precision_ends_with_a_training_that_fails(new_model, new_domain, bf16):
    model = new_model()
    with pytest.raises(FloatingPointError):
        fit(model, new_domain(), **SHORT, augment=lambda x: x * float("nan"))
    assert dtypes(model.encoder.linear, lambda: model(new_domain().x)) == {torch.float32}


# What training refuses


def test_an_optimizer_that_leaves_a_penaltys_weights_out_is_refused(new_model, new_domain):
    model = new_model()
    with pytest.raises(ValueError, match=r"does not train the penalty's weights \(score.weight, score.bias"):
        fit(
            model,
            new_domain(),
            new_domain().unlabelled(),
            penalty=Adversary(),
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        )


def renamed(domain, classes):
    return Domain(domain.x, domain.y, classes, "elsewhere")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda d: {"source": d.unlabelled()}, ["rows has no labels"]),
        (lambda d: {"source": d, "penalty": gap}, ["two domains", "pass a target"]),
        (lambda d: {"source": d, "target": d.unlabelled()}, ["rows has no labels", "no penalty"]),
        (
            lambda d: {"source": d, "target": Domain(d.x[:, :3], d.y, d.classes, "narrow")},
            ["rows and narrow", "(4,) and (3,)"],
        ),
        (lambda d: {"source": d, "target": renamed(d, ("x", "y", "z"))}, ["rows and elsewhere", "different classes"]),
        (lambda d: {"source": d, "target": renamed(d, ("a", "b", "c", "d"))}, ["different classes"]),
    ],
)
def test_domains_that_cannot_be_trained_on_are_refused(new_model, new_domain, arguments, words):
    with pytest.raises(ValueError) as caught:
        fit(new_model(), **arguments(new_domain()))
    assert all(word in str(caught.value) for word in words), caught.value


class Bare(torch.nn.Linear):
    """Gives features and class scores, one of them missing."""

    def forward(self, x, return_features):
        return super().forward(x)


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (torch.nn.Linear(4, 3), {}, ["Linear", "model(x, return_features=True)", "Classifier(encoder, classes)"]),
        (Bare(4, 3), {}, ["features (30, d) and class scores (30, k)", "got Tensor"]),
        (None, {"epochs": 0}, ["epochs must lie within 1 … ", "got 0"]),
        (None, {"steps": 0}, ["steps must lie within 1 … ", "got 0"]),
        (None, {"batch_size": 0}, ["batch_size must lie within 1 … ", "got 0"]),
        (None, {"lr": 0}, ["lr must be positive", "got 0"]),
        (None, {"lr": float("inf")}, ["lr must be positive", "got inf"]),
        (None, {"weight": float("nan")}, ["weight must be a number, got nan"]),
        (None, {"augment": lambda x: x[:5]}, ["augment must return a view of every row: 30 given, 5 returned"]),
        (None, {"augment": lambda x: None}, ["augment must return a view of every row", "NoneType returned"]),
        (None, {"augment": lambda x: x[:, :2]}, ["the model, Classifier, cannot work on a tensor (30, 2) of float32"]),
        (None, {"augment": torch.Tensor.double}, ["the model, Classifier, cannot work on", "float64"]),
        (None, {"regulariser": lambda model: 0}, ["regulariser, <lambda>, cannot work", "positional argument"]),
        (None, {"optimizer": torch.optim.SGD(torch.nn.Linear(2, 2).parameters())}, ["other weights than the model's"]),
        (None, {"checkpoint": "."}, ["no name for a file"]),
    ],
)
def test_what_cannot_train_is_refused_in_one_clear_sentence(new_model, new_domain, model, settings, words):
    with pytest.raises(ValueError) as caught:
        fit(model or new_model(), new_domain(), **{"batch_size": 30, "steps": 1} | settings)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_look_that_takes_no_model_is_refused_before_the_first_step(new_model, new_domain):
    model = new_model()
    before = weights(model)
    with pytest.raises(TypeError, match="after_epoch must take 1 argument"):
        fit(model, new_domain(), after_epoch=lambda: None, **SHORT)
    assert same(weights(model), before)


def test_a_model_with_fewer_class_scores_than_classes_and_one_that_is_frozen_are_refused(new_model, new_domain):
    model = new_model()
    model.head = torch.nn.Linear(16, 2)
    with pytest.raises(ValueError, match=r"the labels of the task must lie within 0 … 1, got 2"):
        fit(model, new_domain(), **SHORT)
    with pytest.raises(ValueError, match="all of them are frozen"):
        fit(new_model().requires_grad_(False), new_domain(), **SHORT)


@pytest.mark.parametrize(
    ("penalty", "words"),
    [(lambda: 0, ["penalty, <lambda>,", "positional"]), (torch.nn.Identity(), ["penalty, Identity,", "(30, 16)"])],
)
def test_a_penalty_that_cannot_compare_two_tables_is_named(new_model, new_domain, penalty, words):
    with pytest.raises(ValueError) as caught:
        fit(new_model(), new_domain(), new_domain().unlabelled(), penalty=penalty, steps=1, batch_size=30)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("x", "words"), [(torch.rand(0, 4), "at least one row"), (torch.full((3, 4), torch.inf), "row 0")]
)
def test_predictions_of_nothing_or_of_rows_that_break_the_model_are_refused(new_model, x, words):
    with pytest.raises(ValueError, match=words):
        predict(new_model(), x)


def test_an_unlabelled_target_may_have_other_classes(new_model, new_domain):
    target = renamed(new_domain(), ("x", "y", "z", "w")).unlabelled()
    assert fit(new_model(), new_domain(), target, penalty=gap, **SHORT)


@pytest.mark.parametrize(
    ("penalty", "error", "words"),
    [
        (lambda a, b: gap(a.detach(), b.detach()), ValueError, ["penalty", "no gradient", "detach"]),
        (lambda a, b: torch.tensor(1.0), ValueError, ["penalty", "no gradient"]),
        (lambda a, b: gap(a, b).item(), ValueError, ["penalty", "scalar tensor", "got "]),
        (lambda a, b: (a.mean(0) - b.mean(0)).square(), ValueError, ["penalty", "scalar tensor"]),
        (lambda a, b: None, ValueError, ["penalty", "scalar tensor", "None"]),
        (lambda a, b: gap(a, b) * float("nan"), FloatingPointError, ["step 0", "penalty term is nan", "learning rate"]),
        (lambda a, b: gap(a, b) / 0, FloatingPointError, ["step 0", "penalty term is inf"]),
    ],
)
def test_a_penalty_that_cannot_be_minimised_is_refused(new_model, new_domain, penalty, error, words):
    model = new_model()
    with pytest.raises(error) as caught:
        fit(model, new_domain(), new_domain(shift=1.0).unlabelled(), penalty=penalty, **SHORT)
    assert all(word in str(caught.value) for word in words), caught.value
    assert all(torch.isfinite(p).all() for p in model.parameters()), "stopped before the weights were hurt"


def test_the_step_at_which_a_penalty_breaks_is_named(new_model, new_domain):
    values = iter([1.0] * 5 + [float("nan")])
    with pytest.raises(FloatingPointError, match="step 5: the penalty term is nan"):
        fit(
            new_model(), new_domain(), new_domain().unlabelled(), penalty=lambda a, b: gap(a, b) * next(values), **SHORT
        )


def finite_with_a_broken_gradient(a, b):
    return (gap(a, b) * 0).sqrt()


@pytest.mark.parametrize(
    "setting",
    [
        {"lr": 1e6, "steps": 30},
        {"lr": 1e30, "steps": 30},
        {"penalty": finite_with_a_broken_gradient, "steps": 30},
        {"penalty": finite_with_a_broken_gradient, "steps": 1},
        {"penalty": gap, "weight": float("inf"), "steps": 10},
        {"augment": lambda x: x * 1e38, "steps": 1},
        {"augment": lambda x: x * 1e25, "steps": 30},
    ],
    ids=["rate", "huge rate", "gradient", "last gradient", "inf weight", "huge inputs", "large inputs"],
)
def test_training_that_diverges_stops_with_an_error(new_model, new_domain, setting):
    model = new_model()
    model.encoder.norm = torch.nn.Identity() if "lr" in setting else model.encoder.norm
    target = new_domain(shift=1.0).unlabelled() if "penalty" in setting else None
    with pytest.raises(FloatingPointError, match="training (stopped at step|ended after)"):
        fit(model, new_domain(), target, batch_size=30, **setting)


def test_the_digit_net_at_a_rate_of_a_million_stops_with_an_error():
    torch.manual_seed(0)
    source = tlutils.datasets.digits.printed(200, seed=0)
    with pytest.raises(FloatingPointError, match="the source term is (nan|inf)"):
        fit(Classifier(tlutils.DigitNet(4), source.classes), source, epochs=5, batch_size=20, lr=1e6)


# Prediction


class FirstColumns(torch.nn.Module):
    """Takes the first three columns as class scores; notes its mode and the rows it is given."""

    def __init__(self):
        super().__init__()
        self.parameter = torch.nn.Parameter(torch.zeros(1))
        self.calls = []

    def forward(self, x):
        self.calls.append((len(x), self.training, torch.is_inference_mode_enabled()))
        return x[:, :3]


def test_predictions_are_the_largest_scores_in_their_order(new_domain):
    domain, model = new_domain(50), FirstColumns().train()
    predicted = predict(model, domain.x, batch_size=20)
    assert predicted.equal(domain.x[:, :3].argmax(1)) and predicted.dtype == torch.int64
    assert model.calls == [(20, False, True), (20, False, True), (10, False, True)] and model.training


def test_accuracy_is_the_share_of_correct_labels_among_the_known(new_domain):
    x = torch.eye(4)[[0, 1, 2, 0, 1]]
    y = torch.tensor([0, 1, 0, -1, -1])
    assert accuracy(FirstColumns(), Domain(x, y, ("a", "b", "c"), "five")) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="rows has no labels"):
        accuracy(FirstColumns(), new_domain().unlabelled())


@pytest.mark.parametrize("training", [True, False])
def test_prediction_leaves_every_layer_in_its_mode(new_model, new_domain, training):
    model = new_model().train(training)
    model.encoder.norm.eval()
    modes = [module.training for module in model.modules()]
    before = weights(model)
    predict(model, new_domain().x)
    accuracy(model, new_domain())
    assert [module.training for module in model.modules()] == modes and same(weights(model), before)


def test_prediction_that_fails_leaves_the_mode_too(new_model):
    model = new_model().train()
    with pytest.raises(ValueError, match=r"Classifier, cannot work on a tensor \(4, 9\)"):
        predict(model, torch.rand(4, 9))
    assert all(module.training for module in model.modules())


def test_predictions_can_serve_as_labels(new_model, new_domain):
    model, domain = new_model(), new_domain()
    labels = predict(model, domain.x)
    F.cross_entropy(model(domain.x), labels).backward()
    labels += 1
    assert fit(model, Domain(domain.x, predict(model, domain.x), domain.classes, "pseudo"), **SHORT)
