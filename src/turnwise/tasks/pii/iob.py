"""IOB tags: spans of tokens as a tag a token, and the likeliest tags that are spans again.

Tag 0 is outside; of kind k, tag 1 + 2 k begins a span and tag 2 + 2 k goes on with it (IOB2: Ramshaw and Marcus, 1995,
with every span begun). A sequence is valid when each inside tag follows a begin or inside tag of its kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Tags = NDArray[np.int64]
Floats = NDArray[np.float64]
OUTSIDE = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """The tokens from ``start`` up to, not including, ``end``, and the number of their kind."""

    start: int
    end: int
    kind: int


def width(kinds: int) -> int:
    """Tags of so many kinds."""
    return 1 + 2 * kinds


def encode(stretches: Sequence[Stretch], tokens: int) -> Tags:
    """The tags (tokens,) of stretches that do not overlap."""
    tags = np.full(tokens, OUTSIDE, dtype=np.int64)
    for stretch in stretches:
        tags[stretch.start : stretch.end] = 2 + 2 * stretch.kind
        tags[stretch.start] = 1 + 2 * stretch.kind
    return tags


def decode(tags: Tags) -> list[Stretch]:
    """The stretches of valid tags (tokens,); ``decode(encode(s, n)) == s`` in order."""
    found = []
    starts = [at for at, tag in enumerate(tags) if tag % 2]
    for start in starts:
        end = start + 1
        while end < len(tags) and tags[end] == tags[start] + 1:
            end += 1
        found.append(Stretch(start, end, int(tags[start] - 1) // 2))
    return found


def around(probabilities: Floats, outside: NDArray[np.bool_], kinds: Sequence[int]) -> Floats:
    """The probabilities (tokens, tags) when the ``outside`` tokens (tokens,) are known, and none is of ``kinds``.

    They do not sum to 1: ``Chain`` normalises whole sequences.
    """
    found = probabilities.copy()
    for kind in kinds:
        found[:, 1 + 2 * kind : 3 + 2 * kind] = 0
    found[outside] = 0
    found[outside, OUTSIDE] = 1
    return found


class Chain:
    """Tags of which the probability is the product of the tokens' own, invalid sequences forbidden.

    p(y) = prod_t p_t(y_t) / Z for valid y, Z being the sum over them. ``probabilities`` has shape (tokens, tags). No
    span begins or ends before a token that is ``joined`` (tokens,) to the one before it.
    """

    def __init__(self, probabilities: Floats, joined: NDArray[np.bool_] | None = None) -> None:
        self.scores = np.log(np.clip(probabilities, 1e-12, 1))
        self.joined = np.zeros(len(self.scores), dtype=bool) if joined is None else joined.copy()
        self.joined[:1] = False

    def best(self) -> tuple[Tags, float]:
        """The likeliest valid tags (Viterbi, 1967) and their probability."""
        tokens, tags = self.scores.shape
        if tokens == 0:
            return np.zeros(0, dtype=np.int64), 1.0
        back = np.zeros((tokens, tags), dtype=np.int64)
        scores = _first(self.scores[0])
        inside = np.arange(2, tags, 2)
        for at in range(1, tokens):
            before = OUTSIDE if self.joined[at] else int(scores.argmax())
            arrived = np.full(tags, scores[before])
            back[at] = before
            if self.joined[at]:
                arrived[1::2] = -np.inf
            goes_on = scores[inside] >= scores[inside - 1]
            back[at, inside] = np.where(goes_on, inside, inside - 1)
            arrived[inside] = np.where(goes_on, scores[inside], scores[inside - 1])
            scores = arrived + self.scores[at]
        path = np.zeros(tokens, dtype=np.int64)
        path[-1] = scores.argmax()
        for at in range(tokens - 1, 0, -1):
            path[at - 1] = back[at, path[at]]
        return path, float(np.exp(min(0.0, scores.max() - self._total)))

    def probability(self, stretch: Stretch) -> float:
        """The probability that exactly this stretch is tagged as one span of its kind: all tags around it summed up."""
        start, end, kind = stretch.start, stretch.end, stretch.kind
        found = float(self.scores[start, 1 + 2 * kind] + self.scores[start + 1 : end, 2 + 2 * kind].sum())
        if self.joined[start] or (end < len(self.scores) and self.joined[end]):
            return 0.0
        if start:
            found += _sum(self._forward[start - 1])
        if end < len(self.scores):
            found += _sum(_first(self.scores[end] + self._backward[end]))
        return float(np.exp(min(0.0, found - self._total)))

    @cached_property
    def _forward(self) -> Floats:
        """Log of the sum over all valid tags up to a token, by its tag."""
        found = np.zeros_like(self.scores)
        found[0] = _first(self.scores[0])
        for at in range(1, len(found)):
            before = found[at - 1]
            arrived = np.full(before.shape, before[OUTSIDE] if self.joined[at] else _sum(before))
            if self.joined[at]:
                arrived[1::2] = -np.inf
            arrived[2::2] = np.logaddexp(before[1::2], before[2::2])
            found[at] = arrived + self.scores[at]
        return found

    @cached_property
    def _backward(self) -> Floats:
        """Log of the sum over all valid tags after a token, by its tag."""
        found = np.zeros_like(self.scores)
        for at in range(len(found) - 2, -1, -1):
            after = self.scores[at + 1] + found[at + 1]
            if self.joined[at + 1]:
                found[at, OUTSIDE] = after[OUTSIDE]
                found[at, 1::2] = found[at, 2::2] = after[2::2]
            else:
                fresh = _sum(_first(after))
                found[at] = fresh
                found[at, 1::2] = found[at, 2::2] = np.logaddexp(fresh, after[2::2])
        return found

    @cached_property
    def _total(self) -> float:
        return _sum(self._forward[-1])


def _first(scores: Floats) -> Floats:
    """The scores without those of tags that cannot begin."""
    found = scores.copy()
    found[2::2] = -np.inf
    return found


def _sum(scores: Floats) -> float:
    return float(np.logaddexp.reduce(scores))
