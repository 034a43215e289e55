"""Joint and slot accuracy, worked by hand."""

import pytest

from turnwise.errors import InputError
from turnwise.tasks.state.metrics import StatePair, state_metrics
from turnwise.tasks.state.ontology import Ontology, Slot

ONTOLOGY = Ontology((Slot("area", "area", ("north",)), Slot("food", "food", ("thai", "greek"))))
PAIRS = [
    StatePair("a", {"area": ("north",)}, {"area": ("North",)}),  # both right
    StatePair("a", {"area": ("north",), "food": ("thai",)}, {"area": ("north",), "food": ("greek",)}),  # food wrong
    StatePair("b", {}, {"food": ("thai",)}),  # food wrong
    StatePair("b", {"food": ("dontcare",)}, {"food": ("dont care",)}),  # both right
]


def test_by_hand() -> None:
    found = state_metrics(PAIRS, ONTOLOGY, draws=20, seed=0)
    assert (found["n"], found["dialogues"]) == (4, 2)
    assert found["joint_accuracy"] == 2 / 4
    assert found["slot_accuracy"] == 6 / 8
    assert found["filled_accuracy"] == 3 / 4
    assert found["ceiling"] == 1
    assert found["slots"]["area"] == {"accuracy": 1, "filled": 2, "filled_accuracy": 1}
    assert found["slots"]["food"] == {"accuracy": 0.5, "filled": 2, "filled_accuracy": 0.5}
    assert found["intervals"]["joint_accuracy"] == [0.5, 0.5]  # each dialogue has one turn of two right


def test_turns_and_frequent_errors_by_hand() -> None:
    """Second turns: one wrong of two. The same wrong value twice is one error, counted twice."""
    wrong = {"food": ("greek", "grecian")}
    pairs = [
        StatePair("a", {"area": ("north",)}, {"area": ("north",)}, 1),
        StatePair("a", {"area": ("north",), "food": ("thai",)}, {"area": ("north",), **wrong}, 2),
        StatePair("b", {"food": ("thai",)}, wrong, 2),
        StatePair("c", {"food": ("thai",)}, {"food": ("thai",)}, 2),
        StatePair("c", {}, {"food": ("thai",)}, 3),
    ]
    found = state_metrics(pairs, ONTOLOGY, draws=0, seed=0)
    assert found["turns"] == [
        {"number": 1, "n": 1, "joint_accuracy": 1.0},
        {"number": 2, "n": 3, "joint_accuracy": pytest.approx(1 / 3)},
        {"number": 3, "n": 1, "joint_accuracy": 0.0},
    ]
    assert found["errors"] == [
        {"slot": "food", "gold": "thai", "said": "greek", "count": 2},
        {"slot": "food", "gold": None, "said": "thai", "count": 1},
    ]


def test_any_variant_is_right() -> None:
    pair = StatePair("a", {"food": ("7 pm", "19:00")}, {"food": ("19 : 00",)})
    assert state_metrics([pair], ONTOLOGY, draws=0, seed=0)["joint_accuracy"] == 1


def test_slots_and_values_that_the_ontology_lacks() -> None:
    """A slot that is unknown counts as wrong; a value that is unknown only lowers the ceiling, for it can be copied."""
    pairs = [
        StatePair("a", {"wine": ("red",)}, {}),
        StatePair("b", {"food": ("sushi",)}, {"food": ("sushi",)}),
    ]
    found = state_metrics(pairs, ONTOLOGY, draws=0, seed=0)
    assert (found["joint_accuracy"], found["ceiling"]) == (0.5, 0.0)
    assert found["slot_accuracy"] == pytest.approx(5 / 6)
    assert found["unknown_labels"] == ["wine"]
    assert found["unknown_values"] == {"number": 1, "some": ["food=sushi"]}


def test_nothing_to_measure() -> None:
    with pytest.raises(InputError, match="no customer's turn has a gold state"):
        state_metrics([], ONTOLOGY, draws=0, seed=0)
