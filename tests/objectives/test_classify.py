"""The cross-entropy of classes, worked by hand, in every objective that has classes."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from turnwise.errors import InputError
from turnwise.objectives import Coherence, EntityNumber, NextTurn, SpeakerPrediction
from turnwise.objectives.classify import class_head
from turnwise.objectives.objective import Batch, Hidden

TWO_CLASSES = (NextTurn, SpeakerPrediction, Coherence)


def linear(rows: list[list[float]]) -> nn.Linear:
    head = nn.Linear(len(rows[0]), len(rows))
    with torch.no_grad():
        head.weight.copy_(torch.tensor(rows))
        head.bias.zero_()
    return head


def states(*cls: list[float], rest: float = 9.0) -> Hidden:
    """The given states of [CLS], then a token and padding of noise."""
    first = torch.tensor(cls)
    noise = torch.full((len(cls), 2, first.shape[1]), rest)
    return Hidden(torch.cat([first[:, None], noise], 1), torch.tensor([[1, 1, 0]] * len(cls)))


def loss_of(objective: Any, hidden: Hidden, head: nn.Module, labels: list[int]) -> float:
    loss: float = objective.loss((hidden,), head, Batch((), {"labels": torch.tensor(labels)})).item()
    return loss


@pytest.mark.parametrize("kind", TWO_CLASSES)
def test_the_loss_is_the_cross_entropy_of_the_state_of_cls(kind: type[Any]) -> None:
    """W = [[0, 0], [2, 0]]; h = (1, 0), (0, 1): logits (0, 2), (0, 0). Labels 1, 0.

    log(1 + e^-2) = .126928, log 2 = .693147; mean .410038.
    """
    hidden, head = states([1.0, 0.0], [0.0, 1.0]), linear([[0.0, 0.0], [2.0, 0.0]])
    assert loss_of(kind(), hidden, head, [1, 0]) == pytest.approx(0.410038, abs=1e-6)


@pytest.mark.parametrize("kind", TWO_CLASSES)
def test_a_mean_over_tokens_may_stand_for_the_sequence(kind: type[Any]) -> None:
    """The same vectors as means of two tokens: (3, -1) and (-1, 1), (2, 2) and (-2, 0); the padding is noise."""
    tokens = torch.tensor([[[3.0, -1.0], [-1.0, 1.0], [9.0, 9.0]], [[2.0, 2.0], [-2.0, 0.0], [9.0, 9.0]]])
    hidden, head = Hidden(tokens, torch.tensor([[1, 1, 0]] * 2)), linear([[0.0, 0.0], [2.0, 0.0]])
    assert loss_of(kind(pooling="mean"), hidden, head, [1, 0]) == pytest.approx(0.410038, abs=1e-6)


def test_entities_have_as_many_classes_as_are_told_apart() -> None:
    """Logits (0, log 2, log 3): probabilities 1/6, 2/6, 3/6. Labels 2 and 1: log 2 and log 3; mean .895880."""
    head = linear([[0.0], [torch.tensor(2.0).log().item()], [torch.tensor(3.0).log().item()]])
    assert loss_of(EntityNumber(most=2), states([1.0], [1.0]), head, [2, 1]) == pytest.approx(0.895880, abs=1e-6)


@pytest.mark.parametrize("kind", [*TWO_CLASSES, EntityNumber])
def test_a_state_nearer_to_its_class_has_a_lower_loss(kind: type[Any]) -> None:
    head = linear([[0.0, 0.0], [2.0, 0.0]])
    losses = [loss_of(kind(), states([x, 0.0]), head, [1]) for x in (-1.0, 0.0, 1.0, 2.0)]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("kind", [*TWO_CLASSES, EntityNumber])
def test_the_accuracy_is_of_each_row(kind: type[Any]) -> None:
    hidden, head = states([1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]), linear([[0.0, 0.0], [2.0, 0.0]])
    found = kind().score((hidden,), head, Batch((), {"labels": torch.tensor([1, 1, 0])}))
    assert found["accuracy"].tolist() == [1.0, 0.0, 0.0]


def test_a_fresh_head_predicts_evenly() -> None:
    torch.manual_seed(0)
    found: Tensor = class_head(32, 2)(torch.randn(100, 32)).softmax(1)
    assert (found - 0.5).abs().max() < 0.15


def test_parameters_outside_their_range_are_refused() -> None:
    with pytest.raises(InputError, match="most is 0, expected 1 to 127"):
        EntityNumber(most=0)
    with pytest.raises(InputError, match=r"replaced is 0\.0, expected a share above 0 and at most 1"):
        Coherence(replaced=0.0)
