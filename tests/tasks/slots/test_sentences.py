"""Sentences: where values stand in tokens, what is known of tokens, and values that no tag can hold."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.tasks.slots.sentences import FEATURES, ceiling, requested, sentences, span_of, whole_words


@pytest.fixture(scope="module")
def encoder(checkpoint: Callable[[str], str]) -> Encoder:
    return Encoder.load(checkpoint("bert"))


def said(text: str, *spans: tuple[int, int, str]) -> Dialogue:
    return Dialogue("test:0", (Turn("customer", text, {"slots": tuple(Span(*span) for span in spans)}),))


def test_a_value_and_its_tokens(encoder: Encoder) -> None:
    """``[CLS] my card is here [SEP]``: "card is" are the tokens from 2 up to 4."""
    (found,) = sentences([said("my card is here", (3, 10, "what"))], encoder.codec, whole=True, gold=True)
    assert found.values == {"what": (2, 4)}
    span = span_of(found, 2, 4, "what", 0.5)
    assert span == Span(3, 10, "what", score=0.5)
    assert found.features.shape == (len(found.window.row.ids), FEATURES)
    assert not found.starts[[0, -1]].any()


def test_a_value_ends_where_the_tokenizer_ends(encoder: Encoder) -> None:
    """Blanks at its edges fall away; a value within one token takes the whole token."""
    texts = [said("my card is", (2, 8, "what")), said("my card is", (4, 6, "what"))]
    one, two = sentences(texts, encoder.codec, whole=False, gold=True)
    assert one.values == two.values == {"what": (2, 3)}
    assert whole_words([texts[1]]) is False
    assert whole_words([said("my card is", (3, 7, "what"))]) is True


def test_words_are_split_only_where_values_did(encoder: Encoder) -> None:
    """``x7`` is two pieces of one word: a value may not begin at the second."""
    (whole,) = sentences([said("my x7")], encoder.codec, whole=True, gold=True)
    (free,) = sentences([said("my x7")], encoder.codec, whole=False, gold=True)
    assert whole.starts.tolist() == [False, True, True, False, False]
    assert whole.ends.tolist() == [False, True, False, True, False]
    assert free.starts.tolist() == free.ends.tolist() == [False, True, True, True, False]
    assert whole.features[:, -1].tolist() == [0, 0, 0, 1, 0]


def test_two_values_of_one_slot(encoder: Encoder) -> None:
    """The longest is learned; one of the two can be found, so the ceiling is a half."""
    dialogue = said("my card is here", (0, 2, "a"), (3, 10, "a"))
    (found,) = sentences([dialogue], encoder.codec, whole=True, gold=True)
    assert found.values == {"a": (2, 4)}
    assert ceiling([dialogue]) == 0.5
    assert ceiling([said("hi")]) == 1.0


def test_values_outside_their_text_are_all_named(encoder: Encoder) -> None:
    wrong = [said("my card", (3, 8, "a")), said("my card", (3, 3, "a"))]
    with pytest.raises(CorpusError) as caught:
        sentences(wrong, encoder.codec, whole=True, gold=True)
    assert len(caught.value.problems) == 2
    assert "turns[0].spans.slots[0] is 3 to 8, expected a stretch of its 7 characters" in caught.value.problems[0]


def test_what_was_asked_for_is_on_the_turn_or_the_one_before() -> None:
    asked = Turn("agent", "when?", labels={"requested": ("time",)})
    dialogue = Dialogue("a", (asked, Turn("customer", "at 7"), Turn("customer", "no", labels={"requested": ()})))
    assert [requested(dialogue, at) for at in range(3)] == [{"time"}, {"time"}, set()]


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_any_text_can_be_read(encoder: Encoder, text: str) -> None:
    for one in sentences([said(text)], encoder.codec, whole=True, gold=False):
        for start in np.flatnonzero(one.starts).tolist():
            span = span_of(one, start, start + 1, "a", 1.0)
            assert span is None or 0 <= span.start < span.end <= len(text)


def test_long_texts_are_read_in_windows(encoder: Encoder) -> None:
    text = "my card " * 40 + "is here"
    parts = sentences([said(text, (len(text) - 4, len(text), "a"))], encoder.codec, whole=True, gold=True)
    assert len(parts) > 1
    assert [bool(part.values) for part in parts] == [False] * (len(parts) - 1) + [True]
