"""A file of one's own texts: what people really have, and one clear error for each way it can be wrong."""

import pytest

from tlutils.datasets import text_file


@pytest.fixture
def write(tmp_path):
    """Return a function that writes content to a file and returns its path."""

    def to(content, name="mine.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to


def test_a_csv_as_spreadsheets_write_it(write):
    content = '\ufeffid,text,label\r\n1,"Good, really",pos\r\n2,"two\r\nlines",neg\r\n3," 很好 ",pos\r\n4,no idea,\r\n'
    domain = text_file(write(content))
    assert domain.x == ["Good, really", "two\r\nlines", "很好", "no idea"]
    assert domain.classes == ("neg", "pos") and domain.y.tolist() == [1, 0, 1, -1] and domain.name == "mine"


def test_a_tsv_keeps_its_quotes_and_columns_have_any_name(write):
    path = write('sentence\tkind\n"so called" film\t1\na 5" screen\t0\n', "a.TSV")
    domain = text_file(path, text="sentence", label="kind")
    assert domain.x == ['"so called" film', 'a 5" screen'] and domain.y.tolist() == [1, 0]


def test_texts_without_labels(write):
    domain = text_file(write("text\nabc\n"), label=None)
    assert domain.x == ["abc"] and domain.y is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no column 'text' in its first line, only nothing"),
        ("text,label\n", "a first line and no rows"),
        ("review,label\na,b\n", "has no column 'text' .* only 'review', 'label'"),
        ("text,stars\na,b\n", "has no column 'label'"),
        ("text;label\na;b\n", "not separated by commas"),
        ("text,label\na,x\n ,y\n", "line 3: column 'text' is empty"),
        ("text,label\na,x\nb,x\n", "column 'label' holds only 'x'"),
        ("text,label\na,\nb,\n", "column 'label' holds nothing"),
        ("text,label\nwell, good,x\nb,y\n", "line 2: 3 columns, and 2 in the first line; put texts with commas"),
        ("text,label\nalone\n", "line 2: 1 columns, and 2"),
        ('text,label\n"never closed,x\nb,y\n', "line 3: .*never closed"),
        ("text,label\nok,x\ncaf\u00e9,y\n".encode("latin-1"), "line 3: byte 0xe9 is not UTF-8"),
        ("text,label\ncaf\u00e9,x\n".encode() + "caf\u00e9,y\n".encode("cp1252"), "line 3: byte 0xe9"),
        ("text,label\n很好,x\n".encode("gb18030"), "line 2: byte 0x.. is not UTF-8"),
        ("text,label\na,x\n".encode("utf-16"), "is UTF-16 and not UTF-8"),
        (b"PK\x03\x04rest", "an Excel or zip file"),
        ("text,label\n" + "".join(f"a{i},{i}\n" for i in range(30)), "30 different values in 30 rows"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_line_and_fix(write, content, words):
    path = write(content)
    with pytest.raises(ValueError, match=words) as caught:
        text_file(path)
    assert str(path) in str(caught.value)


def test_a_tab_inside_a_text_and_a_file_that_is_not_there(write, tmp_path):
    with pytest.raises(ValueError, match="line 2: 3 columns, and 2 .* remove the tabs"):
        text_file(write("text\tlabel\na\tb\tc\n", "a.tsv"))
    with pytest.raises(FileNotFoundError, match="nowhere.csv"):
        text_file(tmp_path / "nowhere.csv")
