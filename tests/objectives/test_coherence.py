"""What dialogue coherence verification sees."""

import random
from collections.abc import Callable

import pytest

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.objectives import Coherence
from turnwise.objectives.objective import Draws
from turnwise.store import TurnStore

WORDS = ["card", "order", "parcel", "monday", "refund", "money", "help", "change", "address", "done"]


def many(number: int, turns: int = 5, words: int = 3) -> list[Dialogue]:
    rng = random.Random(0)
    return [
        Dialogue(
            f"test:{at}",
            tuple(
                Turn(("ca"[k % 2] == "c" and "customer") or "agent", " ".join(rng.choices(WORDS, k=words)))
                for k in range(turns)
            ),
        )
        for at in range(number)
    ]


def rows_of(objective: Coherence, encoder: Encoder, dialogues: list[Dialogue], epoch: int = 0) -> list[tuple]:
    """Ids without padding, marks and label of every dialogue."""
    places = objective.examples(TurnStore.of(dialogues, encoder.codec), encoder.codec)
    batch = objective.collate(list(places), encoder.codec, Draws(0, 0, epoch, tuple(range(len(places)))))
    encoding = batch.encodings[0]
    assert encoding.marks is not None
    found = zip(encoding.ids, encoding.marks, encoding.mask.bool(), batch.targets["labels"].tolist(), strict=True)
    return [(ids[mask].tolist(), marks[mask].tolist(), label) for ids, marks, mask, label in found]


def test_half_of_the_dialogues_are_replaced_and_another_half_in_another_epoch(tod: Encoder) -> None:
    """1,000 dialogues: 3 standard deviations of the number that is whole are 47."""
    dialogues = many(1000)
    labels = [[label for *_, label in rows_of(Coherence(), tod, dialogues, epoch)] for epoch in range(2)]
    assert abs(sum(labels[0]) - 500) < 47
    assert abs(sum(one == other for one, other in zip(*labels, strict=True)) - 500) < 47


@pytest.mark.parametrize(("replaced", "expected"), [(0.3, 2), (0.05, 1), (1.0, 5)])
def test_the_share_of_turns_is_rounded_and_at_least_one(tod: Encoder, replaced: float, expected: int) -> None:
    """Of 5 turns: 1.5 becomes 2 (to even), 0.25 becomes 1. Roles and lengths stay as they were."""
    dialogues = many(60)
    whole = {ids for ids, *_ in ((tuple(ids), marks, label) for ids, marks, label in plain(tod, dialogues))}
    for (ids, marks, label), (before, marks_before, _) in zip(
        rows_of(Coherence(replaced=replaced), tod, dialogues), plain(tod, dialogues), strict=True
    ):
        assert marks == marks_before
        if label:
            assert ids == before
        else:
            assert tuple(ids) not in whole
            changed = {(at - 1) // 4 for at in range(len(ids)) if ids[at] != before[at]}
            assert len(changed) == expected


def plain(encoder: Encoder, dialogues: list[Dialogue]) -> list[tuple]:
    """The dialogues as they are: every one, from an epoch in which it is whole."""
    found: dict[int, tuple] = {}
    for epoch in range(20):
        for at, row in enumerate(rows_of(Coherence(), encoder, dialogues, epoch)):
            if row[2] == 1:
                found[at] = row
    return [found[at] for at in range(len(dialogues))]


def test_as_published_a_customer_may_say_what_an_agent_said(tod: Encoder, said: Callable) -> None:
    dialogues = said("c hello | a sure thank you", "c help | a on monday it")
    lengths = {len(ids) for e in range(30) for ids, *_ in rows_of(Coherence(), tod, dialogues, e)}
    published = {len(ids) for e in range(30) for ids, *_ in rows_of(Coherence(as_published=True), tod, dialogues, e)}
    assert lengths == {8}
    assert published > {8}


def test_what_does_not_fit_is_left_out_before_a_turn_is_chosen(tod: Encoder) -> None:
    """Of ten turns the last seven or so fit, and the customer's first one; a turn of those is always replaced.

    Substitutes of more tokens, as published, do not push a turn out: a whole one and a replaced one have as many.
    """
    rng = random.Random(1)
    dialogues = [
        Dialogue(
            f"test:{at}",
            tuple(Turn(who, " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))) for who in ("customer", "agent") * 5),
        )
        for at in range(80)
    ]
    for objective in (Coherence(), Coherence(as_published=True)):
        whole = plain(tod, dialogues)
        for (ids, marks, label), (before, marks_before, _) in zip(
            rows_of(objective, tod, dialogues, 50), whole, strict=True
        ):
            assert len(ids) <= 40
            assert sum(mark > 1 for mark in marks) == sum(mark > 1 for mark in marks_before)
            assert (ids == before) == bool(label)


def test_a_dialogue_is_whole_when_nothing_can_stand_in(tod: Encoder, said: Callable) -> None:
    dialogues = said("c hello | a sure", "c hello | a sure")
    assert {label for e in range(10) for *_, label in rows_of(Coherence(), tod, dialogues, e)} == {1}


def test_dialogues_of_one_turn_are_no_example_and_one_dialogue_is_refused(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello", "c hello | a sure", "c help | c done"), tod.codec)
    assert len(Coherence().examples(store, tod.codec)) == 2
    store = TurnStore.of(said("c hello", "c help | a sure"), tod.codec)
    expected = "needs 2 dialogues or more with 2 turns or more, and found 1 among 2; give whole dialogues"
    with pytest.raises(CorpusError, match=expected):
        Coherence().examples(store, tod.codec)
