"""Hand-off: should a person take over now? Called failure detection in CS-BERT."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from turnwise.dialogue import Dialogue
from turnwise.errors import InputError
from turnwise.objectives.places import length_shuffled, window_steps
from turnwise.tasks.answers import Kind, YesNo
from turnwise.tasks.rows import Examples
from turnwise.tasks.task import Task, TaskPooling


@dataclass(frozen=True)
class HandOff(Task):
    """P = sigmoid(w h) from the dialogue up to a customer's turn and the profile; the response is never seen.

    Asked at each customer's turn. The threshold gives held-out answers the ``precision`` asked for. Each answer names
    the nearest training turns that were handed off, by the cosine of what the head reads.

    A person is needed at one turn in a hundred or so, so an epoch takes all turns that were handed off and
    ``negatives`` others for each, drawn anew (0 takes all). Of a share r of the others the odds of a yes are 1/r times
    too high: training adds -log r to the logit, w h stays the log-odds among all turns, and probabilities are not
    overstated (the prior correction of King and Zeng, 2001, Logistic Regression in Rare Events Data).

    Source: CS-BERT, section 4.3.
    """

    batch_size: int = 32
    pooling: TaskPooling = "turn"
    precision: float = 0.8
    negatives: int = 10

    name: ClassVar[str] = "handoff"
    paper: ClassVar[str] = "CS-BERT, 4.3"
    layer: ClassVar[str] = "handoff"
    explained: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if self.negatives < 0:
            raise InputError(f"negatives is {self.negatives}, expected 0 (all) or more")
        YesNo(self.precision)  # raises InputError

    @property
    def kind(self) -> Kind:
        return YesNo(self.precision)

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        return tuple(at for at, turn in enumerate(dialogue.turns) if turn.speaker == "customer" and turn.text.strip())

    def for_training(self, examples: Examples) -> Examples:
        yes, no = _sides(examples)
        taken = self._taken(yes, no)
        offset = float(np.log(len(no) / taken)) if taken else 0.0
        return Examples([replace(example, offset=offset) for example in examples.found], examples.width)

    def batches(self, examples: Any, rng: np.random.Generator) -> Iterator[list[int]]:
        yes, no = _sides(examples)
        rows = np.concatenate([yes, rng.choice(no, self._taken(yes, no), replace=False)])
        for batch in length_shuffled(examples.only(rows.tolist()), self.batch_size, rng):
            yield rows[batch].tolist()

    def epoch_steps(self, examples: Sequence[Any]) -> int:
        assert isinstance(examples, Examples)
        yes, no = _sides(examples)
        return window_steps(len(yes) + self._taken(yes, no), self.batch_size)

    def _taken(self, yes: NDArray[np.int64], no: NDArray[np.int64]) -> int:
        """Turns without a hand-off in an epoch."""
        return min(len(no), self.negatives * max(1, len(yes))) if self.negatives else len(no)


def _sides(examples: Examples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of turns that were handed off, and of the others."""
    wanted = examples.targets[:, 0] > 0.5
    return np.flatnonzero(wanted), np.flatnonzero(~wanted)
