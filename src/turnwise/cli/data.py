"""``turnwise data``: published corpora from their official sources."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.progress import counting

data = typer.Typer(no_args_is_help=True, help="Fetch published corpora from where they were published.")


@data.command("list")
def list_(
    json_: Annotated[bool, typer.Option("--json", help="Print the list, with every file, as JSON.")] = False,
) -> None:
    """List the published corpora that are known: licence, source, size, and the reader that reads them."""
    from dataclasses import asdict

    from turnwise.cli.table import show_table
    from turnwise.corpora.sources import published

    if json_:
        typer.echo(json.dumps([asdict(corpus) for corpus in published()], ensure_ascii=False, indent=2))
        return
    show_table(
        ["name", "corpus", "reader", "licence of the data", "source", "files"],
        [
            (
                corpus.name,
                corpus.title + (f" ({corpus.note})" if corpus.note else ""),
                corpus.reader,
                corpus.licence,
                f"github.com/{corpus.repository}" + (f" at {corpus.commit[:12]}" if corpus.commit else ""),
                _amount(len(corpus.files), corpus.size),
            )
            for corpus in published()
        ],
    )


@data.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of turnwise data list.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to fetch to.", show_default=False)],
    mirror: Annotated[
        str | None, typer.Option(help="Address of a mirror with the paths of GitHub's raw files.", show_default=False)
    ] = None,
) -> None:
    """Fetch a published corpus; run it again to go on after a cut.

    A file gets its name only when it is whole and, where a SHA-256 is known, the published one.
    """
    from turnwise.corpora.sources import GITHUB, fetch, find_published

    corpus = find_published(name)
    outcomes: Counter[str] = Counter()
    with counting(f"{name}, bytes", corpus.size) as advance:
        for _, outcome in fetch(corpus, output, mirror=mirror or GITHUB, progress=advance):
            outcomes[outcome] += 1
    counted = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    typer.echo(f"{corpus.title} is in {output} (files: {counted}). Licence of the data: {corpus.licence}.")
    unchecked = sum(file.sha256 is None for file in corpus.files)
    if unchecked:
        typer.echo(
            f"No SHA-256 is known of {unchecked} of {len(corpus.files)} files: they were checked for length only."
        )
    if corpus.note:
        typer.echo(f"Note: {corpus.note}.")


def _amount(files: int, size: int | None) -> str:
    if not files:
        return "to be cloned"
    return f"{files}" if size is None else f"{files}, {size / 1e6:,.1f} MB"
