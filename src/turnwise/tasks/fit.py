"""Fit a task: train encoder and head, keep the best epoch on held-out dialogues, learn thresholds there."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.layout import FormatName, Layout, Segments
from turnwise.parts import Part
from turnwise.sequences import LEAST_TOKENS
from turnwise.settings import Settings
from turnwise.tasks.base import Answers, BaseTask
from turnwise.tasks.learner import facts_of, learn
from turnwise.tasks.model import Memory, TaskModel, run
from turnwise.tasks.rows import Examples
from turnwise.tasks.settle import answers_of, settled_heads
from turnwise.tasks.task import Task
from turnwise.training import Step
from turnwise.vectors import unit

_REMEMBERED = 2_000


@dataclass(frozen=True)
class TaskInput:
    """How dialogues are written. An encoder that was pre-trained in a layout of its own keeps it (``format`` none)."""

    max_tokens: int = 128
    format: FormatName | None = None
    segments: Segments = "response"

    def __post_init__(self) -> None:
        if self.max_tokens < LEAST_TOKENS:
            raise InputError(f"max_tokens is {self.max_tokens}, expected at least {LEAST_TOKENS}")


@dataclass(frozen=True)
class HeldOut:
    """``share`` of the dialogues is left out of training when no dev corpus is given.

    The best epoch and the thresholds are chosen on them. 0 trains on all, to the last epoch.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise InputError(f"share is {self.share}, expected 0 or more and less than 1")


@dataclass(frozen=True)
class Fitting:
    """A recipe: the task, how it is trained, how dialogues are written, what is held out."""

    task: BaseTask
    training: Settings = field(default_factory=lambda: Settings(epochs=5, learning_rate=1e-4, head_learning_rate=1e-3))
    input: TaskInput = field(default_factory=TaskInput)
    held_out: HeldOut = field(default_factory=HeldOut)


def fit_task(
    dialogues: Iterable[Dialogue],
    encoder: Encoder,
    fitting: Fitting,
    *,
    dev: Iterable[Dialogue] | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> TaskModel:
    """Fit ``fitting.task`` to labelled dialogues, from a copy of ``encoder``.

    After each epoch the loss and the quality on held-out dialogues are measured; the weights of the best epoch stay.
    Raises CorpusError when the dialogues have too few labels.
    """
    settings = fitting.training
    given = list(dialogues)
    train, held = train_and_held(given, dev, fitting.held_out, settings.seed)
    adapted = adapted_encoder(encoder, fitting.input, settings.seed)
    learner = TaskLearner(fitting.task, adapted, train, held, settings.seed, given=given)
    (learned,) = learn(adapted, [learner], settings, on_step)
    return learner.finish(facts_of(learner, learned, settings, fitting.input, encoder=encoder.name, train=train))


class TaskLearner:
    """A task on ``encoder``, which is trained in place. ``given`` are the dialogues that labels are taken from.

    With ``settle`` a linear head is learned to the end once the encoder stays, see ``settled_heads``, and held-out
    dialogues choose between it and the one trained with the encoder. Raises CorpusError when they have too few labels.
    """

    def __init__(
        self,
        task: BaseTask,
        encoder: Encoder,
        train: Sequence[Dialogue],
        held: Sequence[Dialogue],
        seed: int,
        *,
        given: Sequence[Dialogue],
        settle: bool = False,
    ) -> None:
        self.settle = settle
        self.task, self.encoder, self.train, self.held = task, encoder, train, held
        self.chosen_by = task.chosen_by
        self.learned = task.learn(given)
        self.examples = task.examples(train, encoder.codec, self.learned, gold=True)
        if len(self.examples) == 0:
            raise CorpusError(f"{task.name}: no turn of the training dialogues has the layer {task.layer!r}")
        empty = Examples((), self.examples.width)
        self.asked = task.examples(held, encoder.codec, self.learned, gold=True) if held else empty
        torch.manual_seed(seed)
        self.head = task.head(encoder, self.examples)
        self.parts = [Part(task, task.for_training(self.examples), self.head)]

    @property
    def name(self) -> str:
        return self.task.name

    def measure(self) -> tuple[float, dict[str, float]] | None:
        """The task's quality, with the loss."""
        if not len(self.asked):
            return None
        answers, _ = run(self.task, self.encoder, self.head, self.asked, precision="auto")
        loss, quality = self.task.quality(answers, self.asked)
        return quality, {"loss": loss, "quality": quality}

    def finish(self, facts: dict[str, Any]) -> TaskModel:
        """Learn from held-out answers, and note how good the model is on them."""
        learned = self.learned
        if len(self.asked):
            scores, states = run(self.task, self.encoder, self.head, self.asked)
            if self.settle and isinstance(self.task, Task):
                scores = self._settled(self.task, scores, states, facts)
            learned = self.task.finish(learned, scores, self.asked)
        memory = _memory(self.task, self.encoder, self.head, self.examples, self.train)
        model = TaskModel(self.task, self.encoder, self.head, learned, memory=memory, facts=facts)
        if len(self.asked):
            found = model.evaluate(self.held, draws=0)
            facts["held_out"] = {name: value for name, value in found.items() if isinstance(value, int | float)}
        return model

    def _settled(self, task: Task, scores: Answers, states: NDArray[np.float32], facts: dict[str, Any]) -> Answers:
        """What the better head answers of held-out examples, and that head in place of the trained one."""
        assert isinstance(self.head, nn.Linear)
        best = task.quality(scores, self.asked)[1]
        qualities = {"trained with the encoder": best}
        _, read = run(task, self.encoder, self.head, self.examples)
        for strength, head in settled_heads(task.kind, self.head, read, self.examples.targets):
            found = answers_of(task.kind, head, states)
            quality = qualities[f"C = {strength:g}"] = task.quality(found, self.asked)[1]
            if quality > best:
                best, scores, self.head = quality, found, head
        facts["head"] = qualities
        return scores


def adapted_encoder(encoder: Encoder, chosen: TaskInput, seed: int) -> Encoder:
    """A copy of the encoder that reads dialogues as the recipe says."""
    adapted = Encoder(copy.deepcopy(encoder.backbone), copy.copy(encoder.codec), encoder.name)
    adapted.codec.max_tokens = min(encoder.codec.max_tokens, chosen.max_tokens)
    adapted.use_layout(layout_of(adapted, chosen), seed=seed)
    return adapted


def layout_of(encoder: Encoder, chosen: TaskInput) -> Layout:
    if chosen.format is not None:
        return Layout(chosen.format, chosen.segments)
    own = encoder.codec.layout
    return own if own.format != "plain" else Layout("tod", chosen.segments)


def train_and_held(
    dialogues: Sequence[Dialogue], dev: Iterable[Dialogue] | None, held_out: HeldOut, seed: int
) -> tuple[list[Dialogue], list[Dialogue]]:
    """What to train on and what to choose on: ``dev`` where there is one, else a share of the dialogues."""
    if dev is not None:
        return list(dialogues), list(dev)
    return _split(dialogues, held_out.share, seed)


def _split(dialogues: Sequence[Dialogue], share: float, seed: int) -> tuple[list[Dialogue], list[Dialogue]]:
    """Dialogues to train on and those held out, at random; at least one of each, or none held out."""
    number = round(share * len(dialogues)) if len(dialogues) > 1 else 0
    number = min(max(number, int(share > 0 and len(dialogues) > 1)), len(dialogues) - 1)
    order = np.random.default_rng([seed, 1]).permutation(len(dialogues)).tolist()
    out = set(order[:number])
    return (
        [dialogue for row, dialogue in enumerate(dialogues) if row not in out],
        [dialogue for row, dialogue in enumerate(dialogues) if row in out],
    )


def _memory(
    task: BaseTask, encoder: Encoder, head: nn.Module, examples: Examples, dialogues: Sequence[Dialogue]
) -> Memory:
    """The training turns with the answer yes, where answers are explained by such; at most 2,000, evenly spread."""
    if not task.explained:
        return Memory()
    yes = [at for at, example in enumerate(examples.found) if example.target[0] > 0.5]
    yes = yes[:: -(-len(yes) // _REMEMBERED) or 1]
    chosen = Examples([examples[at] for at in yes], examples.width)
    _, states = run(task, encoder, head, chosen)
    texts = tuple(dialogues[example.dialogue].turns[example.turn].text for example in chosen.found)
    return Memory(texts, unit(states))
