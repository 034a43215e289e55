"""Train only the word embeddings that occur: the other rows cost optimizer time and learn nothing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from turnwise.encoder import Encoder


class _Rows(nn.Module):
    """The rows ``used`` of an embedding matrix; ids stay those of the full vocabulary."""

    def __init__(self, full: nn.Embedding, used: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(full.weight.detach()[used].clone())
        place = torch.zeros(full.num_embeddings, dtype=torch.int64, device=full.weight.device)
        place[used] = torch.arange(len(used), device=full.weight.device)
        self.register_buffer("place", place, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        place = self.get_buffer("place")
        return functional.embedding(place[ids], self.weight)


@contextmanager
def occurring_vocabulary(encoder: Encoder, ids: Iterable[int]) -> Iterator[None]:
    """Inside the block the encoder has only the embedding rows ``ids`` (and its special tokens).

    Afterwards the rows are written back into the full matrix, trained or not. A text with other tokens must
    not be encoded inside the block.
    """
    full = encoder.backbone.get_input_embeddings()
    if not isinstance(full, nn.Embedding):
        yield
        return
    wanted = set(ids) | encoder.codec.special_ids
    used = torch.tensor(sorted(i for i in wanted if i < full.num_embeddings), device=full.weight.device)
    rows = _Rows(full, used)
    encoder.backbone.set_input_embeddings(rows)
    try:
        yield
    finally:
        device = rows.weight.device
        full.to(device)
        with torch.no_grad():
            full.weight[used.to(device)] = rows.weight
        encoder.backbone.set_input_embeddings(full)
