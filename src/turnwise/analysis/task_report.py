"""The HTML report of a task on labelled dialogues: drawn from its evaluation alone, whatever the kind of answers."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from turnwise.analysis import sections
from turnwise.analysis.page import figure, page, section
from turnwise.analysis.svg import Axis, Mark, line_chart, matrix
from turnwise.files import atomic_file

_SHARES = {
    "average_precision": ("Area under the curve", "precision over recall, summed without interpolation"),
    "auroc": ("AUROC", "a yes ranks above a no"),
    "accuracy": ("Accuracy", "answers that are right"),
    "majority": ("Commonest level", "accuracy of always giving it"),
    "micro_f1": ("Micro F1", "over all labels of all answers"),
    "macro_f1": ("Macro F1", "mean over labels, rare ones count alike"),
    "exact_match": ("Exact match", "answers with all their labels right"),
    "precision": ("Precision", "answers that are right, of those given"),
    "recall": ("Recall", "found, of those there are"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "base_rate": ("Base rate", "share of yes in the corpus"),
    "ece": ("Calibration error", "how far confidence is off, on average"),
}


def write_task_report(path: Path, *, title: str, evaluation: Mapping[str, Any], model_facts: Mapping[str, str]) -> None:
    """Write the report of ``evaluation``, what a model's ``evaluate`` gives; ``model_facts`` are shown as they are.

    Raises StorageError when the disk refuses; an older file at ``path`` is then untouched.
    """
    html = render_task_report(title=title, evaluation=evaluation, model_facts=model_facts)
    with atomic_file(Path(path)) as temporary:
        temporary.write_bytes(html.encode("utf-8", errors="replace"))


def render_task_report(*, title: str, evaluation: Mapping[str, Any], model_facts: Mapping[str, str]) -> str:
    """The report as HTML. What an evaluation lacks has no section."""
    parts = []
    figures = [draw(evaluation) for keys, draw in _FIGURES if all(evaluation.get(key) for key in keys)]
    if figures:
        parts.append(
            section(
                "figures",
                "How far to trust it",
                "Point at a bar, a curve or a cell for its figures.",
                f'<div class="row">{"".join(figures)}</div>',
            )
        )
    if evaluation.get("labels"):
        parts.append(
            section(
                "labels",
                "Each label, weakest first",
                "Precision: how often an answer with this label is right. Recall: how many of those annotated are "
                "found. F1 is their harmonic mean.",
                sections.labels_table(evaluation, what="label", counted="annotation"),
            )
        )
    unknown = evaluation.get("unknown_labels") or []
    if unknown:
        parts.append(
            section(
                "unknown",
                "Labels it never learned",
                "They are in this corpus and were not in the training data, so each of them counts as missed.",
                f"<p>{sections.labels(unknown)}</p>",
            )
        )
    if model_facts:
        parts.append(section("model", "The model", "", sections.facts(model_facts)))
    size = f"{int(evaluation['n']):,} answers in {int(evaluation['dialogues']):,} dialogues"
    header = (
        f'<h1 dir="auto">{escape(title)}</h1>'
        f'<p class="lead">Task {escape(str(evaluation.get("task", "")))}, measured on {size}; the intervals come from '
        f"redrawing whole dialogues.</p><nav>{''.join(link for link, _ in parts)}</nav>"
    )
    return page(title, header, _cards(evaluation) + "".join(body for _, body in parts))


def _cards(evaluation: Mapping[str, Any]) -> str:
    intervals = evaluation.get("intervals", {})
    cards = [
        sections.card(name, meaning, float(evaluation[key]), intervals.get(key))
        for key, (name, meaning) in _SHARES.items()
        if key in evaluation
    ]
    if "kappa" in evaluation:
        low, high = intervals.get("kappa", (None, None))
        span = f"95 %: {low:.3f} to {high:.3f}<br>" if low is not None else ""
        cards.insert(
            0,
            f'<div class="card"><span class="name">Kappa</span><b>{evaluation["kappa"]:.3f}</b>'
            f'<span class="range">{span}agreement beyond chance, far misses weigh more; 1 is best</span></div>',
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _curve(evaluation: Mapping[str, Any]) -> str:
    """Precision over recall at every threshold, and where the one in use stands."""
    points = [
        Mark(recall, precision, f"from {threshold:.3f} on: {100 * recall:.1f} % found, {100 * precision:.1f} % right")
        for recall, precision, threshold in evaluation["curve"]
    ]
    rate = evaluation["base_rate"]
    here = Mark(evaluation["recall"], evaluation["precision"], "the threshold in use", "in use")
    threshold = evaluation.get("threshold")
    used = "" if threshold is None else f" In use: yes from a probability of {threshold:.3f} on."
    return figure(
        "Precision against recall",
        line_chart(points, Axis("Recall (%)"), Axis("Precision (%)"), about="precision by recall", marks=[here]),
        f"Each point is a threshold. Saying yes always would be right in {100 * rate:.1f} %.{used}",
        aside=f"area {100 * evaluation.get('average_precision', rate):.1f} %",
    )


def _confusion(evaluation: Mapping[str, Any]) -> str:
    found = evaluation["confusion"]
    return figure(
        "Annotated and answered",
        matrix(found["labels"], found["counts"], about="answers by annotated level"),
        "A row is an annotated level, a column an answered one.",
    )


_FIGURES = (
    (("curve", "base_rate"), _curve),
    (("confusion",), _confusion),
    (("reliability",), sections.reliability_figure),
)
