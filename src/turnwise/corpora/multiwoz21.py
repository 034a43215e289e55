"""MultiWOZ 2.1 (Eric et al., 2020), as published, with the acts and spans of the ConvLab-3 copy.

PATH is the folder of ``train.json``, ``val.json`` and ``test.json``, of which some may be missing. Layers:

- ``acts``, such as Hotel-Inform, and the spans of their values. A turn without any act was not annotated: both layers
  are absent there.
- ``state`` on customer turns, from the metadata of the system's answer. Keys are those of ``ontology21.json`` without
  ``semi`` and with a dot after the domain: hotel.pricerange, hotel.book-day. Several values that stand in one, divided
  by ``|``, are all accepted; ``not mentioned`` and ``none`` are not filled.
- ``slots``: token spans as characters, called as in the acts (Price, Area). ``value`` is the normal form where it
  differs from the text. A few published spans end before they start; they are dropped.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems, unexpected
from turnwise.corpora.locate import split_file, split_files
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import CorpusError

_FILES = {split: (f"{split}.json",) for split in ("train", "val", "test")}
_EXPECTED = "the folder of MultiWOZ 2.1"
_NOT_FILLED = ("", "not mentioned", "none")
_NO_DOMAINS = ("topic", "message")


def splits(path: Path) -> tuple[str, ...]:
    """train, val, test: those whose file is there."""
    return tuple(split_files(path, _FILES, _EXPECTED))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    file = split_file(path, split, _FILES, _EXPECTED)
    rows = load_json(file)
    if not isinstance(rows, dict):
        raise CorpusError(f"{file} is no MultiWOZ file; expected an object with a dialogue for each id")
    problems = Problems(file)
    for name, row in rows.items():
        try:
            found = _dialogue(row, f"multiwoz21:{split}:{name.removesuffix('.json')}", name)
            dialogue = from_json(found, place=name) if found["turns"] else None
        except CorpusError as error:
            problems.add(*error.problems)
        else:
            if dialogue is not None:
                yield dialogue
    problems.check()


def _dialogue(row: object, id: str, place: str) -> dict[str, object]:
    """The row as turnwise's own JSON."""
    match row:
        case {"goal": {**goal}, "log": [*log]}:
            pass
        case _:
            raise unexpected(place, row, "an object with goal and log")
    states = [_state(turn, f"{place}: log[{number}]") for number, turn in enumerate(log)]
    turns = [
        _turn(turn, number, states[number + 1] if number % 2 == 0 and number + 1 < len(log) else None, place)
        for number, turn in enumerate(log)
    ]
    domains = [key for key, value in goal.items() if value and key not in _NO_DOMAINS]
    return {"id": id, "turns": turns, "labels": {"domains": domains}}


def _turn(turn: object, number: int, state: object, place: str) -> dict[str, object]:
    """Customers have the even turns; ``state`` is None where there is none."""
    at = f"{place}: log[{number}]"
    match turn:
        case {"text": str(text), "dialog_act": {**acts}, "span_info": [*spans]}:
            pass
        case _:
            raise unexpected(at, turn, "an object with text, metadata, dialog_act and span_info")
    labels: dict[str, object] = {} if state is None else {"state": state}
    layers: dict[str, object] = {}
    if acts:
        labels["acts"] = list(acts)
        found = [_span(span, text, f"{at}.span_info[{index}]") for index, span in enumerate(spans)]
        layers["slots"] = [span for index, span in enumerate(found) if span and span not in found[:index]]
    return {"speaker": "agent" if number % 2 else "customer", "text": text, "labels": labels, "spans": layers}


def _state(turn: object, place: str) -> dict[str, list[str]] | None:
    """The belief state in a system turn's metadata; None when there is no metadata."""
    match turn:
        case {"metadata": {**metadata}}:
            pass
        case _:
            raise unexpected(place, turn, "an object with text, metadata, dialog_act and span_info")
    state: dict[str, list[str]] = {}
    for domain, slots in metadata.items():
        match slots:
            case {"semi": {**semi}, "book": {**book}}:
                named = [*semi.items(), *((f"book-{slot}", book[slot]) for slot in book if slot != "booked")]
            case _:
                raise unexpected(f"{place}.metadata.{domain}", slots, "an object with semi and book")
        for slot, value in named:
            if not isinstance(value, str):
                raise unexpected(f"{place}.metadata.{domain}, {slot}", value, "a text")
            if value not in _NOT_FILLED:
                state[f"{domain}.{slot}"] = value.split("|")
    return state if metadata else None


def _span(span: object, text: str, place: str) -> dict[str, object] | None:
    """A span of tokens, the last one included, as characters; None for one that ends before it starts."""
    match span:
        case [str(), str(slot), str(value), int(first), int(last)]:
            tokens = list(re.finditer(r"\S+", text))
        case _:
            raise unexpected(place, span, "[act, slot, value, first token, last token]")
    if last < first:
        return None
    if not 0 <= first <= last < len(tokens):
        raise unexpected(place, span, f"tokens from 0 to {len(tokens) - 1}")
    start, end = tokens[first].start(), tokens[last].end()
    return {"start": start, "end": end, "label": slot, "value": None if value == text[start:end] else value}


READER = Reader(
    name="multiwoz21",
    description="MultiWOZ 2.1; PATH is its folder; train, val and test, those that are there",
    layers=("acts", "state", "slots", "domains"),
    source="Eric et al. (2020), MultiWOZ 2.1: A Consolidated Multi-Domain Dialogue Dataset with State Corrections and "
    "State Tracking Baselines",
    licence="MIT as listed in the DialoGLUE README; source repository Apache 2.0",
    splits=splits,
    read=read,
)
