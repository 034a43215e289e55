"""SMD, also KVRET: drivers and an assistant in the car (Eric et al., 2017), as published: kvret_SPLIT_public.json.

The source notes on an assistant's turn which slots the driver before it filled and requested; both move to the last
driver's turn. Its ``slots`` are those of one turn: the state adds them up, a later value in place of an earlier one,
without the blanks around them. Its ``requested`` is true for filled slots too: the layer ``requested`` keeps those that
the same turn does not fill. A driver's turn that no assistant answers is not annotated. The domain is the task's
intent: schedule, navigate or weather. One training dialogue is empty and left out; ten empty turns are kept.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import split_file, split_files
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Turn

_FILES = {split: (f"kvret_{split}_public.json",) for split in ("train", "dev", "test")}
_EXPECTED = "the folder of SMD"


def splits(path: Path) -> tuple[str, ...]:
    """train, dev, test: those whose file is there."""
    return tuple(split_files(path, _FILES, _EXPECTED))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_rows(split_file(path, split, _FILES, _EXPECTED), partial(_dialogue, split))


def _dialogue(split: str, row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"dialogue": [*items], "scenario": {"uuid": str(id), "task": {"intent": str(task)}}}:
            turns = _turns(items, f"{at}: dialogue", problems)
            return Dialogue(f"smd:{split}:{id}", turns, {"domains": (task,)})
    problems.add(f"{at} is {row!r:.60}, expected dialogue and scenario, with uuid and task.intent")
    return None


def _turns(items: Sequence[object], at: str, problems: Problems) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    state: dict[str, tuple[str, ...]] = {}
    requested: dict[str, None] = {}
    driver: int | None = None
    for number, item in enumerate(items):
        match item:
            case {"turn": "driver", "data": {"utterance": str(text)}}:
                driver = len(turns)
                requested = {}
                turns.append(Turn("customer", text))
            case {
                "turn": "assistant",
                "data": {"utterance": str(text), "slots": dict(slots), "requested": dict(asked)},
            } if all(isinstance(value, str) for value in slots.values()):
                state = {**state, **{slot: (value.strip(),) for slot, value in slots.items() if value.strip()}}
                requested |= {slot: None for slot, wanted in asked.items() if wanted is True and slot not in slots}
                if driver is not None:
                    labels: dict[str, Label] = {"state": state, "requested": tuple(requested)}
                    turns[driver] = Turn("customer", turns[driver].text, labels=labels)
                turns.append(Turn("agent", text))
            case _:
                problems.add(
                    f"{at}[{number}] is {item!r:.60}, expected turn (driver or assistant) and data with utterance, "
                    "of an assistant also slots and requested"
                )
    return tuple(turns)


READER = Reader(
    name="smd",
    description="SMD (KVRET), an assistant in the car; PATH is the folder of kvret_train_public.json; train, dev, test",
    layers=("state", "requested", "domains"),
    source="Eric et al. (2017), Key-Value Retrieval Networks for Task-Oriented Dialogue",
    licence="unknown",
    splits=splits,
    read=read,
)
