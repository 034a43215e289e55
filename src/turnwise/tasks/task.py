"""What a task is: an objective with gold labels, whose answers fill a layer."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue, Evidence, Label, Neighbour
from turnwise.encoder import Encoder, mean_pool
from turnwise.objectives.classify import class_head
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.tasks.answers.kind import Answered, Kind, Learned, Scores
from turnwise.tasks.base import Answers, BaseTask
from turnwise.tasks.rows import Example, Examples, collate, rows

TaskPooling = Literal["turn", "mean", "cls"]
"""What stands for a sequence: the mean over the turn asked about, over all tokens, or the state of [CLS]."""


class Task(BaseTask):
    """Asks about turns of a dialogue, writes a sequence for each, and reads its answer off a linear head.

    A concrete task says which turns are asked about and what their gold label is; its ``kind`` turns labels into
    targets and scores into answers. A task about whole dialogues asks about the last turn and answers for the dialogue.
    """

    context: int | None = None
    """Turns before the one asked about that are read; all when None."""
    profile: ClassVar[bool] = True
    """Whether the metadata are read."""
    pooling: TaskPooling

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """The kind of its answers."""

    @property
    def chosen_by(self) -> str:
        return self.kind.chosen_by

    def labels(self, learned: Learned) -> tuple[str, ...]:
        return self.kind.labels(learned)

    def width(self, learned: Learned) -> int:
        return self.kind.width(learned)

    def gold(self, dialogue: Dialogue, turn: int) -> Label | None:
        """The gold label of a query; None where it is not annotated."""
        return dialogue.turns[turn].labels.get(self.layer)

    def fill(self, dialogue: Dialogue, answers: dict[int, tuple[Label, Evidence]]) -> Dialogue:
        """The dialogue with answers at their queries."""
        return with_layer(dialogue, self.layer, answers)

    def answered(self, dialogue: Dialogue, turn: int) -> tuple[Label, Evidence] | None:
        """What ``fill`` put there."""
        return at_layer(dialogue, turn, self.layer)

    def learn(self, dialogues: Sequence[Dialogue]) -> Learned:
        """Labels and whatever else must be known before training. Raises CorpusError when there is too little."""
        found = (self.gold(dialogue, turn) for dialogue in dialogues for turn in self.queries(dialogue))
        return self.kind.learn([label for label in found if label is not None], self.layer)

    def examples(self, dialogues: Sequence[Dialogue], codec: Codec, learned: Learned, *, gold: bool) -> Examples:
        """An example a query; with ``gold`` the labelled ones alone, with their targets."""
        width = self.kind.width(learned)
        unknown = np.full(width, np.nan, dtype=np.float32)

        def target(dialogue: Dialogue, turn: int) -> np.ndarray[Any, np.dtype[np.float32]] | None:
            if not gold:
                return unknown
            label = self.gold(dialogue, turn)
            return None if label is None else self.kind.target(label, learned)

        return rows(dialogues, codec, self.queries, target, width=width, context=self.context, profile=self.profile)

    def head(self, encoder: Encoder, examples: Sequence[Example]) -> nn.Module:
        assert isinstance(examples, Examples)
        return class_head(encoder.dim, examples.width)

    def collate(self, examples: Sequence[Example], codec: Codec, draws: Draws) -> Batch:
        return collate(examples, codec)

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        logits = head(self.pooled(hidden, batch)) + batch.targets["offsets"]
        return self.kind.loss(logits, batch.targets["targets"])

    def pooled(self, hidden: tuple[Hidden, ...], batch: Batch) -> Tensor:
        """What the head reads, (batch, dim)."""
        if self.pooling == "turn":
            return mean_pool(hidden[0].states, batch.targets["asked"])
        return hidden[0].pooled(self.pooling)

    def decode(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """Probabilities, a row an example."""
        return self.kind.probabilities(head(self.pooled(hidden, batch)))

    def quality(self, answers: Answers, examples: Examples) -> tuple[float, float]:
        """The mean negative log-probability of the targets, number by number, and what the kind measures."""
        targets = examples.targets
        likely = np.where(targets > 0.5, answers, 1 - answers)
        loss = float(-np.log(np.clip(likely, 1e-12, 1)).mean())
        return loss, self.kind.quality(answers, targets, loss)

    def finish(self, learned: Learned, answers: Answers, examples: Examples) -> Learned:
        return self.kind.finish(learned, answers, examples.targets)

    def annotate(
        self,
        dialogue: Dialogue,
        asked: Sequence[Example],
        scores: Scores,
        learned: Learned,
        neighbours: Sequence[tuple[Neighbour, ...]],
    ) -> Dialogue:
        """The dialogue with the layer filled in from probabilities (queries, width)."""
        answers: dict[int, tuple[Label, Evidence]] = {}
        for example, row, near in zip(asked, scores, neighbours, strict=True):
            label, sure, others = self.kind.answer(row, learned)
            answers[example.turn] = (label, Evidence(sure, others, near, truncated=example.truncated))
        return self.fill(dialogue, answers)

    def measure(
        self, gold: Sequence[Dialogue], answered: Sequence[Dialogue], learned: Learned, *, draws: int, seed: int
    ) -> dict[str, Any]:
        """The evaluation as plain JSON: ``n``, ``dialogues``, the metrics, and their 95 % ``intervals`` by dialogue."""
        pairs = []
        for dialogue, other in zip(gold, answered, strict=True):
            for turn in self.queries(dialogue):
                label, found = self.gold(dialogue, turn), self.answered(other, turn)
                if label is not None and found is not None:
                    pairs.append(Answered(dialogue.id, label, *found))
        return {
            "dialogues": len({pair.dialogue for pair in pairs}),
            **self.kind.measure(pairs, learned, draws=draws, seed=seed),
        }


def with_layer(dialogue: Dialogue, layer: str, answers: dict[int, tuple[Label, Evidence]]) -> Dialogue:
    """The dialogue with labels and evidence of a layer at some turns; the rest stays."""
    turns = list(dialogue.turns)
    for at, (label, evidence) in answers.items():
        turn = turns[at]
        turns[at] = replace(turn, labels={**turn.labels, layer: label}, evidence={**turn.evidence, layer: evidence})
    return replace(dialogue, turns=tuple(turns))


def at_layer(dialogue: Dialogue, turn: int, layer: str) -> tuple[Label, Evidence] | None:
    """What ``with_layer`` put at a turn."""
    found = dialogue.turns[turn]
    return (found.labels[layer], found.evidence[layer]) if layer in found.evidence else None
