"""MetaLWOZ, on dialogues written for the test and on the published counts."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.metalwoz import READER, read, splits
from turnwise.corpora.source import parse_source
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def row(id: str, *turns: str, task: str = "t1", domain: str = "KITES") -> dict[str, Any]:
    return {"id": id, "user_id": "u", "bot_id": "b", "domain": domain, "task_id": task, "turns": list(turns)}


def write(file: Path, *rows: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    data = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def test_texts_speakers_and_tasks(tmp_path: Path) -> None:
    write(tmp_path / "dialogues/KITES.txt.gz", row("a", "Yes?", "A red kite", "Here"), row("none"), "")
    write(tmp_path / "dialogues/BOATS.txt", row("b", "What now?", "Ahoy", task="t2", domain="BOATS"))
    write(tmp_path / "tasks.txt", {"task_id": "t1", "user_prompt": "Buy a kite", "bot_prompt": "Sell it"})
    write(tmp_path / "test_spec_some_task.jsonl.gz", {"target_dlg": "a", "support_dlgs": ["b"]})
    source = parse_source(f"metalwoz:{tmp_path}", (READER,), "train")
    assert source.splits == ("test",)
    boats, kites = source.read()
    assert (boats.id, boats.labels) == ("metalwoz:test:b", {"domains": ("BOATS",), "task": "t2"})
    assert (kites.id, kites.labels) == (
        "metalwoz:test:a",
        {"domains": ("KITES",), "task": "t1", "scenario": "Buy a kite"},
    )
    assert [(turn.speaker, turn.text) for turn in kites.turns] == [
        ("agent", "Yes?"),
        ("customer", "A red kite"),
        ("agent", "Here"),
    ]
    assert not any(turn.labels or turn.spans for turn in kites.turns)


def test_a_folder_without_test_specifications_is_the_training_part(tmp_path: Path) -> None:
    write(tmp_path / "dialogues/KITES.txt", row("a", "Yes?"))
    assert splits(tmp_path) == ("train",)
    assert [found.id for found in read(tmp_path, "train", DEFAULT_COLUMNS)] == ["metalwoz:train:a"]


def test_broken_lines_are_named_and_the_others_read(tmp_path: Path) -> None:
    write(tmp_path / "dialogues/KITES.txt", row("a", "Yes?"), "{", [], {**row("c"), "turns": [3]}, row("a", "Again"))
    found = read(tmp_path, "train", DEFAULT_COLUMNS)
    assert next(found).id == "metalwoz:train:a"
    with pytest.raises(CorpusError, match=r"KITES.txt has 4 problems") as caught:
        next(found)
    first, second, third, fourth = caught.value.problems
    assert first.startswith("line 2: not JSON: ")
    assert second == "line 3 is [], expected an object with id, domain, task_id and turns"
    assert third == "line 4: turns[0].text is 3, expected a text"
    assert fourth == "line 5: id 'metalwoz:train:a' is already used on line 1; ids must be unique"


def test_broken_tasks_and_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder that holds dialogues/DOMAIN.txt"):
        splits(tmp_path)
    write(tmp_path / "dialogues/KITES.txt", row("a", "Yes?"))
    write(tmp_path / "tasks.txt", {"task_id": "t1"})
    with pytest.raises(CorpusError, match=r"line 1 is {'task_id': 't1'}, expected an object with task_id and user_p"):
        list(read(tmp_path, "train", DEFAULT_COLUMNS))


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_counts() -> None:
    source = parse_source(f"metalwoz:{DATA}/metalwoz_heldout", (READER,), None)
    assert source.splits == ("test",)
    found = list(source.read())
    assert len({dialogue.id for dialogue in found}) == len(found) == 2_319
    assert sum(len(dialogue.turns) for dialogue in found) == 26_201
    assert all("scenario" in dialogue.labels for dialogue in found)
    assert Counter(dialogue.labels["domains"] for dialogue in found) == {
        ("BOOKING_FLIGHT",): 554,
        ("HOTEL_RESERVE",): 497,
        ("TOURISM",): 782,
        ("VACATION_IDEAS",): 486,
    }
