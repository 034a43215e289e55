"""Response ranking with in-batch negatives (MNEG): ConvFiT's Stage 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.contrast import Similarity, contrast_loss, equal_rows, first_place, gathered, similarities
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Pooling
from turnwise.objectives.places import Place, Places, pad
from turnwise.sequences import UNKNOWN, Composer
from turnwise.store import TurnStore


@dataclass(frozen=True)
class ResponseRanking(Objective):
    """Rank the true response of a context above the other responses of the batch.

    With S(c, r) = D cos(c, r), mean-pooled c and r of one shared encoder, and a batch of B pairs of single turns::

        L = - 1/B sum_i [ S(c_i, r_i) - log sum_j exp S(c_i, r_j) ]

    The sum over j includes the positive (j = i), as in the library the paper ran with; its equation 1 leaves
    the positive out, which ``include_positive=False`` does. A response whose text equals that of the true one, or
    that of the context itself, is no negative. ``scale`` is D. ``limit`` caps the number of pairs: the first
    ``limit`` of a seeded permutation.

    Source: Vulić et al. 2021, "ConvFiT", section 2.1; scale 20 is the sentence-transformers default.
    """

    batch_size: int = 64
    pooling: Pooling = "mean"
    similarity: Similarity = "cosine"
    scale: float = 20.0
    include_positive: bool = True
    limit: int | None = None
    seed: int = 0

    name: ClassVar[str] = "response_ranking"
    paper: ClassVar[str] = "ConvFiT (Vulić et al., 2021), 2.1"
    splits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise InputError(f"batch_size is {self.batch_size}; in-batch negatives need at least 2")
        if self.scale <= 0:
            raise InputError(f"scale is {self.scale}, expected a positive number")
        if self.similarity not in ("cosine", "dot"):
            raise InputError(f"similarity is {self.similarity!r}, expected cosine or dot")
        if self.limit is not None and self.limit < 2:
            raise InputError(f"limit is {self.limit}; in-batch negatives need at least 2 pairs")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}, expected 0 or more")

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """Every pair of adjacent turns of which the speakers differ (or are not known).

        Raises CorpusError when there are fewer than two.
        """
        speaker = np.asarray(store.speaker)
        follows = np.ones(store.turns, dtype=bool)
        follows[np.asarray(store.dialogue_start[:-1])] = False
        turns = np.flatnonzero(follows[1:] & ((speaker[:-1] == UNKNOWN) | (speaker[:-1] != speaker[1:])))
        if len(turns) < 2:
            raise CorpusError(
                f"response ranking needs at least 2 pairs of turns, found {len(turns)} in {store.dialogues} dialogues; "
                "give dialogues in which the speakers take turns"
            )
        if self.limit is not None and self.limit < len(turns):
            turns = np.sort(np.random.default_rng(self.seed).permutation(turns)[: self.limit])
        return Places(store, turns, turns + 2)

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        """No parameters."""
        return nn.Identity()

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        """Two encodings, contexts and responses; ``context`` and ``response`` (B,) are equal for equal texts."""
        composer = Composer(codec)
        turns = [place.store.span(place.start, place.end) for place in examples]
        return Batch(
            (
                pad([composer.single(context.ids) for context, _ in turns], codec),
                pad([composer.single(response.ids) for _, response in turns], codec),
            ),
            {
                "context": torch.tensor([place.store.key(place.start) for place in examples]),
                "response": torch.tensor([place.store.key(place.start + 1) for place in examples]),
            },
        )

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        contexts, responses = (gathered(part.pooled(self.pooling)) for part in hidden)
        context, response = gathered(batch.targets["context"]), gathered(batch.targets["response"])
        return contrast_loss(
            contexts,
            responses,
            same=_no_negatives(context, response),
            scale=self.scale,
            similarity=self.similarity,
            include_positive=self.include_positive,
        )

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """``recall@1`` of each context among the responses of the batch that the loss compares it with."""
        scores = similarities(hidden[0].pooled(self.pooling), hidden[1].pooled(self.pooling), self.similarity)
        same = _no_negatives(batch.targets["context"], batch.targets["response"])
        return {"recall@1": first_place(scores, same)}


def _no_negatives(context: Tensor, response: Tensor) -> Tensor:
    """(contexts, responses) where a response has the text of the true one or of the context."""
    return equal_rows(response) | (context[:, None] == response[None, :])
