"""Attacks on domains, data sets, the store, the session, and on what reads a reader's own data."""

import json
import math
import tempfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import requests
import torch
from hostile.kit import (
    Attack,
    Kind,
    class_numbers,
    domains,
    flags,
    functions,
    names,
    numbers,
    one_of,
    tensor,
    tensors,
    values,
)
from hypothesis import strategies as st
from PIL import Image

import tlutils as tl
from tlutils import data_checks, download, inputs, missing_names, own_images, own_rows, own_texts, session, store
from tlutils import datasets as data
from tlutils.datasets import archives, folders, text_files
from tlutils.errors import unknown
from tlutils.own_data import read_own_data

TEMPORARY = tempfile.TemporaryDirectory(prefix="tlutils-hostile-")
HERE = Path(TEMPORARY.name)


def picture(shade: int, kind: str = "PNG") -> bytes:
    """Return a small picture, as its file."""
    content = BytesIO()
    Image.new("RGB", (20, 16), (shade, 90, 40)).save(content, kind)
    return content.getvalue()


def written(name: str, content: str | bytes = b"") -> Path:
    """Write a file for the attacks."""
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def example_files() -> None:
    """Write one good file or folder of every kind, and broken ones."""
    for number in range(6):
        written(f"images/{'cats' if number % 2 else 'dogs'}/{number}.png", picture(40 * number))
    lines = [f"text {number},{'ab'[number % 2]}" for number in range(6)]
    written("texts.csv", "\n".join(["text,label", *lines]))
    written("texts.tsv", "\n".join(["text,label", *lines]).replace(",", "\t"))
    for name in ("tub/images/0.jpg", "log/IMG/0.jpg"):
        written(name, picture(50, "JPEG"))
    written("tub/a.catalog", json.dumps({"_index": 0, "cam/image_array": "0.jpg", "user/angle": 0.5}))
    written("tub/manifest.json", '[]\n[]\n{}\n{}\n{"paths": ["a.catalog"], "deleted_indexes": []}')
    written("log/driving_log.csv", "center,left,right,steering\nIMG/0.jpg,,,0.5\n")
    with zipfile.ZipFile(HERE / "tub.zip", "w") as archive:
        for file in (HERE / "tub").rglob("*.*"):
            archive.write(file, file.relative_to(HERE))
    (HERE / "empty folder").mkdir()
    written("empty.csv")
    written("noise.csv", bytes(range(256)))
    written("noise.zip", b"PK\x03\x04 and then nothing")
    written("noise/classes/0.png", bytes(range(256)))
    written("one column.csv", "text\na\nb\n")
    written("unclosed.csv", 'text,label\n"a,b\n')
    written("wide.csv", "text,label\na,b,c\n" + "x,y\n" * 3)
    written("nul.csv", "text,label\n\0,\0\nb,c\n")


example_files()
FROM_DISK = (OSError, FileNotFoundError, IsADirectoryError, NotADirectoryError)  # the system's own words, with the path
BROKEN = ("empty folder", "empty.csv", "noise.csv", "noise.zip", "noise", "nowhere", "one column.csv", "unclosed.csv")
OTHERS = ("wide.csv", "nul.csv", "\0", "x" * 3000, "images", "images/cats/1.png", "texts.csv", "tub.zip", "tub")
ODD_FILES = [HERE / name for name in (*BROKEN, *OTHERS)]


def paths(*good: str, texts: bool = True) -> Kind:
    """Return paths of good files, and of those that are broken, missing or of another kind."""
    written_as = (Path, str) if texts else (Path,)
    return values([kind(HERE / name) for name in good for kind in written_as], [*ODD_FILES, *map(str, ODD_FILES)])


def reading(reader: Callable, name: str) -> Attack:
    """Return an attack on a reader of tables by what the file holds."""

    def of(content: bytes) -> object:
        """Raises ValueError for what is no table of labelled texts."""
        return reader(written(name, content))

    table = b"text,label\n" + b"one,a\ntwo,b\nthree,a\n"
    broken = st.text("ab,;\t\"'\n\r\0 \ufeffé0", max_size=60).map(str.encode) | st.binary(max_size=40)
    return Attack(of, (Kind(one_of(table), broken | broken.map(table.__add__)),), examples=40)


D = domains(always=True)
Y = torch.arange(12) % 3
SEED, HUGE = numbers(0, 1), [2**40, 2**62, 10**9]
POSITIONS = values(
    [torch.tensor([0, 5, 3]), [0, -1], Y.numpy(), Y == 1, range(3)],
    [
        *([], [12], [-13], [0.0], [True], [2**70], Y.double(), Y[:, None], Y.to(torch.uint8), Y > 1, (Y > 1)[:3]),
        *(Y.numpy()[::-1], Y.numpy().astype("f"), Y.numpy().astype(object), Y.to("meta"), torch.tensor(3)),
    ],
)
CLASS_NAMES = values([("a", "b", "c"), ["a", "b", "c"]], [("a",), ("a", 1), (), "abc", ["a"] * 3, ("a", None, "b")])


def count(*good: int) -> Kind:
    """Return counts, and huge ones."""
    return values(good, [*HUGE, 0, -1, 1.5, np.int64(2), math.nan])


def pictures(side: int = 16) -> Kind:
    """Return labelled domains of colour images, and others."""
    x, y = tensor(6, 3, side, side).sigmoid(), torch.arange(6) % 2
    odd = [x[:, :1], x[..., :8], x[:1], x[:, :, 0], x.double(), x.half(), 1e30 * x, -x, x.clone().requires_grad_()]
    return Kind(
        one_of(tl.Domain(x, y, ("a", "b"), "pictures")),
        one_of(*(tl.Domain(each, y[: len(each)], ("a", "b"), "odd") for each in odd))
        | one_of(tl.Domain(x, None, (), "unlabelled"), tl.Domain(x, y - 1, ("a",), "partly"))
        | domains().bad,
    )


def own(**changes) -> own_rows.OwnData:
    """Return what was read of someone's data: images, changed at will."""
    x, y = tensor(12, 3, 20, 20).sigmoid(), torch.arange(12) % 2
    domain = tl.Domain(x, y, ("a", "b"), "own")
    places = tuple(f"{row}.png" for row in range(12))
    return own_rows.OwnData(domain, places, facts=Y[:, None].expand(12, 3))._replace(**changes)


X_OWN, TWO = own().domain.x, ("a", "b")
ODD_IMAGES = (X_OWN[..., :1], 1e30 * X_OWN, X_OWN[:, 0, 0], X_OWN.half(), X_OWN.double() * 1e200, -X_OWN)
OWN = values(
    [own(), own(domain=tl.Domain(["a b", "c d"] * 6, Y % 2, TWO, "texts"), facts=None)],
    [
        *(own(domain=tl.Domain(x, Y, ("a", "b", "c"), "odd")) for x in ODD_IMAGES),
        *(own(domain=tl.Domain(X_OWN, y, TWO, "odd")) for y in (None, Y - 1, tensor(12, 2), Y * 0 - 1, Y * 0)),
        *(own(places=()), own(facts=Y), own(facts=None), own(test=own().domain, test_places=own().places)),
        *(own(test=own().domain.unlabelled()), own(test_places=("1.png",))),
        own(test=tl.Domain(X_OWN[..., :8], Y % 2, TWO, "other size"), test_places=own().places),
    ],
)
IMAGES = Kind(tensors(3, 3, 20, 20).good, tensors(3, 3, 20, 20).bad | one_of(["a", 1], "abc", ["a"], []))
DAMAGED = st.builds(lambda at, put: picture(9)[:at] + put, st.integers(0, 99), st.binary())
PIXELS = np.zeros((4, 5, 3), np.uint8)
PART, CLASSES = names("nosuch"), values([["a", "b"]], [["a"], [], ["a", 1], ["a"] * 2000])
SIZE = Kind(one_of(0, -1, 2**62, 10**6), one_of(math.nan, None, "8", 1.5, True, 2**70, [], math.inf))  # read nothing

DOMAINS = {
    "domains.Domain": Attack(tl.Domain, (tensors(12, 4), class_numbers(12, 3), CLASS_NAMES, names("rows"))),
    "domains.Domain values": Attack(
        tl.Domain, (tensors(12, 4), tensors(12, 3), CLASS_NAMES, names("values")), finite=False
    ),
    "domains.Domain texts": Attack(
        tl.Domain,
        (values([["text"] * 12], [["a", 1] * 6, ["a"], [""] * 12]), class_numbers(12, 3), CLASS_NAMES, names("texts")),
    ),
    "domains.Domain.subset": Attack(tl.Domain.subset, (D, POSITIONS)),
    "domains.Domain.map": Attack(tl.Domain.map, (D, functions(lambda x: x, lambda x: [str(row) for row in x]))),
    "domains.Domain.unlabelled": Attack(tl.Domain.unlabelled, (D,)),
    "domains.Domain.labelled_part": Attack(tl.Domain.labelled_part, (D,)),
    "domains.Domain.split": Attack(tl.Domain.split, (D, numbers(0.5, 0.25), SEED)),
    "domains.Domain.few": Attack(tl.Domain.few, (D, count(1, 2), SEED)),
    "domains.Domain.partly_labelled": Attack(tl.Domain.partly_labelled, (D, count(1, 2), SEED), finite=False),
    "domains.together": Attack(
        tl.domains.together,
        (
            values(
                [[tensor(2, 3), tensor(4, 3)], [["a"], ("b", "c")]],
                [[tensor(2, 3), ["a"]], [["a"], tensor(2)], [tensor(2, 3), tensor(2, 4)], [["a", 1]], [tensor(2, 0)]],
            ),
        ),
    ),
}
DATASETS = {
    **{
        f"datasets.{name}": Attack(function, (PART,))
        for name, function in {
            "corpora.sst2": data.corpora.sst2,
            "corpora.ag_news": data.corpora.ag_news,
            "corpora.amazon": data.corpora.amazon,
            "corpora.xnli_pairs": data.corpora.xnli_pairs,
            "digits.mnist": data.digits.mnist,
            "digits.usps": data.digits.usps,
            "digits.mnist_m": data.digits.mnist_m,
            "driving_logs.real_car": data.driving_logs.real_car,
            "medical.pneumonia": data.medical.pneumonia,
            "medical.path_mnist": data.medical.path_mnist,
            "photos.cifar10": data.photos.cifar10,
            "photos.cifar10_jpeg": data.photos.cifar10_jpeg,
            "signs.signs": data.signs.signs,
        }.items()
    },
    "datasets.medical.blood_cells": Attack(data.medical.blood_cells, (names("A", "B"),), {"size": SIZE}),
    "datasets.photos.ants_bees": Attack(data.photos.ants_bees, (names("train"),), {"size": SIZE}),
    "datasets.photos.pets": Attack(data.photos.pets, (names("train"),), {"size": SIZE}),
    "datasets.photos.surfaces": Attack(data.photos.surfaces, (names("train", "test"), count(1, 2), SEED)),
    "datasets.digits.printed": Attack(
        data.digits.printed, (count(10, 12), SEED, names("0123", "ab"), values([8, 16], [0, -8, 5, 64, *HUGE]))
    ),
    "datasets.digits.resized": Attack(data.digits.resized, (pictures(), count(4, 32))),
    "datasets.driving.recorded": Attack(
        data.driving.recorded,
        (names("sim"), names("train")),
        {"outputs": values([("steering",)], [(), ("",), "steering", ("steering", 1)])},
        examples=10,
    ),
    "datasets.driving.tracks": Attack(data.driving.tracks, (names("sim"), names("train", "test"))),
    "datasets.driving_logs.donkeycar": Attack(
        data.driving_logs.donkeycar, (paths("tub"), values([""], ["tub", "..", "\0", "/"])), also=(OSError,)
    ),
    "datasets.driving_logs.donkeycar zip": Attack(
        data.driving_logs.donkeycar, (paths("tub.zip"), values(["tub"], ["", "..", "\0", "/", "a//b"])), also=(OSError,)
    ),
    "datasets.driving_logs.udacity": Attack(
        data.driving_logs.udacity, (paths("log"), values([""], ["IMG", "..", "\0", "/"])), also=(OSError,)
    ),
    "datasets.driving_logs.time_blocks": Attack(data.driving_logs.time_blocks, (count(12), count(3))),
    "datasets.folders.image_folder": Attack(
        data.image_folder, (paths("images"),), {"size": count(8), "skip_broken": flags()}, also=(OSError,)
    ),
    "datasets.text_files.text_file": Attack(
        data.text_file, (paths("texts.csv", "texts.tsv"),), {"text": names("text"), "label": values(["label", None])},
        also=(OSError,),
    ),
    "datasets.text_files.text_file content": reading(text_files.text_file, "content.csv"),
    "datasets.text_files.text_file tabs": reading(text_files.text_file, "content.tsv"),
    "datasets.text_files.decoded": Attack(text_files.decoded, (paths("texts.csv", texts=False),), also=(OSError,)),
    "datasets.archives.open_zip": Attack(archives.open_zip, (paths("tub.zip"),), also=FROM_DISK),
    "datasets.archives.is_plain": Attack(archives.is_plain, (names("a/b"),)),
    "datasets.folders.square_image": Attack(
        folders.square_image,
        (Kind(one_of(HERE / "images/cats/1.png", picture(9)), DAMAGED | one_of(*ODD_FILES)), count(8), names("a")),
    ),
    "datasets.folders.as_pixels": Attack(
        folders.as_pixels,
        (values([[PIXELS] * 2], [[PIXELS, PIXELS[1:]], [PIXELS[..., 0]], [PIXELS / 2], [PIXELS, None], [PIXELS[:0]]]),),
    ),
    "datasets.folders.check_side": Attack(folders.check_side, (count(8),)),
    "datasets.folders.class_folders": Attack(
        folders.class_folders, (paths("images", texts=False), count(1, 2)), also=(OSError,)
    ),
    "datasets.folders.flat_files": Attack(
        folders.flat_files, (paths("images/cats", texts=False),), also=(OSError,)
    ),
    "datasets.folders.entries_of": Attack(
        folders.entries_of, (paths("images/cats", texts=False),), also=(OSError,)
    ),
    "datasets.folders.is_image_name": Attack(folders.is_image_name, (paths("images/cats/1.png", texts=False),)),
    "datasets.planted.corner": Attack(data.planted.corner, (pictures(), numbers(0, 3)), {"shift": numbers(0, 1)}),
    "datasets.planted.corner_of": Attack(data.planted.corner_of, (tensors(2, 3, 16, 16), numbers(0, 3))),
    "datasets.planted.wandering": Attack(data.planted.wandering, (pictures(),), {"shift": numbers(0), "seed": SEED}),
    "datasets.planted.tint": Attack(
        data.planted.tint, (pictures(),), {"shift": numbers(0, 1), "strength": numbers(0.35, 1)}
    ),
    "datasets.reviews.reviews": Attack(
        data.reviews.reviews,
        (values(["books", None]), names("en", "zh")),
        {"part": values(["test", None]), "style": values(["plain", None])},
        examples=10,
    ),
    "datasets.reviews.topics": Attack(data.reviews.topics, (names("en"),), {"part": values(["test", None])}),
    "datasets.reviews.pairs": Attack(data.reviews.pairs, (values(["review", None]),)),
    **{
        f"datasets.shifts.{function.__name__}": Attack(function, (count(2, 50), numbers(1.0, 0.5), SEED))
        for function in (data.shifts.covariate, data.shifts.label, data.shifts.concept, data.shifts.subspace)
    },
    "datasets.textures.textures": Attack(data.textures.textures, (count(1, 2), SEED)),
    "datasets.tissue.site": Attack(data.tissue.site, (names("A"), names("train", "test"), count(1, 2), SEED)),
    "datasets.tissue.normalise_stain": Attack(data.tissue.normalise_stain, (pictures(), pictures())),
}
GROUND = {
    "inputs.described": Attack(inputs.described, (values([1, "a", torch.rand(2)], [10**5000]),)),
    "store.fetch": Attack(store.fetch, (names("nosuch"),)),
    "store.fetch_published": Attack(
        store.fetch_published,
        (names("folder"), values(["nosuch", "x-abc.pth"], ["\0-abcdef12.pth", "/-abcdef12.pth", "..-abcdef12.p"])),
    ),
    "store.available": Attack(store.available, (names("nosuch"),), also=(OSError,)),
    "store.sha256": Attack(
        store.sha256, (paths("texts.csv"),), also=(*FROM_DISK, ValueError)
    ),
    "store.write_json": Attack(
        store.write_json,
        (paths("out.json", texts=False), values([{"a": 1}, [1, "a"]], [{(1, 2): 3}, {"a": {1}}, "\ud800", [[]] * 3])),
        also=(*FROM_DISK, ValueError),
    ),
    "download.download": Attack(
        download.download,
        (
            values([""], ["nosuch", "http://", "file:///etc/hosts", "http://\0", "ftp://x/y", "http://[::1", "http://-.x"]),
            paths("out", texts=False),
            count(10),
        ),
        also=(
            *(requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL),
            *(requests.exceptions.ConnectionError,),
        ),
    ),
    "session.start": Attack(session.start, (SEED,)),
    "session.Session": Attack(session.Session, (SEED, values([torch.device("cpu")]), names("laptop"))),
    "session.seed_everything": Attack(session.seed_everything, (SEED,)),
    "errors.unknown": Attack(unknown, (names("part"), names("a"), values([("a", "b"), {"a": 1}], [(1, "a"), (None,)]))),
    "missing_names.missing_name": Attack(
        missing_names.missing_name,
        (values([NameError("x", name="x"), None], [NameError(), ValueError("x"), NameError]), values([{}, {"a": 1}])),
    ),
}
OWN_DATA = {
    "own_data.read_own_data": Attack(
        read_own_data,
        (paths("images", "texts.csv"),),
        {"text": values([None], ["text", "", "1"]), "label": values([None], ["label", "text"]), "size": count(8, 16)},
        also=(OSError,),
    ),
    "own_images.read_images": Attack(
        own_images.read_images, (paths("images", texts=False), count(8)), also=(OSError,)
    ),
    "own_texts.read_texts": Attack(
        own_texts.read_texts,
        (paths("texts.csv", "texts.tsv", texts=False), values([None, "text"]), values([None, "label"], ["text", ""])),
        also=(OSError,),
    ),
    "own_texts.read_texts content": reading(lambda path: own_texts.read_texts(path, None, None), "own.csv"),
    "own_texts.read_texts tabs": reading(lambda path: own_texts.read_texts(path, "text", None), "own.tsv"),
    "own_rows.check_classes": Attack(own_rows.check_classes, (CLASSES, names("it"), values([None, 12], [0, 1, -1]))),
    "own_rows.some": Attack(own_rows.some, (values([["a", 1], range(9)], [[], (None,)]),)),
    "own_rows.counted": Attack(own_rows.counted, (numbers(1, 2), names("row", "class"))),
    "data_checks.check_data": Attack(data_checks.check_data, (OWN,)),
    "data_checks.copies": Attack(data_checks.copies, (IMAGES,)),
    "data_checks.thumbnails": Attack(data_checks.thumbnails, (IMAGES,)),
}
ATTACKS = DOMAINS | DATASETS | GROUND | OWN_DATA
EXEMPT = {
    "domains.rows_at": "called for every batch, with rows and positions that its callers checked",
    "datasets.archives.reading": "a context manager; every other attack on files goes through it",
    "own_rows.OwnData": "a plain tuple of what its reader read",
    "own_rows.Remark": "a plain tuple of two texts",
    "own_images.Picture": "a plain tuple of what was read",
    "inputs.checked": "every other attack goes through it",
    "inputs.check_dense": "a part of `checked`",
    "inputs.check_span": "called with numbers that `checked` let pass",
    "inputs.is_number": "answers any value with yes or no",
    **{
        f"datasets.{name}": "no argument"
        for name in (
            *("corpora.chnsenticorp", "corpora.tatoeba", "corpora.cc_cedict", "digits.handwritten", "reviews.card"),
            *("driving_logs.udacity_simulator", "photos.faces", "signs.sign_tracks"),
        )
    },
    **{
        name: "no argument"
        for name in (
            *("store.data_dir", "store.cache_dir", "store.manifest", "session.watched_by_a_person"),
            *("guard.guard_torchvision", "missing_names.explain_missing_names"),
        )
    },
}
