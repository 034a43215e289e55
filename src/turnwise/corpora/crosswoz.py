"""CrossWOZ: Chinese dialogues about sights, restaurants, hotels, metro and taxi in Beijing (Zhu et al., 2020).

- ``labels["acts"]``: the names of the acts; those called General are told apart by what they do: ``General-thank``.
- ``labels["state"]`` of a customer's turn is ``sys_state_init`` of the answer, the first database query that the desk
  makes of what the customer has said, which is what state tracking predicts on this corpus. ``sys_state``, the query
  after the desk relaxed it, and ``user_state``, the customer's goal, are left out, and so are ``selectedResults``.
  Several dishes or hotel services stay one value with a blank between, as published.
- ``labels["requested"]``: the slots of a customer's Request acts. All slots are named ``domain.slot``.
- ``spans["slots"]`` are derived from the values of Inform and Recommend acts, only in turns where each of them occurs
  exactly once and no two overlap; other turns have no such layer. Yes, no and none (是, 否, 无) have no words of
  their own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import existing, file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Span, Turn
from turnwise.errors import CorpusError, InputError

_SPLITS = ("train", "val", "test")
_GENERAL = "General"
_WITH_VALUE = ("Inform", "Recommend")
_NO_WORDS = ("是", "否", "无", "none", "")
_RESULTS = "selectedResults"
_Act = tuple[str, str, str, str]


def splits(path: Path) -> tuple[str, ...]:
    """train, val, test: those whose file is there."""
    found = splits_of(path, (".json",))
    if not existing(path).is_dir():
        return found
    if known := tuple(split for split in found if split in _SPLITS):
        return known
    raise InputError(f"the folder {path} holds no train.json, val.json or test.json")


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    file = file_of(path, split, (".json",))
    rows = load_json(file)
    if not isinstance(rows, dict):
        raise CorpusError(f"{file} is no CrossWOZ file; expected an object of dialogues")
    problems = Problems(file)
    for name, row in rows.items():
        match row:
            case {"messages": list(messages), "goal": list(goal), "type": str(task)}:
                domains = tuple(dict.fromkeys(str(part[1]) for part in goal if isinstance(part, list) and part[1:]))
                before = len(problems.found)
                turns = _turns(messages, name, problems)
                if turns and len(problems.found) == before:
                    yield Dialogue(f"crosswoz:{split}:{name}", turns, labels={"domains": domains, "task": task})
            case _:
                problems.add(f"dialogue {name} is {row!r:.60}, expected an object with messages, goal and type")
    problems.check()


def _turns(messages: Sequence[object], name: str, problems: Problems) -> tuple[Turn, ...]:
    """The turns without those that are broken, which become problems."""
    turns: list[Turn] = []
    for number, message in enumerate(messages):
        place = f"dialogue {name}: messages[{number}]"
        following = messages[number + 1] if number + 1 < len(messages) else None
        match message:
            case {"role": ("usr" | "sys") as role, "content": str(text), "dialog_act": list(given)}:
                acts = [act for raw in given if (act := _act(raw)) is not None]
                if len(acts) < len(given):
                    problems.add(f"{place}.dialog_act holds an act that is no list of four texts")
                    continue
                labels: dict[str, Label] = {"acts": tuple(dict.fromkeys(_name(act) for act in acts))}
                if role == "usr":
                    slots = dict.fromkeys(f"{act[1]}.{act[2]}" for act in acts if act[0] == "Request")
                    labels["requested"] = tuple(slots)
                    if (state := _state(following, f"dialogue {name}: messages[{number + 1}]", problems)) is not None:
                        labels["state"] = state
                spans = _spans(text, acts)
                turns.append(
                    Turn(
                        "customer" if role == "usr" else "agent",
                        text,
                        spans={} if spans is None else {"slots": spans},
                        labels=labels,
                    )
                )
            case _:
                problems.add(f"{place} is {message!r:.60}, expected role (usr or sys), content and dialog_act")
    return tuple(turns)


def _act(raw: object) -> _Act | None:
    match raw:
        case [str(intent), str(domain), str(slot), str(value)]:
            return intent, domain, slot, value
        case _:
            return None


def _name(act: _Act) -> str:
    return f"{_GENERAL}-{act[1]}" if act[0] == _GENERAL else act[0]


def _state(following: object, place: str, problems: Problems) -> dict[str, tuple[str, ...]] | None:
    """The filled slots of the desk's first query; None when no turn of the desk follows."""
    if not isinstance(following, Mapping) or following.get("role") != "sys":
        return None
    query = following.get("sys_state_init")
    if not isinstance(query, Mapping) or not all(isinstance(slots, Mapping) for slots in query.values()):
        problems.add(f"{place}.sys_state_init is {query!r:.60}, expected an object of the domains' slots")
        return None
    filled: dict[str, tuple[str, ...]] = {}
    for domain, slots in query.items():
        for slot, value in slots.items():
            if slot == _RESULTS:
                continue
            if not isinstance(value, str):
                problems.add(f"{place}.sys_state_init.{domain}.{slot} is {value!r:.60}, expected a text")
            elif value:
                filled[f"{domain}.{slot}"] = (value,)
    return filled


def _spans(text: str, acts: Sequence[_Act]) -> tuple[Span, ...] | None:
    """Where the values stand; None when that cannot be told for each of them."""
    spans: list[Span] = []
    for intent, domain, slot, value in acts:
        if intent not in _WITH_VALUE or value in _NO_WORDS:
            continue
        # "5分" must not be found in "4.5分", nor "50元" in "100-50元" or "150元"
        found = list(re.finditer(rf"(?<![\d.\-]){re.escape(value)}" if value[0].isdigit() else re.escape(value), text))
        if len(found) != 1:
            return None
        spans.append(Span(*found[0].span(), f"{domain}.{slot}"))
    spans.sort(key=lambda span: span.start)
    return None if any(left.end > right.start for left, right in pairwise(spans)) else tuple(spans)


READER = Reader(
    name="crosswoz",
    description="CrossWOZ, Chinese; PATH is the folder of val.json and test.json; train, val, test",
    layers=("acts", "state", "requested", "slots", "domains", "task"),
    source="Zhu et al. (2020), CrossWOZ: A Large-Scale Chinese Cross-Domain Task-Oriented Dialogue Dataset",
    licence="Apache 2.0",
    splits=splits,
    read=read,
)
