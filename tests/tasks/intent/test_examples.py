from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.dialogue import Dialogue, Turn, utterance
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.tasks.intent.examples import Utterance, as_examples, label_names, mean_shots, shots, texts, utterances


def test_annotated_turns_with_a_text_become_utterances_with_their_place() -> None:
    turns = (
        Turn("customer", "hello", labels={"intent": ("greet",)}),
        Turn("agent", "hi"),
        Turn("customer", "  ", labels={"intent": ("greet",)}),
        Turn("customer", "tell me a joke", labels={"intent": ()}),
        Turn("customer", "no layer"),
    )
    assert utterances([Dialogue("d", turns)]) == [
        Utterance("hello", ("greet",), "d/0"),
        Utterance("tell me a joke", (), "d/3"),
    ]


def test_a_corpus_without_intents_says_what_was_expected() -> None:
    with pytest.raises(CorpusError, match=r"none of the 2 turns has an intent: .* --column label=NAME"):
        utterances([utterance("a", id="1"), utterance("b", id="2")])


def test_unlabelled_texts_are_distinct_and_not_the_agents() -> None:
    turns = (Turn("customer", "a"), Turn("agent", "b"), Turn(None, "c"), Turn("customer", "a"), Turn("customer", " "))
    assert texts([Dialogue("d", turns)]) == ("a", "c")
    with pytest.raises(CorpusError, match="no customer turn with a text"):
        texts([Dialogue("d", (Turn("agent", "b"),))])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([("a",), ("a",)], r"found 1 intent \(a\) in 2 utterances; telling intents apart needs at least 2"),
        ([(), ()], r"found 0 intents \(none\) in 2 utterances"),
    ],
)
def test_fewer_than_two_intents_are_refused(labels: list[tuple[str, ...]], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        label_names([Utterance("x", row) for row in labels])


def test_the_names_are_sorted_and_the_mean_counts_every_label() -> None:
    found = [Utterance("x", ("b", "a")), Utterance("y", ("c",)), Utterance("z", ())]
    assert label_names(found) == ("a", "b", "c")
    assert mean_shots(found) == 1.0


rows = st.lists(st.sampled_from([(), ("a",), ("b",), ("c",), ("a", "b")]), min_size=1, max_size=40)


@settings(deadline=None)
@given(rows, st.integers(1, 5), st.integers(0, 3))
def test_shots_draw_at_most_so_many_an_intent_and_keep_all_out_of_scope(
    labels: list[tuple[str, ...]], number: int, seed: int
) -> None:
    found = [Utterance(str(row), names) for row, names in enumerate(labels)]
    chosen = shots(found, number, seed)
    assert chosen == shots(found, number, seed)
    assert [u for u in found if u in chosen] == chosen  # no text twice, in their order
    assert [u for u in chosen if not u.labels] == [u for u in found if not u.labels]
    alone = Counter(u.labels for u in found if len(u.labels) == 1)
    drawn = Counter(u.labels for u in chosen if len(u.labels) == 1)
    for name in ("a", "b", "c"):
        if not any(len(u.labels) > 1 for u in found):
            assert drawn[(name,)] == min(number, alone[(name,)])
        assert drawn[(name,)] <= number


def test_another_seed_draws_other_shots_and_none_at_all_is_refused() -> None:
    found = [Utterance(str(row), ("ab"[row % 2],)) for row in range(40)]
    assert shots(found, 5, 0) != shots(found, 5, 1)
    with pytest.raises(InputError, match="--shots is 0, expected at least 1"):
        shots(found, 0, 0)


def test_the_rarest_of_several_intents_decides_the_group() -> None:
    """a: 3 utterances, b: 1. One shot of each: the utterance of both belongs to b, so it is always drawn."""
    found = [Utterance("1", ("a",)), Utterance("2", ("a", "b")), Utterance("3", ("a",))]
    for seed in range(5):
        chosen = shots(found, 1, seed)
        assert len(chosen) == 2
        assert found[1] in chosen


def test_examples_hold_sorted_label_numbers(encoder: Encoder) -> None:
    found = [Utterance("track it", ("b", "a")), Utterance("weather", ())]
    first, second = as_examples(found, ("a", "b"), encoder.codec)
    assert (first.labels, second.labels) == ((0, 1), ())
    assert first.tokens == encoder.codec.tokenise(["track it"])[0]
    assert replace(first, labels=()) != second
