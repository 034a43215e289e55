"""How satisfied the customer is with a whole dialogue."""

from dataclasses import dataclass, replace
from typing import ClassVar

from turnwise.dialogue import Dialogue, Evidence, Label
from turnwise.errors import InputError
from turnwise.tasks.answers import Kind, OneOf
from turnwise.tasks.task import Task, TaskPooling


@dataclass(frozen=True)
class Satisfaction(Task):
    """P = softmax(W h) over the levels, from the whole dialogue; the answer is the dialogue's.

    The evidence stands on the last turn that says something, which is the one asked about.

    Source: CMCC, section 3 (the label); the classifier is ours.
    """

    batch_size: int = 16
    pooling: TaskPooling = "mean"

    name: ClassVar[str] = "satisfaction"
    paper: ClassVar[str] = "CMCC, 3 (the label)"
    layer: ClassVar[str] = "satisfaction"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")

    @property
    def kind(self) -> Kind:
        return OneOf()

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        return tuple([at for at, turn in enumerate(dialogue.turns) if turn.text.strip()][-1:])

    def gold(self, dialogue: Dialogue, turn: int) -> Label | None:
        return dialogue.labels.get(self.layer)

    def fill(self, dialogue: Dialogue, answers: dict[int, tuple[Label, Evidence]]) -> Dialogue:
        if not answers:
            return dialogue
        ((turn, (label, evidence)),) = answers.items()
        found = replace(dialogue, labels={**dialogue.labels, self.layer: label})
        last = found.turns[turn]
        turns = list(found.turns)
        turns[turn] = replace(last, evidence={**last.evidence, self.layer: evidence})
        return replace(found, turns=tuple(turns))

    def answered(self, dialogue: Dialogue, turn: int) -> tuple[Label, Evidence] | None:
        evidence = dialogue.turns[turn].evidence.get(self.layer)
        return None if evidence is None else (dialogue.labels[self.layer], evidence)
