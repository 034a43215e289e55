"""Yes or no, with a threshold for a target precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from turnwise.bootstrap import intervals
from turnwise.dialogue import Label
from turnwise.errors import CorpusError, InputError
from turnwise.metrics import auroc, per_label, tabulate
from turnwise.tasks.answers.kind import Answered, Kind, Learned, Scores, Target, Trust

_POINTS = 50


@dataclass(frozen=True)
class YesNo(Kind):
    """sigma(w h) >= threshold; binary cross-entropy.

    The threshold is the lowest at which the answers yes on held-out dialogues are right in at least ``precision`` of
    the cases; where none is, the one with the highest precision, and ``precision_met`` says no. The best epoch is the
    one with the least loss on held-out dialogues (CS-BERT, section 4.3.2).
    """

    precision: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.precision <= 1:
            raise InputError(f"precision is {self.precision}, expected a share above 0 and at most 1")

    @property
    def chosen_by(self) -> str:
        return "loss"

    def learn(self, golds: Sequence[Label], layer: str) -> Learned:
        wrong = next((gold for gold in golds if not isinstance(gold, bool)), None)
        if wrong is not None:
            raise CorpusError(f"labels.{layer} is {wrong!r}, expected true or false")
        yes = sum(gold is True for gold in golds)
        if yes in (0, len(golds)):
            said = "yes" if yes else "no"
            raise CorpusError(
                f"all {len(golds)} labels of the layer {layer!r} are {said}; both are needed"
                if golds
                else f"no turn has the layer {layer!r}"
            )
        return {"threshold": 0.5, "precision": None, "precision_met": None, "share": yes / len(golds)}

    def labels(self, learned: Learned) -> tuple[str, ...]:
        return ("no", "yes")

    def width(self, learned: Learned) -> int:
        return 1

    def target(self, gold: Label, learned: Learned) -> Target:
        return np.array([bool(gold)], dtype=np.float32)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits, targets)

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    def quality(self, scores: Scores, targets: Target, loss: float) -> float:
        return -loss

    def finish(self, learned: Learned, scores: Scores, targets: Target) -> Learned:
        from sklearn.metrics import precision_recall_curve  # slow to import, not needed to answer

        wanted = targets[:, 0] > 0.5
        if not wanted.any():
            return learned
        precision, _, thresholds = precision_recall_curve(wanted, scores[:, 0])
        good = np.flatnonzero(precision[:-1] >= self.precision)
        at = int(good[0]) if len(good) else int(np.argmax(precision[:-1]))
        return {
            **learned,
            "threshold": float(thresholds[at]),
            "precision": float(precision[at]),
            "precision_met": bool(len(good)),
        }

    def answer(self, scores: Scores, learned: Learned) -> tuple[Label, float, tuple[tuple[str, float], ...]]:
        yes = float(scores[0])
        said = yes >= learned["threshold"]
        both = sorted((("yes", yes), ("no", 1 - yes)), key=lambda one: -one[1])
        return said, yes if said else 1 - yes, tuple(both)

    def measure(self, answers: Sequence[Answered], learned: Learned, *, draws: int, seed: int) -> dict[str, Any]:
        """``average_precision`` (the area under the precision-recall curve, summed without interpolation), ``auroc``,
        ``precision``, ``recall`` and ``f1`` of the answers, ``base_rate``, and the ``curve`` as [recall, precision,
        threshold]: answers yes from that probability on.

        ``ece`` and ``reliability`` compare how sure the answers are with how many are right.
        """
        from sklearn.metrics import average_precision_score, precision_recall_curve

        if not answers:
            raise InputError("there is nothing to measure: no turn is labelled; name a corpus with this layer")
        wanted = np.array([bool(one.gold) for one in answers])
        said = np.array([bool(one.answer) for one in answers])
        scores = np.array([_yes(one) for one in answers])
        trust = Trust(answers, wanted == said)

        def measured(weights: NDArray[np.float64]) -> dict[str, float]:
            right, given, true = (float((weights * flags).sum()) for flags in (wanted & said, said, wanted))
            found = {
                "precision": right / given if given else 0.0,
                "recall": right / true if true else 0.0,
                "f1": 2 * right / (given + true) if given + true else 0.0,
                "base_rate": true / float(weights.sum()),
                "ece": trust.ece(weights),
            }
            if 0 < true < weights.sum():
                found["average_precision"] = float(average_precision_score(wanted, scores, sample_weight=weights))
            return found

        ones = np.ones(len(answers))
        curve: list[list[float]] = []
        if wanted.any():
            precision, recall, thresholds = precision_recall_curve(wanted, scores)
            kept = np.unique(np.linspace(0, len(thresholds) - 1, _POINTS).astype(int))
            curve = [[float(recall[at]), float(precision[at]), float(thresholds[at])] for at in kept]
        found: dict[str, Any] = {"n": len(answers), **measured(ones)}
        if wanted.any() and not wanted.all():
            found["auroc"] = auroc(scores[wanted], scores[~wanted])
        ids = [one.dialogue for one in answers]
        words = tabulate([(_word(flag),) for flag in wanted], [(_word(flag),) for flag in said])
        return found | {
            "threshold": learned.get("threshold"),
            "intervals": intervals(ids, measured, draws=draws, seed=seed),
            "labels": per_label(words),
            "reliability": trust.bins(),
            "curve": curve,
        }


def _word(yes: np.bool_) -> str:
    return "yes" if yes else "no"


def _yes(one: Answered) -> float:
    """The probability of yes, whatever was answered."""
    return dict(one.evidence.alternatives).get("yes", 0.0)
