"""Desks on the command line: all layers of a dialogue, and the figures of every member."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from turnwise.cli.progress import counting
from turnwise.cli.tasks import said

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue, Evidence
    from turnwise.tasks.desk import Desk


def desk_of(folder: Path) -> "Desk | None":
    """The desk of a folder; None leaves it to the others."""
    from turnwise.tasks.folder import named_task

    if named_task(folder) != "desk":
        return None
    from turnwise.tasks.load import load_folder_of_desk

    return load_folder_of_desk(folder)


def show_desk(desk: "Desk", dialogues: "Sequence[Dialogue]", as_json: bool) -> None:
    """Print the dialogues with all layers filled in: as JSON, or each turn with what was found in it."""
    from turnwise.dialogue import to_json

    with counting("dialogues", len(dialogues)) as advance:
        for dialogue in desk.annotate(dialogues, progress=advance):
            if as_json:
                typer.echo(json.dumps(to_json(dialogue), ensure_ascii=False))
            else:
                _show(dialogue)


def _show(dialogue: "Dialogue") -> None:
    from turnwise.cli.predict import short

    for turn in dialogue.turns:
        typer.echo(f"{turn.speaker or 'somebody'}: {short(turn.text)}")
        for layer, spans in turn.spans.items():
            for span in spans:
                sure = "" if span.score is None else f"  {span.score:.0%}"
                typer.echo(f"    {layer}: {span.label} = {short(turn.text[span.start : span.end])}{sure}")
        for layer, label in turn.labels.items():
            typer.echo(f"    {layer}: {said(label)}{_sure(turn.evidence.get(layer))}")
    for layer, label in dialogue.labels.items():
        typer.echo(f"{layer}: {said(label)}{_sure(dialogue.turns[-1].evidence.get(layer))}")


def _sure(evidence: "Evidence | None") -> str:
    if evidence is None:
        return ""
    cut = "  [not all of it was read]" if evidence.truncated else ""
    return ("" if evidence.score is None else f"  {evidence.score:.0%}") + cut


def tell_desk(metrics: dict[str, Any], title: str) -> None:
    """A line a member: its figures, or why it was not measured."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("task", "n", "figures", title=escape(title), title_justify="left")
    for name, found in metrics["members"].items():
        figures = [f"{key} {value:.4f}" for key, value in found.items() if isinstance(value, float)]
        table.add_row(name, str(found.get("n", "")), escape(found.get("missing") or "  ".join(figures[:4])))
    Console().print(table)
