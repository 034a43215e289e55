"""GSIM: on two dialogues written for the test, and the published figures."""

import gzip
import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.gsim import READER
from turnwise.dialogue import Dialogue, Span
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")

SAID = {
    "text": "two  seats for moon dust , please",
    "tokens": ["two", "seats", "for", "moon", "dust", ",", "please"],
    "slots": [
        {"slot": "num_tickets", "start": 0, "exclusive_end": 1},
        {"slot": "movie", "start": 3, "exclusive_end": 5},
    ],
}
FIRST = {
    "user_utterance": SAID,
    "user_acts": [{"type": "GREETING"}, {"type": "INFORM"}, {"type": "INFORM"}],
    "user_intents": ["BUY_MOVIE_TICKETS"],
    "dialogue_state": [{"slot": "num_tickets", "value": "2"}, {"slot": "movie", "value": "moon dust"}],
}
SECOND = {
    "system_utterance": {"text": "which day ?", "tokens": ["which", "day", "?"], "slots": []},
    "system_acts": [
        {"type": "REQUEST", "slot": "date"},
        {"type": "REQUEST", "slot": "time"},
        {"type": "CONFIRM", "slot": "movie", "value": "moon dust"},
    ],
    "user_utterance": {"text": "any", "tokens": ["any"], "slots": []},
    "user_acts": [],
    "dialogue_state": [{"slot": "date", "value": "dontcare"}],
}
TALK: dict[str, Any] = {"dialogue_id": "movies_01", "turns": [FIRST, SECOND]}


def write(path: Path, rows: Any) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def test_an_item_is_an_agent_turn_and_a_customer_turn(tmp_path: Path) -> None:
    write(tmp_path / "train.json", [TALK, {"dialogue_id": "movies_02", "turns": []}])
    (talk,) = read(tmp_path, "train")
    first, agent, last = talk.turns
    assert (talk.id, talk.labels) == ("gsim:train:movies_01", {"domains": ("movies",)})
    assert [turn.speaker for turn in talk.turns] == ["customer", "agent", "customer"]
    assert first.labels == {
        "acts": ("GREETING", "INFORM"),
        "intent": ("BUY_MOVIE_TICKETS",),
        "state": {"num_tickets": ("2",), "movie": ("moon dust",)},
    }
    assert first.spans == {"slots": (Span(0, 3, "num_tickets"), Span(15, 24, "movie"))}
    assert (agent.text, agent.labels) == (
        "which day ?",
        {"acts": ("REQUEST", "CONFIRM"), "requested": ("date", "time")},
    )
    assert (last.labels, last.spans) == ({"acts": (), "state": {"date": ("dontcare",)}}, {"slots": ()})


def test_rebuilt_files_stand_in_for_missing_ones(tmp_path: Path) -> None:
    write(tmp_path / "dev.json", [TALK])
    packed = gzip.compress(json.dumps([{**TALK, "dialogue_id": "movies_09"}]).encode())
    (tmp_path / "test.rebuilt.json.gz").write_bytes(packed)
    (tmp_path / "dev.rebuilt.json.gz").write_bytes(packed)
    assert READER.splits(tmp_path) == ("dev", "test")
    assert [d.id for d in read(tmp_path, "test")] == ["gsim:test:movies_09"]
    assert [d.id for d in read(tmp_path, "dev")] == ["gsim:dev:movies_01"]


def test_broken_dialogues_are_named_and_the_others_read(tmp_path: Path) -> None:
    broken = deepcopy(TALK)
    said = broken["turns"][0]["user_utterance"]
    said["slots"][0]["exclusive_end"] = 8
    said["slots"][1] = {"slot": "movie"}
    broken["turns"][0]["user_intents"] = "BUY"
    broken["turns"][1]["system_utterance"]["tokens"] = ["which", "?"]
    broken["turns"][1]["dialogue_state"] = ["date"]
    broken["turns"][1]["user_acts"] = [{}]
    broken["turns"][1]["system_acts"] = None
    broken["turns"].append({"user_utterance": said, "user_acts": []})
    broken["turns"].append({**FIRST, "user_utterance": {"text": "hi"}})
    write(tmp_path / "train.json", [7, broken, TALK])
    found = []
    with pytest.raises(CorpusError) as caught:
        for dialogue in READER.read(tmp_path, "train", DEFAULT_COLUMNS):
            found.append(dialogue.id)
    assert found == ["gsim:train:movies_01"]
    starts = [
        "dialogue 0 is 7, expected an object with dialogue_id and turns",
        "dialogue 1: turns[0].user_intents is 'BUY', expected a list of names",
        "dialogue 1: turns[0].user_utterance.slots[0] is {'slot': 'num_tickets', 'start': 0, 'exclusive_end': 8},",
        "dialogue 1: turns[0].user_utterance.slots[1] is {'slot': 'movie'}, expected slot, start and exclusive_end",
        "dialogue 1: turns[1].system_acts is None, expected a list",
        "dialogue 1: turns[1].system_utterance.tokens[1] is '?', which does not come next in the text",
        "dialogue 1: turns[1].user_acts[0] is {}, expected an object with type",
        "dialogue 1: turns[1].dialogue_state[0] is 'date', expected an object with slot and value",
        "dialogue 1: turns[2] is {",
        "dialogue 1: turns[3].user_utterance is {'text': 'hi'}, expected an object with text, tokens and slots",
    ]
    assert len(caught.value.problems) == len(starts)
    for problem, start in zip(caught.value.problems, starts, strict=True):
        assert problem.startswith(start)


def test_other_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"holds none of train.json, dev.json, test.json; name the folder sim-M or sim-R"
    ):
        READER.splits(tmp_path)
    with pytest.raises(InputError, match="there is no file or folder"):
        READER.splits(tmp_path / "nowhere")
    write(tmp_path / "train.json", {})
    with pytest.raises(CorpusError, match=r"is no list of dialogues; it begins with '\{\}'"):
        read(tmp_path, "train")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("sim-M", {"train": (384, 3_562, 4_480), "dev": (120, 1_134, 1_343), "test": (264, 2_464, 3_044)}),
        ("sim-R", {"train": (1_116, 11_234, 12_912), "dev": (349, 2_629, 3_039), "test": (775, 6_097, 7_148)}),
    ],
)
def test_published_figures(folder: str, expected: dict[str, tuple[int, int, int]]) -> None:
    """Dialogues, turns and slot spans of each split."""
    path = Path(DATA or "") / "gsim" / folder
    assert READER.splits(path) == tuple(expected)
    ids = set()
    for split, (dialogues, turns, spans) in expected.items():
        talks = read(path, split)
        every = [turn for talk in talks for turn in talk.turns]
        slots = [(turn.text, span) for turn in every for span in turn.spans["slots"]]
        assert (len(talks), len(every), len(slots)) == (dialogues, turns, spans)
        assert all(text[span.start : span.end].strip() == text[span.start : span.end] != "" for text, span in slots)
        assert all(
            isinstance(t.labels["acts"], tuple) and ("state" in t.labels) == (t.speaker == "customer") for t in every
        )
        ids.update(talk.id for talk in talks)
    assert len(ids) == sum(dialogues for dialogues, _, _ in expected.values())
