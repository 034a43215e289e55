"""Turns as windows of tokens that fit the encoder, each token read where most stands around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from turnwise.codec import Codec, Pieces
from turnwise.dialogue import Span, Turn
from turnwise.errors import InputError
from turnwise.objectives.objective import Batch, Draws
from turnwise.objectives.places import pad
from turnwise.sequences import Composer
from turnwise.store import SPEAKERS
from turnwise.tasks.pii import iob
from turnwise.tasks.pii.shape import joined, lowered, none, shapes
from turnwise.tasks.rows import Example

UNKNOWN = -100
"""Target of a token of which nobody knows the tag: the loss leaves it out."""
_UNCASED = 2


@dataclass(frozen=True, slots=True)
class Window(Example):
    """Some tokens of a turn as a sequence; ``target`` (tokens,) are their tags.

    The first of them stands at ``lead`` of the row. ``pieces`` are all tokens of the turn, of which those from
    ``start`` up to ``end`` are this window's to answer for; the window begins with token ``first``. ``shapes``
    (tokens, 2) says how the words of its tokens are written, ``joined`` (tokens,) which of them go on with the word of
    the one before, so that no span begins or ends there. For training, drawn anew each time: ``noise`` is the share of
    tokens that are hidden from the encoder, ``uncased`` that of turns whose capitals are, ``mixed`` that of turns of
    which a stretch stands beside one of ``others``.
    """

    pieces: Pieces
    lead: int
    first: int
    start: int
    end: int
    shapes: NDArray[np.int64]
    joined: NDArray[np.bool_]
    noise: float = 0.0
    uncased: float = 0.0
    mixed: float = 0.0
    others: Sequence["Window"] = field(default=(), repr=False, compare=False)

    @property
    def share(self) -> slice:
        """Those of its tokens that it answers for."""
        return slice(self.start - self.first, self.end - self.first)

    def answers(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of probabilities at the places of the row those of the tokens that it answers for."""
        return probabilities[self.lead :][self.share]


def shares(tokens: int, room: int, overlap: int, most: int) -> list[tuple[int, int, int]]:
    """For each window the token it begins with, and the tokens that it answers for: ``(first, start, end)``.

    Windows have ``room`` tokens, the last one perhaps fewer, and share ``overlap`` with the next, of which each answers
    for the half that is further from its edge. After ``most`` windows the rest is not read.
    """
    step = max(1, room - overlap)
    firsts = [0]
    while firsts[-1] + room < tokens and len(firsts) < most:
        firsts.append(firsts[-1] + step)
    half = (room - step) // 2
    starts = [0, *(first + half for first in firsts[1:])]
    return list(zip(firsts, starts, [*starts[1:], min(tokens, firsts[-1] + room)], strict=True))


def windows(
    turn: Turn,
    pieces: Pieces,
    composer: Composer,
    tags: NDArray[np.int64] | None,
    *,
    dialogue: int,
    number: int,
    overlap: int,
    most: int,
    whole_words: bool = False,
) -> list[Window]:
    """The windows of a turn; without ``tags`` (tokens,) their targets are unknown. ``whole_words``: spans split none.

    Raises InputError when the encoder has no room for a window.
    """
    limit = composer.codec.max_tokens
    speaker = SPEAKERS[turn.speaker]
    lead = len(composer.single(pieces.ids[:0], speaker).ids) - 1
    room = limit - lead - 1
    if room < 2:
        raise InputError(f"max_tokens is {limit}; a window of a turn needs at least {lead + 3}")
    if not len(pieces):
        return []
    found = []
    parts = shares(len(pieces), room, min(overlap, room // 2), most)
    written = shapes(turn.text, pieces)
    same = joined(turn.text, pieces) if whole_words else np.zeros(len(pieces), dtype=bool)
    for first, start, end in parts:
        part = slice(first, min(first + room, len(pieces)))
        row = composer.single(pieces.ids[part], speaker)
        target = np.full(part.stop - first, UNKNOWN) if tags is None else tags[part]
        cut = parts[-1][2] < len(pieces)
        found.append(
            Window(
                row,
                target.astype(np.float32),
                dialogue,
                number,
                truncated=cut,
                pieces=pieces,
                lead=lead,
                first=first,
                start=start,
                end=end,
                shapes=written[part],
                joined=same[part],
            )
        )
    return found


def collate(examples: Sequence[Window], codec: Codec, draws: Draws) -> Batch:
    """The rows padded; ``tags`` (batch, tokens), UNKNOWN where nothing is to be learned, and ``shapes``."""
    encoding = pad([example.row for example in examples], codec)
    tags = torch.full_like(encoding.ids, UNKNOWN)
    written = torch.from_numpy(np.broadcast_to(none(1), (*encoding.ids.shape, 2)).copy())
    for at, example in enumerate(examples):
        inside = slice(example.lead, example.lead + len(example.target))
        tags[at, inside] = torch.from_numpy(example.target).long()
        written[at, inside] = torch.from_numpy(example.shapes)
        if example.uncased and draws.row(at, _UNCASED).random() < example.uncased:
            written[at, inside] = torch.from_numpy(lowered(example.shapes))
        if example.noise:
            hidden = draws.row(at).random(len(example.target)) < example.noise
            encoding.ids[at, inside][torch.from_numpy(hidden)] = _hidden(codec)
    return Batch((encoding,), {"tags": tags, "shapes": written}, count=max(1, int((tags != UNKNOWN).sum())))


def _hidden(codec: Codec) -> int:
    """What stands for a hidden token."""
    mask = codec.tokenizer.mask_token_id
    return int(codec.tokenizer.unk_token_id if mask is None else mask)


def tags_of(spans: Sequence[Span], pieces: Pieces, kinds: Sequence[str]) -> NDArray[np.int64]:
    """The tags of a turn's tokens; UNKNOWN in spans of other labels than ``kinds``.

    A token belongs to a span that holds a part of it. Of spans that overlap the longest counts.
    """
    numbers = {kind: number for number, kind in enumerate(kinds)}
    found = np.full(len(pieces), iob.OUTSIDE, dtype=np.int64)
    taken = np.zeros(len(pieces), dtype=bool)
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        places = np.flatnonzero(touched([span], pieces) & ~taken)
        if not len(places):
            continue
        taken[places] = True
        if span.label in numbers:
            found[places] = 2 + 2 * numbers[span.label]
            found[places[0]] = 1 + 2 * numbers[span.label]
        else:
            found[places] = UNKNOWN
    return found


def touched(spans: Sequence[Span], pieces: Pieces) -> NDArray[np.bool_]:
    """Whether a span holds a part of each token, (tokens,)."""
    found = np.zeros(len(pieces), dtype=bool)
    for span in spans:
        found |= (pieces.starts < span.end) & (pieces.ends > span.start)
        found |= (pieces.starts == pieces.ends) & (pieces.starts > span.start) & (pieces.starts < span.end)
    return found


def spans_of(
    stretches: Sequence[iob.Stretch], pieces: Pieces, scores: Sequence[float], kinds: Sequence[str]
) -> list[Span]:
    """The spans of characters that stretches of tokens are, with their scores.

    Without an extent, or where tokens of one character went to two stretches, there is no span.
    """
    found: list[Span] = []
    for stretch, score in zip(stretches, scores, strict=True):
        start, end = int(pieces.starts[stretch.start]), int(pieces.ends[stretch.end - 1])
        if start < end and not (found and start < found[-1].end):
            found.append(Span(start, end, kinds[stretch.kind], score=score))
    return found
