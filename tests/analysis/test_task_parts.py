"""What reports show of responses, states, personal data and desks: by hand, and escaped."""

import re
from typing import Any

from turnwise.analysis.desk_report import render_desk_report
from turnwise.analysis.pii_parts import misses
from turnwise.analysis.svg import Axis, Mark, curves, legend
from turnwise.analysis.task_report import render_task_report
from turnwise.dialogue import Dialogue, Span, Turn

ODD = "<script>alert(1)</script>"


def drawn(evaluation: dict[str, Any], **more: Any) -> str:
    html = render_task_report(title=ODD, evaluation=evaluation, model_facts={"encoder": ODD}, **more)
    assert "<script" not in html
    assert "style=" not in html
    for anchor in re.findall(r'href="#([a-z0-9-]+)"', html):
        assert f'id="{anchor}"' in html
    return html


def responses() -> dict[str, Any]:
    return {
        "task": "ranking",
        "n": 4,
        "dialogues": 2,
        "turns": 5,
        "mrr": 0.75,
        "recall@1": 0.5,
        "shown": 0.6,
        "shown_right": 0.5,
        "threshold": 0.4,
        "ece": 0.1,
        "intervals": {"mrr": [0.5, 1.0]},
        "ranks": [{"low": 1, "high": 1, "n": 2}, {"low": 4, "high": 5, "n": 1}, {"low": 101, "high": None, "n": 1}],
        "coverage": [{"coverage": 0.6, "accuracy": 0.5, "threshold": 0.4}],
        "reliability": [{"low": 0.0, "high": 1.0, "n": 5, "accuracy": 0.5, "confidence": 0.4}],
        "responses": [
            {"id": ODD, "text": "Hello", "given": 3, "right": 2, "shown": 3, "shown_right": 1, "missed": 1},
            {"id": "Same", "text": "Same", "given": 1, "right": 0, "shown": 0, "shown_right": 0, "missed": 1},
        ],
    }


def test_responses() -> None:
    html = drawn(responses())
    assert "75.0<small> %</small>" in html
    assert "rank 1: 50.0 %" in html and "rank 4 to 5: 25.0 %" in html and "rank 101 or worse: 25.0 %" in html
    assert "nothing is shown in 40.0 % of the turns" in html
    assert "Each response, most often given first" in html
    assert html.count(">Same<") == 1  # its id is its text


def state() -> dict[str, Any]:
    return {
        "task": "state",
        "n": 10,
        "dialogues": 3,
        "joint_accuracy": 0.4,
        "ceiling": 0.9,
        "intervals": {},
        "slots": {
            "food": {"accuracy": 0.5, "filled": 4, "filled_accuracy": 0.25},
            ODD: {"accuracy": 0.9, "filled": 0, "filled_accuracy": None},
        },
        "turns": [{"number": 1, "n": 3, "joint_accuracy": 1.0}, {"number": 2, "n": 3, "joint_accuracy": 1 / 3}],
        "errors": [{"slot": "food", "gold": ODD, "said": None, "count": 2}],
        "unknown_labels": [],
        "unknown_values": {"number": 3, "some": ["food=sushi", ODD]},
    }


def test_states() -> None:
    html = drawn(state())
    assert "turn 2: 33.3 % of 3 states right" in html
    assert html.index(">food<") < html.index("alert", html.index("Each slot, weakest first"))
    assert "nothing</span>" in html
    assert "food=sushi" in html and " and 1 more" in html
    without = drawn({**state(), "turns": 12, "errors": [], "slots": {}})
    assert "Joint accuracy by turn" not in without and "Frequent errors" not in without


def test_personal_data_by_kind() -> None:
    row = {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 2, "predicted": 4}
    words = {"NAME": {**row, "f1": 0.8}}
    evaluation = {"task": "pii", "n": 3, "dialogues": 1, "labels": {"NAME": row, ODD: row}, "word_labels": words}
    html = drawn(evaluation, warning=f"It holds personal data {ODD}")
    assert "<p><b>It holds personal data &lt;script&gt;" in html
    assert "66.7" in html and "80.0" in html
    assert "Each kind, weakest first" in html and "Each label, weakest first" not in html


def pair(text: str, gold: list[Span], said: list[Span]) -> tuple[list[Dialogue], list[Dialogue]]:
    return tuple([Dialogue("d", (Turn("customer", text, {"pii": tuple(spans)}),))] for spans in (gold, said))  # type: ignore[return-value]


def test_misses_are_sorted_and_marked() -> None:
    """Ann: right. Leeds: nothing covers it. Bob Lee: other bounds. 12: marked and not annotated."""
    text = f"Ann of Leeds met Bob Lee at 12 {ODD}"
    gold = [Span(0, 3, "NAME"), Span(7, 12, "CITY"), Span(17, 24, "NAME")]
    said = [Span(0, 3, "NAME"), Span(17, 20, "NAME"), Span(28, 30, "AGE")]
    part = misses(*pair(text, gold, said), "pii")
    assert part.heading == "What it missed or marked wrongly (3)"
    places = [part.body.index(f"<b>{found}</b>") for found in ("Leeds", "Bob Lee", "12")]
    assert places == sorted(places)
    assert "<b>Ann</b>" not in part.body
    assert "<script" not in part.body and "&lt;script&gt;" in part.body
    assert misses(*pair("hi", [], []), "pii").body == "<p>There are none.</p>"
    assert misses(*pair("hi", [Span(0, 2, "X")], []), "other").heading.endswith("(0)")


def test_a_desk_has_a_row_and_a_section_for_each_member() -> None:
    members = {
        "ranking": responses(),
        "state": state(),
        "satisfaction": {"missing": f"no turn has {ODD}"},
        "intent": {
            "n": 7,
            "dialogues": 3,
            "accuracy": 0.5,
            "confusions": [{"gold": ODD, "predicted": None, "count": 2}],
            "intervals": {"accuracy": [0.25, 0.75]},
        },
    }
    evaluation = {"members": members, "dialogues": 3, "n": 21}
    html = render_desk_report(title=ODD, evaluation=evaluation, model_facts={"model": ODD})
    assert "<script" not in html and "4 tasks, measured on 3 dialogues" in html
    for number, name in enumerate(members):
        assert f'<a href="#task-{number}">{name}</a>' in html and f'id="task-{number}"' in html
    assert "Accuracy <b>50.0 %</b>" in html and "25.0 to 75.0" in html
    assert "Not measured: no turn has &lt;script&gt;" in html
    assert "Most confused pairs" in html and "Frequent errors" in html and "Each response, most" in html


def test_curves_have_the_marks_of_their_legend() -> None:
    lines = {"one": [Mark(0, 0.5, "here", "50"), Mark(100, 1.0, ODD)], "two": [Mark(50, 0.2)]}
    chart = curves(lines, Axis("x", 0, 100, percent=False), Axis("y"), about="a < b")
    assert chart.count("<path d=") == 3  # two lines, and the square of the one point of the second
    assert chart.count("<circle") == 2
    assert ">50</text>" in chart
    assert "<title>here</title>" in chart and "&lt;script&gt;" in chart
    assert 'aria-label="a &lt; b"' in chart
    assert legend(list(lines)).count("<circle") == 1
