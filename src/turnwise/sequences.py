"""How turns become one input sequence: who speaks, which segment, what is left out when there is no room."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Codec
from turnwise.errors import InputError
from turnwise.layout import FORMATS

Ids = NDArray[np.int32]
CUSTOMER, AGENT, UNKNOWN = 0, 1, 2
"""Speaker codes."""
TEXT, STRUCTURE, CUSTOMER_MARK, AGENT_MARK = 0, 1, 2, 3
"""Marks of positions: ordinary text, special tokens and padding, the token that says a customer or an agent speaks."""


LEAST_TOKENS = 8
"""The least ``max_tokens`` for dialogues: room for two turns and a response."""


class TurnIds(NamedTuple):
    """A turn's ids without special tokens, and its speaker code."""

    ids: Ids
    speaker: int


@dataclass(frozen=True, slots=True)
class Row:
    """One input sequence before padding: ``ids``, ``segments`` and ``marks`` (tokens,).

    ``starts[k]`` is the position of the speaker token (or first token) of the kept turn ``kept[k]``; ``dropped``
    turns were left out.
    """

    ids: Ids
    segments: NDArray[np.int8]
    marks: NDArray[np.int8]
    starts: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    dropped: int = 0


class Composer:
    """Puts sequences together for one codec, in its layout, of ``max_tokens`` at most: the codec's, or fewer.

    Raises InputError when the tokenizer lacks the special tokens.
    """

    def __init__(self, codec: Codec, max_tokens: int | None = None) -> None:
        tokenizer = codec.tokenizer
        self.codec = codec
        self.max_tokens = codec.max_tokens if max_tokens is None else min(max_tokens, codec.max_tokens)
        self.layout = codec.layout
        self.format = FORMATS[codec.layout.format]
        first = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
        last = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
        if first is None or last is None:
            raise InputError(
                f"the tokenizer {tokenizer.name_or_path!r} has no [CLS] or [SEP] token; dialogues need both"
            )
        self.first, self.last = int(first), int(last)
        found = {token: tokenizer.convert_tokens_to_ids(token) for token in self.format.tokens}
        missing = [token for token, number in found.items() if number in (None, tokenizer.unk_token_id)]
        if missing:
            raise InputError(
                f"the tokenizer {tokenizer.name_or_path!r} lacks {', '.join(missing)}; "
                f"Encoder.use_layout adds what the format {codec.layout.format!r} needs"
            )
        self._id = {token: int(number) for token, number in found.items() if isinstance(number, int)}

    def speaker_ids(self) -> dict[int, int]:
        """The ids of the speaker tokens, each with its mark; empty in the plain format."""
        found = {}
        for token, mark in ((self.format.customer, CUSTOMER_MARK), (self.format.opening, CUSTOMER_MARK)):
            if token is not None:
                found[self._id[token]] = mark
        if self.format.agent is not None:
            found[self._id[self.format.agent]] = AGENT_MARK
        return found

    def single(self, ids: Ids, speaker: int | None = None) -> Row:
        """One utterance; with ``speaker``, its token in front. Cut to ``max_tokens``."""
        lead = [] if speaker is None else self._lead(speaker, opening=False)
        room = self.max_tokens - 2 - len(lead)
        tokens = np.concatenate([[self.first], [i for i, _ in lead], ids[:room], [self.last]]).astype(np.int32)
        marks = np.zeros(len(tokens), dtype=np.int8)
        marks[[0, -1]] = STRUCTURE
        for at, (_, mark) in enumerate(lead, start=1):
            marks[at] = mark
        segments = np.zeros(len(tokens), dtype=np.int8)
        if speaker == AGENT and self.layout.segments == "speaker":
            segments[:] = 1
        return Row(tokens, segments, marks, (1,), (0,))

    def dialogue(
        self,
        turns: Sequence[TurnIds],
        *,
        response: Ids | None = None,
        profile: Ids | None = None,
        from_start: bool = True,
    ) -> Row:
        """``[CLS] turns (profile) [SEP] (response [SEP])``, at most ``max_tokens`` long.

        Without room for all, the customer's first turn and the last one stay, and of the others the oldest are dropped,
        whole. The customer's first turn has then a third of the room and what nobody else needs; the last turn is cut
        when it alone does not fit. A response is cut to half of the room, a profile with its token to a quarter.
        Turns are looked at from the last one back, as far as there is room. Turns that are not ``from_start`` of their
        dialogue have no opening.
        Raises InputError when ``max_tokens`` is less than 8.
        """
        if self.max_tokens < LEAST_TOKENS:
            raise InputError(f"max_tokens is {self.max_tokens}; a dialogue needs at least {LEAST_TOKENS}")
        room = self.max_tokens - 2
        if response is not None:
            response = response[: room // 2]
            room -= len(response) + 1
        told: list[tuple[int, int]] = []
        if profile is not None and len(profile) and self.format.profile is not None and room >= 8:
            profile = profile[: room // 4 - 1]
            told = [(self._id[self.format.profile], STRUCTURE)]
            room -= len(profile) + 1
        opening = None
        if from_start:
            opening = next((at for at, turn in enumerate(turns) if turn.speaker == CUSTOMER), None)

        def lead(at: int) -> list[tuple[int, int]]:
            return self._lead(turns[at].speaker, opening=at == opening, between=at > 0)

        kept = _fitting(lambda at: len(lead(at)) + len(turns[at].ids), len(turns), opening, room)
        ids: list[int] = [self.first]
        marks: list[int] = [STRUCTURE]
        segments: list[int] = [0]
        starts: list[int] = []
        for at, size in kept:
            front = lead(at)
            if not starts and front and front[0][1] == STRUCTURE:
                front = []
            words = turns[at].ids[: size - len(front)].tolist()
            starts.append(len(ids))
            ids += [token for token, _ in front] + words
            marks += [mark for _, mark in front] + [TEXT] * len(words)
            role = int(self.layout.segments == "speaker" and turns[at].speaker == AGENT)
            segments += [role] * (len(front) + len(words))
        if told:
            assert profile is not None
            ids += [told[0][0], *profile.tolist()]
            marks += [STRUCTURE] + [TEXT] * len(profile)
            segments += [0] * (len(profile) + 1)
        ids.append(self.last)
        marks.append(STRUCTURE)
        segments.append(0)
        if response is not None:
            ids += [*response.tolist(), self.last]
            marks += [TEXT] * len(response) + [STRUCTURE]
            segments += [1] * (len(response) + 1)
        return Row(
            np.array(ids, dtype=np.int32),
            np.array(segments, dtype=np.int8),
            np.array(marks, dtype=np.int8),
            tuple(starts),
            tuple(at for at, _ in kept),
            len(turns) - len(kept),
        )

    def _lead(self, speaker: int, *, opening: bool, between: bool = False) -> list[tuple[int, int]]:
        """The tokens in front of a turn with their marks; a separator where the speaker has no token."""
        if speaker == CUSTOMER and self.format.customer is not None and self.format.opening is not None:
            token = self.format.opening if opening else self.format.customer
            return [(self._id[token], CUSTOMER_MARK)]
        if speaker == AGENT and self.format.agent is not None:
            return [(self._id[self.format.agent], AGENT_MARK)]
        return [(self.last, STRUCTURE)] if between else []


def _fitting(size: Callable[[int], int], number: int, opening: int | None, room: int) -> list[tuple[int, int]]:
    """The turns that fit, in order, each with the tokens it gets."""
    tail: list[tuple[int, int]] = []
    needed = 0
    for at in range(number - 1, -1, -1):
        needed += size(at)
        if needed > room:
            break
        tail.append((at, size(at)))
    else:
        return tail[::-1]
    reserved = 0
    if opening is not None and opening < number - 1:
        reserved = min(size(opening), max(room // 3, 1))
    left = room - reserved
    kept: list[tuple[int, int]] = []
    for at in range(number - 1, -1, -1):
        if at == opening and reserved:
            continue
        if size(at) > left and kept:
            break
        kept.append((at, min(size(at), left)))
        left -= kept[-1][1]
    if opening is not None and reserved:
        kept.append((opening, min(size(opening), reserved + left)))
    return sorted(kept)
