"""``turnwise fit TASK``: from labelled utterances to a model folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnwise.cli.fit_desk import fit_desk_verb
from turnwise.cli.fit_ranking import RESPONSE_VERBS
from turnwise.cli.fit_slots import fit_slots_verb
from turnwise.cli.fit_task import ABOUT, task_command
from turnwise.cli.language import warn_of_texts
from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns

if TYPE_CHECKING:
    from turnwise.tasks.intent.fit import OnStep
    from turnwise.training import Step

fit = typer.Typer(no_args_is_help=True, help="Fit a task to labelled data.")


@fit.callback()
def _fit() -> None:
    """Fit a task to labelled data."""


@fit.command("intent")
def fit_intent_verb(
    corpus: Annotated[str, typer.Option("--corpus", "-c", help=f"Labelled utterances: {CORPUS_HELP}")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
    dev: Annotated[str | None, typer.Option(help="Labelled utterances to calibrate on.")] = None,
    unlabelled: Annotated[
        str | None, typer.Option(help="Utterances without labels to learn from as well (self-training).")
    ] = None,
    shots: Annotated[int | None, typer.Option(help="Take so many utterances of each intent.")] = None,
    seed: SeedOption = 0,
    encoder: Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")] = "embedded",
    classifier: Annotated[
        str, typer.Option(help="similarity, or softmax: a linear layer, out of scope one more class.")
    ] = "similarity",
    recipe: Annotated[
        str | None,
        typer.Option(help="A shipped recipe or a .toml file; see docs/recipes.md. By default the classifier's own."),
    ] = None,
    neighbours: Annotated[int | None, typer.Option("--k", help="Neighbours that vote; all by default.")] = None,
    steps: Annotated[int | None, typer.Option(help="Stop training after so many steps.")] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="A second fit without a fifth of the data: own calibration, thresholds.")
    ] = False,
    column: ColumnOption = None,
) -> None:
    """Fit an intent detector from a few labelled utterances.

    Example: turnwise fit intent --corpus csv:faq.csv --column text=question --column label=topic -o models/faq
    """
    from turnwise.corpora import read_corpus
    from turnwise.files import check_replaceable
    from turnwise.tasks.folder import MARKS
    from turnwise.tasks.intent import examples

    names = columns(column)
    check_replaceable(output, MARKS)
    found = examples.utterances(read_corpus(corpus, columns=names))
    examples.label_names(found)
    if shots is not None:
        found = examples.shots(found, shots, seed)
    calibration = examples.utterances(read_corpus(dev, default_split="dev", columns=names)) if dev is not None else None
    extra = examples.texts(read_corpus(unlabelled, columns=names)) if unlabelled is not None else ()
    from turnwise.encoder import Encoder
    from turnwise.tasks.intent.fit import fit_intent
    from turnwise.tasks.intent.recipes import classifier_recipe, intent_recipe

    name = classifier_recipe(classifier, recipe)
    overrides: dict[str, dict[str, object]] = {"training": {"seed": seed}, "inference": {}, "fitting": {}}
    if steps is not None:
        overrides["training"]["steps"] = steps
    if neighbours is not None:
        overrides["inference"]["neighbours"] = neighbours
    if calibrate:
        overrides["fitting"]["held_out"] = 0.2
    chosen = intent_recipe(name, shots=examples.mean_shots(found), overrides=overrides)
    base = Encoder.load(encoder)
    warn_of_texts([utterance.text for utterance in found], base)
    with training_bars() as on_step:
        model = fit_intent(found, base, chosen, dev=calibration, unlabelled=extra, on_step=on_step)
    model.save(output)
    typer.echo(f"{len(found)} utterances of {len(model.labels)} intents; model {model.version} written to {output}")
    for name, value in model.facts.get("held_out", {}).items():
        typer.echo(f"  held out, {name}: {value}")
    if calibrate and model.held_out is None:
        typer.echo("note: nothing could be held out to calibrate on; give 5 or more utterances an intent, or --dev")
    typer.echo(f"next: turnwise evaluate {output} --corpus HELDOUT --report report.html")


fit.command("desk")(fit_desk_verb)
fit.command("slots")(fit_slots_verb)
for _name in ABOUT:
    fit.command(_name)(task_command(_name))
for _name, _verb in RESPONSE_VERBS.items():
    fit.command(_name)(_verb)


@contextmanager
def training_bars() -> "Iterator[OnStep]":
    """Yield a function that shows a bar per stage with the losses and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bars = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Progress(*bars, console=console, disable=not console.is_terminal) as progress:
        stages: dict[str, TaskID] = {}

        def show(stage: str, step: "Step") -> None:
            if stage not in stages:
                stages[stage] = progress.add_task(stage, total=step.total, losses="")
            losses = " ".join(f"{name} {value:.3f}" for name, value in step.losses.items())
            progress.update(stages[stage], completed=step.index, losses=losses)

        yield show
