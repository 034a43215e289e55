"""What ``turnwise pretrain`` prints in the end: amounts, losses, and scores before and after."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from turnwise.files import atomic_file


def show(facts: Mapping[str, Any], *, rate: float) -> None:
    """The facts of an adapted encoder; ``rate`` in tokens a second, 0 when no step was made."""
    examples = ", ".join(f"{count:,} of {name}" for name, count in facts["examples"].items())
    amounts = f"{facts['dialogues']:,} dialogues, {facts['turns']:,} turns; examples: {examples}"
    show_scores(facts, amounts, f"{facts['dev']['dialogues']:,} held-out dialogues", rate=rate)


def show_scores(facts: Mapping[str, Any], amounts: str, held: str, *, rate: float) -> None:
    """Steps and ``amounts``, losses, and scores before and after on what was ``held`` out."""
    from rich.console import Console
    from rich.table import Table

    typer.echo(f"{facts['steps']:,} steps; {amounts}" + (f"; {rate:,.0f} tokens a second" if rate else ""))
    for name, loss in facts["loss"].items():
        typer.echo(f"  loss of {name}: {loss['first tenth']:.3f} -> {loss['last tenth']:.3f}")
    dev = facts["dev"]
    if not dev["after"]:
        return
    table = Table("objective", "score", title=held, title_justify="left", show_edge=False)
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    for row in rows(dev["before"], dev["after"]):
        table.add_row(*row)
    Console().print(table)


def tell(facts: Mapping[str, Any], json_file: Path | None, shown: Callable[[], None]) -> None:
    """Write ``facts`` to a file, or in place of what is ``shown`` to stdout where the file is -."""
    if json_file == Path("-"):
        typer.echo(json.dumps(facts, indent=1))
        return
    shown()
    if json_file is not None:
        with atomic_file(json_file) as temporary:
            temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def rows(before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]]) -> Iterator[list[str]]:
    """Objective, score, before, after: shares in per cent, perplexity in place of nats."""
    for title, scores in after.items():
        for name, value in scores.items():
            if name == "loss" and "nats" in scores:
                continue
            earlier = before.get(title, {}).get(name)
            shown = {"nats": "perplexity", "recall@1": "recall@1 of 100 at most"}.get(name, name)
            yield [title, shown, "" if earlier is None else _text(name, earlier), _text(name, value)]


def _text(name: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    if name == "nats":
        return f"{math.exp(value):,.1f}" if value < 50 else "over 1e21"
    if name in ("accuracy", "recall@1", "precision", "recall"):
        return f"{value:.1%}"
    return f"{value:.3f}"
