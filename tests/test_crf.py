"""The field against every tag sequence, one by one."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.crf import constrained, log_likelihood, log_partition, path_scores, viterbi

TAGS = 4


def drawn(seed: int, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    steps = max(lengths)
    mask = torch.tensor([[int(step < length) for step in range(steps)] for length in lengths])
    return torch.randn(len(lengths), steps, TAGS) * 2, torch.randn(len(lengths), steps - 1, TAGS, TAGS) * 2, mask


def score(unary: torch.Tensor, transitions: torch.Tensor, tags: tuple[int, ...]) -> float:
    """Of one sequence, as the formula is written."""
    own = sum(float(unary[step, tag]) for step, tag in enumerate(tags))
    return own + sum(float(transitions[step, tags[step + 1], tags[step]]) for step in range(len(tags) - 1))


@given(seed=st.integers(0, 10_000), lengths=st.lists(st.integers(1, 5), min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_likelihood_and_the_best_path_are_those_of_all_sequences(seed: int, lengths: list[int]) -> None:
    unary, transitions, mask = drawn(seed, lengths)
    partition, (paths, highest) = log_partition((unary, transitions), mask), viterbi((unary, transitions), mask)
    for row, length in enumerate(lengths):
        all_of_them = list(itertools.product(range(TAGS), repeat=length))
        scores = torch.tensor([score(unary[row], transitions[row], tags) for tags in all_of_them])
        assert float(partition[row]) == pytest.approx(float(scores.logsumexp(0)), abs=1e-4)
        assert float(highest[row]) == pytest.approx(float(scores.max()), abs=1e-4)
        assert tuple(paths[row, :length].tolist()) == all_of_them[int(scores.argmax())]
        assert paths[row, length:].tolist() == [0] * (len(paths[row]) - length)
        tags = torch.zeros_like(paths)
        tags[row, :length] = torch.tensor(all_of_them[0])
        found = path_scores((unary, transitions), tags, mask)[row]
        assert float(found) == pytest.approx(float(scores[0]), abs=1e-4)


def test_probabilities_of_all_sequences_add_up_to_one() -> None:
    unary, transitions, mask = drawn(0, [3])
    every = torch.tensor(list(itertools.product(range(TAGS), repeat=3)))
    size = (len(every), -1, -1)
    scores = unary.expand(*size), transitions.expand(len(every), -1, -1, -1)
    assert float(log_likelihood(scores, every, mask.expand(len(every), -1)).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_by_hand() -> None:
    """Two tags, two steps: u_1 = (0, 1), u_2 = (2, 0), and 3 for going from tag 1 to tag 0.

    The sequences (0,0), (0,1), (1,0), (1,1) score 2, 0, 1 + 2 + 3 = 6 and 1.
    """
    unary = torch.tensor([[[0.0, 1.0], [2.0, 0.0]]])
    transitions = torch.tensor([[[[0.0, 3.0], [0.0, 0.0]]]])
    mask = torch.ones(1, 2)
    paths, highest = viterbi((unary, transitions), mask)
    assert (paths.tolist(), highest.tolist()) == ([[1, 0]], [6.0])
    expected = torch.tensor([2.0, 0.0, 6.0, 1.0]).logsumexp(0)
    assert float(log_partition((unary, transitions), mask)) == pytest.approx(float(expected))


def test_what_is_not_allowed_has_no_probability_and_is_never_answered() -> None:
    """Tags before, begin, inside, after: a sequence begins with the first two, and never goes back."""
    first = torch.tensor([1, 1, 0, 0])
    allowed = torch.tensor([[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1]])
    unary, transitions, mask = drawn(3, [4])
    scores = constrained((unary, transitions), first, allowed)
    valid = [
        tags
        for tags in itertools.product(range(TAGS), repeat=4)
        if first[tags[0]] and all(allowed[other, one] for one, other in itertools.pairwise(tags))
    ]
    assert (0, 0, 0, 0) in valid and (1, 2, 2, 3) in valid and (0, 2, 2, 3) not in valid
    expected = torch.tensor([score(unary[0], transitions[0], tags) for tags in valid])
    assert float(log_partition(scores, mask)) == pytest.approx(float(expected.logsumexp(0)), abs=1e-4)
    assert tuple(viterbi(scores, mask)[0][0].tolist()) == valid[int(expected.argmax())]
    refused = log_likelihood(scores, torch.tensor([[0, 2, 2, 3]]), mask)
    assert float(refused.exp()) == 0


def test_gradients_are_marginals() -> None:
    """The derivative of log Z by a potential is the probability of its tag."""
    unary, transitions, mask = drawn(1, [3, 2])
    unary.requires_grad_()
    log_partition((unary, transitions), mask).sum().backward()
    assert unary.grad is not None
    assert torch.allclose(unary.grad.sum(2), mask.float(), atol=1e-5)
