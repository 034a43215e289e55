"""Ranks with ties, worked by hand."""

import numpy as np
import pytest

from turnwise.tasks.ranks import (
    batch_ranks,
    batches,
    mean_reciprocal_rank,
    merged_ranks,
    pessimistic_ranks,
    recall,
    text_keys,
)

SCORES = np.array([[0.9, 0.5, 0.9, 0.1], [0.2, 0.8, 0.3, 0.3], [0.7, 0.7, 0.7, 0.7]])
GOLD = np.array([0, 2, 3])


def test_what_ties_comes_before_the_right_one() -> None:
    """Row 0: 0.9 twice, so 2. Row 1: 0.8 and the other 0.3 are before, so 3. Row 2: all tie, so 4."""
    assert pessimistic_ranks(SCORES, GOLD).tolist() == [2, 3, 4]


def test_twins_of_the_right_one_and_of_its_rivals_count_once() -> None:
    """Columns 0 and 2 are one text, A; 1 is B, 3 is C.

    Row 0: A is right, B and C are behind: 1. Row 1: A is right with 0.3 at column 2, B is before, C ties: 3.
    Row 2: C is right, A (once) and B tie: 3.
    """
    keys = text_keys(["A", "B", "A", "C"])
    assert keys.tolist() == [0, 1, 0, 2]
    assert merged_ranks(SCORES, GOLD, keys).tolist() == [1, 3, 3]


def test_recall_and_mean_reciprocal_rank() -> None:
    """Of the ranks 1, 2, 4: recall@1 1/3, recall@3 2/3, MRR (1 + 1/2 + 1/4) / 3 = 7/12."""
    ranks = np.array([1, 2, 4])
    assert recall(ranks, 1) == pytest.approx(1 / 3)
    assert recall(ranks, 3) == pytest.approx(2 / 3)
    assert mean_reciprocal_rank(ranks) == pytest.approx(7 / 12)
    weights = np.array([0.0, 2.0, 2.0])
    assert recall(ranks, 3, weights) == pytest.approx(0.5)
    assert mean_reciprocal_rank(ranks, weights) == pytest.approx(3 / 8)
    assert (recall(ranks[:0], 1), mean_reciprocal_rank(ranks[:0])) == (0.0, 0.0)


def test_batches_are_seeded_exact_and_drop_what_is_left() -> None:
    found = batches(250, 3)
    assert [len(rows) for rows in found] == [100, 100]
    assert len(set(np.concatenate(found).tolist())) == 200
    assert np.array_equal(found[0], batches(250, 3)[0])
    assert not np.array_equal(found[0], batches(250, 4)[0])
    assert batches(99, 0) == []


def test_r100_at_1_with_twins_by_hand() -> None:
    """One hundred contexts, each equal to its response's vector, but ten share one text.

    These ten tie with nine twins: pessimistic rank 10, merged rank 1. The ninety others have rank 1.
    """
    vectors = np.eye(91, dtype=np.float32)[[*range(91), *[90] * 9]]
    texts = [f"text {number}" for number in range(90)] + ["the same"] * 10
    rows, worst, merged = batch_ranks(
        lambda rows, columns: vectors[rows] @ vectors[columns].T, text_keys(texts), seed=0
    )
    assert sorted(rows.tolist()) == list(range(100))
    assert recall(worst, 1) == pytest.approx(0.9)
    assert sorted(set(worst.tolist())) == [1, 10]
    assert recall(merged, 1) == 1.0
    none = batch_ranks(lambda rows, columns: vectors[rows] @ vectors[columns].T, text_keys(texts[:99]), seed=0)
    assert all(len(part) == 0 for part in none)
