"""The HTML report of a desk: a row and a section for each of its members."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from turnwise.analysis import sections
from turnwise.analysis.page import Part, fold, page, section, table
from turnwise.analysis.svg import share_bar
from turnwise.analysis.task_parts import cards, headline, parts_of
from turnwise.files import atomic_file


def write_desk_report(path: Path, *, title: str, evaluation: Mapping[str, Any], model_facts: Mapping[str, str]) -> None:
    """Write the report of what a desk's ``evaluate`` gives: a member's evaluation under each name of ``members``.

    Raises StorageError when the disk refuses; an older file at ``path`` is then untouched.
    """
    html = render_desk_report(title=title, evaluation=evaluation, model_facts=model_facts)
    with atomic_file(Path(path)) as temporary:
        temporary.write_bytes(html.encode("utf-8", errors="replace"))


def render_desk_report(*, title: str, evaluation: Mapping[str, Any], model_facts: Mapping[str, str]) -> str:
    """The report as HTML; the arguments are those of ``write_desk_report``."""
    members: Mapping[str, Mapping[str, Any]] = evaluation["members"]
    parts = [section(f"task-{number}", name, *_told(found)) for number, (name, found) in enumerate(members.items())]
    if model_facts:
        facts = Part("model", "The desk", "", sections.facts(model_facts))
        parts.append(section(facts.anchor, facts.heading, facts.lead, facts.body))
    header = (
        f'<h1 dir="auto">{escape(title)}</h1>'
        f'<p class="lead">{len(members)} tasks, measured on {int(evaluation["dialogues"]):,} dialogues; the intervals '
        f"come from redrawing whole dialogues.</p><nav>{''.join(link for link, _ in parts)}</nav>"
    )
    return page(title, header, _summary(members) + "".join(body for _, body in parts))


def _summary(members: Mapping[str, Mapping[str, Any]]) -> str:
    """A row a member: its first figures with their intervals."""
    rows = []
    for number, (name, found) in enumerate(members.items()):
        figures = [
            f"{escape(figure)} <b>{100 * value:.1f} %</b>{share_bar(value)}{_between(interval)}"
            for figure, value, interval in headline(found)
        ]
        said = escape(str(found["missing"])) if "missing" in found else "<br>".join(figures)
        rows.append([f'<a href="#task-{number}">{escape(name)}</a>', said, f"{found.get('n', 0):,}"])
    return table([("Task", False), ("Figures", False), ("Answers", True)], rows)


def _between(interval: Any) -> str:
    return "" if interval is None else f' <span class="note">{100 * interval[0]:.1f} to {100 * interval[1]:.1f}</span>'


def _told(found: Mapping[str, Any]) -> tuple[str, str]:
    """The lead of a member's section, a text, and its body: cards, then every part to open."""
    if "missing" in found:
        return f"Not measured: {found['missing']}", ""
    folds = [
        fold(escape(part.heading), (f'<p class="note">{escape(part.lead)}</p>' if part.lead else "") + part.body)
        for part in parts_of(found)
    ]
    return f"{int(found['n']):,} answers.", cards(found) + "".join(folds)
