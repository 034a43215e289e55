"""How dialogues are cut into windows for riders."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.layout import Layout
from turnwise.objectives import WholeDialogue
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.store import TurnStore


def windows(encoder: Encoder, store: TurnStore) -> list[tuple[int, int]]:
    return [(place.start, place.end) for place in WholeDialogue().examples(store, encoder.codec)]


def test_every_turn_is_in_one_window_of_its_dialogue(tod: Encoder, said: Callable) -> None:
    """38 tokens of room: three turns of 1 + 11 tokens, then the rest; a short dialogue is one window."""
    eleven = " ".join(["monday"] * 11)
    store = TurnStore.of(said(" | ".join([f"c {eleven}", f"a {eleven}"] * 2), "c hello | a sure"), tod.codec)
    assert windows(tod, store) == [(0, 3), (3, 4), (4, 6)]


def test_a_turn_too_long_for_any_window_has_its_own(tod: Encoder, said: Callable) -> None:
    long = " ".join(["monday"] * 45)
    store = TurnStore.of(said(f"c hello | a {long} | c done"), tod.codec)
    assert windows(tod, store) == [(0, 1), (1, 2), (2, 3)]
    batch = WholeDialogue().collate(
        list(WholeDialogue().examples(store, tod.codec)), tod.codec, Draws(0, 0, 0, (0, 1, 2))
    )
    assert batch.encodings[0].mask.sum(1).tolist() == [4, 40, 4]


def test_metadata_take_room_and_push_no_turn_out(
    checkpoint: Callable[[str], Path], said: Callable, read: Callable
) -> None:
    encoder = Encoder.load(checkpoint("bert"))
    encoder.use_layout(Layout("cs-bert"))
    eleven = " ".join(["monday"] * 11)
    dialogue = replace(said(" | ".join([f"c {eleven}", f"a {eleven}"] * 2))[0], profile={"card": "my"})
    store = TurnStore.of([dialogue], encoder.codec)
    objective = WholeDialogue()
    places = objective.examples(store, encoder.codec)
    rows = read(encoder, objective.collate(list(places), encoder.codec, Draws(0, 0, 0, (0, 1))).encodings[0])
    assert [place.end - place.start for place in places] == [2, 2]
    assert sum(row.count("monday") for row in rows) == 44
    assert all("PROFILESTART" in row for row in rows)


def test_it_learns_nothing_by_itself() -> None:
    hidden = Hidden(torch.ones(1, 2, 3), torch.ones(1, 2))
    assert WholeDialogue().loss((hidden,), torch.nn.Identity(), Batch(())).item() == 0
    assert not WholeDialogue.learns


def test_a_batch_size_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size is 0, expected at least 1"):
        WholeDialogue(batch_size=0)


def test_only_the_window_at_the_start_of_a_dialogue_has_its_opening(
    checkpoint: Callable[[str], Path], said: Callable, read: Callable
) -> None:
    encoder = Encoder.load(checkpoint("bert"))
    encoder.use_layout(Layout("cs-bert"))
    eleven = " ".join(["monday"] * 11)
    store = TurnStore.of(said(" | ".join([f"c {eleven}", f"a {eleven}"] * 3)), encoder.codec)
    places = WholeDialogue().examples(store, encoder.codec)
    draws = Draws(0, 0, 0, tuple(range(len(places))))
    rows = read(encoder, WholeDialogue().collate(list(places), encoder.codec, draws).encodings[0])
    assert len(rows) > 1
    assert [row.count("INITIALQUESTION") for row in rows] == [1] + [0] * (len(rows) - 1)
    assert sum(row.count("CUSTOMERSTART") for row in rows) == 2
