"""Your own texts: a CSV or TSV file with a column of texts and, perhaps, one of labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import torch

from tlutils.domains import UNLABELLED, Domain
from tlutils.inputs import checked

BEGINNINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK\x03\x04": "an Excel or zip file"}


@checked
def text_file(path: str | Path, *, text: str = "text", label: str | None = "label") -> Domain:
    """Return the texts of a file whose first line names its columns, with the column `label` as classes.

    `.tsv`: columns between tabs, quotes are plain characters. Anything else: commas, and a text with
    commas or line breaks in double quotes. The file is UTF-8. Classes are the label's values, sorted; an
    empty label marks a row whose label is not known; `label=None` reads texts alone.

    Raises ValueError naming file, line and column for another encoding, a missing column, a row with
    more or fewer columns than the first, an empty text, or labels of fewer than two classes;
    FileNotFoundError for a file that is not there. Taught in notebook 20.
    """
    path = Path(path)
    texts, labels = [], []
    for line, row in _rows(path, [column for column in (text, label) if column is not None]):
        if not row[text].strip():
            raise ValueError(f"{path}, line {line}: column {text!r} is empty; fill it in or remove the row")
        texts.append(row[text].strip())
        labels.append(row[label].strip() if label else "")
    if not texts:
        raise ValueError(f"{path} holds a first line and no rows")
    if label is None:
        return Domain(texts, None, (), path.stem)
    classes = sorted({name for name in labels if name})
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "nothing"
        raise ValueError(f"{path}: column {label!r} holds {found}: a classifier needs at least two classes")
    if len(classes) > max(20, len(texts) / 2):
        raise ValueError(
            f"{path}: column {label!r} holds {len(classes)} different values in {len(texts)} rows, which are no "
            "classes; name another column with label=…"
        )
    numbers = {name: number for number, name in enumerate(classes)} | {"": UNLABELLED}
    return Domain(texts, torch.tensor([numbers[name] for name in labels]), tuple(classes), path.stem)


def _rows(path: Path, wanted: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield every row with the number of the line on which it ends; check that it is whole."""
    tabs = path.suffix.lower() == ".tsv"
    style = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {"strict": True}
    reader = csv.DictReader(io.StringIO(decoded(path), newline=""), **style)
    try:
        for column in wanted:
            if column not in (reader.fieldnames or ()):
                raise ValueError(_missing(path, column, list(reader.fieldnames or [])))
        for row in reader:
            if None in row or None in row.values():
                have = len(row) - (None in row) + len(row.get(None, ())) - list(row.values()).count(None)
                raise ValueError(
                    f"{path}, line {reader.line_num}: {have} columns, and {len(reader.fieldnames)} in the first line; "
                    + ("remove the tabs inside texts" if tabs else 'put texts with commas into double quotes, "…"')
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.reader.line_num}: {error}; look for a double quote that is never closed, and double "
            'those inside of texts, ""'
        ) from error


@checked
def decoded(path: Path) -> str:
    """Return the content of a file in UTF-8, with or without its byte order mark. Raises ValueError for another."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    content = path.read_bytes()
    for beginning, kind in BEGINNINGS.items():
        if content.startswith(beginning):
            raise ValueError(f"{path} is {kind} and not UTF-8 text: save it as CSV UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8. If the whole file has another "
            "encoding, save it as UTF-8; if only some lines have, they were pasted together: repair those"
        ) from error


def _missing(path: Path, column: str, found: list[str]) -> str:
    hint = ""
    if len(found) == 1 and (";" in found[0] or "\t" in found[0]):
        hint = "; its columns are not separated by commas: save it as CSV with commas, or with tabs as .tsv"
    return f"{path} has no column {column!r} in its first line, only {', '.join(map(repr, found)) or 'nothing'}{hint}"
