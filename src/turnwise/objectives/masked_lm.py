"""Masked language modelling (MLM), riding on whatever sequences there are; alone it rides on whole dialogues."""

import math
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
from turnwise.objectives.objective import Draws, Hidden, Rider, at_positions
from turnwise.sequences import TEXT

_PURPOSE = 101


class VocabularyHead(nn.Module):
    """BERT's: a dense layer, GELU, layer norm, and the embeddings E as the last matrix: logits = E h' + b."""

    def __init__(self, embeddings: nn.Parameter, dim: int) -> None:
        super().__init__()
        self.dense = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-12)
        self.embeddings = embeddings
        self.bias = nn.Parameter(torch.zeros(len(embeddings)))
        with torch.no_grad():
            self.dense.weight.copy_(torch.eye(dim))
            self.dense.bias.zero_()

    def forward(self, states: Tensor) -> Tensor:
        """Logits (positions, vocabulary) of states (positions, dim)."""
        hidden = self.norm(functional.gelu(self.dense(states)))
        return functional.linear(hidden, self.embeddings, self.bias)


@dataclass(frozen=True)
class MaskedLM(Rider):
    """Predict tokens that were hidden::

        L = - 1/|M| sum_{t in M} log softmax(E h'_t + b)[x_t]

    M is ``rate`` of the ordinary tokens of a sequence, at least one; of these ``masked`` become [MASK], ``random`` a
    random token, the rest stay. Special tokens, speaker tokens and padding are never chosen. The cross-entropy is
    computed at the chosen positions only. E is tied to the input embeddings.

    Source: Devlin et al. 2019; CS-BERT, section 3.1.
    """

    rate: float = 0.15
    masked: float = 0.8
    random: float = 0.1

    name: ClassVar[str] = "masked_lm"
    paper: ClassVar[str] = "CS-BERT, 3.1; Devlin et al., 2019"

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise InputError(f"rate is {self.rate}, expected a number between 0 and 1")
        if min(self.masked, self.random) < 0 or self.masked + self.random > 1:
            raise InputError(
                f"masked is {self.masked} and random {self.random}; expected shares that add up to at most 1"
            )

    def head(self, encoder: Encoder) -> VocabularyHead:
        if encoder.codec.tokenizer.mask_token_id is None:
            raise InputError(f"the tokenizer of {encoder.name} has no mask token; masked_lm needs one")
        return VocabularyHead(encoder.embeddings, encoder.dim)

    def corrupt(self, encoding: Encoding, codec: Codec, draws: Draws) -> tuple[Encoding, dict[str, Tensor]]:
        ids = encoding.ids.clone()
        free = encoding.mask.bool() & (encoding.marks == TEXT if encoding.marks is not None else _ordinary(ids, codec))
        vocabulary = codec.word_ids
        positions: list[int] = []
        labels: list[int] = []
        for row in range(len(ids)):
            places = torch.nonzero(free[row]).flatten().numpy()
            if not len(places):
                continue
            rng = draws.text(encoding.ids[row, encoding.mask[row].bool()], _PURPOSE)
            chosen = np.sort(rng.permutation(places)[: max(1, round(self.rate * len(places)))])
            fate = rng.random(len(chosen))
            substitutes = vocabulary[rng.integers(len(vocabulary), size=len(chosen))]
            old = ids[row].numpy()[chosen]
            new = np.where(
                fate < self.masked,
                codec.tokenizer.mask_token_id,
                np.where(fate < self.masked + self.random, substitutes, old),
            )
            ids[row, chosen] = torch.from_numpy(new)
            positions += (row * ids.shape[1] + chosen).tolist()
            labels += old.tolist()
        found = {
            "positions": torch.tensor(positions, dtype=torch.int64),
            "labels": torch.tensor(labels, dtype=torch.int64),
        }
        return Encoding(ids, encoding.mask, encoding.segments, encoding.marks), found

    def loss(self, hidden: Sequence[Hidden], head: nn.Module, targets: Sequence[Mapping[str, Tensor]]) -> Tensor:
        states, labels = at_positions(hidden, targets)
        logits: Tensor = head(states)
        if not len(labels):
            return logits.sum()
        return functional.cross_entropy(logits, labels)

    def score(
        self, hidden: Sequence[Hidden], head: nn.Module, targets: Sequence[Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """``nats`` of each hidden token (perplexity is the exponential of their mean), and whether it was guessed."""
        states, labels = at_positions(hidden, targets)
        logits: Tensor = head(states)
        nats = functional.cross_entropy(logits, labels, reduction="none")
        return {"nats": nats, "accuracy": (logits.argmax(1) == labels).float()}


def perplexity(nats: float) -> float:
    """exp of the mean cross-entropy; infinite where that overflows."""
    return math.exp(nats) if nats < 700 else math.inf


def _ordinary(ids: Tensor, codec: Codec) -> Tensor:
    special = torch.tensor(sorted(codec.special_ids))
    return ~torch.isin(ids, special)
