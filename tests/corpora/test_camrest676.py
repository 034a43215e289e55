"""CamRest676: on a dialogue written for the test, and the published figures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.camrest676 import READER
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.source import parse_source
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")

USER = {
    "transcript": "A cheap noodle bar, and its address?",
    "slu": [
        {"act": "inform", "slots": [["food", "noodles"]]},
        {"act": "request", "slots": [["slot", "address"]]},
        {"act": "inform", "slots": [["slot", "phone"]]},
        {"act": "request", "slots": [["area", "dontcare"]]},
    ],
    "dialog_act": {"request": [["address", "?"]], "inform": [["food", "noodles"]]},
}
SYSTEM = {"sent": "How cheap?", "DA": ["pricerange", "area"], "dialog_act": {"request": [["pricerange", "?"]]}}
TALK = {"dialogue_id": 3, "goal": {"text": "Find noodles."}, "dial": [{"usr": USER, "sys": SYSTEM}]}


def write(path: Path, rows: Any) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def test_acts_state_and_requests(tmp_path: Path) -> None:
    write(tmp_path / "train.json", [TALK])
    (talk,) = read(tmp_path, "train")
    customer, agent = talk.turns
    assert (talk.id, talk.labels) == ("camrest676:train:3", {"scenario": "Find noodles."})
    assert (customer.speaker, customer.text) == ("customer", "A cheap noodle bar, and its address?")
    assert customer.labels == {
        "acts": ("request", "inform"),
        "state": {"food": ("noodles",), "area": ("dontcare",)},
        "requested": ("address", "phone"),
    }
    assert (agent.speaker, agent.text) == ("agent", "How cheap?")
    assert agent.labels == {"acts": ("request",), "requested": ("pricerange", "area")}


def test_dev_is_val(tmp_path: Path) -> None:
    write(tmp_path / "val.json", [TALK])
    write(tmp_path / "train.json", [])
    assert READER.splits(tmp_path) == ("train", "val")
    (talk,) = parse_source(f"camrest676:{tmp_path}@dev", (READER,), "train").read()
    assert talk.id == "camrest676:val:3"


def test_broken_rows_are_named(tmp_path: Path) -> None:
    dial = [
        {"usr": {**USER, "slu": [["food"]]}, "sys": SYSTEM},
        {"usr": USER, "sys": {**SYSTEM, "DA": [3]}},
        {"usr": {"transcript": "hi"}, "sys": SYSTEM},
    ]
    write(tmp_path / "test.json", [{"dialogue_id": 1}, {**TALK, "dial": dial}])
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, "test")
    starts = [
        "dialogue 0 is {'dialogue_id': 1}, expected an object with dialogue_id, dial and goal.text",
        "dialogue 1: dial[0].usr.slu[0] is ['food'], expected an object with slots",
        "dialogue 1: dial[1].sys is {'sent': 'How cheap?', 'DA': [3], ",
        "dialogue 1: dial[2] is {'usr': {'transcript': 'hi'}, ",
    ]
    assert len(caught.value.problems) == len(starts)
    for problem, start in zip(caught.value.problems, starts, strict=True):
        assert problem.startswith(start)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of train.json, val.json, test.json"):
        READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_figures() -> None:
    """Dialogues and turns of each split, two for each item; the slots of the state."""
    path = Path(DATA or "") / "camrest676"
    expected = {"train": (406, 2 * 1_671), "val": (135, 2 * 538), "test": (135, 2 * 535)}
    assert READER.splits(path) == tuple(expected)
    ids, slots = set(), set()
    for split, figures in expected.items():
        talks = read(path, split)
        every = [turn for talk in talks for turn in talk.turns]
        assert (len(talks), len(every)) == figures
        assert all(turn.text for turn in every)
        for turn in every[::2]:
            assert isinstance(turn.labels["state"], dict)
            slots.update(turn.labels["state"])
        ids.update(talk.id for talk in talks)
    assert len(ids) == 676
    assert slots == {"food", "area", "pricerange"}
