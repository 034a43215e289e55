"""What a report shows of personal data: each kind, and what was missed, marked wrongly or cut in another place."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from turnwise.analysis import sections
from turnwise.analysis.page import Part, long_table
from turnwise.analysis.svg import share_bar
from turnwise.dialogue import Dialogue, Span

_MOST = 100
_AROUND = 60


def kinds(evaluation: Mapping[str, Any]) -> Part:
    """Spans and words of each kind."""
    words = evaluation["word_labels"]
    head = [("Kind", False), ("F1 %", True), ("Precision %", True), ("Recall %", True), ("Spans", True)]
    head += [("Words: F1 %", True), ("precision %", True), ("recall %", True), ("Words", True)]
    cells = []
    for name, spans in sorted(evaluation["labels"].items(), key=lambda item: (item[1]["f1"], item[0])):
        found = [sections.label(name)]
        for at, row in enumerate((spans, words.get(name, {}))):
            f1, precision, recall = (row.get(key, 0.0) for key in ("f1", "precision", "recall"))
            found += [f"{100 * f1:.1f}{share_bar(f1) if at == 0 else ''}", f"{100 * precision:.1f}"]
            found += [f"{100 * recall:.1f}", f"{row.get('support', 0):,}"]
        cells.append(found)
    return Part(
        "labels",
        "Each kind, weakest first",
        "A span is right when its beginning, its end and its kind are. Words are separated by blanks and have the "
        "kinds of the spans that touch them.",
        long_table(head, cells, "kinds"),
    )


def misses(gold: Sequence[Dialogue], answered: Sequence[Dialogue], layer: str) -> Part:
    """The spans that are not the same in both, with the text around them; those that nothing covers first.

    It shows texts of the dialogues, so the page holds their personal data.
    """
    found: list[tuple[int, list[str]]] = []
    for dialogue, other in zip(gold, answered, strict=True):
        for turn, said in zip(dialogue.turns, other.turns, strict=True):
            if layer in turn.spans:
                found += _differences(turn.text, turn.spans[layer], said.spans.get(layer, ()))
    lead = (
        "These are texts of the corpus, with its personal data: keep this page as you keep the corpus. First what no "
        "answer covers, then what has another kind or other bounds, then what is marked and not annotated."
    )
    cells = [row for _, row in sorted(found, key=lambda one: one[0])]
    left = f'<p class="note">{len(cells) - _MOST:,} more are left out.</p>' if len(cells) > _MOST else ""
    head = [("Text", False), ("Annotated", False), ("Answered", False)]
    body = long_table(head, cells[:_MOST], "differences") + left if cells else "<p>There are none.</p>"
    return Part("misses", f"What it missed or marked wrongly ({len(cells):,})", lead, body)


def _differences(text: str, gold: Sequence[Span], said: Sequence[Span]) -> list[tuple[int, list[str]]]:
    """Rows of a table, each with its place in the order."""
    same = {(span.start, span.end, span.label) for span in gold} & {(span.start, span.end, span.label) for span in said}
    rows = []
    for span in gold:
        if (span.start, span.end, span.label) not in same:
            touching = [other for other in said if other.start < span.end and span.start < other.end]
            rows.append((1 if touching else 0, [_around(text, span), _named(text, [span]), _named(text, touching)]))
    for span in said:
        if not any(other.start < span.end and span.start < other.end for other in gold):
            rows.append((2, [_around(text, span), _named(text, []), _named(text, [span])]))
    return rows


def _named(text: str, spans: Sequence[Span]) -> str:
    """Kinds with what they mark."""
    if not spans:
        return '<span class="note">nothing</span>'
    return "<br>".join(f"{sections.label(span.label)} {sections.text(text[span.start : span.end])}" for span in spans)


def _around(text: str, span: Span) -> str:
    """The span in what stands around it."""
    start, end = max(0, span.start - _AROUND), min(len(text), span.end + _AROUND)
    before = ("…" if start else "") + text[start : span.start]
    after = text[span.end : end] + ("…" if end < len(text) else "")
    return (
        f'<p class="quote" dir="auto">{escape(before)}<b>{escape(text[span.start : span.end])}</b>{escape(after)}</p>'
    )
