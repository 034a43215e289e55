"""What an objective is: examples in, batches of ids, and a loss over the encoder's states."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from turnwise.codec import Codec, Encoding
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder, mean_pool


@dataclass(frozen=True, slots=True)
class Batch:
    """One optimizer step's input: an Encoding per encoder pass, and whatever the loss compares with."""

    encodings: tuple[Encoding, ...]
    targets: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hidden:
    """States of one encoder pass: ``states`` (batch, tokens, dim) and ``mask`` (batch, tokens)."""

    states: Tensor
    mask: Tensor

    def mean(self) -> Tensor:
        """Sentence vectors (batch, dim): the mean over the tokens."""
        return mean_pool(self.states, self.mask)


class Objective(ABC):
    """Hyper-parameters of one loss, and nothing learned: a frozen dataclass in every concrete class.

    The loop runs the encoder and owns the head; an objective never holds or calls either. What an example is
    belongs to the objective; it is tokenised once, in ``examples``.
    """

    name: ClassVar[str]
    paper: ClassVar[str]

    @abstractmethod
    def examples(self, dialogues: Sequence[Dialogue], codec: Codec) -> Sequence[Any]:
        """All examples of a corpus, tokenised. Raises CorpusError when there is none."""

    @abstractmethod
    def head(self, encoder: Encoder, examples: Sequence[Any]) -> nn.Module:
        """The trainable module that the loss uses beside the encoder."""

    @abstractmethod
    def batches(self, examples: Sequence[Any], rng: np.random.Generator) -> Iterator[list[int]]:
        """One epoch: the row numbers of each batch."""

    @abstractmethod
    def epoch_steps(self, examples: Sequence[Any]) -> int:
        """How many batches ``batches`` yields."""

    @abstractmethod
    def collate(self, examples: Sequence[Any], codec: Codec) -> Batch:
        """The batch of some examples."""

    @abstractmethod
    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """A scalar, from the states of each encoding."""
