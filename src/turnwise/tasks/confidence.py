"""From a raw score to the probability that a response is right, and to a decision to show it at all."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.tasks.answers import YesNo

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Confidence:
    """P(right) = sigma(slope * score + intercept) (Platt 1999); shown where P >= threshold.

    ``precision`` is what the responses shown on held-out dialogues reached, None where nothing was held out.
    """

    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 0.0
    precision: float | None = None
    precision_met: bool | None = None

    def __call__(self, scores: NDArray[np.floating]) -> Floats:
        """Probabilities, of the shape of ``scores``."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * scores + self.intercept, -30, 30))))

    def to_json(self) -> dict[str, Any]:
        """Plain values: the arguments."""
        return asdict(self)


def fit_confidence(scores: Floats, right: Flags, precision: float) -> Confidence:
    """The curve through the scores (n,) of the first response of each held-out turn, and a threshold.

    The threshold is the lowest at which at least the share ``precision`` of what is shown is right; where none is,
    the one with the highest share. Where nothing was right nothing is shown.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import, not needed to answer

    if len(right) == 0:
        return Confidence()
    if right.all() or not right.any():
        rate = (right.sum() + 1) / (len(right) + 2)
        curve = Confidence(0.0, float(np.log(rate / (1 - rate))))
    else:
        model = LogisticRegression(C=1e3).fit(scores[:, None], right)
        curve = Confidence(float(max(model.coef_[0, 0], 1e-6)), float(model.intercept_[0]))
    found = YesNo(precision).finish({}, curve(scores)[:, None], right[:, None].astype(np.float32))
    if "threshold" not in found:
        return Confidence(curve.slope, curve.intercept, 1.0, 0.0, False)
    # a hair below, so that a score that differs in its last digits from batch to batch stays shown
    threshold = max(float(found["threshold"]) - 1e-6, 0.0)
    return Confidence(curve.slope, curve.intercept, threshold, found["precision"], found["precision_met"])
