"""The contrast of contexts and responses worked by hand."""

import math

import pytest
import torch
from torch import Tensor

from turnwise.objectives.contrast import (
    Similarity,
    contrast_loss,
    equal_rows,
    first_place,
    neighbour_loss,
    similarities,
)

CONTEXTS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
RESPONSES = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
DISTINCT = torch.eye(2, dtype=torch.bool)


def contrast(
    contexts: Tensor = CONTEXTS,
    responses: Tensor = RESPONSES,
    same: Tensor = DISTINCT,
    *,
    scale: float = 1.0,
    similarity: Similarity = "cosine",
    include_positive: bool = True,
) -> float:
    return contrast_loss(
        contexts, responses, same=same, scale=scale, similarity=similarity, include_positive=include_positive
    ).item()


def test_the_loss_is_the_cross_entropy_of_the_true_response() -> None:
    """c = (1, 0), (0, 1); r = (1, 0), (.6, .8): S = [[1, .6], [0, .8]] at scale 1.

    Row 0: log(e^1 + e^.6) - 1 = log(1 + e^-.4) = .513015. Row 1: log(1 + e^-.8) = .371101. Mean: .442058.
    """
    assert contrast() == pytest.approx(0.442058, abs=1e-6)


def test_the_scale_multiplies_the_similarities() -> None:
    """Scale 10: (log(1 + e^-4) + log(1 + e^-8)) / 2 = (.018150 + .000335) / 2 = .009243."""
    assert contrast(scale=10) == pytest.approx(0.009243, abs=1e-6)


def test_without_the_positive_the_sum_runs_over_the_negatives() -> None:
    """ConvFiT's equation 1. Row 0: .6 - 1 = -.4; row 1: 0 - .8 = -.8. Mean: -.6."""
    assert contrast(include_positive=False) == pytest.approx(-0.6, abs=1e-6)


def test_the_length_of_a_vector_counts_in_a_dot_product_alone() -> None:
    """Twice c: cosines stay; dot products [[2, 1.2], [0, 1.6]]: (log(1 + e^-.8) + log(1 + e^-1.6)) / 2 = .277501."""
    assert contrast(2 * CONTEXTS, 3 * RESPONSES) == pytest.approx(0.442058, abs=1e-6)
    assert contrast(2 * CONTEXTS, similarity="dot") == pytest.approx(0.277501, abs=1e-6)


def test_a_response_equal_to_the_true_one_is_no_negative() -> None:
    """c = unit vectors of 3 axes; r_0 = r_2 = (1, 0, 0), r_1 = (0, 1, 0); scale 2.

    S = [[2, 0, 2], [0, 2, 0], [0, 0, 0]]; row 0 drops column 2, row 2 drops column 0.
    Row 0: log(e^2 + 1) - 2 = .126928. Row 1: log(1 + e^2 + 1) - 2 = log(1 + 2 e^-2) = .239545. Row 2: log 2 = .693147.
    Mean: .353207. Without the positive: 0 - 2, log 2 - 2 = -1.306853, 0 - 0; mean -1.102284.
    """
    responses = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    same = equal_rows(torch.tensor([7, 8, 7]))
    assert same.tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    assert contrast(torch.eye(3), responses, same, scale=2) == pytest.approx(0.353207, abs=1e-6)
    assert contrast(torch.eye(3), responses, same, scale=2, include_positive=False) == pytest.approx(
        -1.102284, abs=1e-6
    )


@pytest.mark.parametrize("include_positive", [True, False])
def test_a_batch_of_one_response_teaches_nothing(include_positive: bool) -> None:
    contexts = CONTEXTS.clone().requires_grad_()
    everything = torch.ones(2, 2, dtype=torch.bool)
    loss = contrast_loss(contexts, torch.ones(2, 2), same=everything, scale=20, include_positive=include_positive)
    loss.backward()
    assert loss.item() == 0
    assert contexts.grad is not None
    assert contexts.grad.abs().max() < 1e-6


def test_a_diverged_encoder_shows_in_the_loss() -> None:
    assert math.isnan(contrast(torch.full((2, 2), torch.nan)))


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("include_positive", [True, False])
def test_a_nearer_true_response_and_a_farther_other_one_lower_the_loss(
    include_positive: bool, similarity: Similarity
) -> None:
    nearer = torch.tensor([[1.0, 0.0], [0.5, 0.9]])
    farther = torch.tensor([[1.0, -0.3], [0.6, 0.8]])
    before = contrast(include_positive=include_positive, similarity=similarity)
    for responses in (nearer, farther):
        after = contrast(responses=responses, include_positive=include_positive, similarity=similarity)
        assert after < before


def test_the_first_place_goes_to_the_true_response_or_one_of_its_text() -> None:
    """Row 0 prefers column 1, which has the text of its own; row 1 prefers column 2, which has not."""
    scores = torch.tensor([[0.5, 0.9, 0.1], [0.0, 0.4, 0.6], [0.0, 0.0, 0.3]])
    assert first_place(scores, torch.eye(3, dtype=torch.bool)).tolist() == [0.0, 0.0, 1.0]
    assert first_place(scores, equal_rows(torch.tensor([1, 1, 2]))).tolist() == [1.0, 0.0, 1.0]


def test_cosines_and_dot_products() -> None:
    vectors = torch.tensor([[3.0, 4.0]])
    assert similarities(vectors, vectors, "cosine").item() == pytest.approx(1)
    assert similarities(vectors, vectors, "dot").item() == 25


def test_rows_of_one_class_are_to_be_neighbours() -> None:
    """Rows (2, 0), (0, 1), (.6, .8), the last two of one class, scale 10: cosines 0, .6 and .8.

    Row 0 has no other of its class. Row 1: log(e^0 + e^8) - 8 = .000335. Row 2: log(e^6 + e^8) - 8 = .126928.
    The sum over 3 rows: .042421.
    """
    vectors = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.6, 0.8]], requires_grad=True)
    loss = neighbour_loss(vectors, same=equal_rows(torch.tensor([1, 2, 2])), scale=10)
    assert loss.item() == pytest.approx(0.042421, abs=1e-6)
    loss.backward()
    assert vectors.grad is not None and torch.isfinite(vectors.grad).all()


def test_a_batch_without_two_of_a_class_has_no_neighbours() -> None:
    vectors = torch.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    loss = neighbour_loss(vectors, same=DISTINCT, scale=10)
    loss.backward()
    assert loss.item() == 0.0
    assert vectors.grad is not None and not vectors.grad.any()
