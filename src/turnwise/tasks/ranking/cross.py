"""Scores of a cross-encoder for contexts with responses."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from turnwise.codec import Tokens
from turnwise.encoder import Encoder, evaluating
from turnwise.lengths import length_batches
from turnwise.objectives.objective import Hidden, Pooling
from turnwise.tasks.dual import Encode

_BATCH_TOKENS = 2048


class CrossEncoder:
    """Encoder and head. ``engine`` gives the pooled states, (sequences, dim), in place of the encoder when set."""

    def __init__(self, encoder: Encoder, head: nn.Module, pooling: Pooling) -> None:
        self.encoder = encoder
        self.head = head
        self.pooling = pooling
        self.engine: Encode | None = None

    def logits(self, tokens: Sequence[Tokens]) -> NDArray[np.float64]:
        """log P(next) - log P(not next) of each sequence, (sequences,)."""
        if not tokens:
            return np.zeros(0)
        if self.engine is not None:
            states = torch.from_numpy(np.ascontiguousarray(self.engine(tokens)))
            return self._margins(states)
        found = np.zeros(len(tokens))
        with evaluating(self.encoder.backbone, self.head), torch.inference_mode():
            for rows in length_batches([len(one.ids) for one in tokens], _BATCH_TOKENS):
                encoding = self.encoder.codec.batch([tokens[row] for row in rows]).to(self.encoder.device)
                hidden = Hidden(self.encoder(encoding).float(), encoding.mask)
                found[rows] = self._margins(hidden.pooled(self.pooling))
        return found

    def _margins(self, states: torch.Tensor) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = self.head(states.to(next(self.head.parameters()).device)).double().cpu().numpy()
        return np.asarray(logits[:, 1] - logits[:, 0])
