"""WOZ 2.0: on a dialogue written for the test, and the published figures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.source import parse_source
from turnwise.corpora.woz2 import READER
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def item(answer: str, acts: list[Any], text: str, beliefs: list[Any]) -> dict[str, Any]:
    return {"system_transcript": answer, "system_acts": acts, "transcript": text, "belief_state": beliefs}


def inform(slot: str, value: str) -> dict[str, Any]:
    return {"act": "inform", "slots": [[slot, value]]}


TALK = {
    "dialogue_idx": 7,
    "dialogue": [
        item("", [], "Any sushi here?", [inform("food", "japanese")]),
        item(
            "Near the river?",
            ["area", ["price range", "cheap"], "area"],
            "Wherever. Phone?",
            [
                {"act": "request", "slots": [["slot", "phone"]]},
                inform("area", "dontcare"),
                inform("food", "japanese"),
                inform("food", "japanese"),
                inform("food", "sushi"),
            ],
        ),
        item("", [], "Hello?", []),
    ],
}


def write(path: Path, rows: Any) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def test_state_and_requests_stand_on_the_customers_turn(tmp_path: Path) -> None:
    write(tmp_path / "woz_train_en.json", [TALK])
    (talk,) = read(tmp_path, "train")
    first, agent, second, silence, last = talk.turns
    assert talk.id == "woz2:train:7"
    assert [turn.speaker for turn in talk.turns] == ["customer", "agent", "customer", "agent", "customer"]
    assert (first.text, first.labels) == ("Any sushi here?", {"state": {"food": ("japanese",)}, "requested": ()})
    assert (agent.text, agent.labels) == ("Near the river?", {"requested": ("area",)})
    state = {"area": ("dontcare",), "food": ("japanese", "sushi")}
    assert second.labels == {"state": state, "requested": ("phone",)}
    assert (silence.text, last.labels) == ("", {"state": {}, "requested": ()})


def test_dev_is_the_validation_file(tmp_path: Path) -> None:
    write(tmp_path / "woz_validate_en.json", [TALK])
    write(tmp_path / "woz_test_en.json", [TALK])
    assert READER.splits(tmp_path) == ("val", "test")
    (talk,) = parse_source(f"woz2:{tmp_path}@dev", (READER,), "train").read()
    assert talk.id == "woz2:val:7"


def test_broken_rows_are_named(tmp_path: Path) -> None:
    broken = {"dialogue_idx": 8, "dialogue": [item("", [], "hi", [{"slots": [["food"], ["area", 3]]}, "food"]), {}]}
    write(tmp_path / "woz_train_en.json", [{"dialogue_idx": "x"}, broken])
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, "train")
    assert caught.value.problems == (
        "dialogue 0 is {'dialogue_idx': 'x'}, expected an object with dialogue_idx and dialogue",
        "dialogue 1: dialogue[0].belief_state[0].slots holds ['food'], expected a pair [slot, value]",
        "dialogue 1: dialogue[0].belief_state[0].slots holds ['area', 3], expected a pair [slot, value]",
        "dialogue 1: dialogue[0].belief_state[1] is 'food', expected an object with slots",
        "dialogue 1: dialogue[1] is {}, expected system_transcript, system_acts, transcript and belief_state",
    )


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of woz_train_en.json, woz_validate_en.json"):
        READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_figures() -> None:
    """Dialogues, turns (two for each item but the first), filled slots and requests of each split."""
    path = Path(DATA or "") / "woz2"
    expected = {
        "train": (600, 2 * 2_536 - 600, 5_421, 1_256),
        "val": (200, 2 * 830 - 200, 1_704, 398),
        "test": (400, 2 * 1_646 - 400, 3_510, 811),
    }
    assert READER.splits(path) == tuple(expected)
    ids = set()
    for split, figures in expected.items():
        talks = read(path, split)
        customers = [turn for talk in talks for turn in talk.turns if turn.speaker == "customer"]
        filled = sum(len(state) for turn in customers if isinstance(state := turn.labels["state"], dict))
        asked = sum(len(slots) for turn in customers if isinstance(slots := turn.labels["requested"], tuple))
        assert (len(talks), sum(len(talk.turns) for talk in talks), filled, asked) == figures
        assert all(turn.text for talk in talks for turn in talk.turns)
        ids.update(talk.id for talk in talks)
    assert len(ids) == 1_200
