"""Schema-Guided Dialogue, on two dialogues written for the test and on the published counts."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.sgd import READER, read, splits
from turnwise.corpora.source import parse_source
from turnwise.dialogue import Dialogue, Span
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def action(act: str, slot: str = "", value: str | None = None, canonical: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"act": act, "slot": slot, "values": [] if value is None else [value]}
    return found if canonical is None else {**found, "canonical_values": [canonical]}


def state(intent: str, values: dict[str, list[str]], requested: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"active_intent": intent, "requested_slots": list(requested), "slot_values": values}


def frame(service: str, *spans: tuple[str, int, int], **more: Any) -> dict[str, Any]:
    slots = [{"slot": slot, "start": start, "exclusive_end": end} for slot, start, end in spans]
    return {"service": service, "slots": slots, **more}


def turn(speaker: str, utterance: str, *frames: dict[str, Any]) -> dict[str, Any]:
    return {"speaker": speaker, "utterance": utterance, "frames": list(frames)}


def full() -> dict[str, Any]:
    """Two services: a boat is found, then a bakery; the boat's state stays, and gets a second variant."""
    sail = [action("INFORM", "day", "Sunday", "2031-05-04"), action("INFORM_INTENT", "intent", "FindBoat", "FindBoat")]
    found = [action("OFFER", "boat", "Tern", "Tern"), action("OFFER", "boat", "Wren", "Wren"), action("REQ_MORE")]
    bread = [action("INFORM_INTENT", "intent", "FindBakery", "FindBakery"), action("REQUEST", "price")]
    return {
        "dialogue_id": "7_00001",
        "services": ["Boats_1", "Bakeries_2"],
        "turns": [
            turn(
                "USER",
                "A boat for Sunday",
                frame("Boats_1", ("day", 11, 17), actions=sail, state=state("FindBoat", {"day": ["Sunday"]})),
            ),
            turn("SYSTEM", "Tern or Wren?", frame("Boats_1", ("boat", 0, 4), ("boat", 8, 12), actions=found)),
            turn(
                "USER",
                "Wren. How much is bread?",
                frame("Bakeries_2", actions=bread, state=state("FindBakery", {"item": []}, ("price",))),
                frame(
                    "Boats_1",
                    ("boat", 0, 4),
                    actions=[action("SELECT", "boat", "Wren", "Wren")],
                    state=state("NONE", {"day": ["Sunday", "4 May"], "boat": ["Wren"]}),
                ),
            ),
            turn("SYSTEM", "Two coins", frame("Bakeries_2", actions=[action("INFORM", "price", "Two", "2")])),
            turn("USER", "Bye", frame("Bakeries_2", actions=[action("GOODBYE")], state=state("NONE", {}))),
        ],
    }


def challenge(hidden: bool) -> dict[str, Any]:
    intent, values = ("", {}) if hidden else ("FindBoat", {"day": ["Sunday"]})
    return {
        "dialogue_id": "9_00000",
        "services": ["Boats_1"],
        "turns": [
            turn("USER", "Sunday", frame("Boats_1", *([] if hidden else [("day", 0, 6)]), state=state(intent, values))),
            turn("SYSTEM", "Which boat?", frame("Boats_1", actions=[action("REQUEST", "boat")])),
        ],
    }


def write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(content).encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def dialogues(path: Path, split: str) -> list[Dialogue]:
    return list(read(path, split, DEFAULT_COLUMNS))


def test_every_layer_of_the_full_annotation(tmp_path: Path) -> None:
    write(tmp_path / "train/dialogues_001.json.gz", [full()])
    (found,) = dialogues(tmp_path, "train")
    assert (found.id, found.labels) == ("sgd:train:7_00001", {"domains": ("Boats_1", "Bakeries_2")})
    assert [turn.speaker for turn in found.turns] == ["customer", "agent", "customer", "agent", "customer"]
    first, offer, second, price, last = found.turns
    assert first.text == "A boat for Sunday"
    assert first.spans == {"slots": (Span(11, 17, "day", "2031-05-04"),)}
    assert first.labels == {
        "acts": ("INFORM", "INFORM_INTENT"),
        "intent": ("FindBoat",),
        "requested": (),
        "state": {"Boats_1.day": ("Sunday",)},
    }
    assert offer.labels == {"acts": ("OFFER", "REQ_MORE"), "requested": ()}
    assert offer.spans == {"slots": (Span(0, 4, "boat"), Span(8, 12, "boat"))}
    assert second.labels == {
        "acts": ("INFORM_INTENT", "REQUEST", "SELECT"),
        "intent": ("FindBakery",),
        "requested": ("Bakeries_2.price",),
        "state": {"Boats_1.day": ("Sunday", "4 May"), "Boats_1.boat": ("Wren",)},
    }
    assert price.spans == {"slots": ()}
    assert last.labels == {
        "acts": ("GOODBYE",),
        "intent": (),
        "requested": (),
        "state": {"Boats_1.day": ("Sunday", "4 May"), "Boats_1.boat": ("Wren",)},
    }


def test_the_challenge_release_has_no_acts_of_the_customer(tmp_path: Path) -> None:
    write(tmp_path / "dstc8_challenge_release/dev/dialogues_002.json", [challenge(hidden=False)])
    (found,) = dialogues(tmp_path, "challenge_dev")
    assert found.id == "sgd:challenge_dev:9_00000"
    assert found.turns[0].labels == {"intent": ("FindBoat",), "requested": (), "state": {"Boats_1.day": ("Sunday",)}}
    assert found.turns[0].spans == {"slots": (Span(0, 6, "day"),)}
    assert found.turns[1].labels == {"acts": ("REQUEST",), "requested": ("Boats_1.boat",)}


@pytest.mark.parametrize("path", ["dstc8_challenge_release/test", "test"])
def test_hidden_labels_leave_text_only_wherever_they_lie(tmp_path: Path, path: str) -> None:
    write(tmp_path / path / "dialogues_002.json", [challenge(hidden=True)])
    (split,) = splits(tmp_path)
    (found,) = dialogues(tmp_path, split)
    assert found.labels == {"domains": ("Boats_1",)}
    assert [(turn.text, turn.labels, turn.spans) for turn in found.turns] == [
        ("Sunday", {}, {}),
        ("Which boat?", {}, {}),
    ]


def test_splits_and_files_in_order(tmp_path: Path) -> None:
    for folder in ("test", "dstc8_challenge_release/train", "train"):
        for number in (2, 10):
            row = {**full(), "dialogue_id": f"{number}_0"}
            write(tmp_path / folder / f"dialogues_{number:03}.json", [row])
            write(tmp_path / folder / f"dialogues_{number:03}.json.gz", [row])
        write(tmp_path / folder / "schema.json", [])
    write(tmp_path / "train/dialogues_003.json", [{**full(), "turns": []}])
    source = parse_source(f"sgd:{tmp_path}", (READER,), None)
    assert source.splits == ("train", "test", "challenge_train")
    assert [d.id for d in source.read()] == [f"sgd:{s}:{n}_0" for s in source.splits for n in (2, 10)]


def broken(change: str) -> dict[str, Any]:
    row = full()
    turns = row["turns"]
    match change:
        case "span":
            turns[0]["frames"][0]["slots"][0]["exclusive_end"] = 99
        case "speaker":
            turns[1]["speaker"] = "WIZARD"
        case "frame":
            del turns[2]["frames"][1]["service"]
        case "state":
            turns[2]["frames"][0]["state"]["requested_slots"] = [3]
        case "values":
            turns[0]["frames"][0]["state"]["slot_values"]["day"] = "Sunday"
        case "action":
            turns[1]["frames"][0]["actions"][2] = "REQ_MORE"
        case "actions":
            turns[1]["frames"][0]["actions"] = {}
        case "slot":
            turns[1]["frames"][0]["slots"][1]["slot"] = []
    return row


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("span", "dialogue 1: turns[0].spans.slots[0].end is 99 but the text has 17 characters"),
        ("speaker", "dialogue 1: turns[1] is "),
        ("frame", "dialogue 1: turns[2].frames[1] is "),
        ("state", "dialogue 1: turns[2].frames[0].state is "),
        ("values", "dialogue 1: turns[0].labels.state.Boats_1.day is 'Sunday', expected a list"),
        ("action", "dialogue 1: turns[1].frames[0].actions[2] is 'REQ_MORE', expected an object with act"),
        ("actions", "dialogue 1: turns[1].frames[0].actions is {}, expected a list"),
        ("slot", "dialogue 1: turns[1].frames[0].slots[1] is "),
    ],
)
def test_broken_dialogues_are_named_and_the_others_read(tmp_path: Path, change: str, problem: str) -> None:
    write(tmp_path / "dev/dialogues_001.json", [full(), broken(change), 7])
    found = read(tmp_path, "dev", DEFAULT_COLUMNS)
    assert next(found).id == "sgd:dev:7_00001"
    with pytest.raises(CorpusError, match=r"dialogues_001.json has \d+ problems") as caught:
        next(found)
    assert caught.value.problems[0].startswith(problem)
    assert caught.value.problems[-1] == "dialogue 2 is 7, expected an object with dialogue_id, services and turns"


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder that holds train/dialogues_001.json"):
        splits(tmp_path)
    write(tmp_path / "train/dialogues_001.json", {})
    with pytest.raises(CorpusError, match=r"dialogues_001.json is no list of dialogues"):
        dialogues(tmp_path, "train")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("split", "count", "turns", "spans"),
    [
        ("dev", 2_098, 38_768, 26_910),
        ("challenge_dev", 384, 9_958, 7_132),
        ("challenge_test", 1_280, 34_868, 0),
    ],
)
def test_published_counts(split: str, count: int, turns: int, spans: int) -> None:
    check_counts(split, count, turns, spans)


@pytest.mark.long
@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("split", "count", "turns", "spans"),
    [
        ("train", 12_174, 223_756, 159_478),
        ("test", 2_921, 49_726, 34_197),
        ("challenge_train", 3_968, 106_208, 82_789),
    ],
)
def test_published_counts_of_the_large_parts(split: str, count: int, turns: int, spans: int) -> None:
    check_counts(split, count, turns, spans)


def check_counts(split: str, count: int, turns: int, spans: int) -> None:
    found: Counter[str] = Counter()
    ids: set[str] = set()
    for dialogue in read(Path(DATA or "") / "sgd", split, DEFAULT_COLUMNS):
        ids.add(dialogue.id)
        found["turns"] += len(dialogue.turns)
        for one in dialogue.turns:
            slots = one.spans.get("slots", ())
            found["spans"] += len(slots)
            found["outside"] += sum(not 0 <= span.start < span.end <= len(one.text) for span in slots)
            found[f"state of {one.speaker}"] += "state" in one.labels
            acts = one.labels.get("acts")
            requests = isinstance(acts, tuple) and "REQUEST" in acts
            found["unnamed"] += one.speaker == "agent" and requests != bool(one.labels.get("requested"))
    annotated = 0 if split == "challenge_test" else turns // 2
    expected = {"turns": turns, "spans": spans, "outside": 0, "state of customer": annotated, "state of agent": 0}
    expected["unnamed"] = 0
    assert (len(ids), dict(found)) == (count, expected)
