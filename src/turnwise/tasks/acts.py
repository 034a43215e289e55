"""Dialogue acts: of a turn that is there, or of the agent's turn that comes next."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from turnwise.dialogue import Dialogue, Evidence, Label
from turnwise.errors import InputError
from turnwise.tasks.answers import Kind, Several
from turnwise.tasks.task import Task, TaskPooling, at_layer, with_layer

Mode = Literal["seen", "next"]


@dataclass(frozen=True)
class Acts(Task):
    """P = sigmoid(W h) for every act, from the dialogue up to a turn.

    Mode ``seen`` annotates that turn, whoever speaks. Mode ``next`` foretells the acts of the agent's turn after it,
    which is not shown, since a response has to be planned before it is there; its answers are the layer ``next_acts``
    of the turn before. Of what came before a turn ``context`` turns are read, all when it is None. ``threshold`` and
    ``tuned``: see ``Several``. As published ``pooling`` is ``cls`` and the threshold 0.5.

    Source: DSDF, section 3.3, equation 6 (mode ``next``).
    """

    mode: Mode = "seen"
    batch_size: int = 32
    pooling: TaskPooling = "turn"
    context: int | None = None
    threshold: float = 0.5
    tuned: bool = True

    name: ClassVar[str] = "acts"
    paper: ClassVar[str] = "DSDF, 3.3 (DA)"
    layer: ClassVar[str] = "acts"

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InputError(f"mode is {self.mode!r}, expected seen or next")
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if self.context is not None and self.context < 0:
            raise InputError(f"context is {self.context}, expected 0 or more turns")
        Several(self.threshold)  # raises InputError

    @property
    def kind(self) -> Kind:
        return Several(self.threshold, self.tuned)

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        """Turns with a text; for the next acts, those that an agent's turn follows, and a last one not the agent's."""
        spoken = [at for at, turn in enumerate(dialogue.turns) if turn.text.strip()]
        if self.mode == "seen":
            return tuple(spoken)
        speakers = [turn.speaker for turn in dialogue.turns]
        last = len(speakers) - 1
        return tuple(at for at in spoken if (speakers[at] != "agent" if at == last else speakers[at + 1] == "agent"))

    def gold(self, dialogue: Dialogue, turn: int) -> Label | None:
        asked = turn if self.mode == "seen" else turn + 1
        return dialogue.turns[asked].labels.get("acts") if asked < len(dialogue.turns) else None

    def fill(self, dialogue: Dialogue, answers: dict[int, tuple[Label, Evidence]]) -> Dialogue:
        return with_layer(dialogue, self._filled, answers)

    def answered(self, dialogue: Dialogue, turn: int) -> tuple[Label, Evidence] | None:
        return at_layer(dialogue, turn, self._filled)

    @property
    def _filled(self) -> str:
        return "acts" if self.mode == "seen" else "next_acts"
