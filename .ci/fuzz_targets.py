"""What `.ci/fuzz.py` damages: small pieces cut from real files, and for each the loader that must bear it."""

from __future__ import annotations

import gzip
import importlib
import itertools
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from tlutils import Domain, datasets, encoders, own_data, own_model, store
from tlutils.weights import read_weights

FEW = 6  # pictures or rows in a sample
SIZE = 32
INSECTS = "hymenoptera/hymenoptera_data_256.zip"
TUBS, UDACITY = "driving_real_donkeycar/donkeycar_real_tubs.zip", "driving_sim_udacity/udacity_sim_center.zip"
TUB = "donkeycar_real/tub_5_24-04-23"


def checked(domain: Domain) -> None:
    """Raise AssertionError for a domain that is none: Domain's own checks, and images outside [0, 1]."""
    if isinstance(domain.x, torch.Tensor):
        assert 0 <= domain.x.min() and domain.x.max() <= 1, f"{domain}: values outside [0, 1]"
    else:
        assert all(isinstance(text, str) for text in domain.x)
    assert domain.y is None or len(domain.y) == len(domain)


# --------------------------------------------------------------- pieces of real files


def _read(mirror: Path, file: str, members: list[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(mirror / file) as archive:
        return {member: archive.read(member) for member in members}


def _names(mirror: Path, file: str, beginning: str, count: int = FEW) -> list[str]:
    with zipfile.ZipFile(mirror / file) as archive:
        found = (n for n in archive.namelist() if n.startswith(beginning) and not n.endswith("/"))
        return list(itertools.islice(found, count))


def _zipped(target: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def _unpacked(folder: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def _lines(mirror: Path, file: str, count: int) -> bytes:
    with open(mirror / file, "rb") as lines:
        return b"".join(itertools.islice(lines, count))


def images(mirror: Path, folder: Path) -> None:
    """Write a folder of classes with one real photograph in many formats, one of each kind of trouble."""
    from PIL import Image

    names = _names(mirror, INSECTS, "hymenoptera_data/train/ants", 2)
    for name, label in zip(names, ("ant", "bee"), strict=True):
        (folder / label).mkdir(parents=True)
        (folder / label / "a.jpg").write_bytes(_read(mirror, INSECTS, [name])[name])
        with Image.open(folder / label / "a.jpg") as picture:
            small = picture.resize((40, 30))
        if label == "ant":
            small.save(folder / label / "b.png")
            small.convert("P").save(folder / label / "c.gif", save_all=True, append_images=[small.convert("P")])
            small.convert("CMYK").save(folder / label / "d.jpg")
        else:
            small.save(folder / label / "b.webp")
            small.save(folder / label / "c.tiff", compression="tiff_lzw")
            small.save(folder / label / "d.bmp")
            small.save(folder / label / "e.ppm")


def tables(mirror: Path, folder: Path) -> None:
    """Write real text messages and reviews as .tsv and .csv."""
    messages = _lines(mirror, "en_sms_spam/SMSSpamCollection.tsv", 40).splitlines(keepends=True)
    (folder / "messages.tsv").write_bytes(b"label\ttext\n" + b"".join(line for line in messages if b"\t" in line))
    lines = (store.data_dir() / "reviews_en.csv").read_bytes().splitlines(keepends=True)
    (folder / "reviews.csv").write_bytes(lines[0] + b"".join(lines[1::40]))


def corpora(mirror: Path, folder: Path) -> None:
    """Write the beginnings of the corpora's files."""
    lines = {
        "en_sst2_sentences/dev.tsv": 20,
        "en_ag_news/test.tsv": 20,
        "zh_chnsenticorp_htl_all/ChnSentiCorp_htl_all.csv": 20,
        "bi_tatoeba_cmn_eng/cmn.txt": 20,
        "bi_xnli_en_zh/dev-en.tsv": 20,
        "bi_xnli_en_zh/dev-zh.tsv": 20,
        "en_amazon_blitzer_raw/books_negative.parsed": 80,
        "en_amazon_blitzer_raw/books_positive.parsed": 80,
    }
    for file, count in lines.items():
        (folder / Path(file).name).write_bytes(_lines(mirror, file, count))
    with gzip.open(mirror / "bi_cc_cedict/cedict_1_0_ts_utf-8_mdbg.txt.gz") as file:
        content = b"".join(itertools.islice(file, 60))
    (folder / "cedict_1_0_ts_utf-8_mdbg.txt.gz").write_bytes(gzip.compress(content))


def digits(mirror: Path, folder: Path) -> None:
    """Write MNIST's first digits as idx files, USPS's as HDF5, MNIST-M's as a zip archive."""
    import h5py

    for kind, header, each in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
        file = f"t10k-{kind}-ubyte.gz"
        with gzip.open(mirror / "mnist/MNIST/raw" / file) as whole:
            (folder / file).write_bytes(gzip.compress(whole.read(header + FEW * each)))
    with h5py.File(mirror / "usps/usps.h5") as whole, h5py.File(folder / "usps.h5", "w") as some:
        for key in ("test/data", "test/target"):
            some[key] = whole[key][:FEW]
    file = "mnist_m/mnist_m_subset.zip"
    content = _read(mirror, file, _names(mirror, file, "mnist_m/mnist_m_test/"))
    labels = _read(mirror, file, ["mnist_m/mnist_m_test_labels.txt"])
    content |= {name: b"\n".join(data.splitlines()[:FEW]) for name, data in labels.items()}
    _zipped(folder / "mnist_m_subset.zip", content)


def medical(mirror: Path, folder: Path) -> None:
    """Write the first chest X-rays as .npz, and the first blood cells as a zip archive."""
    with np.load(mirror / "pneumoniamnist/pneumoniamnist.npz") as arrays:
        some = {key: arrays[key][:FEW] for key in ("test_images", "test_labels")}
    np.savez_compressed(folder / "pneumoniamnist.npz", **some)
    file, stem = "wbc_two_sites/wbc_two_sites.zip", "wbc/dataset1"
    labels = _read(mirror, file, [f"{stem}_labels.csv"])[f"{stem}_labels.csv"].splitlines()[: FEW + 1]
    content = _read(mirror, file, [f"{stem}/images/{number:03}.png" for number in range(1, FEW + 1)])
    _zipped(folder / "wbc_two_sites.zip", {f"{stem}_labels.csv": b"\n".join(labels)} | content)


def photos(mirror: Path, folder: Path) -> None:
    """Write the first photographs of CIFAR-10 and of the insects, and the first signs, as zip archives."""
    for file, beginnings in {
        "cifar10_jpg/cifar10_jpg.zip": ("test/airplane/", "test/cat/"),
        INSECTS: ("hymenoptera_data/val/ants/", "hymenoptera_data/val/bees/"),
    }.items():
        with zipfile.ZipFile(mirror / file) as archive:
            found = [[n for n in archive.namelist() if n.startswith(b) and n.endswith(".jpg")] for b in beginnings]
            _zipped(folder / Path(file).name, {name: archive.read(name) for names in found for name in names[:2]})
    names = [f"GTSRB/Final_Test/Images/{number:05}.ppm" for number in range(10**5)]
    with zipfile.ZipFile(mirror / "gtsrb_subset/gtsrb_subset.zip") as archive:
        names = [name for name in names if name in archive.NameToInfo][:FEW]
        lines = archive.read("GTSRB/GT-final_test.csv").splitlines()
        kept = [line for line in lines if line.split(b";")[0].decode() in {n.rpartition("/")[2] for n in names}]
        content = {name: archive.read(name) for name in names}
    _zipped(folder / "gtsrb_subset.zip", {"GTSRB/GT-final_test.csv": b"\n".join([lines[0], *kept])} | content)


def driving(mirror: Path, folder: Path) -> None:
    """Write the first frames of a donkeycar tub and of a Udacity log, each as a folder and as a zip archive."""
    listed = [f"{TUB}/manifest.json", f"{TUB}/catalog_0.catalog"]
    tub = _read(mirror, TUBS, listed)
    tub[listed[1]] = b"\n".join(tub[listed[1]].splitlines()[:FEW])
    pictures = [json.loads(line)["cam/image_array"] for line in tub[listed[1]].splitlines()]
    tub |= _read(mirror, TUBS, [f"{TUB}/images/{name}" for name in pictures])
    log = "udacity_sim/driving_log.csv"
    drive = _read(mirror, UDACITY, [log])
    drive[log] = b"\n".join(drive[log].splitlines()[: FEW + 1])
    pictures = [line.split(b",")[0].decode() for line in drive[log].splitlines()[1:]]
    drive |= _read(mirror, UDACITY, [f"udacity_sim/{name}" for name in pictures])
    for name, content in (("tub", tub), ("drive", drive)):
        _unpacked(folder / name, content)
        _zipped(folder / f"{name}.zip", content)


def manifest(mirror: Path, folder: Path) -> None:
    """Copy the manifest."""
    shutil.copy(store.data_dir() / "manifest.json", folder)


def weights(mirror: Path, folder: Path) -> None:
    """Copy real weight files: safetensors, torch's zip, and the older stream of pickles."""
    shutil.copy(store.data_dir() / "glyphs.safetensors", folder)
    shutil.copy(mirror / "weights/cifar10_resnet/resnet20-12fca82f.th", folder)
    state = read_weights(store.data_dir() / "glyphs.safetensors")
    torch.save(state, folder / "glyphs.pth")
    torch.save(state, folder / "glyphs_old.pth", _use_new_zipfile_serialization=False)


def models(mirror: Path, folder: Path) -> None:
    """Save three models as advice saves them: of raw pixels, of words, and with an encoder of its own."""
    glyphs = encoders.image_encoder("glyphs")
    for name, seen, size, width, tuned in (
        ("pixels", own_model.view("raw pixels", texts=False), SIZE, 3 * 256, False),
        ("words", own_model.view("bag of words", texts=True), None, own_model.WORDS, False),
        ("encoder", own_model.View("glyphs", glyphs), 32, glyphs.dim, True),
    ):
        (folder / name).mkdir()
        linear = own_model.Linear(torch.randn(2, width), torch.zeros(2))
        own_model.OwnModel(seen, linear, ("a", "b"), size, tuned).save(folder / name, {})


# --------------------------------------------------------------- loaders


def _parts(*calls: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return a loader that runs all calls and then raises the first error that one of them raised."""

    def load(folder: Path) -> None:
        errors = []
        for call in calls:
            try:
                call(folder)
            except (ValueError, OSError) as error:  # the damaged file is one of several
                errors.append(error)
        if errors:
            raise errors[0]

    return load


def _fetched(module: str, call: Callable[[], Domain | object]) -> Callable[[Path], None]:
    """Return a loader of files of the store that finds them in a folder, without a check of their hash."""

    def load(folder: Path) -> None:
        place = importlib.import_module(f"tlutils.datasets.{module}")
        with (
            patch.object(place, "fetch", lambda name: folder / name.rpartition("/")[2]),
            patch.object(place, "available", lambda name: True, create=True),
        ):
            found = call()
        if isinstance(found, Domain):
            checked(found)

    return load


def _manifest(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as cache,
        patch.object(store, "data_dir", lambda: folder),
        patch.object(store, "cache_dir", lambda: Path(cache)),
        patch.object(store, "download", _nothing),
        patch.dict("os.environ"),
    ):
        store.os.environ.pop("TLUTILS_DATA", None)
        store.manifest.cache_clear()
        try:
            for name in itertools.islice(store.manifest(), 3):
                try:
                    store.fetch(name)
                except OSError as error:
                    assert "could not get" in str(error)
        finally:
            store.manifest.cache_clear()


def _nothing(url: str, target: Path, most: int) -> None:
    target.write_bytes(b"something else")


def _weights(file: str, network: str) -> Callable[[Path], None]:
    def load(folder: Path) -> None:
        encoders.image_encoder(network, weights=folder / file)

    return load


def _model(name: str) -> Callable[[Path], None]:
    def load(folder: Path) -> None:
        model = own_model.load_model(folder / name)
        channels = 1 if name == "encoder" else 3
        rows = ["some words", "others"] if model.size is None else torch.rand(2, channels, model.size, model.size)
        found = model.probabilities(rows)
        assert found.shape == (2, len(model.classes)) and found.isfinite().all(), f"{found.shape}, {model.classes}"

    return load


PREPARE = {
    "images": images,
    "own images": images,
    "table": tables,
    "own table": tables,
    "corpora": corpora,
    "digits": digits,
    "pneumonia and cells": medical,
    "photos": photos,
    "driving": driving,
    "manifest": manifest,
    "weights": weights,
    "model": models,
}
TARGETS = {
    "images": lambda folder: checked(datasets.image_folder(folder, size=SIZE)),
    "own images": lambda folder: checked(own_data.read_own_data(folder, size=SIZE).domain),
    "table": _parts(
        lambda folder: checked(datasets.text_file(folder / "messages.tsv")),
        lambda folder: checked(datasets.text_file(folder / "reviews.csv")),
    ),
    "own table": _parts(
        lambda folder: checked(own_data.read_own_data(folder / "messages.tsv").domain),
        lambda folder: checked(own_data.read_own_data(folder / "reviews.csv").domain),
    ),
    "corpora": _parts(
        _fetched("corpora", lambda: datasets.corpora.sst2("dev")),
        _fetched("corpora", lambda: datasets.corpora.ag_news("test")),
        _fetched("corpora", lambda: datasets.corpora.amazon("books")),
        _fetched("corpora", datasets.corpora.chnsenticorp),
        _fetched("corpora", datasets.corpora.tatoeba),
        _fetched("corpora", datasets.corpora.xnli_pairs),
        _fetched("corpora", datasets.corpora.cc_cedict),
    ),
    "digits": _parts(
        _fetched("digits", lambda: datasets.digits.mnist("test")),
        _fetched("digits", lambda: datasets.digits.usps("test")),
        _fetched("digits", lambda: datasets.digits.mnist_m("test")),
    ),
    "pneumonia and cells": _parts(
        _fetched("medical", lambda: datasets.medical.pneumonia("test")),
        _fetched("medical", lambda: datasets.medical.blood_cells("A", size=SIZE)),
    ),
    "photos": _parts(
        _fetched("photos", lambda: datasets.photos.cifar10_jpeg("test")),
        _fetched("photos", lambda: datasets.photos.ants_bees("test", size=SIZE)),
        _fetched("signs", lambda: datasets.signs.signs("test")),
    ),
    "driving": _parts(
        lambda folder: checked(datasets.driving_logs.donkeycar(folder / "tub" / TUB)),
        lambda folder: checked(datasets.driving_logs.donkeycar(folder / "tub.zip", TUB)),
        lambda folder: checked(datasets.driving_logs.udacity(folder / "drive" / "udacity_sim")),
        lambda folder: checked(datasets.driving_logs.udacity(folder / "drive.zip", "udacity_sim")),
    ),
    "manifest": _manifest,
    "weights": _parts(
        _weights("glyphs.safetensors", "glyphs"),
        _weights("glyphs.pth", "glyphs"),
        _weights("glyphs_old.pth", "glyphs"),
        _weights("resnet20-12fca82f.th", "cifar_resnet20"),
    ),
    "model": _parts(_model("pixels"), _model("words"), _model("encoder")),
}


def prepare(name: str, mirror: Path, folder: Path) -> bool:
    """Write the files of one kind of input into a new folder; return False where the mirror lacks them."""
    folder.mkdir(parents=True)
    try:
        PREPARE[name](mirror, folder)
    except FileNotFoundError:
        return False
    return True
