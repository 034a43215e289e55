"""The softmax classifier: a linear layer over the intents, with out of scope as one more class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective
from turnwise.tasks.intent.bank import Array, Bank, softmax
from turnwise.tasks.intent.examples import IntentExample, Utterance, class_means, labelled_batch

Name = str | None
"""A class: an intent, or None for out of scope."""


class LinearClasses(nn.Module):
    """W (classes, dim) and b, started at the unit mean of each class and 0; logits W (scale x) + b, x of length 1.

    The first ``intents`` classes are intents; where there is one more, it is out of scope.
    """

    def __init__(self, means: Tensor, scale: float, intents: int) -> None:
        super().__init__()
        self.intents = intents
        self.weight = nn.Parameter(means)
        self.bias = nn.Parameter(torch.zeros(len(means)))
        self.scale = scale

    def forward(self, vectors: Tensor) -> Tensor:
        """Logits (batch, classes) of vectors (batch, dim) of any length."""
        return functional.linear(self.scale * functional.normalize(vectors, dim=-1), self.weight, self.bias)

    def accuracy(self, encoder: Encoder, examples: Sequence[IntentExample]) -> float:
        """Share of the examples whose likeliest class is one of theirs."""
        vectors = torch.from_numpy(encoder.encode([example.tokens for example in examples], precision="auto"))
        with torch.inference_mode():
            best = self(vectors.to(self.bias.device)).argmax(1).tolist()
        classes = [example.labels or (self.intents,) for example in examples]
        return float(np.mean([column in labels for column, labels in zip(best, classes, strict=True)]))

    def rows(self) -> Array:
        """A row for each class, (classes, dim + 1), as ``Classes`` has them: the weights times the scale, and b."""
        both = torch.cat([self.scale * self.weight, self.bias[:, None]], dim=1)
        return np.asarray(both.detach().cpu().numpy(), dtype=np.float32)


@dataclass(frozen=True)
class SoftmaxClasses(Objective):
    """Cross-entropy of P = softmax(W s x + b), x the unit vector of an utterance (its mean state), s = ``scale``.

    One class an intent, and the last one for out of scope where the examples have it. An utterance of several intents
    spreads its target evenly. As published x is the encoder's summary vector as it is; here it has length 1, so that
    the same vector finds the neighbours that an answer shows and every export of the encoder can answer.

    Source: DSDF, section 3.3, equation 5 (INT).
    """

    batch_size: int = 64
    scale: float = 20.0
    label_smoothing: float = 0.0

    name: ClassVar[str] = "softmax"
    paper: ClassVar[str] = "DSDF, 3.3 (INT)"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if self.scale <= 0:
            raise InputError(f"scale is {self.scale}, expected a positive number")
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"label_smoothing is {self.label_smoothing}, expected 0 or more and less than 1")

    def head(self, encoder: Encoder, examples: Sequence[IntentExample]) -> LinearClasses:
        means = class_means(encoder, examples, out_of_scope=True)
        outside = any(not example.labels for example in examples)
        return LinearClasses(torch.from_numpy(means), self.scale, len(means) - outside)

    def batches(self, examples: Sequence[IntentExample], rng: np.random.Generator) -> Iterator[list[int]]:
        order = rng.permutation(len(examples)).tolist()
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

    def epoch_steps(self, examples: Sequence[IntentExample]) -> int:
        return -(-len(examples) // self.batch_size)

    def collate(self, examples: Sequence[IntentExample], codec: Codec, draws: Draws) -> Batch:
        return labelled_batch(examples, codec)

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        logits = head(torch.cat([part.mean() for part in hidden]))
        labels = batch.targets["labels"]
        labels = functional.pad(labels, (0, logits.shape[1] - labels.shape[1]))
        labels[:, -1] += labels.sum(1) == 0
        return functional.cross_entropy(
            logits, labels / labels.sum(1, keepdim=True), label_smoothing=self.label_smoothing
        )


@dataclass(frozen=True)
class Classes:
    """A trained linear layer by name: ``rows[name]`` (dim + 1,) are the weights of unit vectors and the bias."""

    rows: Mapping[Name, Array]

    def logits(self, queries: Array, bank: Bank) -> Array:
        """Logits (queries, width) in the columns of ``bank``, which may have lost intents since the training."""
        names: list[Name] = [*bank.names, *([None] if bank.has_out_of_scope else [])]
        chosen = np.stack([self.rows[name] for name in names])
        return np.asarray(queries @ chosen[:, :-1].T + chosen[:, -1], dtype=np.float32)

    def scores(self, queries: Array, bank: Bank) -> Array:
        """Distributions (queries, width)."""
        return softmax(self.logits(queries, bank))

    def scope(self, queries: Array, bank: Bank) -> Array:
        """In-scope scores (queries,): an energy over the intents::

            log sum_c exp(l_c)        (Liu et al. 2020, "Energy-based Out-of-distribution Detection")

        The class of out-of-scope examples is not in it: it knows what these were, and others are unlike them.
        """
        inside = self.logits(queries, bank)[:, : len(bank.names)]
        top = inside.max(axis=1)
        return np.asarray(top + np.log(np.exp(inside - top[:, None]).sum(axis=1)), dtype=np.float32)

    def check(self, found: Sequence[Utterance]) -> None:
        """Raises InputError when an utterance has a class that was not trained."""
        for utterance in found:
            for name in utterance.labels or (None,):
                if name not in self.rows:
                    said = "out of scope" if name is None else f"the intent {name!r}"
                    raise InputError(
                        f"a softmax classifier takes no new class, and it was not trained on {said}; fit it again with "
                        "such examples, or fit with --classifier similarity, which takes them without training"
                    )


def refuse_several(found: Sequence[Utterance]) -> None:
    """Raises CorpusError where a quarter of the utterances with an intent have several: these need a decision each."""
    counts = [len(utterance.labels) for utterance in found if utterance.labels]
    number = sum(count > 1 for count in counts)
    if 4 * number >= len(counts) > 0:
        raise CorpusError(
            f"{number} of {len(counts)} utterances have several intents, and softmax shares one answer out among them; "
            "fit with --classifier similarity"
        )
