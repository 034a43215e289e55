"""What a report shows of models that choose responses: ranks, what is shown and what is not, each response."""

from collections.abc import Mapping
from typing import Any

from turnwise.analysis import sections
from turnwise.analysis.page import Part, figure, long_table
from turnwise.analysis.svg import Axis, Mark, bar_chart, line_chart

Evaluation = Mapping[str, Any]


def ranks(evaluation: Evaluation) -> str:
    """How many right responses have which rank."""
    whole = sum(row["n"] for row in evaluation["ranks"]) or 1
    bars = []
    for row in evaluation["ranks"]:
        low, high = row["low"], row["high"]
        place = f"rank {low}" if low == high else f"rank {low} or worse" if high is None else f"rank {low} to {high}"
        bars.append((f"{place}: {100 * row['n'] / whole:.1f} %", float(row["n"])))
    return figure(
        "Rank of the right response",
        bar_chart(bars, about="number of turns by the rank of the right response", unit="turns"),
        "Turns whose response is in the pool, over the whole pool; one that ties counts as before the right one.",
        aside=f"{whole:,} turns",
    )


def shown(evaluation: Evaluation) -> str:
    """How many of the responses are right by the share of turns where one is shown."""
    points = [
        Mark(
            point["coverage"],
            point["accuracy"],
            f"shown from {point['threshold']:.3f} on: in {100 * point['coverage']:.1f} % of the turns, "
            f"{100 * point['accuracy']:.1f} % right",
        )
        for point in evaluation["coverage"]
    ]
    here = Mark(evaluation["shown"], evaluation["shown_right"], "the threshold in use", "in use")
    return figure(
        "Show nothing where it is not sure",
        line_chart(
            points,
            Axis("Turns where a response is shown (%)"),
            Axis("Right (%)"),
            about="right responses by the share of turns where one is shown",
            marks=[here],
        ),
        f"Each point is a threshold. In use: {evaluation['threshold']:.3f}; "
        f"nothing is shown in {100 * (1 - evaluation['shown']):.1f} % of the turns.",
    )


def responses(evaluation: Evaluation) -> Part:
    """What became of each response."""
    head = [("Response", False), ("Given", True), ("Ranked first and right", True), ("Missed", True)]
    head += [("Shown", True), ("Shown and right", True)]
    cells = []
    for row in evaluation["responses"]:
        name = "" if row["id"] == row["text"] else f"{sections.label(row['id'])} "
        counts = (row[key] for key in ("given", "right", "missed", "shown", "shown_right"))
        said = f'{name}<p class="quote" dir="auto">{sections.text(row["text"])}</p>'
        cells.append([said, *(f"{count:,}" for count in counts)])
    return Part(
        "responses",
        "Each response, most often given first",
        "Given: turns where the agent gave it. Missed: those where another was ranked first. Shown: turns where it was "
        "first and sure enough, whether right or not.",
        long_table(head, cells, "responses"),
    )
