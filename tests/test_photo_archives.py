"""Photographs read out of archives: the real ones where the mirror has them, small ones of the same layout."""

import io
import re
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from tlutils.datasets import photos
from tlutils.datasets.photos import OBJECTS, ants_bees, cifar10, pets


def jpeg(colour, size=(40, 30)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def tar(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """Let the store hold the given files and no others."""
    held = {}

    def put(name, content):
        held[name] = tmp_path / name.replace("/", "_")
        held[name].write_bytes(content)

    monkeypatch.setattr(photos, "fetch", held.__getitem__)
    monkeypatch.setattr(photos, "available", held.__contains__)
    return put


# ---------------------------------------------------------------- ants and bees


@pytest.mark.parametrize(("part", "counts"), [("train", [123, 121]), ("test", [70, 83])])
def test_the_ants_and_bees_are_complete(real, part, counts):
    real("hymenoptera/hymenoptera_data_256.zip")
    domain = ants_bees(part, size=48)
    assert domain.x.shape == (sum(counts), 3, 48, 48) and torch.bincount(domain.y).tolist() == counts
    assert domain.classes == ("ants", "bees") and domain.name == f"ants and bees, {part}"


@pytest.mark.parametrize("copies", [photos.INSECTS, photos.INSECTS[1:], photos.INSECTS[:1]])
def test_the_small_copy_is_preferred_and_what_is_no_photograph_left_out(stored, copies):
    for number, name in enumerate(copies):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for label in ("bees", "ants"):
                archive.writestr(f"hymenoptera_data/val/{label}/1.jpg", jpeg((100 * number, 0, 0)))
            archive.writestr("hymenoptera_data/train/ants/imageNotFound.gif", b"")
            archive.writestr("hymenoptera_data/train/ants/2.jpg", jpeg((0, 0, 0)))
            archive.writestr("hymenoptera_data/train/ants/formica.jpeg", jpeg((0, 0, 0)))
        stored(name, buffer.getvalue())
    domain = ants_bees("test", size=16)
    assert domain.y.tolist() == [0, 1] and (255 * domain.x[:, 0].mean()).round() == 0, "the first of the copies"
    assert len(ants_bees("train", size=16)) == 2, "one of the originals ends in .jpeg"


# ---------------------------------------------------------------- pets

PETS = {"Abyssinian_1": 1, "Abyssinian_2": 1, "american_bulldog_7": 2, "wheaten_terrier_10": 37}


def pet_archives(left_out=()):
    listing = ["# a comment", *(f"{name} {number} 1 1" for name, number in PETS.items())]
    annotations = {"annotations/test.txt": b"x_9 1 1 1", "annotations/trainval.txt": "\n".join(listing).encode()}
    images = {f"images/{name}.jpg": jpeg((6 * number, 0, 0)) for name, number in reversed(PETS.items())}
    images |= {"images/unlisted_1.jpg": b"no image", "images/Abyssinian_1.mat": b"no image"}
    return tar(annotations), tar({name: content for name, content in images.items() if name not in left_out})


def test_pets_come_in_the_order_of_their_list_with_its_breeds(stored):
    annotations, images = pet_archives()
    stored("pets/annotations.tar.gz", annotations)
    stored("pets/images.tar.gz", images)
    domain = pets("train", size=24)
    assert domain.classes == ("Abyssinian", "american bulldog", "wheaten terrier") and domain.y.tolist() == [0, 0, 1, 2]
    assert domain.x.shape == (4, 3, 24, 24)
    assert (255 * domain.x[:, 0].mean((1, 2)) / 6).round().tolist() == [1, 1, 2, 37], "each picture its own label"


def test_an_archive_without_a_listed_pet_is_refused(stored):
    annotations, images = pet_archives(left_out=["images/Abyssinian_2.jpg"])
    stored("pets/annotations.tar.gz", annotations)
    stored("pets/images.tar.gz", images)
    with pytest.raises(ValueError, match=r"pets/images.tar.gz lacks images/Abyssinian_2.jpg and 0 more"):
        pets("train")


# ---------------------------------------------------------------- CIFAR-10


def records(labels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3, 32, 32)).astype(np.uint8)
    content = b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, pixels, strict=True))
    return pixels, content


def test_cifar10_reads_its_binary_batches_in_order(stored):
    batches = {f"data_batch_{k}.bin": records([k, k + 1], k) for k in range(1, 6)} | {"test_batch.bin": records([9], 0)}
    members = {f"cifar-10-batches-bin/{name}": content for name, (_, content) in reversed(batches.items())}
    stored("cifar10/cifar-10-binary.tar.gz", tar({"cifar-10-batches-bin/readme.html": b"", **members}))
    train, test = cifar10("train"), cifar10("test")
    assert train.y.tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6] and test.y.tolist() == [9] and train.classes == OBJECTS
    expected = np.concatenate([batches[f"data_batch_{k}.bin"][0] for k in range(1, 6)])
    assert (255 * train.x).round().byte().numpy().tolist() == expected.tolist()
    assert (255 * test.x).round().byte().numpy().tolist() == batches["test_batch.bin"][0].tolist()


def test_cifar10_without_a_batch_is_refused(stored):
    stored("cifar10/cifar-10-binary.tar.gz", tar({"cifar-10-batches-bin/test_batch.bin": records([9], 0)[1]}))
    with pytest.raises(ValueError, match="lacks cifar-10-batches-bin/data_batch_1.bin and 4 more"):
        cifar10("train")


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize("load", [ants_bees, pets, cifar10])
def test_an_unknown_part_is_refused(load):
    with pytest.raises(ValueError, match=r"unknown part 'tset': did you mean 'test'\?"):
        load("tset")


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (ants_bees, "hymenoptera/hymenoptera_data.zip"),
        (pets, "pets/annotations.tar.gz"),
        (cifar10, "cifar10/cifar-10-binary.tar.gz"),
    ],
)
def test_without_file_and_network_the_error_names_the_file(no_network, monkeypatch, tmp_path, load, name):
    monkeypatch.delenv("TLUTILS_DATA", raising=False)
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=re.escape(name)):
        load()
