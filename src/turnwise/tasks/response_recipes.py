"""From a recipe to what fits response selection or ranking."""

from collections.abc import Mapping
from typing import Any

from turnwise.errors import RecipeError
from turnwise.messages import nearest
from turnwise.recipe import build, overridden, read_recipe
from turnwise.settings import Settings
from turnwise.tasks.fit import HeldOut, TaskInput
from turnwise.tasks.ranking.fit import RankingFitting
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.selection import Selection
from turnwise.tasks.selection_fit import SelectionFitting

RESPONSE_TASKS = (Selection.name, Ranking.name)
Overrides = Mapping[str, Mapping[str, Any]]
_SECTIONS: dict[str, type[Any]] = {"training": Settings, "input": TaskInput, "held_out": HeldOut}


def selection_recipe(name: str = Selection.name, overrides: Overrides | None = None) -> SelectionFitting:
    """The recipe ``name``: ``task`` and the tables [parameters], [training], [input] and [held_out].

    ``overrides`` win. Raises RecipeError with every problem.
    """
    tables = _tables(name, Selection.name)
    built = build(overridden(tables, overrides or {}), {"parameters": Selection, **_SECTIONS}, recipe=name)
    return SelectionFitting(built["parameters"], built["training"], built["input"], built["held_out"])


def ranking_recipe(name: str = Ranking.name, overrides: Overrides | None = None) -> RankingFitting:
    """The same for a ranking, whose recipe has two tables more.

    [shortlist] is the training of the dual encoder, [selection] its parameters.
    """
    tables = _tables(name, Ranking.name)
    sections: dict[str, type[Any]] = {"parameters": Ranking, **_SECTIONS, "shortlist": Settings, "selection": Selection}
    built = build(overridden(tables, overrides or {}), sections, recipe=name)
    return RankingFitting(
        built["parameters"],
        built["training"],
        built["shortlist"],
        built["selection"],
        built["input"],
        built["held_out"],
    )


def _tables(name: str, expected: str) -> dict[str, Any]:
    tables = read_recipe(name)
    task = tables.pop("task", None)
    tables.pop("about", None)
    if task not in RESPONSE_TASKS:
        raise RecipeError(f"recipe {name} has task = {task!r}, expected a task: {nearest(str(task), RESPONSE_TASKS)}")
    if task != expected:
        raise RecipeError(f"recipe {name} is for {task}; run: turnwise fit {task}")
    return tables
