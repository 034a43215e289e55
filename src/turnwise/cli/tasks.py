"""Model folders of the tasks beside intents, on the command line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from turnwise.cli.fit_task import ABOUT
from turnwise.cli.progress import counting

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue, Label
    from turnwise.tasks.model import TaskModel
    from turnwise.tasks.slots.model import SlotModel


def fitted(folder: Path) -> "TaskModel | SlotModel | None":
    """The model of a folder when its task is one of these; None leaves it to the intents."""
    from turnwise.tasks.folder import named_task

    name = named_task(folder)
    if name == "slots":
        from turnwise.tasks.slots.model import load_slots

        return load_slots(folder)
    if name not in ABOUT:
        return None
    from turnwise.tasks.model import load_model
    from turnwise.tasks.recipes import TASKS

    return load_model(folder, TASKS)


def answer_dialogues(model: "TaskModel | SlotModel", dialogues: "Sequence[Dialogue]", as_json: bool) -> None:
    """Print the dialogues with the layer filled in: as JSON, or a line a turn that was asked about."""
    from turnwise.dialogue import to_json

    with counting("dialogues", len(dialogues)) as advance:
        for dialogue in model.annotate(dialogues, progress=advance):
            if as_json:
                typer.echo(json.dumps(to_json(dialogue), ensure_ascii=False))
            else:
                _show(model, dialogue)


def show_spans(dialogue: "Dialogue", layer: str) -> None:
    """Print each turn that was asked about, and the values in it with their probability."""
    from turnwise.cli.predict import short

    for turn in dialogue.turns:
        if layer not in turn.evidence:
            continue
        cut = "  [only its beginning was read]" if turn.evidence[layer].truncated else ""
        typer.echo(f"{short(turn.text)}{cut}")
        for span in turn.spans[layer]:
            value = "" if span.value is None else f" = {span.value}"
            typer.echo(f"    {span.label}  {span.score or 0:.0%}  {short(turn.text[span.start : span.end])}{value}")
        for neighbour in turn.evidence[layer].neighbours:
            typer.echo(f"    {neighbour.similarity:.2f}  {', '.join(neighbour.labels)}: {short(neighbour.text)}")


def _show(model: "TaskModel | SlotModel", dialogue: "Dialogue") -> None:
    from turnwise.cli.pii import show_redacted
    from turnwise.cli.predict import short
    from turnwise.tasks.base import BaseTask
    from turnwise.tasks.pii.task import Pii
    from turnwise.tasks.task import Task, at_layer

    task = model.task
    if not isinstance(task, BaseTask):
        show_spans(dialogue, task.layer)
        return
    if isinstance(task, Pii):
        show_redacted(dialogue, task.layer)
        return
    for turn in task.queries(dialogue):
        found = task.answered(dialogue, turn) if isinstance(task, Task) else at_layer(dialogue, turn, task.layer)
        if found is None:
            continue
        label, evidence = found
        cut = "  [only its beginning was read]" if evidence.truncated else ""
        sure = f"{evidence.score:.0%}" if evidence.score is not None else ""
        typer.echo(f"{said(label)}  {sure}  {short(dialogue.turns[turn].text)}{cut}")
        for neighbour in evidence.neighbours:
            typer.echo(f"    {neighbour.similarity:.2f}  {short(neighbour.text)}")


def said(label: "Label") -> str:
    """A label in words."""
    if isinstance(label, tuple):
        return ", ".join(label) or "none"
    if isinstance(label, dict):
        return "; ".join(f"{slot}: {' or '.join(values)}" for slot, values in label.items()) or "nothing"
    if isinstance(label, bool):
        return "yes" if label else "no"
    return str(label)
