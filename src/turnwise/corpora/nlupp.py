"""NLU++: several intents and slots an utterance, in 20 folds (Casanueva et al., 2022), as published: foldN.json.

The paper's low-data setting trains on one fold and tests on the others: ``@fold0`` and ``@not_fold0``; its
large-data setting is the reverse.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import existing, file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import CorpusError, InputError


def splits(path: Path) -> tuple[str, ...]:
    """fold0 to fold19."""
    folder = existing(path)
    below = [child.name for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else []
    if folder.is_dir() and not list(folder.glob("fold*.json*")):
        hint = f"; name one of its domains: {', '.join(str(path / name) for name in sorted(below))}" if below else ""
        raise InputError(f"the folder {path} holds no fold0.json{hint}")
    found = splits_of(path, (".json",))
    return tuple(split for split in found if split.startswith("fold")) if folder.is_dir() else found


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one fold; one without ``intents`` or ``slots`` is annotated as having none."""
    file = file_of(path, split, (".json",))
    rows = load_json(file)
    if not isinstance(rows, list):
        raise CorpusError(f"{file} is no NLU++ fold; expected a list of utterances")
    problems = Problems(file)
    domain = file.resolve().parent.name
    for number, row in enumerate(rows):
        try:
            yield from_json(_plain(row, f"nlupp:{split}:{domain}-{number}"), place=f"utterance {number}")
        except CorpusError as error:
            problems.add(*error.problems)
    problems.check()


def _plain(row: object, id: str) -> object:
    """The row as turnwise's own JSON."""
    if not isinstance(row, Mapping):
        return row
    slots = row.get("slots", {})
    turn = {
        "speaker": "customer",
        "text": row.get("text"),
        "labels": {"intent": row.get("intents", [])},
        "spans": {
            "slots": [_span(name, slot) for name, slot in slots.items()] if isinstance(slots, Mapping) else slots
        },
    }
    return {"id": id, "turns": [turn]}


def _span(name: str, slot: object) -> object:
    """``span`` is half-open; a slot has one ``value``, or an interval in ``values``."""
    match slot:
        case {"span": [start, end], **rest}:
            value = rest.get("value", rest.get("values"))
            return {"start": start, "end": end, "label": name, "value": _text(value)}
        case _:
            return slot


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


READER = Reader(
    name="nlupp",
    description="NLU++, several intents an utterance; PATH is the folder of banking or hotels; fold0 to fold19",
    layers=("intent", "slots"),
    source="Casanueva et al. (2022), NLU++: A Multi-Label, Slot-Rich, Generalisable Dataset",
    licence="CC BY 4.0",
    splits=splits,
    read=read,
)
