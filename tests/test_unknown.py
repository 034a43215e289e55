from turnwise.encoder import Encoder
from turnwise.unknown import unknown_share, unknown_warning


def test_the_share_counts_tokens_of_characters_without_a_piece(tiny: Encoder) -> None:
    """``my card`` is two known words; each Chinese character is one that is not known: 3 of 5 tokens."""
    assert unknown_share(["my card", "卡在哪"], tiny) == 3 / 5
    assert unknown_share(["my card"], tiny) == 0
    assert unknown_share([], tiny) == 0


def test_people_are_warned_of_another_alphabet_alone(tiny: Encoder) -> None:
    assert unknown_warning(["my card"] * 100, tiny) is None
    warning = unknown_warning(["我的卡", "my card"], tiny)
    assert warning is not None
    assert "60% of the tokens" in warning
    assert tiny.name in warning
