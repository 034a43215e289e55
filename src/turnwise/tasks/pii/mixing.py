"""Training turns put together anew: a stretch of one turn, then a stretch of another, so that spans are learned by what
stands near them and not by the turn as a whole."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from turnwise.sequences import Row
from turnwise.tasks.pii.shape import after_blank
from turnwise.tasks.pii.windows import Window

_SHORT = 32
"""A mixed turn is no longer than it was, or than this: batches hold turns of like length."""
Stretch = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]


def mixed(window: Window, others: Sequence[Window], most: int, rng: np.random.Generator) -> Window:
    """A stretch of the window's tokens, and behind or before it one of another window's; ``most`` tokens of a row.

    Stretches begin and end at blanks outside of spans. The speaker stays the window's. What the window answers for is
    not kept: it is for training alone.
    """
    room = min(max(len(window.target), _SHORT), most - window.lead - 1)
    own = _stretch(window, room, rng)
    pair = [own, _stretch(others[int(rng.integers(len(others)))], room - len(own[0]), rng)]
    if rng.random() < 0.5:
        pair.reverse()
    ids, target, shapes = (np.concatenate(found) for found in zip(*pair, strict=True))
    row = window.row
    lead, end = slice(window.lead), slice(len(row.ids) - 1, None)
    whole = Row(
        np.concatenate([row.ids[lead], ids, row.ids[end]]),
        np.full(window.lead + len(ids) + 1, row.segments[0], dtype=row.segments.dtype),
        np.concatenate([row.marks[lead], np.zeros(len(ids), dtype=row.marks.dtype), row.marks[end]]),
        row.starts,
        row.kept,
    )
    return replace(window, row=whole, target=target, shapes=shapes)


def _stretch(window: Window, room: int, rng: np.random.Generator) -> Stretch:
    """Ids, targets and shapes of at most ``room`` tokens between two places where a turn may be cut, or to its ends."""
    target = window.target
    free = after_blank(window.shapes) & ~((target > 0) & (target % 2 == 0))
    free[0] = True
    cuts = np.flatnonzero(free)
    start = int(rng.choice(cuts)) if rng.random() < 0.5 else 0
    ends = np.append(cuts[cuts > start], len(target))
    ends = ends[ends - start <= room]
    end = start if not len(ends) else int(rng.choice(ends) if rng.random() < 0.5 else ends[-1])
    kept = slice(start, end)
    return window.row.ids[window.lead :][: len(target)][kept], target[kept], window.shapes[kept]
