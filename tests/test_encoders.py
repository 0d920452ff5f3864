"""The embedded encoder: what its card says, what it knows, and what happens when its file is another."""

import json
import shutil

import pytest
import torch

from tlutils import build_encoders, encoders, image_encoder, model_card
from tlutils.store import data_dir


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """Point the package to a copy of the encoder's files that a test may spoil."""
    for name in ("photos.safetensors", "photos.card.json", "manifest.json"):
        shutil.copy(data_dir() / name, tmp_path / name)
    for module in (encoders, build_encoders):
        monkeypatch.setattr(module, "data_dir", lambda: tmp_path)
    encoders._weights.cache_clear()
    yield tmp_path
    encoders._weights.cache_clear()


def test_the_encoder_comes_frozen_in_evaluation_mode_and_gives_64_features():
    encoder = image_encoder("photos")
    assert not encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())
    assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, 64) == (2, encoder.dim)


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


def test_the_card_names_data_command_seed_accuracy_hash_and_licence():
    card = model_card("photos")
    assert {"data", "command", "seed", "test_accuracy", "sha256", "licence", "limits"} <= card.keys()
    assert card["parameters"] == 269_722
    assert (data_dir() / "photos.safetensors").stat().st_size < 2e6


@pytest.mark.parametrize("call", [image_encoder, model_card])
def test_an_unknown_name_suggests_the_nearest(call):
    with pytest.raises(ValueError, match=r"'photo'.*did you mean 'photos'"):
        call("photo")


def test_a_weight_file_that_its_card_does_not_describe_is_refused(copied_data):
    path = copied_data / "photos.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not match its card"):
        image_encoder("photos")


def test_check_verifies_the_embedded_file(capsys):
    assert build_encoders.main(["photos", "--check"]) == 0
    assert capsys.readouterr().out.startswith("photos: hash")


def test_check_fails_when_a_byte_differs(copied_data, capsys):
    with open(copied_data / "photos.safetensors", "ab") as file:
        file.write(b"x")
    assert build_encoders.main(["photos", "--check"]) == 1
    assert "the card says" in capsys.readouterr().err


def test_check_fails_when_the_card_promises_another_accuracy(copied_data, capsys):
    from tlutils.store import available

    if not available(build_encoders.DATA):
        pytest.skip("the compressed CIFAR-10 is not at hand")
    path = copied_data / "photos.card.json"
    card = json.loads(path.read_text())
    card["test_accuracy"]["colour"] = 0.95
    path.write_text(json.dumps(card))
    assert build_encoders.main(["photos", "--check"]) == 1
    assert "the card says 95.00%" in capsys.readouterr().err
