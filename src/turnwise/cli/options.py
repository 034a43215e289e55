"""Flags that several verbs share."""

from collections.abc import Sequence
from typing import Annotated

import typer

from turnwise.corpora.columns import Columns, parse_columns
from turnwise.errors import InputError

CORPUS_HELP = "READER:PATH@SPLIT, a .jsonl, .csv, .tsv or .parquet file, or sample."

CorpusArgument = Annotated[str, typer.Argument(metavar="CORPUS", help=CORPUS_HELP, show_default=False)]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=HEADER",
        help="What a column of a .csv, .tsv or .parquet file is called: text=body, label=intent, id=ticket. The reader "
        "helpdesk also has conversation, speaker and time, and who is who among speakers: agent=Zoe, customer=*.",
        show_default=False,
    ),
]


SeedOption = Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=2**32 - 1)]


def readable(texts: Sequence[str]) -> None:
    """Raise InputError for a text that the shell passed on in another encoding than UTF-8."""
    for number, text in enumerate(texts, start=1):
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise InputError(f"text {number} is not UTF-8: {text!r}; set the terminal's encoding, or use a file")


def columns(given: list[str] | None) -> Columns:
    """The columns that ``--column`` names; raises InputError for one that cannot be read."""
    return parse_columns(given or [])
