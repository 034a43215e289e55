"""Any number of labels an answer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from turnwise.bootstrap import intervals
from turnwise.dialogue import Label
from turnwise.errors import CorpusError, InputError
from turnwise.metrics import accuracy, macro_f1, micro_f1, per_label, tabulate
from turnwise.tasks.answers.kind import SHOWN, Answered, Kind, Learned, Scores, Target, Trust

Average = Literal["micro", "macro"]
_THRESHOLDS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class Several(Kind):
    """sigma(W h) >= threshold, label by label; binary cross-entropy.

    ``tuned``: the threshold is the one with the best F1 on held-out dialogues, in steps of 0.05 (of equal ones the
    middle). ``average`` says which F1 chooses it and the best epoch: micro, or the mean over the labels, which counts a
    rare one as much as a frequent one. ``at_least_one``: where no label reaches the threshold, the likeliest is given.
    """

    threshold: float = 0.5
    tuned: bool = True
    at_least_one: bool = False
    average: Average = "micro"

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise InputError(f"threshold is {self.threshold}, expected a number between 0 and 1")
        if self.average not in get_args(Average):
            raise InputError(f"average is {self.average!r}, expected micro or macro")

    @property
    def chosen_by(self) -> str:
        return f"{self.average}-F1"

    def learn(self, golds: Sequence[Label], layer: str) -> Learned:
        counts = Counter(name for labels in golds for name in _names(labels, layer))
        if len(counts) < 2:
            said = f"only {next(iter(counts))!r} occurs in it" if counts else "the corpus has none"
            raise CorpusError(f"at least 2 labels are needed in the layer {layer!r}, and {said}")
        return {"labels": sorted(counts), "threshold": self.threshold}

    def labels(self, learned: Learned) -> tuple[str, ...]:
        return tuple(learned["labels"])

    def width(self, learned: Learned) -> int:
        return len(learned["labels"])

    def target(self, gold: Label, learned: Learned) -> Target:
        """1 for each label given; those that training had not are left out."""
        found = _names(gold, "")
        return np.array([name in found for name in learned["labels"]], dtype=np.float32)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits, targets)

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    def quality(self, scores: Scores, targets: Target, loss: float) -> float:
        return max(self._f1(scores, targets, _THRESHOLDS if self.tuned else [self.threshold]))

    def finish(self, learned: Learned, scores: Scores, targets: Target) -> Learned:
        if not self.tuned:
            return learned
        found = self._f1(scores, targets, _THRESHOLDS)
        best = [float(t) for t, value in zip(_THRESHOLDS, found, strict=True) if value == max(found)]
        return {**learned, "threshold": round(best[len(best) // 2], 2)}

    def _f1(self, scores: Scores, targets: Target, thresholds: Iterable[float]) -> list[float]:
        """2 TP / (predicted + gold) at each threshold, of all labels together or in the mean over those that occur."""
        wanted = targets > 0.5
        found = []
        for threshold in thresholds:
            said = self._said(scores, threshold)
            both, either = (wanted & said).sum(0), wanted.sum(0) + said.sum(0)
            if self.average == "micro":
                found.append(2 * float(both.sum()) / max(1.0, float(either.sum())))
            else:
                occurs = either > 0
                found.append(float((2 * both[occurs] / either[occurs]).mean()) if occurs.any() else 0.0)
        return found

    def _said(self, scores: Scores, threshold: float) -> NDArray[np.bool_]:
        """Which labels are given, scores being (answers, labels)."""
        said = scores >= threshold
        if self.at_least_one:
            said[np.arange(len(scores)), scores.argmax(1)] |= ~said.any(1)
        return said

    def answer(self, scores: Scores, learned: Learned) -> tuple[Label, float, tuple[tuple[str, float], ...]]:
        """How sure: the product over all labels of the probability that it is rightly given, or rightly not."""
        names = learned["labels"]
        said = self._said(scores[None], learned["threshold"])[0]
        order = np.argsort(-scores, kind="stable")[:SHOWN]
        given = tuple(name for name, kept in zip(names, said, strict=True) if kept)
        others = tuple((names[at], float(scores[at])) for at in order)
        return given, float(np.where(said, scores, 1 - scores).prod()), others

    def measure(self, answers: Sequence[Answered], learned: Learned, *, draws: int, seed: int) -> dict[str, Any]:
        """``micro_f1``, ``macro_f1``, ``exact_match``; ``unknown_labels`` of the truth count as missed.

        ``ece`` and ``reliability`` compare how sure the answers are with how many are right in all their labels.
        """
        gold = [_names(one.gold, "") for one in answers]
        table = tabulate(gold, [_names(one.answer, "") for one in answers])
        trust = Trust(answers, table.right)

        def measured(weights: NDArray[np.float64] | None) -> dict[str, float]:
            return {
                "micro_f1": micro_f1(table, weights),
                "macro_f1": macro_f1(table, weights),
                "exact_match": accuracy(table, weights),
                "ece": trust.ece(weights),
            }

        return {
            "n": table.n,
            **measured(None),
            "intervals": intervals([one.dialogue for one in answers], measured, draws=draws, seed=seed),
            "labels": per_label(table),
            "reliability": trust.bins(),
            "unknown_labels": sorted({name for labels in gold for name in labels} - set(learned["labels"])),
        }


def _names(value: Label, layer: str) -> tuple[str, ...]:
    if not isinstance(value, tuple):
        raise CorpusError(f"labels.{layer} is {value!r}, expected a list of names")
    return value
