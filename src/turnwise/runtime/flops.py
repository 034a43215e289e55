"""What an answer costs: floating-point operations of a transformer encoder, counted from its architecture."""

from transformers import PretrainedConfig


def sentence_flops(layers: int, dim: int, inner: int, tokens: int) -> int:
    """Operations of the matrix products for one text of ``tokens`` tokens; a multiplication and an addition are two.

    A layer multiplies every token with four d x d matrices (query, key, value, output) and two d x f matrices
    (feed-forward); each token's scores and mixture over n tokens take d multiplications a token, twice:
    ``n * L * (2 * (4 d^2 + 2 d f) + 4 n d)``. Embeddings, norms and activations are left out (under 1 %).
    MiniLM-L6 (L 6, d 384, f 1536) needs 21.2 million a token plus 9,216 for every token in the text.
    """
    return tokens * layers * (2 * (4 * dim * dim + 2 * dim * inner) + 4 * tokens * dim)


def config_flops(config: PretrainedConfig, tokens: int) -> int:
    """``sentence_flops`` of a Hugging Face encoder of BERT's or RoBERTa's shape."""
    return sentence_flops(config.num_hidden_layers, config.hidden_size, config.intermediate_size, tokens)
