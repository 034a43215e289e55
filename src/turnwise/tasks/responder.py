"""What models that choose a response share: ranking for one dialogue, filling the layer in, the surface of a task."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from turnwise.dialogue import Dialogue, Evidence, Label, Neighbour
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.sequences import Composer
from turnwise.tasks.confidence import Confidence
from turnwise.tasks.contexts import Context, agent_turns, asked_turns, contexts_of, tokens_of
from turnwise.tasks.fitted import Asked, in_parts
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranks import Ints
from turnwise.tasks.task import at_layer, with_layer

LAYER = "response"
Order = list[tuple[int, float]]
"""Numbers of responses with their raw scores, best first."""


class Responding(Protocol):
    """The parameters that a model reads of its task."""

    @property
    def name(self) -> str: ...

    @property
    def paper(self) -> str: ...

    @property
    def layer(self) -> str: ...

    @property
    def gold_layer(self) -> str: ...

    @property
    def profile(self) -> bool: ...

    @property
    def shown(self) -> int: ...

    @property
    def precision(self) -> float: ...

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]: ...

    def answered(self, dialogue: Dialogue, turn: int) -> tuple[Label, Evidence] | None: ...


class RespondingTask:
    """What selection and ranking are as tasks: asked after turns that are not the agent's."""

    def queries(self, dialogue: Dialogue) -> tuple[int, ...]:
        """The numbers of the turns after which a response is wanted; gold labels are never looked at."""
        return asked_turns(dialogue)

    def answered(self, dialogue: Dialogue, turn: int) -> tuple[Label, Evidence] | None:
        """What a model put there."""
        return at_layer(dialogue, turn, LAYER)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A response with the probability that it is the right one, and whether that is enough to be shown."""

    id: str
    text: str
    score: float
    shown: bool


class Responder(ABC):
    """A fitted model over a pool; ``order`` is what kinds of models differ in."""

    def __init__(
        self,
        task: Responding,
        encoder: Encoder,
        pool: Pool,
        *,
        confidence: Confidence | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.task = task
        self.encoder = encoder.eval()
        self.pool = pool
        self.confidence = confidence or Confidence()
        self.facts = facts or {}
        self.version = "unsaved"

    @abstractmethod
    def order(self, contexts: Sequence[Context], k: int) -> list[Order]:
        """For each context the ``k`` best responses, best first, with raw scores."""

    @abstractmethod
    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """The evaluation as plain JSON, with 95 % intervals by dialogue."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model folder, atomically."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can answer: the ids of the pool."""
        return tuple(response.id for response in self.pool.responses)

    def rank(self, dialogue: Dialogue, k: int = 5) -> tuple[Ranked, ...]:
        """The ``k`` best responses to a dialogue as it stands, best first; of a ranking ``top_k`` at most.

        Show nothing where the first is not ``shown``. Raises InputError when ``k`` is less than 1.
        """
        if k < 1:
            raise InputError(f"k is {k}, expected at least 1")
        contexts = contexts_of([dialogue], self.encoder.codec, lambda one: [len(one.turns)], profile=self.task.profile)
        return self._ranked(self.order(contexts, k)[0])

    def annotate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        last: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Dialogue]:
        """The dialogues with the layer ``response`` at the turns that a response is wanted after, or the last alone.

        Its value is the id of the first response, () where it is not sure enough to be shown. The evidence has the
        next ones as alternatives, and their texts as neighbours where ids are no texts. ``progress`` gets the number
        of dialogues just done.
        """
        return in_parts(lambda part: self.ask(part, last=last).fill(part), dialogues, progress)

    def predict(self, dialogue: Dialogue) -> Dialogue:
        """One dialogue with the layer filled in."""
        return next(iter(self.annotate([dialogue])))

    def contexts(self, dialogues: Sequence[Dialogue], wanted: Callable[[Dialogue], Iterable[int]]) -> list[Context]:
        """The contexts of turns of the dialogues, as this model reads them."""
        return contexts_of(dialogues, self.encoder.codec, wanted, profile=self.task.profile)

    def given(self, dialogues: Sequence[Dialogue]) -> tuple[list[Context], Ints]:
        """The contexts of agents' turns, and the numbers of their responses in the pool, -1 where it lacks them."""
        contexts = self.contexts(dialogues, agent_turns)
        turns = (dialogues[context.dialogue].turns[context.turn] for context in contexts)
        places = [self.pool.find(turn, self.task.gold_layer) for turn in turns]
        return contexts, np.array([-1 if place is None else place for place in places], dtype=np.int64)

    def ask(self, dialogues: Sequence[Dialogue], *, last: bool) -> Asked:
        """What ``annotate`` asks about some dialogues, and how it fills the layer in."""

        def wanted(dialogue: Dialogue) -> list[int]:
            turns = [turn + 1 for turn in asked_turns(dialogue)]
            return [turn for turn in turns if turn == len(dialogue.turns)] if last else turns

        contexts = self.contexts(dialogues, wanted)
        composer = Composer(self.encoder.codec)
        rows = [context.row(composer) for context in contexts]
        cut = [context.is_cut(row) for context, row in zip(contexts, rows, strict=True)]
        return Asked(lambda: [tokens_of(row) for row in rows], lambda given: list(self._filled(given, contexts, cut)))

    def _filled(
        self, dialogues: Sequence[Dialogue], contexts: Sequence[Context], cut: Sequence[bool]
    ) -> Iterator[Dialogue]:
        answers: list[dict[int, tuple[Label, Evidence]]] = [{} for _ in dialogues]
        for context, order, truncated in zip(contexts, self.order(contexts, self.task.shown), cut, strict=True):
            ranked = self._ranked(order)
            first = ranked[0]
            label: Label = first.id if first.shown else ()
            evidence = Evidence(
                score=first.score,
                alternatives=tuple((one.id, one.score) for one in ranked),
                neighbours=tuple(Neighbour(r.text, (r.id,), r.score) for r in ranked if r.id != r.text),
                truncated=truncated,
            )
            answers[context.dialogue][context.turn - 1] = (label, evidence)
        for dialogue, found in zip(dialogues, answers, strict=True):
            yield with_layer(dialogue, LAYER, found)

    def _ranked(self, order: Order) -> tuple[Ranked, ...]:
        scores = self.confidence(np.array([score for _, score in order], dtype=np.float64))
        return tuple(
            Ranked(self.pool[at].id, self.pool[at].text, float(sure), bool(sure >= self.confidence.threshold))
            for (at, _), sure in zip(order, scores, strict=True)
        )
