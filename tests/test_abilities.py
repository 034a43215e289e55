"""The published rows of the table, and what follows from it."""

import pytest

from turnwise.abilities import ABILITIES, STRUCTURES, TABLE, recommend
from turnwise.errors import InputError
from turnwise.objectives import OBJECTIVES, RIDERS
from turnwise.pretraining import pretraining_recipe

PUBLISHED = {
    "INT": "single-turn representation, entity information, single-turn classifier",
    "DA": "multi-turn representation, multi-turn classifier",
    "RS": "coherence, siamese",
    "DST": "multi-turn representation, entity information, multi-turn classifier",
    "DSP": "single-turn representation, single-turn classifier",
    "CRM": "coherence, siamese",
    "DCV": "multi-turn representation, multi-turn classifier",
    "ENP": "single-turn representation, entity information, single-turn classifier",
    "DUR": "coherence, rank loss",
}


def chosen(task: str) -> list[str]:
    return [choice.objective.name for choice in recommend(task)]


def test_the_published_rows_are_dsdfs_and_no_other_claims_to_be() -> None:
    assert {entry.code: ", ".join(entry.has) for entry in TABLE if entry.published} == PUBLISHED


def test_every_objective_and_rider_has_a_row_with_its_own_paper() -> None:
    rows = {entry.name: entry for entry in TABLE if entry.kind != "task"}
    assert set(rows) == {kind.name for kind in (*OBJECTIVES, *RIDERS)}
    for kind in (*OBJECTIVES, *RIDERS):
        assert rows[kind.name].paper.partition(",")[0] in kind.paper
        assert (rows[kind.name].kind == "rider") == (kind in RIDERS)


def test_names_are_distinct_and_columns_known() -> None:
    assert len({entry.name for entry in TABLE}) == len(TABLE)
    assert {column for entry in TABLE for column in entry.has} == {*ABILITIES, *STRUCTURES}


def test_every_recipe_uses_what_it_stands_for() -> None:
    for entry in TABLE:
        if entry.recipe:
            recipe = pretraining_recipe(entry.recipe)
            assert entry.name in {part.name for part, _ in (*recipe.objectives, *recipe.riders)}


@pytest.mark.parametrize(
    ("task", "first"),
    [
        ("intent", ["entity_number", "speaker"]),
        ("selection", ["response_matching", "response_ranking"]),
        ("acts", ["coherence", "next_turn"]),
        ("state", ["coherence", "next_turn"]),
        ("ranking", ["next_turn", "coherence"]),
        ("slots", ["pairwise_cloze", "entity_number"]),
    ],
)
def test_the_pairs_that_experiments_confirmed_come_first(task: str, first: list[str]) -> None:
    assert chosen(task)[:2] == first


def test_what_shares_nothing_is_not_recommended() -> None:
    """Entities help a state and an intent; the speaker of one turn helps no state, and no carrier helps anything."""
    assert "entity_number" in chosen("state")
    assert "speaker" not in chosen("state")
    assert all("whole_dialogue" not in chosen(entry.name) for entry in TABLE if entry.kind == "task")
    assert all(chosen(entry.name) for entry in TABLE if entry.kind == "task")


def test_a_task_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"there is no task 'intents'; did you mean 'intent'\? Valid: intent, acts"):
        recommend("intents")
