"""The dropout of attention weights, which is slow to draw on a CPU: another share of it while an encoder is trained."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from turnwise.encoder import Encoder
from turnwise.errors import InputError


@contextmanager
def attention_dropout(encoder: Encoder, share: float | None) -> Iterator[None]:
    """Train with ``share`` of the attention weights dropped inside the block; None keeps the encoder's own.

    Raises InputError when the encoder shows no such dropout: its self-attention is not built as that of BERT and its
    kin.
    """
    if share is None:
        yield
        return
    layers = [part for part in encoder.backbone.modules() if type(part).__name__.endswith("SelfAttention")]
    dropouts = [getattr(part, "dropout", None) for part in layers]
    places = [one for one in dropouts if isinstance(one, nn.Dropout)]
    if not places:
        raise InputError(f"attention_dropout is {share}, and {encoder.name} shows no such dropout; leave it out")
    before = [place.p for place in places]
    for place in places:
        place.p = share
    try:
        yield
    finally:
        for place, own in zip(places, before, strict=True):
            place.p = own
