"""Examples of state tracking: a sequence of turns, the values named in it, and what becomes of each slot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turnwise.codec import Codec, Pieces
from turnwise.objectives.objective import Batch
from turnwise.objectives.places import pad
from turnwise.sequences import TEXT, Row
from turnwise.tasks.rows import Example, Examples
from turnwise.tasks.state.columns import WIDTH
from turnwise.tasks.state.ontology import Ontology
from turnwise.tasks.state.updates import State, Update

NAMED_NOW, NAMED_BY_AGENT, NAMED_BEFORE = range(3)
"""Where a value is named: in the turn asked about, by the agent just before it, earlier in the sequence."""
NAMINGS = 3


@dataclass(frozen=True, slots=True)
class Told:
    """The truth of an example: the ``state``, what the turn did to it, the numbers of the right values, and ``spans``:
    slot, first and last token of each place where a right value stands."""

    state: State
    update: Update
    values: tuple[int, ...]
    spans: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A dialogue as it is read: the texts of its turns and their tokens."""

    texts: tuple[str, ...]
    pieces: tuple[Pieces, ...]


@dataclass(frozen=True, slots=True)
class StateExample(Example):
    """``turns`` (tokens,): the number of the turn that a token of text belongs to, else -1. ``named``: numbers of
    values and where they are named. ``allowed`` (slots,): those that the dialogue can have."""

    said: Said
    turns: NDArray[np.int64]
    named: tuple[tuple[int, int], ...]
    allowed: NDArray[np.bool_]
    told: Told | None


class StateExamples(Examples):
    """Examples in the order of their dialogues, with their ontology."""

    def __init__(self, found: Sequence[StateExample], ontology: Ontology) -> None:
        super().__init__(found, len(ontology.slots) * WIDTH)
        self.ontology = ontology
        self.tracked = found

    def only(self, rows: Sequence[int]) -> "StateExamples":
        return StateExamples([self.tracked[row] for row in rows], self.ontology)


def text_turns(row: Row, offset: int) -> NDArray[np.int64]:
    """The number of the turn of each token of text of a row, else -1; ``offset`` is the number of its first turn."""
    turns = np.full(len(row.ids), -1, dtype=np.int64)
    ends = [*row.starts[1:], len(row.ids)]
    for start, end, kept in zip(row.starts, ends, row.kept, strict=True):
        turns[np.flatnonzero(row.marks[start:end] == TEXT) + start] = kept + offset
    return turns


def collate(examples: Sequence[StateExample], codec: Codec) -> Batch:
    """The rows padded, with what the heads read and the loss compares.

    ``turns`` and ``asked`` (batch, tokens), the latter 1 at the turn asked about; ``named`` (n, 3) of row, value and
    where; ``allowed`` (batch, slots). Where the truth is known ``operations`` and ``same`` (batch, slots), ``values``
    (n, 2) of row and value, ``spans`` (n, 4) of row, slot, first and last token.
    """
    encoding = pad([example.row for example in examples], codec)
    turns = np.full(tuple(encoding.ids.shape), -1, dtype=np.int64)
    for at, example in enumerate(examples):
        turns[at, : len(example.turns)] = example.turns
    last = np.array([example.turn for example in examples])
    targets = {
        "turns": torch.from_numpy(turns),
        "asked": torch.from_numpy((turns == last[:, None]).astype(np.int64)),
        "named": _table([(at, *one) for at, example in enumerate(examples) for one in example.named], 3),
        "allowed": torch.from_numpy(np.stack([example.allowed for example in examples])),
    }
    told = [example.told for example in examples if example.told is not None]
    if len(told) == len(examples):
        targets["operations"] = torch.from_numpy(np.stack([one.update.operations for one in told]))
        targets["same"] = torch.from_numpy(np.stack([one.update.same for one in told]))
        targets["values"] = _table([(at, one) for at, truth in enumerate(told) for one in truth.values], 2)
        targets["spans"] = _table([(at, *one) for at, truth in enumerate(told) for one in truth.spans], 4)
    return Batch((encoding,), targets)


def _table(rows: Sequence[tuple[int, ...]], width: int) -> Tensor:
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), width)
