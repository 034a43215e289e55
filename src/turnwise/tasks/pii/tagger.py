"""The head of the token classifier."""

import torch
from torch import Tensor, nn

from turnwise.objectives.classify import class_head
from turnwise.tasks.pii.shape import PLACES, SHAPES

_WIDTH = 16
_MIXED = 128


class Tagger(nn.Module):
    """Logits of tags, (batch, tokens, tags), from states (batch, tokens, dim) and shapes (batch, tokens, 2).

    Without ``cased`` W h, as published. With it W [h; g], where g = GELU(convolution over three tokens of [h; e]) and e
    are two learned embeddings: of the shape of the token's word, and of what stands before it.
    """

    def __init__(self, dim: int, tags: int, *, cased: bool) -> None:
        super().__init__()
        self.cased = cased
        if cased:
            self.shape = nn.Embedding(SHAPES, _WIDTH)
            self.place = nn.Embedding(PLACES, _WIDTH)
            self.mix = nn.Conv1d(dim + 2 * _WIDTH, _MIXED, 3, padding=1)
            self.drop = nn.Dropout(0.1)
        self.out = class_head(dim + _MIXED * cased, tags)

    def forward(self, states: Tensor, shapes: Tensor, mask: Tensor) -> Tensor:
        if not self.cased:
            logits: Tensor = self.out(states)
            return logits
        whole = torch.cat([states, self.shape(shapes[..., 0]), self.place(shapes[..., 1])], dim=2)
        whole = whole * mask.unsqueeze(2).to(whole.dtype)  # a row's logits do not depend on how much it is padded
        mixed = nn.functional.gelu(self.mix(whole.transpose(1, 2))).transpose(1, 2)
        logits = self.out(torch.cat([states, self.drop(mixed)], dim=2))
        return logits
