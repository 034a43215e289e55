"""Which turns stand in for others."""

from collections.abc import Callable

import numpy as np
import pytest

from turnwise.encoder import Encoder
from turnwise.objectives.substitutes import Substitutes
from turnwise.store import TurnStore

LINES = (
    "c hello | a on monday | c where is my card | a sure",
    "c help | a have sure | c thank you | a done",
    "c money back | a we have stopped it | c done | a on monday",
    "a my order | c refund",
)


@pytest.fixture
def store(tod: Encoder, said: Callable) -> TurnStore:
    return TurnStore.of(said(*LINES), tod.codec)


def drawn(draw: Callable, turn: int, number: int = 200) -> set[int]:
    return {draw(turn, np.random.default_rng(seed)) for seed in range(number)}


def test_one_of_the_same_speaker_place_and_length_is_taken(store: TurnStore) -> None:
    """Turn 1, agent, second, 2 tokens: turn 5 alone is like it; 9 has four tokens, 11 stands last, 12 first."""
    assert drawn(Substitutes(store).alike, 1) == {5}


def test_where_there_is_none_the_length_gives_way_first(store: TurnStore) -> None:
    """Turn 9, agent, second, 4 tokens: 1 and 5 have the place."""
    assert drawn(Substitutes(store).alike, 9) == {1, 5}


def test_then_the_place(store: TurnStore) -> None:
    """Turn 12, the only agent who speaks first: agents of the other dialogues."""
    assert drawn(Substitutes(store).alike, 12) == {1, 3, 5, 7, 9, 11}


def test_a_turn_of_the_same_text_or_dialogue_is_not_taken(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello | a sure", "c help | a sure", "c hello | a done"), tod.codec)
    assert drawn(Substitutes(store).alike, 1) == {5}
    assert drawn(Substitutes(store).alike, 5) == {1, 3}
    alone = TurnStore.of(said("c hello | a sure | c help | a done"), tod.codec)
    assert drawn(Substitutes(alone).alike, 1) == {None}
    same = TurnStore.of(said("c hello | a sure", "c help | a sure"), tod.codec)
    assert drawn(Substitutes(same).alike, 1) == {None}


def test_as_published_any_of_the_speaker_or_any_at_all(store: TurnStore) -> None:
    """Turn 1 says what turn 11 says."""
    assert drawn(Substitutes(store).same_speaker, 1) == {3, 5, 7, 9, 12}
    assert drawn(Substitutes(store).anywhere, 1) == set(range(14)) - {1, 11}


def test_late_turns_are_alike_in_place(tod: Encoder, said: Callable) -> None:
    """Turns 7 and 9 of a dialogue stand in one place, turn 5 does not."""
    long = " | ".join(["c hello", "a sure"] * 3 + ["c help", "a done", "c money", "a back"])
    other = long.replace("done", "sure").replace("back", "stopped")
    store = TurnStore.of(said(long, other), tod.codec)
    assert drawn(Substitutes(store).alike, 9) == {17, 19}
    assert drawn(Substitutes(store).alike, 5) - {None} == {19}  # all at its own place say the same
