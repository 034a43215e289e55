"""Fit response selection: in-batch negatives, the best epoch on held-out dialogues, then the pool's vectors."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.parts import Part
from turnwise.settings import Settings
from turnwise.store import TurnStore
from turnwise.tasks.confidence import fit_confidence
from turnwise.tasks.contexts import Context, agent_turns, contexts_of
from turnwise.tasks.dual import DualEncoder
from turnwise.tasks.fit import HeldOut, TaskInput, adapted_encoder, train_and_held
from turnwise.tasks.learner import facts_of, learn
from turnwise.tasks.pool import Pool, dialogue_pool
from turnwise.tasks.ranks import BATCH, Ints, batch_ranks, recall, text_keys
from turnwise.tasks.responder import Responder
from turnwise.tasks.selection import Selection, SelectionModel
from turnwise.training import Step

_MEASURED = 1_500
"""Held-out turns that an epoch is measured on, about."""


@dataclass(frozen=True)
class SelectionFitting:
    """A recipe: the task, how it is trained, how dialogues are written, what is held out."""

    task: Selection = field(default_factory=Selection)
    training: Settings = field(default_factory=lambda: Settings(epochs=10, learning_rate=1e-4))
    input: TaskInput = field(default_factory=TaskInput)
    held_out: HeldOut = field(default_factory=HeldOut)


def fit_selection(
    dialogues: Iterable[Dialogue],
    encoder: Encoder,
    fitting: SelectionFitting,
    *,
    pool: Pool | None = None,
    dev: Iterable[Dialogue] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> SelectionModel:
    """Fit ``fitting.task`` from a copy of ``encoder``; ``pool`` is by default what agents say in ``dialogues``.

    After each epoch R@1 is measured among the responses of held-out dialogues, in batches of 100 where there are as
    many; the weights of the best epoch stay. Raises CorpusError when fewer than two agents' turns answer something.
    """
    task, settings = fitting.task, fitting.training
    given = [task.read(dialogue) for dialogue in dialogues]
    pool = dialogue_pool(given, task.gold_layer) if pool is None else pool
    train, held = train_and_held(given, dev, fitting.held_out, settings.seed)
    adapted = adapted_encoder(encoder, fitting.input, settings.seed)
    learner = SelectionLearner(task, adapted, train, held, pool, settings.seed)
    (learned,) = learn(adapted, [learner], settings, on_step)
    return learner.finish(facts_of(learner, learned, settings, fitting.input, encoder=encoder.name, train=train))


class SelectionLearner:
    """Response selection on ``encoder``, which is trained in place."""

    chosen_by = "recall@1"
    name = Selection.name

    def __init__(
        self,
        task: Selection,
        encoder: Encoder,
        train: Sequence[Dialogue],
        held: Sequence[Dialogue],
        pool: Pool,
        seed: int,
    ) -> None:
        self.task, self.encoder, self.train, self.held, self.pool = task, encoder, train, held, pool
        self.seed = seed
        objective = task.objective
        examples = objective.examples(TurnStore.of(train, encoder.codec), encoder.codec)
        torch.manual_seed(seed)
        self.parts = [Part(objective, examples, objective.head(encoder, examples))]

    def measure(self) -> tuple[float, dict[str, float]] | None:
        """R@1 among held-out responses."""
        quality = held_out_recall(self.task, self.encoder, self.held) if self.held else None
        return None if quality is None else (quality, {"recall@1": quality})

    def finish(self, facts: dict[str, Any]) -> SelectionModel:
        """The model with the pool's vectors and its precedents, and what its scores mean."""
        model = SelectionModel(self.task, self.encoder, self.pool, facts=facts)
        remember(model, self.train, self.held, self.seed)
        finish(model, self.held)
        return model


def held_out_recall(task: Selection, encoder: Encoder, dialogues: Sequence[Dialogue]) -> float | None:
    """R@1 of a batch of responses, 100 where there are as many; None with fewer than two.

    Of many turns some 1,500 are asked, evenly taken: an epoch may not cost less than its measurement.
    """
    contexts = contexts_of(dialogues, encoder.codec, agent_turns, profile=task.profile)
    contexts = contexts[:: max(1, len(contexts) // _MEASURED)]
    if len(contexts) < 2:
        return None
    dual = DualEncoder(encoder)
    texts = [dialogues[context.dialogue].turns[context.turn].text for context in contexts]
    size = min(BATCH, len(contexts))
    asked, given = dual.contexts(contexts), dual.responses(texts)
    _, _, merged = batch_ranks(lambda rows, columns: asked[rows] @ given[columns].T, text_keys(texts), 0, size)
    return recall(merged, 1)


def remember(model: SelectionModel, train: Sequence[Dialogue], held: Sequence[Dialogue], seed: int) -> None:
    """Keep training turns whose response is in the pool as precedents; held-out ones choose how much they count."""
    if model.task.precedents:
        contexts, responses = _answered(model, train)
        model.retriever.remember(contexts, responses, model.task.precedents, seed)
        contexts, responses = _answered(model, held)
        some = slice(None, None, max(1, len(contexts) // _MEASURED))
        model.retriever.choose_share(contexts[some], responses[some])


def _answered(model: SelectionModel, dialogues: Sequence[Dialogue]) -> tuple[list[Context], Ints]:
    """The contexts of agents' turns whose response is in the pool, and its numbers."""
    contexts, places = model.given(dialogues)
    known = places >= 0
    return [context for context, one in zip(contexts, known, strict=True) if one], places[known]


def finish(model: Responder, held: Sequence[Dialogue]) -> None:
    """Learn from held-out dialogues when a first response is right, and note how good the model is on them.

    An agent's turn whose response is not in the pool counts as one that nothing is right for.
    """
    contexts, places = model.given(held)
    if not contexts:
        return
    firsts = [order[0] for order in model.order(contexts, 1)]
    right = places == [at for at, _ in firsts]
    model.confidence = fit_confidence(
        np.array([score for _, score in firsts], dtype=np.float64), right, model.task.precision
    )
    found = model.evaluate(held, draws=0)
    model.facts["held_out"] = {name: value for name, value in found.items() if isinstance(value, int | float)}
