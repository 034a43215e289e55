"""``turnwise pretrain``: adapt an encoder to one's own conversations."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns
from turnwise.cli.progress import training_bar
from turnwise.cli.where import WhereOption, selection

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue
    from turnwise.training import Step


def pretrain(
    output: Annotated[Path, typer.Option("--output", "-o", help="The encoder folder to write; of --pairs a decoder.")],
    corpus: Annotated[
        list[str] | None, typer.Option("--corpus", "-c", help=f"Dialogues, once for each corpus: {CORPUS_HELP}")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="In place of dialogues: a folder of turnwise mine. A span decoder learns.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A shipped recipe or a .toml file; see docs/recipes.md. convfit-stage1 by default, pairwise-cloze of "
            "--pairs.",
            show_default=False,
        ),
    ] = None,
    dev: Annotated[
        str | None, typer.Option(help="Dialogues to measure on; a twentieth of the corpus by default.")
    ] = None,
    encoder: Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")] = "embedded",
    random_weights: Annotated[
        bool, typer.Option("--random", help="Start from random weights of that architecture.")
    ] = False,
    tokenizer: Annotated[
        Path | None, typer.Option(help="From scratch: the folder of turnwise tokenizer, in place of --encoder.")
    ] = None,
    size: Annotated[str, typer.Option(help="With --tokenizer: small (4 layers of 256) or convert (6 of 512).")] = (
        "small"
    ),
    epochs: Annotated[float | None, typer.Option(help="Passes over the examples; the recipe's by default.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps; wins over epochs.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples a batch, of every objective.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The encoder's rate; the recipe's by default.")] = None,
    seed: SeedOption = 0,
    without_mlm: Annotated[bool, typer.Option("--without-mlm", help="Leave out masked language modelling.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A try: few steps, small batches, short texts, 2,000 dialogues.")
    ] = False,
    where: WhereOption = None,
    limit: Annotated[int | None, typer.Option(help="At most so many pairs of response_ranking.")] = None,
    work: Annotated[
        Path | None, typer.Option(help="Where the run is kept while it lasts; OUTPUT.work by default.")
    ] = None,
    keep_work: Annotated[bool, typer.Option("--keep-work", help="Keep that folder when the encoder is written.")] = (
        False
    ),
    restart: Annotated[bool, typer.Option("--restart", help="Forget what an earlier run has done.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Log for TensorBoard too; in the end the logs lie in OUTPUT/logs.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the facts to this file; - prints.")] = None,
    column: ColumnOption = None,
) -> None:
    """Adapt an encoder to dialogues, without labels. The same command again goes on with a run that was stopped.

    Example: turnwise pretrain --corpus chats.jsonl -o encoders/ours, then turnwise fit intent --encoder encoders/ours
    """
    from accelerate import PartialState
    from torch import cuda

    from turnwise.cli.pretrain_flags import base_encoder, changed_recipe, check_sources, plain
    from turnwise.cli.pretrain_pairs import pretrain_pairs
    from turnwise.cli.pretrain_report import show, tell
    from turnwise.cli.run_folder import Stopping, opened, resumable, stamp
    from turnwise.corpora import parse
    from turnwise.encoder import MARKS
    from turnwise.files import check_replaceable
    from turnwise.pretraining import pretrain as adapt
    from turnwise.quick import DIALOGUES

    of_dialogues = {
        "--dev": dev, "--limit": limit, "--where": where, "--column": column, "--without-mlm": without_mlm or None
    }  # fmt: skip
    check_sources(corpus, pairs, [flag for flag, value in of_dialogues.items() if value is not None])
    recipe = recipe or ("convfit-stage1" if pairs is None else "pairwise-cloze")
    if pairs is None:
        check_replaceable(output, MARKS)
    overrides: dict[str, object] = {"epochs": epochs, "steps": steps, "learning_rate": learning_rate, "seed": seed}
    chosen = changed_recipe(recipe, overrides, batch_size, limit, without_mlm=without_mlm, small=quick)
    names, taken = columns(column), selection(where)
    sources = [parse(spec, "train") for spec in corpus or []]
    measured = None if dev is None else parse(dev, "dev")
    base = base_encoder(encoder, random_weights, tokenizer, size, chosen, seed)
    folder = output.with_name(output.name + ".work") if work is None else work
    told = [encoder, random_weights, None if tokenizer is None else [str(tokenizer), size]]
    if pairs is not None:
        pretrain_pairs(
            pairs, output, base, chosen, told=told, folder=folder, keep_work=keep_work, restart=restart,
            tensorboard=tensorboard, json_file=json_file,
        )  # fmt: skip
        return

    state = PartialState(cpu=not cuda.is_available())
    run = {
        "corpora": {source.spec: stamp(source.path) for source in sources},
        "dev": None if measured is None else {measured.spec: stamp(measured.path)},
        "where": [str(condition) for condition in taken.conditions],
        "columns": column or [],
        "base": told,
        "dialogues": DIALOGUES if quick else None,
        "recipe": plain(chosen),
    }
    kept = opened(state, folder, run, restart=restart)

    with training_bar() as bar, Stopping() as stopping:

        def read() -> "Iterator[Dialogue]":
            found = taken.of(dialogue for source in sources for dialogue in source.read(names))
            for dialogue in islice(found, DIALOGUES if quick else None):
                stopping.check()
                bar.read()
                yield dialogue

        def on_step(step: "Step") -> None:
            bar.step(step)
            stopping.check()

        with resumable(kept, stopping, state):
            adapted = adapt(
                read(),
                base,
                chosen,
                dev=None if measured is None else selection(where).of(measured.read(names)),
                work=folder,
                tensorboard=tensorboard,
                on_step=on_step,
            )
            if state.is_main_process:
                adapted.save(output)
    if not state.is_main_process:
        return
    facts = {**adapted.facts, "tokens_per_second": round(bar.rate, 1)}
    tell(facts, json_file, lambda: show(facts, rate=bar.rate))
    if not keep_work:
        kept.remove(logs=output / "logs" if tensorboard else None)
    typer.echo(f"encoder written to {output}", err=json_file == Path("-"))
    typer.echo(f"next: turnwise fit intent --encoder {output} --corpus CORPUS -o DIR", err=json_file == Path("-"))
