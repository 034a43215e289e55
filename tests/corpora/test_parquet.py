import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from turnwise.corpora import Columns, read_corpus
from turnwise.dialogue import Dialogue, intents
from turnwise.errors import CorpusError


def read(path: Path, columns: dict[str, list[Any]], metadata: Any = None, **named: str) -> list[Dialogue]:
    table = pyarrow.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    parquet.write_table(table, path)
    return list(read_corpus(str(path), columns=Columns(**named)))


def pairs(dialogues: list[Dialogue]) -> list[tuple[str, tuple[str, ...] | None]]:
    return [(d.turns[0].text, intents(d.turns[0])) for d in dialogues]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.parquet"


def test_texts_labels_and_ids_are_read(path: Path) -> None:
    columns = {"body": ["hi", "李雷", "?", "x"], "topic": ["greet", "a|b", None, "oos"], "n": [5, 6, 7, 8]}
    found = read(path, columns, text="body", label="topic", id="n")
    assert pairs(found) == [("hi", ("greet",)), ("李雷", ("a", "b")), ("?", None), ("x", ())]
    assert [d.id for d in found] == [f"parquet:shop:{n}" for n in (5, 6, 7, 8)]


def test_a_list_of_texts_holds_several_labels(path: Path) -> None:
    assert pairs(read(path, {"text": ["a", "b"], "intent": [["x", "y"], []]})) == [("a", ("x", "y")), ("b", ())]


def test_numbered_labels_take_the_names_that_the_file_gives(path: Path) -> None:
    metadata = {"info": {"features": {"label": {"names": ["late", "lost"], "_type": "ClassLabel"}}}}
    assert pairs(read(path, {"text": ["a", "b"], "label": [1, 0]}, metadata)) == [("a", ("lost",)), ("b", ("late",))]
    assert pairs(read(path, {"text": ["a"], "label": [1]})) == [("a", ("1",))]


def test_other_values_are_reported_with_their_row(path: Path) -> None:
    with pytest.raises(CorpusError) as caught:
        read(path, {"text": ["a", None], "label": [1.5, 2.0]})
    assert caught.value.problems == (
        "row 0: the label is 1.5, expected a text, a list of texts or a whole number",
        "row 1: the text is None, expected a text",
    )


def test_a_missing_column_lists_those_found(path: Path) -> None:
    with pytest.raises(CorpusError, match="lacks a column:\n  no column 'text' among 'body'"):
        read(path, {"body": ["a"]})


def test_no_rows_is_an_error(path: Path) -> None:
    with pytest.raises(CorpusError, match=r"shop.parquet has no rows"):
        read(path, {"text": pyarrow.array([], pyarrow.string())})


def test_a_file_that_is_no_parquet_is_an_error(path: Path) -> None:
    path.write_text("text,label\n")
    with pytest.raises(CorpusError, match=r"shop.parquet cannot be read as parquet"):
        list(read_corpus(str(path)))
