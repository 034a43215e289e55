"""``turnwise convert``: any corpus to turnwise's own JSONL."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import ColumnOption, CorpusArgument, columns
from turnwise.cli.progress import counting
from turnwise.cli.where import WhereOption, selection
from turnwise.dialogue import Dialogue
from turnwise.errors import InputError


def convert(
    corpus: CorpusArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A .jsonl, .jsonl.gz or .jsonl.xz file.", show_default=False)
    ],
    column: ColumnOption = None,
    where: WhereOption = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Replace personal data by UCI_TOKEN, and say how much of each kind.")
    ] = False,
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COUNTRY",
            help="With --redact: a country whose national phone numbers are known; US and GB unless given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a corpus as JSONL, one dialogue a line; without @SPLIT, all of its splits."""
    from turnwise.corpora.write import write_corpus
    from turnwise.personal_data import REGIONS, check_regions
    from turnwise.redaction import redact as redacted

    if region and not redact:
        raise InputError("--region says which phone numbers are replaced; give --redact with it")
    regions = tuple(region or REGIONS)
    check_regions(regions)
    chosen = selection(where)
    replaced: Counter[str] = Counter()

    def change(dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
        for dialogue in chosen.of(dialogues):
            if redact:
                done = redacted(dialogue, regions=regions)
                replaced.update(done.counts)
                dialogue = done.dialogue
            yield dialogue

    with counting("dialogues") as advance:
        count = write_corpus(corpus, output, columns=columns(column), change=change, progress=advance)
    typer.echo(f"{count} dialogues written to {output}")
    if redact:
        typer.echo(f"{replaced.total()} stretches of personal data replaced by UCI_TOKEN")
        for kind, number in sorted(replaced.items(), key=lambda item: (-item[1], item[0])):
            typer.echo(f"  {number:>7,}  {kind}")
        typer.echo("No rule finds everything: read a sample of the result before you pass it on.")
