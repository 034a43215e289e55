"""MNEG worked by hand, and which pairs of turns it sees."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from turnwise.codec import Tokens
from turnwise.dialogue import Dialogue, Speaker, Turn
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.objective import Batch, Hidden
from turnwise.objectives.response_ranking import ContextResponse, ResponseRanking, ranking_loss

CONTEXTS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
RESPONSES = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
DISTINCT = torch.eye(2, dtype=torch.bool)


def mneg(
    contexts: Tensor = CONTEXTS,
    responses: Tensor = RESPONSES,
    same: Tensor = DISTINCT,
    *,
    scale: float = 1.0,
    include_positive: bool = True,
) -> float:
    return ranking_loss(contexts, responses, same=same, scale=scale, include_positive=include_positive).item()


def test_the_loss_is_the_cross_entropy_of_the_true_response() -> None:
    """c = (1, 0), (0, 1); r = (1, 0), (.6, .8): S = [[1, .6], [0, .8]] at scale 1.

    Row 0: log(e^1 + e^.6) - 1 = log(1 + e^-.4) = .513015. Row 1: log(1 + e^-.8) = .371101. Mean: .442058.
    """
    assert mneg() == pytest.approx(0.442058, abs=1e-6)


def test_the_scale_multiplies_the_cosines() -> None:
    """Scale 10: (log(1 + e^-4) + log(1 + e^-8)) / 2 = (.018150 + .000335) / 2 = .009243."""
    assert mneg(scale=10) == pytest.approx(0.009243, abs=1e-6)


def test_without_the_positive_the_sum_runs_over_the_negatives() -> None:
    """The paper's equation 1. Row 0: .6 - 1 = -.4; row 1: 0 - .8 = -.8. Mean: -.6."""
    assert mneg(include_positive=False) == pytest.approx(-0.6, abs=1e-6)


def test_the_length_of_a_vector_does_not_matter() -> None:
    assert mneg(3 * CONTEXTS, torch.tensor([[5.0], [0.1]]) * RESPONSES) == pytest.approx(mneg(), abs=1e-6)


THREE = torch.eye(3)
TWICE = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
SAME = torch.tensor([[1, 0, 1], [0, 1, 0], [1, 0, 1]], dtype=torch.bool)


def test_a_response_equal_to_the_true_one_is_no_negative() -> None:
    """c = unit vectors of 3 axes; r_0 = r_2 = (1, 0, 0), r_1 = (0, 1, 0); scale 2.

    S = [[2, 0, 2], [0, 2, 0], [0, 0, 0]]; row 0 drops column 2, row 2 drops column 0.
    Row 0: log(e^2 + 1) - 2 = .126928. Row 1: log(1 + e^2 + 1) - 2 = log(1 + 2 e^-2) = .239545. Row 2: log 2 = .693147.
    Mean: .353207. Without the positive: 0 - 2, log 2 - 2 = -1.306853, 0 - 0; mean -1.102284.
    """
    assert mneg(THREE, TWICE, SAME, scale=2) == pytest.approx(0.353207, abs=1e-6)
    assert mneg(THREE, TWICE, SAME, scale=2, include_positive=False) == pytest.approx(-1.102284, abs=1e-6)


@pytest.mark.parametrize("include_positive", [True, False])
def test_a_batch_of_one_response_teaches_nothing(include_positive: bool) -> None:
    contexts = CONTEXTS.clone().requires_grad_()
    loss = ranking_loss(
        contexts,
        torch.ones(2, 2),
        same=torch.ones(2, 2, dtype=torch.bool),
        scale=20,
        include_positive=include_positive,
    )
    loss.backward()
    assert loss.item() == 0
    assert contexts.grad is not None
    assert contexts.grad.abs().max() < 1e-6


def test_a_diverged_encoder_shows_in_the_loss() -> None:
    assert math.isnan(mneg(torch.full((2, 2), torch.nan)))


@pytest.mark.parametrize("include_positive", [True, False])
def test_a_nearer_true_response_and_a_farther_other_one_lower_the_loss(include_positive: bool) -> None:
    nearer = torch.tensor([[1.0, 0.0], [0.5, 0.9]])
    farther = torch.tensor([[1.0, -0.3], [0.6, 0.8]])
    before = mneg(include_positive=include_positive)
    assert mneg(responses=nearer, include_positive=include_positive) < before
    assert mneg(responses=farther, include_positive=include_positive) < before


def test_the_objective_pools_over_tokens_and_passes_its_parameters_on() -> None:
    """Two tokens whose mean is the context of the first test; padding in the responses holds noise."""
    contexts = Hidden(torch.tensor([[[2.0, 1.0], [0.0, -1.0]], [[0.0, 1.0], [0.0, 1.0]]]), torch.ones(2, 2))
    responses = Hidden(torch.stack([RESPONSES, torch.full((2, 2), 9.0)], 1), torch.tensor([[1, 0], [1, 0]]))
    batch = Batch((), {"same": DISTINCT})
    for objective, expected in [
        (ResponseRanking(scale=1), 0.442058),
        (ResponseRanking(scale=1, include_positive=False), -0.6),
    ]:
        loss = objective.loss((contexts, responses), nn.Identity(), batch)
        assert loss.item() == pytest.approx(expected, abs=1e-6)


# Examples


def talk(*turns: tuple[Speaker | None, str]) -> Dialogue:
    return Dialogue("test:0", tuple(Turn(speaker, text) for speaker, text in turns))


def pairs(tiny: Encoder, *dialogues: Dialogue, objective: ResponseRanking | None = None) -> list[tuple[str, str]]:
    found = (objective or ResponseRanking()).examples(dialogues, tiny.codec)
    return [
        (
            tiny.codec.tokenizer.decode(list(pair.context.ids), skip_special_tokens=True),
            tiny.codec.tokenizer.decode(list(pair.response.ids), skip_special_tokens=True),
        )
        for pair in found
    ]


def test_every_turn_answers_the_one_before_it(tiny: Encoder) -> None:
    dialogue = talk(("customer", "where is it"), ("agent", "on monday"), ("customer", "thank you"))
    assert pairs(tiny, dialogue) == [("where is it", "on monday"), ("on monday", "thank you")]


def test_a_speaker_does_not_answer_themselves_but_unknown_speakers_do(tiny: Encoder) -> None:
    dialogue = talk(("customer", "hello"), ("customer", "help"), ("agent", "sure"), ("customer", "thank you"))
    assert pairs(tiny, dialogue) == [("help", "sure"), ("sure", "thank you")]
    chat = talk((None, "hello"), (None, "help"), (None, "sure"))
    assert pairs(tiny, chat) == [("hello", "help"), ("help", "sure")]


def test_empty_turns_are_in_no_pair(tiny: Encoder) -> None:
    dialogue = talk(
        ("customer", "help"), ("agent", " "), ("customer", "money"), ("agent", "back"), ("customer", "done")
    )
    assert pairs(tiny, dialogue) == [("money", "back"), ("back", "done")]


def test_a_limit_draws_a_seeded_part_in_the_order_of_the_corpus(tiny: Encoder, talks: list[Dialogue]) -> None:
    everything = pairs(tiny, *talks)
    few = pairs(tiny, *talks, objective=ResponseRanking(limit=5))
    assert len(everything) == 12
    assert len(few) == 5
    assert few == [pair for pair in everything if pair in few]
    assert few == pairs(tiny, *talks, objective=ResponseRanking(limit=5))
    assert few != pairs(tiny, *talks, objective=ResponseRanking(limit=5, seed=1))
    assert pairs(tiny, *talks, objective=ResponseRanking(limit=50)) == everything


def test_a_corpus_without_two_pairs_is_refused_with_the_counts(tiny: Encoder) -> None:
    monologue = talk(("customer", "hello"), ("customer", "help"))
    answered = talk(("customer", "hello"), ("agent", "help"))
    with pytest.raises(CorpusError, match="at least 2 pairs of turns, found 1 in 2 dialogues; give dialogues in which"):
        ResponseRanking().examples([monologue, answered], tiny.codec)


def test_equal_responses_are_marked(tiny: Encoder) -> None:
    dialogue = talk(("customer", "help"), ("agent", "sure"), ("customer", "money back"), ("agent", "sure"))
    objective = ResponseRanking()
    batch = objective.collate(objective.examples([dialogue], tiny.codec), tiny.codec)
    assert batch.targets["same"].tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    contexts, responses = batch.encodings
    assert contexts.mask.sum(1).tolist() == [3, 3, 4]
    assert responses.mask.sum(1).tolist() == [3, 4, 3]


# Batches


@given(
    lengths=st.lists(st.integers(2, 40), min_size=2, max_size=330),
    batch_size=st.integers(2, 5),
    seed=st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_an_epoch_shows_each_pair_once_in_batches_that_hold_a_negative(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    examples = [ContextResponse(Tokens((1,) * length), Tokens((1, 2))) for length in lengths]
    objective = ResponseRanking(batch_size=batch_size)
    batches = list(objective.batches(examples, np.random.default_rng(seed)))
    seen = [row for batch in batches for row in batch]
    assert len(seen) == len(set(seen)) >= len(examples) - 1  # a pair that is left over alone waits for an epoch
    assert set(seen) <= set(range(len(examples)))
    assert all(2 <= len(batch) <= batch_size for batch in batches)
    assert len(batches) == objective.epoch_steps(examples)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 1}, "batch_size is 1; in-batch negatives need at least 2"),
        ({"scale": 0.0}, "scale is 0.0, expected a positive number"),
        ({"limit": 1}, "limit is 1; in-batch negatives need at least 2 pairs"),
        ({"seed": -1}, "seed is -1, expected 0 or more"),
    ],
)
def test_parameters_outside_their_range_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ResponseRanking(**values)  # type: ignore[arg-type]
