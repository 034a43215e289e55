"""Fit a task: train encoder and head, keep the best epoch on held-out dialogues, learn thresholds there."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from turnwise import __version__
from turnwise.checkpoint import model_weights, put_weights
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.layout import FormatName, Layout, Segments
from turnwise.sequences import LEAST_TOKENS
from turnwise.settings import Settings
from turnwise.tasks.model import Memory, TaskModel, run
from turnwise.tasks.rows import Examples
from turnwise.tasks.task import Task
from turnwise.training import Part, Step, Training

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

    task: Task
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
    task, settings = fitting.task, fitting.training
    given = list(dialogues)
    learned = task.learn(given)
    train, held = (given, list(dev)) if dev is not None else _split(given, fitting.held_out.share, settings.seed)
    adapted = Encoder(copy.deepcopy(encoder.backbone), copy.copy(encoder.codec), encoder.name)
    adapted.codec.max_tokens = min(encoder.codec.max_tokens, fitting.input.max_tokens)
    adapted.use_layout(_layout(adapted, fitting.input), seed=settings.seed)
    examples = task.examples(train, adapted.codec, learned, gold=True)
    if len(examples) == 0:
        raise CorpusError(f"{task.name}: no turn of the training dialogues has the layer {task.layer!r}")
    dev_examples = task.examples(held, adapted.codec, learned, gold=True) if held else Examples((), examples.width)
    torch.manual_seed(settings.seed)
    head = task.head(adapted, examples)
    training = Training(adapted, [Part(task, examples, head)], settings)
    best = _Best()
    epoch = task.epoch_steps(examples)
    epochs: list[dict[str, float]] = []
    for step in training.steps():
        if on_step is not None:
            on_step(step)
        if len(dev_examples) and (step.index % epoch == 0 or step.index == step.total):
            measured = _measured(task, adapted, head, dev_examples)
            epochs.append({"step": float(step.index), **measured})
            best.note(measured["quality"], step.index, training.model)
    best.restore(training.model)
    facts: dict[str, Any] = {
        "turnwise": __version__,
        "encoder": encoder.name,
        "dialogues": len(train),
        "examples": len(examples),
        "training": asdict(settings),
        "input": asdict(fitting.input),
        "epochs": epochs,
        "chosen_by": task.kind.chosen_by,
        "steps": best.step or training.done,
    }
    if len(dev_examples):
        scores, _ = run(task, adapted, head, dev_examples)
        learned = task.kind.finish(learned, scores, dev_examples.targets)
    model = TaskModel(task, adapted, head, learned, memory=_memory(task, adapted, head, examples, train), facts=facts)
    if len(dev_examples):
        found = model.evaluate(held, draws=0)
        facts["held_out"] = {name: value for name, value in found.items() if isinstance(value, int | float)}
    return model


class _Best:
    """The weights of the best epoch so far; of equal ones the first."""

    def __init__(self) -> None:
        self.quality = -np.inf
        self.step = 0
        self.weights: dict[str, Tensor] = {}

    def note(self, quality: float, step: int, model: nn.Module) -> None:
        if quality > self.quality:
            self.quality, self.step = quality, step
            self.weights = {name: value.clone() for name, value in model_weights(model).items()}

    def restore(self, model: nn.Module) -> None:
        if self.weights:
            problem = put_weights(model, self.weights)
            assert problem is None, problem


def _layout(encoder: Encoder, chosen: TaskInput) -> Layout:
    if chosen.format is not None:
        return Layout(chosen.format, chosen.segments)
    own = encoder.codec.layout
    return own if own.format != "plain" else Layout("tod", chosen.segments)


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


def _measured(task: Task, encoder: Encoder, head: nn.Module, examples: Examples) -> dict[str, float]:
    """Quality on held-out examples, and the mean negative log-probability of their targets, number by number."""
    scores, _ = run(task, encoder, head, examples, precision="auto")
    targets = examples.targets
    likely = np.where(targets > 0.5, scores, 1 - scores)
    loss = float(-np.log(np.clip(likely, 1e-12, 1)).mean())
    return {"loss": loss, "quality": task.kind.quality(scores, targets, loss)}


def _memory(task: Task, encoder: Encoder, head: nn.Module, examples: Examples, dialogues: Sequence[Dialogue]) -> Memory:
    """The training turns with the answer yes, where answers are explained by such; at most 2,000, evenly spread."""
    if not task.explained:
        return Memory()
    yes = [at for at, example in enumerate(examples.found) if example.target[0] > 0.5]
    yes = yes[:: -(-len(yes) // _REMEMBERED) or 1]
    chosen = Examples([examples[at] for at in yes], examples.width)
    _, vectors = run(task, encoder, head, chosen)
    texts = tuple(dialogues[example.dialogue].turns[example.turn].text for example in chosen.found)
    return Memory(texts, vectors)
