"""The HTML report of a task on labelled dialogues: drawn from its evaluation, whatever the kind of answers."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from turnwise.analysis import sections
from turnwise.analysis.page import Part, page, section
from turnwise.analysis.task_parts import cards, parts_of
from turnwise.files import atomic_file


def write_task_report(
    path: Path,
    *,
    title: str,
    evaluation: Mapping[str, Any],
    model_facts: Mapping[str, str],
    more: Sequence[Part] = (),
    warning: str = "",
) -> None:
    """Write the report of ``evaluation``, what a model's ``evaluate`` gives; ``model_facts`` are shown as they are.

    ``more`` are parts that stand after those of the evaluation, ``warning`` a text that stands before all.
    Raises StorageError when the disk refuses; an older file at ``path`` is then untouched.
    """
    html = render_task_report(title=title, evaluation=evaluation, model_facts=model_facts, more=more, warning=warning)
    with atomic_file(Path(path)) as temporary:
        temporary.write_bytes(html.encode("utf-8", errors="replace"))


def render_task_report(
    *,
    title: str,
    evaluation: Mapping[str, Any],
    model_facts: Mapping[str, str],
    more: Sequence[Part] = (),
    warning: str = "",
) -> str:
    """The report as HTML; what an evaluation lacks is not drawn. The arguments are those of ``write_task_report``."""
    found = [*parts_of(evaluation), *more]
    if model_facts:
        found.append(Part("model", "The model", "", sections.facts(model_facts)))
    parts = [section(part.anchor, part.heading, part.lead, part.body) for part in found]
    size = f"{int(evaluation['n']):,} answers in {int(evaluation['dialogues']):,} dialogues"
    header = (
        f'<h1 dir="auto">{escape(title)}</h1>'
        f'<p class="lead">Task {escape(str(evaluation.get("task", "")))}, measured on {size}; the intervals come from '
        f"redrawing whole dialogues.</p>{f'<p><b>{escape(warning)}</b></p>' if warning else ''}"
        f"<nav>{''.join(link for link, _ in parts)}</nav>"
    )
    return page(title, header, cards(evaluation) + "".join(body for _, body in parts))
