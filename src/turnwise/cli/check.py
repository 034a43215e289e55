"""``turnwise check``: what is in a corpus, and what is wrong with it."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from turnwise.cli.options import ColumnOption, CorpusArgument, columns
from turnwise.cli.progress import counting
from turnwise.cli.where import WhereOption, selection
from turnwise.errors import CorpusError


def check(
    corpus: CorpusArgument,
    column: ColumnOption = None,
    where: WhereOption = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Count a corpus per split, layer and label, and list duplicates, overlaps and every error.

    Without @SPLIT it looks at every split. Exits with 1 when the corpus has errors.
    """
    from turnwise.cli.check_report import show
    from turnwise.corpora.check import check as check_corpus
    from turnwise.corpora.tokens import count_tokens

    chosen = selection(where)
    with counting("dialogues") as advance:
        report = check_corpus(
            corpus,
            columns=columns(column),
            keep=chosen.takes if where else None,
            count_tokens=count_tokens,
            progress=advance,
        )
    chosen.check()
    if json_:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    else:
        show(report)
    if report.errors:
        count = len(report.errors)
        raise CorpusError(f"{corpus} has {count} {'problem' if count == 1 else 'problems'}, listed in the report")
