"""A trunk: one encoder under several models, which encodes each distinct sequence once."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedModel

from turnwise.codec import Codec, Encoding, Tokens
from turnwise.encoder import Encoder, states_of
from turnwise.lengths import length_batches
from turnwise.precision import resolve
from turnwise.tasks.threads import Workers, shares

Key = tuple[bytes, bytes]
_BATCH_TOKENS = 2048


class Trunk(Encoder):
    """An encoder that remembers, for the length of a block, the states of every sequence that it has encoded.

    Models that ask about one and the same sequence then share its states: acts, hand-off and satisfaction of a turn,
    and the context of the response to it, are one pass through the encoder.
    """

    def __init__(self, backbone: PreTrainedModel, codec: Codec, name: str) -> None:
        super().__init__(backbone, codec, name)
        self._states: dict[Key, Tensor] | None = None
        self._fast: list[PreTrainedModel] = []
        self._workers: Workers | None = None

    @classmethod
    def of(cls, encoder: Encoder) -> "Trunk":
        """A trunk with the weights of ``encoder``, not a copy of them."""
        return cls(encoder.backbone, encoder.codec, encoder.name).eval()

    def quicken(self, workers: int = 1) -> bool:
        """Answer in bfloat16 from now on where this machine is faster at it; whether it is.

        The weights are copied once, so that no call has to convert them; what is learned or saved later is not of the
        copy. With several ``workers`` a batch is cut into as many parts, which run side by side on one core each:
        there is less to wait for than when the cores share each operator.
        """
        if not self._fast and resolve("auto", self.device) == "bf16":
            self._fast = [copy.deepcopy(self.backbone).bfloat16().eval()]
        if self._fast and workers > 1 and self._workers is None:
            self._workers = Workers(workers)
        return bool(self._fast)

    @contextmanager
    def quick(self) -> Iterator[None]:
        """Be quickened inside the block."""
        self.quicken()
        try:
            yield
        finally:
            self._fast = []
            self._workers = None

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Tokenise each distinct turn and encode each distinct sequence once inside the block."""
        self._states = {}
        try:
            with self.codec.remembering(), torch.inference_mode():
                yield
        finally:
            self._states = None

    def remember(self, tokens: Sequence[Tokens]) -> None:
        """Encode sequences ahead: many short ones cost less together than one after the other."""
        distinct = list(dict.fromkeys(tokens))
        for rows in length_batches([len(one.ids) for one in distinct], _BATCH_TOKENS):
            self(self.codec.batch([distinct[row] for row in rows]).to(self.device))

    def forward(self, encoding: Encoding) -> Tensor:
        """States of the last layer, (batch, tokens, dim); zeros at padding that nothing was computed for."""
        if self._states is None:
            return self._encoded(encoding)
        lengths = encoding.mask.sum(1).tolist()
        keys = [_key(encoding, row, length) for row, length in enumerate(lengths)]
        first: dict[Key, int] = {}
        for row, key in enumerate(keys):
            if key not in self._states:
                first.setdefault(key, row)
        if first:
            rows = sorted(first.values(), key=lambda row: lengths[row])
            number = 1 if self._workers is None else self._workers.number
            parts = [rows[part] for part in shares([lengths[row] for row in rows], number)]
            cut = [_cut(encoding, part, max(lengths[row] for row in part)) for part in parts]
            done = map(self._encoded, cut) if self._workers is None else self._workers.map(self._encoded, cut)
            for part, states in zip(parts, done, strict=True):
                for row, found in zip(part, states, strict=True):
                    self._states[keys[row]] = found[: lengths[row]]
        out = torch.zeros((*encoding.ids.shape, self.dim), device=encoding.ids.device)
        for row, (key, length) in enumerate(zip(keys, lengths, strict=True)):
            out[row, :length] = self._states[key]
        return out

    def _encoded(self, encoding: Encoding) -> Tensor:
        if not self._fast or torch.is_grad_enabled():
            return super().forward(encoding)
        return states_of(self._fast[0], encoding).float()


def _cut(encoding: Encoding, rows: Sequence[int], width: int) -> Encoding:
    segments = None if encoding.segments is None else encoding.segments[rows, :width]
    return Encoding(encoding.ids[rows, :width], encoding.mask[rows, :width], segments)


def _key(encoding: Encoding, row: int, length: int) -> Key:
    """What makes a sequence the one that it is."""
    ids = encoding.ids[row, :length].numpy(force=True).tobytes()
    if encoding.segments is None:
        return ids, b""
    return ids, encoding.segments[row, :length].numpy(force=True).tobytes()
