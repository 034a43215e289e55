"""One of some levels in an order, such as satisfaction from 1 to 3."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from turnwise.bootstrap import intervals
from turnwise.dialogue import Label
from turnwise.errors import CorpusError, InputError
from turnwise.metrics import accuracy, macro_f1, per_label, tabulate
from turnwise.tasks.answers.kind import SHOWN, Answered, Kind, Learned, Scores, Target, Trust


@dataclass(frozen=True)
class OneOf(Kind):
    """argmax softmax(W h) over whole numbers, the levels that training has; cross-entropy."""

    @property
    def chosen_by(self) -> str:
        return "accuracy"

    def learn(self, golds: Sequence[Label], layer: str) -> Learned:
        wrong = next((gold for gold in golds if isinstance(gold, bool) or not isinstance(gold, int)), None)
        if wrong is not None:
            raise CorpusError(f"labels.{layer} is {wrong!r}, expected a whole number")
        levels = sorted({int(gold) for gold in golds if isinstance(gold, int)})
        if len(levels) < 2:
            said = f"all {len(golds)} are {levels[0]}" if levels else "the corpus has none"
            raise CorpusError(f"at least 2 levels are needed in the layer {layer!r}, and {said}")
        return {"levels": levels}

    def labels(self, learned: Learned) -> tuple[str, ...]:
        return tuple(str(level) for level in learned["levels"])

    def width(self, learned: Learned) -> int:
        return len(learned["levels"])

    def target(self, gold: Label, learned: Learned) -> Target:
        """1 at the level; of a level that training had not, at the nearest one, the lower of two."""
        assert isinstance(gold, int)
        nearest = min(learned["levels"], key=lambda level: abs(level - gold))
        return np.array([level == nearest for level in learned["levels"]], dtype=np.float32)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(logits, targets.argmax(1))

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(1)

    def quality(self, scores: Scores, targets: Target, loss: float) -> float:
        return float((scores.argmax(1) == targets.argmax(1)).mean())

    def finish(self, learned: Learned, scores: Scores, targets: Target) -> Learned:
        return learned

    def answer(self, scores: Scores, learned: Learned) -> tuple[Label, float, tuple[tuple[str, float], ...]]:
        order = np.argsort(-scores, kind="stable")
        levels = learned["levels"]
        shown = tuple((str(levels[at]), float(scores[at])) for at in order[:SHOWN])
        return int(levels[order[0]]), float(scores[order[0]]), shown

    def measure(self, answers: Sequence[Answered], learned: Learned, *, draws: int, seed: int) -> dict[str, Any]:
        """``accuracy``, ``macro_f1``, ``kappa`` with quadratic weights (Cohen, 1968), and ``majority``, the accuracy of
        always giving the commonest level.

        ``ece`` and ``reliability`` compare how sure the answers are with how many are right; ``confusion`` counts the
        answers (columns) to each level of the truth (rows).
        """
        from sklearn.metrics import cohen_kappa_score, confusion_matrix  # slow to import, not needed to answer

        if not answers:
            raise InputError("there is nothing to measure: no dialogue is labelled; name a corpus with this layer")
        gold, said = ([int(value) for value in column] for column in _columns(answers))
        table = tabulate([(str(level),) for level in gold], [(str(level),) for level in said])
        levels = sorted({*gold, *said})
        trust = Trust(answers, table.right)

        def measured(weights: NDArray[np.float64]) -> dict[str, float]:
            found = {"accuracy": accuracy(table, weights), "macro_f1": macro_f1(table, weights)}
            found["ece"] = trust.ece(weights)
            drawn = weights > 0
            if len({*np.array(gold)[drawn], *np.array(said)[drawn]}) > 1:
                kappa = cohen_kappa_score(gold, said, labels=levels, weights="quadratic", sample_weight=weights)
                found["kappa"] = float(kappa)
            return found

        counts = [gold.count(level) for level in levels]
        return {
            "n": len(answers),
            **measured(np.ones(len(answers))),
            "majority": max(counts) / len(gold),
            "intervals": intervals([one.dialogue for one in answers], measured, draws=draws, seed=seed),
            "labels": per_label(table),
            "reliability": trust.bins(),
            "confusion": {
                "labels": [str(level) for level in levels],
                "counts": confusion_matrix(gold, said, labels=levels).tolist(),
            },
            "unknown_labels": sorted({str(level) for level in gold} - {str(level) for level in learned["levels"]}),
        }


def _columns(answers: Sequence[Answered]) -> tuple[list[int], list[int]]:
    gold = [one.gold for one in answers if isinstance(one.gold, int)]
    said = [one.answer for one in answers if isinstance(one.answer, int)]
    return gold, said
