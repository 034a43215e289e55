"""Training turns put together anew: a stretch of one turn, then a stretch of another, so that spans are learned by what
stands near them and not by the turn as a whole."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from turnwise.sequences import Row
from turnwise.tasks.pii.shape import after_blank
from turnwise.tasks.pii.windows import Window


def mixed(window: Window, others: Sequence[Window], most: int, rng: np.random.Generator) -> Window:
    """A stretch of the window's tokens, and behind or before it one of another window's; ``most`` tokens of a row.

    Stretches begin and end at blanks outside of spans. The speaker stays the window's. What the window answers for is
    not kept: it is for training alone.
    """
    pair = [_stretch(window, rng), _stretch(others[int(rng.integers(len(others)))], rng)]
    if rng.random() < 0.5:
        pair.reverse()
    room = most - window.lead - 1
    ids, target, shapes = (np.concatenate(found)[:room] for found in zip(*pair, strict=True))
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


def _stretch(
    window: Window, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
    """Ids, targets and shapes of the tokens between two places where a turn may be cut, or to its ends."""
    target = window.target
    free = after_blank(window.shapes) & ~((target > 0) & (target % 2 == 0))
    free[0] = False
    cuts = np.flatnonzero(free)
    start, end = 0, len(target)
    if len(cuts) and rng.random() < 0.5:
        start = int(rng.choice(cuts))
    later = cuts[cuts > start]
    if len(later) and rng.random() < 0.5:
        end = int(rng.choice(later))
    kept = slice(start, end)
    return window.row.ids[window.lead :][: len(target)][kept], target[kept], window.shapes[kept]
