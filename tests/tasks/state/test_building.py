"""What an example holds: the turns that are read, what is named in them, and where the right values stand."""

import numpy as np
import pytest

from turnwise.dialogue import Dialogue, Label, Turn
from turnwise.encoder import Encoder
from turnwise.layout import Layout
from turnwise.tasks.state.building import Building
from turnwise.tasks.state.examples import NAMED_BEFORE, NAMED_BY_AGENT, NAMED_NOW, StateExample, collate
from turnwise.tasks.state.ontology import Ontology, Slot
from turnwise.tasks.state.updates import DELETE, INDIFFERENT, VALUE, agree, update

ONTOLOGY = Ontology((Slot("card.day", "card day", ("monday", "sunday")), Slot("shop.item", "item", ("parcel",))))


def customer(text: str, state: Label | None = None) -> Turn:
    return Turn("customer", text, labels={} if state is None else {"state": state})


TALK = Dialogue(
    "t:0",
    (
        customer("where is my parcel", {"shop.item": ("parcel",)}),
        Turn("agent", "it arrives on monday"),
        customer("on monday sure but my card", {"shop.item": ("parcel",), "card.day": ("Monday", "mon")}),
        Turn("agent", "hello"),
        customer("thank you", {"shop.item": ("dontcare",)}),
    ),
    labels={"domains": ("shop",)},
)


def built(
    encoder: Encoder, *, context: int | None = None, domains: bool = False, gold: bool = True
) -> list[StateExample]:
    encoder.use_layout(Layout("tod"))
    building = Building(encoder.codec, ONTOLOGY, context, domains, "state")
    return list(building.examples([TALK], [(0, 2, 4)], gold=gold).tracked)


def text(example: StateExample, encoder: Encoder, start: int, end: int) -> str:
    return str(encoder.codec.tokenizer.decode(example.row.ids[start : end + 1].tolist()))


def test_spans_stand_at_every_place_of_a_right_value(tiny: Encoder) -> None:
    first, second, third = built(tiny)
    assert first.told is not None
    assert second.told is not None
    assert third.told is not None
    assert [(slot, text(first, tiny, a, b)) for slot, a, b in first.told.spans] == [(1, "parcel")]
    said = [(slot, text(second, tiny, a, b), int(second.turns[a])) for slot, a, b in second.told.spans]
    assert sorted(said) == [(0, "monday", 1), (0, "monday", 2), (1, "parcel", 0)]
    assert second.told.values == (0, 2) or set(second.told.values) == {0, 2}
    assert third.told.spans == ()


def test_named_values_and_where(tiny: Encoder) -> None:
    first, second, third = built(tiny)
    assert first.named == ((2, NAMED_NOW),)
    assert set(second.named) == {(2, NAMED_BEFORE), (0, NAMED_BY_AGENT), (0, NAMED_NOW)}
    assert set(third.named) == {(2, NAMED_BEFORE), (0, NAMED_BEFORE)}


def test_context_limits_what_is_read(tiny: Encoder) -> None:
    assert [sorted(set(example.turns.tolist()) - {-1}) for example in built(tiny, context=1)] == [[0], [1, 2], [3, 4]]
    assert built(tiny, context=0)[2].named == ()


def test_the_truth_is_left_out_where_it_is_not_asked_for(tiny: Encoder) -> None:
    hidden = built(tiny, gold=False)
    assert all(example.told is None for example in hidden)
    assert [e.row.ids.tolist() for e in hidden] == [e.row.ids.tolist() for e in built(tiny)]
    assert "operations" not in collate(hidden, tiny.codec).targets


def test_known_domains_leave_the_other_slots_out(tiny: Encoder) -> None:
    assert built(tiny, domains=True)[0].allowed.tolist() == [False, True]
    assert built(tiny)[0].allowed.tolist() == [True, True]


def test_a_batch_has_a_row_of_each_example(tiny: Encoder) -> None:
    examples = built(tiny)
    batch = collate(examples, tiny.codec)
    assert batch.targets["asked"].sum(1).tolist() == [len(e.said.pieces[e.turn]) for e in examples]
    assert batch.targets["spans"][:, 0].tolist() == [0, 1, 1, 1]
    assert batch.targets["operations"].tolist() == [[DELETE, VALUE], [VALUE, VALUE], [DELETE, INDIFFERENT]]
    assert batch.targets["same"].tolist() == [[True, False], [False, True], [False, False]]


def test_a_turn_that_does_not_fit_is_marked(tiny: Encoder) -> None:
    tiny.use_layout(Layout("tod"))
    dialogue = Dialogue("t:1", (customer("my card " * 200, {"card.day": ("card",)}),))
    example = Building(tiny.codec, ONTOLOGY, None, False, "state").examples([dialogue], [(0,)], gold=True).tracked[0]
    assert example.truncated
    assert len(example.row.ids) <= tiny.codec.max_tokens
    assert example.told is not None
    assert max(end for _, _, end in example.told.spans) < len(example.row.ids)


@pytest.mark.parametrize(
    ("said", "gold", "expected"),
    [((), (), True), (("a",), (), False), ((), ("a",), False), (("A",), ("b", "a"), True), (("a",), ("b",), False)],
)
def test_agreement(said: tuple[str, ...], gold: tuple[str, ...], expected: bool) -> None:
    assert agree(said, gold) is expected


def test_updates() -> None:
    found = update({"card.day": ("monday",), "shop.item": ("parcel",)}, {"card.day": ("Sunday", "sun")}, ONTOLOGY)
    assert found.operations.tolist() == [VALUE, DELETE]
    assert found.same.tolist() == [False, False]
    assert found.variants == {0: ("sunday", "sun")}
    assert np.all(update({}, {}, ONTOLOGY).same)
