"""Ranks of the right response among others, and what is counted of them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Scored = Callable[[Ints, Ints], NDArray[np.floating]]
BATCH = 100
"""Candidates of the batches in which responses are selected (Henderson et al., 2019; DSDF, section 5)."""
SEEDS = 5
_RANGES = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, None))


def pessimistic_ranks(scores: NDArray[np.floating], gold: Ints) -> Ints:
    """Rank of column ``gold[i]`` in row i of ``scores`` (rows, candidates), 1 the best.

    What ties with it comes before it, a twin of the same text too.
    """
    right = scores[np.arange(len(gold)), gold]
    return np.asarray((scores >= right[:, None]).sum(1), dtype=np.int64)


def merged_ranks(scores: NDArray[np.floating], gold: Ints, keys: Ints) -> Ints:
    """The same with candidates of one key counted as one: other columns with the key of the gold one are no rivals.

    ``keys`` (candidates,) are equal where the texts are. Of several rivals with one key, one counts.
    """
    _, first = np.unique(keys, return_index=True)
    right = scores[np.arange(len(gold)), gold]
    ahead = scores[:, first] >= right[:, None]
    rivals = keys[first][None, :] != keys[gold][:, None]
    return np.asarray((ahead & rivals).sum(1) + 1, dtype=np.int64)


def recall(ranks: Ints, at: int, weights: Floats | None = None) -> float:
    """Share of the ranks that are ``at`` or better; 0 of none."""
    return _mean((ranks <= at).astype(np.float64), weights)


def mean_reciprocal_rank(ranks: Ints, weights: Floats | None = None) -> float:
    """Mean of 1 / rank; 0 of none."""
    return _mean(1 / np.maximum(ranks, 1), weights)


def histogram(ranks: Ints) -> list[dict[str, int | None]]:
    """How many ranks are from ``low`` to ``high``, ``n``; the last range has no end (None). Ranges up to the worst."""
    worst = int(ranks.max()) if len(ranks) else 0
    return [
        {"low": low, "high": high, "n": int(((ranks >= low) & (ranks <= (high or worst))).sum())}
        for low, high in _RANGES
        if low <= worst
    ]


def batches(number: int, seed: int, size: int = BATCH) -> list[Ints]:
    """A seeded permutation of ``number`` examples in batches of exactly ``size``; what is left over is dropped."""
    order = np.random.default_rng(seed).permutation(number)
    return [order[at : at + size] for at in range(0, number - size + 1, size)]


def batch_ranks(scored: Scored, keys: Ints, seed: int, size: int = BATCH) -> tuple[Ints, Ints, Ints]:
    """Examples that were in a batch, and their pessimistic and merged ranks among the responses of their batch.

    ``scored`` gets numbers of contexts and of responses, row i of both belong together, and gives (contexts,
    responses). ``keys`` (examples,) are equal where responses are twins: one of them is scored for all.
    """
    found: list[tuple[Ints, Ints, Ints]] = []
    for rows in batches(len(keys), seed, size):
        gold = np.arange(len(rows))
        # each response is scored once, so that equal texts tie to the last digit
        _, first, back = np.unique(keys[rows], return_index=True, return_inverse=True)
        scores = scored(rows, rows[first])[:, back]
        found.append((rows, pessimistic_ranks(scores, gold), merged_ranks(scores, gold, keys[rows])))
    if not found:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    examples, worst, merged = zip(*found, strict=True)
    return np.concatenate(examples), np.concatenate(worst), np.concatenate(merged)


def text_keys(texts: Sequence[str]) -> Ints:
    """A number for each text, equal where the texts are."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)


def _mean(values: Floats, weights: Floats | None) -> float:
    total = float(len(values)) if weights is None else float(weights.sum())
    summed = float(values.sum() if weights is None else (values * weights).sum())
    return summed / total if total else 0.0
