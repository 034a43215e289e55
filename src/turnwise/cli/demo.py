"""``turnwise demo``: the whole way once, on the sample corpus."""

import time
from pathlib import Path
from typing import Annotated

import typer

from turnwise.cli.evaluate import show
from turnwise.cli.fit import training_bars
from turnwise.cli.options import SeedOption
from turnwise.cli.progress import counting

SHOTS = 10
_EXAMPLES = ("still nothing in my letterbox", "how do i get my money back for these shoes", "will it rain tomorrow")


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where encoder, model and report go.")] = Path("demo"),
    seed: SeedOption = 0,
) -> None:
    """Adapt, fit, measure and explain on the sample corpus of an online shop; a few minutes on two cores."""
    from turnwise.corpora import read_corpus
    from turnwise.encoder import Encoder
    from turnwise.pretraining import pretrain, pretraining_recipe
    from turnwise.tasks.intent import examples
    from turnwise.tasks.intent.evaluation import evaluate, report, write_json
    from turnwise.tasks.intent.fit import fit_intent
    from turnwise.tasks.intent.recipes import intent_recipe

    start = time.perf_counter()
    train = list(read_corpus("sample@train"))
    turns = sum(len(dialogue.turns) for dialogue in train)
    typer.echo(f"1/4 Adapting the embedded encoder to {len(train)} dialogues ({turns} turns), no labels used ...")
    with training_bars() as on_step:
        adapted = pretrain(
            train,
            Encoder.load(),
            pretraining_recipe("demo-stage1", {"training": {"seed": seed}}),
            on_step=lambda step: on_step("Stage 1", step),
        )
    adapted.save(output / "encoder")
    scores = {when: adapted.facts["dev"][when].get("response_ranking", {}) for when in ("before", "after")}
    if "recall@1" in scores["after"]:
        typer.echo(
            f"    on {adapted.facts['dev']['dialogues']} dialogues left out, the true response comes first among 100 "
            f"for {scores['before']['recall@1']:.0%} of the turns before and {scores['after']['recall@1']:.0%} after"
        )
    found = examples.shots(examples.utterances(train), SHOTS, seed)
    recipe = intent_recipe(shots=examples.mean_shots(found), overrides={"training": {"seed": seed}})
    typer.echo(f"2/4 Fitting an intent detector to {len(found)} utterances, {SHOTS} an intent ...")
    with training_bars() as on_step:
        model = fit_intent(found, Encoder.load(output / "encoder"), recipe, on_step=on_step)
    model.save(output / "model")
    test = examples.utterances(read_corpus("sample@test"))
    typer.echo(f"3/4 Measuring on {len(test)} customer turns of held-out dialogues ...")
    with counting("utterances", len(test)) as advance:
        evaluation = evaluate(model, test, progress=advance)
    write_json(output / "evaluation.json", evaluation.metrics)
    typer.echo("4/4 Drawing the report ...")
    with counting("spaces") as advance:
        report(
            output / "report.html",
            model,
            evaluation,
            title="Online shop: intents",
            corpus="sample@test",
            progress=advance,
        )
    show(evaluation.metrics, f"{len(model.labels)} intents, {SHOTS} examples each")
    for turn in model.predict(_EXAMPLES):
        evidence = turn.evidence["intent"]
        labels = turn.labels["intent"]
        assert isinstance(labels, tuple)
        nearest = evidence.neighbours[0]
        typer.echo(
            f"  {turn.text!r}: {', '.join(labels) or 'out of scope'} ({evidence.score:.0%}), like {nearest.text!r}"
        )
    typer.echo(f"\n{time.perf_counter() - start:.0f} s. Report: {output / 'report.html'}. Next:")
    typer.echo(f"  turnwise serve {output / 'model'}        # then open the address it prints")
    typer.echo(f'  turnwise predict {output / "model"} "my parcel is late"')
    typer.echo("  turnwise fit intent --corpus YOUR.csv --column text=... --column label=... -o model")
