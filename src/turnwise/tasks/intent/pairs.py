"""ConvFiT's Stage 2 as published: positive and negative pairs, a Tanh projection, SMAX, COS or OCL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.heads import Projection
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective
from turnwise.tasks.intent.examples import IntentExample, as_examples, label_names, utterances


@dataclass(frozen=True, slots=True)
class Pair:
    """Two utterances and whether they share an intent."""

    left: IntentExample
    right: IntentExample
    same: bool


class PairHead(nn.Module):
    """The projection, and for SMAX the weight matrix W of shape (2, 3 d_o)."""

    def __init__(self, projection: Projection, softmax: bool) -> None:
        super().__init__()
        self.projection = projection
        self.classifier = nn.Linear(3 * projection.width, 2, bias=False) if softmax else nn.Identity()


@dataclass(frozen=True)
class PairContrast(Objective):
    """Pull utterances of one intent together, push others apart, pair by pair.

    For each positive pair (x_i, x_j), ``negatives`` = n pairs (x_i, x') and n pairs (x', x_j) with x' of another
    intent: 2 n negative pairs. With x = tanh(W_o mean(h) + b) of ``width`` = d_o:

    ======== ==================================================================================
    ``smax`` cross-entropy of softmax(W (x_i + x_j + |x_i - x_j|)), + being concatenation
    ``cos``  (delta - cos(x_i, x_j))^2, delta = 0.8 for positive and 0.3 for negative pairs
    ``ocl``  d^2 for positive, relu(delta_m - d)^2 for negative pairs, d = 1 - cos, delta_m = 0.5,
             summed over the hard pairs of the batch alone: positives farther than the nearest
             negative, negatives nearer than the farthest positive
    ======== ==================================================================================

    Source: Vulić et al. 2021, "ConvFiT", section 2.2 and footnote 5; defaults from section 3. ``width`` None is
    min(512, hidden); the paper's is 512. Each text of a batch is encoded once, whatever the pairs it is in.
    """

    loss_name: Literal["smax", "cos", "ocl"] = "ocl"
    negatives: int = 3
    batch_size: int = 32
    width: int | None = None
    positive_target: float = 0.8
    negative_target: float = 0.3
    margin: float = 0.5
    pair_limit: int | None = None
    seed: int = 0

    name: ClassVar[str] = "pairs"
    splits: ClassVar[bool] = False
    paper: ClassVar[str] = "ConvFiT (Vulić et al., 2021), 2.2"

    def __post_init__(self) -> None:
        if self.loss_name not in ("smax", "cos", "ocl"):
            raise InputError(f"loss_name is {self.loss_name!r}, expected smax, cos or ocl")
        if self.negatives < 1 or self.batch_size < 2:
            raise InputError(
                f"negatives is {self.negatives} and batch_size {self.batch_size}, expected at least 1 and 2"
            )

    def examples(self, dialogues: Sequence[Dialogue], codec: Codec) -> list[Pair]:
        found = utterances(dialogues)
        return self.pairs(as_examples(found, label_names(found), codec))

    def pairs(self, examples: Sequence[IntentExample]) -> list[Pair]:
        """PP and NP, balanced as above; at most ``pair_limit`` positive pairs, drawn with ``seed``."""
        rng = np.random.default_rng(self.seed)
        groups: dict[int, list[int]] = {}
        for row, example in enumerate(examples):
            for label in example.labels:
                groups.setdefault(label, []).append(row)
        positive = sorted({(i, j) for rows in groups.values() for at, i in enumerate(rows) for j in rows[at + 1 :]})
        if not positive:
            raise CorpusError("no intent has two utterances, so there is no positive pair; give 2 or more an intent")
        if self.pair_limit is not None and len(positive) > self.pair_limit:
            kept = rng.permutation(len(positive))[: self.pair_limit]
            positive = [positive[row] for row in sorted(kept)]
        labels = [set(example.labels) for example in examples]
        found: list[Pair] = []
        for i, j in positive:
            found.append(Pair(examples[i], examples[j], True))
            for other in self._others(labels, i, rng):
                found.append(Pair(examples[i], examples[other], False))
            for other in self._others(labels, j, rng):
                found.append(Pair(examples[other], examples[j], False))
        return found

    def _others(self, labels: Sequence[set[int]], row: int, rng: np.random.Generator) -> Iterator[int]:
        if not any(other.isdisjoint(labels[row]) for other in labels):
            return  # it shares an intent with every other utterance
        drawn = 0
        while drawn < self.negatives:
            other = int(rng.integers(len(labels)))
            if labels[other].isdisjoint(labels[row]) and other != row:
                drawn += 1
                yield other

    def head(self, encoder: Encoder, examples: Sequence[Pair]) -> PairHead:
        return PairHead(Projection(encoder.dim, self.width or min(512, encoder.dim)), self.loss_name == "smax")

    def batches(self, examples: Sequence[Pair], rng: np.random.Generator) -> Iterator[list[int]]:
        order = rng.permutation(len(examples))
        for start in range(0, len(order), self.batch_size):
            yield [int(row) for row in order[start : start + self.batch_size]]

    def epoch_steps(self, examples: Sequence[Pair]) -> int:
        return -(-len(examples) // self.batch_size)

    def collate(self, examples: Sequence[Pair], codec: Codec, draws: Draws) -> Batch:
        """Encodings of the distinct texts; ``left`` and ``right`` (pairs,) are rows of them taken together."""
        texts = {example.tokens.ids: example.tokens for pair in examples for example in (pair.left, pair.right)}
        distinct = list(texts.values())
        encodings, order = codec.batches(distinct)
        rows = {distinct[at].ids: row for row, at in enumerate(order)}
        return Batch(
            encodings,
            {
                "left": torch.tensor([rows[pair.left.tokens.ids] for pair in examples]),
                "right": torch.tensor([rows[pair.right.tokens.ids] for pair in examples]),
                "same": torch.tensor([pair.same for pair in examples]),
            },
        )

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(head, PairHead)
        vectors = head.projection(torch.cat([part.mean() for part in hidden]))
        left, right = vectors[batch.targets["left"]], vectors[batch.targets["right"]]
        same = batch.targets["same"]
        if self.loss_name == "smax":
            return softmax_loss(head.classifier, left, right, same)
        cosine = functional.cosine_similarity(left, right)
        if self.loss_name == "cos":
            return cosine_loss(cosine, same, positive=self.positive_target, negative=self.negative_target)
        return online_contrastive_loss(cosine, same, margin=self.margin)


def softmax_loss(classifier: nn.Module, left: Tensor, right: Tensor, same: Tensor) -> Tensor:
    """SMAX: mean cross-entropy of the pair classifier; ``left`` and ``right`` (pairs, d_o), ``same`` (pairs,)."""
    logits = classifier(torch.cat([left, right, (left - right).abs()], dim=-1))
    return functional.cross_entropy(logits, same.long())


def cosine_loss(cosine: Tensor, same: Tensor, *, positive: float, negative: float) -> Tensor:
    """COS: mean squared distance of the cosines (pairs,) to their targets."""
    target = torch.where(same, positive, negative).to(cosine.dtype)
    return functional.mse_loss(cosine, target)


def online_contrastive_loss(cosine: Tensor, same: Tensor, *, margin: float) -> Tensor:
    """OCL over cosines (pairs,): the sum over hard positives and hard negatives.

    In a batch with positives or negatives only, the mean distance of the pairs stands in for the missing bound.
    """
    distance = 1 - cosine
    positives, negatives = distance[same], distance[~same]
    mean = distance.detach().mean()
    nearest = negatives.min() if len(negatives) else mean
    farthest = positives.max() if len(positives) else mean
    hard_positives = positives[positives > nearest]
    hard_negatives = negatives[negatives < farthest]
    return hard_positives.pow(2).sum() + functional.relu(margin - hard_negatives).pow(2).sum()
