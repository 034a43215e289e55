"""What the heads compute, and for which slots."""

import torch
from torch import Tensor

from turnwise.encoder import Encoder
from turnwise.objectives.objective import Hidden
from turnwise.tasks.state.head import AttentiveHead, Predicted
from turnwise.tasks.state.ontology import Ontology, Slot

ONTOLOGY = Ontology(
    (
        Slot("a", "card", ("my", "not", "yet")),
        Slot("b", "order", ()),
        Slot("c", "day", ("monday",)),
        Slot("d", "item", ()),
    )
)


def answered(head: AttentiveHead, allowed: Tensor) -> tuple[Predicted, Tensor]:
    """Of two rows of random states; and the gradient of the states when all that is allowed is summed."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 6, head.special.shape[1], generator=generator).requires_grad_()
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    turns = torch.tensor([[-1, 0, 0, -1, 1, 1], [-1, 0, 1, 1, -1, -1]])
    given = {
        "asked": (turns == 1).long(),
        "turns": turns,
        "named": torch.tensor([[0, 1, 0], [1, 3, 2]]),
        "allowed": allowed,
    }
    found = head(Hidden(states, mask), states[:, 0], given)
    kept = KEPT[..., None]
    total = sum((part.clamp(min=-50) * kept).sum() for part in (found.operations, found.values, found.starts))
    (gradient,) = torch.autograd.grad(total, states)
    return found, gradient


KEPT = torch.tensor([[False, True, False, True], [False, False, True, False]])


def test_slots_left_out_change_nothing_of_the_others(tiny: Encoder) -> None:
    head = AttentiveHead(tiny, ONTOLOGY, 0.1, copy=True, named=True).eval()
    torch.nn.init.normal_(head.offset)
    torch.nn.init.normal_(head.slot_bias)
    some, gradient = answered(head, KEPT)
    every, whole = answered(head, torch.ones_like(KEPT))
    for name in ("operations", "values", "starts", "ends"):
        one, other = getattr(some, name), getattr(every, name)
        assert one.shape == other.shape
        torch.testing.assert_close(one[KEPT], other[KEPT], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradient, whole, atol=1e-5, rtol=1e-5)


def test_a_batch_without_any_slot_is_answered(tiny: Encoder) -> None:
    head = AttentiveHead(tiny, ONTOLOGY, 0.1, copy=True, named=True).eval()
    found, _ = answered(head, torch.zeros_like(KEPT))
    assert found.operations.shape == (2, 4, 4)
    assert torch.isfinite(found.operations).all()
