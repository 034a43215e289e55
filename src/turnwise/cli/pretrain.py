"""``turnwise pretrain``: adapt an encoder to one's own conversations."""

from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.fit import training_bars
from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns
from turnwise.cli.progress import counting


def pretrain(
    corpus: Annotated[str, typer.Option("--corpus", "-c", help=f"Dialogues: {CORPUS_HELP}")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The encoder folder to write.")],
    recipe: Annotated[str, typer.Option(help="A shipped recipe or a .toml file.")] = "convfit-stage1",
    encoder: Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")] = "embedded",
    random_weights: Annotated[
        bool, typer.Option("--random", help="Start from random weights of that architecture.")
    ] = False,
    epochs: Annotated[float | None, typer.Option(help="Passes over the pairs; the recipe's by default.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many pairs.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pairs a batch: each has the others as negatives.")] = None,
    seed: SeedOption = 0,
    column: ColumnOption = None,
) -> None:
    """Adapt an encoder to dialogues, without labels (ConvFiT, Stage 1).

    Example: turnwise pretrain --corpus chats.jsonl -o encoders/ours, then turnwise fit intent --encoder encoders/ours
    """
    from turnwise.corpora import read_corpus
    from turnwise.encoder import MARKS, Encoder
    from turnwise.files import check_replaceable
    from turnwise.pretraining import pretrain as adapt
    from turnwise.pretraining import pretraining_recipe

    overrides: dict[str, dict[str, object]] = {"training": {"seed": seed}, "objective": {}}
    if epochs is not None:
        overrides["training"]["epochs"] = epochs
    if limit is not None:
        overrides["objective"]["limit"] = limit
    if batch_size is not None:
        overrides["objective"]["batch_size"] = batch_size
    check_replaceable(output, MARKS)
    chosen = pretraining_recipe(recipe, overrides)
    with counting("dialogues") as advance:
        dialogues = []
        for dialogue in read_corpus(corpus, columns=columns(column)):
            dialogues.append(dialogue)
            advance(1)
    base = Encoder.random(encoder, seed=seed) if random_weights else Encoder.load(encoder)
    with training_bars() as on_step:
        adapted = adapt(dialogues, base, chosen, on_step=lambda step: on_step("Stage 1", step))
    adapted.save(output)
    losses = adapted.facts["loss"]
    typer.echo(
        f"{adapted.facts['pairs']} pairs of {len(dialogues)} dialogues in {adapted.facts['steps']} steps; "
        f"loss {losses['first tenth']:.3f} -> {losses['last tenth']:.3f}; encoder written to {output}"
    )
    typer.echo(f"next: turnwise fit intent --encoder {output} --corpus CORPUS -o DIR")
