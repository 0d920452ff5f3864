"""Medical sets: the real files where the mirror has them, small ones of the same layout where not."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from tlutils.datasets import medical

XRAYS, CELLS, TISSUE = "pneumoniamnist/pneumoniamnist.npz", "wbc_two_sites/wbc_two_sites.zip", "pathmnist/pathmnist.npz"


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """Let the store hold one given file."""

    def put(name, content):
        file = tmp_path / "file"
        file.write_bytes(content)
        monkeypatch.setattr(medical, "fetch", {name: file}.__getitem__)

    return put


@pytest.mark.parametrize(("part", "counts"), [("train", [1214, 3494]), ("val", [135, 389]), ("test", [234, 390])])
def test_the_xrays_are_complete(real, part, counts):
    real(XRAYS)
    domain = medical.pneumonia(part)
    assert domain.x.shape == (sum(counts), 3, 28, 28) and torch.bincount(domain.y).tolist() == counts
    assert domain.classes == ("normal", "pneumonia") and domain.name == f"PneumoniaMNIST, {part}"
    assert domain.x.min() == 0 and 0.9 < domain.x.max() <= 1 and domain.x[:, 0].equal(domain.x[:, 2]), "grey"
    if part == "train":
        assert domain.x.mean() == pytest.approx(0.5719, abs=5e-5), "the mean that MedMNIST publishes"


@pytest.mark.parametrize(("site", "counts"), [("A", [176, 53, 48, 22]), ("B", [33, 37, 15, 12])])
def test_the_blood_cells_of_both_laboratories_are_complete(real, site, counts):
    real(CELLS)
    domain = medical.blood_cells(site, size=60)
    assert domain.x.shape == (sum(counts), 3, 60, 60) and torch.bincount(domain.y).tolist() == counts
    assert domain.classes == ("neutrophil", "lymphocyte", "monocyte", "eosinophil")
    yellow = (domain.x[:, 0] + domain.x[:, 1] - 2 * domain.x[:, 2]).mean()
    assert yellow > 0.3 if site == "A" else yellow < 0.2, "site A has a yellow background"


def arrays(**shapes):
    rng = np.random.default_rng(0)
    content = {}
    for part, n in shapes.items():
        content[f"{part}_images"] = rng.integers(0, 256, (n, 28, 28, 3)).astype(np.uint8)
        content[f"{part}_labels"] = (np.arange(n) % 9).astype(np.uint8)[:, None]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **content)
    return content, buffer.getvalue()


def test_coloured_patches_keep_rows_channels_and_labels(stored):
    content, file = arrays(train=20, val=10, test=15)
    stored(TISSUE, file)
    domain = medical.path_mnist("test")
    assert domain.x.shape == (15, 3, 28, 28) and domain.y.tolist() == content["test_labels"][:, 0].tolist()
    assert np.allclose(255 * domain.x.numpy(), content["test_images"].transpose(0, 3, 1, 2), atol=1e-4)
    assert len(domain.classes) == 9 and len(medical.path_mnist("train")) == 20


def test_a_file_that_would_run_code_is_not_loaded(stored):
    buffer = io.BytesIO()
    np.savez(buffer, test_images=np.array([object()], dtype=object), test_labels=np.zeros((1, 1)))
    stored(TISSUE, buffer.getvalue())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        medical.path_mnist("test")


def test_cells_carry_the_label_of_their_number_and_the_fifth_kind_is_left_out(stored):
    kinds = {1: 2, 2: 5, 3: 1, 4: 4}  # listed in another order than the files lie in the archive
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, kind in kinds.items():
            png = io.BytesIO()
            Image.new("RGB", (30, 30), (40 * kind, 0, 0)).save(png, "PNG")
            archive.writestr(f"wbc/dataset2/images/{number:03}.png", png.getvalue())
        rows = [f"{number},{kinds[number]}" for number in (3, 1, 2, 4)]
        archive.writestr("wbc/dataset2_labels.csv", "\ufeff" + "\r\n".join(["image ID,class", *rows]))
    stored(CELLS, buffer.getvalue())
    domain = medical.blood_cells("B", size=10)
    assert domain.y.tolist() == [0, 1, 3]
    assert (255 * domain.x[:, 0, 0, 0] / 40).round().tolist() == [1, 2, 4] and domain.x.shape == (3, 3, 10, 10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: medical.pneumonia("valid"), "unknown part 'valid': did you mean 'val'"),
        (lambda: medical.path_mnist("tset"), "unknown part 'tset': did you mean 'test'"),
        (lambda: medical.blood_cells("C"), "unknown site 'C': .*known are A, B"),
    ],
)
def test_what_does_not_exist_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    ("call", "name"),
    [(medical.pneumonia, XRAYS), (medical.path_mnist, TISSUE), (lambda: medical.blood_cells("A"), CELLS)],
)
def test_without_file_and_network_the_error_names_the_file(no_network, monkeypatch, tmp_path, call, name):
    monkeypatch.delenv("TLUTILS_DATA", raising=False)
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=name):
        call()
