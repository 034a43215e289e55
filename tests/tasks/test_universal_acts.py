"""Acts under common names, on dialogues written for the test."""

import os
from pathlib import Path

import pytest

from turnwise.corpora import read_corpus
from turnwise.dialogue import Dialogue, Turn
from turnwise.tasks.universal_acts import GSIM, of_agents, universal, without_domain

DATA = os.environ.get("TURNWISE_DATA")


def talk(*turns: tuple[str, str, tuple[str, ...] | None]) -> Dialogue:
    return Dialogue(
        "t:0",
        tuple(Turn(who, text, labels={} if acts is None else {"acts": acts}) for who, text, acts in turns),  # type: ignore[arg-type]
    )


def acts(dialogue: Dialogue) -> list[object]:
    return [turn.labels.get("acts") for turn in dialogue.turns]


def test_gsim_has_thirteen_universal_acts_and_two_kinds_of_offers_are_one() -> None:
    assert len({name for name in GSIM.values() if name is not None}) == 13
    found = talk(
        ("customer", "a table", ("GREETING", "INFORM")),
        ("agent", "Luna or Sol? Or Mar?", ("SELECT", "OFFER", "REQUEST")),
        ("customer", "hm", ("OTHER",)),
        ("agent", "?", None),
    )
    assert acts(universal(found, GSIM)) == [("greeting", "inform"), ("offer", "request"), (), None]
    with pytest.raises(KeyError, match="SING"):
        universal(talk(("agent", "la", ("SING",))), GSIM)


def test_multiwoz_acts_lose_their_domain() -> None:
    found = talk(("agent", "two hotels and a train", ("Hotel-Inform", "Train-Inform", "general-bye", "Booking-NoBook")))
    assert acts(without_domain(found)) == [("inform", "bye", "nobook")]


def test_the_customers_acts_can_be_set_aside() -> None:
    found = talk(("customer", "hi", ("greet",)), ("agent", "hello", ("greet",)))
    assert acts(of_agents(found)) == [None, ("greet",)]
    assert acts(found) == [("greet",), ("greet",)]


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize("part", ["sim-M", "sim-R"])
def test_the_table_covers_gsim_and_the_system_has_six_of_its_acts(part: str) -> None:
    seen: dict[object, set[str]] = {"agent": set(), "customer": set()}
    for split in ("train", "dev", "test"):
        for dialogue in read_corpus(f"gsim:{Path(DATA or '') / 'gsim' / part}@{split}"):
            for turn in universal(dialogue, GSIM).turns:
                seen[turn.speaker].update(turn.labels["acts"])  # type: ignore[arg-type]
    assert seen["agent"] == {"request", "confirm", "offer", "notify_success", "notify_failure", "negate"}
    assert len(seen["agent"] | seen["customer"]) == (12 if part == "sim-M" else 13)
