"""A trunk encodes each distinct sequence once, and gives the states of its encoder."""

import pytest
import torch

from turnwise.codec import Encoding
from turnwise.encoder import Encoder
from turnwise.tasks.trunk import Trunk


@pytest.fixture(scope="module")
def encoder(checkpoint: object) -> Encoder:
    return Encoder.load(checkpoint("bert"))  # type: ignore[operator]


class Counting(Trunk):
    """Counts the sequences that are encoded."""

    count = 0

    def _encoded(self, encoding: Encoding) -> torch.Tensor:
        self.count += len(encoding.ids)
        return super()._encoded(encoding)


TEXTS = ["where is my card", "refund please", "where is my card", "help"]


def test_states_are_those_of_the_encoder_where_there_are_tokens(encoder: Encoder) -> None:
    trunk = Counting.of(encoder)
    batch = encoder.codec.batch(encoder.codec.tokenise(TEXTS))
    with torch.inference_mode():
        expected = encoder(batch)
    with trunk.remembering():
        found = trunk(batch)
        assert trunk.count == 3
        again = trunk(encoder.codec.batch(encoder.codec.tokenise(["help", "my card"])))
        assert trunk.count == 4
    at = batch.mask.bool()
    assert torch.allclose(found[at], expected[at], atol=1e-5)
    assert not found[~at].any()
    assert torch.allclose(again[0, : int(batch.mask[3].sum())], expected[3][at[3]], atol=1e-5)


def test_nothing_is_remembered_after_the_block_nor_outside_of_it(encoder: Encoder) -> None:
    trunk = Counting.of(encoder)
    batch = encoder.codec.batch(encoder.codec.tokenise(["help"]))
    with trunk.remembering():
        trunk(batch)
        trunk(batch)
    trunk(batch)
    trunk(batch)
    assert trunk.count == 3
    with trunk.remembering():
        trunk(batch)
    assert trunk.count == 4


def test_segments_make_another_sequence(encoder: Encoder) -> None:
    trunk = Counting.of(encoder)
    batch = encoder.codec.batch(encoder.codec.tokenise(["refund please"]))
    assert batch.segments is not None
    other = Encoding(batch.ids, batch.mask, torch.ones_like(batch.segments))
    with trunk.remembering():
        assert not torch.allclose(trunk(batch), trunk(other))
    assert trunk.count == 2


def test_quickened_it_answers_nearly_alike_and_learns_as_before(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = Trunk.of(encoder)
    batch = encoder.codec.batch(encoder.codec.tokenise(TEXTS))
    with torch.inference_mode():
        expected = trunk(batch)
    monkeypatch.setattr("turnwise.tasks.trunk.resolve", lambda *_: "fp32")
    assert not trunk.quicken()
    monkeypatch.setattr("turnwise.tasks.trunk.resolve", lambda *_: "bf16")
    assert trunk.quicken()
    with torch.inference_mode():
        found = trunk(batch)
    at = batch.mask.bool()
    assert found.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(found[at], expected[at], dim=1).min() > 0.99
    assert trunk(batch).requires_grad
    assert set(trunk.state_dict()) == set(encoder.state_dict())
    other = Trunk.of(encoder)
    with torch.inference_mode():
        with other.quick():
            assert torch.equal(other(batch), found)
        assert torch.equal(other(batch), expected)


def test_what_was_encoded_ahead_is_not_encoded_again(encoder: Encoder) -> None:
    trunk = Counting.of(encoder)
    tokens = encoder.codec.tokenise(TEXTS)
    with trunk.remembering():
        trunk.remember(tokens)
        assert trunk.count == 3
        trunk(encoder.codec.batch(tokens))
        trunk.remember([])
        assert trunk.count == 3


def test_workers_give_the_states_of_one_thread(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnwise.tasks.trunk.resolve", lambda *_: "bf16")
    tokens = encoder.codec.tokenise([*TEXTS, "my parcel came open and the box was wet " * 3])
    batch = encoder.codec.batch(tokens)
    alone, together = Counting.of(encoder), Counting.of(encoder)
    assert alone.quicken()
    assert together.quicken(workers=2)
    with alone.remembering(), together.remembering():
        expected = alone(batch)
        together.remember(tokens)
        found = together(batch)
        assert together.count == alone.count == 4
    assert torch.allclose(found, expected, atol=0.1)
