"""Dialogue state tracking as a task: which slots hold which values after each turn of the customer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue, Neighbour
from turnwise.encoder import Encoder, mean_pool
from turnwise.errors import InputError
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.tasks.answers.kind import Learned
from turnwise.tasks.base import Answers, BaseTask
from turnwise.tasks.rows import Example, Examples
from turnwise.tasks.state.building import Building
from turnwise.tasks.state.columns import WIDTH
from turnwise.tasks.state.copying import copied_slots
from turnwise.tasks.state.examples import StateExample, StateExamples, collate
from turnwise.tasks.state.head import AttentiveHead, PooledHead, Predicted, SlotHead
from turnwise.tasks.state.likelihood import decoded, hidden_values, loss
from turnwise.tasks.state.metrics import StatePair, state_metrics
from turnwise.tasks.state.ontology import Ontology, from_dialogues, state_of
from turnwise.tasks.state.ontology_file import with_file
from turnwise.tasks.state.tracking import Tracked, stated, track
from turnwise.tasks.state.updates import CARRY
from turnwise.tasks.task import TaskPooling, at_layer, with_layer

Form = Literal["update", "picklist"]


@dataclass(frozen=True)
class StateTracking(BaseTask):
    """The state after each turn of the customer: slots ``domain.slot`` with their values.

    Form ``update`` asks what the turn does to each slot: nothing, delete it, any value will do, or a value, which is
    picked from the ontology or, with ``copy``, copied from the turns that are read. The state before it is carried
    over. ``named`` tells it which values of the ontology are named, and where. ``hidden`` is the share of right values
    that training takes out of their lists where they can be copied. Slots for which copying does harm on held-out
    dialogues are picked only.

    Form ``picklist`` is the published one: the state is read off all turns at once, one linear layer a slot, ``none``
    and ``dontcare`` among the values, with ``pooling`` cls. It copies nothing. Cosines are divided by ``temperature``,
    about which the paper says nothing. ``pooling`` is of this form alone, ``copy``, ``named`` and ``hidden`` of the
    other.

    ``context`` turns before the asked one are read, all when -1. The ontology is that of the training dialogues, or
    comes from a file ``ontology``, see ``ontology_file``. With ``known_domains`` a dialogue has the slots of its
    ``domains`` only, where it names some, as the services of a schema-guided dialogue are given.

    Source: DSDF, section 3.3, equation 8 (form ``picklist``).
    """

    form: Form = "update"
    batch_size: int = 32
    context: int = 1
    pooling: TaskPooling = "cls"
    temperature: float = 0.05
    copy: bool = True
    named: bool = True
    hidden: float = 0.2
    known_domains: bool = False
    ontology: str | None = None

    name: ClassVar[str] = "state"
    paper: ClassVar[str] = "DSDF, 3.3 (DST)"
    layer: ClassVar[str] = "state"

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise InputError(f"form is {self.form!r}, expected update or picklist")
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if self.context < -1:
            raise InputError(f"context is {self.context}, expected 0 or more, or -1 for all turns")
        if self.temperature <= 0:
            raise InputError(f"temperature is {self.temperature}, expected a positive number")
        if not 0 <= self.hidden <= 1:
            raise InputError(f"hidden is {self.hidden}, expected a share from 0 to 1")

    @property
    def chosen_by(self) -> str:
        return "joint accuracy"

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        """All turns that are not the agent's, blank ones too: there is a state after every one."""
        return tuple(at for at, turn in enumerate(dialogue.turns) if turn.speaker != "agent")

    def learn(self, dialogues: Sequence[Dialogue]) -> Learned:
        """The ontology. Raises CorpusError where there is none, or a file does not declare what the dialogues have."""
        found = from_dialogues(dialogues, self.layer)
        if self.ontology is not None:
            found = with_file(found, Path(self.ontology))
        return {"slots": found.plain()}

    def labels(self, learned: Learned) -> tuple[str, ...]:
        """The slots."""
        return Ontology.of(learned["slots"]).names

    def width(self, learned: Learned) -> int:
        return len(learned["slots"]) * WIDTH

    def examples(self, dialogues: Sequence[Dialogue], codec: Codec, learned: Learned, *, gold: bool) -> Examples:
        context = None if self.context < 0 else self.context
        building = Building(codec, Ontology.of(learned["slots"]), context, self.known_domains, self.layer)
        return building.examples(dialogues, [self.queries(dialogue) for dialogue in dialogues], gold=gold)

    def head(self, encoder: Encoder, examples: Sequence[Example]) -> nn.Module:
        ontology = examples.ontology if isinstance(examples, StateExamples) else None
        if self.form == "picklist":
            return PooledHead(encoder, ontology, self.temperature)
        return AttentiveHead(encoder, ontology, self.temperature, copy=self.copy, named=self.named)

    def collate(self, examples: Sequence[Example], codec: Codec, draws: Draws) -> Batch:
        return collate([example for example in examples if isinstance(example, StateExample)], codec)

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(head, SlotHead)
        out = None
        if head.training and self.form == "update" and self.copy and self.hidden:
            out = hidden_values(head, batch.targets, self.hidden)
        return loss(self._predicted(hidden, head, batch, out), head, batch.targets, out)

    def decode(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        """The numbers of ``columns`` for each slot."""
        assert isinstance(head, SlotHead)
        return decoded(self._predicted(hidden, head, batch, None), head, batch.targets)

    def pooled(self, hidden: tuple[Hidden, ...], batch: Batch) -> Tensor:
        if self.pooling == "turn":
            return mean_pool(hidden[0].states, batch.targets["asked"])
        return hidden[0].pooled(self.pooling)

    def _predicted(self, hidden: tuple[Hidden, ...], head: SlotHead, batch: Batch, out: Tensor | None) -> Predicted:
        with torch.autocast(hidden[0].states.device.type, enabled=False):
            found: Predicted = head(hidden[0], self.pooled(hidden, batch), batch.targets, out)
        return found

    def quality(self, answers: Answers, examples: Examples) -> tuple[float, float]:
        """The mean negative log-probability of the right operations, and the joint accuracy."""
        assert isinstance(examples, StateExamples)
        table = answers.reshape(len(answers), len(examples.ontology.slots), WIDTH)
        copies = copied_slots(examples, answers)
        pairs, lost = [], 0.0
        for number, rows in groupby(range(len(examples)), key=lambda row: examples[row].dialogue):
            part = list(rows)
            asked = [examples.tracked[row] for row in part]
            tracked = track(asked, answers[part], examples.ontology, copies)
            for example, row, one in zip(asked, part, tracked, strict=True):
                assert example.told is not None
                pairs.append(StatePair(str(number), example.told.state, one.state))
                change = example.told.update
                chances = np.take_along_axis(table[row], change.operations[:, None], 1)[:, 0]
                chances = chances + np.where(change.same, table[row][:, CARRY], 0.0)
                lost -= float(np.log(np.clip(chances, 1e-12, 1))[example.allowed].sum())
        found = state_metrics(pairs, examples.ontology, draws=0, seed=0)
        return lost / len(pairs), float(found["joint_accuracy"])

    def finish(self, learned: Learned, answers: Answers, examples: Examples) -> Learned:
        """For which slots values are copied."""
        assert isinstance(examples, StateExamples)
        copies = copied_slots(examples, answers)
        return {**learned, "copies": [name for name, may in zip(examples.ontology.names, copies, strict=True) if may]}

    def annotate(
        self,
        dialogue: Dialogue,
        asked: Sequence[Example],
        scores: Answers,
        learned: Learned,
        neighbours: Sequence[tuple[Neighbour, ...]],
    ) -> Dialogue:
        """The dialogue with the layer ``state``, and ``state_source``: the number of the turn of each value."""
        examples = [example for example in asked if isinstance(example, StateExample)]
        ontology = Ontology.of(learned["slots"])
        copies = [name in learned.get("copies", ontology.names) for name in ontology.names]
        began = not examples or examples[0].turn == self.queries(dialogue)[0]
        before = None if began else self._before(dialogue)
        tracked = list(zip(examples, track(examples, scores, ontology, copies, before), strict=True))
        filled = with_layer(
            dialogue, self.layer, {asked.turn: (one.state, one.evidence(asked.truncated)) for asked, one in tracked}
        )
        turns = list(filled.turns)
        for example, one in tracked:
            turn = turns[example.turn]
            turns[example.turn] = replace(turn, labels={**turn.labels, "state_source": one.sources})
        return replace(filled, turns=tuple(turns))

    def goes_on(self, dialogue: Dialogue) -> bool:
        """Whether the turn that is asked about last is the first one, or the state before it is there."""
        return len(self.queries(dialogue)) <= 1 or self._before(dialogue) is not None

    def _before(self, dialogue: Dialogue) -> Tracked | None:
        """The state that the dialogue has before the turn that is asked about last."""
        at = self.queries(dialogue)[-2]
        found = at_layer(dialogue, at, self.layer)
        if found is None:
            return None
        sources = dialogue.turns[at].labels.get("state_source")
        return stated(state_of(found[0], f"{dialogue.id}, turn {at}"), sources, found[1], at)

    def measure(
        self, gold: Sequence[Dialogue], answered: Sequence[Dialogue], learned: Learned, *, draws: int, seed: int
    ) -> dict[str, Any]:
        """Joint and slot accuracy, see ``state_metrics``."""
        pairs = []
        for dialogue, other in zip(gold, answered, strict=True):
            for number, turn in enumerate(self.queries(dialogue), start=1):
                labels, found = dialogue.turns[turn].labels, at_layer(other, turn, self.layer)
                if self.layer in labels and found is not None:
                    place = f"{dialogue.id}, turn {turn}"
                    wanted, said = state_of(labels[self.layer], place), state_of(found[0], place)
                    pairs.append(StatePair(dialogue.id, wanted, said, number))
        return state_metrics(pairs, Ontology.of(learned["slots"]), draws=draws, seed=seed)
