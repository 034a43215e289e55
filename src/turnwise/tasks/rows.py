"""Examples of tasks that answer from one sequence: dialogues as ids, and the rows that are cut from them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue
from turnwise.objectives.objective import Batch
from turnwise.objectives.places import pad
from turnwise.sequences import STRUCTURE, TEXT, Composer, Ids, Row, TurnIds
from turnwise.store import SPEAKERS, profile_text

Target = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Talk:
    """A dialogue as ids: every turn, blank ones too, and its profile."""

    turns: tuple[TurnIds, ...]
    profile: Ids


@dataclass(frozen=True, slots=True)
class Example:
    """A sequence, what is to be said about it, and where it comes from: the numbers of a dialogue and a turn.

    ``target`` (width,) is NaN where nobody knows the answer. ``truncated``: the turn itself did not fit whole.
    ``offset`` is what training adds to the logits, where its examples are not as frequent as those to come.
    """

    row: Row
    target: Target
    dialogue: int
    turn: int
    truncated: bool
    offset: float = field(default=0.0, kw_only=True)


class Examples(Sequence[Example]):
    """Examples by number; each target has ``width`` numbers."""

    def __init__(self, found: Sequence[Example], width: int) -> None:
        self.found = found
        self.width = width

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, row: int) -> Example:  # type: ignore[override]
        return self.found[row]

    def lengths(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Tokens of some examples."""
        return np.array([len(self.found[row].row.ids) for row in rows.tolist()], dtype=np.int64)

    def only(self, rows: Sequence[int]) -> "Examples":
        """Some of them, in this order."""
        return Examples([self.found[row] for row in rows], self.width)

    @property
    def targets(self) -> Target:
        """All targets, (examples, width)."""
        return np.stack([example.target for example in self.found])


def talks(dialogues: Iterable[Dialogue], codec: Codec) -> list[Talk]:
    """Tokenise every turn and profile once."""
    given = list(dialogues)
    ids = iter(codec.plain_ids([turn.text for dialogue in given for turn in dialogue.turns]))
    profiles = codec.plain_ids([profile_text(dialogue) for dialogue in given])
    return [
        Talk(
            tuple(TurnIds(np.array(next(ids), dtype=np.int32), SPEAKERS[turn.speaker]) for turn in dialogue.turns),
            np.array(profile, dtype=np.int32),
        )
        for dialogue, profile in zip(given, profiles, strict=True)
    ]


def rows(
    dialogues: Sequence[Dialogue],
    codec: Codec,
    queries: Callable[[Dialogue], Iterable[int]],
    target: Callable[[Dialogue, int], Target | None],
    *,
    width: int,
    context: int | None = None,
    profile: bool = True,
) -> Examples:
    """An example for each turn that ``queries`` names and ``target`` has an answer for (None leaves it out).

    Its sequence is the dialogue up to and with that turn; of what came before, at most ``context`` turns.
    """
    composer = Composer(codec)
    found = []
    for number, (dialogue, talk) in enumerate(zip(dialogues, talks(dialogues, codec), strict=True)):
        for turn in queries(dialogue):
            wanted = target(dialogue, turn)
            if wanted is None:
                continue
            start = 0 if context is None else max(0, turn - context)
            row = composer.dialogue(
                talk.turns[start : turn + 1],
                profile=talk.profile if profile else None,
                from_start=start == 0,
            )
            found.append(Example(row, wanted, number, turn, _is_cut(row, talk.turns[turn].ids, codec)))
    return Examples(found, width)


def _asked(row: Row) -> tuple[int, int]:
    """Where the last turn of a row begins and ends, its speaker token included."""
    start = row.starts[-1]
    later = np.flatnonzero(row.marks[start + 1 :] == STRUCTURE)
    return start, start + 1 + int(later[0]) if len(later) else len(row.ids)


def _is_cut(row: Row, ids: Ids, codec: Codec) -> bool:
    """Whether the last turn of a row is not there whole."""
    if len(ids) >= codec.max_tokens:
        return True
    words = (row.marks[row.starts[-1] :] == TEXT).astype(int).tolist()
    first = words.index(1) if 1 in words else len(words)
    said = words[first:]
    return (said.index(0) if 0 in said else len(said)) < len(ids)


def collate(examples: Sequence[Example], codec: Codec) -> Batch:
    """The rows padded; ``targets`` (batch, width), ``offsets`` (batch, 1), and ``asked`` (batch, tokens), 1 at the turn
    asked about.
    """
    encoding = pad([example.row for example in examples], codec)
    asked = torch.zeros_like(encoding.mask)
    for at, example in enumerate(examples):
        start, end = _asked(example.row)
        asked[at, start:end] = 1
    targets = torch.from_numpy(np.stack([example.target for example in examples]))
    offsets = torch.tensor([[example.offset] for example in examples])
    return Batch((encoding,), {"targets": targets, "offsets": offsets, "asked": asked})
