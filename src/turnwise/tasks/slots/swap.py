"""More sentences from few: values of one slot change places."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.tasks.slots.sentences import LAYER, REQUESTED, requested


def swapped(dialogues: Sequence[Dialogue], times: int, seed: int) -> list[Dialogue]:
    """For each annotated turn with a value ``times`` dialogues of it alone, its values those of other turns by chance.

    A value keeps the case of its first letter. What equals its original or an earlier one is left out.
    """
    rng = np.random.default_rng(seed)
    turns = [(d, at) for d in dialogues for at, turn in enumerate(d.turns) if turn.spans.get(LAYER)]
    values: dict[str, list[str]] = {}
    for dialogue, at in turns:
        turn = dialogue.turns[at]
        for span in turn.spans[LAYER]:
            values.setdefault(span.label, []).append(turn.text[span.start : span.end])
    found: dict[str, Dialogue] = {}
    for dialogue, at in turns:
        turn = dialogue.turns[at]
        for number in range(times):
            text, spans = _drawn(turn, values, rng)
            if spans and text != turn.text and text not in found:
                labels = {**turn.labels, REQUESTED: tuple(sorted(requested(dialogue, at)))}
                new = Turn(turn.speaker, text, {LAYER: spans}, labels)
                found[text] = Dialogue(f"{dialogue.id}:{at}:swapped:{number}", (new,))
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
