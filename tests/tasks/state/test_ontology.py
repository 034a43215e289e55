"""Ontologies of dialogues and of files, and what is wrong with them."""

import json
from pathlib import Path

import pytest

from turnwise.dialogue import Dialogue, Label, Turn
from turnwise.errors import CorpusError
from turnwise.tasks.state.ontology import Ontology, Slot, described, from_dialogues
from turnwise.tasks.state.ontology_file import with_file


def talk(*states: Label, id: str = "t:0") -> Dialogue:
    return Dialogue(id, tuple(Turn("customer", "hello", labels={"state": state}) for state in states))


SEEN = from_dialogues([talk({"hotel.area": ("north",)}, {"hotel.area": ("North", "the north"), "hotel.stars": ("4",)})])


def written(folder: Path, content: object, name: str = "ontology.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_slots_and_values_of_dialogues_come_once_each_and_in_order() -> None:
    assert SEEN.names == ("hotel.area", "hotel.stars")
    assert SEEN.slots[0].values == ("north", "the north")
    assert SEEN.values == ((0, "north"), (0, "the north"), (1, "4"))
    assert SEEN.known[(0, "north")] == 0
    assert Ontology.of(json.loads(json.dumps(SEEN.plain()))) == SEEN


def test_none_and_dontcare_are_no_values_of_a_list_but_always_reached() -> None:
    found = from_dialogues([talk({"food": ("dont care",), "area": ("none",), "time": ("7 pm",)})])
    assert found.slots == (Slot("food", "food", ()), Slot("time", "time", ("7 pm",)))
    assert found.reaches("food", ("dontcare",))
    assert not found.reaches("food", ("thai",))
    assert found.reaches("time", ("19:00", "7PM"))
    assert not found.reaches("wine", ("red",))


@pytest.mark.parametrize(("slot", "words"), [("hotel.book-day", "hotel book day"), ("train.leaveAt", "train leave at")])
def test_names_in_words(slot: str, words: str) -> None:
    assert described(slot) == words


@pytest.mark.parametrize(
    ("dialogues", "said"),
    [
        ([Dialogue("t:0", (Turn("customer", "hi"),))], "the corpus has none"),
        ([talk({})], "no state of it fills a slot"),
        ([talk(("a", "b"))], "t:0, turn 0: labels.state is"),
    ],
)
def test_dialogues_without_an_ontology(dialogues: list[Dialogue], said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        from_dialogues(dialogues)


@pytest.mark.parametrize(
    ("content", "area"),
    [
        ({"hotel.area": ["north", "south", "dontcare"], "hotel.stars": ["4"]}, ("north", "south")),
        ({"hotel.area": {"values": ["west"], "description": "where"}, "hotel.stars": []}, ("west",)),
        ({"hotel-semi-area": ["north|east", "none"], "hotel-semi-stars": ["3>4"]}, ("east", "north")),
        ({"informable": {"hotel.area": ["s"], "hotel.stars": [], "request": ["x"]}, "requestable": []}, ("s",)),
        (
            [
                {
                    "service_name": "hotel",
                    "slots": [
                        {"name": "area", "description": "part of town", "possible_values": []},
                        {"name": "stars", "description": "", "possible_values": ["4", "5"]},
                    ],
                }
            ],
            ("north", "the north"),
        ),
    ],
    ids=["plain", "described", "multiwoz", "woz2", "schema"],
)
def test_files_that_declare_slots(tmp_path: Path, content: object, area: tuple[str, ...]) -> None:
    """A slot without values is open: it takes those that were seen."""
    found = with_file(SEEN, written(tmp_path, content))
    assert found.names == ("hotel.area", "hotel.stars")
    assert found.slots[0].values == area


def test_descriptions_of_a_file_are_kept(tmp_path: Path) -> None:
    content = {"hotel.area": {"values": ["west"], "description": "where"}, "hotel.stars": [], "hotel.wifi": ["yes"]}
    found = with_file(SEEN, written(tmp_path, content))
    assert [slot.description for slot in found.slots] == ["where", "hotel stars", "hotel wifi"]


def test_a_database_adds_values_to_slots_that_were_seen(tmp_path: Path) -> None:
    rows = [{"area": "east", "name": "Lamb", "rooms": 3}, {"area": "NORTH", "stars": "5"}]
    found = with_file(SEEN, written(tmp_path, rows, "hotel_db.json"))
    assert [slot.values for slot in found.slots] == [("east", "north", "the north"), ("4", "5")]
    with pytest.raises(CorpusError, match="no column of the name of a slot: it has area"):
        with_file(SEEN, written(tmp_path, rows, "rows.json"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"hotel.area": ["north"], "hotel.star": ["4"]}, "slot 'hotel.stars' of the dialogues is not declared"),
        ({"hotel.area": 3, "hotel.stars": ["4", ""]}, "(?s)2 problems.*hotel.area is 3.*hotel.stars.1. is ''"),
        ("hello", "the value is 'hello'"),
        ({}, "declares no slot"),
        ([], "declares no slot"),
        ([{"service_name": "a"}], "expected a service with service_name and slots"),
        ([{"service_name": "a", "slots": [{"name": 4}]}], "expected name and possible_values"),
        ([{"area": "north"}, 4], "expected a service or a record"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        with_file(SEEN, written(tmp_path, content))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        with_file(SEEN, tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(CorpusError, match="is not JSON"):
        with_file(SEEN, tmp_path / "broken.json")
