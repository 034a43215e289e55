"""Windows over long turns, and spans of characters as tags of tokens."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.codec import Codec
from turnwise.dialogue import Span, Turn
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.objectives.objective import Draws
from turnwise.sequences import Composer
from turnwise.tasks.pii import iob
from turnwise.tasks.pii.windows import UNKNOWN, Window, collate, shares, spans_of, tags_of, windows

KINDS = ("city", "name")


def back(spans: tuple[Span, ...], text: str, codec: Codec) -> list[Span]:
    (pieces,) = codec.pieces([text])
    stretches = iob.decode(tags_of(spans, pieces, KINDS))
    return spans_of(stretches, pieces, [1.0] * len(stretches), KINDS)


def made(codec: Codec, text: str, **more: int) -> list[Window]:
    (pieces,) = codec.pieces([text])
    tags = tags_of((), pieces, KINDS)
    turn = Turn("customer", text)
    return windows(turn, pieces, Composer(codec), tags, dialogue=3, number=1, **{"overlap": 4, "most": 9, **more})


def test_windows_share_tokens_and_each_answers_for_its_middle() -> None:
    """Rooms of 10 with 4 in common begin every 6; the shared 4 are halved."""
    assert shares(10, 10, 4, 9) == [(0, 0, 10)]
    assert shares(20, 10, 4, 9) == [(0, 0, 8), (6, 8, 14), (12, 14, 20)]
    assert shares(20, 10, 4, 2) == [(0, 0, 8), (6, 8, 16)]
    assert shares(3, 10, 4, 9) == [(0, 0, 3)]


@given(st.integers(1, 300), st.integers(2, 40), st.integers(0, 20))
def test_every_token_is_answered_for_once_and_within_its_window(tokens: int, room: int, overlap: int) -> None:
    parts = shares(tokens, room, min(overlap, room // 2), 10_000)
    answered = [at for _, start, end in parts for at in range(start, end)]
    assert answered == list(range(tokens))
    assert all(first <= start <= end <= min(first + room, tokens) for first, start, end in parts)


def test_a_long_turn_becomes_windows_that_fit_and_what_is_not_read_is_said(tiny: Encoder) -> None:
    codec = tiny.codec
    found = made(codec, "card " * 1_200)
    assert len("card " * 1_200) > 5_000
    assert all(len(window.row.ids) <= codec.max_tokens for window in found)
    assert len(found) == 9
    assert all(window.truncated for window in found)
    whole = made(codec, "card " * 1_200, most=64)
    assert not whole[0].truncated
    assert whole[-1].end == 1_200
    assert [(window.dialogue, window.turn) for window in whole] == [(3, 1)] * len(whole)


def test_answers_are_those_of_the_tokens_at_their_places(tiny: Encoder) -> None:
    """Probabilities that are the numbers of the places in the row come back as those of the tokens."""
    window = made(tiny.codec, "card " * 100)[1]
    answered = window.answers(np.arange(len(window.row.ids), dtype=np.float64)[:, None])
    assert answered[:, 0].tolist() == [window.lead + at - window.first for at in range(window.start, window.end)]
    assert window.row.ids[window.lead : window.lead + 3].tolist() == window.pieces.ids[:3].tolist()


def test_too_little_room_is_refused_and_a_turn_without_tokens_has_no_window(tiny: Encoder) -> None:
    assert made(tiny.codec, "\x00") == []
    tiny.codec.max_tokens = 3
    with pytest.raises(InputError, match="max_tokens is 3; a window of a turn needs at least"):
        made(tiny.codec, "card")


def test_places_are_those_of_characters_with_emoji_and_chinese(tiny: Encoder) -> None:
    text = "😀 Hi 王小明 from  Graz!"
    name, city = Span(5, 8, "name", score=1.0), Span(15, 19, "city", score=1.0)
    assert (text[5:8], text[15:19]) == ("王小明", "Graz")
    assert back((name, city), text, tiny.codec) == [name, city]


def test_a_token_belongs_to_a_span_that_holds_a_part_of_it(tiny: Encoder) -> None:
    """An unknown word is one token: a span that ends within it is widened to it."""
    assert back((Span(0, 2, "name"),), "😀😀😀 hello", tiny.codec) == [Span(0, 3, "name", score=1.0)]


def test_of_spans_that_overlap_the_longest_counts_and_other_labels_are_unknown(tiny: Encoder) -> None:
    spans = (Span(0, 4, "name"), Span(0, 11, "city"), Span(12, 15, "ship"))
    (pieces,) = tiny.codec.pieces(["card refund you"])
    assert tags_of(spans, pieces, KINDS).tolist() == [1, 2, UNKNOWN]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(("Anna", "Graz", "é", "谢谢", "x-y", "card")), st.booleans()), max_size=8))
def test_spans_of_words_come_back_as_they_were(codec: Codec, words: list[tuple[str, bool]]) -> None:
    text, spans = "", []
    for word, marked in words:
        if marked:
            spans.append(Span(len(text), len(text) + len(word), KINDS[len(spans) % 2], score=1.0))
        text += word + " "
    assert back(tuple(spans), text, codec) == spans


@pytest.fixture(scope="module")
def codec(checkpoint: object) -> Codec:
    assert callable(checkpoint)
    return Encoder.load(checkpoint("bert")).codec


def test_a_batch_knows_the_tags_of_tokens_alone_and_hides_some_in_training(tiny: Encoder) -> None:
    (one,), (other,) = made(tiny.codec, "card refund"), made(tiny.codec, "done")
    batch = collate([one, other], tiny.codec, Draws(0, 0, 0, (0, 1)))
    lead = one.lead
    assert batch.targets["tags"].tolist() == [
        [UNKNOWN] * lead + [0, 0, UNKNOWN],
        [UNKNOWN] * lead + [0, UNKNOWN, UNKNOWN],
    ]
    assert batch.targets["shapes"].shape == (2, lead + 3, 2)
    assert batch.number == 3
    hidden = collate([replace(one, noise=1.0)], tiny.codec, Draws(0, 0, 0, (0,)))
    mask = tiny.codec.tokenizer.mask_token_id
    assert hidden.encodings[0].ids[0].tolist() == [*one.row.ids[:lead].tolist(), mask, mask, int(one.row.ids[-1])]
