"""CamRest676: restaurant search, typed (Wen et al., 2017), in the three-way split of train, val and test files.

A turn of the source is a user's and a system's utterance. State and requests come from ``slu``, where a pair
["slot", NAME] is a request and any other pair a value: four turns name the opposite act. The acts are the keys of
``dialog_act``, which a later copy of the corpus added. On the agent's turn ``requested`` is the source's ``DA``.
The dialogue's ``scenario`` is the task that the user was given.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import read_rows
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import split_file, split_files
from turnwise.corpora.reader import Reader
from turnwise.corpora.woz2 import belief
from turnwise.dialogue import Dialogue, Label, Turn

_FILES = {split: (f"{split}.json",) for split in ("train", "val", "test")}
_EXPECTED = "the folder of CamRest676"


def splits(path: Path) -> tuple[str, ...]:
    """train, val, test: those whose file is there."""
    return tuple(split_files(path, _FILES, _EXPECTED))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_rows(split_file(path, split, _FILES, _EXPECTED), partial(_dialogue, split))


def _dialogue(split: str, row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"dialogue_id": int(id), "dial": [*items], "goal": {"text": str(task)}}:
            found = (_turns(item, f"{at}: dial[{number}]", problems) for number, item in enumerate(items))
            turns = tuple(turn for pair in found for turn in pair)
            return Dialogue(f"camrest676:{split}:{id}", turns, {"scenario": task})
    problems.add(f"{at} is {row!r:.60}, expected an object with dialogue_id, dial and goal.text")
    return None


def _turns(item: object, at: str, problems: Problems) -> Iterator[Turn]:
    match item:
        case {"usr": {"transcript": str(text), "slu": [*slu], "dialog_act": dict(acts)}, "sys": dict(answer)}:
            labels: dict[str, Label] = {"acts": tuple(acts), **belief(slu, f"{at}.usr.slu", problems)}
            yield Turn("customer", text, labels=labels)
            yield from _agent(answer, at, problems)
        case _:
            problems.add(f"{at} is {item!r:.60}, expected usr, with transcript, slu and dialog_act, and sys")


def _agent(answer: object, at: str, problems: Problems) -> Iterator[Turn]:
    match answer:
        case {"sent": str(text), "DA": [*asked], "dialog_act": dict(acts)} if _names(asked):
            requested = tuple(dict.fromkeys(str(slot) for slot in asked))
            yield Turn("agent", text, labels={"acts": tuple(acts), "requested": requested})
        case _:
            problems.add(f"{at}.sys is {answer!r:.60}, expected sent, DA (a list of slots) and dialog_act")


def _names(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)


READER = Reader(
    name="camrest676",
    description="CamRest676, restaurant search; PATH is the folder of train.json, val.json and test.json",
    layers=("acts", "state", "requested", "scenario"),
    source="Wen et al. (2017), A Network-based End-to-End Trainable Task-oriented Dialogue System",
    licence="unknown",
    splits=splits,
    read=read,
)
