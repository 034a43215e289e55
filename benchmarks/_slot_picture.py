"""Slots as pictures: the mean F1 by training size beside what is published, and by pairs of pre-training."""

from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path

import _page
from _markdown import Cells, read
from _slot_tables import DSTC8, RESTAURANTS8K, VARIANTS, by_pairs, mean_f1
from turnwise.analysis.page import figure
from turnwise.analysis.svg import Axis, Mark, curves, legend

_SHOWN = ("default", "random", "scratch")
_ROOM = 0.03
Points = Sequence[tuple[float, float]]


def draw(path: Path) -> None:
    """Write the page beside the results; nothing when there is nothing to show."""
    cells = read(path)
    charts = [_restaurants(cells), *(_dstc8(cells, domain) for domain in DSTC8), _pairs(path.parent)]
    lead = "Mean F1 of exact spans over the slots, on test sentences; what is published is of ConVEx."
    _page.write(path, "Slots", "Slots from a few examples", lead, [chart for chart in charts if chart])


def _restaurants(cells: Cells) -> str:
    lines = {VARIANTS[v]: _measured(cells, v, "restaurants8k", tuple(RESTAURANTS8K)) for v in _SHOWN}
    for place, name in enumerate(("Span-ConveRT, published", "ConVEx, published", "its ensemble, published")):
        lines[name] = [(size, published[place] / 100) for size, published in RESTAURANTS8K.items()]
    return _chart("RESTAURANTS-8K", "Examples", lines) if lines[VARIANTS["default"]] else ""


def _dstc8(cells: Cells, domain: str) -> str:
    ours = _measured(cells, "default", f"dstc8/{domain}", tuple(DSTC8[domain]))
    published = [(size, best / 100) for size, best in DSTC8[domain].items()]
    return _chart(domain, "Examples", {VARIANTS["default"]: ours, "best published": published}) if ours else ""


def _pairs(results: Path) -> str:
    lines = by_pairs(results)
    return _chart("RESTAURANTS-8K, by pairs of pre-training", "Pairs", lines) if lines else ""


def _measured(cells: Cells, variant: str, place: str, sizes: Sequence[int]) -> Points:
    found = [(size, mean_f1(cells, variant, f"{place}/{size}")) for size in sizes]
    return [(size, value) for size, value in found if value is not None]


def _chart(title: str, x: str, lines: Mapping[str, Points]) -> str:
    marks = {
        name: [Mark(log2(number), value, f"{name}, {number:,}: {100 * value:.1f}", "") for number, value in points]
        for name, points in lines.items()
        if points
    }
    every = [mark for points in marks.values() for mark in points]
    across, up = [mark.x for mark in every], [mark.y for mark in every]
    drawn = curves(
        marks,
        Axis(x, min(across), max(across), percent=False, doubling=True),
        Axis("Mean F1 (%)", max(0.0, min(up) - _ROOM), min(1.0, max(up) + _ROOM)),
        about=f"{title}: mean F1",
    )
    return figure(title, legend(list(marks)) + drawn, "A line joins what was measured; each doubling is as wide.")
