"""The grid as a picture: the gain of each arm on each task over no further pre-training, as one self-contained page."""

from html import escape
from pathlib import Path

import _page
from _grid_gains import Difference, by_seed, difference
from _grid_names import ARM_TITLES, TASK_FIGURES
from _grid_tables import SIZES
from _markdown import Cells, read
from turnwise.analysis.page import figure
from turnwise.analysis.svg import GOOD, WARN

_LEFT, _TOP, _WIDTH, _HEIGHT = 190, 26, 68, 26


def draw(path: Path) -> None:
    """Write the page beside the results; nothing when there is no gain to show."""
    cells = read(path)
    charts = []
    for size, words in SIZES.items():
        gains = gains_of(cells, size)
        if gains:
            caption = (
                "Points above or below the encoder without further pre-training, mean over seeds; bold where beyond "
                "noise. A column is the stronger in colour, the nearer it comes to its largest difference."
            )
            charts.append(figure("Gain by objective and task", heat_map(gains), caption, aside=words))
    lead = "INT: accuracy over all; DA: micro-F1; RS: R100@1; DST: joint accuracy."
    _page.write(path, "The grid", "Which objective helps which task", lead, charts)


def gains_of(cells: Cells, size: str) -> dict[str, dict[str, Difference]]:
    """The gain over ``none`` by arm and task, of those that share a seed with it."""
    found: dict[str, dict[str, Difference]] = {}
    for arm in ARM_TITLES:
        for task, figures in TASK_FIGURES.items():
            values = (by_seed(cells, size, task, one, figures.headline) for one in (arm, "none"))
            gain = difference(*values)
            if gain is not None and arm != "none":
                found.setdefault(arm, {})[task] = gain
    return found


def heat_map(gains: dict[str, dict[str, Difference]]) -> str:
    """A row an arm, a column a task; what was not measured stays empty."""
    most = {
        task: max((abs(row[task].mean) for row in gains.values() if task in row), default=0.0) or 1.0
        for task in TASK_FIGURES
    }
    parts = [_text(_LEFT + _WIDTH * (at + 0.5), 16, task, "middle") for at, task in enumerate(TASK_FIGURES)]
    for row, (arm, found) in enumerate(gains.items()):
        top = _TOP + _HEIGHT * row
        parts.append(_text(_LEFT - 8, top + 17, ARM_TITLES[arm], "end"))
        for column, task in enumerate(TASK_FIGURES):
            if task in found:
                parts.append(_cell(_LEFT + _WIDTH * column, top, arm, task, found[task], most[task]))
    width, height = _LEFT + _WIDTH * len(TASK_FIGURES) + 4, _TOP + _HEIGHT * len(gains) + 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="Gains in points'
        f' by arm and task" font-family="system-ui, sans-serif" font-size="11.5">{"".join(parts)}</svg>'
    )


def _cell(left: int, top: int, arm: str, task: str, gain: Difference, most: float) -> str:
    colour = GOOD if gain.mean > 0 else WARN
    strength = 0.06 + 0.6 * abs(gain.mean) / most
    noise = f"noise up to {gain.noise:.2f}" if gain.noise is not None else "too few seeds to tell from noise"
    tip = f"{ARM_TITLES[arm]}, {task}: {gain.mean:+.2f} points, {gain.n} seeds, {noise}"
    return (
        f"<g><title>{escape(tip)}</title>"
        f'<rect x="{left + 1}" y="{top + 1}" width="{_WIDTH - 2}" height="{_HEIGHT - 2}" fill="{colour}"'
        f' fill-opacity="{strength:.2f}"/>'
        + _text(left + _WIDTH / 2, top + 17, f"{gain.mean:+.2f}", "middle", weight=700 if gain.sign else 400)
        + "</g>"
    )


def _text(x: float, y: float, text: str, anchor: str, *, weight: int = 400) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" fill="currentColor">'
        f"{escape(text)}</text>"
    )
