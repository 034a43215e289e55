"""What an objective is: examples in, batches of ids, and a loss over the encoder's states."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.codec import Codec, Encoding
from turnwise.encoder import Encoder, mean_pool
from turnwise.objectives.places import length_shuffled, window_steps

Pooling = Literal["cls", "mean"]


@dataclass(frozen=True, slots=True)
class Batch:
    """One optimizer step's input: an Encoding per encoder pass, and whatever the loss compares with.

    ``count`` is the number of things the loss is a mean over (rows, masked tokens): micro-batches and processes are
    averaged in its proportion. None is the number of rows of the first encoding.
    """

    encodings: tuple[Encoding, ...]
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    count: int | None = None

    @property
    def number(self) -> int:
        """``count``, or the number of rows of the first encoding."""
        return len(self.encodings[0].ids) if self.count is None else self.count


@dataclass(frozen=True, slots=True)
class Hidden:
    """States of one encoder pass: ``states`` (batch, tokens, dim) and ``mask`` (batch, tokens)."""

    states: Tensor
    mask: Tensor

    def mean(self) -> Tensor:
        """Sentence vectors (batch, dim): the mean over the tokens."""
        return mean_pool(self.states, self.mask)

    def pooled(self, pooling: Pooling) -> Tensor:
        """One vector a sequence, (batch, dim): the state of [CLS], or the mean over the tokens."""
        return self.states[:, 0] if pooling == "cls" else self.mean()


@dataclass(frozen=True, slots=True)
class Draws:
    """Random generators keyed by example, so that a run that is resumed or spread draws the same.

    ``rows`` are the examples' numbers in the order of the batch.
    """

    seed: int
    part: int
    epoch: int
    rows: tuple[int, ...]

    def row(self, at: int, purpose: int = 0) -> np.random.Generator:
        """The generator of the batch's example ``at``; another ``purpose`` has another stream."""
        return np.random.default_rng([self.seed, self.part, self.epoch, self.rows[at], purpose])

    def text(self, ids: Tensor, purpose: int) -> np.random.Generator:
        """The generator of an encoded sequence (tokens,), whatever batch it is in: for riders, which see no example."""
        key = zlib.crc32(ids.numpy().tobytes())
        return np.random.default_rng([self.seed, self.part, self.epoch, key, purpose])


class Objective(ABC):
    """Hyper-parameters of one loss, and nothing learned: a frozen dataclass in every concrete class.

    The loop runs the encoder and owns the head; an objective never holds or calls either. What an example is
    belongs to the objective; it is tokenised once, when the examples are made. ``splits`` says whether a batch may be
    cut into micro-batches: losses that contrast the examples of a batch with each other may not. ``learns`` is
    False for a mere carrier of riders. ``learns_from`` is what examples are made of: dialogues, or pairs of sentences.
    """

    batch_size: int
    name: ClassVar[str]
    paper: ClassVar[str]
    splits: ClassVar[bool] = True
    learns: ClassVar[bool] = True
    learns_from: ClassVar[Literal["dialogues", "pairs"]] = "dialogues"

    @abstractmethod
    def head(self, encoder: Encoder, examples: Sequence[Any]) -> nn.Module:
        """The trainable module that the loss uses beside the encoder."""

    def batches(self, examples: Any, rng: np.random.Generator) -> Iterator[list[int]]:
        """One epoch: the row numbers of each batch; of like length by default."""
        return length_shuffled(examples, self.batch_size, rng, least=self._least)

    def epoch_steps(self, examples: Sequence[Any]) -> int:
        """How many batches ``batches`` yields."""
        return window_steps(len(examples), self.batch_size, least=self._least)

    @property
    def _least(self) -> int:
        """Examples of a batch, at least: one alone has nothing to be contrasted with."""
        return 1 if self.splits else 2

    @abstractmethod
    def collate(self, examples: Sequence[Any], codec: Codec, draws: Draws) -> Batch:
        """The batch of some examples; all that is random in it comes from ``draws``."""

    @abstractmethod
    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """A scalar, from the states of each encoding."""

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """What else is measured on held-out data: for each metric one value a row (or a masked token)."""
        return {}


class Rider(ABC):
    """A loss that rides on the sequences of an objective: it corrupts them, and is computed from the same states."""

    name: ClassVar[str]
    paper: ClassVar[str]

    @abstractmethod
    def head(self, encoder: Encoder) -> nn.Module:
        """The trainable module that the loss uses beside the encoder."""

    @abstractmethod
    def corrupt(self, encoding: Encoding, codec: Codec, draws: Draws) -> tuple[Encoding, dict[str, Tensor]]:
        """The encoding with some tokens replaced, and the targets: what was there, and where."""

    def count(self, targets: Sequence[Mapping[str, Tensor]]) -> int:
        """The number of hidden ``positions``: what the loss is a mean over."""
        return sum(len(target["positions"]) for target in targets)

    @abstractmethod
    def loss(self, hidden: Sequence[Hidden], head: nn.Module, targets: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """A scalar, from the states and the targets of each encoding."""

    def score(
        self, hidden: Sequence[Hidden], head: nn.Module, targets: Sequence[Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """What else is measured on held-out data: for each metric one value a prediction."""
        return {}


def at_positions(hidden: Sequence[Hidden], targets: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor]:
    """The states at what a rider hid (hidden, dim) and their ``labels`` (hidden,), all encodings taken together."""
    states = [part.states.flatten(0, 1)[target["positions"]] for part, target in zip(hidden, targets, strict=True)]
    return torch.cat(states), torch.cat([target["labels"] for target in targets])
