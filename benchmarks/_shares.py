"""How much each task needs of the labels: figures by the share of the training dialogues, as one page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import _page
from _markdown import Cell
from turnwise.analysis.page import figure
from turnwise.analysis.svg import Axis, Mark, curves, legend

_ROOM = 0.03


@dataclass(frozen=True)
class Point:
    """A figure, the mean over ``seeds``, with ``share`` per cent of the training dialogues, which ``said`` counts."""

    share: float
    value: float
    said: str
    seeds: int


def line(
    cells: Mapping[float, Sequence[Cell]], figure: Callable[[Cell], float], said: Callable[[Cell], str]
) -> list[Point]:
    """The cells of each share as points."""
    return [
        Point(share, sum(map(figure, found)) / len(found), said(found[0]), len(found))
        for share, found in sorted(cells.items())
    ]


def chart(title: str, y: str, lines: Mapping[str, Sequence[Point]]) -> str:
    """A figure with a curve for each name; the values stand beside the points of one that is alone."""
    alone = len(lines) == 1
    marks = {
        name: [
            Mark(
                point.share,
                point.value,
                f"{'' if alone else f'{name}, '}{point.share:g} %, {point.said}: {100 * point.value:.2f}",
                f"{100 * point.value:.1f}" if alone else "",
            )
            for point in points
        ]
        for name, points in lines.items()
    }
    values = [point.value for points in lines.values() for point in points]
    drawn = curves(
        marks,
        Axis("Labels (%)", 0.0, 100.0, percent=False),
        Axis(y, max(0.0, min(values) - _ROOM), min(1.0, max(values) + _ROOM)),
        about=f"{title} by share",
    )
    seeds = max(point.seeds for points in lines.values() for point in points)
    caption = f"A line joins what was measured; mean of {seeds} seed{'s' if seeds > 1 else ''} at most."
    return figure(title, ("" if alone else legend(list(lines))) + drawn, caption)


def write(path: Path, charts: Sequence[str]) -> None:
    """The charts beside the results in ``path``, as a page that is whole in itself; nothing where there are none."""
    lead = "Measured on test dialogues; a mark a share of the training dialogues."
    _page.write(path, "Shares of the labels", "How much each task needs of the labels", lead, charts)
