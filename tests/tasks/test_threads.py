"""Rows are cut into parts that cost alike, and each part runs on a core of its own."""

from itertools import combinations, pairwise
from threading import current_thread

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from turnwise.tasks.threads import Workers, shares


@pytest.mark.parametrize(
    ("lengths", "number", "parts"),
    [
        ([], 2, []),
        ([7], 2, [[7]]),
        ([10] * 10, 2, [[10] * 5, [10] * 5]),
        ([28, 28, 121], 2, [[28, 28], [121]]),
        ([28, 28, 121], 1, [[28, 28, 121]]),
        ([5, 6, 50, 60], 2, [[5, 6], [50, 60]]),
        ([0, 0, 3], 2, [[0, 0], [3]]),
    ],
)
def test_parts_by_hand(lengths: list[int], number: int, parts: list[list[int]]) -> None:
    cut = sorted((part.start, part.stop) for part in shares(lengths, number))
    assert [lengths[start:stop] for start, stop in cut] == parts


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8).map(sorted), st.integers(1, 3))
def test_no_other_cut_has_a_cheaper_dearest_part(lengths: list[int], number: int) -> None:
    def dearest(ends: tuple[int, ...]) -> int:
        return max(
            (end - start) * lengths[end - 1] for start, end in zip((0, *ends), (*ends, len(lengths)), strict=True)
        )

    found = sorted((part.start, part.stop) for part in shares(lengths, number))
    assert found[0][0] == 0
    assert found[-1][1] == len(lengths)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert len(found) <= number
    best = min(dearest(ends) for parts in range(number) for ends in combinations(range(1, len(lengths)), parts))
    assert max((stop - start) * lengths[stop - 1] for start, stop in found) == best


def test_each_of_the_threads_has_one_core_and_nobody_else_loses_any() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        workers = Workers(2)
        assert torch.get_num_threads() == 2
        found = list(workers.map(lambda one: (one, torch.get_num_threads(), current_thread().name), range(8)))
        assert [one for one, _, _ in found] == list(range(8))
        assert {cores for _, cores, _ in found} == {1}
        assert all(name.startswith("turnwise-trunk") for _, _, name in found)
    finally:
        torch.set_num_threads(before)


def test_what_is_computed_keeps_no_gradients() -> None:
    layer = torch.nn.Linear(2, 2)
    (found,) = Workers(2).map(layer, [torch.zeros(1, 2)])
    assert not found.requires_grad
