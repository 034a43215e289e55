"""``turnwise pretrain --pairs``: a span decoder from the pairs that ``turnwise mine`` found."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from turnwise.cli.progress import training_bar
from turnwise.errors import InputError

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
    from turnwise.cli.pretrain_report import tell
    from turnwise.cli.run_folder import Stopping, opened, resumable, stamp
    from turnwise.decoder_pretraining import pretrain_decoder
    from turnwise.files import check_replaceable
    from turnwise.pretrained_decoder import MARKS
    from turnwise.pretraining_run import processes
    from turnwise.tracking import trackers

    check_replaceable(output, MARKS)
    train = pairs / "train.parquet"
    if not train.is_file():
        raise InputError(f"--pairs {pairs} has no train.parquet; write it with: turnwise mine SOURCE -o {pairs}")
    run = {"pairs": stamp(train), "base": told, "recipe": plain(recipe)}
    state = processes()
    kept = opened(state, folder, run, restart=restart)
    with training_bar() as bar, Stopping() as stopping:

        def on_step(step: "Step") -> None:
            bar.step(step)
            stopping.check()

        def on_sentences(done: int, total: int) -> None:
            bar.tokenised(done, total)
            stopping.check()

        with resumable(kept, stopping, state):
            found = pretrain_decoder(
                pairs, base, recipe, work=folder, logs=tuple(trackers(folder, tensorboard=tensorboard)),
                on_step=on_step, on_sentences=on_sentences,
            )  # fmt: skip
            if state.is_main_process:
                found.save(output)
    if not state.is_main_process:
        return
    facts = {**found.decoder.facts, "tokens_per_second": round(bar.rate, 1)}
    tell(facts, json_file, lambda: _show(facts, rate=bar.rate))
    if not keep_work:
        kept.remove(logs=output / "logs" if tensorboard else None)
    beside = "" if found.encoder is None else f", its encoder to {output / 'encoder'}"
    typer.echo(f"decoder written to {output}{beside}", err=json_file == Path("-"))


def _show(facts: Mapping[str, Any], *, rate: float) -> None:
    from turnwise.cli.pretrain_report import show_scores

    left_out = f", {facts['pairs_left_out']:,} left out" if facts["pairs_left_out"] else ""
    amounts = f"{facts['pairs']:,} pairs{left_out}, {facts['sentences']:,} sentences"
    show_scores(facts, amounts, f"{facts['dev']['pairs']:,} held-out pairs", rate=rate)
