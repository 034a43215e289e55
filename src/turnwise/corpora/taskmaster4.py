"""Taskmaster-4: orders at a coffee bar, as published: data/data_NN.json, each a list of conversations.

From the Taskmaster repository; the series is described in Byrne et al. (2019). Layers: on customer turns ``api_calls``,
the functions that the turn makes the system call, each once, without their arguments and answers; ``spans["request"]``
marks a special request where the publisher marked one. The dialogue has its ``scenario``. The instructions to the
writers, templates of several kilobytes, are not read. There is no published split.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems, unexpected
from turnwise.corpora.locate import existing, files_like
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import InputError

_ALL = "all"
_SPEAKERS = {"user": "customer", "assistant": "agent"}


def splits(path: Path) -> tuple[str, ...]:
    """One, called all."""
    _files(existing(path))
    return (_ALL,)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the conversations, file by file."""
    for file in _files(existing(path)):
        yield from read_rows(file, partial(_dialogue, split))


def _files(folder: Path) -> list[Path]:
    found = files_like(folder / "data", "data_", ".json")
    if not found:
        raise InputError(f"{folder} is no folder that holds data/data_00.json")
    return found


def _dialogue(split: str, row: object, place: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"conversation_id": str(id), "vertical": str(domain), "scenario": str(scenario), "utterances": [*turns]}:
            found = {
                "id": f"taskmaster4:{split}:{id}",
                "turns": [_turn(turn, f"{place}: utterances[{index}]") for index, turn in enumerate(turns)],
                "labels": {"domains": [domain], "scenario": scenario},
            }
            return from_json(found, place=place) if turns else None
    raise unexpected(place, row, "an object with conversation_id, vertical, scenario and utterances")


def _turn(turn: object, place: str) -> dict[str, object]:
    match turn:
        case {
            "speaker": "user" | "assistant" as speaker,
            "text": text,
            "segments": [*segments],
            "annotations": [*notes],
        }:
            pass
        case _:
            raise unexpected(place, turn, "an object with speaker, text, segments and annotations")
    calls = [_call(note, f"{place}.annotations[{number}]") for number, note in enumerate(notes)]
    spans = [_span(segment, f"{place}.segments[{number}]") for number, segment in enumerate(segments)]
    return {
        "speaker": _SPEAKERS[speaker],
        "text": text,
        "labels": {"api_calls": [name for name in dict.fromkeys(calls) if name]} if speaker == "user" else {},
        "spans": {"request": spans} if spans else {},
    }


def _call(note: object, place: str) -> str | None:
    """The function that is called; None for a request or an answer, which belong to a call."""
    match note:
        case {"name": str(kind), "value": str(value)}:
            return value if kind == "api_call" else None
    raise unexpected(place, note, "an object with name and value")


def _span(segment: object, place: str) -> dict[str, object]:
    """Offsets are published as texts."""
    match segment:
        case {"start_index": str(start), "end_index": str(end), "annotations": [{"name": name}]} if (
            start.isdecimal() and end.isdecimal()
        ):
            return {"start": int(start), "end": int(end), "label": name}
    raise unexpected(place, segment, "an object with start_index, end_index and one annotation")


READER = Reader(
    name="taskmaster4",
    description="Taskmaster-4, orders at a coffee bar; PATH is its folder",
    layers=("api_calls", "request", "domains", "scenario"),
    source="Taskmaster-4 (Google Research); series: Byrne et al. (2019), Taskmaster-1: Toward a Realistic and Diverse "
    "Dialog Dataset",
    licence="CC BY 4.0",
    splits=splits,
    read=read,
)
