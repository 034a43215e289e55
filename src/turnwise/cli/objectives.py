"""``turnwise objectives``: what an encoder can learn from conversations, and which objective a task asks for."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def objectives(
    task: Annotated[
        str | None, typer.Option(help="Which objectives to choose for this task.", show_default=False)
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the objectives of pre-training: what each teaches, its paper, and what it needs of a corpus.

    Example: turnwise objectives --task intent
    """
    from turnwise.abilities import TABLE, recommend
    from turnwise.cli.table import show_table
    from turnwise.objectives import PairwiseCloze

    if task is not None:
        choices = recommend(task)
        if json_:
            typer.echo(json.dumps([asdict(choice) for choice in choices], ensure_ascii=False, indent=2))
            return
        show_table(
            ["objective", "shares with the task", "recipe", "needs"],
            [(c.objective.name, ", ".join(c.shared), c.objective.recipe, c.objective.needs) for c in choices],
        )
        first = choices[0].objective
        of_pairs = first.name == PairwiseCloze.name
        before = "Mine pairs with turnwise mine" if of_pairs else "Keep the rider masked_lm beside it"
        given = "--pairs PAIRS -o DECODER" if of_pairs else "--corpus CORPUS -o ENCODER"
        typer.echo(
            f"The nearest comes first (DSDF, 3.4). {before}, and start with:\n"
            f"turnwise pretrain --recipe {first.recipe} {given}"
        )
        return
    if json_:
        typer.echo(json.dumps([asdict(entry) for entry in TABLE], ensure_ascii=False, indent=2))
        return
    show_table(
        ["name", "kind", "teaches or asks for", "row of", "source", "needs"],
        [
            (e.name, e.kind, ", ".join(e.has), "DSDF, table 1" if e.published else "ours", e.paper, e.needs)
            for e in TABLE
        ],
    )
    typer.echo("turnwise objectives --task TASK says which objective to choose.")
