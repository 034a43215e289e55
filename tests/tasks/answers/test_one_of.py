"""Levels in an order, by hand."""

import math

import numpy as np
import pytest
import torch

from turnwise.dialogue import Evidence
from turnwise.errors import CorpusError, InputError
from turnwise.tasks.answers import Answered, OneOf

LEARNED = {"levels": [1, 2, 3]}


def test_levels_are_learned_and_a_new_one_counts_as_the_nearest() -> None:
    assert OneOf().learn([3, 1, 3, 2], "satisfaction") == LEARNED
    assert OneOf().target(3, LEARNED).tolist() == [0, 0, 1]
    assert OneOf().target(5, LEARNED).tolist() == [0, 0, 1]
    assert OneOf().target(2, {"levels": [1, 3]}).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("golds", "said"),
    [([2, 2], "all 2 are 2"), ([], "the corpus has none"), ([1, "3"], "is '3', expected"), ([1, True], "is True")],
)
def test_levels_that_cannot_be_learned(golds: list[object], said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        OneOf().learn(golds, "satisfaction")  # type: ignore[arg-type]


def test_loss_and_answer() -> None:
    """Logits 0, ln 2 and ln 5: probabilities 1/8, 2/8 and 5/8."""
    logits = torch.log(torch.tensor([[1.0, 2.0, 5.0]]))
    assert float(OneOf().loss(logits, torch.tensor([[0.0, 1.0, 0.0]]))) == pytest.approx(math.log(4))
    label, sure, others = OneOf().answer(OneOf().probabilities(logits).double().numpy()[0], LEARNED)
    assert (label, sure) == (3, pytest.approx(5 / 8))
    assert [name for name, _ in others] == ["3", "2", "1"]
    assert OneOf().quality(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([[0, 1], [0, 1]], np.float32), 1.0) == 0.5


def test_figures_by_hand() -> None:
    """1, 1, 3, 3 answered 1, 3, 3, 3. Observed disagreement (weights 0 and 4): 4/4 = 1; expected from the margins
    (1/2, 1/2) and (1/4, 3/4): 4 (1/2 3/4 + 1/2 1/4) = 2; kappa 1 - 1/2."""
    answers = [
        Answered(f"d{n}", gold, said, Evidence()) for n, (gold, said) in enumerate([(1, 1), (1, 3), (3, 3), (3, 3)])
    ]
    found = OneOf().measure(answers, LEARNED, draws=20, seed=0)
    assert found["kappa"] == pytest.approx(0.5)
    assert (found["accuracy"], found["majority"], found["n"]) == (0.75, 0.5, 4)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["confusion"] == {"labels": ["1", "3"], "counts": [[1, 1], [0, 2]]}
    assert found["intervals"]["accuracy"][0] < 0.75 < found["intervals"]["accuracy"][1]
    with pytest.raises(InputError, match="no dialogue is labelled"):
        OneOf().measure([], LEARNED, draws=1, seed=0)
