"""The sections of the evaluation report; each takes results and gives HTML, or "" where there is nothing to show."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from turnwise.analysis.label_errors import LabelError
from turnwise.analysis.page import figure, fold, long_table, table
from turnwise.analysis.space import Space, frequent_labels
from turnwise.analysis.svg import (
    Axis,
    Mark,
    bar_chart,
    interval_bar,
    legend,
    line_chart,
    reliability_diagram,
    scatter,
    share_bar,
)
from turnwise.dialogue import Neighbour, Turn
from turnwise.metrics import Outcome, confused

LONGEST = 320
WRONG_ANSWERS = 200
LEAST_COVERAGE = 0.05
_NAMES = {
    "accuracy": ("Accuracy", "answers that are right"),
    "macro_f1": ("Macro F1", "mean over intents, rare ones count alike"),
    "micro_f1": ("Micro F1", "over all intents of all utterances"),
    "exact_match": ("Exact match", "utterances with all their intents right"),
    "in_scope_accuracy": ("In-scope accuracy", "a rejection counts as wrong"),
    "oos_recall": ("Out-of-scope recall", "out-of-scope utterances rejected"),
    "oos_precision": ("Out-of-scope precision", "rejections that were out of scope"),
    "in_out_accuracy": ("In or out", "rightly told in scope or out of it, whatever the intent"),
    "ece": ("Calibration error", "how far confidence is off, on average"),
}


def headline(evaluation: Mapping[str, Any]) -> str:
    """A card for each headline metric, with its interval."""
    cards = []
    for key, (name, meaning) in _NAMES.items():
        if key not in evaluation or (key == "accuracy" and "exact_match" in evaluation):
            continue
        cards.append(card(name, meaning, float(evaluation[key]), evaluation.get("intervals", {}).get(key)))
    return f'<div class="cards">{"".join(cards)}</div>'


def card(name: str, meaning: str, value: float, interval: Sequence[float] | None) -> str:
    """A share in percent with its interval, as a card."""
    drawn = f'<div class="card"><span class="name">{name}</span><b>{100 * value:.1f}<small> %</small></b>'
    if interval is None:
        return f'{drawn}<span class="range">{meaning}</span></div>'
    low, high = interval
    span = f"{100 * low:.1f} to {100 * high:.1f} %"
    drawn += interval_bar(value, low, high, about=f"95 % interval {span}")
    return f'{drawn}<span class="range">95 %: {span}<br>{meaning}</span></div>'


def confidence(evaluation: Mapping[str, Any]) -> str:
    """Reliability, precision against coverage and, with out-of-scope scores, the curve of their threshold."""
    curve = evaluation["coverage"]
    low = max(0.0, min(p["accuracy"] for p in curve) - 0.02)
    points = [
        Mark(
            p["coverage"],
            p["accuracy"],
            f"{100 * p['accuracy']:.1f} % of the most confident {100 * p['coverage']:.1f} % are right "
            f"(confidence {p['threshold']:.2f} or more)",
        )
        for p in curve
    ]
    enough = [p for p in curve if p["accuracy"] >= 0.95 and p["coverage"] >= LEAST_COVERAGE]
    best = max(enough, key=lambda p: p["coverage"]) if enough else None
    said = (
        f"Answer only at confidence {best['threshold']:.2f} or more, and {100 * best['coverage']:.0f} % of the "
        f"utterances are answered, {100 * best['accuracy']:.1f} % of them rightly."
        if best
        else f"No threshold that answers {100 * LEAST_COVERAGE:.0f} % of the utterances or more is 95 % right."
    )
    marks = (
        [
            Mark(
                best["coverage"],
                best["accuracy"],
                said,
                f"{100 * best['accuracy']:.0f} % right of {100 * best['coverage']:.0f} %",
            )
        ]
        if best
        else []
    )
    figures = [
        reliability_figure(evaluation),
        figure(
            "Precision versus coverage",
            line_chart(
                points,
                Axis("Utterances answered (%)"),
                Axis("Right (%)", low),
                about="accuracy by coverage",
                marks=marks,
            ),
            said,
        ),
    ]
    if "oos_curve" in evaluation:
        figures.append(_oos(evaluation))
    return f'<div class="row">{"".join(figures)}</div>'


def reliability_figure(evaluation: Mapping[str, Any]) -> str:
    """The reliability diagram."""
    return figure(
        "Reliability",
        reliability_diagram(evaluation["reliability"], about="accuracy against confidence in 15 bins"),
        "The thick line is the share that was right. Orange: too sure; green: not sure enough; faint: few answers.",
        aside=f"ECE {100 * evaluation['ece']:.1f} %",
    )


def _oos(evaluation: Mapping[str, Any]) -> str:
    points = [
        Mark(
            inside,
            recall,
            f"threshold {threshold:.4g}: rejects {100 * recall:.1f} % of what is out of scope "
            f"({100 * precision:.1f} % of rejections are), in-scope accuracy {100 * inside:.1f} %",
        )
        for threshold, recall, precision, inside in evaluation["oos_curve"]
    ]
    here = Mark(evaluation["in_scope_accuracy"], evaluation["oos_recall"], "the threshold in use", "in use")
    return figure(
        "Out-of-scope threshold",
        line_chart(
            points,
            Axis("In-scope accuracy (%)"),
            Axis("Out-of-scope recall (%)"),
            about="out-of-scope recall against in-scope accuracy over all thresholds",
            marks=[here],
        ),
        "Each point is a threshold: a stricter one rejects more of what is out of scope, and more of what is not.",
        aside=f"AUROC {evaluation['oos_auroc']:.3f}",
    )


def confusions(evaluation: Mapping[str, Any], outcomes: Sequence[Outcome], *, most: int = 12) -> str:
    """The most confused pairs: a chart, and each pair's sentences to open."""
    pairs = evaluation["confusions"][:most]
    if not pairs:
        return "<p>No answer was wrong.</p>"
    sentences: defaultdict[tuple[str | None, str | None], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        for pair_of_labels in confused(outcome.gold, outcome.predicted):
            sentences[pair_of_labels].append(outcome)
    folds = []
    for pair in pairs:
        found = sentences[pair["gold"], pair["predicted"]]
        quotes = "".join(f'<li dir="auto">{text(o.text)} {_sure(o.confidence)}</li>' for o in found[:25])
        more = f"<li>and {len(found) - 25} more</li>" if len(found) > 25 else ""
        summary = f"{label(pair['gold'])} answered as {label(pair['predicted'])}"
        folds.append(fold(summary, f'<ul class="quotes">{quotes}{more}</ul>', count=f"{pair['count']} ×"))
    chart = confusions_chart(evaluation, most=most)
    return f'<div class="row top">{chart}<div>{"".join(folds)}</div></div>'


def confusions_chart(evaluation: Mapping[str, Any], *, most: int = 12) -> str:
    """The most confused pairs as bars."""
    bars = [
        (f"{_name(p['gold'])} → {_name(p['predicted'])}", float(p["count"])) for p in evaluation["confusions"][:most]
    ]
    return figure(
        "Most confused pairs",
        bar_chart(bars, about="number of confusions of each pair", unit="utterances"),
        "Annotated intent → answered intent.",
    )


def labels_table(evaluation: Mapping[str, Any], *, what: str = "intent", counted: str = "utterance") -> str:
    """Precision, recall, F1 and support of each label, weakest first."""
    rows = sorted(evaluation["labels"].items(), key=lambda item: (item[1]["f1"], item[0]))
    head = [(what.capitalize(), False), ("F1 %", True), ("Precision %", True), ("Recall %", True)]
    head.append((f"{counted.capitalize()}s", True))
    cells = [
        [
            label(name),
            f"{100 * row['f1']:.1f}{share_bar(row['f1'])}",
            f"{100 * row['precision']:.1f}",
            f"{100 * row['recall']:.1f}",
            f"{row['support']}",
        ]
        for name, row in rows
    ]
    return long_table(head, cells, f"{what}s")


def spaces_row(spaces: Mapping[str, Space]) -> str:
    """The maps side by side, one legend for all."""
    if not spaces:
        return ""
    order = frequent_labels([name for space in spaces.values() for name in space.labels], 10_000)
    figures = []
    for name, space in spaces.items():
        rows = zip(space.points.tolist(), space.labels, space.texts, strict=True)
        marks = [Mark(x, y, f"{intent}: {_clip(said, 120)}") for (x, y), intent, said in rows]
        value = (
            "silhouette undefined"
            if space.silhouette is None
            else f"silhouette {space.silhouette:.3f}".replace("-", "−")
        )
        chart = scatter(marks, space.labels, order, about=f"map of utterances, {name}, {value}")
        figures.append(figure(name, chart, "", aside=value))
    return f'<div class="row">{"".join(figures)}</div>{legend(order)}'


def label_errors_table(found: Sequence[LabelError]) -> str:
    """Probable label errors with the neighbours that contradict the label."""
    if not found:
        return "<p>None were found: no utterance is contradicted by its neighbours.</p>"
    head = [("Utterance, and what is near it", False), ("Annotated", False), ("Probably", False), ("Vote %", True)]
    times = Counter((e.text, e.given, e.suggested) for e in found)
    first = {(e.text, e.given, e.suggested): e for e in reversed(found)}
    rows = [
        [
            f'<p class="quote" dir="auto">{text(e.text)}{_times(times[key])}</p>{near(e.neighbours, labels=False)}',
            label(e.given),
            label(e.suggested),
            f"{100 * e.given_probability:.0f} : {100 * e.suggested_probability:.0f}",
        ]
        for key, e in reversed(first.items())
    ]
    return table(head, rows)


def wrong_answers(outcomes: Sequence[Outcome], turns: Sequence[Turn] | None, *, most: int = WRONG_ANSWERS) -> str:
    """The wrong answers, most confident first, with the training utterances nearest to each."""
    wrong = [i for i, o in enumerate(outcomes) if set(o.gold) != set(o.predicted)]
    if not wrong:
        return "<p>No answer was wrong.</p>"
    wrong.sort(key=lambda i: -outcomes[i].confidence)
    rows = []
    for i in wrong[:most]:
        outcome = outcomes[i]
        evidence = turns[i].evidence.get("intent") if turns is not None else None
        cut = ' <span class="note">(cut: longer than the model reads)</span>' if evidence and evidence.truncated else ""
        said = f'<p class="quote" dir="auto">{text(outcome.text)}{cut}</p>'
        said += near(evidence.neighbours[:3]) if evidence else ""
        rows.append([said, labels(outcome.gold), labels(outcome.predicted), f"{100 * outcome.confidence:.0f}"])
    head = [("Utterance, and the nearest training utterances", False), ("Annotated", False), ("Answered", False)]
    head.append(("Confidence %", True))
    first = table(head, rows[:10])
    rest = fold(f"The next {len(rows) - 10} wrong answers", table(head, rows[10:])) if len(rows) > 10 else ""
    left = len(wrong) - len(rows)
    return first + rest + (f'<p class="note">{left} less confident ones are left out.</p>' if left else "")


def facts(model_facts: Mapping[str, str]) -> str:
    """What the model is, as a list of names and values."""
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in model_facts.items())
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def near(neighbours: Sequence[Neighbour], *, labels: bool = True) -> str:
    """Neighbours as a small list."""
    if not neighbours:
        return ""
    rows = (
        f'<li dir="auto">{n.similarity:.2f} {text(n.text)}'
        + (f" {' '.join(label(name) for name in n.labels or (None,))}" if labels else "")
        + "</li>"
        for n in neighbours
    )
    return f'<ul class="near">{"".join(rows)}</ul>'


def text(value: str) -> str:
    """A user's text, cut and escaped."""
    return escape(_clip(value, LONGEST)) if value.strip() else '<span class="note">(empty)</span>'


def label(name: str | None) -> str:
    """A label as a chip; None is out of scope."""
    return f'<span class="label{"" if name else " none"}">{_breakable(_name(name))}</span>'


def labels(names: Sequence[str]) -> str:
    """Labels as chips."""
    return " ".join(label(name) for name in names) if names else label(None)


def _name(name: str | None) -> str:
    return "no intent" if name is None else name


def _breakable(name: str) -> str:
    """A name that may break after its separators; _ and / need no escape, so this leaves the escaping whole."""
    return escape(name).replace("_", "_<wbr>").replace("/", "/<wbr>")


def _times(count: int) -> str:
    return f' <span class="note">({count} times)</span>' if count > 1 else ""


def _sure(value: float) -> str:
    return f'<span class="note">({100 * value:.0f} % sure)</span>'


def _clip(value: str, most: int) -> str:
    return value if len(value) <= most else value[: most - 1] + "…"
