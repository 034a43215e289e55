"""Dialogue speaker prediction (DSP): customer or agent, from one utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.classify import class_head, class_loss, class_score
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Pooling
from turnwise.objectives.places import Place, Places, pad
from turnwise.sequences import AGENT, CUSTOMER, UNKNOWN, Composer
from turnwise.store import TurnStore


@dataclass(frozen=True)
class SpeakerPrediction(Objective):
    """P = softmax(W h_[CLS]) of one utterance without its speaker token; cross-entropy with who said it.

    Turns without a speaker are left out. Source: DSDF (Task-level further pre-training), section 3.2, equation 1.
    """

    batch_size: int = 32
    pooling: Pooling = "cls"

    name: ClassVar[str] = "speaker"
    paper: ClassVar[str] = "DSDF, 3.2 (DSP)"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """Every turn of a known speaker. Raises CorpusError when only one of the two speaks."""
        speaker = np.asarray(store.speaker)
        missing = [name for name, code in (("customer", CUSTOMER), ("agent", AGENT)) if not (speaker == code).any()]
        if missing:
            raise CorpusError(
                f"{self.name} tells customers from agents, and the {store.dialogues} dialogues have no turn of "
                f"{' or '.join(missing)}; give dialogues in which both speak"
            )
        turns = np.flatnonzero(speaker != UNKNOWN)
        return Places(store, turns, turns + 1)

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        return class_head(encoder.dim, 2)

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        composer = Composer(codec)
        turns = [place.store.turn(place.start) for place in examples]
        labels = torch.tensor([int(turn.speaker == AGENT) for turn in turns])
        return Batch((pad([composer.single(turn.ids) for turn in turns], codec),), {"labels": labels})

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        return class_loss(hidden[0], head, batch.targets["labels"], self.pooling)

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return class_score(hidden[0], head, batch.targets["labels"], self.pooling)
