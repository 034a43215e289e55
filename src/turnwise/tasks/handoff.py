"""Hand-off: should a person take over now? Called failure detection in CS-BERT."""

from dataclasses import dataclass
from typing import ClassVar

from turnwise.dialogue import Dialogue
from turnwise.errors import InputError
from turnwise.tasks.answers import Kind, YesNo
from turnwise.tasks.task import Task, TaskPooling


@dataclass(frozen=True)
class HandOff(Task):
    """P = sigmoid(w h) from the dialogue up to a customer's turn and the profile; the response is never seen.

    Asked at each customer's turn. The threshold gives held-out answers the ``precision`` asked for. Each answer names
    the nearest training turns that were handed off, by the cosine of what the head reads.

    Source: CS-BERT, section 4.3.
    """

    batch_size: int = 32
    pooling: TaskPooling = "turn"
    precision: float = 0.8

    name: ClassVar[str] = "handoff"
    paper: ClassVar[str] = "CS-BERT, 4.3"
    layer: ClassVar[str] = "handoff"
    explained: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        YesNo(self.precision)  # raises InputError

    @property
    def kind(self) -> Kind:
        return YesNo(self.precision)

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        return tuple(at for at, turn in enumerate(dialogue.turns) if turn.speaker == "customer" and turn.text.strip())
