"""What a report shows of state tracking: accuracy turn by turn, each slot, frequent errors, unknown values."""

from collections.abc import Mapping
from html import escape
from typing import Any

from turnwise.analysis import sections
from turnwise.analysis.page import Part, figure, long_table
from turnwise.analysis.svg import Axis, Mark, line_chart, share_bar

Evaluation = Mapping[str, Any]


def turns(evaluation: Evaluation) -> str:
    """Joint accuracy by the number of the customer's turn."""
    found = evaluation["turns"]
    points = [
        Mark(
            float(row["number"]),
            row["joint_accuracy"],
            f"turn {row['number']}: {100 * row['joint_accuracy']:.1f} % of {row['n']:,} states right",
        )
        for row in found
    ]
    numbers = Axis("Turn of the customer", 1.0, max(2.0, float(found[-1]["number"])), percent=False)
    return figure(
        "Joint accuracy by turn",
        line_chart(points, numbers, Axis("All slots right (%)"), about="joint accuracy by turn number", marks=points),
        "An error stays until it is put right, so later turns are harder; few dialogues are that long.",
    )


def slots(evaluation: Evaluation) -> Part:
    head = [("Slot", False), ("Right %", True), ("Right where filled %", True), ("Turns where filled", True)]
    cells = [
        [
            sections.label(name),
            f"{100 * row['accuracy']:.1f}{share_bar(row['accuracy'])}",
            "" if row["filled_accuracy"] is None else f"{100 * row['filled_accuracy']:.1f}",
            f"{row['filled']:,}",
        ]
        for name, row in sorted(evaluation["slots"].items(), key=lambda item: (item[1]["accuracy"], item[0]))
    ]
    lead = "A slot is right when it is empty as annotated, or holds one of the annotated spellings."
    return Part("slots", "Each slot, weakest first", lead, long_table(head, cells, "slots"))


def errors(evaluation: Evaluation) -> Part:
    head = [("Slot", False), ("Annotated", False), ("Answered", False), ("Turns", True)]
    nothing = '<span class="note">nothing</span>'
    cells = [
        [
            sections.label(row["slot"]),
            *(nothing if row[side] is None else sections.text(row[side]) for side in ("gold", "said")),
            f"{row['count']:,}",
        ]
        for row in evaluation["errors"]
    ]
    lead = "The most frequent wrong values. An error that stays for several turns counts in each of them."
    return Part("errors", "Frequent errors", lead, long_table(head, cells, "errors"))


def unknown_values(evaluation: Evaluation) -> Part:
    found = evaluation["unknown_values"]
    more = f" and {found['number'] - len(found['some'])} more" if found["number"] > len(found["some"]) else ""
    lead = "They are in this corpus and in none of the lists, so that they can be copied at best."
    names = sections.labels(found["some"]) + escape(more) if found["number"] else "<p>There are none.</p>"
    return Part("values", "Values that no list has", lead, names)
