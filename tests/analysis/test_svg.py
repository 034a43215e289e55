"""Charts: well-formed, escaped, and drawn where the figures say."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from turnwise.analysis.svg import (
    PALETTE,
    Axis,
    Mark,
    bar_chart,
    interval_bar,
    legend,
    line_chart,
    reliability_diagram,
    scatter,
    share_bar,
)

NASTY = "<script>alert('x')</script> & \"quoted\""
SVG = "{http://www.w3.org/2000/svg}"


def parsed(chart):
    """Parsing refuses unescaped text and broken tags."""
    return ElementTree.fromstring(chart)


def test_ticks_are_round_and_within_the_axis():
    assert Axis("").ticks() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert Axis("", 0.83, 1).ticks() == pytest.approx([0.85, 0.9, 0.95, 1])
    assert Axis("", 0, 7, percent=False).ticks() == pytest.approx([0, 2, 4, 6])


def test_tick_texts_have_no_float_noise():
    assert [Axis("").text(v) for v in Axis("").ticks()] == ["0", "20", "40", "60", "80", "100"]
    assert Axis("", percent=False).text(0.1 + 0.2) == "0.3"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
@example(low=879609.9999999999, width=1e-06)
def test_any_axis_has_a_few_ticks(low, width):
    high = low + width
    if high > low:
        ticks = Axis("", low, high).ticks()
        assert len(ticks) <= 8
        assert all(low - 1e-6 * width <= tick <= high + 1e-6 * width for tick in ticks)


def test_an_axis_without_width_places_at_its_start():
    assert Axis("", 1.0, 1.0).place(1.0) == 0.0


def test_a_curve_runs_from_corner_to_corner():
    chart = parsed(line_chart([Mark(0, 0), Mark(1, 1)], Axis("x"), Axis("y"), about="a line"))
    assert chart.find(f"{SVG}path").get("d") == "M46 238 L366 12"
    assert chart.get("aria-label") == "a line"


def test_every_text_of_a_curve_is_escaped():
    chart = line_chart([Mark(0.5, 0.5, NASTY)], Axis(NASTY), Axis(NASTY), about=NASTY, marks=[Mark(1, 1, NASTY, NASTY)])
    assert "<script" not in chart
    assert [e.text for e in parsed(chart).iter(f"{SVG}title")] == [NASTY, NASTY]


def test_reliability_bars_tell_too_sure_from_not_sure_enough():
    sure = {"low": 0.8, "high": 0.9, "n": 4, "accuracy": 0.5, "confidence": 0.85}
    shy = {"low": 0.2, "high": 0.3, "n": 1, "accuracy": 1.0, "confidence": 0.25}
    over, under = reliability_diagram([sure], about="r"), reliability_diagram([shy], about="r")
    assert "--warn" in over and "--good" not in over
    assert "--good" in under and "--warn" not in under
    assert "4 answers, 50.0 % right, 85.0 % stated" in over
    both = parsed(reliability_diagram([shy, sure], about="r"))
    fainter, stronger = (float(g.get("opacity")) for g in both.iter(f"{SVG}g") if g.get("opacity"))
    assert fainter < stronger == 1.0


def test_bars_are_as_long_as_their_values():
    chart = parsed(bar_chart([("four", 4), ("one", 1), (NASTY, 0)], about="bars", unit="things"))
    assert [float(e.get("width")) for e in chart.iter(f"{SVG}rect")] == [330.0, 82.5, 0.0]
    assert next(chart.iter(f"{SVG}title")).text == "four: 4 things"


def test_scatter_gives_each_class_its_own_mark_and_a_tooltip():
    names = [f"class {i}" for i in range(12)]
    chart = parsed(scatter([Mark(i, -i, NASTY) for i in range(12)], names, names, about="points"))
    marks = [(e.tag, e.get("fill"), (e.get("d") or "").split("m")[-1]) for e in chart]
    assert len(set(marks)) == 12
    assert {fill for _, fill, _ in marks} == set(PALETTE)
    assert all(e.find(f"{SVG}title").text == NASTY for e in chart)


def test_a_class_keeps_its_mark_in_every_chart():
    order = ["a", "b", "c"]
    whole = parsed(scatter([Mark(0, 0), Mark(1, 1)], ["a", "c"], order, about="points"))
    part = parsed(scatter([Mark(0, 0)], ["c"], order, about="points"))
    assert whole[1].get("fill") == part[0].get("fill") == PALETTE[2]


@pytest.mark.parametrize(
    "chart",
    [
        line_chart([], Axis("x"), Axis("y"), about="none"),
        reliability_diagram([], about="none"),
        bar_chart([], about="none", unit="none"),
        scatter([], [], [], about="none"),
        scatter([Mark(1, 1)], ["a"], ["a"], about="one"),
        share_bar(0.5),
        interval_bar(0.0, 0.0, 0.0, about="zero"),
    ],
)
def test_charts_of_nothing_or_one_thing_are_drawn(chart):
    parsed(chart)


def test_the_legend_names_and_escapes_the_classes():
    shown = legend(["a", NASTY])
    assert "<li>" in shown and "<script" not in shown
    assert shown.count("<li>") == 2


def test_an_axis_of_doublings_shows_the_numbers_themselves() -> None:
    axis = Axis("Examples", 6.0, 13.0, percent=False, doubling=True)
    assert [axis.text(value) for value in (6.0, 9.0, 13.0)] == ["64", "512", "8,192"]
    assert axis.place(9.5) == 0.5
