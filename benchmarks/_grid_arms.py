"""The arms of the grid: what the embedded encoder is pre-trained on, each with the same number of tokens."""

import functools
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np

import adaptation
from turnwise.codec import Codec
from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue
from turnwise.encoder import EMBEDDED, Encoder
from turnwise.entities import tagger
from turnwise.layout import Layout, Segments
from turnwise.objectives.masked_lm import MaskedLM
from turnwise.objectives.next_turn import NextTurn
from turnwise.objectives.objective import Draws, Objective
from turnwise.objectives.reordering import Reordering
from turnwise.objectives.response_matching import ResponseMatching
from turnwise.objectives.whole_dialogue import WholeDialogue
from turnwise.pretraining import Pretraining, pretrain, pretraining_recipe
from turnwise.store import TurnStore
from turnwise.training import Step

_BATCH = 32
_FACTS = "turnwise.json"


@dataclass(frozen=True)
class Arm:
    """``recipe`` names the shipped recipe with the objectives; without one the encoder is left as it is."""

    recipe: str | None = None
    mlm: bool = True
    segments: Segments = "response"


ARMS = {
    "none": Arm(),
    "mlm": Arm("dsdf-mlm"),
    "speaker": Arm("dsdf-dsp"),
    "response_matching": Arm("dsdf-crm"),
    "coherence": Arm("dsdf-dcv"),
    "entity_number": Arm("dsdf-enp"),
    "reordering": Arm("dsdf-dur"),
    "joint": Arm("dsdf-joint"),
    "entity_number-without-mlm": Arm("dsdf-enp", mlm=False),
    "next_turn": Arm("cs-bert"),
    "next_turn-masked_speaker": Arm("cs-bert-msp"),
    "next_turn-ssr": Arm("cs-bert-ssr", segments="speaker"),
}


@dataclass(frozen=True)
class Budget:
    """What one pre-training may cost: tokens without padding, of so many dialogues, in sequences of so many."""

    tokens: int
    dialogues: int | None
    max_tokens: int


BUDGETS = {
    "small": Budget(300_000, 8_000, 128),
    "medium": Budget(1_000_000, 12_000, 128),
    "whole": Budget(20_000_000, None, 512),
}


def recipe_of(arm: Arm, budget: Budget) -> Pretraining:
    """The arm's shipped recipe with what would make arms differ in more than the objective set alike.

    Format, batch (32 sequences) and rates are one for all; what reads a sequence as one vector takes the mean of its
    tokens, which is what the fitted tasks read, and responses are matched by cosine, as they are selected.
    """
    assert arm.recipe is not None
    found = pretraining_recipe(
        arm.recipe,
        {
            "training": {
                "epochs": 1,
                "learning_rate": 5e-5,
                "head_learning_rate": 1e-3,
                "warmup": 0.1,
                "accumulation": 1,
            },
            "input": {"format": "tod", "segments": arm.segments, "max_tokens": budget.max_tokens},
            "evaluation": {"share": 0, "patience": 0},
        },
    )
    objectives = tuple((_comparable(objective), weight) for objective, weight in found.objectives)
    riders = tuple(rider for rider in found.riders if arm.mlm or not isinstance(rider[0], MaskedLM))
    return replace(found, objectives=objectives, riders=riders)


def _comparable(objective: Objective) -> Objective:
    match objective:
        case WholeDialogue() | Reordering():
            return replace(objective, batch_size=_BATCH)
        case ResponseMatching():
            return replace(objective, batch_size=_BATCH, pooling="mean", similarity="cosine", scale=20.0)
        case NextTurn():
            return replace(objective, batch_size=_BATCH // 2, pooling="mean")
    return replace(objective, batch_size=_BATCH, pooling="mean")  # type: ignore[type-var, call-arg]


def planned(tokens: Iterator[int], budget: int) -> list[int]:
    """The tokens of the steps up to the one that reaches the budget."""
    found: list[int] = []
    total = 0
    while total < budget:
        found.append(next(tokens))
        total += found[-1]
    return found


def tokens_of_steps(recipe: Pretraining, dialogues: Sequence[Dialogue], base: str = EMBEDDED) -> Iterator[int]:
    """What ``Step.tokens`` will be, step by step without end, from the batches alone: nothing is trained."""
    encoder = Encoder.load(base)
    encoder.use_layout(Layout(recipe.input.format, recipe.input.segments), seed=recipe.training.seed)
    codec = encoder.codec
    codec.max_tokens = min(codec.max_tokens, recipe.input.max_tokens)
    store = TurnStore.of(dialogues, codec, tagger=tagger("rules"))
    parts = [_tokens(o, store, codec, recipe.training.seed, at) for at, (o, _) in enumerate(recipe.objectives)]
    while True:
        yield sum(next(part) for part in parts)


def _tokens(objective: Objective, store: TurnStore, codec: Codec, seed: int, part: int) -> Iterator[int]:
    """The same batches that the loop draws for a part of that number."""
    examples = objective.examples(store, codec)  # type: ignore[attr-defined]
    for epoch in count():
        for rows in objective.batches(examples, np.random.default_rng([seed, part, epoch])):
            draws = Draws(seed, part, epoch, tuple(rows))
            batch = objective.collate([examples[row] for row in rows], codec, draws)
            yield sum(int(encoding.mask.sum()) for encoding in batch.encodings)


@functools.cache
def unlabelled(most: int | None, written: Path | None = None) -> tuple[Dialogue, ...]:
    """The first of ``adaptation.conversations``: training parts of task-oriented corpora in a fixed random order.

    ``written`` is a file that holds them already.
    """
    found = adaptation.conversations() if written is None else read_corpus(f"jsonl:{written}")
    return tuple(islice(found, most))


def adapt(arm: Arm, budget: Budget, folder: Path, dialogues: Sequence[Dialogue], base: str = EMBEDDED) -> None:
    """Pre-train until the budget is reached, where the schedule ends, and write the encoder folder.

    A run that was cut off goes on from its last checkpoint, which lies beside the folder until that is written.
    """
    recipe = recipe_of(arm, budget)
    tokens = planned(tokens_of_steps(recipe, dialogues, base), budget.tokens)
    recipe = replace(
        recipe,
        training=replace(recipe.training, steps=len(tokens)),
        evaluation=replace(recipe.evaluation, checkpoint=max(25, len(tokens) // 20)),
    )
    start, work = time.perf_counter(), folder.with_name(f"{folder.name}.work")

    def counted(step: Step) -> None:
        tokens[step.index - 1] = step.tokens

    adapted = pretrain(dialogues, Encoder.load(base), recipe, work=work, on_step=counted)
    facts = {
        "budget": asdict(budget),
        "tokens": sum(tokens),
        "steps": len(tokens),
        "seconds": time.perf_counter() - start,
        "loss": adapted.facts["loss"],
    }
    replace(adapted, facts={**adapted.facts, "grid": facts}).save(folder)
    shutil.rmtree(work)


def encoder_of(name: str, budget: Budget, runs: Path, conversations: Path | None = None) -> tuple[str, dict[str, Any]]:
    """The encoder of an arm and what its pre-training was; pre-trained first when it is not there.

    Exits when the one that is there had another budget.
    """
    arm, folder = ARMS[name], runs / name
    if arm.recipe is None:
        return EMBEDDED, {}
    if not (folder / _FACTS).is_file():
        print(f"{time.strftime('%H:%M:%S')} pre-training {name} ...", flush=True)
        adapt(arm, budget, folder, unlabelled(budget.dialogues, conversations))
    facts: dict[str, Any] = json.loads((folder / _FACTS).read_text(encoding="utf-8")).get("grid", {})
    if facts.get("budget") != asdict(budget):
        sys.exit(
            f"error: {folder} was pre-trained with {facts.get('budget')}, expected {asdict(budget)}; "
            "remove it, or name another folder with --runs"
        )
    return str(folder), facts
