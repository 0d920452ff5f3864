"""Fine-tuning: what is frozen stays bit for bit, what learns learns at its rate, and each method's formula by hand."""

import copy
import subprocess
import sys
from collections import Counter

import pytest
import torch
from torch import nn

import tlutils
from tlutils import L2SP, Classifier, DigitNet, Domain, add_lora, fit, fit_gradually, freeze, layerwise_rates, unfreeze
from tlutils.nets import CifarResNet

BLOCKS = 4
SHORT = {"steps": 3, "batch_size": 15, "lr": 1e-2}


@pytest.fixture
def new_net():
    """Return a function that builds the same small classifier of digits each time, with used statistics."""

    def build(encoder=lambda: DigitNet(4), seed=0):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = Classifier(encoder(), 3)
            model(torch.rand(32, model.encoder.channels, 8, 8))
        return model.eval()

    return build


@pytest.fixture
def images():
    """Thirty images (30, 1, 8, 8) of three classes, each bright in its own rows."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(30) % 3
    x = torch.rand(30, 1, 8, 8, generator=generator)
    for k in range(3):
        x[y == k, :, 2 * k : 2 * k + 2] += 2
    return Domain(x, y, ("a", "b", "c"), "bars")


def weights(module):
    return {key: value.clone() for key, value in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def changed(module, before):
    return {key for key, value in module.state_dict().items() if not value.equal(before[key])}


def names(model, depth):
    """Names of everything in the head and the last `depth` blocks."""
    blocks = model.encoder.blocks[BLOCKS - depth :]
    inside = {id(value) for block in blocks for value in block.state_dict(keep_vars=True).values()}
    kept = model.state_dict(keep_vars=True)
    return {name for name, value in kept.items() if name.startswith("head.") or id(value) in inside}


# freeze


def test_bug_8_a_frozen_encoder_is_the_same_bit_for_bit_after_training(new_net, images):
    model = new_net()
    freeze(model.encoder)
    before, head = weights(model.encoder), weights(model.head)
    fit(model, images, **SHORT)
    assert same(weights(model.encoder), before) and not same(weights(model.head), head)
    assert not any(p.requires_grad for p in model.encoder.parameters())


class Unscaled(nn.Module):
    """An encoder whose BatchNorm has no weights by which it could be known as frozen."""

    dim, channels = 64, 1

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64, affine=False), nn.ReLU())
        self.blocks = (self.layers,)

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize("copied", [False, True])
def test_bug_8_batchnorm_without_weights_is_frozen_too(new_net, images, copied):
    model = new_net(Unscaled)
    freeze(model.encoder)
    model = copy.deepcopy(model) if copied else model
    before, expected = weights(model.encoder), model.encoder(images.x)
    history = fit(model, images, **SHORT)
    assert same(weights(model.encoder), before) and model.encoder(images.x).equal(expected)
    logits = new_net(Unscaled)(images.x[:15])  # what evaluation mode gives, not the statistics of a batch
    assert history[0]["source"] < 2 * nn.functional.cross_entropy(logits, images.y[:15]).item()
    assert "running_mean" in " ".join(before), "a test of nothing otherwise"


def test_in_a_hand_written_loop_batchnorm_without_weights_stays_frozen_as_well(new_net, images):
    model = new_net(Unscaled)
    freeze(model.encoder)
    before = weights(model.encoder)
    model.train()(images.x)
    assert same(weights(model.encoder), before)


def test_unfreezing_takes_back_all_that_freezing_did(new_net, images):
    for encoder in (lambda: DigitNet(4), Unscaled):
        models = [new_net(encoder), new_net(encoder)]
        freeze(models[0])
        freeze(models[0])
        unfreeze(models[0], len(models[0].encoder.blocks))
        for model in models:
            fit(model, images, **SHORT)
        assert same(*map(weights, models))


# unfreeze


@pytest.mark.parametrize("depth", range(BLOCKS + 1))
@pytest.mark.parametrize("encoder", [lambda: DigitNet(4), lambda: CifarResNet(8)], ids=["digits", "photos"])
def test_depth_trains_the_head_and_the_last_blocks_and_nothing_else_moves(new_net, images, encoder, depth):
    model = new_net(encoder)
    x = images.x.expand(-1, model.encoder.channels, -1, -1)
    unfreeze(model, depth)
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == names(model, depth) & dict(model.named_parameters()).keys()
    before = weights(model)
    fit(model, Domain(x, images.y, images.classes, "bars"), **SHORT)
    assert changed(model, before) == names(model, depth)


def test_the_whole_depth_is_ordinary_fine_tuning_and_a_smaller_one_freezes_again(new_net, images):
    plain, all_blocks = new_net(), new_net()
    unfreeze(all_blocks, BLOCKS)
    for model in (plain, all_blocks):
        fit(model, images, **SHORT)
    assert same(weights(plain), weights(all_blocks))
    unfreeze(all_blocks, 1)
    before = weights(all_blocks)
    fit(all_blocks, images, **SHORT)
    assert changed(all_blocks, before) == names(all_blocks, 1)


@pytest.mark.parametrize("depth", [-1, 5, 2.0, "2", True, None])
def test_a_depth_that_does_not_exist_is_refused(new_net, depth):
    model = new_net()
    error = ValueError if depth in (-1, 5) else TypeError
    with pytest.raises(error, match=r"depth must be a whole number( from 0 to 4, the blocks of DigitNet;|,) got"):
        unfreeze(model, depth)
    assert all(p.requires_grad for p in model.parameters()), "and nothing is half frozen"


def test_an_encoder_without_blocks_is_told_what_it_lacks(new_model, new_domain):
    model = new_model()
    for call in (
        lambda: unfreeze(model, 0),
        lambda: layerwise_rates(model, 1e-2, 0.5),
        lambda: fit_gradually(model, new_domain()),
    ):
        with pytest.raises(ValueError, match=r"Rows does not say what its blocks are: give it `blocks`"):
            call()


# Gradual unfreezing


def test_gradual_unfreezing_trains_one_more_block_at_every_stage(new_net, images, monkeypatch):
    stages = []

    def watched(model, domain, **settings):
        before = weights(model)
        history = fit(model, domain, **settings)
        stages.append((changed(model, before), settings))
        return history

    monkeypatch.setattr(tlutils.finetune, "fit", watched)
    model = new_net()
    history = fit_gradually(model, images, **SHORT)
    assert [moved for moved, _ in stages] == [names(model, depth) for depth in range(BLOCKS + 1)]
    assert all(settings == SHORT for _, settings in stages)
    assert len(history) == sum(2 for _ in stages), "three steps of fifteen rows out of thirty are two epochs a stage"
    assert all(p.requires_grad for p in model.parameters())


def test_gradual_unfreezing_is_unfreeze_and_fit_in_turn(new_net, images):
    model, by_hand = new_net(), new_net()
    history = fit_gradually(model, images, **SHORT)
    expected = []
    for depth in range(BLOCKS + 1):
        unfreeze(by_hand, depth)
        expected += fit(by_hand, images, **SHORT)
    assert same(weights(model), weights(by_hand)) and history == expected


def test_gradual_unfreezing_refuses_an_optimizer_before_it_changes_anything(new_net, images):
    model = new_net()
    before = weights(model)
    with pytest.raises(ValueError, match=r"every stage .* its own optimizer: pass lr"):
        fit_gradually(model, images, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    assert same(weights(model), before)


# Layer-wise rates


def step_by_hand(model, images):
    """Return the gradient of the first batch's loss in training mode, when the batch is the whole domain."""
    model = copy.deepcopy(model).train()
    nn.functional.cross_entropy(model(images.x), images.y).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_one_step_of_gradient_descent_moves_each_block_by_its_own_rate(new_net, images):
    model, rate, decay = new_net().double(), 0.5, 0.3
    images = images.map(lambda x: x.double())
    start, gradient = dict(copy.deepcopy(model).named_parameters()), step_by_hand(model, images)
    optimizer = torch.optim.SGD(layerwise_rates(model, rate, decay))
    nn.functional.cross_entropy(model.train()(images.x), images.y).backward()
    optimizer.step()
    expected = {"head": rate}
    expected |= {f"encoder.layers.{k}": rate * decay ** (BLOCKS - k) for k in range(BLOCKS - 1)}
    expected |= {f"encoder.layers.{k}": rate * decay for k in (5, 6)}  # the dense part
    for name, parameter in model.named_parameters():
        (wanted,) = (value for prefix, value in expected.items() if name.startswith(f"{prefix}."))
        torch.testing.assert_close(parameter, start[name] - wanted * gradient[name])


def test_fit_keeps_the_ratios_of_the_rates_and_gives_the_rates_back(new_net, images):
    model = new_net()
    optimizer = torch.optim.SGD(layerwise_rates(model, 0.5, 0.1))
    seen = []
    fit(
        model,
        images,
        steps=4,
        optimizer=optimizer,
        augment=lambda x: seen.append([g["lr"] for g in optimizer.param_groups]) or x,
    )
    for rates in seen:
        assert rates == pytest.approx([rates[0] * 0.1**k for k in range(BLOCKS + 1)], rel=1e-5)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.5 * 0.1**k for k in range(BLOCKS + 1)])


def test_with_a_decay_of_one_every_weight_has_the_same_rate_as_in_fit(new_net, images):
    plain, layerwise = new_net(), new_net()
    fit(plain, images, **SHORT)
    groups = layerwise_rates(layerwise, SHORT["lr"], 1.0)
    fit(layerwise, images, **SHORT, optimizer=torch.optim.AdamW(groups, weight_decay=1e-2))
    assert same(weights(plain), weights(layerwise))


@pytest.mark.parametrize("depth", range(BLOCKS + 1))
def test_only_trainable_weights_get_a_rate_and_each_gets_one(new_net, depth):
    model = new_net()
    unfreeze(model, depth)
    groups = layerwise_rates(model, 1.0, 0.5)
    assert [group["lr"] for group in groups] == [0.5**k for k in range(depth + 1)]
    given = Counter(id(p) for group in groups for p in group["params"])
    assert given == Counter(id(p) for p in model.parameters() if p.requires_grad)


def test_a_frozen_head_leaves_the_blocks_their_rates(new_net):
    model = new_net()
    freeze(model.head)
    assert [group["lr"] for group in layerwise_rates(model, 1.0, 0.5)] == [0.5, 0.25, 0.125, 0.0625]


@pytest.mark.parametrize(
    ("lr", "decay", "message"),
    [
        *((lr, 0.5, r"lr must be (positive|a number), got") for lr in (0, -1e-3, float("nan"))),
        *((1e-3, decay, r"decay must (lie above 0|be a number)") for decay in (0, -0.5, 1.1, float("nan"))),
    ],
)
def test_rates_that_make_no_sense_are_refused(new_net, lr, decay, message):
    with pytest.raises(ValueError, match=message):
        layerwise_rates(new_net(), lr, decay)


def test_trainable_weights_outside_of_all_blocks_are_not_forgotten_in_silence(new_net):
    model = new_net()
    model.encoder.scale = nn.Parameter(torch.ones(1))
    with pytest.raises(ValueError, match=r"1 trainable tensors lie in no block"):
        layerwise_rates(model, 1e-3, 0.5)


def test_a_model_that_is_all_frozen_has_no_rates(new_net):
    model = new_net()
    freeze(model)
    with pytest.raises(ValueError, match=r"the model is frozen: unfreeze"):
        layerwise_rates(model, 1e-3, 0.5)


# L2-SP


def test_l2sp_is_its_formula_value_and_gradient(new_net):
    model = new_net().double()
    start = {name: p.detach().clone() for name, p in model.encoder.named_parameters()}
    term = L2SP(model, alpha=0.7, beta=0.2)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p))
    value = 0.0
    for name, p in model.encoder.named_parameters():
        pairs = zip(p.flatten().tolist(), start[name].flatten().tolist(), strict=True)
        value += 0.7 / 2 * sum((now - before) ** 2 for now, before in pairs)
    value += 0.2 / 2 * sum(v**2 for p in model.head.parameters() for v in p.flatten().tolist())
    result = term()
    assert result.ndim == 0 and result.item() == pytest.approx(value, rel=1e-10)
    result.backward()
    for name, p in model.encoder.named_parameters():
        torch.testing.assert_close(p.grad, 0.7 * (p - start[name]))
    for p in model.head.parameters():
        torch.testing.assert_close(p.grad, 0.2 * p)


def test_at_its_start_l2sp_is_the_head_alone_and_statistics_never_count(new_net, images):
    model = new_net()
    term = L2SP(model, alpha=5.0, beta=2.0)
    head = sum(p.square().sum() for p in model.head.parameters())
    torch.testing.assert_close(term(), head)
    model.train()(images.x)  # moves the statistics of BatchNorm
    torch.testing.assert_close(term(), head)


def test_one_step_of_gradient_descent_under_l2sp_by_hand(new_net, images):
    model, alpha, beta = new_net().double(), 0.7, 0.2
    images = images.map(lambda x: x.double())
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    term = L2SP(model, alpha, beta)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.1)
    now, gradient = {name: p.detach().clone() for name, p in model.named_parameters()}, step_by_hand(model, images)
    optimizer, used = torch.optim.SGD(model.parameters(), lr=0.1), []

    def regulariser():
        used.append(optimizer.param_groups[0]["lr"])
        return term()

    history = fit(model, images, steps=1, regulariser=regulariser, optimizer=optimizer, batch_size=30)
    (rate,) = used
    for name, p in model.named_parameters():
        pull = beta * now[name] if name.startswith("head.") else alpha * (now[name] - start[name])
        torch.testing.assert_close(p.detach(), now[name] - rate * (gradient[name] + pull))
    assert {"source", "regulariser"} == history[0].keys() and history[0]["regulariser"] > 0


def test_a_strong_l2sp_holds_the_encoder_at_its_start_and_a_weak_one_lets_it_go(new_net, images):
    moved = []
    for alpha in (0.0, 1.0, 1e2):
        model = new_net()
        start = torch.cat([p.detach().flatten().clone() for p in model.encoder.parameters()])
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
        fit(model, images, steps=60, optimizer=optimizer, regulariser=L2SP(model, alpha, 0.0))
        moved.append((torch.cat([p.detach().flatten() for p in model.encoder.parameters()]) - start).norm().item())
    assert moved[0] > moved[1] > 10 * moved[2]


def test_l2sp_serves_a_frozen_encoder_too(new_net, images):
    model = new_net()
    freeze(model.encoder)
    history = fit(model, images, **SHORT, regulariser=L2SP(model, 1.0, 1.0))
    assert history[-1]["regulariser"] > 0


@pytest.mark.parametrize("bad", [-1e-3, float("nan"), float("inf")])
def test_l2sp_refuses_weights_that_are_no_penalty(new_net, bad):
    for name in ("alpha", "beta"):
        with pytest.raises(ValueError, match=rf"{name} must be (0 or a positive|a) number, got"):
            L2SP(new_net(), **({"alpha": 1.0, "beta": 1.0} | {name: bad}))


# LoRA


@pytest.mark.parametrize("encoder", [DigitNet, lambda: CifarResNet(8)], ids=["digits", "photos"])
def test_lora_starts_as_the_model_it_is_added_to(new_net, encoder):
    model = new_net(encoder)
    x = torch.rand(5, model.encoder.channels, 8, 8)
    features, logits = model(x, return_features=True)
    add_lora(model, 2)
    for expected, found in zip((features, logits), model(x, return_features=True), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("rank", [1, 2, 5])
@pytest.mark.parametrize("encoder", [DigitNet, lambda: CifarResNet(8)], ids=["digits", "photos"])
def test_lora_has_as_many_weights_as_its_formula_says(new_net, encoder, rank):
    model = new_net(encoder)
    expected = sum(p.numel() for p in model.head.parameters())
    for name, p in model.encoder.named_parameters():
        if name.endswith("weight") and p.ndim == 4:
            out, into, height, width = p.shape
            expected += rank * (into * height * width + out)
        elif name.endswith("weight") and p.ndim == 2:
            expected += rank * sum(p.shape)
    add_lora(model, rank)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == expected
    assert all("lora_" in n or n.startswith("head.") for n, p in model.named_parameters() if p.requires_grad)


def test_fit_moves_lora_and_the_head_and_nothing_else(new_net, images):
    model = new_net()
    add_lora(model, 2)
    before = weights(model)
    history = fit(model, images, steps=60, lr=2e-2)
    moved = changed(model, before)
    assert moved == {name for name in before if "lora_" in name or name.startswith("head.")}
    assert history[-1]["source"] < 0.5 * history[0]["source"]


def test_merging_lora_gives_the_plain_network_with_the_products_added(new_net, images):
    model = new_net()
    plain = weights(model)
    handle = add_lora(model, 2)
    fit(model, images, steps=20, lr=2e-2)
    adapted, expected = weights(model), model(images.x)
    handle.merge_and_unload()
    assert weights(model).keys() == plain.keys()
    torch.testing.assert_close(model(images.x), expected, rtol=1e-4, atol=1e-5)
    merged = weights(model)
    for name in ("encoder.layers.1.0", "encoder.layers.5"):
        a, b = (adapted[f"{name}.lora_{k}.default.weight"].double() for k in "AB")
        product = b.flatten(1) @ a.flatten(1)
        wanted = plain[f"{name}.weight"].double() + product.reshape(plain[f"{name}.weight"].shape)
        torch.testing.assert_close(merged[f"{name}.weight"].double(), wanted, rtol=1e-5, atol=1e-6)
        assert product.abs().max() > 1e-3, "a test of nothing otherwise"
    add_lora(model, 1)  # and it can begin again


def test_lora_takes_the_layers_and_not_others_whose_names_end_alike(new_net):
    encoder = nn.Module()
    encoder.dim, encoder.channels = 4, 1
    encoder.first, encoder.inner = nn.Linear(64, 4), nn.Module()
    encoder.inner.first = nn.BatchNorm1d(4)
    encoder.forward = lambda x: encoder.inner.first(encoder.first(x.flatten(1)))
    model = new_net(lambda: encoder)
    add_lora(model, 1)
    assert sum("lora_" in name for name, _ in model.named_parameters()) == 2


@pytest.mark.parametrize("rank", [0, -1, 1.5, "2", True])
def test_a_rank_that_is_no_rank_is_refused(new_net, rank):
    error = ValueError if rank in (0, -1) else TypeError
    with pytest.raises(error, match=r"rank must be a whole number( of at least 1)?, got"):
        add_lora(new_net(), rank)


def test_lora_is_not_added_twice(new_net):
    model = new_net()
    add_lora(model, 1)
    with pytest.raises(ValueError, match=r"has LoRA already: merge it first"):
        add_lora(model, 1)


def test_lora_needs_a_layer_to_be_added_to():
    for encoder in (nn.BatchNorm1d(4), nn.Linear(4, 4)):
        encoder.dim = 4
        with pytest.raises(ValueError, match=r"has no convolution or linear layer to add LoRA to"):
            add_lora(Classifier(encoder, 3), 1)


def test_importing_the_package_leaves_peft_out():
    program = "import sys, tlutils.finetune; print([m for m in ('peft', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
