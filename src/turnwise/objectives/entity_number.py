"""Entity number prediction (ENP): how many entities are in an utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.classify import class_head, class_loss, class_score
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Pooling
from turnwise.objectives.places import Place, Places, pad
from turnwise.sequences import Composer
from turnwise.store import TurnStore

TaggerName = Literal["rules", "stanza", "spacy"]


@dataclass(frozen=True)
class EntityNumber(Objective):
    """P = softmax(W h_[CLS]) over 0, 1, ... ``most`` entities; more count as ``most``.

    ``tagger`` says who counts them, once, when the turns are stored: see ``turnwise.entities``.
    Source: DSDF, section 3.2, equation 3.
    """

    batch_size: int = 32
    most: int = 5
    pooling: Pooling = "cls"
    tagger: TaggerName = "rules"

    name: ClassVar[str] = "entity_number"
    paper: ClassVar[str] = "DSDF, 3.2 (ENP)"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if not 1 <= self.most <= 127:
            raise InputError(f"most is {self.most}, expected 1 to 127")

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """Every turn. Raises CorpusError when entities were not counted, or all turns have as many."""
        entities = np.minimum(np.asarray(store.entities), self.most)
        if (entities < 0).any():
            raise CorpusError(f"{self.name} needs the entities of each turn counted; store the turns with a tagger")
        if len(np.unique(entities)) < 2:
            raise CorpusError(
                f"{self.name} has one class alone: all {store.turns} turns have {int(entities[0])} entities by the "
                f"tagger {self.tagger!r}; choose another tagger or objective"
            )
        turns = np.arange(store.turns)
        return Places(store, turns, turns + 1)

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        return class_head(encoder.dim, self.most + 1)

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        composer = Composer(codec)
        rows = [composer.single(place.store.turn(place.start).ids) for place in examples]
        labels = [min(int(place.store.entities[place.start]), self.most) for place in examples]
        return Batch((pad(rows, codec),), {"labels": torch.tensor(labels)})

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        return class_loss(hidden[0], head, batch.targets["labels"], self.pooling)

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return class_score(hidden[0], head, batch.targets["labels"], self.pooling)
