"""More sentences from few: values of one slot change places."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.tasks.slots.sentences import LAYER, REQUESTED, requested


@dataclass(frozen=True)
class Swapped:
    """A turn alone with other values: of the dialogue with this number, and of this turn of it."""

    dialogue: int
    turn: int
    new: Dialogue


def swapped(dialogues: Sequence[Dialogue], times: int, seed: int) -> list[Swapped]:
    """For each annotated turn with a value at most ``times`` of it with the values of other turns, drawn by chance.

    A value keeps the case of its first letter. What equals its original or an earlier one is left out.
    """
    rng = np.random.default_rng(seed)
    turns = [
        (number, at) for number, d in enumerate(dialogues) for at, turn in enumerate(d.turns) if turn.spans.get(LAYER)
    ]
    values: dict[str, list[str]] = {}
    for number, at in turns:
        turn = dialogues[number].turns[at]
        for span in turn.spans[LAYER]:
            values.setdefault(span.label, []).append(turn.text[span.start : span.end])
    found: dict[str, Swapped] = {}
    for number, at in turns:
        turn = dialogues[number].turns[at]
        for copy in range(times):
            text, spans = _drawn(turn, values, rng)
            if spans and text != turn.text and text not in found:
                labels = {**turn.labels, REQUESTED: tuple(sorted(requested(dialogues[number], at)))}
                new = Turn(turn.speaker, text, {LAYER: spans}, labels)
                found[text] = Swapped(number, at, Dialogue(f"{dialogues[number].id}:{at}:swapped:{copy}", (new,)))
    return list(found.values())


def _drawn(turn: Turn, values: dict[str, list[str]], rng: np.random.Generator) -> tuple[str, tuple[Span, ...]]:
    """The text with other values; nothing where spans overlap."""
    text, at, spans = "", 0, []
    for span in sorted(turn.spans[LAYER], key=lambda span: span.start):
        if span.start < at:
            return "", ()
        old = turn.text[span.start : span.end]
        pool = values[span.label]
        new = pool[int(rng.integers(len(pool)))]
        if old[:1].isupper() != new[:1].isupper() and old[:1].isalpha() and new[:1].isalpha():
            new = (new[:1].upper() if old[:1].isupper() else new[:1].lower()) + new[1:]
        text += turn.text[at : span.start]
        spans.append(replace(span, start=len(text), end=len(text) + len(new), value=None))
        text, at = text + new, span.end
    return text + turn.text[at:], tuple(spans)
