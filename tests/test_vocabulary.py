"""Inside the block only the rows that occur exist; after it the full matrix has them back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from turnwise.encoder import Encoder
from turnwise.layout import Layout
from turnwise.vocabulary import occurring_vocabulary

TEXTS = ["my card has not come", "where is the order"]


def matrix(encoder: Encoder) -> torch.Tensor:
    return encoder.backbone.get_input_embeddings().weight.detach().clone()


def occurring(encoder: Encoder) -> set[int]:
    return {token for text in encoder.codec.tokenise(TEXTS) for token in text.ids}


def used_rows(encoder: Encoder) -> torch.Tensor:
    used = torch.zeros(len(matrix(encoder)), dtype=torch.bool)
    used[sorted(occurring(encoder))] = True
    used[encoder.codec.tokenizer.all_special_ids] = True
    return used


def move_every_row(encoder: Encoder) -> None:
    with torch.no_grad():
        encoder.backbone.get_input_embeddings().weight += 1


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_inside_the_block_the_vectors_are_the_same_and_only_used_rows_are_parameters(
    checkpoint: Callable[[str], Path], family: str
) -> None:
    encoder = Encoder.load(checkpoint(family))
    expected, before, used = encoder.encode(TEXTS), matrix(encoder), used_rows(encoder)
    with occurring_vocabulary(encoder, occurring(encoder)):
        assert np.array_equal(encoder.encode(TEXTS), expected)
        assert torch.equal(matrix(encoder), before[used])
        assert all(len(parameter) < len(before) for parameter in encoder.parameters())
    assert torch.equal(matrix(encoder), before)
    assert np.array_equal(encoder.encode(TEXTS), expected)


def test_rows_that_do_not_occur_keep_every_bit_and_the_others_carry_the_training(tiny: Encoder) -> None:
    before, used = matrix(tiny), used_rows(tiny)
    assert 0 < used.sum() < len(used)
    tokens = tiny.codec.tokenise(TEXTS)
    with occurring_vocabulary(tiny, occurring(tiny)):
        optimizer = torch.optim.AdamW(tiny.parameters(), lr=0.01, weight_decay=0.1)
        for _ in range(2):
            tiny(tiny.codec.batch(tokens)).pow(2).sum().backward()
            optimizer.step()
        trained = matrix(tiny)
    after = matrix(tiny)
    assert torch.equal(after[~used], before[~used])
    assert torch.equal(after[used], trained)
    assert (after[used] != before[used]).any(1).all()
    assert after.shape == before.shape


def test_an_exception_in_the_block_keeps_what_was_trained_and_the_full_matrix(tiny: Encoder) -> None:
    full, before, used = tiny.backbone.get_input_embeddings(), matrix(tiny), used_rows(tiny)
    with pytest.raises(ZeroDivisionError), occurring_vocabulary(tiny, occurring(tiny)):
        move_every_row(tiny)
        raise ZeroDivisionError
    assert tiny.backbone.get_input_embeddings() is full
    assert torch.equal(matrix(tiny)[used], before[used] + 1)
    assert torch.equal(matrix(tiny)[~used], before[~used])


def test_special_tokens_are_always_there(tiny: Encoder) -> None:
    with occurring_vocabulary(tiny, []):
        assert len(matrix(tiny)) == len(tiny.codec.tokenizer.all_special_ids)
        assert tiny.encode([""]).shape == (1, 32)


def test_the_tokens_of_a_layout_are_special_tokens(tiny: Encoder) -> None:
    """[CLS] and the like; four tokens that structure a dialogue. What hides personal data stands in texts: a word."""
    tiny.use_layout(Layout("cs-bert"))
    expected = tiny.encode(["PROFILESTART"])
    with occurring_vocabulary(tiny, []):
        assert len(matrix(tiny)) == len(tiny.codec.tokenizer.all_special_ids) + 4
        assert np.array_equal(tiny.encode(["PROFILESTART"]), expected)
    number = tiny.codec.tokenizer.convert_tokens_to_ids("PROFILESTART")
    assert number not in tiny.codec.word_ids
    assert tiny.codec.tokenizer.convert_tokens_to_ids("UCI_TOKEN") in tiny.codec.word_ids


def test_the_ids_of_a_saved_encoder_are_those_of_the_full_vocabulary(tiny: Encoder, tmp_path: Path) -> None:
    with occurring_vocabulary(tiny, occurring(tiny)):
        move_every_row(tiny)
        inside = tiny.encode(TEXTS)
    tiny.save(tmp_path / "saved")
    assert np.array_equal(Encoder.load(tmp_path / "saved").encode(TEXTS), inside)
    assert not any("place" in name for name in tiny.state_dict())


def test_an_encoder_with_another_kind_of_embedding_is_left_alone(tiny: Encoder) -> None:
    with occurring_vocabulary(tiny, occurring(tiny)):
        rows = tiny.backbone.get_input_embeddings()
        assert not isinstance(rows, nn.Embedding)
        with occurring_vocabulary(tiny, []):
            assert tiny.backbone.get_input_embeddings() is rows
        assert tiny.backbone.get_input_embeddings() is rows
