"""The loss and the scores, worked by hand on probabilities that are given."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from turnwise.encoder import Encoder
from turnwise.objectives.objective import Hidden
from turnwise.tasks.state.columns import COLUMNS, WIDTH
from turnwise.tasks.state.head import NEVER, AttentiveHead, PooledHead, Predicted
from turnwise.tasks.state.likelihood import best_spans, decoded, hidden_values, loss
from turnwise.tasks.state.ontology import Ontology, Slot
from turnwise.tasks.state.updates import CARRY, DELETE, INDIFFERENT, VALUE

ONTOLOGY = Ontology((Slot("a", "card", ("my", "not", "yet")), Slot("b", "order", ())))
TURNS = torch.tensor([[-1, 0, 0, -1, 1, 1]])


def table(rows: list[tuple[int, ...]], width: int) -> Tensor:
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), width)


def targets(
    operation: int = VALUE, same: bool = False, values: tuple[int, ...] = (1,), spans: tuple[tuple[int, int], ...] = ()
) -> dict[str, Tensor]:
    """Of one example; the second slot was empty and stays so."""
    return {
        "operations": torch.tensor([[operation, DELETE]]),
        "same": torch.tensor([[same, True]]),
        "values": table([(0, value) for value in values], 2),
        "spans": table([(0, 0, *span) for span in spans], 4),
        "turns": TURNS,
        "allowed": torch.ones(1, 2, dtype=torch.bool),
    }


@pytest.fixture
def head(tiny: Encoder) -> AttentiveHead:
    return AttentiveHead(tiny, ONTOLOGY, 0.1, copy=True, named=True).eval()


def predicted() -> Predicted:
    operations = torch.tensor([[[0.2, 0.1, 0.1, 0.6], [0.5, 0.5, 0.0, 0.0]]])
    values = torch.tensor([[[0.1, 0.3, 0.1, 0.5], [0.0, 0.0, 0.0, 1.0]]])
    starts = torch.tensor([[[0, 0.5, 0.3, 0, 0.2, 0], [0, 1.0, 0, 0, 0, 0]]])
    ends = torch.tensor([[[0, 0.1, 0.6, 0, 0.1, 0.2], [0, 1.0, 0, 0, 0, 0]]])
    return Predicted(*(part.clamp(min=1e-30).log().clamp(min=NEVER) for part in (operations, values, starts, ends)))


@pytest.mark.parametrize(
    ("given", "likely"),
    [
        (targets(), 0.6 * 0.3),
        (targets(values=(0, 1)), 0.6 * 0.4),
        (targets(values=(), spans=((1, 2),)), 0.6 * 0.5 * 0.5 * 0.6),
        (targets(spans=((1, 2), (4, 5))), 0.6 * (0.3 + 0.5 * (0.3 + 0.04))),
        (targets(same=True), 0.2 + 0.6 * 0.3),
        (targets(values=()), 0.6),
        (targets(INDIFFERENT), 0.1),
        (targets(DELETE, same=True, values=()), 0.2 + 0.1),
    ],
    ids=["picked", "variants", "copied", "either", "unchanged", "unreachable", "dontcare", "empty"],
)
def test_the_loss_is_the_probability_of_all_that_is_right(
    head: AttentiveHead, given: Mapping[str, Tensor], likely: float
) -> None:
    """The second slot is empty and stays: both ways of saying so are right, 0.5 + 0.5."""
    assert float(loss(predicted(), head, given)) == pytest.approx(-math.log(likely), abs=1e-4)


def test_slots_that_a_dialogue_cannot_have_do_not_count(head: AttentiveHead) -> None:
    given = targets() | {"allowed": torch.tensor([[False, True]])}
    assert float(loss(predicted(), head, given)) == pytest.approx(0, abs=1e-4)
    scores = decoded(predicted(), head, given).view(1, 2, WIDTH)
    assert scores[0, 0, :4].tolist() == [1, 0, 0, 0]


def test_scores_by_hand(head: AttentiveHead) -> None:
    scores = decoded(predicted(), head, targets()).view(2, WIDTH)
    assert scores[0, :4].tolist() == pytest.approx([0.2, 0.1, 0.1, 0.6])
    assert [float(scores[0, at]) for at in (COLUMNS.value, COLUMNS.picked, COLUMNS.copied)] == pytest.approx(
        [1, 0.3, 0.5]
    )
    assert scores[0, COLUMNS.start :].tolist() == pytest.approx([1, 2, 0.3])
    assert scores[1, COLUMNS.value] == -1


def test_a_span_stays_within_a_turn() -> None:
    starts = torch.tensor([[[0.0, 0.1, 0.9, 0.0, 0.0, 0.0]]]).clamp(min=1e-9).log()
    ends = torch.tensor([[[0.0, 0.0, 0.1, 0.0, 0.9, 0.0]]]).clamp(min=1e-9).log()
    first, last, chance = best_spans(starts, ends, TURNS)
    assert (int(first), int(last)) == (2, 2)
    assert float(chance) == pytest.approx(0.09)


def test_hidden_values_are_right_ones_that_can_be_copied(head: AttentiveHead) -> None:
    found = hidden_values(head, targets(spans=((1, 2),)), 1.0)
    assert found[0].tolist() == [[False, True, False], [False, False, False]]
    assert not hidden_values(head, targets(), 1.0).any()
    assert not hidden_values(head, targets(spans=((1, 2),)), 0.0).any()


def test_the_published_head_by_hand(tiny: Encoder) -> None:
    """softmax of cosines over none, dontcare and the values; the projections start as the identity."""
    head = PooledHead(tiny, ONTOLOGY, 0.5).eval()
    pooled = torch.randn(1, tiny.dim, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = head(Hidden(torch.zeros(1, 6, tiny.dim), torch.ones(1, 6)), pooled, targets())
    candidates = torch.cat([head.special, head.vectors])
    expected = (torch.nn.functional.cosine_similarity(pooled, candidates) / 0.5).softmax(0)
    assert found.operations[0, 0].exp().tolist() == pytest.approx(
        [0, *expected[:2].tolist(), float(expected[2:].sum())]
    )
    assert (found.operations[0, 0, VALUE] + found.values[0, 0, :3]).exp().tolist() == pytest.approx(
        expected[2:].tolist()
    )
    assert found.operations[0, 0, CARRY] < -1e3
    assert float(found.operations[0, 1].exp()[VALUE]) == pytest.approx(0)
    assert [name for name, _ in head.named_parameters()] == ["weight", "bias"]


def test_an_empty_head_takes_the_shapes_of_what_is_loaded(tiny: Encoder) -> None:
    for make in (lambda o: PooledHead(tiny, o, 0.1), lambda o: AttentiveHead(tiny, o, 0.1, copy=True, named=True)):
        filled, empty = make(ONTOLOGY), make(None)
        empty.load_state_dict(filled.state_dict())
        assert all(torch.equal(a, b) for a, b in zip(filled.parameters(), empty.parameters(), strict=True))
        assert (empty.slots, empty.most) == (2, 3)
