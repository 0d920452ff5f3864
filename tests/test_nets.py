"""The networks: shapes, the public weights they must load, and what those weights must score."""

import pytest
import torch

from tlutils import Classifier, DigitNet, DrivingNet, accuracy
from tlutils.nets import CifarResNet

PUBLIC = {20: "resnet20-12fca82f.th", 32: "resnet32-d509ac18.th", 56: "resnet56-4bfd9763.th"}


@pytest.fixture
def public(mirror):
    """Return a function that loads a public CIFAR-10 weight file: encoder part and head."""

    def load(depth):
        path = mirror / "weights" / "cifar10_resnet" / PUBLIC[depth]
        if not path.exists():
            pytest.skip(f"{path.name} is not in the mirror")
        state = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
        state = {key.removeprefix("module."): value for key, value in state.items()}
        head = {key.removeprefix("linear."): state.pop(key) for key in list(state) if key.startswith("linear.")}
        return state, head

    return load


@pytest.mark.parametrize("depth", PUBLIC)
def test_the_public_weights_fit_name_by_name(public, depth):
    state, head = public(depth)
    CifarResNet(depth).load_state_dict(state, strict=True)
    assert sum(value.ndim == 4 for value in state.values()) == depth - 1 and head["weight"].shape == (10, 64)


def test_the_public_resnet20_scores_what_it_must_on_500_compressed_photographs(public, objects):
    state, head = public(20)
    model = Classifier(CifarResNet(20), objects.classes).eval()
    model.encoder.load_state_dict(state)
    model.head.load_state_dict(head)
    assert 0.78 <= accuracy(model, objects.few(50)) <= 0.87


@pytest.mark.parametrize("depth", [0, 2, 7, 9, 18, 21, 34])
def test_a_depth_that_is_not_6n_plus_2_is_refused(depth):
    with pytest.raises(ValueError, match=rf"6n\+2.*20, 32, 56.*got {depth}"):
        CifarResNet(depth)


@pytest.mark.parametrize("depth", [8, 20, 26])
def test_depth_counts_the_layers_with_weights(depth):
    convolutions = [m for m in CifarResNet(depth).modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) + 1 == depth


@pytest.mark.parametrize("size", [25, 32, 48])
def test_the_photo_net_takes_several_sizes(size):
    with torch.no_grad():
        assert CifarResNet(8)(torch.rand(2, 3, size, size)).shape == (2, CifarResNet.dim)


def test_mean_and_std_are_part_of_the_net_but_not_of_its_weights():
    net = CifarResNet(8)
    assert {"mean", "std"} <= dict(net.named_buffers()).keys() and not {"mean", "std"} & net.state_dict().keys()


def test_photographs_are_normalised_inside_the_net_as_its_public_weights_expect():
    net, seen = CifarResNet(8), []
    net.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.rand(2, 3, 32, 32)
    net(x)
    for channel, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        torch.testing.assert_close(seen[0][:, channel], (x[:, channel] - mean) / std)


@pytest.mark.parametrize("size", [8, 16, 28])
def test_the_digit_net_takes_every_size_of_digit(size):
    net = DigitNet()
    features = net(torch.rand(3, 1, size, size))
    assert features.shape == (3, DigitNet.dim) and (features >= 0).all()
    features.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


def test_the_width_of_the_digit_net_changes_its_size_but_not_its_features():
    narrow, wide = DigitNet(4), DigitNet(16)
    assert narrow(torch.rand(2, 1, 8, 8)).shape == wide(torch.rand(2, 1, 8, 8)).shape == (2, 64)
    assert sum(p.numel() for p in narrow.parameters()) < sum(p.numel() for p in wide.parameters())


@pytest.mark.parametrize("build", [DigitNet, CifarResNet, lambda: CifarResNet(8)], ids=["digits", "20", "8"])
def test_every_weight_and_statistic_lies_in_exactly_one_block_in_depth_order(build):
    net = build()
    assert len(net.blocks) == 4
    for listed in ("parameters", "buffers"):
        in_blocks = [id(value) for block in net.blocks for value in getattr(block, listed)()]
        # mean and std belong to the input, not to a block
        in_net = [id(v) for name, v in getattr(net, f"named_{listed}")() if name not in ("mean", "std")]
        assert in_blocks == in_net, "each once, and in the order of the network"


@pytest.mark.parametrize(("net", "size"), [(DigitNet(4), 8), (CifarResNet(8), 16)], ids=["digits", "photos"])
def test_no_block_sees_what_a_later_one_computes(net, size):
    order = []
    for number, block in enumerate(net.blocks):
        for layer in block.modules():
            layer.register_forward_hook(lambda *_, number=number: order.append(number))
    net.eval()(torch.rand(1, net.channels, size, size))
    assert order == sorted(order) and set(order) == {0, 1, 2, 3}


def test_the_blocks_add_no_name_to_the_weights():
    for net in (DigitNet(), CifarResNet()):
        names, before = set(net.state_dict()), len(list(net.modules()))
        assert net.blocks and set(net.state_dict()) == names and len(list(net.modules())) == before
    assert {name.partition(".")[0] for name in CifarResNet().state_dict()} == {
        *("conv1", "bn1", "layer1", "layer2", "layer3")
    }
    assert {name.partition(".")[0] for name in DigitNet().state_dict()} == {"layers"}


@pytest.mark.parametrize("classes", [4, ("a", "b", "c", "d")])
def test_a_classifier_gives_features_and_scores_from_one_pass(classes):
    model = Classifier(DigitNet(4), classes)
    calls = []
    model.encoder.register_forward_hook(lambda *_: calls.append(1))
    x = torch.rand(5, 1, 8, 8)
    features, logits = model(x, return_features=True)
    assert len(calls) == 1 and features.shape == (5, 64) and logits.shape == (5, 4)
    torch.testing.assert_close(model.head(features), logits)
    torch.testing.assert_close(model(x), logits)


def test_the_driving_net_sees_where_an_edge_lies():
    left, right = torch.zeros(2, 1, 3, 36, 64)
    left[..., 8:14], right[..., 50:56] = 1.0, 1.0
    net = DrivingNet().eval()
    with torch.no_grad():
        features = net(torch.cat([left, right]))
        assert features.shape == (2, DrivingNet.dim) and not torch.allclose(features[0], features[1], atol=1e-3)
        assert net(torch.rand(2, 3, 40, 80)).shape == (2, DrivingNet.dim)
    in_blocks = sum(p.numel() for block in net.blocks for p in block.parameters())
    assert in_blocks == sum(p.numel() for p in net.parameters())
