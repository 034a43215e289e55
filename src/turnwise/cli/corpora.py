"""``turnwise corpora``: what can be read."""

import json
from typing import Annotated

import typer


def corpora(json_: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False) -> None:
    """List the readers of corpora: what each reads, the layers it gives, its source and the licence of the data."""
    from turnwise.cli.table import show_table
    from turnwise.corpora import READERS

    if json_:
        listed = [
            {
                "reader": reader.name,
                "description": reader.description,
                "layers": reader.layers,
                "source": reader.source,
                "licence": reader.licence,
                "suffixes": reader.suffixes,
            }
            for reader in READERS
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return
    show_table(
        ["reader", "what it reads", "layers", "source", "licence of the data"],
        [(r.name, r.description, ", ".join(r.layers), r.source, r.licence) for r in READERS],
    )
    typer.echo("A corpus is named READER:PATH@SPLIT. turnwise data fetches published ones.")
