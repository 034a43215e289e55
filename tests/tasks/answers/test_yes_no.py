"""Yes or no: thresholds for a precision, and the area under the curve, by hand."""

import numpy as np
import pytest
import torch

from turnwise.dialogue import Evidence
from turnwise.errors import CorpusError, InputError
from turnwise.tasks.answers import Answered, YesNo

SCORES = np.array([[0.9], [0.8], [0.7], [0.6]])
TARGETS = np.array([[1], [0], [1], [0]], dtype=np.float32)


def test_both_answers_must_occur_and_be_booleans() -> None:
    assert YesNo().learn([True, False, False, False], "handoff")["share"] == 0.25
    with pytest.raises(CorpusError, match="all 2 labels of the layer 'handoff' are no; both are needed"):
        YesNo().learn([False, False], "handoff")
    with pytest.raises(CorpusError, match="no turn has the layer 'handoff'"):
        YesNo().learn([], "handoff")
    with pytest.raises(CorpusError, match=r"labels.handoff is 1, expected true or false"):
        YesNo().learn([True, 1], "handoff")
    with pytest.raises(InputError, match="precision is 0"):
        YesNo(0)


@pytest.mark.parametrize(
    ("precision", "threshold", "reached", "met"),
    [(0.6, 0.7, 2 / 3, True), (0.5, 0.6, 0.5, True), (0.9, 0.9, 1.0, True)],
)
def test_the_lowest_threshold_with_the_precision_is_chosen(
    precision: float, threshold: float, reached: float, met: bool
) -> None:
    """Yes from 0.9 on: 1 of 1 right; from 0.7 on 2 of 3; from 0.6 on 2 of 4."""
    learned = YesNo(precision).finish({}, SCORES, TARGETS)
    assert learned == {"threshold": threshold, "precision": pytest.approx(reached), "precision_met": met}


def test_a_precision_out_of_reach_is_said_to_be() -> None:
    """The likeliest is wrong: 2 of 4 is the best there is."""
    learned = YesNo(0.9).finish({}, SCORES, 1 - TARGETS)
    assert learned == {"threshold": 0.6, "precision": 0.5, "precision_met": False}


def test_an_answer_is_sure_of_what_it_says() -> None:
    learned = {"threshold": 0.4}
    assert YesNo().answer(np.array([0.45]), learned) == (True, 0.45, (("no", 0.55), ("yes", 0.45)))
    assert YesNo().answer(np.array([0.3]), learned)[:2] == (False, 0.7)


def test_figures_by_hand() -> None:
    """Precision is 1 at the first yes and 2/3 at the second: the area is (1 + 2/3) / 2. Of 4 pairs 3 are in order."""
    answers = [
        Answered("d", bool(gold), score >= 0.75, Evidence(score, (("yes", score), ("no", 1 - score))))
        for (score,), (gold,) in zip(SCORES.tolist(), TARGETS.tolist(), strict=True)
    ]
    found = YesNo().measure(answers, {"threshold": 0.75}, draws=5, seed=0)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["auroc"] == pytest.approx(3 / 4)
    assert (found["precision"], found["recall"], found["f1"], found["base_rate"]) == (0.5, 0.5, 0.5, 0.5)
    assert found["intervals"]["average_precision"] == [pytest.approx(found["average_precision"])] * 2
    assert found["curve"][0][:2] == [1.0, 0.5]
    assert (found["threshold"], found["curve"][-1][2]) == (0.75, SCORES.max())
    assert found["labels"]["yes"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2, "predicted": 2}
    with pytest.raises(InputError, match="no turn is labelled"):
        YesNo().measure([], {}, draws=5, seed=0)


def test_the_better_score_has_the_lower_loss() -> None:
    wanted = torch.tensor([[1.0]])
    assert YesNo().loss(torch.tensor([[2.0]]), wanted) < YesNo().loss(torch.tensor([[1.0]]), wanted)
    assert YesNo().quality(SCORES, TARGETS, 0.3) > YesNo().quality(SCORES, TARGETS, 0.4)
