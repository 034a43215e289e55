"""The cross-encoder's loss: does this response follow this context?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.classify import class_head, class_loss, class_score
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Pooling
from turnwise.objectives.places import length_shuffled, pad, window_steps
from turnwise.sequences import LEAST_TOKENS, Composer, Row
from turnwise.tasks.answers import YesNo
from turnwise.tasks.ranking.examples import Ints, Pair, Pairs
from turnwise.tasks.responder import LAYER, RespondingTask

Shortlist = Literal["separate", "shared", "none"]
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Ranking(RespondingTask, Objective):
    """P(next | context, profile, response) = softmax(W h + b), the head of next-turn prediction.

    Each context comes with the response given to it and ``negatives`` others: of the pool where the response is in
    it, of freely typed turns where it was typed. A share ``hard`` of the pool's are drawn from those that the
    shortlist's encoder takes for most alike. ``mix`` is the number of typed turns for each whose response is in the
    pool; they are drawn again where there are too few. As published ``negatives`` is 1, ``hard`` 0, ``mix`` 1.

    A pool of more than ``top_k`` is ranked in two steps: a retriever chooses ``top_k``, the cross-encoder ranks these.
    The retriever's dual encoder is a model of its own (``shortlist`` separate), or one trunk with the cross-encoder,
    which then learns both losses (shared); with none the whole pool is scored. Without ``cross`` no cross-encoder is
    fitted, and the retriever ranks alone. The cross-encoder reads at most ``pair_tokens`` of a context with a
    response, all that the encoder takes when it is None. ``gold_layer``, ``shown``, ``precision`` and ``profile``: see
    ``Selection``. ``batch_size`` counts contexts.

    Source: CS-BERT, sections 3.2 and 4.2.
    """

    batch_size: int = 32
    pooling: Pooling = "cls"
    negatives: int = 1
    hard: float = 0.0
    mix: float = 1.0
    cross: bool = True
    shortlist: Shortlist = "separate"
    top_k: int = 8
    pair_tokens: int | None = None
    profile: bool = True
    gold_layer: str = LAYER
    shown: int = 5
    precision: float = 0.5

    name: ClassVar[str] = "ranking"
    paper: ClassVar[str] = "CS-BERT, 4.2"
    layer: ClassVar[str] = LAYER

    def __post_init__(self) -> None:
        for name in ("batch_size", "negatives", "top_k", "shown"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}, expected at least 1")
        if not 0 <= self.hard <= 1:
            raise InputError(f"hard is {self.hard}, expected a share from 0 to 1")
        if self.mix < 0:
            raise InputError(f"mix is {self.mix}, expected 0 or more")
        if self.pooling not in get_args(Pooling):
            raise InputError(f"pooling is {self.pooling!r}, expected one of {', '.join(get_args(Pooling))}")
        if self.shortlist not in get_args(Shortlist):
            raise InputError(f"shortlist is {self.shortlist!r}, expected one of {', '.join(get_args(Shortlist))}")
        if not self.cross and self.shortlist == "none":
            raise InputError("cross is false and shortlist none, so nothing would rank; turn one of them on")
        if self.pair_tokens is not None and self.pair_tokens < LEAST_TOKENS:
            raise InputError(f"pair_tokens is {self.pair_tokens}, expected at least {LEAST_TOKENS}")
        YesNo(self.precision)  # raises InputError

    def shortlist_of(self, pool: int) -> Shortlist:
        """The shortlist for so many responses: none where the cross-encoder can score them all."""
        return "none" if self.cross and pool <= self.top_k else self.shortlist

    def composer(self, codec: Codec) -> Composer:
        """What puts a context and a response together."""
        return Composer(codec, self.pair_tokens)

    def head(self, encoder: Encoder, examples: Sequence[Pair]) -> nn.Module:
        return class_head(encoder.dim, 2)

    def batches(self, examples: Pairs, rng: np.random.Generator) -> Iterator[list[int]]:
        """One epoch: every annotated pair once, and ``mix`` times as many typed ones."""
        mixed = _Mixed(examples, np.concatenate([np.arange(examples.annotated), self._typed(examples, rng)]))
        for rows in length_shuffled(mixed, self.batch_size, rng):
            yield mixed.rows[rows].tolist()

    def epoch_steps(self, examples: Sequence[Pair]) -> int:
        assert isinstance(examples, Pairs)
        return window_steps(examples.annotated + self._typed_number(examples), self.batch_size)

    def collate(self, examples: Sequence[Pair], codec: Codec, draws: Draws) -> Batch:
        """For each pair a row with its response, labelled 1, and ``negatives`` with others; the batch counts rows."""
        composer = self.composer(codec)
        rows: list[Row] = []
        labels: list[int] = []
        for at, pair in enumerate(examples):
            rng = draws.row(at)
            rows.append(pair.context.row(composer, pair.response))
            labels.append(1)
            for _ in range(self.negatives):
                hard = pair.near is not None and len(pair.near) > 0 and rng.random() < self.hard
                other = pair.candidates.draw(rng, pair.response, pair.near if hard else None)
                if other is not None:
                    rows.append(pair.context.row(composer, other))
                    labels.append(0)
        return Batch((pad(rows, codec),), {"labels": torch.tensor(labels)}, len(rows))

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        return class_loss(hidden[0], head, batch.targets["labels"], self.pooling)

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """``accuracy`` of each row."""
        return class_score(hidden[0], head, batch.targets["labels"], self.pooling)

    def _typed_number(self, examples: Pairs) -> int:
        typed = len(examples) - examples.annotated
        return min(round(self.mix * examples.annotated), typed * 100) if examples.annotated else typed

    def _typed(self, examples: Pairs, rng: np.random.Generator) -> Ints:
        """Numbers of typed pairs: one permutation after the other."""
        number, typed = self._typed_number(examples), len(examples) - examples.annotated
        rounds = -(-number // typed) if typed else 0
        drawn = [examples.annotated + rng.permutation(typed) for _ in range(rounds)]
        return np.concatenate([*drawn, _NONE])[:number].astype(np.int64)


class _Mixed:
    """The pairs of an epoch, by their numbers ``rows``."""

    def __init__(self, pairs: Pairs, rows: Ints) -> None:
        self.pairs = pairs
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def lengths(self, rows: NDArray[np.integer]) -> Ints:
        return self.pairs.lengths(self.rows[rows])
