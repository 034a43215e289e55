"""Heads that are learned to the end on fixed states: the same as logistic regression gives."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from turnwise.tasks.answers.one_of import OneOf
from turnwise.tasks.answers.several import Several
from turnwise.tasks.answers.yes_no import YesNo
from turnwise.tasks.settle import STRENGTHS, answers_of, settled_heads

STATES = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32) * 7
SCALE = float(np.linalg.norm(STATES, axis=1).mean())
LABELS = np.stack([STATES[:, 0] + STATES[:, 1] > 4, STATES[:, 2] > 9, STATES[:, 3] < 0], axis=1).astype(np.float32)


def regression(strength: float, wanted: np.ndarray) -> LogisticRegression:
    found = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000)
    return found.fit(STATES.astype(np.float64) / SCALE, wanted)


def test_each_label_is_a_logistic_regression_of_its_own() -> None:
    head = nn.Linear(5, 3)
    for strength, found in settled_heads(Several(), head, STATES, LABELS):
        for label in range(3):
            wanted = regression(strength, LABELS[:, label])
            assert found.weight[label].detach().numpy() * SCALE == pytest.approx(wanted.coef_[0], rel=1e-3, abs=1e-3)
            assert found.bias[label].item() == pytest.approx(wanted.intercept_[0], rel=1e-3, abs=1e-3)
        answers = answers_of(Several(), found, STATES)
        assert answers[:, 0] == pytest.approx(
            regression(strength, LABELS[:, 0]).predict_proba(STATES / SCALE)[:, 1], abs=1e-3
        )


def test_levels_are_a_regression_over_all_of_them() -> None:
    """Its penalty is divided by the levels too: three levels at C are a regression at three times C."""
    levels = LABELS[:, 0].astype(int) + LABELS[:, 2].astype(int)
    targets = np.eye(3, dtype=np.float32)[levels]
    for strength, found in settled_heads(OneOf(), nn.Linear(5, 3), STATES, targets):
        wanted = regression(3 * strength, levels).predict_proba(STATES / SCALE)
        assert answers_of(OneOf(), found, STATES) == pytest.approx(wanted, abs=2e-3)


def test_the_answer_is_one_whatever_the_head_was_and_that_head_stays() -> None:
    torch.manual_seed(1)
    heads = [nn.Linear(5, 1), nn.Linear(5, 1)]
    before = [head.weight.detach().clone() for head in heads]
    found = [[head for _, head in settled_heads(YesNo(), head, STATES, LABELS[:, 1:2])] for head in heads]
    for one, other in zip(*found, strict=True):
        assert one.weight.detach().numpy() == pytest.approx(other.weight.detach().numpy(), abs=1e-3)
    assert len(found[0]) == len(STRENGTHS)
    assert all(torch.equal(head.weight, weight) for head, weight in zip(heads, before, strict=True))


@pytest.mark.parametrize("targets", [np.zeros((60, 1), np.float32), np.ones((60, 1), np.float32)], ids=["no", "yes"])
def test_examples_of_one_answer_alone_give_finite_heads(targets: np.ndarray) -> None:
    for _, found in settled_heads(YesNo(), nn.Linear(5, 1), STATES, targets):
        assert torch.isfinite(found.weight).all() and torch.isfinite(found.bias).all()
        assert np.abs(answers_of(YesNo(), found, STATES) - targets).max() < 0.5


def test_states_of_zeros_give_finite_heads() -> None:
    for _, found in settled_heads(YesNo(), nn.Linear(5, 1), np.zeros_like(STATES), LABELS[:, :1]):
        assert torch.isfinite(found.weight).all() and torch.isfinite(found.bias).all()
