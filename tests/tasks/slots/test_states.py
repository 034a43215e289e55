"""States are read once, by as many layers as are needed."""

from collections.abc import Callable
from pathlib import Path

import torch

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.tasks.slots.sentences import sentences
from turnwise.tasks.slots.states import encode, name_states

TEXTS = ("my card is here", "hello", "where is my parcel please")


def test_rows_of_states_and_halves(checkpoint: Callable[[str], Path]) -> None:
    encoder = Encoder.load(checkpoint("bert"))
    given = [Dialogue(f"test:{at}", (Turn("customer", text),)) for at, text in enumerate(TEXTS)]
    found = sentences(given, encoder.codec, whole=True, gold=False)
    states = encode(found, encoder, encoder.codec)
    lengths = states.lengths.tolist()
    assert states.of(torch.tensor([1, 0])).tolist() == [*range(lengths[0], lengths[0] + lengths[1]), *range(lengths[0])]
    half = encode(found, encoder, encoder.codec, half=True)
    assert half.values.dtype == torch.float16
    assert torch.allclose(half.values.float(), states.values, atol=1e-2)


def test_names_are_words(checkpoint: Callable[[str], Path]) -> None:
    encoder = Encoder.load(checkpoint("bert"))
    names = name_states(["my_card", "myCard", "card"], encoder)
    assert torch.equal(names.states[0], names.states[1])
    assert names.mask.sum(1).tolist() == [4, 4, 3]
