"""The encoders by name: what their cards say, what they know, and what happens when a file is another."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from tlutils import Classifier, build_encoders, encoders, extract_features, image_encoder, linear_probe, model_card
from tlutils.datasets.digits import handwritten
from tlutils.datasets.textures import textures
from tlutils.encoders import CIFAR, EMBEDDED
from tlutils.nets import CifarResNet, DigitNet, GlyphNet
from tlutils.store import data_dir, fetch
from tlutils.train import accuracy
from tlutils.weights import read_weights

NAMES = sorted(EMBEDDED)


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """Point the package to a copy of the encoders' files that a test may spoil."""
    for name in [f"{name}.{kind}" for name in NAMES for kind in ("safetensors", "card.json")]:
        shutil.copy(data_dir() / name, tmp_path / name)
    for module in (encoders, build_encoders):
        monkeypatch.setattr(module, "data_dir", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_an_embedded_encoder_comes_frozen_in_evaluation_mode_and_gives_64_features(name, pretrained):
    encoder = image_encoder(name, pretrained=pretrained)
    assert not any(module.training for module in encoder.modules())
    assert not any(p.requires_grad for p in encoder.parameters())
    features = extract_features(encoder, torch.rand(2, encoder.channels, 32, 32), cache=False)
    assert features.shape == (2, 64) == (2, encoder.dim)
    held = [id(p) for block in encoder.blocks for p in block.parameters()]
    assert sorted(held) == sorted(id(p) for p in encoder.parameters())


def test_two_calls_give_independent_copies():
    first, second = image_encoder("photos"), image_encoder("photos")
    with torch.no_grad():
        first.conv1.weight.zero_()
    assert second.conv1.weight.abs().sum() > 0


def test_untrained_weights_follow_the_seed_and_differ_from_the_pretrained():
    weights = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        weights.append(image_encoder("photos", pretrained=False).conv1.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], image_encoder("photos").conv1.weight)


def test_untrained_is_the_network_of_photos_before_training():
    state = image_encoder("untrained").state_dict()
    assert state.keys() == image_encoder("photos").state_dict().keys()
    for key, value in state.items():
        if "running_mean" in key or "num_batches" in key:
            assert not value.any(), "no image has passed through it"
    assert state["layer3.0.conv2.weight"].std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_names_data_command_seed_accuracy_hash_and_licence(name):
    card = model_card(name)
    assert {"data", "not_seen", "seed", "test_accuracy", "sha256", "licence", "limits", "classes"} <= card.keys()
    assert card["name"] == name and card["command"] == f"python -m tlutils.build_encoders {name}"
    recipe = build_encoders.RECIPES[name]
    assert card["parameters"] == sum(p.numel() for p in Classifier(EMBEDDED[name](), recipe.classes).parameters())
    assert (card["data"], card["epochs"], card["limits"]) == (recipe.data, recipe.epochs, recipe.limits)


def test_the_embedded_encoders_stay_small():
    assert sum((data_dir() / f"{name}.safetensors").stat().st_size for name in NAMES) < 12e6
    assert set(NAMES) == set(build_encoders.RECIPES)


def test_an_unknown_name_suggests_the_nearest_and_lists_what_exists():
    with pytest.raises(ValueError, match=r"'photo'.*did you mean 'photos'") as caught:
        image_encoder("photo")
    assert all(name in str(caught.value) for name in [*NAMES, *CIFAR, "resnet50", "vit_b_16"])
    with pytest.raises(ValueError, match=r"'photo'.*did you mean 'photos'\? known are chinese-student, glyphs, photos"):
        model_card("photo")


def test_weights_and_no_pretraining_contradict_each_other(tmp_path):
    with pytest.raises(ValueError, match=r"weights='mine.pth' and pretrained=False contradict"):
        image_encoder("photos", weights="mine.pth", pretrained=False)


def test_a_weight_file_that_its_card_does_not_describe_is_refused(copied_data):
    path = copied_data / "photos.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not match its card"):
        image_encoder("photos")


def test_a_classifier_of_ones_own_is_read_without_its_head(tmp_path):
    model = Classifier(CifarResNet(20), 3)
    torch.save(model.state_dict(), tmp_path / "mine.pth")
    encoder = image_encoder("photos", weights=tmp_path / "mine.pth")
    assert torch.equal(encoder.conv1.weight, model.encoder.conv1.weight)
    with pytest.raises(ValueError, match=r"mine.pth holds the weights of another architecture than CifarResNet"):
        image_encoder("cifar_resnet32", weights=tmp_path / "mine.pth")


# ---------------------------------------------------------------- glyphs


def test_glyphs_sees_every_size_as_16_by_16():
    encoder, x = image_encoder("glyphs"), torch.rand(3, 1, 16, 16)
    plain = DigitNet(width=32).eval()
    plain.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(encoder(x), plain(x))
        larger = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        assert F.cosine_similarity(encoder(larger), encoder(x)).min() > 0.9
    assert isinstance(encoder, GlyphNet) and encoder.channels == 1


def test_print_helps_to_read_handwriting():
    """Ten labels a class: features learnt from print beat the same network untrained, and the pixels."""
    train, test = handwritten().split(0.5)
    few, scores = train.few(10), {}
    torch.manual_seed(0)
    for kind, encoder in {"print": image_encoder("glyphs"), "none": image_encoder("glyphs", pretrained=False)}.items():
        probe = linear_probe(extract_features(encoder, few.x), few.y)
        scores[kind] = probe.score(extract_features(encoder, test.x), test.y)
    scores["pixels"] = linear_probe(few.x.flatten(1), few.y).score(test.x.flatten(1), test.y)
    assert scores["print"] > 0.9 and scores["print"] > max(scores["none"], scores["pixels"]) + 0.02, scores


def test_colour_is_refused_by_the_encoder_of_grey_images():
    with pytest.raises(ValueError, match=r"float tensor \(n, 1, h, w\)"):
        extract_features(image_encoder("glyphs"), torch.rand(2, 3, 32, 32))


# ---------------------------------------------------------------- CIFAR-10


@pytest.mark.parametrize("name", CIFAR)
def test_the_published_cifar_10_files_load_whole(name, real):
    file = f"weights/cifar10_resnet/{CIFAR[name]}"
    real(file)
    encoder, found = image_encoder(name), read_weights(fetch(file))
    # The files are older than BatchNorm's count of batches.
    state = {key: value for key, value in encoder.state_dict().items() if "num_batches" not in key}
    assert state.keys() == {key for key in found if "linear" not in key}
    assert all(torch.equal(value, found[key]) for key, value in state.items())
    assert len(encoder.blocks) == 4 and not any(p.requires_grad for p in encoder.parameters())


def test_the_published_resnet20_recognises_the_compressed_photographs(real, objects):
    """91.8 % on the clean images, its file says; strong compression takes about ten points of that."""
    file = f"weights/cifar10_resnet/{CIFAR['cifar_resnet20']}"
    real(file)
    head = read_weights(fetch(file))
    some = objects.subset(torch.arange(0, len(objects), 5))
    features = extract_features(image_encoder("cifar_resnet20"), some.x, cache=False)
    logits = features @ head["linear.weight"].T + head["linear.bias"]
    assert 0.79 < (logits.argmax(1) == some.y).float().mean() < 0.85


# ---------------------------------------------------------------- python -m tlutils.build_encoders NAME --check


@pytest.mark.parametrize("name", NAMES)
def test_check_verifies_the_embedded_file(name, capsys, monkeypatch):
    monkeypatch.setattr(build_encoders, "available", lambda file: False)  # the photographs are measured below
    assert build_encoders.main([name, "--check"]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: hash")


def test_check_fails_when_a_byte_differs(copied_data, capsys):
    with open(copied_data / "photos.safetensors", "ab") as file:
        file.write(b"x")
    assert build_encoders.main(["photos", "--check"]) == 1
    assert "the card says" in capsys.readouterr().err


def test_check_fails_when_the_card_promises_another_accuracy(copied_data, capsys):
    path = copied_data / "glyphs.card.json"
    card = json.loads(path.read_text())
    card["test_accuracy"]["8×8"] -= 0.01
    path.write_text(json.dumps(card))
    assert build_encoders.main(["glyphs", "--check"]) == 1
    assert f"the card says {card['test_accuracy']['8×8']:.2%}" in capsys.readouterr().err


def test_photos_recognises_the_objects_as_its_card_says(objects):
    """A fifth of the test photographs; `--check` measures them all."""
    model = Classifier(CifarResNet(20), objects.classes)
    model.load_state_dict(read_weights(data_dir() / "photos.safetensors"))
    measured = accuracy(model.eval(), objects.subset(torch.arange(0, len(objects), 5)))
    assert measured == pytest.approx(model_card("photos")["test_accuracy"]["colour"], abs=0.02)


def test_a_build_writes_weights_and_card_that_check_accepts(copied_data, monkeypatch, capsys):
    quick = replace(build_encoders.RECIPES["untrained"], file=None, tests=lambda: {"grey": textures(4)})
    monkeypatch.setitem(build_encoders.RECIPES, "untrained", quick)
    embedded = image_encoder("untrained").state_dict()
    for kind in ("safetensors", "card.json"):
        (copied_data / f"untrained.{kind}").unlink()
    assert build_encoders.main(["untrained"]) == 0
    for key, value in image_encoder("untrained").state_dict().items():
        torch.testing.assert_close(value, embedded[key], msg="the same seed, the same weights")
    assert build_encoders.main(["untrained", "--check"]) == 0
    assert capsys.readouterr().out.startswith("untrained: hash, shapes and test accuracy (grey")
