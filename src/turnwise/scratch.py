"""Encoders from random weights: a tokenizer of one's own and a size."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import BertConfig, BertModel

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.messages import nearest
from turnwise.tokenizer import load_tokenizer

SizeName = Literal["small", "convert"]


@dataclass(frozen=True)
class Size:
    """A BERT: ``layers`` of width ``width`` with ``heads`` and a feed-forward width ``feed_forward``."""

    layers: int
    width: int
    heads: int
    feed_forward: int

    def parameters(self, vocabulary: int, positions: int = 512) -> int:
        """How many numbers the encoder learns: embeddings, layers with their biases and norms, and a pooler."""
        d, f = self.width, self.feed_forward
        embeddings = (vocabulary + positions + 2) * d + 2 * d
        layer = 4 * (d * d + d) + 2 * d * f + f + d + 4 * d
        return embeddings + self.layers * layer + d * d + d


SIZES: Mapping[SizeName, Size] = {
    "small": Size(layers=4, width=256, heads=4, feed_forward=1024),
    "convert": Size(layers=6, width=512, heads=8, feed_forward=1024),
}
"""``small`` is the BERT-mini of Turc et al. 2019. ``convert`` has as many parameters as ConveRT (Henderson et al.
2020) is said to have: 13 million in its layers and 16 million in 31,000 embeddings of width 512. It is a plain BERT of
that size, without ConveRT's own attention windows and positions."""


def fresh_encoder(tokenizer: Path, size: SizeName = "small", *, seed: int = 0, max_tokens: int = 512) -> Encoder:
    """A BERT of that size over the tokenizer of a folder, its weights drawn with ``seed`` as BERT's are.

    ``max_tokens`` is the longest text, and the number of positions. Raises InputError for an unknown size, ModelError
    when the folder holds no tokenizer.
    """
    if size not in SIZES:
        raise InputError(f"there is no size {size!r}; {nearest(size, list(SIZES))}")
    words = load_tokenizer(tokenizer)
    shape = SIZES[size]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=max_tokens,
        pad_token_id=words.pad_token_id,
    )
    codec = Codec(words, max_tokens, segments=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = BertModel(config)
    return Encoder(backbone, codec, f"{size} from random weights").eval()
