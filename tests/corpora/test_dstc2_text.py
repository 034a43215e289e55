"""DSTC2 as text: on dialogues written for the test, and the published figures."""

import json
import lzma
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.dstc2_text import READER
from turnwise.corpora.source import parse_source
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def talk(split: str, id: str, *said: tuple[str, str]) -> dict[str, Any]:
    turns = [{"speaker": speaker, "utterance": text, "state": {}} for speaker, text in said]
    return {"data_split": split, "original_id": id, "dialogue_id": "dstc2_0", "domains": [], "turns": turns}


ROWS = [
    talk("test", "call-c", ("user", "bye")),
    talk("train", "call-a", ("user", "uh thai"), ("system", "Which part?"), ("user", "north")),
    talk("val", "call-b", ("user", "hello")),
    talk("train", "call-d"),
    talk("train", "call-e", ("system", "Hello?")),
]


def write(path: Path, rows: Any) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def test_each_dialogue_names_its_split(tmp_path: Path) -> None:
    (tmp_path / "data.json.xz").write_bytes(lzma.compress(json.dumps(ROWS).encode()))
    assert READER.splits(tmp_path) == ("train", "val", "test")
    assert read(tmp_path, "train") == [
        Dialogue(
            "dstc2_text:train:call-a",
            (Turn("customer", "uh thai"), Turn("agent", "Which part?"), Turn("customer", "north")),
        ),
        Dialogue("dstc2_text:train:call-e", (Turn("agent", "Hello?"),)),
    ]
    found = parse_source(f"dstc2_text:{tmp_path / 'data.json'}@dev+test", (READER,), "train").read()
    assert [dialogue.id for dialogue in found] == ["dstc2_text:val:call-b", "dstc2_text:test:call-c"]


def test_broken_rows_are_named(tmp_path: Path) -> None:
    write(
        tmp_path / "data.json",
        [*ROWS, {"data_split": "train"}, {"data_split": "test"}, talk("train", "f", ("bot", "hi"), ("user", "hi"))],
    )
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, "train")
    assert caught.value.problems == (
        "dialogue 5 is {'data_split': 'train'}, expected an object with data_split, original_id and turns",
        "dialogue 7: turns[0] is {'speaker': 'bot', 'utterance': 'hi', 'state': {}}, expected speaker (user or system) "
        "and utterance",
    )


@pytest.mark.parametrize("content", ["{}", "[]", '[{"turns": []}]'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "data.json").write_text(content)
    with pytest.raises(CorpusError, match=r"is no DSTC2 text file; expected a list of dialogues, each with"):
        READER.splits(tmp_path)


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no data.json"):
        READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_figures() -> None:
    path = Path(DATA or "") / "dstc2_text"
    assert READER.splits(path) == ("train", "val", "test")
    talks = [talk for split in ("train", "val", "test") for talk in read(path, split)]
    assert Counter(talk.id.split(":")[1] for talk in talks) == {"train": 1_612, "val": 506, "test": 1_117}
    assert len({talk.id for talk in talks}) == 3_235
    speakers = Counter(turn.speaker for talk in talks for turn in talk.turns)
    assert speakers == {"customer": 25_501, "agent": 22_266}
    assert all(turn.text and not turn.labels and not turn.spans for talk in talks for turn in talk.turns)
