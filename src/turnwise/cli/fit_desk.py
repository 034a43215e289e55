"""``turnwise fit desk``: every task that a corpus has labels for."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.language import warn_of_dialogues
from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns
from turnwise.errors import CorpusError, InputError


def fit_desk_verb(
    corpus: Annotated[str, typer.Option("--corpus", "-c", help=f"Labelled dialogues: {CORPUS_HELP}")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
    dev: Annotated[str | None, typer.Option(help="Labelled dialogues for the best epochs and the thresholds.")] = None,
    pool: Annotated[str | None, typer.Option(help="Responses to rank: a .txt, .jsonl or .csv file, or sample.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Fit this task alone; may be given several times.")] = None,
    seed: SeedOption = 0,
    encoder: Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")] = "embedded",
    shared: Annotated[
        bool, typer.Option("--shared", help="One encoder for all tasks, which are fitted together.")
    ] = False,
    recipe: Annotated[str | None, typer.Option(help="With --shared: a .toml file instead of the recipe desk.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Train each for so many epochs.")] = None,
    steps: Annotated[int | None, typer.Option(help="Stop each training after so many steps.")] = None,
    column: ColumnOption = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where a fit was stopped.")] = False,
) -> None:
    """Fit a desk: intents, acts, emotions, hand-off, personal data, state, satisfaction, responses, slots, as labelled.

    Tasks that are fitted lie in DIR.work until all are: the same command goes on after them.

    Example: turnwise fit desk --corpus sample --pool sample -o models/desk
    """
    from turnwise.cli.fit import training_bars
    from turnwise.cli.run_folder import Work, same_command, stamp
    from turnwise.corpora import parse, read_corpus
    from turnwise.encoder import Encoder
    from turnwise.files import check_replaceable
    from turnwise.tasks.desk_fit import DESK_TASKS, fit_desk
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
    wanted = task or (MEMBERS if shared else DESK_TASKS)
    loaded = Encoder.load(encoder)
    warn_of_dialogues(found, loaded)
    if shared:
        fitting = trunk_recipe(recipe or "desk", {"training": training})
        with training_bars() as show:
            told = partial(show, "desk")
            desk = fit_trunk(found, loaded, fitting, dev=held, pool=choices, tasks=wanted, on_step=told)
        desk.save(output)
    else:
        run = {
            "corpus": [corpus, stamp(parse(corpus, "train").path)],
            "dev": None if dev is None else [dev, stamp(parse(dev, "dev").path)],
            "pool": [pool, stamp(Path(pool))] if pool is not None and Path(pool).is_file() else pool,
            "columns": column or [],
            "encoder": encoder,
            "training": training,
        }
        kept = Work.open(output.with_name(output.name + ".work"), run, restart=restart)
        fitted = sorted(path.name for path in kept.folder.iterdir() if path.is_dir())
        if fitted:
            typer.echo(f"already fitted: {', '.join(fitted)} in {kept.folder}; --restart begins anew", err=True)
        try:
            with training_bars() as show:
                desk = fit_desk(
                    found,
                    loaded,
                    dev=held,
                    pool=choices,
                    tasks=wanted,
                    training=training,
                    work=kept.folder,
                    on_step=show,
                )
            desk.save(output)
        except KeyboardInterrupt:
            typer.echo(
                f"stopped; the tasks that are fitted lie in {kept.folder}. To go on:\n  {same_command()}", err=True
            )
            raise typer.Exit(130) from None
        except (CorpusError, InputError):
            if not any(path.is_dir() for path in kept.folder.iterdir()):
                kept.remove()
            raise
        kept.remove()
    typer.echo(f"{len(desk.members)} tasks of {len(found)} dialogues; desk {desk.version} written to {output}")
    for name, member in desk.members.items():
        typer.echo(f"  {name}: {_measured(member.facts.get('held_out', {}))}")
    for name, why in desk.facts["left_out"].items():
        typer.echo(f"  {name}: left out, {why}")
    typer.echo(f"next: turnwise predict {output} --input chats.jsonl --json")


def _measured(found: dict[str, object]) -> str:
    told = [f"{name} {value:.4f}" for name, value in found.items() if isinstance(value, float)]
    return ("held out, " + ", ".join(told[:3])) if told else "fitted"
