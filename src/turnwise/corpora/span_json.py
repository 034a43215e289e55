"""Utterances with one value a slot, as PolyAI's span sets are published: a JSON list of user inputs with labels."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json


def read_spans(file: Path, prefix: str) -> Iterator[Dialogue]:
    """Yield a dialogue of one customer turn for each user input, with the id ``prefix:NUMBER``.

    A label's ``startIndex`` is left out in the files when it is 0, ``labels`` when there is none, and
    ``context.requestedSlots`` when the system asked for nothing: the turn's label ``requested`` is then empty. Raises
    CorpusError, at the end, with every problem.
    """
    numbers = count()

    def convert(row: object, at: str, problems: Problems) -> Dialogue | None:
        number = next(numbers)
        match row:
            case {"userInput": {"text": str(text)}}:
                assert isinstance(row, dict)
                spans = [_span(label, f"{at}: labels[{n}]", problems) for n, label in enumerate(row.get("labels", ()))]
                turn = {
                    "speaker": "customer",
                    "text": text,
                    "spans": {"slots": sorted(filter(None, spans), key=lambda span: (span["start"], span["end"]))},
                    "labels": {"requested": _requested(row.get("context", {}), at, problems)},
                }
                return from_json({"id": f"{prefix}:{number}", "turns": [turn]}, place=at)
        problems.add(f"{at} is {row!r:.60}, expected userInput with a text")
        return None

    return read_rows(file, convert)


def _span(label: object, place: str, problems: Problems) -> dict[str, Any] | None:
    match label:
        case {"slot": str(slot), "valueSpan": {"endIndex": int(end), "startIndex": int(start)}}:
            return {"start": start, "end": end, "label": slot}
        case {"slot": str(slot), "valueSpan": {"endIndex": int(end), **rest}} if "startIndex" not in rest:
            return {"start": 0, "end": end, "label": slot}
    problems.add(f"{place} is {label!r:.80}, expected slot and valueSpan with endIndex")
    return None


def _requested(context: object, at: str, problems: Problems) -> list[str]:
    match context:
        case {"requestedSlots": [*slots]} if all(isinstance(slot, str) for slot in slots):
            return slots
        case {**others} if "requestedSlots" not in others:
            return []
    problems.add(f"{at}: context is {context!r:.60}, expected requestedSlots to be names")
    return []
