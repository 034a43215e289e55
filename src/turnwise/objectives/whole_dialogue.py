"""The plain carrier: whole dialogues in windows, with no loss of their own; what rides on them has one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective
from turnwise.objectives.places import Place, Places, pad
from turnwise.sequences import Composer
from turnwise.store import TurnStore


@dataclass(frozen=True)
class WholeDialogue(Objective):
    """Every turn of a dialogue once, in windows of at most ``max_tokens``, for MLM and masked speakers to ride on."""

    batch_size: int = 32

    name: ClassVar[str] = "whole_dialogue"
    paper: ClassVar[str] = "the carrier of masked_lm and masked_speaker"
    learns: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """Windows of consecutive turns that fit, with speaker tokens and metadata; a longer turn has its own window."""
        sizes = np.diff(np.asarray(store.turn_start)) + 1
        composer = Composer(codec)
        starts, ends = [], []
        for dialogue in range(store.dialogues):
            first, last = store.bounds(dialogue)
            profile = store.profile(dialogue) if len(store.profile_ids) else None
            room = codec.max_tokens - len(composer.dialogue([], profile=profile).ids)
            start, used = first, 0
            for turn in range(first, last):
                if used and used + sizes[turn] > room:
                    starts.append(start)
                    ends.append(turn)
                    start, used = turn, 0
                used += int(sizes[turn])
            starts.append(start)
            ends.append(last)
        return Places(store, np.array(starts, dtype=np.int32), np.array(ends, dtype=np.int32))

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        """No parameters."""
        return nn.Identity()

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        composer = Composer(codec)
        rows = [
            composer.dialogue(
                place.store.span(place.start, place.end),
                profile=place.store.profile_at(place.start),
                from_start=place.store.starts(place.start),
            )
            for place in examples
        ]
        return Batch((pad(rows, codec),))

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """Zero."""
        return hidden[0].states.new_zeros(())
