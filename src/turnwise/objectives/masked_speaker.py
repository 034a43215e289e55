"""Masked speaker prediction (MSP): who said this turn, from the words around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.codec import Codec, Encoding
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.classify import class_head
from turnwise.objectives.objective import Draws, Hidden, Rider, at_positions
from turnwise.sequences import AGENT_MARK, CUSTOMER_MARK, STRUCTURE, TEXT, Composer

_PURPOSE = 102


@dataclass(frozen=True)
class MaskedSpeaker(Rider):
    """Hide speaker tokens and tell the customer's from the agent's, binary cross-entropy of each hidden one.

    ``rate`` of the speaker tokens of a sequence are chosen, rounded up or down at random so that this is their mean
    share; of these ``masked`` become [MASK], ``other`` another speaker token, the rest stay. Where segments say who
    speaks (``segments="speaker"``), the whole turn of a chosen token gets segment 0, and so do [CLS] and [SEP] beside
    it, or the segment would give it away; ``as_published=True`` leaves the segments. Rides on sequences with speaker
    tokens; a sequence without any counts for nothing.

    Source: CS-BERT, section 3.3.
    """

    rate: float = 0.5
    masked: float = 0.8
    other: float = 0.1
    as_published: bool = False

    name: ClassVar[str] = "masked_speaker"
    paper: ClassVar[str] = "CS-BERT, 3.3"

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise InputError(f"rate is {self.rate}, expected a number above 0 and at most 1")
        if min(self.masked, self.other) < 0 or self.masked + self.other > 1:
            raise InputError(
                f"masked is {self.masked} and other {self.other}; expected shares that add up to at most 1"
            )

    def head(self, encoder: Encoder) -> nn.Module:
        if not Composer(encoder.codec).speaker_ids():
            raise InputError('masked_speaker needs speaker tokens; choose input.format = "tod" or "cs-bert"')
        return class_head(encoder.dim, 1)

    def corrupt(self, encoding: Encoding, codec: Codec, draws: Draws) -> tuple[Encoding, dict[str, Tensor]]:
        if encoding.marks is None:
            raise InputError("masked_speaker rides on dialogues; the sequences of this objective have no speakers")
        tokens = sorted(Composer(codec).speaker_ids())
        ids, segments = encoding.ids.clone(), None if encoding.segments is None else encoding.segments.clone()
        speakers = (encoding.marks == CUSTOMER_MARK) | (encoding.marks == AGENT_MARK)
        positions: list[int] = []
        labels: list[float] = []
        for row in range(len(ids)):
            places = torch.nonzero(speakers[row]).flatten().tolist()
            rng = draws.text(encoding.ids[row, encoding.mask[row].bool()], _PURPOSE)
            number = int(self.rate * len(places) + rng.random())
            chosen = sorted(rng.permutation(np.array(places, dtype=np.int64))[:number].tolist())
            for place in chosen:
                old, fate = int(ids[row, place]), float(rng.random())
                if fate < self.masked:
                    ids[row, place] = codec.tokenizer.mask_token_id
                elif fate < self.masked + self.other:
                    others = [token for token in tokens if token != old]
                    ids[row, place] = others[int(rng.integers(len(others)))]
                if segments is not None and codec.layout.segments == "speaker" and not self.as_published:
                    segments[row, _turn(encoding.marks[row], place)] = 0
                positions.append(row * ids.shape[1] + place)
                labels.append(float(encoding.marks[row, place] == AGENT_MARK))
        found = {"positions": torch.tensor(positions, dtype=torch.int64), "labels": torch.tensor(labels)}
        return Encoding(ids, encoding.mask, segments, encoding.marks), found

    def loss(self, hidden: Sequence[Hidden], head: nn.Module, targets: Sequence[Mapping[str, Tensor]]) -> Tensor:
        states, labels = at_positions(hidden, targets)
        logits: Tensor = head(states).squeeze(-1)
        if not len(labels):
            return logits.sum()
        return functional.binary_cross_entropy_with_logits(logits, labels)

    def score(
        self, hidden: Sequence[Hidden], head: nn.Module, targets: Sequence[Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        states, labels = at_positions(hidden, targets)
        logits: Tensor = head(states).squeeze(-1)
        return {"accuracy": ((logits > 0).float() == labels).float()}


def _turn(marks: Tensor, place: int) -> slice:
    """The turn whose speaker token is at ``place``, with the special tokens beside it."""
    end = place + 1
    while end < len(marks) and int(marks[end]) == TEXT:
        end += 1
    before, after = marks[place - 1] == STRUCTURE, end < len(marks) and marks[end] == STRUCTURE
    return slice(place - int(before), end + int(after))
