"""Fit response selection: in-batch negatives, the best epoch on held-out dialogues, then the pool's vectors."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from turnwise import __version__
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.settings import Settings
from turnwise.store import TurnStore
from turnwise.tasks.best import Best
from turnwise.tasks.confidence import fit_confidence
from turnwise.tasks.contexts import agent_turns, contexts_of
from turnwise.tasks.dual import DualEncoder
from turnwise.tasks.fit import HeldOut, TaskInput, layout_of, train_and_held
from turnwise.tasks.pool import Pool, dialogue_pool
from turnwise.tasks.ranks import BATCH, batch_ranks, recall, text_keys
from turnwise.tasks.responder import Responder
from turnwise.tasks.selection import Selection, SelectionModel
from turnwise.training import Part, Step, Training


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
    objective = task.objective
    store = TurnStore.of(train, adapted.codec)
    examples = objective.examples(store, adapted.codec)
    torch.manual_seed(settings.seed)
    training = Training(adapted, [Part(objective, examples, objective.head(adapted, examples))], settings)
    best, epoch = Best(), objective.epoch_steps(examples)
    epochs: list[dict[str, float]] = []
    for step in training.steps():
        if on_step is not None:
            on_step(step)
        if held and (step.index % epoch == 0 or step.index == step.total):
            quality = held_out_recall(task, adapted, held)
            if quality is not None:
                epochs.append({"step": float(step.index), "recall@1": quality})
                best.note(quality, step.index, training.model)
    best.restore(training.model)
    facts: dict[str, Any] = {
        "turnwise": __version__,
        "encoder": encoder.name,
        "dialogues": len(train),
        "examples": len(examples),
        "training": asdict(settings),
        "input": asdict(fitting.input),
        "epochs": epochs,
        "chosen_by": "recall@1",
        "steps": best.step or training.done,
    }
    model = SelectionModel(task, adapted, pool, facts=facts)
    finish(model, held)
    return model


def adapted_encoder(encoder: Encoder, chosen: TaskInput, seed: int) -> Encoder:
    """A copy of the encoder that reads dialogues as the recipe says."""
    adapted = Encoder(copy.deepcopy(encoder.backbone), copy.copy(encoder.codec), encoder.name)
    adapted.codec.max_tokens = min(encoder.codec.max_tokens, chosen.max_tokens)
    adapted.use_layout(layout_of(adapted, chosen), seed=seed)
    return adapted


def held_out_recall(task: Selection, encoder: Encoder, dialogues: Sequence[Dialogue]) -> float | None:
    """R@1 of a batch of responses, 100 where there are as many; None with fewer than two."""
    contexts = contexts_of(dialogues, encoder.codec, agent_turns, profile=task.profile)
    if len(contexts) < 2:
        return None
    dual = DualEncoder(encoder)
    texts = [dialogues[context.dialogue].turns[context.turn].text for context in contexts]
    size = min(BATCH, len(contexts))
    _, _, merged = batch_ranks(dual.contexts(contexts), dual.responses(texts), text_keys(texts), 0, size)
    return recall(merged, 1)


def finish(model: Responder, held: Sequence[Dialogue]) -> None:
    """Learn from held-out dialogues when a first response is right, and note how good the model is on them.

    An agent's turn whose response is not in the pool counts as one that nothing is right for.
    """
    contexts = model.contexts(held, agent_turns)
    if not contexts:
        return
    firsts = [order[0] for order in model.order(contexts, 1)]
    turns = [held[context.dialogue].turns[context.turn] for context in contexts]
    right = [model.pool.find(turn, model.task.gold_layer) == at for turn, (at, _) in zip(turns, firsts, strict=True)]
    model.confidence = fit_confidence(
        np.array([score for _, score in firsts], dtype=np.float64), np.array(right), model.task.precision
    )
    found = model.evaluate(held, draws=0)
    model.facts["held_out"] = {name: value for name, value in found.items() if isinstance(value, int | float)}


__all__ = ["SelectionFitting", "adapted_encoder", "finish", "fit_selection", "held_out_recall"]
