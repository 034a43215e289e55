"""From scores to a probability of being right, and to a decision to answer at all."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from turnwise.errors import InputError

Floats = NDArray[np.float64]
Target = Literal["in_scope_recall", "oos_recall", "oos_precision"]
TARGETS: tuple[Target, ...] = ("in_scope_recall", "oos_recall", "oos_precision")


@dataclass(frozen=True)
class HeldOut:
    """Scores of utterances that the encoder was not trained on.

    ``top`` is the highest score of an intent, ``scope`` the in-scope score, ``right`` whether the best intent
    was right, ``in_scope`` whether the utterance has an intent at all. Each (n,).
    """

    top: Floats
    scope: Floats
    right: NDArray[np.bool_]
    in_scope: NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """Confidence = sigmoid(slope * logit(top) + intercept) (Platt 1999); reject where scope < threshold.

    ``threshold`` None never rejects.
    """

    slope: float = 1.0
    intercept: float = 0.0
    threshold: float | None = None

    def confidence(self, top: Floats) -> Floats:
        """Probability that the best intent is right, from its score."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * logit(top) + self.intercept))))


def fit_confidence(held_out: HeldOut) -> tuple[float, float]:
    """Slope and intercept by logistic regression over the in-scope rows; ridge of strength 1 on the slope."""
    from sklearn.linear_model import LogisticRegression  # slow to import, not needed to answer

    rows = held_out.in_scope
    right = held_out.right[rows]
    if len(right) == 0 or right.all() or not right.any():
        rate = (right.sum() + 1) / (len(right) + 2)
        return 0.0, float(np.log(rate / (1 - rate)))
    model = LogisticRegression(C=1.0).fit(logit(held_out.top[rows])[:, None], right)
    return float(max(model.coef_[0, 0], 0.0)), float(model.intercept_[0])


def choose_threshold(held_out: HeldOut, target: Target, value: float) -> float:
    """The threshold on the in-scope score that meets a target on held-out scores.

    ``in_scope_recall``: the highest threshold that keeps this share of in-scope utterances; needs no
    out-of-scope example. ``oos_recall``: the lowest that rejects this share of out-of-scope ones.
    ``oos_precision``: the highest where at least this share of what is rejected is out of scope.
    Raises InputError when the value is no share, or the examples that a target needs are missing.
    """
    if not 0 < value <= 1:
        raise InputError(f"the target {target} is {value}, expected a share above 0 and at most 1")
    inside, outside = held_out.scope[held_out.in_scope], held_out.scope[~held_out.in_scope]
    if target == "in_scope_recall":
        if not len(inside):
            raise InputError("in_scope_recall needs in-scope utterances that were held out; there are none")
        return float(np.sort(inside)[len(inside) - _at_least(value, len(inside))])
    if not len(outside):
        raise InputError(f"{target} needs out-of-scope examples in the training or dev data; there are none")
    if target == "oos_recall":
        return float(np.nextafter(np.sort(outside)[_at_least(value, len(outside)) - 1], np.inf))
    best = -np.inf
    for threshold in np.sort(np.unique(held_out.scope)):
        rejected = held_out.scope < threshold
        if rejected.any() and (~held_out.in_scope[rejected]).mean() >= value:
            best = float(threshold)
    if not np.isfinite(best):
        raise InputError(f"no threshold reaches an out-of-scope precision of {value} on the held-out scores")
    return best


def most_right(held_out: HeldOut) -> float | None:
    """The threshold with the most right answers on held-out utterances, in the middle of its gap.

    Of equal ones the lowest; None where rejecting nothing is as good, and without utterances of both kinds.
    """
    if held_out.in_scope.all() or not held_out.in_scope.any():
        return None
    order = np.argsort(held_out.scope, kind="stable")
    gained = np.where(held_out.in_scope, -1.0 * held_out.right, 1.0)[order].cumsum()
    ends = np.flatnonzero(np.diff(held_out.scope[order], append=np.inf) > 0)
    best = ends[gained[ends].argmax()]
    if gained[best] <= 0:
        return None
    return centred(held_out, float(np.nextafter(held_out.scope[order][best], np.inf)))


def centred(held_out: HeldOut, threshold: float) -> float:
    """The middle of the gap that ``threshold`` lies in: it parts the held-out scores alike, and a score that differs
    in its last digits, as it may from batch to batch, stays on its side."""
    below, above = held_out.scope[held_out.scope < threshold], held_out.scope[held_out.scope >= threshold]
    low = below.max() if len(below) else above.min() - 2e-4
    high = above.min() if len(above) else below.max() + 2e-4
    return float((low + high) / 2)


def operating_points(held_out: HeldOut, number: int = 21) -> list[dict[str, float]]:
    """The trade-off on held-out scores: a row per threshold, for whoever wants to choose by eye."""
    thresholds = np.quantile(held_out.scope, np.linspace(0, 1, number))
    return [operating_point(held_out, float(threshold)) for threshold in np.unique(thresholds)]


def operating_point(held_out: HeldOut, threshold: float) -> dict[str, float]:
    """What one threshold does to held-out scores."""
    rejected = held_out.scope < threshold
    return {
        "threshold": threshold,
        "in_scope_recall": _share(~rejected[held_out.in_scope]),
        "oos_recall": _share(rejected[~held_out.in_scope]),
        "oos_precision": _share(~held_out.in_scope[rejected]),
        "in_scope_accuracy": _share((held_out.right & ~rejected)[held_out.in_scope]),
    }


def logit(share: Floats) -> Floats:
    """log(p / (1 - p)), with p kept off 0 and 1 by 1e-6."""
    kept = np.clip(np.asarray(share, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)))


def _at_least(share: float, number: int) -> int:
    """How many of ``number`` are ``share`` of them, rounded up; rounding errors of the product are not."""
    return max(1, int(np.ceil(share * number - 1e-9)))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0
