"""ABCD, on dialogues written for the test and on the published sample."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.abcd import READER
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Span
from turnwise.errors import CorpusError, InputError


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def target(text: str, action: str | None = None, *values: Any) -> dict[str, Any]:
    step = None if action is None else "take_action"
    return {"speaker": "x", "text": text, "targets": ["late", step, action, list(values), -1], "candidates": []}


SCENARIO = {
    "personal": {"customer_name": "mia li", "member_level": "gold"},
    "order": {"num_products": 2, "products": ["lamp"]},
    "product": {"names": ["lamp"]},
    "flow": "shipping",
    "subflow": "late_2",
}
SAID = [
    ["action", "Opened."],
    ["agent", "Hello!"],
    ["customer", "Mail ML@x.org, order 77?"],
    ["action", "Account has been pulled up."],
    ["action", "Noted."],
    ["action", "Noted again."],
    ["customer", "thanks a lot"],
]
TARGETS = [
    target("opened.", "open"),
    target("hello!"),
    target("mail <email>, order <order_id>?"),
    target("account has been pulled up.", "pull-up", "mia li"),
    target("noted.", "note", "77", "mail"),
    target("noted again.", "note", 5),
    target("thank you"),
]
DIALOGUE = {"convo_id": 12, "scenario": SCENARIO, "original": SAID, "delexed": TARGETS}


def test_actions_are_labels_of_the_turn_before(tmp_path: Path) -> None:
    (tmp_path / "abcd_sample.json").write_text(json.dumps([DIALOGUE]), encoding="utf-8")
    assert READER.splits(tmp_path) == ("all",)
    (only,) = read(tmp_path, "all")
    assert only.id == "abcd:all:12"
    assert only.labels == {"intent": ("late",), "flow": "shipping", "subflow": "late_2"}
    assert only.profile == {"customer_name": "mia li", "member_level": "gold", "num_products": "2"}
    assert [(turn.speaker, turn.text) for turn in only.turns] == [
        ("agent", "Hello!"),
        ("customer", "Mail ML@x.org, order 77?"),
        ("customer", "thanks a lot"),
    ]
    assert [turn.labels for turn in only.turns] == [
        {"actions": {"open": ()}},
        {"actions": {"pull-up": ("mia li",), "note": ("77", "mail", "5")}},
        {"actions": {}},
    ]
    assert [turn.spans for turn in only.turns] == [
        {"masked": ()},
        {"masked": (Span(5, 13, "email"), Span(21, 23, "order_id"))},
        {},
    ]


def test_the_full_release_has_three_splits_and_may_lack_targets(tmp_path: Path) -> None:
    bare = {key: value for key, value in DIALOGUE.items() if key != "delexed"}
    silent = {**bare, "convo_id": 13, "original": [["action", "Noted."]]}
    content = {"train": [], "dev": [bare, silent], "test": []}
    (tmp_path / "abcd_v1.1.json.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    assert READER.splits(tmp_path) == ("train", "dev", "test")
    (only,) = read(tmp_path, "dev")
    assert only.id == "abcd:dev:12"
    assert "intent" not in only.labels
    assert (only.turns[1].labels, only.turns[1].spans) == ({}, {})
    assert read(tmp_path, "test") == []


def test_every_broken_dialogue_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    broken = {**DIALOGUE, "original": [["bot", "hm"], *SAID[1:]], "delexed": [{}, *TARGETS[1:]]}
    file.write_text(json.dumps([{**DIALOGUE, "delexed": []}, broken, {"convo_id": 1}, DIALOGUE]), encoding="utf-8")
    found = READER.read(file, "all", DEFAULT_COLUMNS)
    assert next(found).id == "abcd:all:12"
    with pytest.raises(CorpusError) as caught:
        next(found)
    assert [problem.split(" is ")[0] for problem in caught.value.problems] == [
        "all[0].delexed",
        "all[1].delexed[0]",
        "all[1].original[0]",
        "all[2]",
    ]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no abcd_v1\.1\.json or"):
        READER.splits(tmp_path)
    (tmp_path / "abcd_v1.0.json").write_text('{"train": 3}', encoding="utf-8")
    with pytest.raises(CorpusError, match="no ABCD file; expected a list of dialogues"):
        read(tmp_path, "train")


DATA = os.environ.get("TURNWISE_DATA")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    found = read(Path(DATA or "") / "abcd_sample", "all")
    assert [(dialogue.id, len(dialogue.turns)) for dialogue in found] == [
        ("abcd:all:3592", 25),
        ("abcd:all:9489", 19),
        ("abcd:all:3695", 19),
    ]
    assert [dialogue.labels["intent"] for dialogue in found] == [("return_size",), ("refund_status",), ("timing",)]
    turns = [turn for dialogue in found for turn in dialogue.turns]
    assert all("masked" in turn.spans for turn in turns)
    masked = [turn.text[span.start : span.end] for turn in turns for span in turn.spans["masked"]]
    profiles = {value for dialogue in found for value in dialogue.profile.values()}
    assert len(masked) == 7
    assert set(masked) <= profiles
    actions = [turn.labels["actions"] for turn in turns]
    assert sum(len(found) for found in actions if isinstance(found, dict)) == 9
