"""What a report shows of an evaluation, whatever its task: cards, figures, tables. What it lacks is not drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from turnwise.analysis import pii_parts, response_parts, sections, state_parts
from turnwise.analysis.page import Part, figure
from turnwise.analysis.svg import Axis, Mark, line_chart, matrix

_SHARES = {
    "average_precision": ("Area under the curve", "precision over recall, summed without interpolation"),
    "auroc": ("AUROC", "a yes ranks above a no"),
    "accuracy": ("Accuracy", "answers that are right"),
    "in_scope_accuracy": ("In-scope accuracy", "a rejection counts as wrong"),
    "oos_recall": ("Out-of-scope recall", "out-of-scope utterances rejected"),
    "oos_precision": ("Out-of-scope precision", "rejections that were out of scope"),
    "majority": ("Commonest level", "accuracy of always giving it"),
    "micro_f1": ("Micro F1", "over all labels of all answers"),
    "macro_f1": ("Macro F1", "mean over labels, rare ones count alike"),
    "exact_match": ("Exact match", "answers with all their labels right"),
    "joint_accuracy": ("Joint accuracy", "turns whose slots are all right"),
    "slot_accuracy": ("Slot accuracy", "slots that are right, empty ones too"),
    "filled_accuracy": ("Filled slots", "right among those that hold a value"),
    "ceiling": ("Ceiling of a picklist", "turns whose values all have a place in the lists"),
    "precision": ("Precision", "answers that are right, of those given"),
    "recall": ("Recall", "found, of those there are"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "word_precision": ("Precision of words", "words that are rightly marked, of those marked"),
    "word_recall": ("Recall of words", "words that are found, of those there are"),
    "word_f1": ("F1 of words", "harmonic mean of the two"),
    "covered": ("Covered", "characters of true spans that some answer covers"),
    "recall@1": ("Recall@1", "the right response is first in the whole pool"),
    "recall@3": ("Recall@3", "it is among the first three"),
    "recall@5": ("Recall@5", "it is among the first five"),
    "mrr": ("MRR", "mean of 1 / rank of the right response"),
    "shortlist_recall": ("Shortlist", "the right response is in the shortlist"),
    "r100@1": ("R100@1", "first among 100; a twin of equal text counts as before it"),
    "r100@3": ("R100@3", "among the first three of 100"),
    "r100@1_merged": ("R100@1, twins merged", "twins of equal text count as one"),
    "r100@1_precedents": ("R100@1 with precedents", "training turns vote for responses of the pool"),
    "shown": ("Shown", "turns where a response is sure enough; nothing is shown for the others"),
    "shown_right": ("Right when shown", "responses shown that are right"),
    "found": ("Right ones shown", "of the turns whose response is in the pool"),
    "base_rate": ("Base rate", "share of yes in the corpus"),
    "ece": ("Calibration error", "how far confidence is off, on average"),
}


def cards(evaluation: Mapping[str, Any]) -> str:
    """A card for each headline figure, with its interval."""
    intervals = evaluation.get("intervals", {})
    found = [
        sections.card(name, meaning, float(evaluation[key]), intervals.get(key))
        for key, (name, meaning) in _SHARES.items()
        if key in evaluation
    ]
    if "kappa" in evaluation:
        low, high = intervals.get("kappa", (None, None))
        span = f"95 %: {low:.3f} to {high:.3f}<br>" if low is not None else ""
        found.insert(
            0,
            f'<div class="card"><span class="name">Kappa</span><b>{evaluation["kappa"]:.3f}</b>'
            f'<span class="range">{span}agreement beyond chance, far misses weigh more; 1 is best</span></div>',
        )
    return f'<div class="cards">{"".join(found)}</div>' if found else ""


def headline(evaluation: Mapping[str, Any], most: int = 3) -> list[tuple[str, float, Sequence[float] | None]]:
    """Names, values and intervals of the first figures that there are cards for."""
    intervals = evaluation.get("intervals", {})
    keys = [key for key in _SHARES if key in evaluation][:most]
    return [(_SHARES[key][0], float(evaluation[key]), intervals.get(key)) for key in keys]


def parts_of(evaluation: Mapping[str, Any]) -> list[Part]:
    """Every section that the evaluation has something for."""
    figures = [draw(evaluation) for keys, draw in _FIGURES if all(evaluation.get(key) for key in keys)]
    tables = [draw(evaluation) for keys, draw in _TABLES if all(evaluation.get(key) for key in keys)]
    lead = "Point at a bar, a curve or a cell for its figures."
    row = f'<div class="row">{"".join(figures)}</div>'
    return [*([Part("figures", "In pictures", lead, row)] if figures else []), *tables]


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


def _labels(evaluation: Mapping[str, Any]) -> Part:
    if "word_labels" in evaluation:
        return pii_parts.kinds(evaluation)
    return Part(
        "labels",
        "Each label, weakest first",
        "Precision: how often an answer with this label is right. Recall: how many of those annotated are "
        "found. F1 is their harmonic mean.",
        sections.labels_table(evaluation, what="label", counted="annotation"),
    )


def _unknown(evaluation: Mapping[str, Any]) -> Part:
    return Part(
        "unknown",
        "Labels it never learned",
        "They are in this corpus and were not in the training data, so each of them counts as missed.",
        f"<p>{sections.labels(evaluation['unknown_labels'])}</p>",
    )


Figure = tuple[tuple[str, ...], Callable[[Mapping[str, Any]], str]]
Table = tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Part]]
_FIGURES: tuple[Figure, ...] = (
    (("curve", "base_rate"), _curve),
    (("confusion",), _confusion),
    (("ranks",), response_parts.ranks),
    (("coverage", "responses"), response_parts.shown),
    (("turns", "slots"), state_parts.turns),
    (("confusions",), sections.confusions_chart),
    (("reliability",), sections.reliability_figure),
)
"""The keys of an evaluation that a figure needs, filled, and its drawing."""
_TABLES: tuple[Table, ...] = (
    (("labels",), _labels),
    (("slots",), state_parts.slots),
    (("errors", "slots"), state_parts.errors),
    (("unknown_values", "slots"), state_parts.unknown_values),
    (("responses",), response_parts.responses),
    (("unknown_labels",), _unknown),
)
