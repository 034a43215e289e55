"""Further pre-training: throughput beside the transformers Trainer, preparation and its memory, held-out metrics.

    python benchmarks/pretraining.py throughput      # real tokens a second of MLM training, ours and the Trainer's
    python benchmarks/pretraining.py preparation     # dialogues a second and memory, 10 thousand to 1 million
    python benchmarks/pretraining.py intrinsic       # each objective's metric before and after a short training

Results: results/pretraining.json, a cell each; a cell that is there is not computed again.
"""

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import _cells
import _data
from turnwise.analysis.leaks import probe
from turnwise.codec import Codec
from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.entities import tagger
from turnwise.layout import Layout
from turnwise.objectives import OBJECTIVES
from turnwise.objectives.masked_lm import MaskedLM
from turnwise.objectives.masked_speaker import MaskedSpeaker
from turnwise.objectives.next_turn import NextTurn
from turnwise.objectives.objective import Draws, Objective, Rider
from turnwise.objectives.whole_dialogue import WholeDialogue
from turnwise.parts import Part, Ride
from turnwise.precision import bf16_is_faster
from turnwise.pretraining import Held, Input, Pretraining, pretrain
from turnwise.runtime.flops import config_flops
from turnwise.store import TurnStore
from turnwise.training import Settings, train

BATCH = 32
MAX_TOKENS = 128
STEPS = 20
SIZES = (10_000, 100_000, 1_000_000)
TRAIN = ("sgd:{sgd}@dev", "multiwoz_single:{multiwoz_single_domain_dstc8}@train", "star:{star}@complete")
HELD_OUT = ("sgd:{sgd}@test", "multiwoz_single:{multiwoz_single_domain_dstc8}@test")
MEASURED = (
    "masked_lm",
    "next_turn",
    "masked_speaker",
    "speaker",
    "response_matching",
    "coherence",
    "entity_number",
    "reordering",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="+", choices=("throughput", "preparation", "intrinsic", "memory-of-one"))
    parser.add_argument("--steps", type=int, default=300, help="training steps of the intrinsic figures")
    parser.add_argument(
        "--objectives", nargs="+", default=list(MEASURED), choices=MEASURED, help="of the intrinsic ones"
    )
    parser.add_argument("--size", type=int, default=SIZES[0], help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=_data.RESULTS / "pretraining.json")
    arguments = parser.parse_args()
    if "memory-of-one" in arguments.what:
        print(json.dumps(prepare(arguments.size)))
        return
    if "throughput" in arguments.what:
        loops = ("ours", "ours, no attention dropout")
        peers = ("trainer fp32", "trainer bf16", "trainer bf16, no attention dropout")
        for name, run in ((name, ours if name in loops else trainer) for name in (*loops, *peers)):
            _cells.compute(arguments.output, f"throughput/{name}", lambda n=name, r=run: r(n))
    if "preparation" in arguments.what:
        for size in SIZES:
            _cells.compute(arguments.output, f"preparation/{size}", lambda s=size: alone(s))
    if "intrinsic" in arguments.what:
        for name in arguments.objectives:
            _cells.compute(arguments.output, f"intrinsic/{name}", lambda n=name: intrinsic(n, arguments.steps))


def dialogues(specs: tuple[str, ...], number: int) -> Iterator[Dialogue]:
    """At most ``number`` dialogues, as many of each corpus, one corpus after the other."""
    folder = _data.data_folder()
    for spec in specs:
        filled = spec.replace("{", f"{folder}/").replace("}", "")
        yield from itertools.islice(read_corpus(filled), number // len(specs))


def sequences() -> tuple[Encoder, Part]:
    """The embedded encoder and windows of dialogues for MLM."""
    encoder = Encoder.load(max_tokens=MAX_TOKENS)
    encoder.use_layout(Layout("tod"))
    store = TurnStore.of(dialogues(TRAIN, 2_000), encoder.codec)
    objective, rider = WholeDialogue(batch_size=BATCH), MaskedLM()
    examples = objective.examples(store, encoder.codec)
    return encoder, Part(
        objective, examples, objective.head(encoder, examples), 1.0, (Ride(rider, rider.head(encoder)),)
    )


def ours(name: str) -> dict[str, Any]:
    """Real tokens a second of the loop; the first two steps warm up."""
    encoder, part = sequences()
    dropout = 0.0 if "no attention dropout" in name else None
    settings = Settings(steps=STEPS + 2, learning_rate=5e-5, attention_dropout=dropout)
    steps = list(train(encoder, [part], settings))[2:]
    tokens, seconds = sum(step.tokens for step in steps), sum(step.seconds for step in steps)
    return {
        "tokens_a_second": tokens / seconds,
        "tokens": tokens,
        "seconds": seconds,
        **limit(encoder, tokens / seconds),
    }


def limit(encoder: Encoder, rate: float) -> dict[str, float]:
    """How near a rate comes to the machine's own matrix product, 3 forward passes a trained token."""
    from speed import matrix_rate

    flops = 3 * config_flops(encoder.backbone.config, MAX_TOKENS) / MAX_TOKENS
    fastest = matrix_rate()
    return {
        "gflop_a_second": rate * flops / 1e9,
        "matrix_gflop_a_second": fastest / 1e9,
        "share_of_limit": rate * flops / fastest,
    }


def trainer(name: str) -> dict[str, Any]:
    """The same sequences, batch size and masking with ``transformers.Trainer`` and its MLM collator."""
    from transformers import (
        BertForMaskedLM,
        DataCollatorForLanguageModeling,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    encoder, part = sequences()
    rows = []
    for start in range(0, (STEPS + 2) * BATCH, BATCH):
        numbers = tuple(range(start, start + BATCH))
        draws = Draws(0, 0, 0, numbers)
        batch = part.objective.collate([part.examples[n % len(part.examples)] for n in numbers], encoder.codec, draws)
        encoding = batch.encodings[0]
        rows += [
            {"input_ids": ids[mask.bool()].tolist()} for ids, mask in zip(encoding.ids, encoding.mask, strict=True)
        ]
    order = np.random.default_rng(0).permutation(len(rows))
    rows = [rows[number] for number in order]
    if "no attention dropout" in name:
        encoder.backbone.config.attention_probs_dropout_prob = 0.0
    model = BertForMaskedLM(encoder.backbone.config)
    model.bert.load_state_dict(encoder.backbone.state_dict(), strict=False)

    class Clock(TrainerCallback):
        """When each step began."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_begin(self, *_: object, **__: object) -> None:
            self.times.append(time.perf_counter())

        def on_train_end(self, *_: object, **__: object) -> None:
            self.times.append(time.perf_counter())

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            max_steps=STEPS + 2,
            per_device_train_batch_size=BATCH,
            learning_rate=5e-5,
            bf16="bf16" in name,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        collator = DataCollatorForLanguageModeling(encoder.codec.tokenizer, mlm_probability=0.15)
        peer = Trainer(model=model, args=settings, train_dataset=rows, data_collator=collator, callbacks=[clock])
        peer.train()
    seconds = clock.times[-1] - clock.times[2]
    tokens = round(sum(len(row["input_ids"]) for row in rows) * STEPS / (STEPS + 2))
    return {"tokens_a_second": tokens / seconds, "tokens": tokens, "seconds": seconds}


def alone(size: int) -> dict[str, Any]:
    """``prepare`` in a process of its own, so that the memory is its own."""
    command = [sys.executable, __file__, "memory-of-one", "--size", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def prepare(size: int) -> dict[str, float]:
    """Store so many dialogues, open them, and draw an epoch's first thousand batches of next_turn places."""
    encoder = Encoder.load()
    source = list(dialogues(TRAIN, 10_000))
    stream = (replace(d, id=f"{d.id}:{n}") for n, d in zip(range(size), itertools.cycle(source), strict=False))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        store = TurnStore.build(stream, encoder.codec, Path(folder) / "store")
        seconds = time.perf_counter() - start
        built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        objective = NextTurn(batch_size=16)
        examples = objective.examples(store, encoder.codec)
        for number, _ in enumerate(objective.batches(examples, np.random.default_rng(0))):
            if number == 1_000:
                break
        drawn = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "dialogues": size,
        "turns": store.turns,
        "seconds": round(seconds, 2),
        "dialogues_a_second": round(size / seconds, 1),
        "memory_before_mib": round(before / 1024, 1),
        "memory_built_mib": round(built / 1024, 1),
        "memory_drawn_mib": round(drawn / 1024, 1),
    }


def intrinsic(name: str, steps: int) -> dict[str, Any]:
    """The objective's metrics on held-out dialogues before and after ``steps`` steps of training on others."""
    kinds = {kind.name: kind for kind in OBJECTIVES}
    objective = kinds[name](batch_size=BATCH) if name in kinds else WholeDialogue(batch_size=BATCH)  # type: ignore[call-arg]
    rider = MaskedSpeaker() if name == "masked_speaker" else MaskedLM()
    chosen = Pretraining(
        ((objective, 1.0),),
        ((rider, 1.0),),
        Settings(steps=steps, learning_rate=1e-4),
        Input(max_tokens=MAX_TOKENS, format="tod"),
        Held(every=steps, examples=1_000, patience=None),
    )
    start = time.perf_counter()
    adapted = pretrain(dialogues(TRAIN, 6_000), Encoder.load(), chosen, dev=dialogues(HELD_OUT, 600))
    dev = adapted.facts["dev"]
    adapted.encoder.codec.max_tokens = MAX_TOKENS
    return {
        "steps": steps,
        "seconds": time.perf_counter() - start,
        "precision": "bf16" if bf16_is_faster() else "fp32",
        "before": dev["before"],
        "after": dev["after"],
        "baseline": baseline(objective, rider, adapted.encoder.codec),
    }


def baseline(objective: Objective, rider: Rider, codec: Codec) -> dict[str, float]:
    """What is reached on the held-out dialogues without learning: chance, the commonest class, a probe without words.

    Of masked words the commonest class is the commonest token; of response matching chance is one in a hundred.
    """
    if objective.name == "response_matching":
        return {"chance": 0.01}
    store = TurnStore.of(dialogues(HELD_OUT, 600), codec, tagger=tagger("rules"))
    examples = objective.examples(store, codec)  # type: ignore[attr-defined]
    if isinstance(rider, MaskedSpeaker):
        return probe(objective, examples, codec, 0, rider=rider)
    if objective.learns:
        return probe(objective, examples, codec, 0)
    counts = np.bincount(store.ids, minlength=len(codec.tokenizer))
    counts[sorted(codec.special_ids)] = 0
    return {"chance": 1 / len(codec.word_ids), "majority": float(counts.max() / counts.sum())}


if __name__ == "__main__":
    torch.set_num_interop_threads(1)
    main()
