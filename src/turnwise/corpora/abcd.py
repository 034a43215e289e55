"""ABCD: customers of an online shop, its agents and the actions they take (Chen et al., 2021), as published.

Both the full release, one JSON with train, dev and test, and the sample file, a list, can be read. Texts are the
original ones, not the delexicalised.

- Actions are no turns. ``labels["actions"]`` of a turn, customer's or agent's, holds those that the agent took after it
  and before the next one, in order: action to its values. Actions before the first turn are put on that.
- ``spans["masked"]``: what the delexicalised text masks (email, phone, order_id ...), found by matching it with the
  original; absent where the two do not match. Names and some values are not masked by the source.
- ``labels["intent"]``, ``["flow"]`` and ``["subflow"]`` of the dialogue: the subflow to be recognised, and the two
  names of its scenario (where storewide and single-item questions are numbered: ``timing_4``).
- ``profile``: the person and the order of the scenario.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import load_json
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.locate import file_in
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Span, Turn
from turnwise.errors import CorpusError

_FILES = ("abcd_v1.1.json", "abcd_v1.0.json", "abcd_sample.json")
_SPLITS = ("train", "dev", "test")
_ALL = "all"
_MASK = re.compile(r"<(\w+)>")


def splits(path: Path) -> tuple[str, ...]:
    """train, dev, test of the full release; all of a file that is a list, such as the sample."""
    file = file_in(path, *_FILES)
    problems = Problems(file)
    first = next((line.lstrip()[0] for line in read_lines(file, problems) if line.strip()), "")
    return (_ALL,) if first == "[" else _SPLITS


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    file = file_in(path, *_FILES)
    found = load_json(file)
    rows = found.get(split) if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise CorpusError(f"{file} is no ABCD file; expected a list of dialogues, or an object of those: train, ...")
    problems = Problems(file)
    for number, row in enumerate(rows):
        place = f"{split}[{number}]"
        match row:
            case {"convo_id": (int() | str()) as name, "scenario": dict(scenario), "original": list(said), **rest}:
                before = len(problems.found)
                turns, intents = _turns(said, rest.get("delexed"), place, problems)
                if turns and len(problems.found) == before:
                    yield Dialogue(
                        f"abcd:{split}:{name}", turns, labels=_labels(scenario, intents), profile=_profile(scenario)
                    )
            case _:
                problems.add(f"{place} is {row!r:.60}, expected an object with convo_id, scenario and original")
    problems.check()


@dataclass(frozen=True, slots=True)
class _Target:
    """What the delexicalised form says of an utterance."""

    text: str
    intent: str
    action: str | None
    values: tuple[str, ...]


@dataclass(slots=True)
class _Said:
    """An utterance, and the actions that follow it."""

    speaker: Literal["agent", "customer"]
    text: str
    masked: tuple[Span, ...] | None
    actions: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def turn(self, annotated: bool) -> Turn:
        spans = {} if self.masked is None else {"masked": self.masked}
        return Turn(self.speaker, self.text, spans=spans, labels={"actions": self.actions} if annotated else {})


def _turns(
    said: Sequence[object], delexed: object, place: str, problems: Problems
) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
    """The turns, and the intents that their targets name; what is broken becomes a problem."""
    targets = _targets(delexed, len(said), f"{place}.delexed", problems)
    turns: list[_Said] = []
    early: dict[str, tuple[str, ...]] = {}
    for number, row in enumerate(said):
        target = targets[number] if targets else None
        match row:
            case ["action", str()]:
                actions = turns[-1].actions if turns else early
                if target is not None and target.action is not None:
                    actions[target.action] = (*actions.get(target.action, ()), *target.values)
            case [("agent" | "customer") as speaker, str(text)]:
                turns.append(_Said(speaker, text, None if target is None else _masked(text, target.text)))
            case _:
                problems.add(f"{place}.original[{number}] is {row!r:.60}, expected [agent, customer or action, text]")
    if turns and early:
        turns[0].actions = early | turns[0].actions
    intents = tuple(dict.fromkeys(target.intent for target in targets or ()))
    return tuple(turn.turn(targets is not None) for turn in turns), intents


def _targets(delexed: object, length: int, place: str, problems: Problems) -> list[_Target] | None:
    """One for each utterance; None when there is no delexicalised form, or it is broken."""
    if delexed is None:
        return None
    if not isinstance(delexed, list) or len(delexed) != length:
        problems.add(f"{place} is {delexed!r:.60}, expected a list of {length}, one for each of original")
        return None
    found: list[_Target] = []
    for number, row in enumerate(delexed):
        match row:
            case {"text": str(text), "targets": [str(intent), _, (str() | None) as action, list(values), *_]}:
                found.append(_Target(text, intent, action, tuple(str(value) for value in values)))
            case _:
                problems.add(
                    f"{place}[{number}] is {row!r:.60}, expected an object with text and targets: intent, step, "
                    "action, values, response"
                )
    return found if len(found) == length else None


def _masked(text: str, delexed: str) -> tuple[Span, ...] | None:
    """Where the placeholders of ``delexed`` stand in ``text``; None when the texts differ otherwise."""
    pieces = _MASK.split(delexed)
    names = pieces[1::2]
    pattern = "(.+?)".join(re.escape(piece) for piece in pieces[::2])
    match = re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL)
    if match is None:
        return None
    return tuple(Span(*match.span(number), name) for number, name in enumerate(names, start=1))


def _labels(scenario: Mapping[str, object], intents: tuple[str, ...]) -> dict[str, Label]:
    labels: dict[str, Label] = {"intent": intents} if intents else {}
    return labels | {name: value for name in ("flow", "subflow") if isinstance(value := scenario.get(name), str)}


def _profile(scenario: Mapping[str, object]) -> dict[str, str]:
    parts = [part for name in ("personal", "order") if isinstance(part := scenario.get(name), Mapping)]
    return {key: str(value) for part in parts for key, value in part.items() if isinstance(value, str | int | float)}


READER = Reader(
    name="abcd",
    description="ABCD, dialogues with the agent's actions; PATH is the folder of abcd_v1.1.json or abcd_sample.json, "
    "or such a file; train, dev, test, or all of the sample",
    layers=("actions", "masked", "intent", "flow", "subflow"),
    source="Chen et al. (2021), Action-Based Conversations Dataset",
    licence="MIT",
    splits=splits,
    read=read,
)
