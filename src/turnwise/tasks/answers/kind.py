"""What a kind of answer is, whatever it is about."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from turnwise.dialogue import Evidence, Label
from turnwise.metrics import ece, reliability

Learned = dict[str, Any]
"""What is learned from labelled dialogues beside weights, as plain JSON: labels, thresholds."""
Scores = NDArray[np.float64]
Target = NDArray[np.float32]
SHOWN = 5
"""Alternatives of an answer that are kept."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer beside the truth: the dialogue's id, both labels, and what the model added."""

    dialogue: str
    gold: Label
    answer: Label
    evidence: Evidence


class Kind(ABC):
    """A frozen dataclass of hyper-parameters in every concrete class; what it learns is handed to it."""

    @property
    @abstractmethod
    def chosen_by(self) -> str:
        """What ``quality`` measures, for people."""

    @abstractmethod
    def learn(self, golds: Sequence[Label], layer: str) -> Learned:
        """Labels from the gold ones of a layer. Raises CorpusError when there are too few or of a wrong type."""

    @abstractmethod
    def labels(self, learned: Learned) -> tuple[str, ...]:
        """What can be answered, in words."""

    @abstractmethod
    def width(self, learned: Learned) -> int:
        """Numbers that the head gives for one answer."""

    @abstractmethod
    def target(self, gold: Label, learned: Learned) -> Target:
        """A gold label as numbers, (width,)."""

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """A scalar from logits and targets, (batch, width)."""

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """Probabilities (batch, width)."""

    @abstractmethod
    def quality(self, scores: Scores, targets: Target, loss: float) -> float:
        """How good probabilities of held-out examples are, higher is better: the best epoch is kept."""

    @abstractmethod
    def finish(self, learned: Learned, scores: Scores, targets: Target) -> Learned:
        """What is learned from probabilities of held-out examples, such as thresholds."""

    @abstractmethod
    def answer(self, scores: Scores, learned: Learned) -> tuple[Label, float, tuple[tuple[str, float], ...]]:
        """The label of one row of probabilities (width,), how sure it is, and alternatives, best first."""

    @abstractmethod
    def measure(self, answers: Sequence[Answered], learned: Learned, *, draws: int, seed: int) -> dict[str, Any]:
        """The evaluation as plain JSON: ``n``, the metrics, and their 95 % ``intervals`` by dialogue."""


class Trust:
    """Whether the stated confidence of answers can be trusted; ``right`` (answers,) says which answers are."""

    def __init__(self, answers: Sequence[Answered], right: NDArray[np.bool_]) -> None:
        self.right = right
        self.stated = np.array([one.evidence.score or 0.0 for one in answers], dtype=np.float64)

    def ece(self, weights: NDArray[np.float64] | None = None) -> float:
        """The expected calibration error, see ``turnwise.metrics.ece``."""
        return ece(self.right, self.stated, weights)

    def bins(self) -> list[dict[str, float]]:
        """What a reliability diagram shows, see ``turnwise.metrics.reliability``."""
        return reliability(self.right, self.stated)
