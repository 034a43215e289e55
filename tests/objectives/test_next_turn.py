"""What next turn prediction sees."""

from collections.abc import Callable, Sequence

import pytest

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.objectives import NextTurn
from turnwise.objectives.objective import Batch, Draws
from turnwise.store import TurnStore

LINES = ("c hello | a sure | c where is it | a on monday", "c help | a done | c thank you | a order stopped")


def batch_of(objective: NextTurn, encoder: Encoder, dialogues: Sequence, seed: int = 0) -> Batch:
    places = objective.examples(TurnStore.of(dialogues, encoder.codec), encoder.codec)
    return objective.collate(list(places), encoder.codec, Draws(seed, 0, 0, tuple(range(len(places)))))


def test_a_context_comes_with_its_own_turn_and_with_another(tod: Encoder, said: Callable, read: Callable) -> None:
    batch = batch_of(NextTurn(), tod, said(*LINES))
    assert read(tod, batch.encodings[0]) == [
        "[CLS] [USR] hello [SEP] sure [SEP]",
        "[CLS] [USR] hello [SEP] done [SEP]",
        "[CLS] [USR] hello [SYS] sure [USR] where is it [SEP] on monday [SEP]",
        "[CLS] [USR] hello [SYS] sure [USR] where is it [SEP] order stopped [SEP]",
        "[CLS] [USR] help [SEP] done [SEP]",
        "[CLS] [USR] help [SEP] sure [SEP]",
        "[CLS] [USR] help [SYS] done [USR] thank you [SEP] order stopped [SEP]",
        "[CLS] [USR] help [SYS] done [USR] thank you [SEP] on monday [SEP]",
    ]
    assert batch.targets["labels"].tolist() == [1, 0] * 4
    assert batch.count == 8
    assert batch.encodings[0].segments is not None
    assert batch.encodings[0].segments[0].tolist()[:6] == [0, 0, 0, 0, 1, 1]


def test_as_published_any_agent_turn_may_be_the_other(tod: Encoder, said: Callable, read: Callable) -> None:
    objective = NextTurn(as_published=True)
    rows = {read(tod, batch_of(objective, tod, said(*LINES), seed).encodings[0])[1] for seed in range(40)}
    others = {row.split("[SEP]")[1].strip() for row in rows}
    assert others == {"done", "on monday", "order stopped"}


def test_a_turn_without_another_comes_once(tod: Encoder, said: Callable) -> None:
    batch = batch_of(NextTurn(), tod, said("c hello | a sure", "c help | a sure"))
    assert batch.targets["labels"].tolist() == [1, 1]
    assert batch.count == 2


def test_agent_turns_that_nothing_precedes_are_no_example(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("a hello | c help | a sure | a done", "a hello", "c help | a sure"), tod.codec)
    places = NextTurn().examples(store, tod.codec)
    assert [(place.start, place.end) for place in places] == [(0, 3), (0, 4), (5, 7)]


def test_a_corpus_without_agent_turns_is_refused(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello | c help", "? hello | ? help"), tod.codec)
    expected = "needs agent turns that answer something, at least 1, and the 2 dialogues have 0; give dialogues"
    with pytest.raises(CorpusError, match=expected):
        NextTurn().examples(store, tod.codec)


def test_one_dialogue_with_answers_is_refused(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello | a sure | c help | a done", "c money"), tod.codec)
    with pytest.raises(CorpusError, match="of 2 dialogues one alone has agent turns that answer something; give more"):
        NextTurn().examples(store, tod.codec)
