"""Models that choose responses, on the command line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from turnwise.cli.fit_ranking import RESPONSE_VERBS
from turnwise.cli.progress import counting

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue
    from turnwise.tasks.responder import Responder


def choosing(folder: Path, engine: str) -> "Responder | None":
    """The model of a folder when it chooses responses, on an engine; None leaves it to the others."""
    from turnwise.tasks.folder import named_task

    if named_task(folder) not in RESPONSE_VERBS:
        return None
    from turnwise.tasks.ranking.engine import load_responses

    return load_responses(folder, engine)


def show_responses(model: "Responder", dialogues: "Sequence[Dialogue]", as_json: bool) -> None:
    """Print the dialogues with the layer filled in as JSON, or after each turn that was asked about its responses."""
    from turnwise.cli.predict import short
    from turnwise.dialogue import to_json

    texts = {response.id: response.text for response in model.pool.responses}
    with counting("dialogues", len(dialogues)) as advance:
        for dialogue in model.annotate(dialogues, progress=advance):
            if as_json:
                typer.echo(json.dumps(to_json(dialogue), ensure_ascii=False))
                continue
            for turn in dialogue.turns:
                evidence = turn.evidence.get("response")
                if evidence is None:
                    continue
                cut = "  [not all of the dialogue was read]" if evidence.truncated else ""
                typer.echo(f"{short(turn.text)}{cut}")
                if turn.labels["response"] == ():
                    typer.echo("  show nothing: no response is sure enough; the nearest are")
                for id, score in evidence.alternatives:
                    name = "" if id == texts[id] else f"{id}  "
                    typer.echo(f"  {score:5.1%}  {name}{short(texts[id])}")
