"""Turns put together of two, on a tiny encoder."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.encoder import Encoder
from turnwise.objectives.objective import Draws
from turnwise.tasks.pii.mixing import mixed
from turnwise.tasks.pii.shape import after_blank, lowered, shapes
from turnwise.tasks.pii.task import Pii
from turnwise.tasks.pii.windows import Window

TEXTS = (("hello this is Anna Petrova .", (14, 26)), ("thank you\nmy card", None), ("Ben Okri has my card", (0, 8)))


def windows(encoder: Encoder) -> list[Window]:
    turns = [
        Turn("customer" if at else "agent", text, {"pii": (Span(*place, "name"),) if place else ()})
        for at, (text, place) in enumerate(TEXTS)
    ]
    task = Pii()
    talk = [Dialogue("test:0", tuple(turns))]
    return [one for one in task.examples(talk, encoder.codec, task.learn(talk), gold=True) if isinstance(one, Window)]


def test_a_mixed_turn_holds_a_stretch_of_each_and_splits_no_span(tiny: Encoder) -> None:
    """A name is begun as often as it is there, and its tokens follow one another; the ends of the row stay."""
    found = windows(tiny)
    seen = set()
    for seed in range(60):
        one = mixed(found[0], found, tiny.codec.max_tokens, np.random.default_rng(seed))
        size = len(one.target)
        assert len(one.row.ids) == len(one.row.marks) == len(one.row.segments) == one.lead + size + 1
        assert one.shapes.shape == (size, 2)
        assert one.row.ids[: one.lead].tolist() == found[0].row.ids[: one.lead].tolist()
        assert one.row.ids[-1] == found[0].row.ids[-1]
        tags = one.target.astype(int)
        inside = np.flatnonzero(tags == 2)
        assert all(at > 0 and tags[at - 1] > 0 for at in inside)
        seen.add((size, int((tags == 1).sum())))
    assert len(seen) > 5
    assert {names for _, names in seen} == {0, 1, 2}


def test_a_mixed_turn_fits_the_encoder(tiny: Encoder) -> None:
    found = windows(tiny)
    sizes = {len(mixed(found[0], found, 8, np.random.default_rng(seed)).row.ids) for seed in range(30)}
    assert max(sizes) == 8


def test_the_task_mixes_in_training_alone_and_draws_the_same_again(tiny: Encoder) -> None:
    task = Pii(mixed=0.9, noise=0.0)
    examples = task.examples([Dialogue("test:0", (Turn("agent", "a"),))], tiny.codec, {**LEARNED}, gold=False)
    plain = type(examples)(windows(tiny), 3)
    draws = Draws(0, 0, 0, (0, 1, 2))
    drawn = [task.collate(task.for_training(plain).found, tiny.codec, draws).encodings[0].ids for _ in range(2)]
    shown = task.collate(plain.found, tiny.codec, draws).encodings[0].ids
    assert drawn[0].equal(drawn[1])
    assert not drawn[0].equal(shown)


LEARNED = {"labels": ["name"], "whole_words": True, "rules": {}}


def test_capitals_are_hidden_in_all_of_a_turn_or_in_none(tiny: Encoder) -> None:
    task = Pii(noise=0.0)
    found = windows(tiny)
    draws = Draws(0, 0, 0, (0, 1, 2))
    hidden = [replace(one, uncased=1.0) for one in found]
    shown = task.collate(found, tiny.codec, draws).targets["shapes"]
    lower = task.collate(hidden, tiny.codec, draws).targets["shapes"]
    assert not shown.equal(lower)
    low = [replace(one, shapes=lowered(one.shapes)) for one in found]
    assert lower.equal(task.collate(low, tiny.codec, draws).targets["shapes"])


@given(st.text(alphabet="aB \n.", max_size=12))
def test_what_stands_after_a_blank_is_told_by_its_shape(text: str) -> None:
    from turnwise.codec import Pieces

    starts = np.array([at for at, sign in enumerate(text) if not sign.isspace()], dtype=np.int64)
    pieces = Pieces(np.zeros(len(starts), dtype=np.int32), starts, starts + 1)
    first = len(text) - len(text.lstrip())
    expected = [at > first and text[at - 1].isspace() for at in starts]
    assert after_blank(shapes(text, pieces)).tolist() == expected
