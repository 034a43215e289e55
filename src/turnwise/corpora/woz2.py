"""WOZ 2.0: restaurant search, typed (Wen et al., 2017; Mrksic et al., 2017), as published: English JSON files.

The split ``val`` is the file woz_validate_en.json. An item of a dialogue is a system transcript and the user transcript
after it; the first item has an empty system transcript, which is no turn. The state is the belief state without its
requests, which are the layer ``requested``: both on the customer's turn. On the agent's turn ``requested`` holds the
``system_acts`` that are the name of a slot; those that are a pair of a slot and a value are left out.
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

_FILES = {"train": ("woz_train_en.json",), "val": ("woz_validate_en.json",), "test": ("woz_test_en.json",)}
_EXPECTED = "the folder of WOZ 2.0"


def splits(path: Path) -> tuple[str, ...]:
    """train, val, test: those whose file is there."""
    return tuple(split_files(path, _FILES, _EXPECTED))


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_rows(split_file(path, split, _FILES, _EXPECTED), partial(_dialogue, split))


def belief(items: Sequence[object], at: str, problems: Problems) -> dict[str, Label]:
    """The layers ``state`` and ``requested`` of a belief state in the format of the Cambridge restaurant corpora.

    ``items``: objects whose ``slots`` are pairs, [slot, value] for the state and ["slot", slot] for a request.
    """
    state: dict[str, dict[str, None]] = {}
    requested: dict[str, None] = {}
    for number, item in enumerate(items):
        match item:
            case {"slots": [*pairs]}:
                for pair in pairs:
                    match pair:
                        case ["slot", str(slot)]:
                            requested[slot] = None
                        case [str(slot), str(value)]:
                            state.setdefault(slot, {})[value] = None
                        case _:
                            problems.add(f"{at}[{number}].slots holds {pair!r:.60}, expected a pair [slot, value]")
            case _:
                problems.add(f"{at}[{number}] is {item!r:.60}, expected an object with slots")
    return {"state": {slot: tuple(values) for slot, values in state.items()}, "requested": tuple(requested)}


def _dialogue(split: str, row: object, at: str, problems: Problems) -> Dialogue | None:
    match row:
        case {"dialogue_idx": int(id), "dialogue": [*items]}:
            found = (
                _turns(item, not number, f"{at}: dialogue[{number}]", problems) for number, item in enumerate(items)
            )
            return Dialogue(f"woz2:{split}:{id}", tuple(turn for turns in found for turn in turns))
    problems.add(f"{at} is {row!r:.60}, expected an object with dialogue_idx and dialogue")
    return None


def _turns(item: object, first: bool, at: str, problems: Problems) -> Iterator[Turn]:
    match item:
        case {
            "system_transcript": str(answer),
            "system_acts": [*acts],
            "transcript": str(text),
            "belief_state": [*beliefs],
        }:
            if answer or not first:
                asked = (act for act in acts if isinstance(act, str))
                yield Turn("agent", answer, labels={"requested": tuple(dict.fromkeys(asked))})
            yield Turn("customer", text, labels=belief(beliefs, f"{at}.belief_state", problems))
        case _:
            problems.add(f"{at} is {item!r:.60}, expected system_transcript, system_acts, transcript and belief_state")


READER = Reader(
    name="woz2",
    description="WOZ 2.0, restaurant search; PATH is the folder of woz_train_en.json; train, val, test",
    layers=("state", "requested"),
    source="Mrksic et al. (2017), Neural Belief Tracker: Data-Driven Dialogue State Tracking",
    licence="Apache 2.0 (repository)",
    splits=splits,
    read=read,
)
