"""The decoder's shapes, its sizes, and spans as tags."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from turnwise.crf import log_likelihood, log_partition, viterbi
from turnwise.span_decoder import AFTER, BEFORE, BEGIN, INSIDE, SpanDecoder, spans_of, tags_of


def states(*lengths: int, dim: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    mask = torch.tensor([[int(at < length) for at in range(max(lengths))] for length in lengths])
    return torch.randn(len(lengths), max(lengths), dim), mask


def test_it_has_the_size_of_the_paper() -> None:
    """512 to 512 to 128 twice is 656,640; with two blocks and the last layer it comes to about 800 thousand."""
    count = sum(parameter.numel() for parameter in SpanDecoder(512).parameters())
    assert sum(p.numel() for name, p in SpanDecoder(512).named_parameters() if "projection" in name) == 656_640
    assert count == pytest.approx(800_000, rel=0.05)


def test_padding_changes_nothing() -> None:
    decoder = SpanDecoder(24).eval()
    inputs, mask = states(5, 3)
    templates, template_mask = states(4, 6)
    unary, transitions = decoder(inputs, mask, templates, template_mask)
    assert unary.shape == (2, 5, 4)
    assert transitions.shape == (2, 4, 4, 4)
    alone, _ = decoder(inputs[1:, :3], mask[1:, :3], templates[1:], template_mask[1:])
    assert torch.allclose(unary[1, :3], alone[0], atol=1e-5)
    other = inputs.clone()
    other[1, 3:] = 9.0
    again, _ = decoder(other, mask, templates, template_mask)
    assert torch.allclose(unary[1, :3], again[1, :3], atol=1e-5)


def test_every_answer_is_one_span_or_none() -> None:
    torch.manual_seed(1)
    decoder = SpanDecoder(24)
    inputs, mask = states(*[7] * 50)
    scores = decoder(inputs, mask, *states(*[4] * 50))
    tags, _ = viterbi(scores, mask)
    start, end = spans_of(tags, mask)
    assert torch.equal(tags_of(start, end, 7), tags)


def test_it_learns_a_span_and_that_there_is_none() -> None:
    torch.manual_seed(0)
    decoder = SpanDecoder(24)
    inputs, mask = states(6, 4)
    tags = tags_of(torch.tensor([2, 0]), torch.tensor([4, 0]), 6)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=3e-3)
    for _ in range(60):
        loss = -log_likelihood(decoder(inputs, mask, inputs, mask), tags, mask).mean()
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad is not None for parameter in decoder.parameters())
        optimizer.step()
    assert loss.item() < 0.05
    found, _ = viterbi(decoder(inputs, mask, inputs, mask), mask)
    assert [one.tolist() for one in spans_of(found, mask)] == [[2, 0], [4, 0]]


def test_probabilities_of_all_spans_and_of_none_add_up_to_one() -> None:
    decoder = SpanDecoder(24)
    inputs, mask = states(5)
    unary, transitions = decoder(inputs, mask, inputs, mask)
    places = [(0, 0)] + [(start, end) for start in range(5) for end in range(start + 1, 6)]
    tags = torch.cat([tags_of(torch.tensor([start]), torch.tensor([end]), 5) for start, end in places])
    scores = unary.expand(len(places), -1, -1), transitions.expand(len(places), -1, -1, -1)
    masks = mask.expand(len(places), -1)
    assert log_likelihood(scores, tags, masks).exp().sum().item() == pytest.approx(1, abs=1e-4)
    assert log_partition(scores, masks)[0].isfinite()


@given(tokens=st.integers(1, 9), data=st.data())
def test_tags_hold_the_span(tokens: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, tokens - 1))
    end = data.draw(st.integers(start + 1, tokens))
    tags = tags_of(torch.tensor([start]), torch.tensor([end]), tokens)
    assert tags[0].tolist() == [BEFORE] * start + [BEGIN] + [INSIDE] * (end - start - 1) + [AFTER] * (tokens - end)
    assert [int(one) for one in spans_of(tags, torch.ones(1, tokens))] == [start, end]
