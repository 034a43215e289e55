import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from turnwise.errors import InputError
from turnwise.tasks.intent.calibration import (
    Calibration,
    HeldOut,
    Target,
    centred,
    choose_threshold,
    fit_confidence,
    logit,
    most_right,
    operating_point,
    operating_points,
)


def held_out(scope: list[float], in_scope: list[bool], right: list[bool] | None = None) -> HeldOut:
    scores = np.array(scope, dtype=np.float64)
    inside = np.array(in_scope, dtype=np.bool_)
    return HeldOut(scores, scores, inside if right is None else np.array(right, dtype=np.bool_), inside)


SCORES = held_out([0.9, 0.8, 0.7, 0.6, 0.5, 0.65, 0.3, 0.2], [True] * 5 + [False] * 3)


def test_the_identity_leaves_scores_as_they_are() -> None:
    scores = np.array([0.2, 0.5, 0.99])
    assert Calibration().confidence(scores) == pytest.approx(scores)


def test_confidence_by_hand() -> None:
    """logit .8 = log 4 = 1.386294; sigmoid(.5 * 1.386294 - .693147) = sigmoid(0) = .5."""
    assert Calibration(slope=0.5, intercept=-np.log(2)).confidence(np.array([0.8])) == pytest.approx([0.5])


def test_scores_of_0_and_1_stay_finite() -> None:
    assert logit(np.array([0.0, 1.0])) == pytest.approx([-13.8155, 13.8155], abs=1e-4)
    assert np.isfinite(Calibration(3, 1).confidence(np.array([0.0, 1.0]))).all()


cases = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=40)


@settings(deadline=None)
@given(cases)
def test_confidence_is_a_probability_that_never_falls_with_the_score(rows: list[tuple[float, bool, bool]]) -> None:
    found = held_out([r[0] for r in rows], [r[1] for r in rows], [r[1] and r[2] for r in rows])
    slope, intercept = fit_confidence(found)
    confidence = Calibration(slope, intercept).confidence(np.linspace(0, 1, 50))
    assert slope >= 0
    assert (np.diff(confidence) >= 0).all()
    assert ((confidence >= 0) & (confidence <= 1)).all()


def test_a_detector_that_is_always_right_is_sure_but_not_quite() -> None:
    """8 right of 8: (8 + 1) / (8 + 2) = .9 (Laplace), whatever the score. None at all: .5."""
    slope, intercept = fit_confidence(held_out([0.5] * 8, [True] * 8))
    assert slope == 0
    assert Calibration(slope, intercept).confidence(np.array([0.1])) == pytest.approx([0.9])
    assert fit_confidence(held_out([0.4], [False])) == (0.0, 0.0)


def test_better_scores_give_more_confidence_where_they_mean_something() -> None:
    found = held_out([0.9, 0.85, 0.8, 0.3, 0.2, 0.1] * 5, [True] * 30, [True, True, True, False, False, False] * 5)
    slope, intercept = fit_confidence(found)
    low, high = Calibration(slope, intercept).confidence(np.array([0.15, 0.85]))
    assert low < 0.3 < 0.7 < high


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        ("in_scope_recall", 1.0, 0.5),  # keep all five: the lowest of them
        ("in_scope_recall", 0.8, 0.6),  # one of five may go
        ("in_scope_recall", 0.79, 0.6),  # still one only
        ("in_scope_recall", 1e-20, 0.9),
        ("oos_precision", 0.75, 0.5),
        ("oos_precision", 0.6, 0.7),
    ],
)
def test_thresholds_by_hand(target: Target, value: float, expected: float) -> None:
    """In scope .9 .8 .7 .6 .5, outside .65 .3 .2.

    Below a threshold of .5 lie .3 and .2: precision 1; below .6 also .5: 2/3; below .65 also .6: 1/2; below .7
    also .65: 3/5; below .8 also .7: 1/2. So the highest that reaches .75 is .5, and .7 reaches .6.
    """
    assert choose_threshold(SCORES, target, value) == expected


def test_the_recall_of_out_of_scope_is_met_by_the_lowest_threshold() -> None:
    """Two thirds: .2 and .3 must go, so just above .3; all: just above .65."""
    assert choose_threshold(SCORES, "oos_recall", 0.66) == np.nextafter(0.3, 1)
    assert choose_threshold(SCORES, "oos_recall", 1.0) == np.nextafter(0.65, 1)
    assert choose_threshold(SCORES, "oos_recall", 0.01) == np.nextafter(0.2, 1)


@settings(deadline=None)
@given(cases, st.floats(0, 1, exclude_min=True), st.sampled_from(["in_scope_recall", "oos_recall", "oos_precision"]))
def test_a_threshold_meets_its_target_on_the_held_out_scores(
    rows: list[tuple[float, bool, bool]], value: float, target: Target
) -> None:
    found = held_out([r[0] for r in rows], [r[1] for r in rows])
    try:
        threshold = choose_threshold(found, target, value)
    except InputError:
        assume(False)
    assert operating_point(found, threshold)[target] >= value - 1e-9


@pytest.mark.parametrize("value", [0.0, -0.1, 1.01, float("nan")])
def test_a_target_that_is_no_share_is_refused(value: float) -> None:
    with pytest.raises(InputError, match=f"the target oos_recall is {value}, expected a share above 0 and at most 1"):
        choose_threshold(SCORES, "oos_recall", value)


@pytest.mark.parametrize(
    ("target", "in_scope", "message"),
    [
        ("in_scope_recall", False, "in_scope_recall needs in-scope utterances that were held out"),
        ("oos_recall", True, "oos_recall needs out-of-scope examples in the training or dev data"),
        ("oos_precision", True, "oos_precision needs out-of-scope examples"),
    ],
)
def test_a_target_without_its_examples_says_so(target: Target, in_scope: bool, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_threshold(held_out([0.5, 0.6], [in_scope] * 2), target, 0.9)


def test_a_precision_that_no_threshold_reaches_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no threshold reaches an out-of-scope precision of 0\.9"):
        choose_threshold(held_out([0.1, 0.5, 0.9], [True, False, True]), "oos_precision", 0.9)


def test_an_operating_point_by_hand() -> None:
    """Threshold .6 rejects .5 (in scope), .3, .2: recall in scope 4/5, outside 2/3, precision 2/3."""
    found = held_out(list(SCORES.scope), list(SCORES.in_scope), [True, True, False, True, True, False, False, False])
    assert operating_point(found, 0.6) == pytest.approx(
        {
            "threshold": 0.6,
            "in_scope_recall": 0.8,
            "oos_recall": 2 / 3,
            "oos_precision": 2 / 3,
            "in_scope_accuracy": 0.6,
        }
    )


def test_operating_points_trade_recall_in_scope_for_recall_outside() -> None:
    points = operating_points(SCORES)
    assert [point["threshold"] for point in points] == sorted({point["threshold"] for point in points})
    assert (np.diff([point["in_scope_recall"] for point in points]) <= 0).all()
    assert (np.diff([point["oos_recall"] for point in points]) >= 0).all()


def test_a_centred_threshold_lies_between_two_scores_and_parts_them_alike() -> None:
    found = held_out([0.2, 0.4, 0.6], [False, False, True])
    assert centred(found, np.nextafter(0.4, 1)) == pytest.approx(0.5)
    assert centred(found, 0.6) == pytest.approx(0.5)
    assert centred(found, 0.2) == pytest.approx(0.1999)
    assert centred(found, 0.7) == pytest.approx(0.6001)


def test_the_threshold_with_the_most_right_answers_by_hand() -> None:
    """Below .5 lie .3 and .2, two answers won; up to .65 lie .5 and .6 too, three won and two lost."""
    assert most_right(SCORES) == pytest.approx(0.4)
    assert most_right(held_out([0.9, 0.8, 0.1], [True, True, True])) is None
    assert most_right(held_out([0.9, 0.8, 0.1], [False, False, False])) is None
    assert most_right(held_out([0.2, 0.8, 0.9], [True, True, False])) is None
    assert most_right(held_out([0.2, 0.8, 0.9], [True, False, True], [False, False, True])) == pytest.approx(0.85)


@settings(deadline=None)
@given(cases)
def test_no_other_threshold_has_more_right_answers(rows: list[tuple[float, bool, bool]]) -> None:
    found = held_out([r[0] for r in rows], [r[1] for r in rows], [r[1] and r[2] for r in rows])

    def answers(threshold: float) -> int:
        kept = found.scope >= threshold
        return int((kept & found.right).sum() + (~kept & ~found.in_scope).sum())

    best = max(answers(float(threshold)) for threshold in (*found.scope, np.inf))
    threshold = most_right(found)
    if threshold is not None:
        assert answers(threshold) == best > answers(-np.inf)
    elif found.in_scope.any():
        assert answers(-np.inf) == best
