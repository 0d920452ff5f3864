"""Torchvision's models as encoders: head off, preprocessing inside, and the real weight files."""

import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from tlutils import Classifier, extract_features, image_encoder, layerwise_rates, unfreeze
from tlutils.store import manifest, sha256
from tlutils.torchvision_models import torchvision_names

# One of every family that is small enough to build here; the largest kinds share their code with these.
FAMILIES = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "squeezenet1_0",
    "swin_t",
]


@pytest.fixture(scope="module", params=FAMILIES)
def built(request):
    torch.manual_seed(0)
    return SimpleNamespace(name=request.param, encoder=image_encoder(request.param, pretrained=False))


def whole(name: str, encoder: nn.Module) -> nn.Module:
    """Return torchvision's own model with the encoder's weights and a head of its own."""
    settings = {"init_weights": True, "transform_input": True} if name == "googlenet" else {}
    model = models.get_model(name, weights=None, **settings)
    model.load_state_dict(encoder.network.state_dict(), strict=False)
    return model.eval()


def test_the_features_are_what_torchvisions_own_head_is_given(built):
    """Independent oracle: torchvision's whole model, watched where its last layer begins."""
    encoder, x = built.encoder, torch.rand(2, 3, 90, 70)
    model, seen = whole(built.name, encoder), []
    head = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)][-1]
    head.register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    prepare = models.get_model_weights(built.name).DEFAULT.transforms()
    with torch.inference_mode():
        features = encoder(x)
        model(prepare(x))
    given = seen[0].mean((2, 3)) if seen[0].ndim == 4 else seen[0]  # SqueezeNet classifies, then pools
    assert features.shape == (2, encoder.dim) == given.shape
    torch.testing.assert_close(features, given, rtol=1e-3, atol=1e-5)


def test_encoders_come_frozen_in_evaluation_mode_for_colour(built):
    encoder = built.encoder
    assert encoder.channels == 3 and not any(module.training for module in encoder.modules())
    assert not any(p.requires_grad for p in encoder.parameters())


def test_every_weight_lies_in_exactly_one_block_in_depth_order(built):
    encoder = built.encoder
    held = [id(p) for block in encoder.blocks for p in block.parameters()]
    everything = [id(p) for p in encoder.parameters()]
    assert len(held) == len(everything) and set(held) == set(everything) and len(encoder.blocks) >= 5
    order = {p: position for position, p in enumerate(everything)}
    lowest = [min(order[id(p)] for p in block.parameters()) for block in encoder.blocks]
    assert lowest == sorted(lowest)


def test_the_blocks_serve_fine_tuning_where_weights_lie_outside_of_modules(monkeypatch):
    """A vision transformer keeps its class token and its positions beside its layers."""
    small = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8, "image_size": 224, "patch_size": 32}
    monkeypatch.setattr(models, "get_model", lambda name, **_: models.VisionTransformer(**small))
    encoder = image_encoder("vit_b_32", pretrained=False)
    assert encoder(torch.rand(2, 3, 8, 8)).shape == (2, 8) and len(encoder.blocks) == 3
    model = Classifier(encoder, 2)
    unfreeze(model, 3)
    groups = layerwise_rates(model, lr=1.0, decay=0.5)
    assert [group["lr"] for group in groups] == [1.0, 0.5, 0.25, 0.125]
    first = {id(p) for p in groups[-1]["params"]}
    assert {id(encoder.network.class_token), id(encoder.network.encoder.pos_embedding)} <= first


def test_training_an_inception_gives_features_and_no_second_output():
    encoder = image_encoder("googlenet", pretrained=False).train()
    assert isinstance(encoder(torch.rand(2, 3, 64, 64)), torch.Tensor)
    assert not any("aux" in key for key in encoder.state_dict())


@pytest.mark.parametrize(("height", "width"), [(224, 224), (16, 16), (40, 400), (500, 300)])
def test_images_of_any_size_are_prepared_as_torchvision_prepares_photographs(height, width):
    encoder = image_encoder("mobilenet_v3_small", pretrained=False)
    rows, columns = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 2, width), indexing="ij")
    x = torch.stack([rows.sin(), columns.cos().abs(), (rows * columns).cos().square()])
    x = (255 * x).round() / 255
    picture = Image.fromarray((255 * x).round().byte().permute(1, 2, 0).numpy())
    prepared = encoder.prepare(x[None])
    expected = models.MobileNet_V3_Small_Weights.DEFAULT.transforms()(picture)
    assert prepared.shape == (1, 3, 224, 224)
    assert (prepared[0] - expected).abs().max() < 0.03, "PIL rounds to 255 levels"


def test_features_are_extracted_cached_and_told_apart(monkeypatch, tmp_path):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    x = torch.rand(3, 3, 32, 32)
    torch.manual_seed(0)
    encoder = image_encoder("squeezenet1_1", pretrained=False)
    first = extract_features(encoder, x)
    calls = []
    encoder.network.register_forward_pre_hook(lambda *_: calls.append(1))
    assert torch.equal(extract_features(encoder, x), first) and not calls, "read from the cache"
    other = image_encoder("squeezenet1_1", pretrained=False)
    assert not torch.equal(extract_features(other, x), first)
    encoder.prepare.resize_size = [300]
    assert not torch.equal(extract_features(encoder, x), first) and calls, "other preprocessing, other features"
    with pytest.raises(ValueError, match=r"float tensor \(n, 3, h, w\)"):
        extract_features(encoder, x[:, :1])
    with pytest.raises(ValueError, match="divide by 255"):
        extract_features(encoder, 255 * x)


def test_every_model_of_torchvision_names_its_file_by_its_hash():
    """Without that, `fetch_published` could not check it; the manifest agrees with the installed torchvision."""
    for name in torchvision_names():
        url = models.get_model_weights(name).DEFAULT.url
        digits = url.removesuffix(".pth").rpartition("-")[2]
        assert url.startswith("https://") and len(digits) >= 8 and int(digits, 16) >= 0
        entry = manifest().get(f"weights/imagenet/{url.rpartition('/')[2]}")
        assert entry is None or (entry["urls"], entry["sha256"]) == ([url], [digits])
    named = [file for file in manifest() if file.startswith("weights/imagenet/") and "-" in file]
    assert {file.split("/")[2].partition("-")[0] for file in named} >= {"resnet18", "resnet50", "mobilenet_v2"}


@pytest.mark.usefixtures("no_network")
def test_without_network_the_error_says_where_to_put_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    monkeypatch.delenv("TLUTILS_DATA", raising=False)
    for name, file in {"resnet18": "resnet18-f37072fd.pth", "resnet34": "resnet34-b627a593.pth"}.items():
        with pytest.raises(OSError, match=f"could not get weights/imagenet/{file}") as caught:
            image_encoder(name)
        assert f"must be {file[9:17]}…" in str(caught.value)


def test_the_published_file_is_loaded_once_its_hash_is_right(monkeypatch, tmp_path):
    state = models.squeezenet1_1(weights=None).state_dict()
    folder = tmp_path / "weights" / "imagenet"
    folder.mkdir(parents=True)
    torch.save(state, folder / "squeezenet1_1-b8a52dc0.pth")
    monkeypatch.setenv("TLUTILS_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"squeezenet1_1-b8a52dc0.pth is not the expected file.*expected b8a52dc0…"):
        image_encoder("squeezenet1_1")
    digits = sha256(folder / "squeezenet1_1-b8a52dc0.pth")
    entry = manifest()["weights/imagenet/squeezenet1_1-b8a52dc0.pth"]
    monkeypatch.setitem(entry, "sha256", [digits[:8]])
    encoder = image_encoder("squeezenet1_1")
    assert torch.equal(encoder.network.features[0].weight, state["features.0.weight"])


def test_weights_of_another_architecture_are_refused_with_the_file(tmp_path):
    path = tmp_path / "resnet.pth"
    torch.save(models.resnet18(weights=None).state_dict(), path)
    with pytest.raises(ValueError, match=f"{path} holds .* another architecture than MobileNetV2") as caught:
        image_encoder("mobilenet_v2", weights=path)
    assert str(caught.value).count("\n") == 11


def test_a_checkpoint_with_another_number_of_classes_is_welcome(tmp_path):
    tuned = models.mobilenet_v3_small(weights=None, num_classes=2)
    torch.save(tuned.state_dict(), tmp_path / "two_classes.pth")
    encoder = image_encoder("mobilenet_v3_small", weights=str(tmp_path / "two_classes.pth"))
    assert torch.equal(encoder.network.features[0][0].weight, tuned.features[0][0].weight)


ANT, BEE = 310, 309  # of ImageNet's thousand classes


@pytest.fixture(scope="module")
def insects():
    """Return every sixth ant and bee (24, 3, 256, 256) with its ImageNet number; skip without the mirror."""
    from tlutils.store import available, fetch

    name = "hymenoptera/hymenoptera_data_256.zip"
    if not available(name):
        pytest.skip(f"{name} is neither in $TLUTILS_DATA nor in the cache")
    images, labels = [], []
    with zipfile.ZipFile(fetch(name)) as archive:
        for kind, number in (("ants", ANT), ("bees", BEE)):
            members = sorted(m for m in archive.namelist() if f"/val/{kind}/" in m and m.endswith(".jpg"))
            for member in members[::6][:12]:
                picture = Image.open(io.BytesIO(archive.read(member))).convert("RGB")
                left, top = (picture.width - 256) // 2, (picture.height - 256) // 2
                pixels = np.asarray(picture.crop((left, top, left + 256, top + 256)))
                images.append(torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255)
                labels.append(number)
    return torch.stack(images), torch.tensor(labels)


@pytest.mark.parametrize(
    ("name", "file", "head"),
    [("mobilenet_v2", "mobilenet_v2.pth", "classifier.1"), ("squeezenet1_0", "squeezenet1_0.pth", None)],
)
def test_real_imagenet_weights_know_ants_from_bees(insects, real, mirror, name, file, head):
    """Of a thousand classes the file's own head names the right one for 74 % and 59 % of all 396 images."""
    real(f"weights/imagenet/{file}")
    path = mirror / "weights" / "imagenet" / file
    encoder, state = image_encoder(name, weights=path), torch.load(path, weights_only=True)
    x, y = insects
    if head:
        logits = extract_features(encoder, x) @ state[f"{head}.weight"].T + state[f"{head}.bias"]
    else:  # SqueezeNet's head comes before the pooling, so its features are only checked against its own model
        model = models.squeezenet1_0(weights=None).eval()
        model.load_state_dict(state)
        with torch.inference_mode():
            maps = model.features(encoder.prepare(x))
            logits = model.classifier(maps).flatten(1)
        torch.testing.assert_close(extract_features(encoder, x), maps.mean((2, 3)), rtol=1e-3, atol=1e-4)
    assert (logits.argmax(1) == y).float().mean() > 0.4, "24 images: one standard error is 10 %"
    assert (logits[:, [BEE, ANT]].argmax(1) + BEE == y).float().mean() > 0.8


def test_a_file_that_holds_a_trunk_only_loads(real, mirror):
    real("weights/imagenet/squeezenet1_1_features.pth")
    path = mirror / "weights" / "imagenet" / "squeezenet1_1_features.pth"
    encoder = image_encoder("squeezenet1_1", weights=path)
    assert torch.equal(encoder.network.features[0].weight, torch.load(path, weights_only=True)["features.0.weight"])
    with pytest.raises(ValueError, match="another architecture"):
        image_encoder("squeezenet1_0", weights=path)
