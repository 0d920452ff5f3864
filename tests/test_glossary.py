"""The glossary holds every term of the notebooks once, and every check of it can fail."""

from pathlib import Path

import glossary
import pytest
from small_notebooks import code, text, write

GOOD = """# Glossary

What this page is. Back to [03](03_small.ipynb).

## feature

特征 · [03 · Small steps](03_small.ipynb#Small-steps)

A number that describes an input.

## maximum mean discrepancy

最大均值差异 · MMD · [03 · Distances, how large?](03_small.ipynb#Distances,-how-large?)

A distance between two distributions. It needs no label.

## negative transfer

负迁移 · [03](03_small.ipynb)

The model does worse with the source than without it.
"""

LESSON = """## Small steps

An encoder makes **features** (特征, plural), and the **maximum mean
discrepancy**, MMD (最大均值差异; Gretton 2012), compares them. See [the glossary](glossary.md#feature).

```python
# **no term** (不是)
```"""

MORE = """## Distances, how large?

The MMD (均值差异) comes back here. **What you should see.** Is this negative transfer (负迁移)?"""


def repository(folder: Path, page: str = GOOD, lesson: str = LESSON, readme: str = "") -> Path:
    """Write a small repository: a glossary, one notebook, a README."""
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "glossary.md").write_text(page, encoding="utf-8")
    write(folder / "notebooks" / "03_small.ipynb", text("# Small"), text(lesson), text(MORE), code("1"))
    (folder / "README.md").write_text(f"# Readme\n\n[03](notebooks/03_small.ipynb)\n\n{readme}", encoding="utf-8")
    return folder


def changed(good: str, old: str, new: str) -> str:
    assert good.count(old) == 1, f"{old!r} stands {good.count(old)} times in the good example"
    return good.replace(old, new)


# ---------------------------------------------------------------- the course


def test_glossary_and_notebooks_agree():
    found = glossary.faults(glossary.ROOT)
    assert not found, "\n".join(found)


def test_the_glossary_is_not_empty():
    listed = glossary.entries((glossary.ROOT / "notebooks" / glossary.GLOSSARY).read_text(encoding="utf-8"))
    assert len(listed) >= 100
    assert {"negative transfer", "domain", "fine-tuning"} <= {entry.name for entry in listed}


# ---------------------------------------------------------------- the checks


def test_a_good_repository_has_no_fault(tmp_path):
    assert glossary.faults(repository(tmp_path)) == []


@pytest.mark.parametrize(
    "old, new, fault",
    [
        ("**features** (特征, plural)", "**feature maps** (特征图)", "maps** (特征图) is not in the glossary"),
        ("(特征, plural)", "(特性)", "**features** (特性) is 特征 in the glossary"),
        ("(特征, plural)", "(特)", "**features** (特) is 特征 in the glossary"),
        ("(最大均值差异; Gretton 2012)", "(平均差)", "discrepancy** (平均差) is 最大均值差异 in the glossary"),
        ("An encoder", "An encoder (编码器)", "An encoder (编码器) is not in the glossary"),
        ("An encoder", "One feature (特点)", "One feature (特点) is 特征 in the glossary"),
        ("An encoder", "An **encoder**", "**encoder** is not in the glossary"),
        ("glossary.md#feature", "glossary.md#features", "glossary.md#features, and glossary.md has no such entry"),
        ("glossary.md#feature", "glossary.md#MMD", "link to glossary.md#MMD, and glossary.md has no such entry"),
        ("glossary.md#feature", "04_no.ipynb", "link to 04_no.ipynb, and there is no such file"),
        ("glossary.md#feature", "#Small-step", "link to #Small-step, and 03_small.ipynb has no such heading"),
        ("glossary.md#feature", "03_small.ipynb#small-steps", "03_small.ipynb has no such heading"),
    ],
)
def test_a_broken_notebook_is_found(tmp_path, old, new, fault):
    (found,) = glossary.faults(repository(tmp_path, lesson=changed(LESSON, old, new)))
    assert found.startswith("notebooks/03_small.ipynb, cell 2: ")
    assert fault in found


@pytest.mark.parametrize(
    "old, new, fault",
    [
        ("(03_small.ipynb#Small-steps)", "(04_no.ipynb)", "link to 04_no.ipynb, and there is no such file"),
        ("#Small-steps", "#Small-step", "link to 03_small.ipynb#Small-step, and 03_small.ipynb has no such heading"),
        ("特征 · ", "features · ", "feature: no Chinese name"),
        ("特征 · [", "特征 [", "feature: no line"),
        ("A number that describes an input.", "", "feature: 0 sentences"),
        ("It needs no label.", "It needs no label. One. Two.", "maximum mean discrepancy: 4 sentences"),
        ("## negative transfer", "## Loss of transfer", "Loss of transfer: out of order, it stands after maximum"),
        (" · MMD · ", " · MMD · Feature · ", "Feature: defined twice"),
        ("#Small-steps", "#Distances,-how-large?", "03_small.ipynb#Distances,-how-large? does not use the term"),
    ],
)
def test_a_broken_entry_is_found(tmp_path, old, new, fault):
    found = glossary.faults(repository(tmp_path, page=changed(GOOD, old, new)))
    assert any(line.startswith("notebooks/glossary.md") and fault in line for line in found), found


def test_an_entry_that_stands_twice_is_found(tmp_path):
    again = GOOD[GOOD.index("## negative") :]
    found = glossary.faults(repository(tmp_path, page=f"{GOOD}\n{again}"))
    assert found == ["notebooks/glossary.md, negative transfer: defined twice"]


def test_a_dead_link_in_a_markdown_file_is_found(tmp_path):
    readme = "[one](notebooks/glossary.md#feature) [two](notebooks/glossary.md#encoder) [three](https://example.org/#x)"
    wanted = "README.md: link to notebooks/glossary.md#encoder, and glossary.md has no such entry"
    assert glossary.faults(repository(tmp_path, readme=readme)) == [wanted]


def test_notebooks_in_folders_are_looked_at_and_hidden_ones_are_not(tmp_path):
    root = repository(tmp_path)
    for name in ("exercises", ".ipynb_checkpoints"):
        (root / "notebooks" / name).mkdir()
        write(root / "notebooks" / name / "03_more.ipynb", text("[back](../03_small.ipynb) [dead](04_no.ipynb)"))
    wanted = "notebooks/exercises/03_more.ipynb, cell 1: link to 04_no.ipynb, and there is no such file"
    assert glossary.faults(root) == [wanted]


def test_a_link_in_an_output_is_looked_at(tmp_path):
    root = repository(tmp_path)
    shown = code("table")
    html = {"text/html": "<a href='05_no.ipynb'>05</a>"}
    shown["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": html}]
    write(root / "notebooks" / "04_table.ipynb", text("# Table"), shown)
    assert glossary.faults(root) == ["notebooks/04_table.ipynb, cell 2: link to 05_no.ipynb, and there is no such file"]


# ---------------------------------------------------------------- the parts


def test_a_heading_beyond_ascii_has_no_anchor(tmp_path):
    path = write(tmp_path / "01_a.ipynb", text("# λ\n\n## `D` *in* code, twice?"))
    assert glossary.anchors(path) == {"D-in-code,-twice?"}


def test_a_section_ends_at_the_next_heading_of_its_level(tmp_path):
    cells = ["# A\n\none", "## B\n\ntwo\n\n```\n# no\n```\n\n### C\n\nthree", "## D"]
    path = write(tmp_path / "01_a.ipynb", *map(text, cells))
    assert glossary.section(path, "B").split() == "## B two ### C three".split()
    assert glossary.section(path, "C").split() == "### C three".split()
    assert glossary.section(path, "").split() == "# A one ## B two ### C three ## D".split()
    assert glossary.section(path, "E") == ""


@pytest.mark.parametrize(
    "written, term, chinese",
    [
        ("The **negative transfer** (负迁移): it hurts", "negative transfer", "负迁移"),
        ("**Layer-wise\nrates** (分层学习率; Howard 2018)", "Layer-wise rates", "分层学习率"),
        ("**source** (源域, ten kinds)", "source", "源域"),
        ("**Grad-CAM** map (类激活图)", "Grad-CAM", "类激活图"),
        ("**rank** (Hu 2021, 秩)", "rank", "秩"),
        ("**one** and **two** (二)", "two", "二"),
        ("**one** is not dropout (随机失活)", None, "随机失活"),
    ],
)
def test_definitions(written, term, chinese):
    ((found, _, name),) = glossary.definitions(written)
    assert (found, name) == (term, chinese)


def test_bold_sentences_and_numbers_are_no_terms():
    written = "**What you should see.** **1.** **Three ways through:** **95 %** **a remark of five words** **probe**"
    assert list(glossary.bold_terms(written)) == ["probe"]
