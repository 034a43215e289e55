"""Say on stderr when an encoder can hardly read what it is given."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue
    from turnwise.encoder import Encoder


def warn_of_texts(texts: Sequence[str], encoder: "Encoder") -> None:
    from turnwise.unknown import unknown_warning

    warning = unknown_warning(texts, encoder)
    if warning is not None:
        typer.echo(f"warning: {warning}", err=True)


def warn_of_dialogues(dialogues: "Iterable[Dialogue]", encoder: "Encoder") -> None:
    warn_of_texts([turn.text for dialogue in dialogues for turn in dialogue.turns], encoder)
