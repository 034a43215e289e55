"""MultiWOZ 2.1, on a dialogue written for the test and on the published counts."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.multiwoz21 import READER, read, splits
from turnwise.corpora.source import parse_source
from turnwise.dialogue import Dialogue, Span
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def turn(text: str, acts: dict[str, Any], *spans: list[Any], metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"text": text, "metadata": metadata or {}, "dialog_act": acts, "span_info": list(spans)}


def belief(price: str, day: str) -> dict[str, Any]:
    return {
        "hotel": {
            "semi": {"pricerange": price, "name": "not mentioned", "area": ""},
            "book": {"booked": [{"name": "inn", "reference": "X1"}], "day": day},
        },
        "taxi": {"semi": {"leaveAt": "none"}, "book": {"booked": []}},
    }


def example() -> dict[str, Any]:
    return {
        "goal": {"taxi": {}, "hotel": {"info": {"day": "monday"}}, "topic": {"hotel": True}, "message": ["Find one"]},
        "log": [
            turn(
                "A cheap  place\tfor two , moderately priced .",
                {"Hotel-Inform": [["Price", "cheap"], ["People", "2"], ["Price", "moderate"]]},
                ["Hotel-Inform", "Price", "cheap", 1, 1],
                ["Hotel-Inform", "People", "2", 4, 4],
                ["Hotel-Inform", "Price", "moderate", 6, 7],
                ["Hotel-Inform", "Price", "moderate", 6, 7],
                ["Hotel-Inform", "Price", "cheap", 3, 2],
            ),
            turn("Which day ?", {"Booking-Request": [["Day", "?"]]}, metadata=belief("cheap|moderate", "")),
            turn("Monday , I guess .", {}),
            turn(
                "Done , and welcome .",
                {"Booking-Book": [["none", "none"]], "general-welcome": [["none", "none"]]},
                metadata=belief("cheap>moderate", "monday"),
            ),
            turn("Bye .", {"general-bye": [["none", "none"]]}),
        ],
    }


def write(file: Path, content: object) -> None:
    data = json.dumps(content).encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def dialogues(path: Path, split: str) -> list[Dialogue]:
    return list(read(path, split, DEFAULT_COLUMNS))


def test_every_layer(tmp_path: Path) -> None:
    write(tmp_path / "val.json.gz", {"SNG01.json": example()})
    (found,) = dialogues(tmp_path, "val")
    assert (found.id, found.labels) == ("multiwoz21:val:SNG01", {"domains": ("hotel",)})
    assert [turn.speaker for turn in found.turns] == ["customer", "agent", "customer", "agent", "customer"]
    first, ask, second, done, bye = found.turns
    assert first.text == "A cheap  place\tfor two , moderately priced ."
    assert first.labels == {"acts": ("Hotel-Inform",), "state": {"hotel.pricerange": ("cheap", "moderate")}}
    assert first.spans == {
        "slots": (Span(2, 7, "Price"), Span(19, 22, "People", "2"), Span(25, 42, "Price", "moderate"))
    }
    assert (ask.labels, ask.spans) == ({"acts": ("Booking-Request",)}, {"slots": ()})
    assert second.labels == {"state": {"hotel.pricerange": ("cheap>moderate",), "hotel.book-day": ("monday",)}}
    assert second.spans == {}
    assert done.labels == {"acts": ("Booking-Book", "general-welcome")}
    assert bye.labels == {"acts": ("general-bye",)}


def test_splits_are_the_files_that_are_there(tmp_path: Path) -> None:
    write(tmp_path / "test.json", {"MUL1": example()})
    write(tmp_path / "val.json", {"MUL2": example(), "MUL3": {"goal": {}, "log": []}})
    write(tmp_path / "ontology21.json", {})
    source = parse_source(f"multiwoz21:{tmp_path}", (READER,), None)
    assert source.splits == ("val", "test")
    assert [dialogue.id for dialogue in source.read()] == ["multiwoz21:val:MUL2", "multiwoz21:test:MUL1"]


def broken(change: str) -> dict[str, Any]:
    row = example()
    log = row["log"]
    match change:
        case "goal":
            del row["goal"]
        case "text":
            log[0]["text"] = None
        case "acts":
            log[1]["dialog_act"] = "No Annotation"
        case "metadata":
            del log[3]["metadata"]
        case "domain":
            log[1]["metadata"]["hotel"] = "cheap"
        case "value":
            log[1]["metadata"]["hotel"]["semi"]["area"] = 4
        case "span":
            log[0]["span_info"][1] = ["Hotel-Inform", "People", "2", 4]
        case "tokens":
            log[0]["span_info"][1] = ["Hotel-Inform", "People", "2", 8, 9]
    return row


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("goal", "MUL2 is "),
        ("text", "MUL2: log[0] is "),
        ("acts", "MUL2: log[1] is "),
        ("metadata", "MUL2: log[3] is "),
        ("domain", "MUL2: log[1].metadata.hotel is 'cheap', expected an object with semi and book"),
        ("value", "MUL2: log[1].metadata.hotel, area is 4, expected a text"),
        ("span", "MUL2: log[0].span_info[1] is ['Hotel-Inform', 'People', '2', 4], expected [act, slot, value"),
        ("tokens", "MUL2: log[0].span_info[1] is ['Hotel-Inform', 'People', '2', 8, 9], expected tokens from 0 to 8"),
    ],
)
def test_broken_dialogues_are_named_and_the_others_read(tmp_path: Path, change: str, problem: str) -> None:
    write(tmp_path / "test.json", {"MUL1": example(), "MUL2": broken(change), "MUL3": []})
    found = read(tmp_path, "test", DEFAULT_COLUMNS)
    assert next(found).id == "multiwoz21:test:MUL1"
    with pytest.raises(CorpusError, match=r"test.json has \d+ problems") as caught:
        next(found)
    assert caught.value.problems[0].startswith(problem)
    assert caught.value.problems[-1] == "MUL3 is [], expected an object with goal and log"


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"holds none of train.json, val.json, test.json; name the folder of MultiWOZ 2.1"
    ):
        splits(tmp_path)
    write(tmp_path / "val.json", [])
    with pytest.raises(CorpusError, match=r"val.json is no MultiWOZ file; expected an object with a dialogue"):
        dialogues(tmp_path, "val")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("split", "count", "turns", "annotated"), [("val", 999, 14_730, 14_039), ("test", 1_000, 14_744, 14_091)]
)
def test_published_counts(split: str, count: int, turns: int, annotated: int) -> None:
    folder = Path(DATA or "") / "multiwoz21"
    names = json.loads((folder / "ontology21.json").read_text(encoding="utf-8"))
    slots = {name.replace("-semi-", "-").replace("-", ".", 1) for name in names}
    found: Counter[str] = Counter()
    ids: set[str] = set()
    for dialogue in read(folder, split, DEFAULT_COLUMNS):
        ids.add(dialogue.id.removeprefix(f"multiwoz21:{split}:"))
        found["turns"] += len(dialogue.turns)
        for one in dialogue.turns:
            state = one.labels.get("state")
            assert isinstance(state, dict) == (one.speaker == "customer")
            assert not isinstance(state, dict) or state.keys() <= slots
            found["acts"] += "acts" in one.labels
            found["outside"] += sum(not 0 <= s.start < s.end <= len(one.text) for s in one.spans.get("slots", ()))
    assert (len(ids), dict(found)) == (count, {"turns": turns, "acts": annotated, "outside": 0})
    assert ids == set((folder / f"{split}ListFile").read_text(encoding="utf-8").split())
