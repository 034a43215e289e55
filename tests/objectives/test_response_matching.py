"""What context response matching sees."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives import ResponseMatching
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.store import TurnStore


def hidden() -> tuple[Hidden, Hidden]:
    """The states of [CLS] are (2, 0), (0, 2) and (1, 0), (.6, .8); the other tokens are noise."""
    noise = torch.full((2, 3, 2), 9.0)
    contexts, responses = noise.clone(), noise.clone()
    contexts[:, 0] = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    responses[:, 0] = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    return Hidden(contexts, torch.ones(2, 3)), Hidden(responses, torch.ones(2, 3))


@pytest.mark.parametrize(
    ("objective", "key", "expected"),
    [
        (ResponseMatching(), [1, 2], 0.277501),
        (ResponseMatching(similarity="cosine"), [1, 2], 0.442058),
        (ResponseMatching(similarity="cosine", scale=10), [1, 2], 0.009243),
        (ResponseMatching(), [1, 1], 0.0),
        (ResponseMatching(neighbours=2.0), [1, 2], 0.277501),
    ],
)
def test_the_loss_of_the_states_of_cls(objective: ResponseMatching, key: list[int], expected: float) -> None:
    """Dot products [[2, 1.2], [0, 1.6]]: (log(1 + e^-.8) + log(1 + e^-1.6)) / 2; the others are in test_contrast.py."""
    loss = objective.loss(hidden(), nn.Identity(), Batch((), {"key": torch.tensor(key)}))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_recall_counts_the_true_response_in_the_first_place() -> None:
    contexts, responses = hidden()
    found = ResponseMatching().score((responses, contexts), nn.Identity(), Batch((), {"key": torch.tensor([1, 2])}))
    assert found["recall@1"].tolist() == [1.0, 1.0]
    turned = Hidden(responses.states.flip(0), responses.mask)
    found = ResponseMatching().score((turned, contexts), nn.Identity(), Batch((), {"key": torch.tensor([1, 2])}))
    assert found["recall@1"].tolist() == [0.0, 0.0]


def test_the_whole_context_meets_an_agent_turn(tod: Encoder, said: Callable, read: Callable) -> None:
    objective = ResponseMatching()
    store = TurnStore.of(said("c hello | a sure | c where is it | a on monday", "c help | a sure"), tod.codec)
    places = objective.examples(store, tod.codec)
    contexts, responses = (batch := objective.collate(list(places), tod.codec, Draws(0, 0, 0, (0, 1, 2)))).encodings
    expected = ["[CLS] [USR] hello [SEP]", "[CLS] [USR] hello [SYS] sure [USR] where is it [SEP]"]
    assert read(tod, contexts) == [*expected, "[CLS] [USR] help [SEP]"]
    expected = ["[CLS] [SYS] sure [SEP]", "[CLS] [SYS] on monday [SEP]", "[CLS] [SYS] sure [SEP]"]
    assert read(tod, responses) == expected
    first, second, third = batch.targets["key"].tolist()
    assert first == third != second


def test_a_corpus_of_one_answer_is_refused(tod: Encoder, said: Callable) -> None:
    store = TurnStore.of(said("c hello | a sure", "c help"), tod.codec)
    with pytest.raises(
        CorpusError, match=r"response_matching needs agent turns .*, at least 2, and the 2 dialogues have 1"
    ):
        ResponseMatching().examples(store, tod.codec)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 1}, "batch_size is 1; in-batch negatives need at least 2"),
        ({"scale": -1.0}, "scale is -1.0, expected a positive number"),
        ({"neighbours": -0.5}, "neighbours is -0.5, expected 0 or more"),
        ({"similarity": "angle"}, "similarity is 'angle', expected cosine or dot"),
    ],
)
def test_parameters_outside_their_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ResponseMatching(**values)
