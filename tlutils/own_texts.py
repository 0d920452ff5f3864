"""A table of texts that nobody prepared: separators, first lines, guessed columns, rows that do not fit."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from tlutils.datasets.text_files import decoded
from tlutils.domains import UNLABELLED, Domain
from tlutils.inputs import checked
from tlutils.own_rows import OwnData, Remark, check_classes, counted, some

TEXT_NAMES = ("text", "message", "sentence", "review", "content")
LABEL_NAMES = ("label", "class", "category", "target")
LONG = 40  # characters; names of columns are shorter
ALARMING = 0.1  # share of rows without a text

Rows = list[tuple[int, list[str]]]  # with the number of the line on which each ends


@checked
def read_texts(path: Path, text: str | None, label: str | None) -> OwnData:
    """Return the texts of a file; see `read_own_data`. Raises ValueError and FileNotFoundError as that does."""
    remarks: list[Remark] = []
    rows, delimiter = _table(path)
    width = Counter(len(row) for _, row in rows).most_common(1)[0][0] if rows else 0
    if width < 2:
        raise ValueError(
            f"{path} needs a column of texts and one of labels, separated by commas (.csv) or tabs (.tsv); "
            f"separated by {delimiter!r}, most lines have {counted(width, 'column')}"
        )
    names, rows = _named(rows, width, [name for name in (text, label) if name], remarks)
    if odd := [line for line, row in rows if len(row) != width]:
        told = f"left out: {counted(len(odd), 'row')} with more or fewer than {width} columns: line {some(odd)}"
        remarks.append(Remark(told, 'put texts with commas or line breaks into double quotes, "…"'))
    rows = [(line, row) for line, row in rows if len(row) == width]
    columns = {name: [row[i] for _, row in rows] for i, name in enumerate(names)}
    if not rows or len(columns) < width:
        raise ValueError(
            f"{path}: "
            + (f"two columns share a name: {names}" if rows else "no row below the first line, or an unclosed quote")
        )
    text, label = _chosen(columns, text, label, path, remarks)
    empty = [line for (line, _), words in zip(rows, columns[text], strict=True) if not words]
    if len(empty) == len(rows):
        raise ValueError(f"{path}: column {text!r} holds no text at all; name another with text=…")
    if empty:
        share = len(empty) / len(rows)
        told = f"left out: {counted(len(empty), 'row')} ({share:.0%}) without a text: line {some(empty)}"
        remarks.append(
            Remark(told, "find out where they were lost, seldom by chance" if share > ALARMING else "fill in")
        )
    kept = [row for row in zip((n for n, _ in rows), columns[text], columns[label], strict=True) if row[1]]
    classes = tuple(sorted({name for _, _, name in kept if name}))
    check_classes(classes, f"{path}: column {label!r}", len(kept))
    numbers = {name: number for number, name in enumerate(classes)} | {"": UNLABELLED}
    labels = torch.tensor([numbers[name] for _, _, name in kept])
    domain = Domain([words for _, words, _ in kept], labels, classes, path.stem)
    return OwnData(domain, tuple(f"line {line}" for line, _, _ in kept), remarks=tuple(remarks))


def _table(path: Path) -> tuple[Rows, str]:
    """Return every row that is not blank, its cells stripped, and what stands between columns."""
    content = decoded(path)
    first = content.partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)
    reader = csv.reader(
        io.StringIO(content, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
    )
    rows: Rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        where = f"{path}, line {reader.line_num}"
        raise ValueError(f"{where}: {error}; look for a double quote that is never closed") from error
    return rows, delimiter


def _named(rows: Rows, width: int, asked: Sequence[str], remarks: list[Remark]) -> tuple[list[str], Rows]:
    """Return the columns' names and the rows below; a first line that reads like data is a row like the others."""
    first = rows[0][1]
    below = [{row[i] for _, row in rows[1:] if len(row) == width} for i in range(width)]
    like_data = max(map(len, first)) > LONG or any(cell in values for cell, values in zip(first, below, strict=False))
    names = {cell.lower() for cell in first} & {*TEXT_NAMES, *LABEL_NAMES, *(name.lower() for name in asked)}
    if names or not like_data:
        return [*first, *(str(n) for n in range(len(first) + 1, width + 1))][:width], rows[1:]
    told = "the first line holds data, not the names of the columns"
    remarks.append(Remark(told, "add a line of names above; until then the columns are called 1, 2, …"))
    return [str(n) for n in range(1, width + 1)], rows


def _chosen(
    columns: dict[str, list[str]], text: str | None, label: str | None, path: Path, remarks: list[Remark]
) -> tuple[str, str]:
    """Return the columns of texts and of labels: those asked for, or the likeliest, which a remark tells."""
    for name in (text, label):
        if name is not None and name not in columns:
            raise ValueError(f"{path} has no column {name!r}, only {', '.join(map(repr, columns))}")
    guessed = [what for what, given in (("text", text), ("label", label)) if given is None]
    if label is None:
        others = [name for name in columns if name != text]
        named = next((name for name in others if name.lower() in LABEL_NAMES), None)
        label = named or min(others, key=lambda name: _oddness(columns[name]))
    if text is None:
        others = [name for name in columns if name != label]
        named = next((name for name in others if name.lower() in TEXT_NAMES), None)
        text = named or max(others, key=lambda name: sum(map(len, columns[name])))
    if guessed:
        taken = " and ".join(f"{ {'text': text, 'label': label}[what]!r} for the {what}s" for what in guessed)
        fix = " and ".join(f"{what}=…" for what in guessed)
        remarks.append(Remark(f"taken as columns: {taken}", f"if that is wrong, name them with {fix}"))
    return text, label


def _oddness(values: Sequence[str]) -> tuple[bool, int]:
    """Return how little a column looks like labels: those have few different values, but more than one."""
    different = len({*values} - {""})
    return different < 2, different
