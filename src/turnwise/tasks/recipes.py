"""From a recipe to a ``Fitting``: which task, how it is trained, how dialogues are written."""

from collections.abc import Mapping
from typing import Any

from turnwise.errors import RecipeError
from turnwise.messages import nearest
from turnwise.recipe import build, overridden, read_recipe
from turnwise.settings import Settings
from turnwise.tasks.acts import Acts
from turnwise.tasks.base import BaseTask
from turnwise.tasks.emotion import Emotion
from turnwise.tasks.fit import Fitting, HeldOut, TaskInput
from turnwise.tasks.handoff import HandOff
from turnwise.tasks.pii.task import Pii
from turnwise.tasks.satisfaction import Satisfaction
from turnwise.tasks.state.task import StateTracking

TASKS: tuple[type[BaseTask], ...] = (Acts, Emotion, HandOff, Pii, Satisfaction, StateTracking)
"""The tasks that are fitted to labelled turns of dialogues, beside intents."""


def task_recipe(name: str, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> Fitting:
    """The recipe ``name``: ``task`` and the tables [parameters], [training], [input] and [held_out].

    ``overrides`` win. Raises RecipeError with every problem.
    """
    tables = read_recipe(name)
    kinds = {kind.name: kind for kind in TASKS}
    task = tables.pop("task", None)
    tables.pop("about", None)
    if task not in kinds:
        raise RecipeError(f"recipe {name} has task = {task!r}, expected a task: {nearest(str(task), tuple(kinds))}")
    sections: dict[str, type[Any]] = {
        "parameters": kinds[task],
        "training": Settings,
        "input": TaskInput,
        "held_out": HeldOut,
    }
    built = build(overridden(tables, overrides or {}), sections, recipe=name)
    return Fitting(built["parameters"], built["training"], built["input"], built["held_out"])
