"""What the flags of ``turnwise pretrain`` stand for: a recipe with changes, an encoder to start from."""

import dataclasses
from pathlib import Path
from typing import Any

from turnwise.encoder import EMBEDDED, Encoder
from turnwise.errors import InputError
from turnwise.pretraining import Pretraining, pretraining_recipe
from turnwise.quick import quick
from turnwise.recipe import read_recipe
from turnwise.scratch import fresh_encoder


def check_sources(corpus: list[str] | None, pairs: Path | None, of_dialogues: list[str]) -> None:
    """Raises InputError unless there is either --corpus or --pairs, the latter without the flags ``of_dialogues``."""
    if pairs is None and not corpus:
        raise InputError("there is nothing to learn from; name dialogues with --corpus, or mined pairs with --pairs")
    if pairs is not None and (corpus or of_dialogues):
        flag = "--corpus" if corpus else of_dialogues[0]
        raise InputError(f"{flag} is of dialogues, and --pairs {pairs} names pairs of sentences; leave one of them out")


def changed_recipe(
    name: str,
    overrides: dict[str, object],
    batch_size: int | None,
    limit: int | None,
    *,
    without_mlm: bool,
    small: bool,
) -> Pretraining:
    """The recipe with what the flags change."""

    told = read_recipe(name).get("objectives")
    objectives = list(told) if isinstance(told, dict) else []
    tables: dict[str, dict[str, object]] = {"training": {k: v for k, v in overrides.items() if v is not None}}
    if batch_size is not None:
        tables |= {f"objectives.{objective}": {"batch_size": batch_size} for objective in objectives}
    if limit is not None:
        if "response_ranking" not in objectives:
            raise InputError(
                f"--limit {limit} is a number of pairs of response_ranking, which the recipe {name} does not have; "
                "--steps makes a run shorter"
            )
        tables.setdefault("objectives.response_ranking", {})["limit"] = limit
    recipe = pretraining_recipe(name, tables)
    if without_mlm:
        riders = tuple((rider, weight) for rider, weight in recipe.riders if rider.name != "masked_lm")
        if not riders and not any(objective.learns for objective, _ in recipe.objectives):
            raise InputError(f"--without-mlm leaves the recipe {name} nothing to learn; choose another one")
        recipe = dataclasses.replace(recipe, riders=riders)
    return quick(recipe) if small else recipe


def base_encoder(
    name: str, random_weights: bool, tokenizer: Path | None, size: str, recipe: Pretraining, seed: int
) -> Encoder:
    """The encoder to start from; a recipe of longer texts than it states gets as many tokens as it has positions."""

    if tokenizer is not None:
        if name != EMBEDDED or random_weights:
            raise InputError("--tokenizer makes an encoder of random weights; leave out --encoder and --random")
        return fresh_encoder(tokenizer, size, seed=seed)  # type: ignore[arg-type]
    base = Encoder.random(name, seed=seed) if random_weights else Encoder.load(name)
    longer = recipe.input.max_tokens
    if base.codec.max_tokens >= longer:
        return base
    return (
        Encoder.random(name, seed=seed, max_tokens=longer) if random_weights else Encoder.load(name, max_tokens=longer)
    )


def plain(recipe: Pretraining) -> dict[str, Any]:
    """The recipe as JSON values."""
    told = {
        kind: {part.name: {"weight": weight, **dataclasses.asdict(part)} for part, weight in parts}  # type: ignore[call-overload]
        for kind, parts in (("objectives", recipe.objectives), ("riders", recipe.riders))
    }
    rest = ("training", "input", "evaluation")
    return told | {name: dataclasses.asdict(getattr(recipe, name)) for name in rest}
