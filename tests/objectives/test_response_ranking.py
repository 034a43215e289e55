"""Which pairs of turns response ranking sees, and what it makes of them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives import ResponseRanking
from turnwise.objectives.objective import Batch, Draws, Hidden
from turnwise.store import TurnStore


def hidden() -> tuple[Hidden, Hidden]:
    """Contexts (1, 0), (0, 1) as means of two tokens; responses (1, 0), (.6, .8) with noise as padding."""
    contexts = torch.tensor([[[2.0, 1.0], [0.0, -1.0]], [[0.0, 1.0], [0.0, 1.0]]])
    responses = torch.stack([torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.full((2, 2), 9.0)], 1)
    return Hidden(contexts, torch.ones(2, 2)), Hidden(responses, torch.tensor([[1, 0], [1, 0]]))


def keys(context: list[int], response: list[int]) -> Batch:
    return Batch((), {"context": torch.tensor(context), "response": torch.tensor(response)})


@pytest.mark.parametrize(
    ("objective", "expected"),
    [(ResponseRanking(scale=1), 0.442058), (ResponseRanking(scale=1, include_positive=False), -0.6)],
)
def test_the_loss_of_means_over_tokens(objective: ResponseRanking, expected: float) -> None:
    """The numbers of test_contrast.py."""
    loss = objective.loss(hidden(), nn.Identity(), keys([1, 2], [3, 4]))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_a_response_with_the_text_of_the_context_is_no_negative() -> None:
    """Response 1 says what context 0 says: row 0 keeps its positive alone and is 0, row 1 stays .371101."""
    objective, batch = ResponseRanking(scale=1), keys([4, 2], [3, 4])
    assert objective.loss(hidden(), nn.Identity(), batch).item() == pytest.approx(0.371101 / 2, abs=1e-6)


def test_nor_does_it_take_the_first_place() -> None:
    """Context 0 is nearest to response 1, which is its own text: it would win whatever the encoder knows."""
    contexts = Hidden(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), torch.ones(2, 1))
    responses = Hidden(torch.tensor([[[0.8, 0.6]], [[1.0, 0.0]]]), torch.ones(2, 1))
    objective = ResponseRanking()
    assert objective.score((contexts, responses), nn.Identity(), keys([1, 2], [3, 4]))["recall@1"].tolist() == [0, 0]
    assert objective.score((contexts, responses), nn.Identity(), keys([4, 2], [3, 4]))["recall@1"].tolist() == [1, 0]


def pairs(encoder: Encoder, dialogues: Sequence[Dialogue], **values: Any) -> list[tuple[str, str]]:
    objective = ResponseRanking(**values)
    places = objective.examples(TurnStore.of(dialogues, encoder.codec), encoder.codec)
    batch = objective.collate(list(places), encoder.codec, Draws(0, 0, 0, tuple(range(len(places)))))
    texts = [
        encoder.codec.tokenizer.batch_decode(encoding.ids, skip_special_tokens=True) for encoding in batch.encodings
    ]
    return list(zip(*texts, strict=True))


def test_every_turn_answers_the_one_before_it(tiny: Encoder, said: Callable) -> None:
    expected = [("where is it", "on monday"), ("on monday", "thank you")]
    assert pairs(tiny, said("c where is it | a on monday | c thank you")) == expected


def test_a_speaker_does_not_answer_themselves_but_unknown_speakers_do(tiny: Encoder, said: Callable) -> None:
    expected = [("help", "sure"), ("sure", "thank you")]
    assert pairs(tiny, said("c hello | c help | a sure | c thank you")) == expected
    assert pairs(tiny, said("? hello | ? help | ? sure")) == [("hello", "help"), ("help", "sure")]


def test_no_pair_spans_two_dialogues_and_empty_turns_are_passed_over(tiny: Encoder, said: Callable) -> None:
    dialogues = said("c help | a", "a money | c back | a done")
    assert pairs(tiny, dialogues) == [("money", "back"), ("back", "done")]


def test_a_limit_draws_a_seeded_part_in_the_order_of_the_corpus(tiny: Encoder, talks: list[Dialogue]) -> None:
    everything = pairs(tiny, talks)
    few = pairs(tiny, talks, limit=5)
    assert len(everything) == 12
    assert len(few) == 5
    assert few == [pair for pair in everything if pair in few]
    assert few == pairs(tiny, talks, limit=5)
    assert few != pairs(tiny, talks, limit=5, seed=1)
    assert pairs(tiny, talks, limit=50) == everything


def test_a_corpus_without_two_pairs_is_refused_with_the_counts(tiny: Encoder, said: Callable) -> None:
    with pytest.raises(CorpusError, match="at least 2 pairs of turns, found 1 in 2 dialogues; give dialogues in which"):
        pairs(tiny, said("c hello | c help", "c hello | a help"))


def test_equal_texts_have_equal_keys(tiny: Encoder, said: Callable) -> None:
    objective = ResponseRanking()
    places = objective.examples(TurnStore.of(said("c help | a sure | c money back | a sure"), tiny.codec), tiny.codec)
    batch = objective.collate(list(places), tiny.codec, Draws(0, 0, 0, (0, 1, 2)))
    first, second, third = batch.targets["response"].tolist()
    assert first == third != second
    assert batch.targets["context"].tolist()[1] == first
    assert [encoding.mask.sum(1).tolist() for encoding in batch.encodings] == [[3, 3, 4], [3, 4, 3]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 1}, "batch_size is 1; in-batch negatives need at least 2"),
        ({"scale": 0.0}, "scale is 0.0, expected a positive number"),
        ({"similarity": "angle"}, "similarity is 'angle', expected cosine or dot"),
        ({"limit": 1}, "limit is 1; in-batch negatives need at least 2 pairs"),
        ({"seed": -1}, "seed is -1, expected 0 or more"),
    ],
)
def test_parameters_outside_their_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ResponseRanking(**values)
