"""``turnwise fit desk``: every task that a corpus has labels for."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns
from turnwise.errors import InputError


def fit_desk_verb(
    corpus: Annotated[str, typer.Option("--corpus", "-c", help=f"Labelled dialogues: {CORPUS_HELP}")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
    dev: Annotated[str | None, typer.Option(help="Labelled dialogues for the best epochs and the thresholds.")] = None,
    pool: Annotated[str | None, typer.Option(help="Responses to rank: a .txt, .jsonl or .csv file, or sample.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Fit this task alone; may be given several times.")] = None,
    seed: SeedOption = 0,
    encoder: Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")] = "embedded",
    shared: Annotated[
        bool, typer.Option("--shared", help="One encoder for all: fitted together, smaller, and faster to answer.")
    ] = False,
    recipe: Annotated[str | None, typer.Option(help="With --shared: a .toml file instead of the recipe desk.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Train each for so many epochs.")] = None,
    steps: Annotated[int | None, typer.Option(help="Stop each training after so many steps.")] = None,
    column: ColumnOption = None,
) -> None:
    """Fit a desk: intents, acts, emotions, hand-off, personal data, state, satisfaction and responses, as labelled.

    Example: turnwise fit desk --corpus sample --pool sample -o models/desk
    """
    from turnwise.cli.fit import training_bars
    from turnwise.corpora import read_corpus
    from turnwise.encoder import Encoder
    from turnwise.files import check_replaceable
    from turnwise.tasks.desk_fit import fit_desk
    from turnwise.tasks.folder import MARKS
    from turnwise.tasks.pool import read_pool
    from turnwise.tasks.trunk_fit import MEMBERS, fit_trunk, trunk_recipe

    if recipe is not None and not shared:
        raise InputError(f"--recipe {recipe} is for --shared; without it each task is fitted by its own recipe")
    check_replaceable(output, MARKS)
    names = columns(column)
    found = list(read_corpus(corpus, columns=names))
    held = None if dev is None else list(read_corpus(dev, default_split="dev", columns=names))
    choices = None if pool is None else read_pool(pool)
    options = {"epochs": epochs, "steps": steps, "seed": seed}
    training = {key: value for key, value in options.items() if value is not None}
    wanted = task or MEMBERS
    loaded = Encoder.load(encoder)
    with training_bars() as show:
        if shared:
            fitting = trunk_recipe(recipe or "desk", {"training": training})
            told = partial(show, "desk")
            desk = fit_trunk(found, loaded, fitting, dev=held, pool=choices, tasks=wanted, on_step=told)
        else:
            desk = fit_desk(found, loaded, dev=held, pool=choices, tasks=wanted, training=training, on_step=show)
    desk.save(output)
    typer.echo(f"{len(desk.members)} tasks of {len(found)} dialogues; desk {desk.version} written to {output}")
    for name, member in desk.members.items():
        typer.echo(f"  {name}: {_measured(member.facts.get('held_out', {}))}")
    for name, why in desk.facts["left_out"].items():
        typer.echo(f"  {name}: left out, {why}")
    typer.echo(f"next: turnwise predict {output} --input chats.jsonl --json")


def _measured(found: dict[str, object]) -> str:
    told = [f"{name} {value:.4f}" for name, value in found.items() if isinstance(value, float)]
    return ("held out, " + ", ".join(told[:3])) if told else "fitted"
