"""The bank of labelled utterances and how a new one is scored against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from turnwise.errors import InputError
from turnwise.vectors import unit

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Inference:
    """How the evidence of the space becomes a distribution over intents.

    ``votes``, ``prototypes`` and ``directions`` are the weights of three distributions that are averaged:
    soft votes of neighbours, softmax over class means, softmax over the trained class directions. With unit
    vectors, query q, bank x_n with intents y_n, class means m_c and directions w_c::

        votes       p_c ~ sum_{n in nearest k, y_n = c} exp(q . x_n / temperature)
        prototypes  p_c ~ exp(prototype_scale  q . m_c / |m_c|)
        directions  p_c ~ exp(direction_scale  q . w_c / |w_c|)

    ``neighbours`` k = None takes the whole bank. k = 1 with votes alone is ConvFiT's inference (2.2); soft votes
    are those of nearest-neighbour softmax classifiers (Wu et al. 2018, "Unsupervised Feature Learning via
    Non-Parametric Instance Discrimination", 3.4).
    """

    neighbours: int | None = None
    temperature: float = 0.05
    votes: float = 1.0
    prototypes: float = 1.0
    prototype_scale: float = 20.0
    directions: float = 1.0
    direction_scale: float = 20.0

    def __post_init__(self) -> None:
        if self.neighbours is not None and self.neighbours < 1:
            raise InputError(f"neighbours is {self.neighbours}, expected at least 1")
        if self.temperature <= 0:
            raise InputError(f"temperature is {self.temperature}, expected a positive number")
        if min(self.votes, self.prototypes, self.directions) < 0 or self.votes + self.prototypes + self.directions == 0:
            raise InputError("votes, prototypes and directions are weights: none negative, not all zero")


class Bank:
    """Labelled utterances with unit vectors (rows, dim). Out-of-scope rows have no labels.

    ``names`` are the intents, sorted; scores have one column each, and one more, the last, when the bank has
    out-of-scope rows.
    """

    def __init__(self, texts: Sequence[str], labels: Sequence[tuple[str, ...]], vectors: Array) -> None:
        if not len(texts) == len(labels) == len(vectors):
            raise InputError(
                f"{len(texts)} texts, {len(labels)} label sets and {len(vectors)} vectors; expected as many"
            )
        self.texts = tuple(texts)
        self.labels = tuple(labels)
        self.vectors = vectors
        self.names = tuple(sorted({name for row in labels for name in row}))
        self.has_out_of_scope = any(not row for row in labels)
        place = {name: column for column, name in enumerate(self.names)}
        self.membership = np.zeros((len(texts), self.width), dtype=np.float32)
        for row, names in enumerate(labels):
            for name in names:
                self.membership[row, place[name]] = 1 / len(names)
            if not names:
                self.membership[row, -1] = 1

    @property
    def width(self) -> int:
        """Columns of a score matrix."""
        return len(self.names) + self.has_out_of_scope

    @cached_property
    def means(self) -> Array:
        """Unit class means, (width, dim)."""
        return unit(self.membership.T @ self.vectors)

    def with_rows(self, texts: Sequence[str], labels: Sequence[tuple[str, ...]], vectors: Array) -> "Bank":
        """A bank with more rows."""
        return Bank(
            (*self.texts, *texts), (*self.labels, *labels), np.concatenate([self.vectors, vectors]).astype(np.float32)
        )

    def without(self, kept: Sequence[bool]) -> "Bank":
        """A bank with the rows marked True."""
        rows = [row for row, keep in enumerate(kept) if keep]
        return Bank([self.texts[r] for r in rows], [self.labels[r] for r in rows], self.vectors[rows])

    def scores(self, queries: Array, inference: Inference, directions: Array | None = None) -> Array:
        """Distributions over the columns, (queries, width); ``queries`` are unit vectors (queries, dim).

        ``directions`` (width, dim) are needed when their weight is not zero; a row of zeros is replaced by the
        class mean, so that an intent added later takes part.
        """
        cosines = queries @ self.vectors.T
        total = np.zeros((len(queries), self.width), dtype=np.float32)
        weight = 0.0
        if inference.votes:
            total += inference.votes * self.votes(cosines, inference.neighbours, inference.temperature)
            weight += inference.votes
        if inference.prototypes:
            total += inference.prototypes * softmax(inference.prototype_scale * queries @ self.means.T)
            weight += inference.prototypes
        if inference.directions and directions is not None:
            total += inference.directions * softmax(
                inference.direction_scale * queries @ self._directions(directions).T
            )
            weight += inference.directions
        return total / weight if weight else self.votes(cosines, inference.neighbours, inference.temperature)

    def several(self, queries: Array, scale: float, directions: Array | None = None) -> Array:
        """Probability of each intent by itself (queries, intents), for utterances of several intents::

        p_c(q) = sigmoid(scale (q . w_c / |w_c| - 1/2))
        """
        chosen = self._directions(directions)[: len(self.names)]
        return np.asarray(1 / (1 + np.exp(-scale * (queries @ chosen.T - 0.5))), dtype=np.float32)

    def scope(self, queries: Array, scale: float, directions: Array | None = None) -> Array:
        """In-scope score (queries,): how near a query is to any intent at all, an energy (Liu et al. 2020)::

            e(q) = 1/scale log sum_c exp(scale  q . w_c / |w_c|)

        over the trained class directions (out of scope has none), or the class means where there are none.
        """
        chosen = self._directions(directions)[: len(self.names)]
        logits = scale * queries @ chosen.T
        top = logits.max(axis=1)
        return np.asarray((top + np.log(np.exp(logits - top[:, None]).sum(axis=1))) / scale, dtype=np.float32)

    def _directions(self, directions: Array | None) -> Array:
        """Unit class directions (width, dim); the class mean stands in for a row of zeros."""
        means = self.means
        if directions is None:
            return means
        return unit(np.where(np.abs(directions).sum(1, keepdims=True) > 0, directions, means))

    def votes(self, cosines: Array, neighbours: int | None, temperature: float) -> Array:
        """Soft votes (queries, width) of the ``neighbours`` nearest rows, from cosines (queries, rows)."""
        logits = cosines / temperature
        if neighbours is not None and neighbours < cosines.shape[1]:
            kept = nearest_rows(cosines, neighbours)
            mask = np.full_like(logits, -np.inf)
            np.put_along_axis(mask, kept, 0, axis=1)
            logits = logits + mask
        return softmax(logits) @ self.membership


def nearest_rows(cosines: Array, number: int) -> NDArray[np.intp]:
    """The ``number`` rows of highest cosine, best first; ties go to the lower row. (queries, number)"""
    number = min(number, cosines.shape[1])
    if number == 1:
        return np.asarray(cosines.argmax(1)[:, None])
    return np.argsort(-cosines, axis=1, kind="stable")[:, :number]


def softmax(logits: NDArray[np.floating]) -> Array:
    """Along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float32)
