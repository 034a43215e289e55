from pathlib import Path

import pytest

from turnwise.corpora import Columns, read_corpus
from turnwise.corpora.columns import parse_columns
from turnwise.dialogue import Dialogue, intents
from turnwise.errors import CorpusError, InputError


def read(path: Path, content: str | bytes, columns: Columns = Columns()) -> list[Dialogue]:  # noqa: B008
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_corpus(str(path), columns=columns))


def pairs(dialogues: list[Dialogue]) -> list[tuple[str, tuple[str, ...] | None]]:
    return [(d.turns[0].text, intents(d.turns[0])) for d in dialogues]


def problems(path: Path, content: str | bytes, columns: Columns = Columns()) -> tuple[str, ...]:  # noqa: B008
    with pytest.raises(CorpusError) as caught:
        read(path, content, columns)
    return caught.value.problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.csv"


def test_a_row_is_a_dialogue_of_one_customer_turn(path: Path) -> None:
    found = read(path, 'text,label\r\n"where is\nmy ""parcel"", then?",track\r\nhi,greet\r\n')
    assert pairs(found) == [('where is\nmy "parcel", then?', ("track",)), ("hi", ("greet",))]
    assert [d.id for d in found] == ["csv:shop:0", "csv:shop:1"]
    assert found[0].turns[0].speaker == "customer"


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_comma_tab_and_semicolon_are_told_apart_by_the_header(tmp_path: Path, suffix: str, delimiter: str) -> None:
    content = f'text{delimiter}label\n"a,b;c\td"{delimiter}x\n'
    assert pairs(read(tmp_path / f"a.{suffix}", content)) == [("a,b;c\td", ("x",))]


def test_columns_may_have_any_name_and_order(path: Path) -> None:
    content = "ticket;topic;Body \n7;late|damaged;where?\n9;;thanks\n11;oos;tell me a joke\n"
    found = read(path, content, Columns(text="body", label="topic", id="ticket"))
    assert pairs(found) == [("where?", ("late", "damaged")), ("thanks", None), ("tell me a joke", ())]
    assert [d.id for d in found] == ["csv:shop:7", "csv:shop:9", "csv:shop:11"]


@pytest.mark.parametrize("header", ["label", "intent", "category", "Intent"])
def test_common_names_of_the_label_need_no_flag(path: Path, header: str) -> None:
    assert pairs(read(path, f"text,{header}\nhi,greet\n")) == [("hi", ("greet",))]


def test_without_a_label_column_nothing_is_annotated(path: Path) -> None:
    assert pairs(read(path, "text\nhi\n")) == [("hi", None)]


def test_a_missing_column_lists_those_found(path: Path) -> None:
    with pytest.raises(CorpusError) as caught:
        read(path, "body,topic\nhi,greet\n", Columns(label="lable"))
    assert str(caught.value) == (
        f"{path} lacks columns:\n"
        "  no column 'text' among 'body', 'topic'; name the one that holds the text: --column text=HEADER\n"
        "  no column 'lable' among 'body', 'topic'; name the one that holds the label: --column label=HEADER"
    )


def test_two_columns_of_one_name_are_refused(path: Path) -> None:
    with pytest.raises(CorpusError, match=r"two columns 'text' \(number 1 and 3\)"):
        read(path, "text,label,text\na,b,c\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty or its first line is; expected a header such as: text,label"),
        ("text,label\n", "has a header but no rows"),
        ("text,label\n\n\n", "has a header but no rows"),
    ],
)
def test_a_file_without_rows_is_an_error(path: Path, content: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read(path, content)


def test_every_broken_row_is_reported_with_the_line_it_begins_on(path: Path) -> None:
    content = 'text,label\n"a\nb",x\nc,y,z\n"d"e,x\nf\n\ng,x\n"never closed,x\nh,x\n'
    assert problems(path, content) == (
        "line 4: number of cells 3, expected 2 as in the header; quote the cells that hold ',', quotes or line breaks",
        "line 5: not CSV: ',' expected after '\"'; double every quote inside a quoted cell",
        "line 6: number of cells 1, expected 2 as in the header; quote the cells that hold ',', quotes or line breaks",
        "line 9: a quoted cell begins in this row and is never closed",
    )


def test_lines_that_end_in_carriage_returns_only_are_explained(path: Path) -> None:
    (found,) = problems(path, "text,label\ra,x\rb,y\r")
    assert found.startswith("line 1: a carriage return in an unquoted cell")


def test_latin1_is_named_with_line_and_byte(path: Path) -> None:
    (found,) = problems(path, "text,label\nok,x\ncafé,x\n".encode("latin-1"))
    assert found.startswith("line 3: byte 19 of the file is 0xe9, which is not UTF-8")
    (found,) = problems(path, "größe,label\nok,x\n".encode("latin-1"))
    assert found.startswith("line 1: byte 2 of the file is 0xf6, which is not UTF-8")


def test_nul_bytes_are_named(path: Path) -> None:
    (found,) = problems(path, b"text,label\no\0k,x\n")
    assert found.startswith("line 2: byte 12 of the file is NUL")


def test_repeated_ids_are_reported(path: Path) -> None:
    (found,) = problems(path, "id,text\n1,a\n2,b\n1,c\n", Columns(id="id"))
    assert found == "line 4: id 'csv:shop:1' is already used on line 2; ids must be unique"


def test_long_and_foreign_texts_pass_unchanged(path: Path) -> None:
    long = "x" * 1_000_000
    found = read(path, f"\ufefftext,label\n{long},a\n🙂👩‍👩‍👧,b\n我的包裹在哪里？,查询\n,c\n")
    assert pairs(found) == [(long, ("a",)), ("🙂👩‍👩‍👧", ("b",)), ("我的包裹在哪里？", ("查询",)), ("", ("c",))]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["text"], "--column text is not NAME=HEADER"),
        (["text="], "--column text= is not NAME=HEADER"),
        (["lable=x"], r"no column name 'lable'; did you mean 'label'\? Valid: text, label, id"),
        (["text=a", "text=b"], "--column text is given twice: 'a' and 'b'"),
    ],
)
def test_column_flags_that_cannot_be_read_are_explained(given: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_columns(given)


def test_column_flags_name_headers_that_hold_an_equals_sign() -> None:
    assert parse_columns(["text=a=b", "id=n"]) == Columns(text="a=b", id="n")
