"""Batches over places: every place once, those of like length together, whatever the size of the corpus."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from turnwise.encoder import Encoder
from turnwise.objectives import places as module
from turnwise.objectives.places import Places, length_shuffled, pad, window_steps
from turnwise.sequences import AGENT, CUSTOMER, Composer, TurnIds
from turnwise.store import TurnStore


def made_up(number: int) -> Places:
    lengths = np.random.default_rng(number).integers(1, 100, number)
    arrays = {"turn_start": np.cumsum([0, *lengths]), "dialogue_start": np.arange(number + 1)}
    empty = {name: np.zeros(0) for name in ("ids", "speaker", "entities", "profile_ids", "profile_start")}
    return Places(TurnStore(empty | arrays), np.arange(number), np.arange(1, number + 1))


@pytest.mark.parametrize("number", [1, 7, 64, 65, 1003])
def test_blocks_are_mixed_and_none_is_lost(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Blocks of 8 examples, eight together, windows of 3 batches of 4."""
    monkeypatch.setattr(module, "_BLOCK", 8)
    monkeypatch.setattr(module, "_WINDOW", 3)
    found = list(length_shuffled(made_up(number), 4, np.random.default_rng(0)))
    assert sorted(row for batch in found for row in batch) == list(range(number))
    assert len(found) == window_steps(number, 4)
    assert all(len(batch) <= 4 for batch in found)


def test_a_batch_holds_examples_of_like_length() -> None:
    """640 lengths of 1 to 99 in batches of 16 of a window: each spans about 2.5; at random it would be 88."""
    examples = made_up(640)
    spans = [
        np.ptp(examples.lengths(np.array(batch))) for batch in length_shuffled(examples, 16, np.random.default_rng(0))
    ]
    assert np.mean(spans) < 5


def test_batches_come_in_no_order_of_length() -> None:
    examples = made_up(640)
    means = [examples.lengths(np.array(b)).mean() for b in length_shuffled(examples, 16, np.random.default_rng(0))]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5


def test_padding_is_marked_as_no_text_and_hidden(by_role: Encoder) -> None:
    composer = Composer(by_role.codec)
    words = np.array([10, 11], dtype=np.int32)
    encoding = pad([composer.dialogue([TurnIds(words, AGENT)]), composer.single(words[:1])], by_role.codec)
    assert encoding.marks is not None and encoding.segments is not None
    assert encoding.ids.shape == (2, 5)
    assert encoding.mask.tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert encoding.marks.tolist() == [[1, 3, 0, 0, 1], [1, 0, 1, 1, 1]]
    assert encoding.segments.tolist() == [[0, 1, 1, 1, 0], [0] * 5]
    assert encoding.ids[1, 3:].tolist() == [by_role.codec.tokenizer.pad_token_id] * 2
    assert encoding.ids.dtype == torch.int64


@pytest.mark.parametrize(("family", "segments"), [("roberta", True), ("distilbert", False)])
def test_encoders_without_two_segments_get_none_or_zeros(
    checkpoint: Callable[[str], Path], family: str, segments: bool
) -> None:
    encoder = Encoder.load(checkpoint(family))
    composer = Composer(encoder.codec)
    words = np.array([10, 11], dtype=np.int32)
    encoding = pad([composer.dialogue([TurnIds(words, CUSTOMER)], response=words)], encoder.codec)
    assert (encoding.segments is not None) == segments
    assert encoding.segments is None or encoding.segments.sum() == 0
    assert encoder(encoding).isfinite().all()
