"""``turnwise fit slots``: from sentences with marked values to a labeller of slots."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.language import warn_of_dialogues
from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns
from turnwise.errors import InputError


def fit_slots_verb(
    corpus: Annotated[str, typer.Option("--corpus", "-c", help=f"Dialogues with the layer slots: {CORPUS_HELP}")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")],
    slot: Annotated[list[str] | None, typer.Option(help="Learn this slot alone; may be given several times.")] = None,
    add_to: Annotated[
        Path | None, typer.Option(help="A fitted model of slots that gets more of them; its own stay as they are.")
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(metavar="SLOT=KIND", help="Normalise the values of a slot as number, time or date."),
    ] = None,
    seed: SeedOption = 0,
    encoder: Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")] = "embedded",
    decoder: Annotated[
        str | None, typer.Option(help="Where decoders begin: embedded, a pre-trained one's folder, random, or auto.")
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CORPUS",
            help="Sentences of another domain, with slots of its own, to learn from first; once for each domain.",
        ),
    ] = None,
    others_steps: Annotated[int | None, typer.Option(help="Train on other domains for so many steps.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="slots, slots-named (with --others), convex (as published), or a .toml file."),
    ] = None,
    members: Annotated[int | None, typer.Option(help="Decoders of one slot whose probabilities are averaged.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train for so many steps.")] = None,
    column: ColumnOption = None,
) -> None:
    """Fit slots: values such as a time or a name, marked in the layer slots of a few sentences.

    The encoder stays as it is and reads each sentence once for all slots.

    Example: turnwise fit slots --corpus restaurants8k:data/restaurants8k@train_7 -o models/slots

    With --others the decoders begin from one that learned the slots of other domains by their names.
    """
    from turnwise.cli.fit import training_bars
    from turnwise.corpora import read_corpus
    from turnwise.encoder import Encoder
    from turnwise.files import check_replaceable
    from turnwise.tasks.folder import MARKS
    from turnwise.tasks.slots.fit import add_slots, fit_slots
    from turnwise.tasks.slots.model import load_slots
    from turnwise.tasks.slots.pretune import pretune
    from turnwise.tasks.slots.recipe import PRETUNING, slots_recipe

    check_replaceable(output, MARKS)
    if add_to is not None and (decoder is not None or members is not None or encoder != "embedded"):
        raise InputError("--add-to takes encoder, decoder and members of the model; leave those flags out")
    if others_steps is not None and not others:
        raise InputError("--others-steps is of other domains; name one with --others")
    kinds = dict(_pair(text) for text in value or [])
    training = {"seed": seed} | ({} if steps is None else {"steps": steps, "most_steps": steps})
    parameters = {key: found for key, found in (("decoder", decoder), ("members", members)) if found is not None}
    name = recipe or ("slots-named" if others else "slots")
    fitting = slots_recipe(name, {"parameters": parameters, "training": training})
    if others and (add_to is not None or not fitting.slots.names):
        said = "--add-to begins from the model" if add_to is not None else f"recipe {name} has no names = true"
        raise InputError(f"{said}, so --others cannot be used with it; leave one of them out")
    found = list(read_corpus(corpus, columns=columns(column)))
    with training_bars() as show:
        told = partial(show, "slots")
        if add_to is not None:
            model = add_slots(load_slots(add_to), found, fitting.training, slots=slot or (), values=kinds, on_step=told)
        else:
            base = Encoder.load(encoder)
            warn_of_dialogues(found, base)
            begin = None
            if others:
                before = replace(PRETUNING, seed=seed, steps=PRETUNING.steps if others_steps is None else others_steps)
                domains = [list(read_corpus(spec, columns=columns(column))) for spec in others]
                begin = pretune(domains, base, fitting.slots, before, on_step=partial(show, "other domains"))
            model = fit_slots(found, base, fitting, slots=slot or (), values=kinds, begin=begin, on_step=told)
    model.save(output)
    typer.echo(f"slots {', '.join(model.labels)}; model {model.version} written to {output}")
    if model.facts["ceiling"] < 1:
        typer.echo(
            f"note: one value a slot and sentence is found; of those marked that is {model.facts['ceiling']:.1%}"
        )
    typer.echo(f"next: turnwise evaluate {output} --corpus HELDOUT")


def _pair(text: str) -> tuple[str, str]:
    slot, equals, kind = text.partition("=")
    if not equals or not slot or not kind:
        raise InputError(f"--value {text} is no SLOT=KIND; write for example --value time=time")
    return slot, kind
