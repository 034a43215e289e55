"""DailyDialog, on dialogues written for the test."""

import json
import lzma
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import dailydialog
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(dailydialog.read(path, split, DEFAULT_COLUMNS))


def turn(speaker: str, text: Any, act: Any, emotion: str) -> dict[str, Any]:
    acts = [{"intent": act, "domain": "", "slot": ""}]
    return {"speaker": speaker, "utterance": text, "dialogue_acts": {"binary": acts}, "emotion": emotion}


def dialogue(split: str, number: int, *turns: Any) -> dict[str, Any]:
    return {"data_split": split, "original_id": f"{split}-{number}", "domains": ["Health"], "turns": list(turns)}


TALK = [turn("user", "Is your tooth better?", "question", "no emotion"), turn("system", "Yes!", "inform", "happiness")]


def test_two_people_with_acts_and_emotions(tmp_path: Path) -> None:
    rows = [
        dialogue("test", 0, *TALK),
        dialogue("train", 0, TALK[1]),
        dialogue("validation", 5, *TALK),
        dialogue("test", 1),
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dialogues.json.xz").write_bytes(lzma.compress(json.dumps(rows).encode()))
    assert dailydialog.splits(tmp_path) == ("train", "validation", "test")
    (test,) = read(tmp_path, "test")
    assert (test.id, test.labels) == ("dailydialog:test:test-0", {"domains": ("Health",)})
    first = {"acts": ("question",), "emotion": ("no emotion",), "participant": "A"}
    second = {"acts": ("inform",), "emotion": ("happiness",), "participant": "B"}
    assert test.turns == (Turn(None, "Is your tooth better?", labels=first), Turn(None, "Yes!", labels=second))
    assert [d.id for d in read(tmp_path / "data" / "dialogues.json", "validation")] == [
        "dailydialog:validation:validation-5"
    ]
    assert [len(d.turns) for d in read(tmp_path / "data", "train")] == [1]


def test_broken_dialogues_are_named(tmp_path: Path) -> None:
    rows = [
        dialogue("train", 0, *TALK),
        dialogue("train", 0, *TALK),
        {"turns": []},
        dialogue("train", 1, turn("Bob", "Hi", "inform", "no emotion"), turn("user", " ", "inform", "no emotion")),
        dialogue("train", 2, turn("user", "Hi", None, "no emotion")),
        dialogue("train", 3, *TALK),
    ]
    (tmp_path / "dialogues.json").write_text(json.dumps(rows))
    found = []
    with pytest.raises(CorpusError) as caught:
        for one in dailydialog.read(tmp_path, "train", DEFAULT_COLUMNS):
            found.append(one.id)
    assert found == ["dailydialog:train:train-0", "dailydialog:train:train-3"]
    repeated, shape, bob, empty, act = caught.value.problems
    assert repeated == "dialogues[1].original_id 'train-0' is used before; ids must be unique"
    assert shape == ("dialogues[2] is {'turns': []}, expected data_split, original_id, domains (texts) and turns")
    assert bob.startswith("dialogues[3].turns[0] is {'speaker': 'Bob'")
    assert empty.startswith("dialogues[3].turns[1] is {'speaker': 'user', 'utterance': ' '")
    assert act.startswith("dialogues[4].turns[0] is ")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no dialogues.json or data/dialogues.json"):
        dailydialog.splits(tmp_path)
    (tmp_path / "dialogues.json").write_text("{}")
    with pytest.raises(CorpusError, match=r"dialogues.json is no DailyDialog file; expected a list of dialogues"):
        read(tmp_path, "train")
    (tmp_path / "dialogues.json").write_text(json.dumps([dialogue("train", 0, *TALK)]))
    with pytest.raises(CorpusError, match="no dialogue has data_split 'test'"):
        read(tmp_path, "test")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("split", "dialogues", "turns", "calm"),
    [("train", 11_118, 87_170, 72_143), ("validation", 1_000, 8_069, 7_108), ("test", 1_000, 7_740, 6_321)],
)
def test_published(split: str, dialogues: int, turns: int, calm: int) -> None:
    found = read(Path(DATA or "") / "dailydialog", split)
    assert len(found) == len({one.id for one in found}) == dialogues
    emotions = Counter(turn.labels["emotion"] for one in found for turn in one.turns)
    acts = Counter(turn.labels["acts"] for one in found for turn in one.turns)
    assert emotions.total() == turns
    assert (emotions[("no emotion",)], len(emotions)) == (calm, 7)
    assert set(acts) == {("inform",), ("question",), ("directive",), ("commissive",)}
