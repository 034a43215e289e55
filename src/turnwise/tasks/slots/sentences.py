"""What a labeller of slots reads: turns as windows of tokens, what is known of each token, and where values stand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import CorpusError
from turnwise.sequences import Composer
from turnwise.tasks.pii.shape import PLACES, SHAPES, joined, none, splits_word
from turnwise.tasks.pii.windows import Window, windows

LAYER = "slots"
REQUESTED = "requested"
_OVERLAP, _MOST = 32, 64
_ROUNDS = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "half"}
FEATURES = SHAPES + PLACES + 1
"""Of a token, whatever the slot: how its word is written, what stands before it, whether it is a number."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A window of a turn. ``features`` (tokens of the row, FEATURES); ``requested`` are the slots just asked for.

    ``starts`` and ``ends`` (tokens of the row,) say where a value may begin and end. ``values`` are the tokens, from
    and up to, of the value of each slot that has one here; None where the turn is not annotated.
    """

    window: Window
    text: str
    features: NDArray[np.float32]
    starts: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    requested: frozenset[str]
    values: dict[str, tuple[int, int]] | None


def queries(dialogue: Dialogue) -> tuple[int, ...]:
    """Turns with a text, whoever speaks."""
    return tuple(at for at, turn in enumerate(dialogue.turns) if turn.text.strip())


def requested(dialogue: Dialogue, at: int) -> frozenset[str]:
    """The slots that the system asked for before a turn: the label of the turn before, or of the first turn its own."""
    found = dialogue.turns[max(0, at - 1)].labels.get(REQUESTED)
    return frozenset(found) if isinstance(found, tuple) else frozenset()


def whole_words(dialogues: Sequence[Dialogue]) -> bool:
    """Whether no value begins or ends within a word."""
    marked = ((turn.text, span) for d in dialogues for turn in d.turns for span in turn.spans.get(LAYER, ()))
    return not any(splits_word(text, at) for text, span in marked for at in (span.start, span.end))


def sentences(
    dialogues: Sequence[Dialogue], codec: Codec, *, whole: bool, gold: bool, last: bool = False
) -> list[Sentence]:
    """The windows of each turn, in order; with ``gold`` those of annotated turns, with ``last`` of last turns alone.

    ``whole``: values split no word. Raises CorpusError when a value lies outside its text, with every place.
    """
    composer = Composer(codec)
    asked = [
        (number, at)
        for number, dialogue in enumerate(dialogues)
        for at in queries(dialogue)
        if (not gold or LAYER in dialogue.turns[at].spans) and (not last or at == len(dialogue.turns) - 1)
    ]
    if gold:
        _check([(dialogues[number], at) for number, at in asked])
    cut = codec.pieces([dialogues[number].turns[at].text for number, at in asked])
    found: list[Sentence] = []
    for (number, at), pieces in zip(asked, cut, strict=True):
        turn = dialogues[number].turns[at]
        parts = windows(turn, pieces, composer, None, dialogue=number, number=at, overlap=_OVERLAP, most=_MOST)
        same = joined(turn.text, pieces)
        wanted = requested(dialogues[number], at)
        for part in parts:
            found.append(_sentence(part, turn, same if whole else np.zeros(len(pieces), bool), wanted, gold))
    return found


def ceiling(dialogues: Sequence[Dialogue]) -> float:
    """The share of values that can be found at most when a slot has one value in a turn."""
    spans = [[span.label for span in turn.spans.get(LAYER, ())] for d in dialogues for turn in d.turns]
    most = sum(len(labels) for labels in spans)
    return sum(len(set(labels)) for labels in spans) / most if most else 1.0


def span_of(sentence: Sentence, start: int, end: int, slot: str, score: float) -> Span | None:
    """The characters of the tokens from ``start`` up to ``end`` of the row; None where another window answers."""
    window = sentence.window
    first = window.first + start - window.lead
    if not window.start <= first < window.end:
        return None
    begin, stop = int(window.pieces.starts[first]), int(window.pieces.ends[first + end - start - 1])
    return Span(begin, stop, slot, score=score) if begin < stop else None


def _sentence(window: Window, turn: Turn, same: NDArray[np.bool_], wanted: frozenset[str], gold: bool) -> Sentence:
    tokens, lead = len(window.row.ids), window.lead
    part = slice(window.first, window.first + len(window.target))
    written = np.repeat(none(1), tokens, axis=0)
    written[lead : lead + len(window.target)] = window.shapes
    features = np.zeros((tokens, FEATURES), dtype=np.float32)
    rows = np.arange(tokens)
    features[rows, written[:, 0]] = 1
    features[rows, SHAPES + written[:, 1]] = 1
    features[lead : lead + len(window.target), -1] = _numeric(turn.text, window)[part]
    starts, ends = np.zeros(tokens, dtype=bool), np.zeros(tokens, dtype=bool)
    inside = same[part]
    starts[lead : lead + len(inside)] = ~inside
    ends[lead : lead + len(inside)] = ~np.append(same[1:], False)[part]
    values = _values(turn.spans.get(LAYER, ()), window) if gold else None
    return Sentence(replace(window, shapes=window.shapes[:0]), turn.text, features, starts, ends, wanted, values)


def _values(spans: Sequence[Span], window: Window) -> dict[str, tuple[int, int]]:
    """A token belongs to a value that holds a part of it; of the values of one slot the longest counts."""
    pieces, found = window.pieces, {}
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        places = np.flatnonzero((pieces.starts < span.end) & (pieces.ends > span.start))
        if not len(places) or span.label in found:
            continue
        start, end = (int(place) - window.first + window.lead for place in (places[0], places[-1] + 1))
        if start >= window.lead and end <= window.lead + len(window.target):
            found[span.label] = (start, end)
    return found


def _numeric(text: str, window: Window) -> NDArray[np.bool_]:
    """Whether each token has a digit, or is a number in letters."""
    pieces = window.pieces
    words = [text[start:end] for start, end in zip(pieces.starts.tolist(), pieces.ends.tolist(), strict=True)]
    return np.array([any(map(str.isdigit, word)) or word.lower() in _ROUNDS for word in words], dtype=bool)


def _check(asked: Sequence[tuple[Dialogue, int]]) -> None:
    problems = [
        f"{dialogue.id}: turns[{at}].spans.{LAYER}[{number}] is {span.start} to {span.end}, "
        f"expected a stretch of its {len(dialogue.turns[at].text)} characters"
        for dialogue, at in asked
        for number, span in enumerate(dialogue.turns[at].spans[LAYER])
        if not 0 <= span.start < span.end <= len(dialogue.turns[at].text)
    ]
    if problems:
        raise CorpusError(f"{len(problems)} values lie outside their texts:", problems)
