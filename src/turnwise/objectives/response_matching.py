"""Context response matching (CRM): the whole context against the responses of the batch, a dual encoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.contrast import (
    Similarity,
    contrast_loss,
    equal_rows,
    first_place,
    gathered,
    neighbour_loss,
    similarities,
)
from turnwise.objectives.next_turn import answered
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Pooling
from turnwise.objectives.places import Place, Places, pad
from turnwise.sequences import AGENT, Composer
from turnwise.store import TurnStore


@dataclass(frozen=True)
class ResponseMatching(Objective):
    """With context vectors c and response vectors r of one encoder, and a batch of B pairs::

        L = - 1/B sum_i log [ exp(scale c_i . r_i) / sum_j exp(scale c_i . r_j) ]

    c and r are the states of [CLS] and their product the dot product, as in the response contrastive loss of
    TOD-BERT; ``pooling="mean"`` and ``similarity="cosine"`` (with a ``scale`` of 20) are the choices of response
    ranking. A response with the text of the true one is no negative. ``neighbours`` is the weight of a second loss, by
    which contexts with one response are drawn together, see ``neighbour_loss``; 0 as published.

    Source: DSDF, section 3.2 (CRM); Wu et al. 2020, "TOD-BERT", section 3.
    """

    batch_size: int = 32
    pooling: Pooling = "cls"
    similarity: Similarity = "dot"
    scale: float = 1.0
    neighbours: float = 0.0

    name: ClassVar[str] = "response_matching"
    paper: ClassVar[str] = "DSDF, 3.2 (CRM); TOD-BERT"
    splits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise InputError(f"batch_size is {self.batch_size}; in-batch negatives need at least 2")
        if self.scale <= 0:
            raise InputError(f"scale is {self.scale}, expected a positive number")
        if self.neighbours < 0:
            raise InputError(f"neighbours is {self.neighbours}, expected 0 or more")
        if self.similarity not in ("cosine", "dot"):
            raise InputError(f"similarity is {self.similarity!r}, expected cosine or dot")

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """Every agent turn with what came before. Raises CorpusError when there are fewer than two."""
        return answered(store, name=self.name, least=2)

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        """No parameters."""
        return nn.Identity()

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        """Two encodings, contexts and responses; ``key`` (B,) is equal where responses have the same text."""
        composer = Composer(codec)
        contexts, responses, keys = [], [], []
        for place in examples:
            store, last = place.store, place.end - 1
            told = store.turn(last)
            contexts.append(composer.dialogue(store.context(place.start, last), profile=store.profile_at(last)))
            responses.append(composer.single(told.ids, AGENT))
            keys.append(store.key(last))
        return Batch((pad(contexts, codec), pad(responses, codec)), {"key": torch.tensor(keys)})

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        contexts, responses = (gathered(part.pooled(self.pooling)) for part in hidden)
        same = equal_rows(gathered(batch.targets["key"]))
        loss = contrast_loss(contexts, responses, same=same, scale=self.scale, similarity=self.similarity)
        if self.neighbours:
            loss = loss + self.neighbours * neighbour_loss(contexts, same=same, scale=self.scale)
        return loss

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """``recall@1`` of each context among the responses of the batch."""
        scores = similarities(hidden[0].pooled(self.pooling), hidden[1].pooled(self.pooling), self.similarity)
        return {"recall@1": first_place(scores, equal_rows(batch.targets["key"]))}
