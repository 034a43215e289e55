"""STAR, on dialogues written for the test."""

import io
import json
import os
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import star
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(star.read(path, split, DEFAULT_COLUMNS))


def said(agent: str, text: Any, action: str = "utter", **more: Any) -> dict[str, Any]:
    return {"Agent": agent, "Action": action, "Text": text, **more}


def dialogue(
    events: list[Any], level: str = "Complete", domain: str | None = "kennel", happy: bool = True
) -> dict[str, Any]:
    capabilities = [{"Task": "kennel_book", "Domain": domain, "SchemaImage": "x.jpg"}]
    scenario = {"Happy": happy, "MultiTask": False, "Domains": [domain], "WizardCapabilities": capabilities}
    return {"CompletionLevel": level, "Events": events, "Scenario": scenario, "DialogueID": 7}


EVENTS = [
    said("UserGuide", "Board your dog.", "instruct"),
    said("User", "My dog needs a place "),
    said("Wizard", "name?", "request_suggestions"),
    said("Wizard", "What is its name?", "pick_suggestion", ActionLabel="ask_name", ActionLabelOptions=["ask_name"]),
    said("User", "Rex. Do dogs dream?"),
    {"Agent": "Wizard", "Action": "select_task", "Task": "kennel_book"},
    {"Agent": "Wizard", "Action": "query", "APIName": "kennel_book", "Constraints": []},
    {"Agent": "KnowledgeBase", "Action": "return_item", "APIName": "kennel_book", "Item": {}},
    said("Wizard", "I only know about kennels.", "pick_suggestion", ActionLabel="out_of_scope"),
    said("User", "fine"),
    said("Wizard", "There is room.", "pick_suggestion", ActionLabel="custom", ActionLabelOptions=["custom"]),
    said("Wizard", "Anything else?", ActionLabel="anything_else"),
    said("Wizard", "Bye"),
    {"Agent": "User", "Action": "complete"},
]


def write(folder: Path, files: dict[str, Any]) -> None:
    (folder / "dialogues").mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (folder / "dialogues" / name).write_text(text, encoding="utf-8")


def test_what_was_said_becomes_turns(tmp_path: Path) -> None:
    write(tmp_path, {"7.json": dialogue(EVENTS)})
    assert star.splits(tmp_path) == ("complete", "incomplete")
    (only,) = read(tmp_path, "complete")
    assert only.id == "star:complete:7"
    assert only.turns == (
        Turn("customer", "My dog needs a place ", labels={"handoff": False}),
        Turn("agent", "What is its name?", labels={"acts": ("ask_name",), "queries": ()}),
        Turn("customer", "Rex. Do dogs dream?", labels={"handoff": True}),
        Turn("agent", "I only know about kennels.", labels={"acts": ("out_of_scope",), "queries": ("kennel_book",)}),
        Turn("customer", "fine"),
        Turn("agent", "There is room.", labels={"queries": ()}),
        Turn("agent", "Anything else?", labels={"acts": ("anything_else",), "queries": ()}),
        Turn("agent", "Bye", labels={"queries": ()}),
    )
    assert only.labels == {
        "happy": True,
        "multi_task": False,
        "task": ("kennel_book",),
        "domains": ("kennel",),
        "out_of_scope": True,
        "completion": "Complete",
    }


def test_completion_makes_the_split_and_files_without_turns_are_skipped(tmp_path: Path) -> None:
    talk = [said("User", "hi")]
    write(
        tmp_path,
        {
            "2.json": dialogue(talk, "DisconnectDuringDialogue", happy=False),
            "10.json": dialogue(talk, "Complete", domain=None),
            "3.json": dialogue([], "EarlyDisconnectDuringDialogue"),
        },
    )
    (complete,) = read(tmp_path, "complete")
    (incomplete,) = read(tmp_path, "incomplete")
    assert (complete.id, complete.labels["domains"]) == ("star:complete:10", ("kennel_book",))
    assert (incomplete.id, incomplete.labels["happy"]) == ("star:incomplete:2", False)
    assert incomplete.labels["completion"] == "DisconnectDuringDialogue"
    assert incomplete.labels["out_of_scope"] is False


def test_an_archive_is_read_like_its_folder(tmp_path: Path) -> None:
    content = json.dumps(dialogue(EVENTS)).encode()
    with tarfile.open(tmp_path / "star.tar.xz", "w:xz") as tar:
        header = tarfile.TarInfo("dialogues/7.json")
        header.size = len(content)
        tar.addfile(header, io.BytesIO(content))
    write(tmp_path / "unpacked", {"7.json": dialogue(EVENTS)})
    assert read(tmp_path, "complete") == read(tmp_path / "unpacked", "complete") != []


def test_broken_files_are_named_and_the_others_read(tmp_path: Path) -> None:
    scenario = dialogue([])["Scenario"]
    talk = [said("User", "hi")]
    write(
        tmp_path,
        {
            "1.json": "{",
            "2.json": [],
            "3.json": dialogue([said("User", "hi"), said("Robot", "hi")]),
            "4.json": dialogue([said("User", 5)]),
            "5.json": {**dialogue(talk), "Scenario": {**scenario, "Happy": "yes"}},
            "6.json": {**dialogue(talk), "Scenario": {**scenario, "WizardCapabilities": [{"Task": 1}]}},
            "7.json": dialogue(talk),
        },
    )
    found = []
    with pytest.raises(CorpusError) as caught:
        for dialogue_ in star.read(tmp_path, "complete", DEFAULT_COLUMNS):
            found.append(dialogue_.id)
    assert found == ["star:complete:7"]
    one, two, three, four, five, six = caught.value.problems
    assert one.startswith("dialogues/1.json is not JSON: line 1, column 2")
    assert two == "dialogues/2.json is no dialogue; expected an object with CompletionLevel, Events, Scenario"
    assert three.startswith("dialogues/3.json: Events[1] is {'Agent': 'Robot', ")
    assert four == "dialogues/4.json: turns[0].text is 5, expected a text"
    assert five.startswith("dialogues/5.json: Scenario lacks Happy")
    assert six == "dialogues/6.json: Scenario.WizardCapabilities[0] is {'Task': 1}, expected Task and Domain"


def test_the_folder_must_hold_the_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds neither star.tar.xz"):
        star.splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    path = Path(DATA or "") / "star"
    turns: Counter[str] = Counter()
    picked: Counter[object] = Counter()
    failed: Counter[object] = Counter()
    ids: dict[str, set[str]] = {"complete": set(), "incomplete": set()}
    for split, seen in ids.items():
        for found in star.read(path, split, DEFAULT_COLUMNS):
            seen.add(found.id)
            turns[split] += len(found.turns)
            picked.update(turn.labels["acts"] for turn in found.turns if "acts" in turn.labels)
            failed.update(turn.labels["handoff"] for turn in found.turns if "handoff" in turn.labels)
            for before, turn in zip((None, *found.turns), found.turns, strict=False):
                if turn.labels.get("acts") == ("out_of_scope",):
                    assert before is not None
                    assert before.speaker == "customer"
    assert (len(ids["complete"]), len(ids["incomplete"])) == (5_820 - 2, 6_652 - 5_820 - 445)
    assert turns == {"complete": 106_064, "incomplete": 108_137 - 106_064}
    assert picked.total() == 46_640 - 668 + 49
    assert picked[("out_of_scope",)] == failed[True] == 764
