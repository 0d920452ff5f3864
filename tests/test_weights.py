"""Weight files: what is read, what is refused, and what an error says."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tlutils.weights import load_weights, read_weights


def network(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))


@pytest.fixture
def saved(tmp_path):
    """Return a function that writes something with torch.save and returns its path."""

    def save(content, name="weights.pth"):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "best_prec1": 91.8},
        lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
    ],
    ids=["plain", "checkpoint", "DataParallel"],
)
def test_a_state_dict_is_found_however_it_was_wrapped(saved, wrap):
    state = network().state_dict()
    assert same(read_weights(saved(wrap(state))), state)


def test_a_safetensors_file_is_read_too(tmp_path):
    state = network().state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    assert same(read_weights(str(tmp_path / "weights.safetensors")), state)


class Trap:
    def __reduce__(self):
        return print, ("this must not run",)


def test_code_in_a_file_is_never_run(tmp_path, capfd):
    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.ones(2), "more": Trap()}, path)
    with pytest.raises(ValueError, match=f"{path} cannot be read as weights \\(it holds more than weights\\)"):
        read_weights(path)
    assert "this must not run" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", pickle.dumps("a text", 2)], ids=["empty", "text", "pickle"])
def test_a_file_that_is_no_weight_file_is_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=str(path)):
        read_weights(path)


def test_a_file_cut_short_is_named(saved):
    path = saved(network(64).state_dict())
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=f"{path} cannot be read as weights .damaged or cut short"):
        read_weights(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no weight file .*nowhere.pth"):
        read_weights(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"epoch": 3}, torch.ones(2), [1, 2]])
def test_what_is_no_state_dict_is_refused(saved, content):
    with pytest.raises(ValueError, match="holds no state dict of tensors"):
        read_weights(saved(content))


def test_the_head_is_left_out_whatever_its_size(saved):
    state = network().state_dict() | {"fc.weight": torch.ones(7, 4), "fc.bias": torch.ones(7)}
    other = network()
    load_weights(other, read_weights(saved(state)), "the file", skip=("fc.",))
    assert torch.equal(other[0].weight, state["0.weight"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("0.weight"), ["0.weight is missing"]),
        (lambda state: state.update({"2.weight": torch.ones(3)}), ["2.weight is not known"]),
        (lambda state: state.update({"0.bias": torch.ones(9)}), ["0.bias has shape torch.Size([9]), not", "([4])"]),
    ],
)
def test_another_architecture_is_refused_with_the_file_and_the_keys(change, words):
    state = network().state_dict()
    change(state)
    with pytest.raises(ValueError) as caught:
        load_weights(network(), state, "some/file.pth", skip=("fc.",))
    assert all(word in str(caught.value) for word in ["some/file.pth", "another architecture", "Sequential", *words])


def test_at_most_ten_keys_are_named():
    theirs = nn.ModuleDict({"net": nn.Sequential(*(nn.Linear(2, 2) for _ in range(20)))})
    with pytest.raises(ValueError) as caught:
        load_weights(network(), theirs.state_dict(), "file", skip=("fc.",))
    assert str(caught.value).count("\n") == 11 and "… and 36 more" in str(caught.value)


def test_an_old_file_without_counts_of_batches_loads(saved):
    state = {key: value for key, value in network().state_dict().items() if "num_batches" not in key}
    load_weights(network(), read_weights(saved(state)), "file", skip=("fc.",))


def test_older_names_of_layers_are_understood(saved):
    """torchvision's published ViT files say `mlp.linear_1`, its DenseNet files `norm.1`."""
    from torchvision.models import DenseNet, VisionTransformer

    vit = VisionTransformer(32, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8)
    old = dict(vit.state_dict().items())
    for now, then in {"mlp.0.": "mlp.linear_1.", "mlp.3.": "mlp.linear_2."}.items():
        old = {key.replace(now, then): value for key, value in old.items()}
    dense = DenseNet(8, (2,), 8)
    older = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): v for key, v in dense.state_dict().items()}
    for model, state in ((vit, old), (dense, older)):
        assert state.keys() != model.state_dict().keys()
        load_weights(model, read_weights(saved(state)), "file", skip=("fc.",))


def test_the_versions_of_layers_survive_reading(saved):
    """MNASNet refuses a state dict that lost its version."""
    from torchvision.models import mnasnet0_5

    load_weights(mnasnet0_5(), read_weights(saved(mnasnet0_5().state_dict())), "file", skip=("fc.",))
