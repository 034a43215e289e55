"""Operations counted by hand."""

from transformers import BertConfig

from turnwise.runtime.flops import config_flops, sentence_flops


def test_a_layer_of_two_dimensions_by_hand() -> None:
    """d 2, f 3, n 2: 2 * (4 * 4 + 2 * 6) = 56 a token, 4 * 2 * 2 = 16 for attention; two tokens: 144."""
    assert sentence_flops(layers=1, dim=2, inner=3, tokens=2) == 144
    assert sentence_flops(layers=3, dim=2, inner=3, tokens=2) == 432


def test_minilm_needs_21_4_million_a_token_at_fifteen_tokens() -> None:
    """6 * 2 * (4 * 384^2 + 2 * 384 * 1536) = 21,233,664 and 6 * 4 * 384 * 15 = 138,240: 21,371,904 a token."""
    config = BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
    assert config_flops(config, tokens=15) == 15 * 21_371_904
