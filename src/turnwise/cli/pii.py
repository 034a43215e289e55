"""Answers of models of personal data, on the command line."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue


def show_redacted(dialogue: "Dialogue", layer: str) -> None:
    """Print each turn without the personal data that is marked in it, and what was marked, with its score."""
    from turnwise.cli.predict import short
    from turnwise.pseudonyms import naming

    name = naming("numbered")
    for turn in dialogue.turns:
        if layer not in turn.evidence:
            continue
        text, at = "", 0
        for span in turn.spans[layer]:
            text += turn.text[at : span.start] + name(span.label, turn.text[span.start : span.end])
            at = span.end
        cut = "  [only its beginning was read]" if turn.evidence[layer].truncated else ""
        typer.echo(f"{short(text + turn.text[at:])}{cut}")
        for span in turn.spans[layer]:
            sure = "" if span.score is None else f"{span.score:.0%}"
            typer.echo(f"    {span.label}  {sure}  {short(turn.text[span.start : span.end])}")
