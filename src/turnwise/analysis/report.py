"""One self-contained HTML file that says how good a model is, where it errs and what it sees."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from turnwise.analysis import sections
from turnwise.analysis.label_errors import LabelError
from turnwise.analysis.page import page, section
from turnwise.analysis.space import Space
from turnwise.dialogue import Turn
from turnwise.errors import InputError
from turnwise.files import atomic_file
from turnwise.metrics import Outcome


def write_report(
    path: Path,
    *,
    title: str,
    evaluation: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    turns: Sequence[Turn] | None = None,
    spaces: Mapping[str, Space] | None = None,
    label_errors: Sequence[LabelError] | None = None,
    model_facts: Mapping[str, str],
) -> None:
    """Write the report of one evaluation.

    ``evaluation`` is what ``metrics.intent_metrics`` gives for ``outcomes``; ``turns`` are the model's answers to
    them, in the same order, with their neighbours as evidence; ``spaces`` come from ``space.map_spaces``,
    ``label_errors`` from ``label_errors.probable_label_errors`` (None: not looked for); ``model_facts`` are names
    and values shown as they are. Raises InputError when ``turns`` and ``outcomes`` differ in number, StorageError
    when the disk refuses; an older file at ``path`` is then untouched.
    """
    if turns is not None and len(turns) != len(outcomes):
        raise InputError(f"there are {len(turns)} turns for {len(outcomes)} outcomes; give one answer an outcome")
    html = render_report(
        title=title,
        evaluation=evaluation,
        outcomes=outcomes,
        turns=turns,
        spaces=spaces,
        label_errors=label_errors,
        model_facts=model_facts,
    )
    with atomic_file(Path(path)) as temporary:
        temporary.write_bytes(html.encode("utf-8", errors="replace"))


def render_report(
    *,
    title: str,
    evaluation: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    turns: Sequence[Turn] | None = None,
    spaces: Mapping[str, Space] | None = None,
    label_errors: Sequence[LabelError] | None = None,
    model_facts: Mapping[str, str],
) -> str:
    """The report as HTML; the arguments are those of ``write_report``."""
    wrong = sum(set(o.gold) != set(o.predicted) for o in outcomes)
    parts = [
        section(
            "confidence",
            "Can its confidence be trusted?",
            "A confidence is worth what it predicts. Point at a bar or a curve for its figures.",
            sections.confidence(evaluation),
        ),
        section(
            "confusions",
            "What it confuses",
            "Open a pair to read its sentences: often two intents overlap, or one sentence fits both."
            + (" What has no intent is out of scope." if "oos_n" in evaluation else ""),
            sections.confusions(evaluation, outcomes),
        ),
        section(
            "intents",
            "Each intent, weakest first",
            "Precision: how often an answer with this intent is right. Recall: how many of its utterances are found. "
            "F1 is their harmonic mean.",
            sections.labels_table(evaluation),
        ),
    ]
    if spaces:
        parts.append(
            section(
                "space",
                "The space it sees",
                "Each point is an utterance, near those that the encoder takes for alike (t-SNE; the most frequent "
                "intents). The silhouette, from −1 to 1, says how well the intents are apart before the map is drawn.",
                sections.spaces_row(spaces),
            )
        )
    if label_errors is not None:
        parts.append(
            section(
                "labels",
                "Probable label errors",
                "Utterances whose annotated intent their neighbours contradict. Look at these first. "
                "The vote compares the annotated with the probable intent.",
                sections.label_errors_table(label_errors),
            )
        )
    parts.append(
        section(
            "wrong",
            f"Wrong answers ({wrong})",
            "The most confident ones first. The figure before a training utterance is its cosine similarity.",
            sections.wrong_answers(outcomes, turns),
        )
    )
    if model_facts:
        parts.append(section("model", "The model", "", sections.facts(model_facts)))
    right = len(outcomes) - wrong
    dialogues = int(evaluation["dialogues"])
    size = f"{len(outcomes):,} utterances" + ("" if dialogues == len(outcomes) else f" of {dialogues:,} dialogues")
    header = (
        f'<h1 dir="auto">{escape(title)}</h1>'
        f'<p class="lead">{right:,} of {len(outcomes):,} answers are right. Measured on {size}; '
        "the intervals come from redrawing whole dialogues.</p>"
        f"<nav>{''.join(link for link, _ in parts)}</nav>"
    )
    return page(title, header, sections.headline(evaluation) + "".join(body for _, body in parts))
