"""``turnwise fit TASK`` of the tasks on labelled dialogues: from a corpus to a model folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.language import warn_of_dialogues
from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns

ABOUT = {
    "acts": "Fit dialogue acts: of each turn, or (--recipe acts-next) of the agent's turn that comes next.",
    "emotion": "Fit the emotions of what customers say.",
    "handoff": "Fit hand-off: whether a person should take over, asked at each customer turn.",
    "pii": "Fit personal data: names, addresses, numbers and whatever else is marked in the layer pii.",
    "satisfaction": "Fit how satisfied the customer is with a whole dialogue.",
    "state": "Fit dialogue state tracking: the value of each slot after each customer turn.",
}
"""The tasks that are fitted in one way, with the help of their commands."""


def task_command(name: str) -> Callable[..., None]:
    """The command of a task; the recipe of the same name is its default."""

    def command(
        corpus: Annotated[str, typer.Option("--corpus", "-c", help=f"Labelled dialogues: {CORPUS_HELP}")],
        output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
        dev: Annotated[
            str | None, typer.Option(help="Labelled dialogues for the best epoch and the thresholds.")
        ] = None,
        seed: SeedOption = 0,
        encoder: Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")] = "embedded",
        recipe: Annotated[str, typer.Option(help="A shipped recipe or a .toml file; see docs/recipes.md.")] = name,
        precision: Annotated[
            float | None, typer.Option(help="Of hand-off: the precision aimed at.", hidden=name != "handoff")
        ] = None,
        ontology: Annotated[
            Path | None,
            typer.Option(help="Of state: a file of slots and values; see docs/tasks.md.", hidden=name != "state"),
        ] = None,
        epochs: Annotated[float | None, typer.Option(help="Train for so many epochs.")] = None,
        steps: Annotated[int | None, typer.Option(help="Stop training after so many steps.")] = None,
        column: ColumnOption = None,
    ) -> None:
        from turnwise.cli.fit import training_bars
        from turnwise.corpora import read_corpus
        from turnwise.encoder import Encoder
        from turnwise.errors import InputError
        from turnwise.files import check_replaceable
        from turnwise.tasks.fit import fit_task
        from turnwise.tasks.folder import MARKS
        from turnwise.tasks.recipes import task_recipe

        check_replaceable(output, MARKS)
        parameters: dict[str, object] = {
            "precision": precision,
            "ontology": None if ontology is None else str(ontology),
        }
        training: dict[str, object] = {"epochs": epochs, "steps": steps, "seed": seed}
        fitting = task_recipe(recipe, {"parameters": _given(parameters), "training": _given(training)})
        if fitting.task.name != name:
            raise InputError(f"recipe {recipe} is for {fitting.task.name}; run: turnwise fit {fitting.task.name}")
        names = columns(column)
        found = list(read_corpus(corpus, columns=names))
        held = None if dev is None else list(read_corpus(dev, default_split="dev", columns=names))
        base = Encoder.load(encoder)
        warn_of_dialogues(found, base)
        with training_bars() as show:
            model = fit_task(found, base, fitting, dev=held, on_step=lambda step: show(name, step))
        model.save(output)
        typer.echo(
            f"{model.facts['examples']} labels of {model.facts['dialogues']} dialogues; "
            f"model {model.version} written to {output}"
        )
        for key, value in model.facts.get("held_out", {}).items():
            typer.echo(f"  held out, {key}: {value:.4f}" if isinstance(value, float) else f"  held out, {key}: {value}")
        typer.echo(f"next: turnwise evaluate {output} --corpus HELDOUT")

    command.__doc__ = f"""{ABOUT[name]}

    Example: turnwise fit {name} --corpus sample -o models/{name}
    """
    return command


def _given(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
