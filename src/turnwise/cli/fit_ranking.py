"""``turnwise fit selection`` and ``turnwise fit ranking``: from dialogues and a pool to a model folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnwise.cli.language import warn_of_dialogues
from turnwise.cli.options import CORPUS_HELP, ColumnOption, SeedOption, columns

if TYPE_CHECKING:
    from turnwise.dialogue import Dialogue
    from turnwise.tasks.pool import Pool
    from turnwise.tasks.responder import Responder

CorpusOption = Annotated[str, typer.Option("--corpus", "-c", help=f"Dialogues with agents: {CORPUS_HELP}")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")]
PoolOption = Annotated[
    str | None,
    typer.Option(help="Responses to choose from: a .txt, .jsonl or .csv file, or sample. By default what agents say."),
]
LayerOption = Annotated[
    str | None, typer.Option("--layer", help="The layer that names the responses of agents' turns; response.")
]
DevOption = Annotated[str | None, typer.Option(help="Dialogues for the best epoch and the threshold.")]
EncoderOption = Annotated[str, typer.Option(help="embedded, an encoder folder, or a Hugging Face name.")]
RecipeOption = Annotated[str, typer.Option(help="A shipped recipe or a .toml file; see docs/recipes.md.")]
PrecisionOption = Annotated[
    float | None, typer.Option(help="Share of right ones among shown responses to aim at; less sure ones stay hidden.")
]
PrecedentsOption = Annotated[
    int | None, typer.Option(help="Training turns that vote with what was answered there, at most; 0 for none.")
]
EpochsOption = Annotated[float | None, typer.Option(help="Train for so many epochs.")]
StepsOption = Annotated[int | None, typer.Option(help="Stop each training after so many steps.")]


def fit_selection_verb(
    corpus: CorpusOption,
    output: OutputOption,
    pool: PoolOption = None,
    layer: LayerOption = None,
    dev: DevOption = None,
    seed: SeedOption = 0,
    encoder: EncoderOption = "embedded",
    recipe: RecipeOption = "selection",
    precision: PrecisionOption = None,
    precedents: PrecedentsOption = None,
    epochs: EpochsOption = None,
    steps: StepsOption = None,
    column: ColumnOption = None,
) -> None:
    """Fit response selection: the response nearest to the dialogue, of one siamese encoder.

    Example: turnwise fit selection --corpus sample --pool sample -o models/selection
    """
    from turnwise.cli.fit import training_bars
    from turnwise.encoder import Encoder
    from turnwise.tasks.response_recipes import selection_recipe
    from turnwise.tasks.selection_fit import fit_selection

    _writable(output)
    overrides = {
        "parameters": _given({"gold_layer": layer, "precision": precision, "precedents": precedents}),
        "training": _given({"epochs": epochs, "steps": steps, "seed": seed}),
    }
    fitting = selection_recipe(recipe, overrides)
    found, held = _dialogues(corpus, dev, column)
    choices = _pool(pool, found, fitting.task.gold_layer)
    base = Encoder.load(encoder)
    warn_of_dialogues(found, base)
    with training_bars() as show:
        model = fit_selection(
            found, base, fitting, pool=choices, dev=held, on_step=lambda step: show("selection", step)
        )
    _write(model, output)


def fit_ranking_verb(
    corpus: CorpusOption,
    output: OutputOption,
    pool: PoolOption = None,
    layer: LayerOption = None,
    dev: DevOption = None,
    seed: SeedOption = 0,
    encoder: EncoderOption = "embedded",
    recipe: RecipeOption = "ranking",
    cross: Annotated[
        bool | None, typer.Option("--cross/--no-cross", help="Rank the shortlist again with a cross-encoder.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Responses that the shortlist keeps for the cross-encoder.")] = None,
    shortlist: Annotated[
        str | None, typer.Option(help="separate: a dual encoder of its own; shared: one trunk for both; or none.")
    ] = None,
    negatives: Annotated[int | None, typer.Option(help="Wrong responses for each right one.")] = None,
    mix: Annotated[float | None, typer.Option(help="Freely typed turns for each with a response of the pool.")] = None,
    precision: PrecisionOption = None,
    precedents: PrecedentsOption = None,
    zero_shot: Annotated[
        bool, typer.Option("--zero-shot", help="Do not fit: take the encoder's own head of next-turn prediction.")
    ] = False,
    epochs: EpochsOption = None,
    steps: StepsOption = None,
    column: ColumnOption = None,
) -> None:
    """Fit response ranking: by a dual encoder and precedents, with --cross by a cross-encoder behind them.

    Example: turnwise fit ranking --corpus sample --pool sample -o models/ranking
    """
    from turnwise.cli.fit import training_bars
    from turnwise.encoder import Encoder
    from turnwise.tasks.ranking.fit import fit_ranking
    from turnwise.tasks.ranking.model import zero_shot as unfitted
    from turnwise.tasks.response_recipes import ranking_recipe

    _writable(output)
    parameters = {
        "gold_layer": layer,
        "cross": cross,
        "top_k": top_k,
        "shortlist": shortlist,
        "negatives": negatives,
        "mix": mix,
        "precision": precision,
    }
    overrides = {
        "parameters": _given(parameters),
        "training": _given({"epochs": epochs, "steps": steps, "seed": seed}),
        "shortlist": _given({"epochs": epochs, "steps": steps, "seed": seed}),
        "selection": _given({"precedents": precedents}),
    }
    fitting = ranking_recipe(recipe, overrides)
    found, held = _dialogues(corpus, dev, column)
    choices = _pool(pool, found, fitting.task.gold_layer)
    base = Encoder.load(encoder)
    warn_of_dialogues(found, base)
    if zero_shot:
        _write(unfitted(base, choices, fitting.task), output)
        return
    with training_bars() as show:
        model = fit_ranking(found, base, fitting, pool=choices, dev=held, on_step=show)
    _write(model, output)


RESPONSE_VERBS: dict[str, Callable[..., None]] = {"selection": fit_selection_verb, "ranking": fit_ranking_verb}
"""The commands by the names of their tasks."""


def _writable(output: Path) -> None:
    from turnwise.files import check_replaceable
    from turnwise.tasks.folder import MARKS

    check_replaceable(output, MARKS)


def _dialogues(corpus: str, dev: str | None, column: ColumnOption) -> "tuple[list[Dialogue], list[Dialogue] | None]":
    from turnwise.corpora import read_corpus

    names = columns(column)
    found = list(read_corpus(corpus, columns=names))
    return found, None if dev is None else list(read_corpus(dev, default_split="dev", columns=names))


def _pool(source: str | None, dialogues: "list[Dialogue]", layer: str) -> "Pool":
    from turnwise.tasks.pool import dialogue_pool, read_pool

    pool = dialogue_pool(dialogues, layer) if source is None else read_pool(source)
    if pool.repeated and source is not None:
        typer.echo(f"note: {pool.repeated} responses of {source} have the text of an earlier one and were merged")
    return pool


def _write(model: "Responder", output: Path) -> None:
    model.save(output)
    facts = model.facts
    learned = f"{facts['examples']} agents' turns of {facts['dialogues']} dialogues; " if "examples" in facts else ""
    typer.echo(f"{learned}{len(model.pool)} responses; model {model.version} written to {output}")
    for key, value in facts.get("held_out", {}).items():
        typer.echo(f"  held out, {key}: {value:.4f}" if isinstance(value, float) else f"  held out, {key}: {value}")
    typer.echo(f"next: turnwise evaluate {output} --corpus HELDOUT")


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
