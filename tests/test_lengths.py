"""Rows of like length share a pass, and nothing but the padding is different."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.codec import Encoding
from turnwise.encoder import Encoder
from turnwise.lengths import length_batches, states_by_length

TEXTS = ["my card", "where is it", "", "i want to cancel the order please", "help", "你好 😀", "it " * 90]


@given(lengths=st.lists(st.integers(1, 50), max_size=80), budget=st.integers(1, 400))
@settings(deadline=None)
def test_length_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = length_batches(lengths, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
        assert all(lengths[row] >= 0.75 * longest for row in batch[8:])


@pytest.mark.parametrize("batch_tokens", [8, 60, 4096])
def test_rows_by_length_have_the_states_and_gradients_of_the_whole_batch(tiny: Encoder, batch_tokens: int) -> None:
    encoding = tiny.codec.batch(tiny.codec.tokenise(TEXTS * 3))
    weight = torch.randn(*encoding.ids.shape, tiny.dim, generator=torch.Generator().manual_seed(0))
    weight = weight * encoding.mask[..., None]

    def learned(states: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        states = states * encoding.mask[..., None]
        return states, list(torch.autograd.grad((states * weight).sum(), tiny.parameters(), allow_unused=True))

    states, gradients = learned(tiny(encoding))
    grouped, found = learned(states_by_length(tiny, encoding, batch_tokens))
    torch.testing.assert_close(grouped, states, atol=1e-5, rtol=1e-4)
    for one, other in zip(found, gradients, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_rows_by_length_take_short_passes_and_rows_without_a_token(tiny: Encoder) -> None:
    ids = torch.full((20, 30), 5)
    mask = torch.zeros_like(ids)
    mask[0], mask[1:9, :7] = 1, 1
    passes: list[tuple[int, ...]] = []
    hook = tiny.backbone.register_forward_pre_hook(
        lambda _, __, inputs: passes.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    states = states_by_length(tiny, Encoding(ids, mask), 50)
    hook.remove()
    assert states.shape == (20, 30, tiny.dim)
    assert sum(rows for rows, _ in passes) == 20
    assert passes[0] == (1, 30)
    assert max(longest for _, longest in passes[1:]) == 7
    assert sum(rows * longest for rows, longest in passes) < ids.numel() / 3
