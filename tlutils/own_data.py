"""A reader's own data as they lie on the disk: what can be used is read, what cannot is told."""

from __future__ import annotations

from pathlib import Path

from tlutils.inputs import checked
from tlutils.own_images import read_images
from tlutils.own_rows import OwnData
from tlutils.own_texts import read_texts

TABLES, ARCHIVES = (".csv", ".tsv", ".txt"), (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar")


@checked
def read_own_data(path: str | Path, *, text: str | None = None, label: str | None = None, size: int = 64) -> OwnData:
    """Return what lies at `path`: a folder of images, or a CSV or TSV file of texts.

    A folder holds one subfolder per class, or `train` and `test` (or `val`) with these inside; one
    called `unlabelled` holds images without labels. Images come as (n, 3, size, size). In a file,
    `text` and `label` name the columns, or number them from 1 where the first line holds no names;
    what is not given is guessed, and the guess is told. An empty label is one that is not known.
    What cannot be read is left out and told in a remark; nothing is changed on the disk.

    Raises ValueError for what no advice can mend (no classes, one, more than 1,000, another
    encoding) and for an impossible size, FileNotFoundError for a path that is not there. Taught in notebook 20.
    """
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
