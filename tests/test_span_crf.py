"""Sums over spans against the field's own forward and Viterbi algorithms, and against every tag sequence."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.crf import Scores, constrained, log_likelihood, log_partition, path_scores, viterbi
from turnwise.span_crf import (
    best_spans,
    columns_of,
    span_log_likelihood,
    span_probabilities,
    span_scores,
    spans_of_columns,
)
from turnwise.span_decoder import _ALLOWED, _FIRST, BEGIN, INSIDE, TAGS, spans_of, tags_of


def drawn(seed: int, lengths: list[int], spread: float = 2.0) -> tuple[Scores, torch.Tensor]:
    torch.manual_seed(seed)
    steps = max(lengths)
    mask = torch.tensor([[int(step < length) for step in range(steps)] for length in lengths])
    unary = torch.randn(len(lengths), steps, TAGS) * spread
    transitions = torch.randn(len(lengths), steps - 1, TAGS, TAGS) * spread
    return constrained((unary, transitions), _FIRST, _ALLOWED), mask


@given(seed=st.integers(0, 10_000), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_likelihood_and_the_best_span_are_those_of_the_field(seed: int, lengths: list[int]) -> None:
    scores, mask = drawn(seed, lengths)
    found = span_scores(scores, mask)
    assert torch.allclose(found.logsumexp(1), log_partition(scores, mask), atol=1e-4)
    start, end, _ = best_spans(scores, mask)
    expected = spans_of(viterbi(scores, mask)[0], mask)
    assert [start.tolist(), end.tolist()] == [one.tolist() for one in expected]
    for row, length in enumerate(lengths):
        every = [(0, 0), *((s, e) for s in range(length) for e in range(s + 1, length + 1))]
        one = (scores[0][row : row + 1], scores[1][row : row + 1])
        for s, e in every:
            span = torch.tensor([s]), torch.tensor([e])
            tags = tags_of(*span, mask.shape[1])
            column = int(columns_of(*span, mask.shape[1]))
            expected_score = path_scores(one, tags * mask[row : row + 1], mask[row : row + 1])
            assert float(found[row, column]) == pytest.approx(float(expected_score), abs=1e-4)
        assert int(found[row].isfinite().sum()) == len(every)


def test_against_every_tag_sequence() -> None:
    scores, mask = drawn(5, [4])
    totals = torch.stack(
        [path_scores(scores, torch.tensor([tags]), mask)[0] for tags in itertools.product(range(TAGS), repeat=4)]
    )
    assert float(span_scores(scores, mask).logsumexp(1)) == pytest.approx(float(totals.logsumexp(0)), abs=1e-4)


def test_by_hand() -> None:
    """Two tokens: u_1 = (0, 1, -, -), u_2 = (2, 0, 3, 4) for before, begin, inside, after; steps of 1, 5 into INSIDE.

    No value: 0 + 1 + 2. The first token: 1 + 1 + 4. Both: 1 + 5 + 3. The second: 0 + 1 + 0.
    """
    unary = torch.tensor([[[0.0, 1.0, 9.0, 9.0], [2.0, 0.0, 3.0, 4.0]]])
    transitions = torch.ones(1, 1, TAGS, TAGS)
    transitions[0, 0, INSIDE, BEGIN] = 5.0
    scores = constrained((unary, transitions), _FIRST, _ALLOWED)
    mask = torch.ones(1, 2)
    assert span_scores(scores, mask).tolist() == [[3.0, 6.0, 9.0, -torch.inf, 1.0]]
    start, end, probability = best_spans(scores, mask)
    total = torch.tensor([3.0, 6.0, 9.0, 1.0]).logsumexp(0)
    assert (start.tolist(), end.tolist()) == ([0], [2])
    assert float(probability) == pytest.approx(9.0 - float(total), abs=1e-5)


def test_gradients_are_those_of_the_field() -> None:
    lengths, start, end = [5, 3, 1], torch.tensor([1, 0, 0]), torch.tensor([3, 0, 1])
    torch.manual_seed(0)
    mask = torch.tensor([[int(step < length) for step in range(5)] for length in lengths])
    unary, transitions = torch.randn(3, 5, TAGS), torch.randn(3, 4, TAGS, TAGS)
    gradients = []
    for by_span in (True, False):
        one, other = unary.clone().requires_grad_(), transitions.clone().requires_grad_()
        scores = constrained((one, other), _FIRST, _ALLOWED)
        if by_span:
            loss = span_log_likelihood(scores, start, end, mask)
        else:
            loss = log_likelihood(scores, tags_of(start, end, 5) * mask, mask)
        loss.sum().backward()
        assert one.grad is not None and other.grad is not None
        gradients.append((one.grad, other.grad))
    for found, expected in zip(*gradients, strict=True):
        assert torch.isfinite(found).all()
        assert torch.allclose(found, expected, atol=1e-5)


def test_probabilities_add_up_to_one_and_long_texts_with_large_scores_stay_finite() -> None:
    scores, mask = drawn(1, [200, 3], spread=30.0)
    found = span_probabilities(scores, mask)
    assert found.sum(1).tolist() == pytest.approx([1.0, 1.0], abs=1e-4)
    assert torch.allclose(span_scores(scores, mask).logsumexp(1), log_partition(scores, mask), rtol=1e-4)


@given(tokens=st.integers(1, 9), data=st.data())
def test_columns_and_spans_are_one_to_one(tokens: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, tokens - 1))
    end = data.draw(st.integers(start + 1, tokens))
    column = columns_of(torch.tensor([start, 0]), torch.tensor([end, 0]), tokens)
    assert int(column[1]) == 0
    assert [one.tolist() for one in spans_of_columns(column, tokens)] == [[start, 0], [end, 0]]
