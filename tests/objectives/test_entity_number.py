"""What entity number prediction counts."""

from collections.abc import Callable

import pytest

from turnwise.encoder import Encoder
from turnwise.entities import rule_tagger
from turnwise.errors import CorpusError
from turnwise.objectives import EntityNumber
from turnwise.objectives.objective import Draws
from turnwise.store import TurnStore


def test_the_label_is_the_number_up_to_the_most(by_role: Encoder, said: Callable, read: Callable) -> None:
    """Monday; nothing; 1, 2, 3 and Monday, of which two are told apart."""
    dialogues = said("a on monday | c hello", "c 1 , 2 , 3 on monday")
    store = TurnStore.of(dialogues, by_role.codec, tagger=rule_tagger)
    objective = EntityNumber(most=2)
    places = objective.examples(store, by_role.codec)
    batch = objective.collate([places[at] for at in range(3)], by_role.codec, Draws(0, 0, 0, (0, 1, 2)))
    assert batch.targets["labels"].tolist() == [1, 0, 2]
    assert read(by_role, batch.encodings[0])[:2] == ["[CLS] on monday [SEP]", "[CLS] hello [SEP]"]
    assert batch.encodings[0].segments is not None and batch.encodings[0].segments.sum() == 0
    assert objective.head(by_role, places).out_features == 3


def test_turns_nobody_counted_in_are_refused(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello"), tod.codec)
    with pytest.raises(CorpusError, match="needs the entities of each turn counted; store the turns with a tagger"):
        EntityNumber().examples(store, tod.codec)


def test_one_number_everywhere_teaches_nothing(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello | a sure", "c help"), tod.codec, tagger=rule_tagger)
    with pytest.raises(CorpusError, match="one class alone: all 3 turns have 0 entities by the tagger 'rules'; choose"):
        EntityNumber().examples(store, tod.codec)
