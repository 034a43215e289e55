"""Recipes of slot labellers: what is read, how decoders are trained, how many agree on an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnwise.errors import InputError, RecipeError
from turnwise.recipe import build, overridden, read_recipe

SHARED_KEYS = ("steps", "seed")
"""What a desk's settings of training say of slots too."""


@dataclass(frozen=True)
class Slots:
    """A decoder for each slot over a frozen encoder, from the pre-trained one.

    ``decoder`` is ``embedded``, a folder of a pre-trained one, ``random``, or ``auto``: the embedded one with the
    embedded encoder, else random.

    ``whole`` decoders have projections of their own, as published; else all share them. ``members`` decoders of one
    slot average their probabilities. With ``average`` the weights of the members are averaged instead, which costs no
    more than one. A residual layer with ``residual`` hidden units adds what is known of a token beside its state. With
    ``names`` the slot's name, in words, is behind the template.

    Source: ConVEx, sections 2.3 and 3.
    """

    decoder: str = "auto"
    whole: bool = False
    members: int = 3
    average: bool = False
    residual: int = 64
    names: bool = False

    def __post_init__(self) -> None:
        for key in ("members", "residual"):
            if getattr(self, key) < 1:
                raise InputError(f"{key} is {getattr(self, key)}, expected at least 1")


@dataclass(frozen=True)
class SlotTraining:
    """How decoders learn: Adam, a cosine to ``last_rate`` over ``decay_steps``, dropout of the states by a cosine to 0.

    A batch has ``batch_size`` sentences, of which a share ``valued`` holds a value: as published, for each slot its
    own batch, and no sentence twice; with ``valued`` none all slots read the same batch, drawn as the sentences come,
    and ``balance`` is the weight that sentences with a value have of the loss of a slot, however many they are.
    It stops when the mean loss of the last ten steps is below ``enough``. ``epochs`` is a limit for large sets:
    at least ``steps`` steps, and as many as so many passes take, at most ``most_steps``. Each sentence with a value has
    ``swaps`` like it, with values of other sentences, which stand for it half of the time.
    """

    steps: int = 300
    epochs: float = 0.0
    most_steps: int = 4000
    batch_size: int = 32
    valued: float | None = None
    learning_rate: float = 1e-3
    last_rate: float = 1e-6
    decay: float = 1.0
    warmup: int = 0
    shared_rate: float = 1.0
    weight_decay: float = 0.0
    dropout: float = 0.5
    balance: float | None = None
    swaps: int = 0
    enough: float = 0.001
    clip: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "steps": self.steps >= 1,
            "most_steps": self.most_steps >= 1,
            "batch_size": self.batch_size >= 1,
            "swaps": self.swaps >= 0,
            "valued": self.valued is None or 0 < self.valued < 1,
            "learning_rate": self.learning_rate > 0,
            "decay": 0 < self.decay <= 1,
            "dropout": 0 <= self.dropout < 1,
            "seed": self.seed >= 0,
        }
        for name, good in checks.items():
            if not good:
                raise InputError(f"{name} is {getattr(self, name)!r}, which cannot be used; see docs/recipes.md")


@dataclass(frozen=True)
class SlotsFitting:
    """A recipe of slots."""

    slots: Slots
    training: SlotTraining


PRETUNING = SlotTraining(steps=2000, batch_size=16, learning_rate=1e-3, warmup=20, dropout=0.3)
"""How one decoder learns from other domains."""


def slots_recipe(name: str, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> SlotsFitting:
    """The recipe ``name``: task = "slots", [parameters] and [training]; ``overrides`` win.

    Raises RecipeError with every problem.
    """
    tables = read_recipe(name)
    task = tables.pop("task", None)
    tables.pop("about", None)
    if task != "slots":
        raise RecipeError(f"recipe {name} has task = {task!r}, expected 'slots'; run: turnwise fit {task}")
    sections: dict[str, type[Any]] = {"parameters": Slots, "training": SlotTraining}
    built = build(overridden(tables, overrides or {}), sections, recipe=name)
    return SlotsFitting(built["parameters"], built["training"])
