"""Notebooks of a few cells, for tests of what reads or runs notebooks."""

import json
from pathlib import Path

CARD = """| Question | {question} |
|:--|:--|
| You will be able to | say what moves |
| Time | {time} |
| Before this | nothing |"""


def code(source: str, stdout: str = "") -> dict:
    """Return a code cell, with what it printed when it was stored."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": stdout}] if stdout else []
    return {"cell_type": "code", "metadata": {}, "source": source, "execution_count": 1, "outputs": outputs}


def text(source: str, *tags: str) -> dict:
    """Return a markdown cell."""
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": source}


def write(path: Path, *cells: dict) -> Path:
    """Write cells as a notebook."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": list(cells)}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def lesson(path: Path, *cells: dict, title="First steps", question="What moves?", time="read 8 min, run 20 s") -> Path:
    """Write a notebook with title and card before its cells."""
    return write(path, text(f"# {title}"), text(CARD.format(question=question, time=time), "card"), *cells)
