"""The Self-dialogue corpus, on conversations written for the test."""

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from turnwise.corpora import self_dialogue
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")
HEADER = '"AssignmentId","Answer.sentence1","Answer.sentence10","Answer.sentence2","Answer.sentence3"\n'


def read(path: Path) -> list[Dialogue]:
    return list(self_dialogue.read(path, "all", DEFAULT_COLUMNS))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_sentences_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    rows = '"A1","Any plants?","Ten.","Two,\nboth ""cacti""","Three "\n"A2",,,,\n"A3","Hi","","Hello",""\n'
    file = write(tmp_path / "corpus" / "plants" / "plants5.csv.gz", HEADER + rows)
    write(tmp_path / "corpus" / "birds" / "Batch_1.csv", HEADER + '"B1","Owl","","Crow",""\n')
    assert self_dialogue.splits(tmp_path) == ("all",)
    birds, long, short = read(tmp_path)
    assert birds == Dialogue(
        "self_dialogue:all:birds/Batch_1:0", (Turn(None, "Owl"), Turn(None, "Crow")), {"domains": ("birds",)}
    )
    assert long.id == "self_dialogue:all:plants/plants5:0"
    assert [turn.text for turn in long.turns] == ["Any plants?", 'Two,\nboth "cacti"', "Three ", "Ten."]
    assert {turn.speaker for turn in long.turns} == {None}
    assert (short.id, len(short.turns)) == ("self_dialogue:all:plants/plants5:2", 2)
    assert read(tmp_path / "corpus") == [birds, long, short]
    assert read(tmp_path / "corpus" / "plants") == read(file) == [long, short]


def test_problems_of_all_files_are_named(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.csv", '"AssignmentId","Text"\n"A","b"\n')
    write(tmp_path / "a" / "2.csv", HEADER + '"A1","hi"\n"A2","x","","y",""\n')
    write(tmp_path / "b" / "3.csv", HEADER + '"A1","never closed\n')
    write(tmp_path / "b" / "4.csv", "")
    found = []
    with pytest.raises(CorpusError) as caught:
        for dialogue in self_dialogue.read(tmp_path, "all", DEFAULT_COLUMNS):
            found.append(dialogue.id)
    assert found == ["self_dialogue:all:a/2:0"]
    one, two, three, four = caught.value.problems
    assert one == "a/1.csv: line 1 has no column Answer.sentence1, Answer.sentence2, ...: ['AssignmentId', 'Text']"
    assert two == "a/2.csv: line 2: number of cells 2, expected 5 as in the header; quote the cells that hold ',', " + (
        "quotes or line breaks"
    )
    assert three.startswith("b/3.csv: line 2: a quoted cell begins in this row and is never closed")
    assert four.startswith("b/4.csv: ")
    assert "4.csv is empty or its first line is" in four


def test_a_damaged_file_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no corpus/TOPIC/FILE.csv"):
        self_dialogue.splits(tmp_path)
    file = write(tmp_path / "a" / "1.csv.gz", HEADER * 100)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CorpusError, match=r"1.csv.gz cannot be unpacked"):
        read(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    dialogues = read(Path(DATA or "") / "self_dialogue")
    assert len(dialogues) == len({dialogue.id for dialogue in dialogues}) == 24_186
    assert sum(len(dialogue.turns) for dialogue in dialogues) == 374_124
    assert Counter(len(dialogue.turns) for dialogue in dialogues) == {20: 13_384, 10: 10_603, 2: 198, 18: 1}
    assert len({dialogue.labels["domains"] for dialogue in dialogues}) == 23
