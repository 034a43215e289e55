"""Examples as places in a store of turns, and batches of like length over them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from turnwise.codec import Codec, Encoding
from turnwise.objectives.substitutes import Substitutes
from turnwise.sequences import STRUCTURE, Row
from turnwise.store import TurnStore

_WINDOW = 50
"""Batches within which examples of like length meet."""
_BLOCK = 65_536
"""Examples that are shuffled together: an epoch's order takes the memory of some blocks, not of the corpus."""


@dataclass(frozen=True, slots=True)
class Place:
    """An example: the turns from ``start`` up to ``end`` of one dialogue; what they are for is the objective's.

    ``substitutes`` are there where the objective replaces turns.
    """

    store: TurnStore
    start: int
    end: int
    substitutes: Substitutes | None = None


class Measured(Protocol):
    """Examples that know how long they are."""

    def __len__(self) -> int: ...

    def lengths(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Tokens of some examples."""
        ...


class Places(Sequence[Place]):
    """Places by number; ``starts`` and ``ends`` (examples,) are turn numbers."""

    def __init__(
        self,
        store: TurnStore,
        starts: NDArray[np.integer],
        ends: NDArray[np.integer],
        substitutes: Substitutes | None = None,
    ) -> None:
        self.store = store
        self.substitutes = substitutes
        self.starts = starts.astype(np.int32, copy=False)
        self.ends = ends.astype(np.int32, copy=False)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> Place:  # type: ignore[override]
        return Place(self.store, int(self.starts[row]), int(self.ends[row]), self.substitutes)

    def lengths(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Tokens of the turns of some places."""
        offsets = self.store.turn_start
        return np.asarray(offsets[self.ends[rows]] - offsets[self.starts[rows]])


def length_shuffled(
    places: Measured, batch_size: int, rng: np.random.Generator, *, least: int = 1
) -> Iterator[list[int]]:
    """One epoch of batches, shuffled; inside a window of 50 batches, examples of like length meet.

    A batch of fewer than ``least`` is left out.
    """
    for rows in _windows(len(places), _WINDOW * batch_size, rng):
        rows = rows[np.argsort(places.lengths(rows), kind="stable")]
        found = [rows[at : at + batch_size].tolist() for at in range(0, len(rows), batch_size)]
        found = [batch for batch in found if len(batch) >= least]
        for number in rng.permutation(len(found)):
            yield found[number]


def window_steps(examples: int, batch_size: int, *, least: int = 1) -> int:
    """How many batches ``length_shuffled`` yields."""
    whole, rest = divmod(examples, _WINDOW * batch_size)
    full, last = divmod(rest, batch_size)
    return whole * _WINDOW + full + (1 if last >= least else 0)


def _windows(number: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """The numbers below ``number`` in a random order, ``size`` at a time: random blocks, mixed eight together."""
    blocks = rng.permutation(-(-number // _BLOCK))
    left = np.zeros(0, dtype=np.int64)
    for at in range(0, len(blocks), 8):
        pool = [np.arange(b * _BLOCK, min((b + 1) * _BLOCK, number)) for b in blocks[at : at + 8].tolist()]
        left = np.concatenate([left, rng.permutation(np.concatenate(pool))])
        last = at + 8 >= len(blocks)
        while len(left) >= size or (last and len(left)):
            yield left[:size]
            left = left[size:]


def pad(rows: Sequence[Row], codec: Codec) -> Encoding:
    """The rows as one padded batch, with marks."""
    width = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), width), int(codec.tokenizer.pad_token_id), dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    segments = np.zeros((len(rows), width), dtype=np.int64)
    marks = np.full((len(rows), width), STRUCTURE, dtype=np.int64)
    for at, row in enumerate(rows):
        size = len(row.ids)
        ids[at, :size], mask[at, :size] = row.ids, 1
        segments[at, :size], marks[at, :size] = row.segments, row.marks
    if codec.segment_types < 2:
        segments[:] = 0
    return Encoding(
        torch.from_numpy(ids),
        torch.from_numpy(mask),
        torch.from_numpy(segments) if codec.segments else None,
        torch.from_numpy(marks),
    )
