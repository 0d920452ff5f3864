"""Grad-CAM against its formula by hand, on frozen and on other networks; the overlay; what words contribute."""

import pytest
import torch
from torch.nn import functional as F

from tlutils import Classifier, image_encoder, text_encoder
from tlutils.explain import grad_cam, overlay, word_contributions
from tlutils.nets import CifarResNet
from tlutils.texts import TransformerEncoder

X = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 1, 2, 1, 0])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Classifier(image_encoder("photos"), 3)


def strongest_at_one(heat):
    return heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-30)


def test_over_the_last_layer_it_is_the_heads_own_weighting(model):
    # Averaged places and a linear head: the gradient of every place of channel c is w_kc / (h·w).
    model.eval()
    activity = []
    hook = model.encoder.layer3.register_forward_hook(lambda *args: activity.append(args[2].detach()))
    model(X)
    hook.remove()
    heat = torch.einsum("nchw,nc->nhw", activity[0], model.head.weight[CLASSES]).relu()
    heat = F.interpolate(heat[:, None], size=(32, 32), mode="bilinear")[:, 0]
    maps = grad_cam(model, X, model.encoder.layer3, CLASSES)
    assert maps.shape == (5, 32, 32) and torch.allclose(maps, strongest_at_one(heat), atol=1e-4)
    assert maps.min() >= 0 and maps.amax((1, 2)).tolist() == pytest.approx([1] * 5)


def test_over_an_earlier_layer_it_is_the_papers_formula(model):
    model.eval().requires_grad_(True)
    kept = {}
    hook = model.encoder.layer2.register_forward_hook(lambda *args: kept.update(a=args[2]))
    logits = model(X)
    hook.remove()
    (gradient,) = torch.autograd.grad(logits.gather(1, CLASSES[:, None]).sum(), kept["a"])
    heat = (gradient.mean((2, 3), keepdim=True) * kept["a"]).sum(1).relu().detach()
    heat = F.interpolate(heat[:, None], size=(32, 32), mode="bilinear")[:, 0]
    assert torch.allclose(grad_cam(model, X, model.encoder.layer2, CLASSES), strongest_at_one(heat), atol=1e-4)


def test_the_class_decides_and_the_rows_do_not_meet(model):
    maps = grad_cam(model, X, model.encoder.layer3, CLASSES)
    assert not torch.allclose(maps, grad_cam(model, X, model.encoder.layer3, (CLASSES + 1) % 3))
    assert torch.allclose(maps, grad_cam(model, X, model.encoder.layer3, CLASSES, batch_size=2), atol=1e-5)


def test_model_gradients_mode_and_images_stay_as_they_were(model):
    model.train()
    model.encoder.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = X.clone()
    with torch.no_grad():
        maps = grad_cam(model, x, model.encoder.layer3, CLASSES)
    assert model.training and not model.encoder.training and not maps.requires_grad and not x.requires_grad
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters()) and x.equal(X)
    assert not any(module._forward_hooks for module in model.modules())


def test_where_nothing_speaks_for_the_class_the_map_is_zero(model):
    torch.nn.init.constant_(model.head.weight, -1)
    assert grad_cam(model, X, model.encoder.layer3, CLASSES).abs().max() == 0, "activities are positive after ReLU"


def test_a_network_of_torchvision_with_inplace_layers():
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    network = mobilenet_v2(weights=None, num_classes=3, width_mult=0.25)
    maps = grad_cam(network, X, network.features[10], CLASSES)
    assert maps.shape == (5, 32, 32) and 0 <= maps.min() and maps.max() <= 1


@pytest.mark.parametrize(
    ("layer", "classes", "words"),
    [
        (lambda model: model.encoder.blocks[0], CLASSES, "not a part of this model"),
        (lambda model: CifarResNet(8).layer3, CLASSES, "not a part of this model"),
        (lambda model: model.head, CLASSES, r"must put out images \(n, c, h, w\), its output has 2 dimensions"),
        (lambda model: model.encoder.layer3, CLASSES[:2], r"class numbers \(5,\), got \(2,\)"),
        (lambda model: model.encoder.layer3, CLASSES + 1, "classes must lie within 0 … 2, got 3"),
    ],
)
def test_what_cannot_be_explained_is_refused(model, layer, classes, words):
    with pytest.raises(ValueError, match=words):
        grad_cam(model, X, layer(model), classes)


# ---------------------------------------------------------------- overlay


@pytest.mark.parametrize("channels", [1, 3])
def test_the_overlay_keeps_what_is_cold_and_colours_what_is_hot(channels):
    maps = torch.zeros(2, 4, 6)
    maps[1, 0, 0] = 1
    laid = overlay(torch.full((2, channels, 4, 6), 0.5), maps)
    assert laid.shape == (2, 3, 4, 6) and laid.min() >= 0 and laid.max() <= 1
    assert (laid[0] == 0.5).all() and (laid[1].flatten(1)[:, 1:] == 0.5).all()
    red, green, blue = laid[1, :, 0, 0]
    assert min(red, green) > 0.7 and blue < 0.4, "yellow"


def test_a_map_of_another_size_is_refused():
    with pytest.raises(ValueError, match="a map for each image, of its size"):
        overlay(X, torch.zeros(5, 8, 8))


# ---------------------------------------------------------------- texts


TEXT = "The grinder is loud, but  the coffee isn't bad."


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(0)
    return Classifier(text_encoder("minilm"), 3)


def log_odds(model, text, number):
    with torch.no_grad():
        p = model([text]).softmax(1)[0, number]
    return (p / (1 - p)).log().item()


@pytest.mark.parametrize("number", [0, 2])
def test_words_and_beginning_sum_to_the_log_odds(reader, number):
    words, values, beginning = word_contributions(reader, TEXT, number)
    assert words == TEXT.split() and values.shape == (len(words),)
    assert beginning + values.sum().item() == pytest.approx(log_odds(reader, TEXT, number), abs=0.01)


def test_where_the_model_is_linear_a_word_adds_what_its_own_vector_adds(reader):
    """Independent oracle: without layers, pooling aside, log-odds of two classes are linear in the word vectors."""

    class Mean(TransformerEncoder):
        def pooled(self, ids, mask):
            return self.network.get_input_embeddings()(ids).mean(1)

    encoder = text_encoder("minilm")
    encoder.__class__ = Mean
    bag = Classifier(encoder, 2)
    words, values, _ = word_contributions(bag, "good bad unbelievable", 1, steps=20)
    ids = torch.tensor(encoder.tokenise(["good bad unbelievable"])[0])
    vectors = encoder.network.get_input_embeddings().weight
    direction = (bag.head.weight[1] - bag.head.weight[0]).detach()
    each = ((vectors[ids] - vectors[encoder.padding]) @ direction / len(ids))[1:-1]
    assert torch.allclose(values, torch.stack([each[0], each[1], each[2:].sum()]), atol=1e-4)
    assert words == ["good", "bad", "unbelievable"]


def test_model_gradients_and_mode_stay_as_they_were(reader):
    reader.train()
    state = {name: value.clone() for name, value in reader.state_dict().items()}
    first, second = (word_contributions(reader, TEXT, 1)[1] for _ in range(2))
    assert torch.equal(first, second) and reader.training and reader.encoder.training, "no dropout"
    assert all(torch.equal(value, state[name]) for name, value in reader.state_dict().items())
    assert all(p.grad is None for p in reader.parameters())


def test_a_long_text_counts_as_far_as_it_was_read(reader):
    words, values, _ = word_contributions(reader, "word " * 1000, 0, steps=20)
    assert len(words) == len(values) == reader.encoder.limit - 2


def test_what_cannot_be_explained_is_said(reader, model):
    with pytest.raises(ValueError, match="class 3 is not within 0 … 2"):
        word_contributions(reader, TEXT, 3)
    with pytest.raises(ValueError, match="text 0 is empty"):
        word_contributions(reader, " ", 0)
    with pytest.raises(ValueError, match="need a Classifier on text_encoder"):
        word_contributions(model, TEXT, 0)
    sharp = Classifier(text_encoder("minilm"), 2)
    with torch.no_grad():
        sharp.head.weight.mul_(500)
    with pytest.raises(ValueError, match="take more steps"):
        word_contributions(sharp, TEXT, 0, steps=2)
