"""Recipes of response selection and ranking."""

from pathlib import Path

import pytest

from turnwise.errors import RecipeError
from turnwise.tasks.response_recipes import RESPONSE_TASKS, ranking_recipe, selection_recipe


def test_each_task_has_a_recipe_of_its_name_and_overrides_win() -> None:
    assert RESPONSE_TASKS == ("selection", "ranking")
    assert selection_recipe().task.batch_size == 64
    assert selection_recipe(overrides={"parameters": {"batch_size": 8}}).task.batch_size == 8
    fitting = ranking_recipe(overrides={"parameters": {"top_k": 4}, "shortlist": {"steps": 3}})
    assert (fitting.task.top_k, fitting.shortlist.steps, fitting.input.format) == (4, 3, "cs-bert")


def test_wrong_keys_are_told_at_once_and_recipes_of_other_tasks_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('task = "ranking"\n[parameters]\ntopk = 3\n[shortlist]\nepoch = 2\n', encoding="utf-8")
    with pytest.raises(RecipeError, match=r"(?s)topk.*epoch|epoch.*topk"):
        ranking_recipe(str(wrong))
    with pytest.raises(RecipeError, match="recipe ranking is for ranking; run: turnwise fit ranking"):
        selection_recipe("ranking")
    with pytest.raises(RecipeError, match="task = 'acts'"):
        ranking_recipe("acts")
