"""The loss of predicted slots, and what is read off them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from turnwise.tasks.state.columns import COLUMNS, WIDTH
from turnwise.tasks.state.head import NEVER, Predicted, SlotHead
from turnwise.tasks.state.updates import CARRY, VALUE

LONGEST = 12
"""Tokens of a span, at most."""


def right_values(head: SlotHead, targets: Mapping[str, Tensor]) -> Tensor:
    """Which values are right, (batch, slots, most)."""
    found = torch.zeros((*targets["operations"].shape, head.most), dtype=torch.bool, device=head.vectors.device)
    rows, numbers = targets["values"].unbind(1)
    found[rows, head.slot_of[numbers], head.place_of[numbers]] = True
    return found


def has_span(targets: Mapping[str, Tensor]) -> Tensor:
    """Slots whose right value stands in the text, (batch, slots)."""
    found = torch.zeros_like(targets["same"])
    rows, slots, _, _ = targets["spans"].unbind(1)
    found[rows, slots] = True
    return found


def hidden_values(head: SlotHead, targets: Mapping[str, Tensor], share: float) -> Tensor:
    """Right values to take out of their lists, a ``share`` of those that stand in the text, (batch, slots, most).

    So the model learns what to do about values that no list has.
    """
    chosen = torch.rand(targets["same"].shape, device=head.vectors.device) < share
    return right_values(head, targets) & (chosen & has_span(targets))[..., None]


def loss(found: Predicted, head: SlotHead, targets: Mapping[str, Tensor], hidden: Tensor | None = None) -> Tensor:
    """-log of the probability of all that is right, summed over the slots, mean over the batch.

    Right for a slot is CARRY where it stays as it was, and its operation as if told from nothing, with any of its right
    values or spans. A value that is neither listed nor in the text counts by its operation alone.
    """
    golds = right_values(head, targets)
    picked = found.values[..., :-1].masked_fill(~golds, NEVER)
    if hidden is not None:
        picked = picked.masked_fill(hidden, NEVER)
    chosen = torch.full_like(found.operations[..., 0], NEVER)
    rows, slots, starts, ends = targets["spans"].unbind(1)
    if len(rows):
        exact = (found.starts[rows, slots, starts] + found.ends[rows, slots, ends]).exp()
        spans = torch.zeros_like(chosen).index_put((rows, slots), exact, accumulate=True)
        chosen = found.values[..., -1] + spans.clamp(min=1e-9).log()
        chosen = torch.where(has_span(targets), chosen, NEVER)
    value = torch.logsumexp(torch.cat([picked, chosen[..., None]], dim=-1), dim=-1)
    reached = golds.any(-1) | has_span(targets)
    wanted = targets["operations"]
    told = found.operations.gather(-1, wanted[..., None]).squeeze(-1)
    told = told + torch.where((wanted == VALUE) & reached, value, 0.0)
    carried = torch.where(targets["same"], found.operations[..., CARRY], NEVER)
    likely = torch.logaddexp(told, carried)
    return -(likely * targets["allowed"]).sum(1).mean()


def decoded(found: Predicted, head: SlotHead, targets: Mapping[str, Tensor]) -> Tensor:
    """The scores of ``columns``, (batch, slots * WIDTH)."""
    batch, slots = found.operations.shape[:2]
    table = found.operations.new_zeros((batch, slots, WIDTH))
    table[..., COLUMNS.operations : COLUMNS.operations + 4] = found.operations.exp()
    table[..., COLUMNS.value] = -1
    if head.most:
        best, place = found.values[..., :-1].max(-1)
        firsts = torch.zeros(slots, dtype=torch.int64, device=best.device)
        sizes = torch.bincount(head.slot_of, minlength=slots)
        firsts[1:] = sizes.cumsum(0)[:-1]
        table[..., COLUMNS.value] = torch.where(sizes > 0, firsts + place, -1).to(table)
        table[..., COLUMNS.picked] = best.exp()
    table[..., COLUMNS.copied] = found.values[..., -1].exp()
    start, end, span = best_spans(found.starts, found.ends, targets["turns"])
    table[..., COLUMNS.start], table[..., COLUMNS.end], table[..., COLUMNS.span] = start.to(table), end.to(table), span
    asked = targets["allowed"]
    table[..., COLUMNS.operations + CARRY] = torch.where(asked, table[..., COLUMNS.operations + CARRY], 1.0)
    table[..., COLUMNS.operations + 1 : COLUMNS.operations + 4] *= asked[..., None]
    return table.flatten(1)


def best_spans(starts: Tensor, ends: Tensor, turns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """First token, last token and probability of the likeliest span within one turn, each (batch, slots)."""
    best = torch.full_like(starts[..., 0], 2 * NEVER)
    first = torch.zeros_like(best, dtype=torch.int64)
    last = torch.zeros_like(first)
    for more in range(min(LONGEST, starts.shape[-1])):
        size = starts.shape[-1] - more
        inside = (turns[:, :size] >= 0) & (turns[:, :size] == turns[:, more:])
        both = (starts[..., :size] + ends[..., more:]).masked_fill(~inside[:, None], 2 * NEVER)
        value, at = both.max(-1)
        better = value > best
        best = torch.where(better, value, best)
        first = torch.where(better, at, first)
        last = torch.where(better, at + more, last)
    return first, last, best.exp()
