"""The steps of a run of further pre-training: logs, measurements, checkpoints, early stopping, going on."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.tracking import GeneralTracker

from turnwise.checkpoint import is_checkpoint, recover
from turnwise.errors import InputError
from turnwise.evaluation import Scores, evaluate
from turnwise.parts import Part
from turnwise.progress import BEST, Progress
from turnwise.tracking import JsonTracker
from turnwise.training import Step, Training

CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Held:
    """What is measured while training: every ``every`` steps on at most ``examples`` examples of each objective.

    ``share`` of the dialogues is held out when no dev corpus is given, at most ``dialogues`` of them; 0 holds out none.
    Training stops when the loss has not fallen for ``patience`` measurements, and the best weights are kept; without
    ``patience`` (0 or none) it goes on and the last are kept. ``checkpoint`` is the steps between two checkpoints.
    """

    every: int = 200
    examples: int = 1000
    share: float = 0.05
    dialogues: int = 1000
    patience: int | None = 3
    checkpoint: int = 100

    def __post_init__(self) -> None:
        if min(self.every, self.examples, self.dialogues, self.checkpoint) < 1:
            raise InputError("every, examples, dialogues and checkpoint are numbers of at least 1")
        if not 0 <= self.share < 1:
            raise InputError(f"share is {self.share}, expected 0 or more and less than 1")
        if self.patience is not None and self.patience < 0:
            raise InputError(f"patience is {self.patience}, expected at least 1, or 0 for none")


def learn(
    training: Training,
    dev_parts: Sequence[Part],
    held: Held,
    folder: Path | None,
    *,
    logs: Sequence[GeneralTracker] = (),
    on_step: Callable[[Step], None] | None = None,
    on_scores: Callable[[Scores], None] | None = None,
) -> Progress:
    """Make the steps that are left, and put the best weights back, where there is patience.

    With ``folder`` checkpoints are written there, also when ``on_step`` is interrupted; one that is there already is
    where the run goes on. Losses and scores go to ``logs``.
    """
    patience = held.patience or None
    progress = _started(training, dev_parts, held, folder)
    for log in logs:
        if isinstance(log, JsonTracker):
            log.cut(training.done)
    with closing(training.steps()) as steps:
        for step in steps:
            progress.add(step)
            for log in logs:
                log.log({f"loss/{name}": loss for name, loss in step.losses.items()}, step=step.index)
            last = step.index == step.total
            if dev_parts and (step.index % held.every == 0 or last):
                with training.averaged():
                    scores = evaluate(training.encoder, dev_parts, limit=held.examples)
                    progress.note(step.index, scores, training, patience, folder)
                told = {f"dev/{title}/{name}": v for title, row in scores.items() for name, v in row.items()}
                for log in logs:
                    log.log(told, step=step.index)
                if on_scores is not None:
                    on_scores(scores)
            stop = patience is not None and progress.waited >= patience
            due = step.index % held.checkpoint == 0 or last or stop
            try:
                if on_step is not None:
                    on_step(step)
            except KeyboardInterrupt:
                due = True
                raise
            finally:
                if folder is not None and due:
                    training.extra = progress.kept()
                    training.save(folder / CHECKPOINT)
            if stop:
                break
    for log in logs:
        log.finish()
    if patience is not None and progress.best_step:
        progress.restore(training, folder)
    return progress


def processes() -> PartialState:
    """The processes of a run. To be asked for before anything else: without a GPU they share the CPU."""
    return PartialState(cpu=not torch.cuda.is_available())


def _started(training: Training, dev_parts: Sequence[Part], held: Held, folder: Path | None) -> Progress:
    """Go on from the checkpoint of ``folder``, or measure what there is before the first step."""
    if folder is not None:
        with PartialState().main_process_first():
            recover(folder / CHECKPOINT)
            recover(folder / BEST)
        if is_checkpoint(folder / CHECKPOINT):
            training.load(folder / CHECKPOINT)
            return Progress(**training.extra)
    return Progress(before=evaluate(training.encoder, dev_parts, limit=held.examples) if dev_parts else {})
