"""What dialogue speaker prediction sees."""

from collections.abc import Callable

import pytest

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.objectives import SpeakerPrediction
from turnwise.objectives.objective import Draws
from turnwise.store import TurnStore


def test_an_utterance_has_neither_speaker_token_nor_segment(by_role: Encoder, said: Callable, read: Callable) -> None:
    store = TurnStore.of(said("c where is it | a on monday | ? hello"), by_role.codec)
    objective = SpeakerPrediction()
    places = objective.examples(store, by_role.codec)
    batch = objective.collate([places[0], places[1]], by_role.codec, Draws(0, 0, 0, (0, 1)))
    assert len(places) == 2  # nobody knows who said hello
    assert read(by_role, batch.encodings[0]) == ["[CLS] where is it [SEP]", "[CLS] on monday [SEP]"]
    assert batch.targets["labels"].tolist() == [0, 1]
    assert batch.encodings[0].segments is not None and batch.encodings[0].segments.sum() == 0


def test_a_corpus_of_one_speaker_is_refused_by_name(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello | c help", "c done"), tod.codec)
    with pytest.raises(CorpusError, match="tells customers from agents, and the 2 dialogues have no turn of agent;"):
        SpeakerPrediction().examples(store, tod.codec)
    store = TurnStore.of(said("? hello | ? help"), tod.codec)
    with pytest.raises(CorpusError, match="no turn of customer or agent"):
        SpeakerPrediction().examples(store, tod.codec)
