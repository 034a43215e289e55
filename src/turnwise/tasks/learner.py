"""What is fitted on an encoder, alone or beside others, and the loop that keeps the best epoch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, TypeVar

from turnwise import __version__
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.parts import Part
from turnwise.settings import Settings
from turnwise.tasks.best import Best
from turnwise.training import Step, Training

Model_co = TypeVar("Model_co", covariant=True)


@dataclass(frozen=True)
class Learned:
    """What a fit left: the figures of held-out dialogues after each epoch, and the steps whose weights stayed."""

    epochs: list[dict[str, float]]
    steps: int


class Learner(Protocol[Model_co]):
    """A task that learns: what the encoder is trained with, how good it is by now, and the model that comes of it."""

    chosen_by: str
    """What the best epoch is chosen by, for people."""

    @property
    def name(self) -> str:
        """The task's name."""

    @property
    def parts(self) -> Sequence[Part]:
        """What it is trained with; an epoch is one pass over the examples of each."""

    def measure(self) -> tuple[float, dict[str, float]] | None:
        """The quality on held-out dialogues, higher being better, with the figures to note; None without any."""

    def finish(self, facts: dict[str, Any]) -> Model_co:
        """The fitted model, once the best weights are in place; ``facts`` are what is known of the fit."""


def learn(
    encoder: Encoder,
    learners: Sequence[Learner[Any]],
    settings: Settings,
    on_step: Callable[[Step], None] | None = None,
    weights: Mapping[str, float] | None = None,
) -> list[Learned]:
    """Train the encoder and all parts in place, and keep the weights of the best epoch.

    An epoch is as long as that of the part with the most batches, and every part takes part in as many of its steps as
    it has batches: an epoch sees all examples once. ``weights`` multiply the losses of the learners named in it. Of
    several learners the best epoch is that of the highest mean of their qualities. Returns a record for each learner.
    """
    parts = [
        replace(part, weight=part.weight * (weights or {}).get(learner.name, 1.0))
        for learner in learners
        for part in learner.parts
    ]
    batches = [max(1, part.objective.epoch_steps(part.examples)) for part in parts]
    epoch = max(batches)
    parts = [replace(part, share=number / epoch) for part, number in zip(parts, batches, strict=True)]
    training = Training(encoder, parts, settings)
    best = Best()
    records: list[list[dict[str, float]]] = [[] for _ in learners]
    for step in training.steps():
        if on_step is not None:
            on_step(step)
        if step.index % epoch and step.index != step.total:
            continue
        with training.averaged():
            found = [learner.measure() for learner in learners]
            for record, measured in zip(records, found, strict=True):
                if measured is not None:
                    record.append({"step": float(step.index), **measured[1]})
            known = [measured[0] for measured in found if measured is not None]
            if known:
                best.note(sum(known) / len(known), step.index, training.model)
    best.restore(training.model)
    return [Learned(record, best.step or training.done) for record in records]


def facts_of(
    learner: Learner[Any],
    learned: Learned,
    settings: Settings,
    input_: Any,
    *,
    encoder: str,
    train: Sequence[Dialogue],
) -> dict[str, Any]:
    """What every model says of its fit."""
    return {
        "turnwise": __version__,
        "encoder": encoder,
        "dialogues": len(train),
        "examples": len(learner.parts[0].examples),
        "training": asdict(settings),
        "input": asdict(input_),
        "epochs": learned.epochs,
        "chosen_by": learner.chosen_by,
        "steps": learned.steps,
    }
