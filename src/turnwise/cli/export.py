"""``turnwise export``: a fitted model for ONNX Runtime, checked against what it was."""

from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import CORPUS_HELP, ColumnOption, columns


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A fitted model folder.")],
    precision: Annotated[str, typer.Option(help="int8 (small and fast) or fp32.")] = "int8",
    corpus: Annotated[
        str | None, typer.Option("--corpus", "-c", help=f"Labelled utterances to check it on: {CORPUS_HELP}")
    ] = None,
    column: ColumnOption = None,
) -> None:
    """Export the encoder for ONNX Runtime; serve uses it, predict and evaluate with --engine.

    An export that answers too differently is refused with the figures.

    Example: turnwise export models/shop --precision int8 --corpus sample@dev
    """
    from turnwise.cli.responses import choosing
    from turnwise.corpora import read_corpus
    from turnwise.tasks.intent.engine import export_folder, export_model
    from turnwise.tasks.intent.examples import utterances
    from turnwise.tasks.ranking.engine import export_responses

    if choosing(folder, "torch") is not None:
        dialogues = list(read_corpus(corpus, default_split="dev", columns=columns(column))) if corpus else []
        for name, part in export_responses(folder, precision, check=dialogues).items():
            changed = float((part.task or {}).get("labels_changed", 0.0))
            typer.echo(
                f"{export_folder(folder, precision) / name}: on {part.texts} sequences the vectors differ by at most "
                f"{part.largest_difference:.4f}, {changed:.2%} of the first choices changed"
            )
        return
    check = utterances(read_corpus(corpus, default_split="dev", columns=columns(column))) if corpus is not None else []
    facts = export_model(folder, precision, check=check)
    place = export_folder(folder, precision)
    size = (place / "model.onnx").stat().st_size / 1e6
    task = facts.task or {}
    typer.echo(
        f"{place}: {size:.0f} MB; on {facts.texts} texts the vectors differ by at most {facts.largest_difference:.4f}, "
        f"{float(task.get('labels_changed', 0.0)):.2%} of the answers changed"
        + (f", accuracy {float(task['before']):.4f} -> {float(task['after']):.4f}" if check else "")
    )
