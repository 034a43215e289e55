"""Taskmaster-4, on conversations written for the test and on the published counts."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.source import parse_source
from turnwise.corpora.taskmaster4 import READER, read, splits
from turnwise.dialogue import Span
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def note(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "context": f"{name}_0"}


def utterance(speaker: str, text: str, *notes: object, segments: tuple[object, ...] = ()) -> dict[str, Any]:
    return {"index": 0, "speaker": speaker, "text": text, "segments": list(segments), "annotations": list(notes)}


def segment(start: object, end: object) -> dict[str, Any]:
    return {"start_index": start, "end_index": end, "text": "", "annotations": [{"name": "request"}]}


def conversation(id: str, *utterances: dict[str, Any]) -> dict[str, Any]:
    return {
        "conversation_id": id,
        "vertical": "Tea",
        "scenario": "two pots",
        "instructions": None,
        "utterances": list(utterances),
    }


def write(file: Path, content: object) -> None:
    file.parent.mkdir(exist_ok=True)
    data = json.dumps(content).encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def example(id: str = "dlg-1") -> dict[str, Any]:
    calls = ("find_tea", "add_pot", "find_tea")
    notes = [one for call in calls for one in (note("api_call", call), note("request", "{}"), note("response", "{}"))]
    return conversation(
        id,
        utterance("user", "Mint tea, very hot", *notes, segments=(segment("10", "18"),)),
        utterance("assistant", "Anything else?"),
        utterance("user", "No"),
    )


def test_every_layer(tmp_path: Path) -> None:
    write(tmp_path / "data/data_00.json", [example(), conversation("dlg-empty")])
    (found,) = read(tmp_path, "all", DEFAULT_COLUMNS)
    assert (found.id, found.labels) == ("taskmaster4:all:dlg-1", {"domains": ("Tea",), "scenario": "two pots"})
    assert [(turn.speaker, turn.text) for turn in found.turns] == [
        ("customer", "Mint tea, very hot"),
        ("agent", "Anything else?"),
        ("customer", "No"),
    ]
    order, ask, no = found.turns
    assert order.labels == {"api_calls": ("find_tea", "add_pot")}
    assert order.spans == {"request": (Span(10, 18, "request"),)}
    assert (ask.labels, ask.spans) == ({}, {})
    assert (no.labels, no.spans) == ({"api_calls": ()}, {})


def test_files_are_read_in_order(tmp_path: Path) -> None:
    for number in (10, 2):
        write(tmp_path / f"data/data_{number:02}.json.gz", [example(f"dlg-{number}")])
    source = parse_source(f"taskmaster4:{tmp_path}", (READER,), "train")
    assert source.splits == ("all",)
    assert [found.id for found in source.read()] == ["taskmaster4:all:dlg-2", "taskmaster4:all:dlg-10"]


@pytest.mark.parametrize(
    ("turn", "problem"),
    [
        ("Mint", "dialogue 1: utterances[0] is 'Mint', expected an object with speaker, text, segments and"),
        (utterance("waiter", "Mint"), "dialogue 1: utterances[0] is "),
        (utterance("user", "Mint", {"name": "api_call"}), "dialogue 1: utterances[0].annotations[0] is "),
        (utterance("user", "Mint", segments=(segment("1", "x"),)), "dialogue 1: utterances[0].segments[0] is "),
        (
            utterance("user", "Mint", segments=(segment("1", "9"),)),
            "dialogue 1: turns[0].spans.request[0].end is 9",
        ),
        (utterance("user", None), "dialogue 1: turns[0].text is None"),  # type: ignore[arg-type]
    ],
)
def test_broken_conversations_are_named_and_the_others_read(tmp_path: Path, turn: Any, problem: str) -> None:
    write(tmp_path / "data/data_00.json", [example(), conversation("dlg-2", turn), None])
    found = read(tmp_path, "all", DEFAULT_COLUMNS)
    assert next(found).id == "taskmaster4:all:dlg-1"
    with pytest.raises(CorpusError, match=r"data_00.json has 2 problems") as caught:
        next(found)
    first, second = caught.value.problems
    assert first.startswith(problem)
    assert second.startswith("dialogue 2 is None, expected an object with conversation_id, vertical, scenario")


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder that holds data/data_00.json"):
        splits(tmp_path)
    write(tmp_path / "data/data_00.json", {})
    with pytest.raises(CorpusError, match=r"data_00.json is no list of dialogues"):
        list(read(tmp_path, "all", DEFAULT_COLUMNS))


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_counts() -> None:
    ids: set[str] = set()
    found: Counter[str] = Counter()
    for dialogue in read(Path(DATA or "") / "taskmaster4", "all", DEFAULT_COLUMNS):
        ids.add(dialogue.id)
        for turn in dialogue.turns:
            marked = turn.spans.get("request", ())
            found["turns"] += 1
            found["with calls"] += bool(turn.labels.get("api_calls"))
            found["spans"] += len(marked)
            found["outside"] += sum(not 0 <= span.start < span.end <= len(turn.text) for span in marked)
    assert len(ids) == 3_710
    assert found == {"turns": 13_915, "with calls": 6_770, "spans": 82, "outside": 0}
