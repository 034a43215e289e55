"""The states of the frozen encoder, computed once a sentence and kept one behind the other."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from turnwise.codec import Codec, Encoding
from turnwise.encoder import Encoder, evaluating
from turnwise.lengths import length_batches
from turnwise.objectives.places import pad
from turnwise.tasks.slots.sentences import Sentence
from turnwise.tasks.slots.stack import Names

_BATCH_TOKENS = 2048
_CAMEL = re.compile(r"([a-z])([A-Z])")


class States:
    """States of ``sentences``: ``values`` (tokens of all, dim), and for each sentence where it begins and its length.

    ``vectors`` (sentences, width) are means over a sentence's tokens, of unit length: what similar ones are found by.
    """

    def __init__(self, values: Tensor, lengths: Tensor, vectors: NDArray[np.float32]) -> None:
        self.values, self.lengths, self.vectors = values, lengths, vectors
        self.first = lengths.cumsum(0) - lengths

    def of(self, rows: Tensor) -> Tensor:
        """The places of the tokens of some sentences, one behind the other."""
        lengths = self.lengths[rows]
        start = self.first[rows] - (lengths.cumsum(0) - lengths)
        return torch.arange(int(lengths.sum())) + start.repeat_interleave(lengths)


def name_states(names: Sequence[str], encoder: Encoder) -> Names:
    """The states of the names of slots: ``from_location`` and ``fromLocation`` are read as from location."""
    words = [_CAMEL.sub(r"\1 \2", name).replace("_", " ").replace(".", " ").strip() or name for name in names]
    with evaluating(encoder.backbone), torch.inference_mode():
        encoding = encoder.codec.batch(encoder.codec.tokenise(words)).to(encoder.device)
        states = encoder(encoding).float().cpu().clone()
    return Names(states, encoding.mask.bool().cpu().clone())


def encode(
    sentences: Sequence[Sentence],
    encoder: Encoder,
    codec: Codec,
    *,
    half: bool = False,
    progress: Callable[[int], None] | None = None,
) -> States:
    """Read each sentence once; with ``half`` the states are kept in 16 bits. ``progress`` gets sentences just done."""
    lengths = [len(sentence.window.row.ids) for sentence in sentences]
    kept = torch.float16 if half else torch.float32
    values = torch.zeros(sum(lengths), encoder.state_dim, dtype=kept)
    first = np.cumsum([0, *lengths])
    vectors = np.zeros((len(sentences), encoder.state_dim), dtype=np.float32)
    with evaluating(encoder.backbone), torch.inference_mode():
        for rows in length_batches(lengths, _BATCH_TOKENS):
            encoding = pad([sentences[row].window.row for row in rows], codec)
            states = encoder(Encoding(encoding.ids, encoding.mask, encoding.segments).to(encoder.device)).float().cpu()
            for row, own in zip(rows, states, strict=True):
                found = own[: lengths[row]]
                values[first[row] : first[row + 1]] = found.to(kept)
                vectors[row] = nn.functional.normalize(found.mean(0), dim=0).numpy()
            if progress is not None:
                progress(len(rows))
    return States(values, torch.tensor(lengths), vectors)
