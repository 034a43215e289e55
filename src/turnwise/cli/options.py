"""Flags that several verbs share."""

from typing import Annotated

import typer

from turnwise.corpora.columns import Columns, parse_columns

CORPUS_HELP = "READER:PATH@SPLIT, a .jsonl, .csv, .tsv or .parquet file, or sample."

CorpusArgument = Annotated[str, typer.Argument(metavar="CORPUS", help=CORPUS_HELP, show_default=False)]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="NAME=HEADER",
        help="What a column of a .csv, .tsv or .parquet file is called: text=body, label=intent, id=ticket.",
        show_default=False,
    ),
]


def columns(given: list[str] | None) -> Columns:
    """The columns that ``--column`` names; raises InputError for one that cannot be read."""
    return parse_columns(given or [])
