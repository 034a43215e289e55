"""``turnwise pretrain --pairs``: a span decoder from the pairs that ``turnwise mine`` found."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from turnwise.cli.progress import training_bar
from turnwise.errors import CorpusError, InputError

if TYPE_CHECKING:
    from turnwise.encoder import Encoder
    from turnwise.pretraining import Pretraining
    from turnwise.training import Step


def pretrain_pairs(
    pairs: Path,
    output: Path,
    base: "Encoder",
    recipe: "Pretraining",
    *,
    told: list[object],
    folder: Path,
    keep_work: bool,
    restart: bool,
    tensorboard: bool,
    json_file: Path | None,
) -> None:
    """Train and write a decoder; ``told`` is what was said of the encoder, ``folder`` where the run lies."""
    from turnwise.cli.pretrain_flags import plain
    from turnwise.cli.run_folder import Stopping, Work, same_command, stamp
    from turnwise.decoder_pretraining import pretrain_decoder
    from turnwise.files import atomic_file, check_replaceable
    from turnwise.pretrained_decoder import MARKS
    from turnwise.pretraining_run import processes
    from turnwise.tracking import trackers

    check_replaceable(output, MARKS)
    train = pairs / "train.parquet"
    if not train.is_file():
        raise InputError(f"--pairs {pairs} has no train.parquet; write it with: turnwise mine SOURCE -o {pairs}")
    run = {"pairs": stamp(train), "base": told, "recipe": plain(recipe)}
    state = processes()
    if not state.is_main_process:
        state.wait_for_everyone()
    kept = Work.open(folder, run, restart=restart and state.is_main_process)
    if state.is_main_process:
        state.wait_for_everyone()
        if kept.step:
            typer.echo(f"going on from {kept.stage} of the run in {folder}; --restart starts anew")
    with training_bar() as bar, Stopping() as stopping:

        def on_step(step: "Step") -> None:
            bar.step(step)
            stopping.check()

        def on_sentences(done: int, total: int) -> None:
            bar.tokenised(done, total)
            stopping.check()

        try:
            found = pretrain_decoder(
                pairs, base, recipe, work=folder, logs=tuple(trackers(folder, tensorboard=tensorboard)),
                on_step=on_step, on_sentences=on_sentences,
            )  # fmt: skip
            if state.is_main_process:
                found.save(output)
        except KeyboardInterrupt:
            reached = f"its last checkpoint is of step {kept.step}" if kept.step else "no step is kept yet"
            typer.echo(f"stopped; the run is kept in {folder}, {reached}. To go on:\n  {same_command()}", err=True)
            raise typer.Exit(stopping.code) from None
        except (CorpusError, InputError):
            if not kept.begun and not kept.step and state.is_main_process:
                kept.remove()
            raise
    if not state.is_main_process:
        return
    facts = {**found.decoder.facts, "tokens_per_second": round(bar.rate, 1)}
    if json_file == Path("-"):
        typer.echo(json.dumps(facts, indent=1))
    else:
        _show(facts, rate=bar.rate)
    if json_file is not None and json_file != Path("-"):
        with atomic_file(json_file) as temporary:
            temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    if not keep_work:
        kept.remove(logs=output / "logs" if tensorboard else None)
    beside = "" if found.encoder is None else f", its encoder to {output / 'encoder'}"
    typer.echo(f"decoder written to {output}{beside}", err=json_file == Path("-"))


def _show(facts: Mapping[str, Any], *, rate: float) -> None:
    from rich.console import Console
    from rich.table import Table

    from turnwise.cli.pretrain_report import rows

    left_out = f", {facts['pairs_left_out']:,} left out" if facts["pairs_left_out"] else ""
    typer.echo(
        f"{facts['steps']:,} steps; {facts['pairs']:,} pairs{left_out}, {facts['sentences']:,} sentences"
        + (f"; {rate:,.0f} tokens a second" if rate else "")
    )
    for name, loss in facts["loss"].items():
        typer.echo(f"  loss of {name}: {loss['first tenth']:.3f} -> {loss['last tenth']:.3f}")
    dev = facts["dev"]
    if not dev["after"]:
        return
    table = Table("objective", "score", title=f"{dev['pairs']:,} held-out pairs", title_justify="left", show_edge=False)
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    for row in rows(dev["before"], dev["after"]):
        table.add_row(*row)
    Console().print(table)
