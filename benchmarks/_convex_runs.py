"""Train one decoder on a share of the pairs, and measure it on held-out pairs before and after."""

import argparse
import copy
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from pyarrow import Table, parquet

from _convex_kinds import corpora_of
from turnwise.encoder import Encoder
from turnwise.evaluation import evaluate
from turnwise.objectives.cloze_pairs import ClozePairs, read_pairs
from turnwise.objectives.pairwise_cloze import PairwiseCloze
from turnwise.parts import Part
from turnwise.pretrained_decoder import PretrainedDecoder, encoder_hash, save_decoder
from turnwise.scratch import fresh_encoder
from turnwise.tokenizer import train_tokenizer
from turnwise.training import Settings, Training

MAX_TOKENS = 64
_VOCABULARY = 31_000
_LONGEST = 10**7
_MEASURED = ("all", "task", "open")


def prepared(arguments: argparse.Namespace) -> dict[str, Any]:
    """The encoder, and all pairs as ids: what several runs share."""
    start = time.perf_counter()
    encoder = _encoder(arguments)
    encoder.codec.max_tokens = MAX_TOKENS
    train = _pairs(arguments.pairs / "train.parquet", arguments.kind, encoder)
    test = arguments.pairs / "test.parquet"
    kinds = [kind for kind in _MEASURED if len(_of_kind(test, kind))]
    held = {kind: _pairs(test, kind, encoder, most=arguments.examples) for kind in kinds}
    print(f"{len(train):,} pairs, {len(train.sentences):,} sentences, {time.perf_counter() - start:.0f} s", flush=True)
    return {"encoder": encoder, "train": train, "held": held}


def run(arguments: argparse.Namespace, found: dict[str, Any], name: str, share: float) -> dict[str, Any]:
    """Train, write the decoder (and the encoder, when it learned too), and return the cell."""
    learns = arguments.tuned or arguments.encoder == "scratch"
    encoder: Encoder = copy.deepcopy(found["encoder"]) if learns else found["encoder"]
    pairs: ClozePairs = found["train"]
    if share < 1:
        rows = np.random.default_rng(arguments.seed).permutation(len(pairs))[: round(share * len(pairs))]
        pairs = pairs.take(np.sort(rows))
    layers = tuple(arguments.layers)
    encoder.layers = layers
    objective = PairwiseCloze(
        batch_size=arguments.batch_size,
        auxiliary=0.0 if arguments.no_aux else 1.0,
        anneal=arguments.anneal,
        contrast="states" if learns else "projections",
        layers=layers,
    )
    settings = Settings(
        steps=arguments.steps or _LONGEST,
        optimizer=arguments.optimizer,
        learning_rate=arguments.encoder_rate or arguments.rate,
        head_learning_rate=arguments.rate,
        schedule="constant",
        warmup=0.0,
        weight_decay=0.0,
        clip=arguments.clip,
        average=arguments.average,
        frozen=not learns,
        seed=arguments.seed,
    )
    torch.manual_seed(arguments.seed)
    head = objective.head(encoder, pairs)
    training = Training(encoder, [Part(objective, pairs, head)], settings)
    before = _measured(encoder, objective, head, found["held"], arguments.examples)
    start = time.perf_counter()
    losses = _steps(training, arguments, start)
    seconds = time.perf_counter() - start
    after = _measured(encoder, objective, head, found["held"], arguments.examples)
    encoder_facts = {"encoder": arguments.known_as or encoder.name, "tuned": learns}
    facts = {
        "pairs": len(pairs),
        "share": share,
        "kind": arguments.kind,
        "steps": training.done,
        "batch_size": arguments.batch_size,
        "auxiliary": not arguments.no_aux,
        "anneal": arguments.anneal,
        "layers": list(layers),
        "optimizer": arguments.optimizer,
        "rate": arguments.rate,
        "encoder_rate": arguments.encoder_rate,
        "clip": arguments.clip,
        "average": arguments.average,
        "decay": arguments.decay,
        "seed": arguments.seed,
        "seconds": round(seconds, 1),
        "steps_per_second": round(training.done / seconds, 2),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "loss": [round(value, 4) for value in losses],
        "before": before,
        "after": after,
    }
    folder: Path = arguments.decoders / name
    own = encoder_facts["encoder"]
    if learns:
        encoder.save(folder / "encoder")
        own = str(folder / "encoder")
    blank = encoder.codec.tokenizer.convert_ids_to_tokens(pairs.blank)
    decoder = PretrainedDecoder(head.decoder.cpu(), layers, blank, own, encoder_hash(encoder), facts | encoder_facts)
    save_decoder(decoder, folder / "decoder", half=True)
    return facts | encoder_facts


def _steps(training: Training, arguments: argparse.Namespace, start: float) -> list[float]:
    """Run until the steps or the minutes are over; returns twenty means of the loss. The last rates fall to 0."""
    base = [group["lr"] for group in training.optimizer.param_groups]
    losses: list[float] = []
    with closing(training.steps()) as steps:
        for step in steps:
            losses += step.losses.values()
            elapsed = time.perf_counter() - start
            done = max(
                step.index / arguments.steps if arguments.steps else 0.0,
                elapsed / (60 * arguments.minutes) if arguments.minutes else 0.0,
            )
            if step.index % 500 == 0:
                print(f"{step.index} steps, {elapsed:.0f} s, loss {np.mean(losses[-500:]):.3f}", flush=True)
            if done >= 1:
                break
            factor = min(1.0, (1 - done) / max(arguments.decay, 1e-9))
            for group, rate in zip(training.optimizer.param_groups, base, strict=True):
                group["lr"] = rate * factor
    return [float(np.mean(part)) for part in np.array_split(np.array(losses), min(20, len(losses)))]


def _measured(
    encoder: Encoder, objective: PairwiseCloze, head: torch.nn.Module, held: dict[str, ClozePairs], limit: int
) -> dict[str, dict[str, float]]:
    """Precision and recall on the held-out pairs of each kind."""
    found = {}
    head.eval()
    for kind, pairs in held.items():
        scores = evaluate(encoder, [Part(objective, pairs, head)], limit=limit, precision="auto")[objective.name]
        found[kind] = {"pairs": float(len(pairs)), **{name: round(scores[name], 4) for name in sorted(scores)}}
    return found


def _pairs(path: Path, kind: str, encoder: Encoder, *, most: int | None = None) -> ClozePairs:
    table = _of_kind(path, kind)
    if most is not None and len(table) > most:
        table = table.take(np.sort(np.random.default_rng(0).permutation(len(table))[:most]))
    with TemporaryDirectory() as folder:
        parquet.write_table(table, Path(folder) / "pairs.parquet")
        return read_pairs(Path(folder) / "pairs.parquet", encoder.codec)


def _of_kind(path: Path, kind: str) -> Table:
    table = parquet.read_table(path)
    if kind == "all":
        return table
    wanted = corpora_of(kind)
    return table.filter([group.partition(":")[0] in wanted for group in table["group"].to_pylist()])


def _encoder(arguments: argparse.Namespace) -> Encoder:
    if arguments.encoder != "scratch":
        return Encoder.load(arguments.encoder)
    table = parquet.read_table(arguments.pairs / "train.parquet", columns=["template", "input"])
    texts = set(table["template"].to_pylist()) | set(table["input"].to_pylist())
    with TemporaryDirectory() as folder:
        train_tokenizer(sorted(texts), vocabulary=_VOCABULARY).save(Path(folder) / "tokenizer")
        return fresh_encoder(Path(folder) / "tokenizer", "convert", seed=arguments.seed, max_tokens=MAX_TOKENS)
