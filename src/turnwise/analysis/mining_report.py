"""The HTML report of mining: its statistics, how long and how frequent keyphrases are, and examples of pairs."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from turnwise.analysis import sections, svg
from turnwise.analysis.page import figure, page, section, table
from turnwise.files import atomic_file

BLANK = "BLANK"
COUNTS = {
    "texts": "Texts",
    "sentences": "Sentences after the filter by length",
    "keyphrases": "Extracted keyphrases",
    "train_pairs": "Training pairs",
    "test_pairs": "Test pairs",
    "groups": "Groups",
    "words": "Different words",
}
"""The rows of ConVEx's Table 2, the groups and the words."""
MEANS = {"keyphrases_a_sentence": "Keyphrases a sentence", "words_a_keyphrase": "Words a keyphrase"}
_MOST_BARS = 10


def write_mining_report(path: Path, facts: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> None:
    """Write the report of a mining's ``facts``; ``examples`` are rows of its pairs.

    Raises StorageError when the disk refuses; an older file at ``path`` is then untouched.
    """
    html = render_mining_report(facts, examples)
    with atomic_file(Path(path)) as temporary:
        temporary.write_bytes(html.encode("utf-8", errors="replace"))


def render_mining_report(facts: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> str:
    """The report as HTML; every text in it is escaped."""
    parts = [
        section("statistics", "Statistics", "", _statistics(facts)),
        section("lengths", "How long keyphrases are", "", _lengths(facts)),
        section("frequency", "How frequent keyphrases are", "", _frequency(facts)),
        section(
            "examples", "Examples", "The keyphrase is blank in the template and marked in the input.", _pairs(examples)
        ),
    ]
    header = (
        "<h1>Pairs of sentences</h1>"
        f'<p class="lead">{facts["train_pairs"]:,} pairs for training and {facts["test_pairs"]:,} for tests, of '
        f"{escape(', '.join(facts['sources']))}. This page shows texts of the source; keep it as you keep these.</p>"
        f"<nav>{''.join(link for link, _ in parts)}</nav>"
    )
    return page("Pairs of sentences", header, "".join(body for _, body in parts))


def _statistics(facts: Mapping[str, Any]) -> str:
    rows = [[escape(name), f"{facts[key]:,}"] for key, name in COUNTS.items()]
    rows += [[escape(name), f"{facts[key]:.2f}"] for key, name in MEANS.items()]
    return table([("what", False), ("number", True)], [*rows, ["Threshold of the score", f"{facts['threshold']:.3f}"]])


def _lengths(facts: Mapping[str, Any]) -> str:
    return "".join(
        figure(title, svg.bar_chart(_bars(facts[key], name, what), about=title, unit=what), caption)
        for title, key, name, what, caption in (
            ("Words of keyphrases", "words_of_keyphrases", "length", "phrases", "As they were chosen: three at most."),
            (
                "Words of the blanks",
                "words_of_pairs",
                "words",
                "pairs",
                "After growing where both sentences go on alike.",
            ),
        )
    )


def _bars(rows: Sequence[Mapping[str, int]], name: str, what: str) -> list[tuple[str, float]]:
    bars = [(str(row[name]), float(row[what])) for row in rows[:_MOST_BARS]]
    rest = sum(row[what] for row in rows[_MOST_BARS:])
    return [*bars, (f"more than {rows[_MOST_BARS - 1][name]}", float(rest))] if rest else bars


def _frequency(facts: Mapping[str, Any]) -> str:
    title = "Keyphrases by the number of sentences that have them"
    bars = _doubling(facts["sentences_of_keyphrases"])
    chart = figure(
        title,
        svg.bar_chart(bars, about=title, unit="keyphrases"),
        "A keyphrase of one sentence alone makes no pair; one of many makes half as many pairs as it has sentences.",
    )
    rows = [[sections.text(row["phrase"]), f"{row['times']:,}"] for row in facts["frequent"]]
    return chart + table([("the most frequent", False), ("sentences", True)], rows)


def _doubling(rows: Sequence[Mapping[str, int]]) -> list[tuple[str, float]]:
    """Counts in the ranges 1, 2 to 3, 4 to 7, and so on."""
    found: dict[int, int] = {}
    for row in rows:
        place = row["times"].bit_length() - 1
        found[place] = found.get(place, 0) + row["phrases"]
    return [
        (str(1 << place) if place == 0 else f"{1 << place} to {(2 << place) - 1}", float(found[place]))
        for place in sorted(found)
    ]


def _pairs(examples: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for one in examples:
        said, start, end = one["template"], one["template_start"], one["template_end"]
        other, first, last = one["input"], one["input_start"], one["input_end"]
        rows.append(
            [
                escape(said[:start]) + f"<b>{BLANK}</b>" + escape(said[end:]),
                escape(other[:first]) + f"<mark>{escape(other[first:last])}</mark>" + escape(other[last:]),
                escape(one["group"]),
            ]
        )
    return table([("template", False), ("input", False), ("group", False)], rows)
