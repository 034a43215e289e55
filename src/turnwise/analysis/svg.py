"""Charts as self-contained SVG strings: no script, text escaped, colours that follow the page.

Axes and text take ``currentColor``, so a chart is readable on light and dark pages. Classes differ in hue (a
colour-blind safe palette after Okabe and Ito) and in the shape of their marks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

PALETTE = ("#0a7fc4", "#d9820f", "#0b9e76", "#d0508f", "#7a6fd6", "#b8542a", "#7f8790")
ACCENT = "var(--accent, #0a6fb8)"
WARN = "var(--warn, #c8551b)"
GOOD = "var(--good, #0b7f5f)"
_SHAPES = 4
_WIDTH, _HEIGHT = 380, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 12, 42


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis; ``percent`` shows values times 100, so the label should name the unit %.

    With ``doubling`` values are logarithms to the base 2 of what is shown.
    """

    label: str
    low: float = 0.0
    high: float = 1.0
    percent: bool = True
    doubling: bool = False

    def ticks(self, about: int = 5) -> list[float]:
        """Round values, 1, 2 or 5 times a power of ten apart, about ``about`` of them."""
        width = (self.high - self.low) or 1.0
        power = 10.0 ** floor(log10(width / about))
        step = next(power * times for times in (1, 2, 5, 10) if width / (power * times) <= about + 0.5)
        first = -floor(-self.low / step + 1e-9)
        last = floor(self.high / step + 1e-9)
        return [min(max(k * step, self.low), self.high) for k in range(first, last + 1)]

    def text(self, value: float) -> str:
        """A tick's text."""
        if self.doubling:
            return f"{2**value:,.0f}"
        return f"{value * 100:.10g}" if self.percent else f"{value:.4g}"

    def place(self, value: float) -> float:
        """Where a value lies along the axis, from 0 to 1."""
        return (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a chart; ``tip`` is its tooltip, ``name`` is written beside it where it is not empty."""

    x: float
    y: float
    tip: str = ""
    name: str = ""


def line_chart(points: Sequence[Mark], x: Axis, y: Axis, *, about: str, marks: Sequence[Mark] = ()) -> str:
    """A curve through ``points`` with a tooltip at each, and ``marks`` standing out on it."""
    at = [(_x(x, p.x), _y(y, p.y), p) for p in points]
    path = " ".join(f"{'L' if i else 'M'}{_n(px)} {_n(py)}" for i, (px, py, _) in enumerate(at))
    parts = [f'<path d="{path}" fill="none" stroke="{ACCENT}" stroke-width="2.2" stroke-linejoin="round"/>']
    parts += [
        f'<circle cx="{_n(px)}" cy="{_n(py)}" r="5" fill="{ACCENT}" fill-opacity="0">{_tip(p.tip)}</circle>'
        for px, py, p in at
    ]
    for mark in marks:
        px, py = _x(x, mark.x), _y(y, mark.y)
        after = px < _WIDTH * 0.6
        parts.append(
            f'<circle cx="{_n(px)}" cy="{_n(py)}" r="5" fill="{WARN}" stroke="var(--card, #fff)" stroke-width="1.5">'
            f"{_tip(mark.tip)}</circle>"
            + _text(px + (9 if after else -9), py + 4, mark.name, "start" if after else "end", weight=600)
        )
    return _svg(_frame(x, y) + "".join(parts), about=about)


def curves(lines: Mapping[str, Sequence[Mark]], x: Axis, y: Axis, *, about: str) -> str:
    """Curves by name, in the colours and shapes that ``legend`` gives these names, a mark with its tooltip a point."""
    parts = []
    for number, points in enumerate(lines.values()):
        at = [(_x(x, p.x), _y(y, p.y), p) for p in points]
        path = " ".join(f"{'L' if i else 'M'}{_n(px)} {_n(py)}" for i, (px, py, _) in enumerate(at))
        colour = PALETTE[number % len(PALETTE)]
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>')
        parts += [
            _shape(number, px, py, _tip(p.tip)) + _text(px, py - 9, p.name, "middle", weight=600) * bool(p.name)
            for px, py, p in at
        ]
    return _svg(_frame(x, y) + "".join(parts), about=about)


def reliability_diagram(bins: Sequence[dict[str, float]], *, about: str) -> str:
    """Accuracy against confidence in bins, as ``metrics.reliability`` gives them.

    The thick top of a bar is its accuracy, the diagonal perfect calibration; the gap to the stated confidence is
    WARN where the model is too sure and GOOD where it is not sure enough. Fainter bars hold fewer answers.
    """
    x, y = Axis("Confidence (%)"), Axis("Accuracy (%)")
    most = max((b["n"] for b in bins), default=1)
    parts = []
    for b in bins:
        left, width = _x(x, b["low"]) + 0.75, _x(x, b["high"]) - _x(x, b["low"]) - 1.5
        right, stated, bottom = _y(y, b["accuracy"]), _y(y, b["confidence"]), _y(y, 0)
        tip = _tip(
            f"confidence {100 * b['low']:.0f} to {100 * b['high']:.0f} %: {b['n']:.0f} answers, "
            f"{100 * b['accuracy']:.1f} % right, {100 * b['confidence']:.1f} % stated"
        )
        strength = 0.22 + 0.78 * (b["n"] / most) ** 0.4
        gap = WARN if right > stated else GOOD
        parts.append(
            f'<g opacity="{strength:.2f}">{tip}'
            + _rect(left, _TOP, width, bottom - _TOP, "none")
            + _rect(left, max(right, stated), width, bottom - max(right, stated), ACCENT, 0.6)
            + _rect(left, min(right, stated), width, abs(right - stated), gap, 0.5)
            + _rect(left, right - 1.25, width, 2.5, ACCENT)
            + "</g>"
        )
    diagonal = (
        f'<line x1="{_n(_x(x, 0))}" y1="{_n(_y(y, 0))}" x2="{_n(_x(x, 1))}" y2="{_n(_y(y, 1))}"'
        ' stroke="currentColor" stroke-opacity="0.55" stroke-dasharray="4 4"/>'
    )
    return _svg(_frame(x, y) + "".join(parts) + diagonal, about=about)


def bar_chart(bars: Sequence[tuple[str, float]], *, about: str, unit: str) -> str:
    """Horizontal bars, each under its name, with its value behind it and ``unit`` in its tooltip; none negative."""
    high = max((value for _, value in bars), default=0.0) or 1.0
    row, room = 34, _WIDTH - 50
    parts = []
    for i, (name, value) in enumerate(bars):
        top = 4 + i * row
        width = room * value / high
        parts.append(
            f"<g>{_tip(f'{name}: {value:.4g} {unit}')}"
            + _text(0, top + 10, _clip(name, 54), "start")
            + _rect(0, top + 15, width, 9, ACCENT)
            + _text(width + 6, top + 23.5, f"{value:.4g}", "start", weight=600)
            + "</g>"
        )
    return _svg("".join(parts), about=about, height=8 + row * len(bars))


def matrix(names: Sequence[str], counts: Sequence[Sequence[int]], *, about: str) -> str:
    """Counts of gold (rows) and answered names (columns); a cell is the darker, the larger its share of the row."""
    side, left, top = min(64.0, 280 / max(1, len(names))), 84, 46
    parts = [_text(left + side * len(names) / 2, 14, "Answered", "middle", weight=600)]
    for column, name in enumerate(names):
        parts.append(_text(left + side * (column + 0.5), top - 8, _clip(name, 10), "middle"))
    for row, name in enumerate(names):
        middle = top + side * (row + 0.5) + 4
        parts.append(_text(left - 8, middle, _clip(name, 12), "end"))
        whole = sum(counts[row]) or 1
        for column, count in enumerate(counts[row]):
            share = count / whole
            tip = f"annotated {name}, answered {names[column]}: {count} ({100 * share:.1f} %)"
            parts.append(
                f"<g>{_tip(tip)}"
                + _rect(left + side * column + 1, top + side * row + 1, side - 2, side - 2, ACCENT, 0.08 + 0.72 * share)
                + _text(left + side * (column + 0.5), middle, str(count), "middle", weight=600)
                + "</g>"
            )
    height = round(top + side * len(names) + 8)
    return _svg("".join(parts), about=about, width=max(180, round(left + side * len(names) + 8)), height=height)


def scatter(points: Sequence[Mark], classes: Sequence[str], order: Sequence[str], *, about: str) -> str:
    """Points without axes, coloured and shaped by class; ``order`` fixes each class's mark (see ``legend``)."""
    number = {name: i for i, name in enumerate(order)}
    size, pad = 340, 12
    x = Axis("", *_range([p.x for p in points]))
    y = Axis("", *_range([p.y for p in points]))
    room = size - 2 * pad
    parts = [
        _shape(number[name], pad + room * x.place(p.x), size - pad - room * y.place(p.y), _tip(p.tip))
        for p, name in zip(points, classes, strict=True)
    ]
    return _svg("".join(parts), about=about, width=size, height=size)


def legend(order: Sequence[str]) -> str:
    """The classes of ``scatter`` with their marks, as an HTML list."""
    rows = (
        f'<li><svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">{_shape(i, 6, 6, "")}</svg>'
        f"{escape(name)}</li>"
        for i, name in enumerate(order)
    )
    return f'<ul class="legend">{"".join(rows)}</ul>'


def interval_bar(value: float, low: float, high: float, *, about: str) -> str:
    """A share between 0 and 1 with its interval, as a thin strip."""
    return (
        f'<svg class="strip" viewBox="0 0 200 10" preserveAspectRatio="none" role="img" aria-label="{escape(about)}">'
        '<rect y="4" width="200" height="2" rx="1" fill="currentColor" fill-opacity="0.16"/>'
        f'<rect x="{_n(200 * low)}" y="2.5" width="{_n(max(200 * (high - low), 1))}" height="5" rx="1"'
        f' fill="{ACCENT}" fill-opacity="0.4"/>'
        f'<rect x="{_n(max(200 * value - 1.25, 0))}" width="2.5" height="10" fill="{ACCENT}"/></svg>'
    )


def share_bar(value: float) -> str:
    """A share between 0 and 1 as a small bar for a table cell."""
    return (
        '<svg class="share" viewBox="0 0 60 8" width="60" height="8" aria-hidden="true">'
        '<rect width="60" height="8" rx="2" fill="currentColor" fill-opacity="0.12"/>'
        f'<rect width="{_n(60 * value)}" height="8" rx="2" fill="{ACCENT}"/></svg>'
    )


def _frame(x: Axis, y: Axis) -> str:
    bottom, parts = _HEIGHT - _BOTTOM, []
    for value in y.ticks():
        at = _y(y, value)
        parts.append(
            f'<line x1="{_LEFT}" y1="{_n(at)}" x2="{_WIDTH - _RIGHT}" y2="{_n(at)}" stroke="currentColor"'
            ' stroke-opacity="0.12"/>' + _text(_LEFT - 7, at + 4, y.text(value), "end")
        )
    for value in x.ticks():
        at = _x(x, value)
        parts.append(
            f'<line x1="{_n(at)}" y1="{bottom}" x2="{_n(at)}" y2="{bottom + 4}" stroke="currentColor"'
            ' stroke-opacity="0.4"/>' + _text(at, bottom + 17, x.text(value), "middle")
        )
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<line x1="{_LEFT}" y1="{bottom}" x2="{_WIDTH - _RIGHT}" y2="{bottom}" stroke="currentColor"'
        ' stroke-opacity="0.4"/>'
        + _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, x.label, "middle", weight=600)
        + f'<g transform="translate(12 {_n(middle)}) rotate(-90)">{_text(0, 0, y.label, "middle", weight=600)}</g>'
    )
    return "".join(parts)


def _svg(body: str, *, about: str, width: int = _WIDTH, height: int = _HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(about)}" font-family="system-ui, sans-serif" font-size="11.5">{body}</svg>'
    )


def _rect(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0) -> str:
    seen = ' pointer-events="all"' if fill == "none" else f' fill-opacity="{opacity:.2f}"'
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{fill}"{seen}/>'


def _shape(number: int, x: float, y: float, inside: str) -> str:
    """Hue and shape both change from one number to the next, so 28 classes differ."""
    style = f'fill="{PALETTE[number % len(PALETTE)]}" fill-opacity="0.82"'
    shape = number % _SHAPES
    if shape == 0:
        return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3.4" {style}>{inside}</circle>'
    paths = ("m-3-3h6v6h-6z", "m0-4l4 7h-8z", "m0-4.4l4.4 4.4l-4.4 4.4l-4.4-4.4z")
    return f'<path d="M{_n(x)} {_n(y)}{paths[shape - 1]}" {style}>{inside}</path>'


def _text(x: float, y: float, text: str, anchor: str, *, weight: int = 400) -> str:
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" font-weight="{weight}" fill="currentColor">'
        f"{escape(text)}</text>"
    )


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _range(values: Sequence[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (0.0, 1.0)


def _x(axis: Axis, value: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * axis.place(value)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * axis.place(value)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
