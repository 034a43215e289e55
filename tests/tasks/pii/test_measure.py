"""Precision, recall and F1 of spans and words, by hand."""

from collections.abc import Sequence

import pytest

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import InputError
from turnwise.tasks.pii.measure import measure_spans

TEXT = "ask Anna Petrova in Graz, please"


def one(spans: Sequence[Span] | None, id: str = "a") -> Dialogue:
    return Dialogue(id, (Turn("agent", TEXT, {} if spans is None else {"pii": tuple(spans)}),))


def test_spans_words_and_cover_by_hand() -> None:
    """Of two spans one is right; the name's first word alone is found, and "please" is found wrongly.

    Words: gold Anna, Petrova, "Graz,"; said Anna, "Graz,", please; two are right. Of 12 + 4 characters 4 + 4 covered.
    """
    gold = [Span(4, 16, "name"), Span(20, 24, "city")]
    said = [Span(4, 8, "name"), Span(20, 24, "city"), Span(26, 32, "city")]
    found = measure_spans([one(gold)], [one(said)], "pii", draws=3, seed=0)
    assert (found["n"], found["dialogues"], found["entities"]) == (1, 1, 2)
    assert found["precision"] == pytest.approx(1 / 3)
    assert found["recall"] == pytest.approx(1 / 2)
    assert found["f1"] == pytest.approx(2 / 5)
    assert found["macro_f1"] == pytest.approx((0 + 2 / 3) / 2)
    assert found["word_precision"] == found["word_recall"] == found["word_f1"] == pytest.approx(2 / 3)
    assert found["covered"] == pytest.approx(8 / 16)
    assert found["labels"]["city"] == {
        "precision": pytest.approx(1 / 2),
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
        "support": 1,
        "predicted": 2,
    }
    assert found["word_labels"]["name"]["recall"] == pytest.approx(1 / 2)
    assert set(found["intervals"]) >= {"f1", "word_f1", "covered"}


def test_a_wrong_label_is_covered_but_not_right() -> None:
    found = measure_spans([one([Span(4, 16, "name")])], [one([Span(4, 16, "city")])], "pii", draws=0, seed=0)
    assert (found["f1"], found["word_f1"], found["covered"]) == (0, 0, 1)


def test_turns_that_are_not_annotated_are_not_measured() -> None:
    gold = [one(None, "a"), one([Span(4, 16, "name")], "b")]
    said = [one([Span(0, 3, "name")], "a"), one([Span(4, 16, "name")], "b")]
    found = measure_spans(gold, said, "pii", draws=0, seed=0)
    assert (found["n"], found["f1"], found["dialogues"]) == (1, 1.0, 1)
    with pytest.raises(InputError, match=r"no turn has spans\.pii"):
        measure_spans(gold[:1], said[:1], "pii", draws=0, seed=0)


def test_nothing_to_find_and_nothing_found_is_zero() -> None:
    found = measure_spans([one([])], [one([])], "pii", draws=2, seed=0)
    assert (found["n"], found["f1"], found["word_f1"], found["entities"]) == (1, 0.0, 0.0, 0)
    assert "covered" not in found
