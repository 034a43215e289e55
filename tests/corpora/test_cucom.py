"""CuCom, on dialogues written for the test and on the published file."""

import json
import lzma
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.cucom import READER
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError


def read(path: Path) -> list[Dialogue]:
    return list(READER.read(path, "all", DEFAULT_COLUMNS))


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


TALK = {"id": "c1", "turns": [{"role": "user", "content": "kettle leaks"}, {"role": "Agent", "content": "oh no"}]}


def test_a_line_is_a_dialogue(tmp_path: Path) -> None:
    packed = lzma.compress(lines(TALK, {"id": "c2", "turns": []}) + b"\n")
    (tmp_path / "ecommerce_v_0_1.jsonl.xz").write_bytes(packed)
    assert READER.splits(tmp_path) == ("all",)
    turns = (Turn("customer", "kettle leaks"), Turn("agent", "oh no"))
    assert read(tmp_path) == [Dialogue("cucom:all:c1", turns)]


def test_every_broken_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_bytes(lines(TALK) + b"{\n" + lines([], {"id": "c3", "turns": [{"role": "bot", "content": "x"}]}, TALK))
    with pytest.raises(CorpusError) as caught:
        read(file)
    assert [problem.split(",")[0].split(":")[0] for problem in caught.value.problems] == [
        "line 2",
        "line 3 is []",
        "line 4",
        "line 5",
    ]
    assert "turns[0] is {'role': 'bot', 'content': 'x'}, expected role (user or agent)" in caught.value.problems[2]


def test_the_folder_must_hold_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no ecommerce_v_0_1\.jsonl"):
        READER.splits(tmp_path)


DATA = os.environ.get("TURNWISE_DATA")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    found = read(Path(DATA or "") / "cucom_ecommerce")
    assert len(found) == len({dialogue.id for dialogue in found}) == 6_000
    assert sum(len(dialogue.turns) for dialogue in found) == 71_686
