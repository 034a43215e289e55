"""``turnwise convert``: any corpus to turnwise's own JSONL."""

from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import ColumnOption, CorpusArgument, columns
from turnwise.cli.progress import counting


def convert(
    corpus: CorpusArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A .jsonl, .jsonl.gz or .jsonl.xz file.", show_default=False)
    ],
    column: ColumnOption = None,
) -> None:
    """Write a corpus as JSONL, one dialogue a line; without @SPLIT, all of its splits."""
    from turnwise.corpora.write import write_corpus

    with counting("dialogues") as advance:
        count = write_corpus(corpus, output, columns=columns(column), progress=advance)
    typer.echo(f"{count} dialogues written to {output}")
