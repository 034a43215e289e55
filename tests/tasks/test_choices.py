"""First choices: shown or not, right or not, worked by hand."""

import numpy as np
import pytest

from turnwise.tasks.choices import Choices
from turnwise.tasks.confidence import Confidence
from turnwise.tasks.pool import Pool, Response
from turnwise.tasks.ranks import histogram

POOL = Pool.of((Response(name, f"text of {name}") for name in "abc"), source="test")
# right and shown, wrong and shown, right and hidden, nothing right in the pool and shown
CHOICES = Choices(
    np.array([0, 1, 2, -1]), np.array([0, 0, 2, 0]), np.array([2.0, 1.0, -1.0, 0.5]), Confidence(threshold=0.5)
)


def test_shares_by_hand() -> None:
    assert CHOICES.right.tolist() == [True, False, True, False]
    assert CHOICES.shown.tolist() == [True, True, False, True]
    found = CHOICES.measured(np.ones(4))
    assert (found["shown"], found["shown_right"], found["found"]) == pytest.approx((3 / 4, 1 / 3, 1 / 3))
    found = CHOICES.measured(np.array([1.0, 0.0, 1.0, 0.0]))
    assert (found["shown"], found["shown_right"], found["found"]) == pytest.approx((1 / 2, 1, 1 / 2))
    # sigma(2) = 0.8808 and sigma(-1) = 0.2689 are right: the gaps are 0.1192 and 0.7311
    assert found["ece"] == pytest.approx((0.1192 + 0.7311) / 2, abs=1e-4)


def test_nothing_is_shown_behind_a_threshold_above_one() -> None:
    found = Choices(CHOICES.gold, CHOICES.top, CHOICES.score, Confidence(threshold=1.1)).measured(np.ones(4))
    assert (found["shown"], found["shown_right"], found["found"]) == (0, 0, 0)


def test_each_response_by_hand() -> None:
    found = CHOICES.details(POOL)
    counts = {"given": 1, "right": 1, "shown": 3, "shown_right": 1, "missed": 0}
    assert found["responses"][0] == {"id": "a", "text": "text of a", **counts}
    b = {"given": 1, "right": 0, "shown": 0, "shown_right": 0, "missed": 1}
    assert found["responses"][1] == {"id": "b", "text": "text of b", **b}
    assert [row["id"] for row in found["responses"]] == ["a", "b", "c"]
    assert found["threshold"] == 0.5
    assert sum(row["n"] for row in found["reliability"]) == 4
    assert found["coverage"][-1] == {"coverage": 1.0, "accuracy": 0.5, "threshold": pytest.approx(0.2689, abs=1e-4)}


def test_ranks_are_counted_up_to_the_worst() -> None:
    assert histogram(np.array([1, 1, 3, 4, 5])) == [
        {"low": 1, "high": 1, "n": 2},
        {"low": 2, "high": 2, "n": 0},
        {"low": 3, "high": 3, "n": 1},
        {"low": 4, "high": 5, "n": 2},
    ]
    assert histogram(np.array([101, 5000]))[-1] == {"low": 101, "high": None, "n": 2}
    assert histogram(np.zeros(0, dtype=np.int64)) == []
