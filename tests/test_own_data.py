"""Folders and tables that nobody prepared are read as far as they go, and what is wrong is told in plain words."""

import os
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from tlutils.advice import advise
from tlutils.data_checks import check_data
from tlutils.own_data import read_own_data
from tlutils.own_images import _share
from tlutils.own_rows import counted, some


def paint(path, colour="red", size=(12, 10), kind=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, kind)


def folder(root, classes=("cats", "dogs"), each=3):
    for number, name in enumerate(classes):
        for i in range(each):
            paint(root / name / f"{i}.png", (40 * number, 30 * i, 90))
    return root


def table(tmp_path, content, name="data.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content.encode(encoding))
    return path


def told(own):
    return " ".join(f"{what} {fix}" for what, fix in own.remarks)


def test_a_folder_with_a_subfolder_per_class(tmp_path):
    own = read_own_data(folder(tmp_path / "pets"), size=8)
    assert own.domain.x.shape == (6, 3, 8, 8) and own.domain.classes == ("cats", "dogs")
    assert own.domain.y.tolist() == [0, 0, 0, 1, 1, 1] and own.places[3] == "dogs/0.png"
    assert own.facts[0, :2].tolist() == [12, 10] and own.facts[0, 2] == (tmp_path / "pets/cats/0.png").stat().st_size
    assert own.test is None and own.remarks == () and not own.texts


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "val"), ("train", "validation")])
def test_splits_are_recognised_through_an_outer_folder(tmp_path, names):
    folder(tmp_path / "outer" / "inner" / names[0])
    folder(tmp_path / "outer" / "inner" / names[1], each=2)
    folder(tmp_path / "outer" / "inner" / names[1], ("birds",), each=2)
    own = read_own_data(tmp_path / "outer", size=8)
    assert len(own.domain) == 6 and len(own.test) == 4 and own.test.classes == own.domain.classes
    assert own.test_places[0] == f"{names[1]}/cats/0.png"
    assert "nothing but the folder inner" in told(own) and "birds" in told(own)


def test_a_class_may_be_called_test(tmp_path):
    own = read_own_data(folder(tmp_path / "pets", ("real", "test")), size=8)
    assert own.domain.classes == ("real", "test") and own.test is None


def test_images_without_labels(tmp_path):
    folder(tmp_path / "pets")
    paint(tmp_path / "pets/unlabelled/new.jpg")
    own = read_own_data(tmp_path / "pets", size=8)
    assert own.domain.y.tolist() == [0, 0, 0, 1, 1, 1, -1] and own.places[-1] == "unlabelled/new.jpg"


def test_what_cannot_be_read_is_left_out_and_told(tmp_path):
    root = folder(tmp_path / "pets")
    (root / "cats" / "empty.jpg").write_bytes(b"")
    (root / "cats" / "cut.png").write_bytes((root / "cats" / "0.png").read_bytes()[:40])
    (root / "dogs" / "notes.txt").write_text("bella, 3")
    (root / "dogs" / "more").mkdir()
    (root / "birds").mkdir()
    (root / "birds" / "bird.jpg").write_bytes(b"no bird")
    own = read_own_data(root, size=8)
    assert own.domain.classes == ("cats", "dogs") and len(own.domain) == 6
    for words in ("2 images of cats", "empty.jpg (it is empty, 0 bytes)", "cut.png", "notes.txt", "more", "birds"):
        assert words in told(own)


def test_large_folders_are_sampled_class_by_class(tmp_path, monkeypatch):
    root = folder(tmp_path / "pets", each=10)
    monkeypatch.setattr("tlutils.own_images.MOST_BYTES", 10 * 8 * 8 * 3 * 4)
    own = read_own_data(root, size=8)
    assert torch.bincount(own.domain.y).tolist() == [5, 5] and "50% of it was read" in told(own)
    assert _share([root / "cats"], 8) == 1.0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: p.mkdir(), "needs a subfolder for each"),
        (lambda p: folder(p, ("cats",)), "found only 'cats'"),
        (lambda p: paint(p / "loose.jpg"), "loose.jpg lies beside the classes"),
        (lambda p: [(p / f"c{n}").mkdir(parents=True) for n in range(1001)], "names 1,001 different classes"),
        (lambda p: [(p / name).mkdir(parents=True) for name in ("a", "b")], "found none"),
    ],
)
def test_folders_that_nobody_can_advise_on(tmp_path, make, message):
    make(tmp_path / "data")
    with pytest.raises(ValueError, match=message):
        read_own_data(tmp_path / "data")


def test_paths_of_the_wrong_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        read_own_data(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="unpack it first"):
        read_own_data(table(tmp_path, "x", "data.zip"))
    with pytest.raises(ValueError, match="ends in .pdf"):
        read_own_data(table(tmp_path, "x", "data.pdf"))
    with pytest.raises(ValueError, match="columns .text, label. belong to CSV"):
        read_own_data(folder(tmp_path / "pets"), label="y")
    for size in (0, -64, 100_000):
        with pytest.raises(ValueError, match=f"size must be 8 to 1,024, got {size}"):
            read_own_data(tmp_path / "pets", size=size)


GOOD = "text,label\nfine film,good\nbad film,bad\nvery fine,good\nawful,bad\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_with_a_first_line(tmp_path, encoding, separator):
    own = read_own_data(table(tmp_path, GOOD.replace(",", separator), encoding=encoding))
    assert own.domain.x == ["fine film", "bad film", "very fine", "awful"] and own.texts
    assert own.domain.classes == ("bad", "good") and own.domain.y.tolist() == [1, 0, 1, 0]
    assert own.places == ("line 2", "line 3", "line 4", "line 5") and own.domain.name == "data"


def test_a_table_without_a_first_line_loses_no_row(tmp_path):
    rows = "ham\tsee you at eight then\nspam\twin a prize now call\nham\tok\nspam\tfree entry\n"
    own = read_own_data(table(tmp_path, rows, "sms.tsv"))
    assert len(own.domain) == 4 and own.domain.x[0] == "see you at eight then" and own.domain.classes == ("ham", "spam")
    assert "first line holds data" in told(own) and "'2' for the texts and '1' for the labels" in told(own)
    again = read_own_data(tmp_path / "sms.tsv", text="2", label="1")
    assert again.domain.x == own.domain.x and "taken" not in told(again)


def test_columns_are_guessed_by_name_then_by_what_they_hold(tmp_path):
    rows = "".join(f"{n},{n % 3},words number {n} of a long text,berlin\n" for n in range(30))
    own = read_own_data(table(tmp_path, "id,stars,message,shop\n" + rows))
    assert own.domain.x[0] == "words number 0 of a long text" and own.domain.classes == ("0", "1", "2")
    own = read_own_data(tmp_path / "data.csv", label="stars")
    assert "label=…" not in told(own) and "text=…" in told(own)


def test_rows_that_do_not_fit_are_left_out_and_told(tmp_path):
    own = read_own_data(table(tmp_path, GOOD + "one, two, three\nlonely\n\n,good\nnew and not known,\n"))
    assert own.domain.y.tolist() == [1, 0, 1, 0, -1]
    assert "left out: 2 rows with more or fewer than 2 columns: line 6, 7" in told(own)
    assert "left out: 1 row (17%) without a text: line 9 " in told(own)


def test_forty_per_cent_of_missing_texts_is_an_alarm(tmp_path):
    rows = "".join(f"{'' if n % 5 < 2 else f'text {n}'},{'ab'[n % 2]}\n" for n in range(50))
    own = read_own_data(table(tmp_path, "text,label\n" + rows))
    assert len(own.domain) == 30 and "20 rows (40%) without a text" in told(own) and "seldom by chance" in told(own)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "needs a column of texts and one of labels"),
        ("text\nfine\nbad\n", "most lines have 1 column"),
        ("text,label\n", "no row below the first line"),
        ("text,text\na,b\nc,d\n", "two columns share a name"),
        ("text,label\na,good\nb,good\n", "found only 'good'"),
        ("text,label\na,\nb,\n", "found none"),
        ("text,label\n,good\n,bad\n", "holds no text at all"),
        ("text,label\n" + "".join(f"t{n},{n}\n" for n in range(60)), "60 different classes in 60 rows"),
        ('text,label\n"fine,good\nbad', "no row below the first line"),
    ],
)
def test_tables_that_nobody_can_advise_on(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_own_data(table(tmp_path, content))


def test_other_encodings_and_columns_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="UTF-16"):
        read_own_data(table(tmp_path, GOOD, encoding="utf-16"))
    with pytest.raises(ValueError, match="line 2.*is not UTF-8"):
        read_own_data(table(tmp_path, GOOD.replace("fine film", "schön"), encoding="latin-1"))
    with pytest.raises(ValueError, match="no column 'stars', only 'text', 'label'"):
        read_own_data(table(tmp_path, GOOD), label="stars")


def test_words_for_people():
    assert some(range(3)) == "0, 1, 2" and some(range(7)) == "0, 1, 2, 3, 4 and 2 more"
    assert [counted(n, "class") for n in (1, 2)] == ["1 class", "2 classes"]
    assert counted(1200, "entry") == "1,200 entries" and counted(0, "row") == "0 rows"


# ---------------------------------------------------------------- data that nobody here made

MIRROR = Path(os.environ.get("TLUTILS_DATA", "nowhere"))


@pytest.mark.skipif(not (MIRROR / "en_sms_spam").is_dir(), reason="no mirror of real data")
def test_the_sms_collection_as_it_comes():
    own = read_own_data(MIRROR / "en_sms_spam/SMSSpamCollection.tsv")
    assert torch.bincount(own.domain.y).tolist() == [4827, 747] and own.domain.classes == ("ham", "spam")
    assert "first line holds data" in told(own) and "1 row with more or fewer than 2 columns" in told(own)


@pytest.mark.skipif(not (MIRROR / "hymenoptera").is_dir(), reason="no mirror of real data")
def test_ants_and_bees_as_they_are_unpacked(tmp_path):
    with zipfile.ZipFile(MIRROR / "hymenoptera/hymenoptera_data_256.zip") as archive:
        archive.extractall(tmp_path)
    own = read_own_data(tmp_path)
    assert len(own.domain) == 244 and len(own.test) == 153 and own.domain.classes == ("ants", "bees")
    assert "nothing but the folder hymenoptera_data" in told(own) and check_data(own) == []
    advice = advise(own, minutes=0, encoders=["photos"])
    assert advice.guard.choice == "probe on photos" and advice.tested["probe on photos"].value > 0.6
