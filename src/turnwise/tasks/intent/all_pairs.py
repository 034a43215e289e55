"""The default Stage 2: every utterance encoded once a step, all pairs of the batch in the loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective
from turnwise.tasks.intent.examples import (
    IntentExample,
    as_examples,
    class_means,
    label_names,
    labelled_batch,
    utterances,
)


class ClassHead(nn.Module):
    """One direction per intent, (intents, dim), started at the mean of its utterances' unit vectors."""

    def __init__(self, directions: Tensor) -> None:
        super().__init__()
        self.directions = nn.Parameter(directions)

    def forward(self, vectors: Tensor) -> Tensor:
        """Cosines (batch, intents)."""
        return functional.normalize(vectors, dim=-1) @ functional.normalize(self.directions, dim=-1).T


@dataclass(frozen=True)
class AllPairs(Objective):
    """Multi-Similarity loss over all cosines of a class-balanced batch, plus a cosine class head.

    With unit vectors, S_ij their cosines, P_i and N_i the rows that share an intent with i and that share none::

        L_MS = 1/m sum_i { 1/alpha log[1 + sum_{P_i} exp(-alpha (S_ip - lambda))]
                         + 1/beta  log[1 + sum_{N_i} exp( beta (S_in - lambda))] }

    where P_i keeps positives with S_ip < max_n S_in + epsilon and N_i negatives with S_in > min_p S_ip - epsilon
    (Wang et al. 2019, "Multi-Similarity Loss", equations 11 to 15), and::

        L = ms_weight L_MS + class_weight CE(softmax(s cos(x, w_c)), y)

    with ``margin`` taken off the cosine of the true intent (Wang et al. 2018, "CosFace") and label smoothing. An
    utterance of several intents spreads its target evenly, an out-of-scope one has the uniform target and is a
    negative to all. With ``several``, which ``fit_intent`` sets when many utterances have several intents, CE gives way
    to a binary cross-entropy of each intent by itself, of s (cos(x, w_c) - 1/2). Every utterance comes once an
    epoch, in groups of ``group`` of one intent, so that a batch has
    positives; a batch holds ``batch_size`` utterances.
    """

    batch_size: int = 152
    group: int = 4
    alpha: float = 2.0
    beta: float = 40.0
    threshold: float = 0.5
    epsilon: float = 0.1
    ms_weight: float = 1.0
    class_weight: float = 1.0
    class_scale: float = 20.0
    margin: float = 0.0
    several: bool = False
    label_smoothing: float = 0.0

    name: ClassVar[str] = "all_pairs"
    splits: ClassVar[bool] = False
    paper: ClassVar[str] = "beyond ConvFiT; Wang et al., 2019 (Multi-Similarity)"

    def __post_init__(self) -> None:
        if not 1 <= self.group <= self.batch_size or self.batch_size < 2:
            raise InputError(
                f"batch_size is {self.batch_size} and group {self.group}; expected at least 2, and a group within it"
            )

    def examples(self, dialogues: Sequence[Dialogue], codec: Codec) -> list[IntentExample]:
        found = utterances(dialogues)
        return as_examples(found, label_names(found), codec)

    def head(self, encoder: Encoder, examples: Sequence[IntentExample]) -> ClassHead:
        return ClassHead(torch.from_numpy(class_means(encoder, examples)))

    def batches(self, examples: Sequence[IntentExample], rng: np.random.Generator) -> Iterator[list[int]]:
        batch: list[int] = []
        groups = self._groups(examples, rng)
        steps = self.epoch_steps(examples)
        for number, at in enumerate(rng.permutation(len(groups)), start=1):
            batch += groups[at]
            if len(batch) >= self.batch_size and steps > 1 and number < len(groups):
                yield batch
                batch, steps = [], steps - 1
        yield batch

    def _groups(self, examples: Sequence[IntentExample], rng: np.random.Generator) -> list[list[int]]:
        """Rows in groups of one intent; one of an utterance's intents is drawn, out of scope is its own."""
        by_label: dict[int, list[int]] = {}
        for row, example in enumerate(examples):
            label = example.labels[rng.integers(len(example.labels))] if example.labels else -1
            by_label.setdefault(label, []).append(row)
        groups = []
        for label in sorted(by_label):
            rows = [by_label[label][at] for at in rng.permutation(len(by_label[label]))]
            groups += [rows[start : start + self.group] for start in range(0, len(rows), self.group)]
        return groups

    def epoch_steps(self, examples: Sequence[IntentExample]) -> int:
        return max(1, round(len(examples) / self.batch_size))

    def collate(self, examples: Sequence[IntentExample], codec: Codec, draws: Draws) -> Batch:
        return labelled_batch(examples, codec)

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(head, ClassHead)
        vectors = torch.cat([part.mean() for part in hidden])
        labels = functional.pad(batch.targets["labels"], (0, len(head.directions) - batch.targets["labels"].shape[1]))
        unit = functional.normalize(vectors, dim=-1)
        if self.several:
            classes = several_loss(self.class_scale * (head(vectors) - 0.5), labels)
        else:
            logits = self.class_scale * (head(vectors) - self.margin * labels)
            classes = class_loss(logits, labels, label_smoothing=self.label_smoothing)
        total = self.class_weight * classes
        if self.ms_weight > 0:
            total = total + self.ms_weight * multi_similarity_loss(
                unit @ unit.T,
                labels @ labels.T > 0,
                alpha=self.alpha,
                beta=self.beta,
                threshold=self.threshold,
                epsilon=self.epsilon,
            )
        return total


def class_loss(logits: Tensor, labels: Tensor, *, label_smoothing: float) -> Tensor:
    """Cross-entropy of logits (batch, intents) with targets spread over each row's labels, uniform without any."""
    counts = labels.sum(1, keepdim=True)
    target = torch.where(counts > 0, labels / counts.clamp(min=1), 1 / labels.shape[1])
    return functional.cross_entropy(logits, target, label_smoothing=label_smoothing)


def several_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of each intent by itself, summed over the intents and averaged over the batch."""
    return functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(labels)


def multi_similarity_loss(
    cosines: Tensor, same: Tensor, *, alpha: float, beta: float, threshold: float, epsilon: float
) -> Tensor:
    """L_MS over cosines (m, m) and ``same`` (m, m); a row is no pair of its own."""
    itself = torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
    positive, negative = same & ~itself, ~same & ~itself
    nearest = cosines.detach().masked_fill(~negative, -torch.inf).amax(1, keepdim=True)
    farthest = cosines.detach().masked_fill(~positive, torch.inf).amin(1, keepdim=True)
    positive = positive & (cosines.detach() < nearest + epsilon)
    negative = negative & (cosines.detach() > farthest - epsilon)
    pull = _log_one_plus_sum(-alpha * (cosines - threshold), positive) / alpha
    push = _log_one_plus_sum(beta * (cosines - threshold), negative) / beta
    return (pull + push).mean()


def _log_one_plus_sum(values: Tensor, kept: Tensor) -> Tensor:
    zero = torch.zeros(len(values), 1, dtype=values.dtype, device=values.device)
    return torch.logsumexp(torch.cat([zero, values.masked_fill(~kept, -torch.inf)], dim=1), dim=1)
