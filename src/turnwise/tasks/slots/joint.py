"""Answers for all slots of a sentence together: the values of two slots overlap only where they did in training."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor

from turnwise.span_crf import spans_of_columns

Value = tuple[int, int]
_OFTEN = 0.1


def overlapping(values: Iterable[Mapping[str, Value]]) -> list[list[str]]:
    """The pairs of slots whose values overlap in a tenth of the sentences that have both, or more often."""
    both: Counter[tuple[str, str]] = Counter()
    over: Counter[tuple[str, str]] = Counter()
    for found in values:
        for pair in combinations(sorted(found), 2):
            first, second = found[pair[0]], found[pair[1]]
            both[pair] += 1
            over[pair] += _meet(first, second)
    return [list(pair) for pair in sorted(both) if over[pair] >= _OFTEN * both[pair] and over[pair]]


def best_values(
    probabilities: Tensor, tokens: int, slots: Sequence[str], may: Sequence[Sequence[str]]
) -> tuple[Tensor, Tensor, Tensor]:
    """Starts, ends and probabilities, (slots, batch) each, of what each slot answers; ``end`` 0 is no value.

    ``probabilities`` (slots, batch, 1 + tokens * tokens) are those of all answers. Where the likeliest values of two
    slots overlap and ``may`` does not name the pair, the likelier one stays and the other slot takes the likeliest of
    what is left. It keeps its probability.
    """
    sure, columns = probabilities.max(2)
    starts, ends = spans_of_columns(columns, tokens)
    allowed = {frozenset(pair) for pair in may}
    for row in _clashing(starts, ends).tolist():
        taken: list[tuple[int, Value]] = []
        for slot in sure[:, row].argsort(descending=True).tolist():
            others = [value for other, value in taken if frozenset((slots[slot], slots[other])) not in allowed]
            own = probabilities[slot, row]
            if any(_meet((int(starts[slot, row]), int(ends[slot, row])), value) for value in others):
                own = _without(own, others, tokens)
                sure[slot, row], column = own.max(0)
                starts[slot, row], ends[slot, row] = spans_of_columns(column, tokens)
            if ends[slot, row]:
                taken.append((slot, (int(starts[slot, row]), int(ends[slot, row]))))
    return starts, ends, sure


def _clashing(starts: Tensor, ends: Tensor) -> Tensor:
    """The rows in which the values of two slots overlap."""
    meet = (starts[:, None] < ends[None]) & (starts[None] < ends[:, None])
    number = len(starts)
    return (meet & ~torch.eye(number, dtype=torch.bool)[:, :, None]).flatten(0, 1).any(0).nonzero().squeeze(1)


def _without(own: Tensor, taken: Sequence[Value], tokens: int) -> Tensor:
    """Probabilities of the answers of a slot that overlap with nothing that is taken."""
    place = torch.arange(tokens)
    start, end = place[:, None], place[None] + 1
    free = torch.ones(tokens, tokens, dtype=torch.bool)
    for first, last in taken:
        free &= ~((start < last) & (first < end))
    return torch.where(torch.cat([torch.ones(1, dtype=torch.bool), free.flatten()]), own, 0.0)


def _meet(first: Value, second: Value) -> bool:
    return first[0] < second[1] and second[0] < first[1]
