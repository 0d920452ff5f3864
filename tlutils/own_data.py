"""A reader's own data as they lie on the disk: what can be used is read, what cannot is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from tlutils.domains import Domain

MOST_CLASSES = 1000  # a probe of more takes a laptop an evening; most often the path is wrong
LISTED = 5  # files or lines named in a remark
TABLES, ARCHIVES = (".csv", ".tsv", ".txt"), (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar")


class Remark(NamedTuple):
    """Something the owner of the data should know, and what to do about it."""

    what: str
    fix: str


class OwnData(NamedTuple):
    """What was read: rows to learn from (−1: label not known), where each lies, and a test part where there is one."""

    domain: Domain
    places: tuple[str, ...]  # a file or a line for each row of the domain
    test: Domain | None = None
    test_places: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    facts: Tensor | None = None  # (n, 3): width, height and bytes of each image's file

    @property
    def texts(self) -> bool:
        """Whether the rows are texts, not images."""
        return not isinstance(self.domain.x, torch.Tensor)


def read_own_data(path: str | Path, *, text: str | None = None, label: str | None = None, size: int = 64) -> OwnData:
    """Return what lies at `path`: a folder of images, or a CSV or TSV file of texts.

    A folder holds one subfolder per class, or `train` and `test` (or `val`) with these inside; one
    called `unlabelled` holds images without labels. Images come as (n, 3, size, size). In a file,
    `text` and `label` name the columns, or number them from 1 where the first line holds no names;
    what is not given is guessed, and the guess is told. An empty label is one that is not known.
    What cannot be read is left out and told in a remark; nothing is changed on the disk.

    Raises ValueError for what no advice can mend (no classes, one, more than 1,000, another
    encoding), FileNotFoundError for a path that is not there. Taught in notebook 20.
    """
    from tlutils.own_images import read_images
    from tlutils.own_texts import read_texts

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    if path.is_dir():
        if text or label:
            raise ValueError(f"{path} is a folder of images: columns (text, label) belong to CSV files")
        return read_images(path, size)
    if path.suffix.lower() in TABLES:
        return read_texts(path, text, label)
    hint = "unpack it first" if path.suffix.lower() in ARCHIVES else f"it ends in {path.suffix or 'nothing'}"
    raise ValueError(f"{path} is neither a folder of images nor a .csv or .tsv file of texts: {hint}")


def check_classes(classes: Sequence[str], origin: str, rows: int | None = None) -> None:
    """Raise ValueError for fewer than two classes, or so many that they can hardly be classes."""
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise ValueError(f"{origin} should name at least two classes, found {found}: a classifier has to choose")
    if len(classes) > MOST_CLASSES or (rows is not None and len(classes) > max(20, rows / 2)):
        inside = "" if rows is None else f" in {rows:,} rows"
        raise ValueError(
            f"{origin} names {len(classes):,} different classes{inside}, and at most {MOST_CLASSES:,} with several "
            "examples each can be learnt here; is it the right folder or column? Else merge classes"
        )


def some(things: Sequence[object]) -> str:
    """Return the first few of many things, and how many there are besides."""
    more = f" and {len(things) - LISTED:,} more" if len(things) > LISTED else ""
    return ", ".join(map(str, things[:LISTED])) + more


def counted(number: int, thing: str) -> str:
    """Return a number with its noun in the right form: 1 row, 2 rows, 3 classes, 4 entries."""
    if number == 1:
        return f"1 {thing}"
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}{'es' if thing.endswith('s') else 's'}"
    return f"{number:,} {plural}"
