"""Emotions of what a customer says: one or more an utterance."""

from dataclasses import dataclass
from typing import ClassVar

from turnwise.dialogue import Dialogue
from turnwise.errors import InputError
from turnwise.tasks.answers import Kind, Several
from turnwise.tasks.answers.several import Average
from turnwise.tasks.task import Task, TaskPooling


@dataclass(frozen=True)
class Emotion(Task):
    """P = sigmoid(W h) for every emotion of an utterance; the likeliest is always given.

    As published an utterance is read alone (``context`` 0), and the threshold is 0.3; ``tuned``, the default, chooses
    one on held-out dialogues, by the F1 that ``average`` names. The agent's turns are not asked about; turns without a
    speaker, as in chit-chat, are.

    Source: CMCC, section 4.2.1, equation 1.
    """

    batch_size: int = 32
    pooling: TaskPooling = "turn"
    context: int | None = 0
    threshold: float = 0.3
    tuned: bool = True
    average: Average = "micro"

    name: ClassVar[str] = "emotion"
    paper: ClassVar[str] = "CMCC, 4.2.1"
    layer: ClassVar[str] = "emotion"
    profile: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if self.context is not None and self.context < 0:
            raise InputError(f"context is {self.context}, expected 0 or more turns")
        Several(self.threshold, average=self.average)  # raises InputError

    @property
    def kind(self) -> Kind:
        return Several(self.threshold, self.tuned, at_least_one=True, average=self.average)

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        return tuple(at for at, turn in enumerate(dialogue.turns) if turn.speaker != "agent" and turn.text.strip())
