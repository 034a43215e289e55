"""Further pre-training of an encoder on dialogues: ConvFiT's Stage 1."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from turnwise.dialogue import Dialogue
from turnwise.encoder import MARKS, Encoder
from turnwise.errors import InputError, RecipeError
from turnwise.files import atomic_folder
from turnwise.objectives.response_ranking import ResponseRanking
from turnwise.recipe import build, overridden, read_recipe, take_kind
from turnwise.training import Part, Settings, Step, total_steps, train
from turnwise.vocabulary import occurring_vocabulary

DEFAULT_RECIPE = "convfit-stage1"
_FACTS = "turnwise.json"


@dataclass(frozen=True)
class Pretraining:
    """A recipe: the objective, how to train it, and where texts are cut."""

    objective: ResponseRanking
    training: Settings
    max_tokens: int = 64


@dataclass(frozen=True)
class _Input:
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if self.max_tokens < 3:
            raise InputError(f"max_tokens is {self.max_tokens}, expected at least 3")


@dataclass(frozen=True)
class Adapted:
    """An adapted encoder and what is known of it."""

    encoder: Encoder
    facts: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write an encoder folder, atomically, with turnwise.json beside the Hugging Face files."""
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            self.encoder.write(temporary)
            (temporary / _FACTS).write_text(json.dumps(self.facts, indent=1) + "\n", encoding="utf-8")


def pretraining_recipe(name: str = DEFAULT_RECIPE, overrides: dict[str, dict[str, Any]] | None = None) -> Pretraining:
    """The recipe: tables [objective], [training] and [input]; ``overrides`` win. Raises RecipeError."""
    tables = read_recipe(name)
    task = tables.pop("task", None)
    tables.pop("about", None)
    if task != "pretrain":
        raise RecipeError(f'recipe {name} has task = {task!r}, expected task = "pretrain"')
    tables = overridden(tables, overrides or {})
    take_kind(tables, [ResponseRanking.name], recipe=name)
    built = build(tables, {"objective": ResponseRanking, "training": Settings, "input": _Input}, recipe=name)
    return Pretraining(built["objective"], built["training"], built["input"].max_tokens)


def pretrain(
    dialogues: Sequence[Dialogue],
    encoder: Encoder,
    recipe: Pretraining,
    *,
    on_step: Callable[[Step], None] | None = None,
) -> Adapted:
    """Adapt a copy of ``encoder``; it is left as it was.

    Raises CorpusError when the dialogues hold no pair of turns to learn from.
    """
    adapted = Encoder(copy.deepcopy(encoder.backbone), encoder.codec, encoder.name)
    codec = copy.copy(encoder.codec)
    codec.max_tokens = min(codec.max_tokens, recipe.max_tokens)
    examples = recipe.objective.examples(dialogues, codec)
    part = Part(recipe.objective, examples, recipe.objective.head(adapted, examples))
    losses: list[float] = []
    occurring = {tokens.ids: tokens for pair in examples for tokens in (pair.context, pair.response)}
    with occurring_vocabulary(adapted, occurring.values()):
        for step in train(adapted, [part], recipe.training):
            losses.append(step.losses[recipe.objective.name])
            if on_step is not None:
                on_step(step)
    tenth = max(1, len(losses) // 10)
    facts = {
        "base": encoder.name,
        "objective": {"kind": recipe.objective.name, **asdict(recipe.objective)},
        "training": asdict(recipe.training),
        "dialogues": len(dialogues),
        "pairs": len(examples),
        "steps": total_steps([part], recipe.training),
        "loss": {"first tenth": sum(losses[:tenth]) / tenth, "last tenth": sum(losses[-tenth:]) / tenth},
    }
    return Adapted(adapted.eval(), facts)


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
