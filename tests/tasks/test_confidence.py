"""When a response is sure enough to be shown."""

import numpy as np
import pytest

from turnwise.tasks.confidence import Confidence, fit_confidence


def test_the_curve_rises_and_the_threshold_keeps_the_precision_asked_for() -> None:
    """Scores 1 to 8; right are 4 and 6 to 8. Shown from 4 on: 4 of 5 right. From 6 on: 3 of 3."""
    scores = np.arange(1.0, 9.0)
    right = np.isin(scores, [4, 6, 7, 8])
    loose, strict = fit_confidence(scores, right, 0.8), fit_confidence(scores, right, 1.0)
    assert (loose(scores) >= loose.threshold).tolist() == [score >= 4 for score in scores]
    assert (strict(scores) >= strict.threshold).tolist() == [score >= 6 for score in scores]
    assert loose.precision == pytest.approx(0.8)
    assert (np.diff(loose(scores)) > 0).all()


def test_nothing_or_one_kind_of_answers_gives_a_flat_curve() -> None:
    assert fit_confidence(np.zeros(0), np.zeros(0, dtype=bool), 0.5) == Confidence()
    always = fit_confidence(np.array([1.0, 2.0]), np.array([True, True]), 0.5)
    assert always(np.array([-5.0, 5.0])).tolist() == pytest.approx([0.75, 0.75])
    never = fit_confidence(np.array([1.0, 2.0]), np.array([False, False]), 0.5)
    assert never(np.array([0.0]))[0] == pytest.approx(0.25)
    assert (never.threshold, never.precision_met) == (1.0, False)
