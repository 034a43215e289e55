"""SMD: on a dialogue written for the test, and the published figures."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.smd import READER
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def driver(text: str) -> dict[str, Any]:
    return {"turn": "driver", "data": {"end_dialogue": False, "utterance": text}}


def assistant(text: str, slots: dict[str, Any], *requested: str) -> dict[str, Any]:
    asked = {slot: slot in requested for slot in ("poi", "distance", "address", "traffic_info")}
    return {"turn": "assistant", "data": {"utterance": text, "slots": slots, "requested": asked, "end_dialogue": True}}


def talk(id: str, *items: Any) -> dict[str, Any]:
    return {"dialogue": list(items), "scenario": {"uuid": id, "task": {"intent": "navigate"}, "kb": {"items": None}}}


TALK = talk(
    "u-1",
    driver("A bakery near here, what address?"),
    assistant("There is Crumb.", {"poi": "bakery ", "distance": "near"}, "poi", "distance", "address"),
    driver("Wait."),
    driver("No, Crust. Any jams?"),
    assistant("It is near.", {"poi": "crust"}, "poi"),
    assistant("", {}, "traffic_info"),
    driver("Thanks"),
)


def write(path: Path, rows: Any) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def test_annotation_moves_to_the_driver_and_the_state_adds_up(tmp_path: Path) -> None:
    write(tmp_path / "kvret_train_public.json", [talk("u-0"), TALK])
    write(tmp_path / "kvret_dev_public.json", [])
    assert READER.splits(tmp_path) == ("train", "dev")
    first = {"poi": ("bakery",), "distance": ("near",)}
    second = {"poi": ("crust",), "distance": ("near",)}
    assert read(tmp_path, "train") == [
        Dialogue(
            "smd:train:u-1",
            (
                Turn(
                    "customer",
                    "A bakery near here, what address?",
                    labels={"state": first, "requested": ("address",)},
                ),
                Turn("agent", "There is Crumb."),
                Turn("customer", "Wait."),
                Turn("customer", "No, Crust. Any jams?", labels={"state": second, "requested": ("traffic_info",)}),
                Turn("agent", "It is near."),
                Turn("agent", ""),
                Turn("customer", "Thanks"),
            ),
            {"domains": ("navigate",)},
        )
    ]


def test_broken_rows_are_named(tmp_path: Path) -> None:
    rows = [{"dialogue": []}, talk("u-2", {"turn": "car"}, assistant("hm", {"poi": 3})), TALK]
    write(tmp_path / "kvret_test_public.json", rows)
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, "test")
    starts = [
        "dialogue 0 is {'dialogue': []}, expected dialogue and scenario, with uuid and task.intent",
        "dialogue 1: dialogue[0] is {'turn': 'car'}, expected turn (driver or assistant) and data with utterance",
        "dialogue 1: dialogue[1] is {'turn': 'assistant', ",
    ]
    assert len(caught.value.problems) == len(starts)
    for problem, start in zip(caught.value.problems, starts, strict=True):
        assert problem.startswith(start)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of kvret_train_public.json, kvret_dev_public.json"):
        READER.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_figures() -> None:
    """2,425 training dialogues less the empty one, 302 and 304."""
    path = Path(DATA or "") / "smd"
    expected = {"train": (2_424, 6_433, 6_299), "dev": (302, 790, 777), "test": (304, 821, 808)}
    assert READER.splits(path) == tuple(expected)
    ids, slots, empty, annotated = set(), set(), 0, 0
    domains: Counter[Any] = Counter()
    for split, (dialogues, customers, agents) in expected.items():
        talks = read(path, split)
        turns = [turn for talk in talks for turn in talk.turns]
        assert len(talks) == dialogues
        assert Counter(turn.speaker for turn in turns) == {"customer": customers, "agent": agents}
        states = [turn.labels["state"] for turn in turns if "state" in turn.labels]
        annotated += len(states)
        slots.update(slot for state in states if isinstance(state, dict) for slot in state)
        empty += sum(not turn.text.strip() for turn in turns)
        ids.update(talk.id for talk in talks)
        domains.update(talk.labels["domains"] for talk in talks)
    assert len(ids) == 3_030
    assert (empty, annotated) == (10, 7_876)
    assert set(domains) == {("schedule",), ("navigate",), ("weather",)}
    assert {"poi", "location", "event", "weather_attribute"} <= slots
