"""From contexts to the responses of a pool: by a dual encoder, and by what was answered to contexts like them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from turnwise.tasks.contexts import Context
from turnwise.tasks.dual import DualEncoder, Vectors
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranks import Floats, Ints, mean_reciprocal_rank, pessimistic_ranks

SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Weights of the precedents to choose from."""
_TOGETHER = 512
"""Contexts that are compared with all precedents at once."""


@dataclass(frozen=True)
class Precedents:
    """Training turns that a response of the pool was given at.

    ``vectors`` (turns, dim) are those of their contexts, ``responses`` (turns,) the numbers of what was answered.
    """

    vectors: Vectors
    responses: Ints


class Retriever:
    """The probability of each response of a pool after a context, from vectors of one encoder::

        p(r | c) = (1 - w) softmax_r(scale cos(c, r)) + w sum_{i: r_i = r} softmax_i(scale cos(c, c_i))

    The first part is the dual encoder, which knows what a response says. The second is the share of the votes of the
    precedents (c_i, r_i), which know what this desk answers: of many texts that would do, one is the custom. A
    response without a precedent still has the first part. ``share`` is w.

    Source: the loss of the first part is DSDF's, section 3.3; the mixture is that of a language model with its
    nearest neighbours, Khandelwal et al. 2020, "Generalization through Memorization", section 2.
    """

    def __init__(
        self,
        dual: DualEncoder,
        vectors: Vectors,
        scale: float,
        *,
        precedents: Precedents | None = None,
        share: float = 0.0,
    ) -> None:
        self.dual = dual
        self.vectors = vectors
        """(pool, dim): the responses."""
        self.scale = scale
        self.precedents = precedents
        self.share = share

    @classmethod
    def of(cls, dual: DualEncoder, pool: Pool, scale: float) -> "Retriever":
        """One without precedents; encodes the pool."""
        return cls(dual, dual.responses(pool.texts), scale)

    def refresh(self, pool: Pool) -> None:
        """Encode the pool again: after the encoder has learned."""
        self.vectors = self.dual.responses(pool.texts)

    def scores(self, contexts: Sequence[Context]) -> Floats:
        """log p, (contexts, pool)."""
        return self.scored(self.dual.contexts(contexts))

    def scored(self, vectors: Vectors) -> Floats:
        """The same for contexts whose vectors (contexts, dim) are known."""
        parts = [
            _mixed(*self._parts(vectors[at : at + _TOGETHER]), self.share) for at in range(0, len(vectors), _TOGETHER)
        ]
        return np.concatenate([*parts, np.zeros((0, len(self.vectors)))])

    def among(self, vectors: Vectors, responses: Vectors, numbers: Ints) -> Floats:
        """log p where the candidates are other ``responses`` (n, dim) than the pool: (contexts, n).

        ``numbers`` (n,) are theirs in the pool, -1 where it lacks them. No precedent can vote for these: they keep
        their probability, and the votes are shares of what the dual encoder gives the others together.
        """
        own, votes = _softmax(self._alike(vectors, responses)), self._votes(vectors)
        if votes is None:
            return _mixed(own, None, 0.0)
        known = numbers >= 0
        theirs = own[:, known].sum(1, keepdims=True) * votes[:, numbers]
        return _mixed(own, np.where(known, theirs, own), self.share)

    def alike(self, contexts: Sequence[Context]) -> Floats:
        """The scaled cosines alone, (contexts, pool)."""
        return self._alike(self.dual.contexts(contexts), self.vectors)

    def remember(self, contexts: Sequence[Context], responses: Sequence[int] | Ints, most: int, seed: int) -> None:
        """Take these contexts and the numbers of what was answered as precedents; of many ``most``, drawn by chance.

        Without any the share is 0.
        """
        self.precedents, self.share = None, 0.0
        rows = np.sort(np.random.default_rng([seed, 4]).permutation(len(contexts))[:most])
        if len(rows):
            vectors = self.dual.contexts([contexts[row] for row in rows.tolist()])
            # rounded as they are kept, so that a saved model answers to the last digit like this one
            halves = vectors.astype(np.float16).astype(np.float32)
            self.precedents = Precedents(halves, np.asarray(responses, dtype=np.int64)[rows])
            self.share = 0.5

    def choose_share(self, contexts: Sequence[Context], gold: Ints) -> None:
        """The share with the highest MRR of held-out contexts (n,) with their responses ``gold``; of equal ones the
        lowest. Without precedents or contexts it stays."""
        if self.precedents is None or not len(gold):
            return
        own, votes = self._parts(self.dual.contexts(contexts))
        found = {share: mean_reciprocal_rank(pessimistic_ranks(_mixed(own, votes, share), gold)) for share in SHARES}
        self.share = max(SHARES, key=lambda share: found[share])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a model folder keeps of it beside ``content``."""
        found: dict[str, NDArray[Any]] = {"vectors": self.vectors}
        if self.precedents is not None:
            found["precedents"] = self.precedents.vectors.astype(np.float16)
            found["answers"] = self.precedents.responses
        return found

    def content(self) -> dict[str, float]:
        """The plain values of it."""
        return {"scale": self.scale, "share": self.share}

    @classmethod
    def read(cls, dual: DualEncoder, pool: Pool, arrays: Mapping[str, NDArray[Any]], content: Any) -> "Retriever":
        """What ``arrays`` and ``content`` described. Raises KeyError, TypeError or ValueError when they did not."""
        vectors, precedents = arrays["vectors"], None
        if len(vectors) != len(pool):
            raise ValueError(f"it has {len(vectors)} vectors for {len(pool)} responses")
        if "precedents" in arrays:
            answers = arrays["answers"].astype(np.int64)
            if len(answers) != len(arrays["precedents"]) or not ((answers >= 0) & (answers < len(pool))).all():
                raise ValueError("its precedents name responses that are not in its pool")
            precedents = Precedents(arrays["precedents"].astype(np.float32), answers)
        return cls(dual, vectors, float(content["scale"]), precedents=precedents, share=float(content["share"]))

    def _alike(self, vectors: Vectors, others: Vectors) -> Floats:
        return self.scale * (vectors @ others.T).astype(np.float64)

    def _parts(self, vectors: Vectors) -> tuple[Floats, Floats | None]:
        return _softmax(self._alike(vectors, self.vectors)), self._votes(vectors)

    def _votes(self, vectors: Vectors) -> Floats | None:
        """The shares of the precedents' votes, (contexts, pool)."""
        if self.precedents is None:
            return None
        near = _softmax(self._alike(vectors, self.precedents.vectors))
        votes = np.zeros((len(vectors), len(self.vectors)))
        for row, weights in enumerate(near):
            votes[row] = np.bincount(self.precedents.responses, weights, minlength=len(self.vectors))
        return votes


def _softmax(scores: Floats) -> Floats:
    found: Floats = torch.from_numpy(scores).softmax(1).numpy()
    return found


def _mixed(own: Floats, votes: Floats | None, share: float) -> Floats:
    found: Floats = np.log(own if votes is None else (1 - share) * own + share * votes)
    return found
