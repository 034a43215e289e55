"""Further pre-training on dialogues: any mix of objectives, resumable, measured on held-out dialogues."""

import copy
import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.dialogue import Dialogue
from turnwise.encoder import MARKS, Encoder
from turnwise.entities import tagger
from turnwise.errors import CorpusError, InputError, RecipeError
from turnwise.evaluation import Scores
from turnwise.files import atomic_folder
from turnwise.layout import FormatName, Layout, Segments
from turnwise.objectives import OBJECTIVES, RIDERS
from turnwise.objectives.entity_number import EntityNumber
from turnwise.objectives.objective import Objective, Rider
from turnwise.parts import Part, Ride
from turnwise.pretrained_heads import head_weights, read_heads, start_from, write_heads
from turnwise.pretraining_run import Held, learn, processes
from turnwise.progress import ends
from turnwise.recipe import build, overridden, read_recipe
from turnwise.sequences import LEAST_TOKENS, Composer
from turnwise.store import TurnStore, is_store
from turnwise.tracking import trackers
from turnwise.training import Settings, Step, Training
from turnwise.vocabulary import occurring_vocabulary

__all__ = ["Adapted", "Held", "Input", "Pretraining", "base_of", "pretrain", "pretraining_recipe"]

DEFAULT_RECIPE = "convfit-stage1"
_FACTS = "turnwise.json"


@dataclass(frozen=True)
class Input:
    """How dialogues are written, see ``turnwise.layout``; beyond ``max_tokens`` the oldest turns are left out."""

    max_tokens: int = 64
    format: FormatName = "plain"
    segments: Segments = "response"

    def __post_init__(self) -> None:
        if self.max_tokens < LEAST_TOKENS:
            raise InputError(f"max_tokens is {self.max_tokens}, expected at least {LEAST_TOKENS}")


@dataclass(frozen=True)
class Pretraining:
    """A recipe: objectives and riders with their weights, how to train, how dialogues are written, what is measured."""

    objectives: tuple[tuple[Objective, float], ...]
    riders: tuple[tuple[Rider, float], ...]
    training: Settings
    input: Input
    evaluation: Held


@dataclass(frozen=True)
class Adapted:
    """An adapted encoder, what is known of it, and the weights of the heads it was trained with."""

    encoder: Encoder
    facts: dict[str, Any]
    heads: dict[str, Tensor] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write an encoder folder, atomically: beside the Hugging Face files turnwise.json, and the trained heads."""
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            self.encoder.write(temporary)
            write_heads(temporary, self.heads)
            (temporary / _FACTS).write_text(json.dumps(self.facts, indent=1) + "\n", encoding="utf-8")


def pretraining_recipe(name: str = DEFAULT_RECIPE, overrides: dict[str, Any] | None = None) -> Pretraining:
    """The recipe: tables [objectives.NAME], [riders.NAME], [training], [input] and [evaluation]; ``overrides`` win.

    A table of an objective or rider may hold ``weight``, its factor in the sum of losses. Raises RecipeError with
    every wrong table, key and value at once.
    """
    tables = read_recipe(name)
    task = tables.pop("task", None)
    tables.pop("about", None)
    if task != "pretrain":
        raise RecipeError(f'recipe {name} has task = {task!r}, expected task = "pretrain"')
    flat: dict[str, Any] = {}
    for section, table in tables.items():
        nested = section in ("objectives", "riders") and isinstance(table, dict)
        flat |= {f"{section}.{key}": value for key, value in table.items()} if nested else {section: table}
    flat = overridden(flat, overrides or {})
    known: dict[str, type[Any]] = {f"objectives.{kind.name}": kind for kind in OBJECTIVES}
    known |= {f"riders.{kind.name}": kind for kind in RIDERS}
    sections = {key: kind for key, kind in known.items() if key in flat}
    sections |= {"training": Settings, "input": Input, "evaluation": Held}
    problems: list[str] = []
    weights = {key: _take_weight(flat, key, problems) for key in sections if key in known}
    valid = [*known, "training", "input", "evaluation"]
    built = build(flat, sections, recipe=name, valid=valid, found=problems)
    objectives = tuple((built[key], weights[key]) for key in sections if key.startswith("objectives."))
    riders = tuple((built[key], weights[key]) for key in sections if key.startswith("riders."))
    if not objectives:
        raise RecipeError(
            f"recipe {name} has no objective; give a table [objectives.NAME]: "
            f"{', '.join(kind.name for kind in OBJECTIVES)}"
        )
    if not riders and not any(objective.learns for objective, _ in objectives):
        raise RecipeError(f"recipe {name} has nothing to learn: whole_dialogue needs a table [riders.NAME]")
    return Pretraining(objectives, riders, built["training"], built["input"], built["evaluation"])


def _take_weight(flat: dict[str, Any], key: str, problems: list[str]) -> float:
    table = flat.get(key)
    if not isinstance(table, dict) or "weight" not in table:
        return 1.0
    flat[key] = {name: value for name, value in table.items() if name != "weight"}
    weight = table["weight"]
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        problems.append(f"[{key}] weight is {weight!r}, expected a positive number")
        return 1.0
    return float(weight)


def pretrain(
    dialogues: Iterable[Dialogue],
    encoder: Encoder,
    recipe: Pretraining,
    *,
    dev: Iterable[Dialogue] | None = None,
    work: Path | None = None,
    tensorboard: bool = False,
    on_step: Callable[[Step], None] | None = None,
    on_scores: Callable[[Scores], None] | None = None,
    on_dialogues: Callable[[int], None] | None = None,
) -> Adapted:
    """Adapt a copy of ``encoder``; it is left as it was. Heads that came with it are where training starts.

    With ``work``, a folder: turns are stored there memory-mapped, losses are logged to ``log.jsonl`` (and for
    TensorBoard), checkpoints are written, and a run that was cut off goes on from the last one and ends as if it had
    not been. Without it everything is in memory.
    Raises CorpusError when the dialogues hold nothing to learn from, ModelError when ``work`` holds another run,
    StorageError when its turns are another corpus's, MissingExtraError when TensorBoard is not installed.
    """
    for objective, _ in recipe.objectives:
        if objective.learns_from != "dialogues":
            raise RecipeError(
                f"{objective.name} learns from {objective.learns_from}, not from dialogues; give them with --pairs, or "
                "call turnwise.decoder_pretraining.pretrain_decoder"
            )
    state = processes()
    folder = None if work is None else Path(work)
    logs = [] if folder is None else trackers(folder, tensorboard=tensorboard)
    adapted = Encoder(copy.deepcopy(encoder.backbone), copy.copy(encoder.codec), encoder.name)
    adapted.use_layout(Layout(recipe.input.format, recipe.input.segments), seed=recipe.training.seed)
    limit = adapted.codec.max_tokens
    adapted.codec.max_tokens = min(limit, recipe.input.max_tokens)
    with state.main_process_first():
        store, held = _stores(dialogues, dev, adapted, recipe, folder, on_dialogues)
    torch.manual_seed(recipe.training.seed)
    parts = _parts(adapted, recipe, store)
    heads = _heads(parts)
    started = start_from(heads, read_heads(encoder.name), adapted)
    dev_parts = _dev_parts(adapted, parts, recipe, held) if held is not None else []
    with occurring_vocabulary(adapted, _occurring(store, held, adapted)) if not recipe.riders else nullcontext():
        training = Training(adapted, parts, recipe.training)
        progress = learn(
            training, dev_parts, recipe.evaluation, folder, logs=logs, on_step=on_step, on_scores=on_scores
        )
    adapted.codec.max_tokens = limit
    facts = {
        "base": encoder.name,
        "objectives": {o.name: {"weight": weight, **asdict(o)} for o, weight in recipe.objectives},  # type: ignore[call-overload]
        "riders": {r.name: {"weight": weight, **asdict(r)} for r, weight in recipe.riders},  # type: ignore[call-overload]
        "training": asdict(recipe.training),
        "input": asdict(recipe.input),
        "dialogues": store.dialogues,
        "turns": store.turns,
        "examples": {part.objective.name: len(part.examples) for part in parts},
        "heads": {name: "from the encoder" if name in started else "new" for name in heads},
        "steps": progress.best_step or training.done,
        "loss": {name: ends(values) for name, values in progress.losses.items()},
        "dev": {
            "dialogues": 0 if held is None else held.dialogues,
            "before": progress.before,
            "after": progress.scores,
        },
    }
    return Adapted(adapted.eval(), facts, head_weights(heads, adapted))


def _stores(
    dialogues: Iterable[Dialogue],
    dev: Iterable[Dialogue] | None,
    encoder: Encoder,
    recipe: Pretraining,
    folder: Path | None,
    on_dialogues: Callable[[int], None] | None,
) -> tuple[TurnStore, TurnStore | None]:
    """The turns to train on, and those that are held out: every n-th dialogue when there is no dev corpus."""
    counting = next((o for o, _ in recipe.objectives if isinstance(o, EntityNumber)), None)
    count = None if counting is None else tagger(counting.tagger)

    def store(found: Iterable[Dialogue], name: str) -> TurnStore:
        if folder is None:
            return TurnStore.of(found, encoder.codec, tagger=count)
        return TurnStore.build(found, encoder.codec, folder / name, tagger=count, progress=on_dialogues)

    if dev is not None:
        return store(dialogues, "train"), store(dev, "dev")
    nth = round(1 / recipe.evaluation.share) if recipe.evaluation.share else 0
    if not nth:
        return store(dialogues, "train"), None
    held: list[Dialogue] = []
    kept = _without_nth(dialogues, nth, recipe.evaluation.dialogues, held)
    train = store(kept, "train")
    if folder is not None and is_store(folder / "dev"):
        return train, TurnStore.open(folder / "dev", encoder.codec, tagged=count is not None)
    for _ in kept:
        # Training turns that were stored before leave the dialogues unread, and with them those to hold out.
        pass
    return train, store(held, "dev") if held else None


def _without_nth(dialogues: Iterable[Dialogue], nth: int, most: int, held: list[Dialogue]) -> Iterator[Dialogue]:
    for number, dialogue in enumerate(dialogues):
        if number % nth == nth - 1 and len(held) < most and any(turn.text.strip() for turn in dialogue.turns):
            held.append(dialogue)
        else:
            yield dialogue


def _parts(encoder: Encoder, recipe: Pretraining, store: TurnStore) -> list[Part]:
    parts = []
    rides: tuple[Ride, ...] = ()
    for objective, weight in recipe.objectives:
        examples = objective.examples(store, encoder.codec)  # type: ignore[attr-defined]
        rides = rides or tuple(Ride(rider, rider.head(encoder), factor) for rider, factor in recipe.riders)
        parts.append(Part(objective, examples, objective.head(encoder, examples), weight, rides))
    return parts


def _heads(parts: Sequence[Part]) -> dict[str, nn.Module]:
    """The heads by the name of their objective or rider; a rider has one, whatever it rides on."""
    found = {part.objective.name: part.head for part in parts if part.objective.learns}
    return found | {ride.rider.name: ride.head for part in parts for ride in part.rides}


def _dev_parts(encoder: Encoder, parts: Sequence[Part], recipe: Pretraining, held: TurnStore) -> list[Part]:
    """The same objectives and heads over the held-out turns; contrasts are among 100, where there are as many.

    An objective that the held-out turns have no example of is left out.
    """
    found = []
    for part in parts:
        objective = part.objective
        if not objective.splits:
            objective = dataclasses.replace(objective, batch_size=100)  # type: ignore[type-var]
        try:
            examples = objective.examples(held, encoder.codec)  # type: ignore[attr-defined]
        except CorpusError:
            continue
        found.append(dataclasses.replace(part, objective=objective, examples=examples))
    return found


def _occurring(store: TurnStore, held: TurnStore | None, encoder: Encoder) -> set[int]:
    """The ids that any turn, profile or speaker token has."""
    found = set(Composer(encoder.codec).speaker_ids())
    for one in (store, held):
        if one is not None:
            for start in range(0, len(one.ids), 1 << 24):
                found |= set(np.unique(one.ids[start : start + (1 << 24)]).tolist())
            found |= set(np.unique(one.profile_ids).tolist())
    return found | encoder.codec.special_ids


def base_of(folder: Path) -> str | None:
    """What an encoder folder was adapted from; None when turnwise did not adapt it."""
    path = folder / _FACTS
    if not path.is_file():
        return None
    try:
        base = json.loads(path.read_text(encoding="utf-8")).get("base")
    except (ValueError, AttributeError):
        return None
    return base if isinstance(base, str) else None
