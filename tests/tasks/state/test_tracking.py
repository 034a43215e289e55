"""States from scores: carried, changed, deleted, with the turn that each value came from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.codec import Pieces
from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.layout import Layout
from turnwise.sequences import Row
from turnwise.tasks.state.building import Building
from turnwise.tasks.state.columns import COLUMNS, WIDTH
from turnwise.tasks.state.copying import copied_slots
from turnwise.tasks.state.examples import Said, StateExample
from turnwise.tasks.state.ontology import Ontology, Slot
from turnwise.tasks.state.tracking import Tracked, track
from turnwise.tasks.state.updates import CARRY, DELETE, INDIFFERENT, VALUE

ONTOLOGY = Ontology((Slot("day", "day", ("monday", "sunday")),))
TALK = Dialogue(
    "t:0",
    (
        Turn("customer", "hello"),
        Turn("agent", "on monday"),
        Turn("customer", "sure"),
        Turn("agent", "done"),
        Turn("customer", "no, my card"),
    ),
)


@pytest.fixture
def asked(tiny: Encoder) -> list[StateExample]:
    tiny.use_layout(Layout("tod"))
    return list(Building(tiny.codec, ONTOLOGY, None, False, "state").examples([TALK], [(0, 2, 4)], gold=False).tracked)


def scores(*turns: dict[str, float]) -> np.ndarray:
    """A row a turn: the operation's probability is 0.9, the rest goes to carrying, or to deleting."""
    table = np.zeros((len(turns), WIDTH))
    for row, told in zip(table, turns, strict=True):
        operation = int(told["do"])
        row[operation] = 0.9
        row[DELETE if operation == CARRY else CARRY] = 0.1
        row[COLUMNS.value] = told.get("value", -1)
        row[COLUMNS.picked] = told.get("picked", 0)
        row[COLUMNS.copied] = told.get("copied", 0)
        row[COLUMNS.start], row[COLUMNS.end] = told.get("start", 0), told.get("end", 0)
        row[COLUMNS.span] = told.get("span", 0)
    return table


def held(found: list[Tracked]) -> list[tuple[str, int] | None]:
    return [(one.filled["day"].value, one.filled["day"].turn) if one.filled else None for one in found]


def test_a_value_is_carried_with_its_source(asked: list[StateExample]) -> None:
    """It was the agent who named it, in turn 1."""
    found = track(asked, scores({"do": CARRY}, {"do": VALUE, "value": 0, "picked": 1.0}, {"do": CARRY}), ONTOLOGY)
    assert held(found) == [None, ("monday", 1), ("monday", 1)]
    assert found[2].sources == {"day": ("1",)}
    assert found[2].evidence(False).source_turn == 1
    assert found[1].score == pytest.approx(0.9)
    assert found[2].score == pytest.approx(0.9 * 0.9)


def test_deleted_indifferent_and_changed(asked: list[StateExample]) -> None:
    found = track(
        asked,
        scores({"do": VALUE, "value": 1, "picked": 0.8}, {"do": INDIFFERENT}, {"do": DELETE}),
        ONTOLOGY,
    )
    assert held(found) == [("sunday", 0), ("dontcare", 2), None]
    assert [name for name, _ in found[0].evidence(True).alternatives] == ["day=sunday"]
    assert found[0].evidence(True).alternatives[0][1] == pytest.approx(0.72)
    assert found[2].evidence(False).source_turn is None


def test_a_span_is_copied_from_its_turn(asked: list[StateExample]) -> None:
    last = asked[2]
    at = [place for place, turn in enumerate(last.turns.tolist()) if turn == 4]
    copy = {"do": VALUE, "value": 0, "picked": 0.1, "copied": 0.9, "start": at[-1], "end": at[-1], "span": 1.0}
    found = track(asked, scores({"do": CARRY}, {"do": CARRY}, copy), ONTOLOGY)
    assert held(found)[2] == ("card", 4)
    across = copy | {"start": 1.0}
    assert held(track(asked, scores({"do": CARRY}, {"do": CARRY}, across), ONTOLOGY))[2] == ("monday", 1)


def test_without_copying_the_best_listed_value_is_taken(asked: list[StateExample]) -> None:
    place = asked[2].turns.tolist().index(4)
    copy = {"do": VALUE, "value": 0, "picked": 0.1, "copied": 0.9, "start": place, "end": place, "span": 1.0}
    found = track(asked, scores({"do": CARRY}, {"do": CARRY}, copy), ONTOLOGY, [False])
    assert held(found)[2] == ("monday", 1)
    assert found[2].filled["day"].score == pytest.approx(0.9)


@pytest.mark.parametrize(("state", "may"), [({"day": ("monday",)}, False), ({"day": ("card",)}, True), ({}, True)])
def test_held_out_dialogues_tell_whether_copying_does_good(
    tiny: Encoder, state: dict[str, tuple[str, ...]], may: bool
) -> None:
    """The last turn is answered with the span "card", or with monday from the list."""
    tiny.use_layout(Layout("tod"))
    dialogue = replace(TALK, turns=(*TALK.turns[:-1], replace(TALK.turns[-1], labels={"state": state})))
    examples = Building(tiny.codec, ONTOLOGY, None, False, "state").examples([dialogue], [(0, 2, 4)], gold=True)
    place = np.flatnonzero(examples.tracked[0].turns == 4)[-1]
    copy = {"do": VALUE, "value": 0, "picked": 0.1, "copied": 0.9, "start": place, "end": place, "span": 1.0}
    assert copied_slots(examples, scores(copy)) == (may,)


def test_a_value_told_again_keeps_its_turn(asked: list[StateExample]) -> None:
    again = {"do": VALUE, "value": 1, "picked": 1.0}
    assert held(track(asked, scores(again, again, again), ONTOLOGY)) == [("sunday", 0)] * 3


def test_a_value_that_is_nowhere_changes_nothing(asked: list[StateExample]) -> None:
    assert held(track(asked, scores({"do": VALUE}, {"do": CARRY}, {"do": CARRY}), ONTOLOGY)) == [None] * 3


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=8, max_size=8), min_size=3, max_size=3))
def test_scores_are_probabilities(rows: list[list[float]]) -> None:
    table = np.zeros((3, WIDTH))
    for row, numbers in zip(table, rows, strict=True):
        row[:4] = np.array(numbers[:4]) / sum(numbers[:4])
        row[COLUMNS.value] = round(numbers[4])
        row[COLUMNS.picked] = numbers[5]
    asked = _asked_once()
    for one in track(asked, table, ONTOLOGY):
        assert 0 <= one.score <= 1
        assert all(0 <= filled.score <= 1 for filled in one.filled.values())


def _asked_once() -> list[StateExample]:
    empty = np.zeros(0, dtype=np.int64)
    row = Row(np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int8), np.zeros(1, dtype=np.int8))
    said = Said(("",), (Pieces(np.zeros(0, dtype=np.int32), empty, empty),))
    return [
        StateExample(row, np.zeros(0, dtype=np.float32), 0, 0, False, said, np.array([-1]), (), np.array([True]), None)
    ] * 3
