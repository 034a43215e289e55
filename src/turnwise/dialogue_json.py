"""Dialogues from JSON values, with every problem and its place.

The other direction is ``turnwise.dialogue.to_json``; ``from_json(to_json(d)) == d``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from turnwise.dialogue import SPEAKERS, Dialogue, Evidence, Label, Neighbour, Span, Turn
from turnwise.errors import CorpusError
from turnwise.messages import nearest

TUPLE_LAYERS = ("intent", "acts", "emotion")
"""Layers whose value is always a list of names."""

_DIALOGUE_KEYS = ("id", "turns", "labels", "profile")
_TURN_KEYS = ("speaker", "text", "spans", "labels", "evidence")
_SPAN_KEYS = ("start", "end", "label", "value", "score")
_EVIDENCE_KEYS = ("score", "alternatives", "neighbours", "source_turn", "truncated")
_NEIGHBOUR_KEYS = ("text", "labels", "similarity")
_MISSING = object()
_SHOWN = 60

Value = TypeVar("Value")


def from_json(value: object, *, place: str = "") -> Dialogue:
    """The dialogue that plain JSON values describe; ``place`` (for example ``line 3``) heads every problem.

    Lists become tuples. Raises CorpusError whose ``problems`` name each place inside the object, such as
    ``turns[3].spans.slots[0].end is 41 but the text has 37 characters``.
    """
    reader = _Reader(place)
    dialogue = reader.dialogue(value)
    if reader.problems:
        raise CorpusError(f"{place or 'the dialogue'} cannot be read:", reader.problems)
    return dialogue


class _Reader:
    """Reads values and notes problems; what it returns is of use only when there was none."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.problems: list[str] = []

    def note(self, problem: str) -> None:
        self.problems.append(f"{self.place}: {problem}" if self.place else problem)

    def dialogue(self, value: object) -> Dialogue:
        found = self.mapping(value, "", _DIALOGUE_KEYS)
        if found is None:
            return Dialogue("", ())
        id = self.text(found.get("id", _MISSING), "id", empty=False)
        turns = self.items(found.get("turns", _MISSING), "turns", self.turn)
        if turns == () and found.get("turns") == []:
            self.note("turns is empty; a dialogue has at least one turn")
        profile = self.layers(found.get("profile", {}), "profile", self.text)
        return Dialogue(id, turns, self.labels(found.get("labels", {}), "labels"), profile)

    def turn(self, value: object, at: str) -> Turn:
        found = self.mapping(value, at, _TURN_KEYS)
        if found is None:
            return Turn(None, "")
        speaker = found.get("speaker", _MISSING)
        if speaker is _MISSING:
            self.note(f'{at}.speaker is missing; write "customer", "agent" or null')
        elif speaker is not None and speaker not in SPEAKERS:
            self.note(f'{at}.speaker is {_shown(speaker)}, expected "customer", "agent" or null')
        text = self.text(found.get("text", _MISSING), f"{at}.text")

        def spans(layer: object, at: str) -> tuple[Span, ...]:
            return self.items(layer, at, lambda span, at: self.span(span, at, text))

        return Turn(
            next((known for known in SPEAKERS if known == speaker), None),
            text,
            self.layers(found.get("spans", {}), f"{at}.spans", spans),
            self.labels(found.get("labels", {}), f"{at}.labels"),
            self.layers(found.get("evidence", {}), f"{at}.evidence", self.evidence),
        )

    def span(self, value: object, at: str, text: str) -> Span:
        found = self.mapping(value, at, _SPAN_KEYS)
        if found is None:
            return Span(0, 0, "")
        start = self.whole(found.get("start", _MISSING), f"{at}.start")
        end = self.whole(found.get("end", _MISSING), f"{at}.end")
        if start is not None and start < 0:
            self.note(f"{at}.start is {start}, expected 0 or more")
        if end is not None and end > len(text):
            self.note(f"{at}.end is {end} but the text has {len(text)} characters")
        if start is not None and end is not None and start >= end:
            self.note(f"{at}.start is {start} and end {end}; a span is half-open and holds at least one character")
        label = self.text(found.get("label", _MISSING), f"{at}.label", empty=False)
        surface = found.get("value")
        score = found.get("score")
        return Span(
            start or 0,
            end or 0,
            label,
            None if surface is None else self.text(surface, f"{at}.value"),
            None if score is None else self.number(score, f"{at}.score"),
        )

    def evidence(self, value: object, at: str) -> Evidence:
        found = self.mapping(value, at, _EVIDENCE_KEYS)
        if found is None:
            return Evidence()
        score = found.get("score")
        source = found.get("source_turn")
        truncated = found.get("truncated", False)
        if not isinstance(truncated, bool):
            self.note(f"{at}.truncated is {_shown(truncated)}, expected true or false")
        probability = None if score is None else self.number(score, f"{at}.score")
        if probability is not None and not 0 <= probability <= 1:
            self.note(f"{at}.score is {probability}, expected a probability from 0 to 1")
        return Evidence(
            probability,
            self.items(found.get("alternatives", []), f"{at}.alternatives", self.alternative),
            self.items(found.get("neighbours", []), f"{at}.neighbours", self.neighbour),
            None if source is None else self.whole(source, f"{at}.source_turn"),
            truncated is True,
        )

    def alternative(self, value: object, at: str) -> tuple[str, float]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            self.note(f"{at} is {_shown(value)}, expected a pair [label, score]")
            return "", 0.0
        return self.text(value[0], f"{at}[0]"), self.number(value[1], f"{at}[1]")

    def neighbour(self, value: object, at: str) -> Neighbour:
        found = self.mapping(value, at, _NEIGHBOUR_KEYS)
        if found is None:
            return Neighbour("", (), 0.0)
        return Neighbour(
            self.text(found.get("text", _MISSING), f"{at}.text"),
            self.items(found.get("labels", _MISSING), f"{at}.labels", self.text),
            self.number(found.get("similarity", _MISSING), f"{at}.similarity"),
        )

    def labels(self, value: object, at: str) -> dict[str, Label]:
        def read(item: object, place: str) -> Label:
            if place.removeprefix(f"{at}.") not in TUPLE_LAYERS:
                return self.label(item, place)
            if isinstance(item, (list, tuple)):
                return self.names(item, place)
            self.note(f"{place} is {_shown(item)}, expected a list of names; [] means annotated as none")
            return ()

        return self.layers(value, at, read)

    def label(self, value: object, at: str) -> Label:
        if isinstance(value, str):
            return self.text(value, at)
        if isinstance(value, (bool, int)):
            return value
        if isinstance(value, float):
            return self.number(value, at)
        if isinstance(value, (list, tuple)):
            return self.items(value, at, self.text)
        if isinstance(value, Mapping):
            return self.layers(value, at, self.names)
        self.note(
            f"{at} is {_shown(value)}, expected a text, a number, true, false, a list of texts or an object of lists; "
            "leave the layer out when it is not annotated"
        )
        return ()

    def names(self, value: object, at: str) -> tuple[str, ...]:
        return self.items(value, at, self.text)

    def mapping(self, value: object, at: str, keys: Sequence[str]) -> Mapping[str, object] | None:
        """The object, its unknown keys noted; None, noted, when it is none."""
        if not isinstance(value, Mapping):
            self.note(f"{at or 'the line'} is {_shown(value)}, expected an object with the keys {', '.join(keys)}")
            return None
        for key in value:
            if key not in keys:
                self.note(f"{_joined(at, key)} is no key; {nearest(str(key), keys)}")
        return value

    def layers(self, value: object, at: str, read: Callable[[object, str], Value]) -> dict[str, Value]:
        """An object with any keys, each value read."""
        if not isinstance(value, Mapping):
            self.note(f"{at} is {_shown(value)}, expected an object")
            return {}
        for key in value:
            self.text(key, f"a key of {at}", empty=False)
        return {key: read(item, _joined(at, key)) for key, item in value.items()}

    def items(self, value: object, at: str, read: Callable[[object, str], Value]) -> tuple[Value, ...]:
        """A list, each item read."""
        if value is _MISSING:
            self.note(f"{at} is missing")
            return ()
        if not isinstance(value, (list, tuple)):
            self.note(f"{at} is {_shown(value)}, expected a list")
            return ()
        return tuple(read(item, f"{at}[{index}]") for index, item in enumerate(value))

    def text(self, value: object, at: str, empty: bool = True) -> str:
        if value is _MISSING:
            self.note(f"{at} is missing")
            return ""
        if not isinstance(value, str):
            self.note(f"{at} is {_shown(value)}, expected a text")
            return ""
        if not value and not empty:
            self.note(f"{at} is empty")
        if value.isascii():
            return value
        lone = next((index for index, character in enumerate(value) if "\ud800" <= character <= "\udfff"), None)
        if lone is not None:
            self.note(f"{at} has half a character (\\u{ord(value[lone]):04x}) at {lone}; export it as UTF-8 again")
        return value

    def whole(self, value: object, at: str) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self.note(f"{at} is missing" if value is _MISSING else f"{at} is {_shown(value)}, expected a whole number")
        return None

    def number(self, value: object, at: str) -> float:
        if value is _MISSING:
            self.note(f"{at} is missing")
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            self.note(f"{at} is {_shown(value)}, expected a number")
        elif not math.isfinite(value):
            self.note(f"{at} is {value}, expected a finite number")
        else:
            return value
        return 0.0


def _joined(at: str, key: object) -> str:
    return f"{at}.{key}" if at else str(key)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
