"""Which dialogues of a corpus to take: ``intent=return_order``, ``domains=hotel|taxi``, ``turns>=4``."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from turnwise.dialogue import Dialogue, Label
from turnwise.errors import InputError
from turnwise.messages import nearest

_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_COUNTED: Mapping[str, Callable[[Dialogue], int]] = {
    "turns": lambda dialogue: len(dialogue.turns),
    "words": lambda dialogue: sum(len(turn.text.split()) for turn in dialogue.turns),
}
_REMEMBERED, _LISTED = 2000, 20
"""So many values of a layer are kept for a message that names the nearest; so many are listed."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold of a dialogue.

    ``name`` is ``turns`` or ``words`` (of all turns, split at spaces), or a layer: of the dialogue, of any of its
    turns, of spans in them (their labels), or a key of its profile. ``=`` holds when any value of it is one of
    ``values``, ``!=`` when none is; ``>=``, ``<=``, ``>`` and ``<`` when any value is a number that compares so.
    """

    name: str
    relation: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.relation}{'|'.join(self.values)}"

    def holds(self, dialogue: Dialogue) -> bool:
        """Whether it holds. A dialogue without the layer has no value of it."""
        found = _values(dialogue, self.name) or []
        if self.relation in _RELATIONS:
            limit = float(self.values[0])
            return any(_RELATIONS[self.relation](number, limit) for number in map(_number, found) if number is not None)
        if self.name in _COUNTED:
            met = float(found[0]) in map(float, self.values)
        else:
            met = any(value in self.values for value in found)
        return met if self.relation == "=" else not met


def parse_condition(text: str) -> Condition:
    """Read ``NAME=VALUE``, with ``!=``, ``>=``, ``<=``, ``>`` or ``<`` for other relations, ``|`` between values.

    Raises InputError for anything else.
    """
    found = re.fullmatch(r"\s*([^=!<>|\s]+)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*", text, re.DOTALL)
    if found is None:
        raise InputError(
            f"--where {text!r} is no condition; write LAYER=VALUE, for example intent=refund, domains=hotel|taxi or "
            "turns>=4"
        )
    name, relation, rest = found.groups()
    values = tuple(value.strip() for value in rest.split("|"))
    if not all(values):
        raise InputError(f"--where {text!r} lacks a value; write {name}{relation}VALUE")
    if relation in _RELATIONS and (len(values) > 1 or _number(values[0]) is None):
        raise InputError(f"--where {text!r} compares with {rest!r}, expected one number")
    if name in _COUNTED and (wrong := next((value for value in values if _number(value) is None), None)) is not None:
        raise InputError(f"--where {text!r} compares a count with {wrong!r}, expected a number")
    return Condition(name, relation, values)


class Selection:
    """Takes the dialogues of which every condition holds, and says why when there is none."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.conditions = tuple(conditions)
        self.seen = 0
        self.taken = 0
        self._met = [0] * len(self.conditions)
        self._values: dict[str, dict[str, None]] = {}
        self._layers: dict[str, None] = dict.fromkeys(_COUNTED)

    def takes(self, dialogue: Dialogue) -> bool:
        """Whether every condition holds."""
        self.seen += 1
        held = [condition.holds(dialogue) for condition in self.conditions]
        for at, holds in enumerate(held):
            self._met[at] += holds
        self.taken += all(held)
        if self.conditions and not self.taken:
            self._remember(dialogue)
        return all(held)

    def of(self, dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
        """Those that are taken. Raises InputError at the end when there was none."""
        for dialogue in dialogues:
            if self.takes(dialogue):
                yield dialogue
        self.check()

    def check(self) -> None:
        """Raise InputError when no dialogue was taken, with what each condition lacks."""
        if self.taken or not self.seen or not self.conditions:
            return
        lines = [
            f"--where {condition}: {met} of {self.seen} dialogues{self._hint(condition) if not met else ''}"
            for condition, met in zip(self.conditions, self._met, strict=True)
        ]
        raise InputError("\n  ".join([f"no dialogue of the {self.seen} is as --where says:", *lines]))

    def _remember(self, dialogue: Dialogue) -> None:
        self._layers.update(dict.fromkeys(_layers(dialogue)))
        for condition in self.conditions:
            kept = self._values.setdefault(condition.name, {})
            for value in _values(dialogue, condition.name) or ():
                if len(kept) < _REMEMBERED:
                    kept[value] = None

    def _hint(self, condition: Condition) -> str:
        if condition.name not in self._layers:
            return f"; there is no layer {condition.name!r}; {nearest(condition.name, sorted(self._layers))}"
        values = list(self._values.get(condition.name, ()))
        if condition.relation == "=" and condition.name not in _COUNTED:
            if len(values) <= _LISTED:
                return f"; {nearest(condition.values[0], values)}"
            near = get_close_matches(condition.values[0], values, n=1, cutoff=0.5)
            return f"; did you mean {near[0]!r}?" if near else f"; it has {len(values)} other values"
        numbers = [number for number in map(_number, values) if number is not None]
        if numbers:
            return f"; it lies between {min(numbers):g} and {max(numbers):g}"
        return ""


def _layers(dialogue: Dialogue) -> Iterator[str]:
    yield from dialogue.labels
    yield from dialogue.profile
    for turn in dialogue.turns:
        yield from turn.labels
        yield from turn.spans


def _values(dialogue: Dialogue, name: str) -> list[str] | None:
    """Every value of a layer in a dialogue as a text; None when the dialogue has no such layer."""
    if name in _COUNTED:
        return [f"{_COUNTED[name](dialogue)}"]
    found: list[str] = []
    annotated = False
    for labels in (dialogue.labels, *(turn.labels for turn in dialogue.turns)):
        if name in labels:
            annotated = True
            found += _names(labels[name])
    for turn in dialogue.turns:
        if name in turn.spans:
            annotated = True
            found += [span.label for span in turn.spans[name]]
    if name in dialogue.profile:
        annotated = True
        found.append(dialogue.profile[name])
    return found if annotated else None


def _names(value: Label) -> list[str]:
    """A label's texts; of a state its keys."""
    if isinstance(value, tuple | dict):
        return list(value)
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number
