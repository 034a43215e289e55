import random
from collections.abc import Callable
from pathlib import Path

import pytest

from turnwise.codec import Encoding
from turnwise.dialogue import Dialogue, Speaker, Turn
from turnwise.encoder import Encoder
from turnwise.layout import Layout

Said = Callable[..., list[Dialogue]]
_WORDS = tuple(
    "my card has not come yet where is it i want to cancel the order please help your parcel arrives on monday".split()  # noqa: SIM905
)
_WHO: dict[str, Speaker | None] = {"c": "customer", "a": "agent", "?": None}


@pytest.fixture
def tod(tiny: Encoder) -> Encoder:
    """A fresh tiny encoder with speaker tokens."""
    tiny.use_layout(Layout("tod"))
    return tiny


@pytest.fixture
def by_role(checkpoint: Callable[[str], Path]) -> Encoder:
    """The same with a segment for each role."""
    encoder = Encoder.load(checkpoint("bert"))
    encoder.use_layout(Layout("tod", "speaker"))
    return encoder


@pytest.fixture
def said() -> Said:
    """Dialogues from lines such as "c where is it | a on monday"; ? is a speaker nobody knows."""

    def dialogues(*lines: str) -> list[Dialogue]:
        return [
            Dialogue(
                f"test:{number}",
                tuple(Turn(_WHO[part.strip()[0]], part.strip()[1:].strip()) for part in line.split("|")),
            )
            for number, line in enumerate(lines)
        ]

    return dialogues


@pytest.fixture
def chats(said: Said) -> list[Dialogue]:
    """Four dialogues of six turns of four words: 32 tokens each in the tod format."""
    rng = random.Random(3)
    return said(
        *(" | ".join(f"{who} {' '.join(rng.choices(_WORDS, k=4))}" for who in "cacaca") for _ in range(4)),
    )


@pytest.fixture
def read() -> Callable[[Encoder, Encoding], list[str]]:
    """The tokens of each row without padding, as one text."""

    def texts(encoder: Encoder, encoding: Encoding) -> list[str]:
        name = encoder.codec.tokenizer.convert_ids_to_tokens
        return [
            " ".join(name(ids[mask.bool()].tolist())) for ids, mask in zip(encoding.ids, encoding.mask, strict=True)
        ]

    return texts
