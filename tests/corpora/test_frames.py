"""Frames: on a dialogue written for the test, and the published figures."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.frames import READER
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def value(val: Any, negated: bool = False) -> dict[str, Any]:
    return {"val": val, "negated": negated}


FRAMES = [
    {"frame_id": 1, "info": {"dst_city": [value("Oslo")]}},
    {
        "frame_id": 2,
        "info": {
            "dst_city": [value("Rome"), value("Rome"), value("Oslo", True), value("Roma")],
            "wifi": [value(True)],
            "seat": [value("business", True)],
            "end_date": [value(None)],
            "NO_RESULT": [value(True)],
        },
    },
]
USER = {
    "author": "user",
    "text": "Rome rather than Oslo, is there wifi, and for how much?",
    "labels": {
        "acts": [
            {"name": "inform", "args": [{"key": "dst_city", "val": "Rome"}]},
            {"name": "request", "args": [{"key": "price"}, {"key": "seat", "val": "business"}, {"key": "name"}]},
            {"name": "inform", "args": [{"key": "budget"}]},
        ],
        "active_frame": 2,
        "frames": FRAMES,
    },
}
WIZARD = {
    "author": "wizard",
    "text": "When?",
    "db": {},
    "labels": {
        "acts": [{"name": "request", "args": [{"key": "str_date"}]}, {"name": "sorry", "args": []}],
        "active_frame": 2,
        "frames": FRAMES,
    },
}
ANSWERS = {"userSurveyRating": 4, "wizardSurveyTaskSuccessful": False}
TALK = {"id": "t-1", "user_id": "U", "turns": [USER, WIZARD], "labels": ANSWERS}


def write(path: Path, rows: Any) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def read(path: Path) -> list[Dialogue]:
    return list(READER.read(path, "all", DEFAULT_COLUMNS))


def test_the_state_is_the_active_frame(tmp_path: Path) -> None:
    unrated = {**TALK, "id": "t-2", "labels": {**ANSWERS, "userSurveyRating": None}}
    (tmp_path / "frames.json.gz").write_bytes(gzip.compress(json.dumps([TALK, unrated]).encode()))
    assert READER.splits(tmp_path) == ("all",)
    talk, second = read(tmp_path)
    user, wizard = talk.turns
    assert (talk.id, talk.labels) == ("frames:all:t-1", {"rating": 4.0, "task_success": False})
    assert (user.speaker, user.text) == ("customer", USER["text"])
    assert user.labels == {
        "acts": ("inform", "request"),
        "requested": ("price", "name"),
        "state": {"dst_city": ("Rome", "Roma"), "wifi": ("true",)},
    }
    assert (wizard.speaker, wizard.labels) == ("agent", {"acts": ("request", "sorry"), "requested": ("str_date",)})
    assert second.labels == {"task_success": False}


def test_broken_rows_are_named(tmp_path: Path) -> None:
    labels = {"acts": ["inform"], "active_frame": 3, "frames": FRAMES}
    turns = [{"author": "bot", "text": "hi"}, {**USER, "labels": labels}]
    broken = {"id": "x", "turns": turns, "labels": {"userSurveyRating": "5", "wizardSurveyTaskSuccessful": 1}}
    write(tmp_path / "frames.json", [[], broken, TALK])
    with pytest.raises(CorpusError) as caught:
        read(tmp_path / "frames.json")
    assert set(caught.value.problems) == {
        "dialogue 0 is [], expected an object with id, turns and labels",
        "dialogue 1: labels.userSurveyRating is '5', expected a number or null",
        "dialogue 1: labels.wizardSurveyTaskSuccessful is 1, expected true, false or null",
        "dialogue 1: turns[0] is {'author': 'bot', 'text': 'hi'}, expected author (user or wizard), text and labels "
        "with acts, frames and active_frame",
        "dialogue 1: turns[1].labels.acts[0] is 'inform', expected an object with name and args",
        "dialogue 1: turns[1].labels.frames has no frame with frame_id 3, the active_frame, and info",
    }


def test_a_folder_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no frames.json"):
        READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_figures() -> None:
    """1,369 dialogues with 19,986 turns; the ratings that are there."""
    talks = read(Path(DATA or "") / "frames")
    turns = [turn for talk in talks for turn in talk.turns]
    assert len({talk.id for talk in talks}) == len(talks) == 1_369
    assert Counter(turn.speaker for turn in turns) == {"customer": 10_407, "agent": 9_579}
    assert all(turn.text and "acts" in turn.labels and not turn.spans for turn in turns)
    assert sum(turn.labels.get("state") == {} for turn in turns) == 106
    assert sum("rating" in talk.labels for talk in talks) == 1_366
    assert sum(talk.labels["task_success"] is True for talk in talks) == 1_287
    acts = Counter(act for turn in turns if isinstance(names := turn.labels["acts"], tuple) for act in names)
    assert acts["switch_frame"] > acts["no_result"] > acts["reject"] == 14
