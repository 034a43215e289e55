"""MobileCS: customers of a Chinese mobile operator and its service, transcribed calls (Ou et al., 2022), as published.

A dialogue is a list of exchanges, each with the words of the service (``[SPEAKER 1]``) and of the customer
(``[SPEAKER 2]``). Who comes first in an exchange spoke first, and a position's speaker counts in that order. A side
without words is left out. ``_`` in a text is a pause. CMCC annotates the same calls further, with
emotions, acts of care and satisfaction, which this format does not hold. Files without annotations can be read too.

- ``labels["intent"]`` of the customer, without what stands in brackets, which is what is asked for:
  ``labels["requested"]``, as ``slot`` or ``entity.slot``.
- ``labels["acts"]`` of the service.
- ``spans["entities"]``: the label is the entity's type, the value its id in the dialogue, which later mentions share.
- ``spans["slots"]``: the label is the property; ``labels["triples"]`` says whose it is: ``entity.property`` to its
  values, where the entity ``NA`` is the customer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Span, Speaker, Turn

_SUFFIXES = (".json",)
_SPEAKERS: dict[str, Speaker] = {"[SPEAKER 1]": "agent", "[SPEAKER 2]": "customer"}
_INTENTS: dict[Speaker, str] = {"agent": "客服意图", "customer": "用户意图"}
_COMMA = re.compile(r"[,，](?![^（(]*[)）])")
_BRACKETS = re.compile(r"[（(]([^)）]*)[)）]")
_ENTITY = re.compile(r"^(ent-\d+|NA)-")
_Marks = dict[Speaker, list[tuple[Span, str]]]


def splits(path: Path) -> tuple[str, ...]:
    """A file is one split, called by its stem; a folder has the stems of its .json files."""
    return splits_of(path, _SUFFIXES)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_rows(file_of(path, split, _SUFFIXES), partial(_dialogue, split))


def _dialogue(split: str, row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"id": str(name), "content": list(exchanges)}:
            turns = (
                turn
                for number, exchange in enumerate(exchanges)
                for turn in _exchange(exchange, f"{at}: content[{number}]", problems)
            )
            return Dialogue(f"mobilecs:{split}:{name}", tuple(turns))
    problems.add(f"{at} is {row!r:.60}, expected an object with id and content")
    return None


def _exchange(exchange: object, place: str, problems: Problems) -> Iterator[Turn]:
    if not isinstance(exchange, dict) or not all(isinstance(exchange.get(key), str) for key in _SPEAKERS):
        problems.add(f"{place} is {exchange!r:.60}, expected an object with [SPEAKER 1] and [SPEAKER 2]")
        return
    said = {_SPEAKERS[key]: text for key, text in exchange.items() if key in _SPEAKERS}
    info = exchange.get("info")
    entities = _entities(info, said, f"{place}.info", problems)
    triples = _triples(info, said, f"{place}.info", problems)
    for speaker, text in said.items():
        if not text:
            continue
        labels = _labels(speaker, exchange.get(_INTENTS[speaker]), f"{place}.{_INTENTS[speaker]}", problems)
        spans = {}
        if info is not None:
            spans = {"entities": _sorted(entities[speaker]), "slots": _sorted(triples[speaker])}
            labels["triples"] = _by_entity(text, triples[speaker])
        yield Turn(speaker, text, spans=spans, labels=labels)


def _labels(speaker: Speaker, names: object, place: str, problems: Problems) -> dict[str, Label]:
    if names is None:
        return {}
    if not isinstance(names, str):
        problems.add(f"{place} is {names!r:.60}, expected names with commas between them")
        return {}
    given = [name.strip() for name in _COMMA.split(names) if name.strip()]
    bare = tuple(dict.fromkeys(_BRACKETS.sub("", name) for name in given))
    if speaker == "agent":
        return {"acts": bare}
    asked = (slot.strip() for name in given for found in _BRACKETS.findall(name) for slot in re.split("[,，]", found))
    return {"intent": bare, "requested": tuple(dict.fromkeys(_ENTITY.sub(r"\1.", slot) for slot in asked if slot))}


def _entities(info: object, said: Mapping[Speaker, str], place: str, problems: Problems) -> _Marks:
    """The mentions of entities, each with its entity's id."""
    marks: _Marks = {speaker: [] for speaker in said}
    for number, entity in enumerate(_listed(info, "ents", place, problems)):
        match entity:
            case {"id": str(id), "type": str(kind), "pos": list(positions)}:
                for position in positions:
                    _mark(position, kind, id, id, said, marks, f"{place}.ents[{number}]", problems)
            case _:
                problems.add(f"{place}.ents[{number}] is {entity!r:.60}, expected an object with id, type and pos")
    return marks


def _triples(info: object, said: Mapping[Speaker, str], place: str, problems: Problems) -> _Marks:
    """The values of properties, each with the id of the entity that has it."""
    marks: _Marks = {speaker: [] for speaker in said}
    for number, triple in enumerate(_listed(info, "triples", place, problems)):
        match triple:
            case {"ent-id": str(id), "prop": str(prop), "pos": list(position)}:
                _mark(position, prop, None, id, said, marks, f"{place}.triples[{number}]", problems)
            case _:
                problems.add(
                    f"{place}.triples[{number}] is {triple!r:.60}, expected an object with ent-id, prop and pos"
                )
    return marks


def _listed(info: object, name: str, place: str, problems: Problems) -> Sequence[object]:
    if info is None:
        return ()
    found = info.get(name) if isinstance(info, Mapping) else None
    if not isinstance(found, list):
        problems.add(f"{place}.{name} is {found!r:.60}, expected a list")
        return ()
    return found


def _mark(
    position: object,
    label: str,
    value: str | None,
    entity: str,
    said: Mapping[Speaker, str],
    marks: _Marks,
    place: str,
    problems: Problems,
) -> None:
    """Note a span for the speaker, first or second in the exchange, that the position names."""
    speakers = tuple(said)
    match position:
        case [1 | 2 as who, int(start), int(end)] if 0 <= start < end <= len(said[speakers[who - 1]]):
            marks[speakers[who - 1]].append((Span(start, end, label, value), entity))
        case _:
            problems.add(f"{place}.pos is {position!r:.60}, expected speaker (1 or 2), start and end within the text")


def _sorted(marks: Sequence[tuple[Span, str]]) -> tuple[Span, ...]:
    return tuple(sorted((span for span, _ in marks), key=lambda span: (span.start, span.end)))


def _by_entity(text: str, marks: Sequence[tuple[Span, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for span, entity in marks:
        key = f"{entity}.{span.label}"
        found[key] = (*found.get(key, ()), text[span.start : span.end])
    return found


READER = Reader(
    name="mobilecs",
    description="MobileCS, Chinese; PATH is a folder of files like example.json, each a split, or one of them",
    layers=("intent", "requested", "acts", "entities", "slots", "triples"),
    source="Ou et al. (2022), A Challenge on Semi-Supervised and Reinforced Task-Oriented Dialog Systems",
    licence="not stated",
    splits=splits,
    read=read,
)
