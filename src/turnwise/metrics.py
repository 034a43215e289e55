"""Metrics of intent detection: pure functions over one table of gold and predicted labels.

Every metric takes a ``Table`` and, optionally, a weight for each item; the bootstrap draws weights, so a metric
and its interval come from the same formula. A metric that is undefined (nothing to divide by) is 0.0, as with
``zero_division=0`` in scikit-learn, unless its docstring says otherwise. Out of scope is the empty tuple: it is
no label, so it has no row among the labels and no share in a mean over labels; ``oos_*`` speak for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise import bootstrap
from turnwise.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Labels = Sequence[tuple[str, ...]]

BINS = 15
CURVE_POINTS = 101
CONFUSIONS = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answered utterance.

    ``gold`` and ``predicted`` hold labels, () being out of scope; ``confidence`` is the model's probability, in
    [0, 1], that ``predicted`` is right; ``in_scope_score`` is higher the more the model takes the text for in
    scope (any range); ``best`` is what it would have answered with nothing rejected.
    """

    dialogue_id: str
    text: str
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    confidence: float
    in_scope_score: float | None = None
    best: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Labels as arrays. ``names`` are the labels that occur, sorted.

    ``right``, ``gold_oos`` and ``predicted_oos`` have shape (items,). The three groups of pairs list one item and
    one label number each: in the gold labels, in the predicted ones, in both.
    """

    names: tuple[str, ...]
    right: Flags
    gold_oos: Flags
    predicted_oos: Flags
    gold: tuple[Ints, Ints]
    predicted: tuple[Ints, Ints]
    both: tuple[Ints, Ints]

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.right)


def tabulate(gold: Labels, predicted: Labels) -> Table:
    """Put labels into a table; order and repetition within an item do not matter.

    Raises InputError when there are no items or the two differ in length.
    """
    if len(gold) != len(predicted):
        raise InputError(f"there are {len(gold)} gold and {len(predicted)} predicted answers; give one of each an item")
    if not gold:
        raise InputError("there is nothing to measure: no answer was given; name a corpus with labelled utterances")
    truth, answer = [set(labels) for labels in gold], [set(labels) for labels in predicted]
    names = tuple(sorted(set().union(*truth, *answer)))
    number = {name: index for index, name in enumerate(names)}

    def pairs(sets: Sequence[set[str]]) -> tuple[Ints, Ints]:
        flat = [(item, number[name]) for item, labels in enumerate(sets) for name in labels]
        columns = np.array(flat, dtype=np.int64).reshape(-1, 2)
        return columns[:, 0], columns[:, 1]

    return Table(
        names=names,
        right=np.array([t == a for t, a in zip(truth, answer, strict=True)]),
        gold_oos=np.array([not labels for labels in truth]),
        predicted_oos=np.array([not labels for labels in answer]),
        gold=pairs(truth),
        predicted=pairs(answer),
        both=pairs([t & a for t, a in zip(truth, answer, strict=True)]),
    )


def accuracy(table: Table, weights: Floats | None = None) -> float:
    """Share of items whose set of labels is exactly the gold one; a rightly rejected item is right.

    With several labels an item this is the exact-match ratio, the subset accuracy of scikit-learn.
    """
    return _mean(table.right, _ones(table, weights))


def label_counts(table: Table, weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """Right, predicted and gold occurrences of each label, each of shape (labels,)."""
    one = _ones(table, weights)
    width = len(table.names)

    def count(pairs: tuple[Ints, Ints]) -> Floats:
        return np.bincount(pairs[1], weights=one[pairs[0]], minlength=width).astype(np.float64)

    return count(table.both), count(table.predicted), count(table.gold)


def macro_f1(table: Table, weights: Floats | None = None) -> float:
    """Mean of the labels' F1 = 2 TP / (predicted + gold), over the labels that occur in gold or prediction.

    The mean of F1 scores, not the F1 of mean precision and recall (Opitz and Burst, 2019). 0.0 without labels.
    """
    both, predicted, gold = label_counts(table, weights)
    occurs = predicted + gold > 0
    return float(np.mean(2 * both[occurs] / (predicted + gold)[occurs])) if occurs.any() else 0.0


def micro_f1(table: Table, weights: Floats | None = None) -> float:
    """2 TP / (predicted + gold) over all (item, label) pairs; the F1 of NLU++ (Casanueva et al., 2022)."""
    both, predicted, gold = label_counts(table, weights)
    return _ratio(2 * both.sum(), predicted.sum() + gold.sum())


def oos_recall(table: Table, weights: Floats | None = None) -> float:
    """Share of the out-of-scope items that were rejected (Larson et al., 2019)."""
    return _mean(table.predicted_oos[table.gold_oos], _ones(table, weights)[table.gold_oos])


def oos_precision(table: Table, weights: Floats | None = None) -> float:
    """Share of the rejected items that are out of scope; 0.0 when nothing was rejected."""
    return _mean(table.gold_oos[table.predicted_oos], _ones(table, weights)[table.predicted_oos])


def in_scope_accuracy(table: Table, weights: Floats | None = None) -> float:
    """Accuracy over the in-scope items; rejecting one counts as wrong (Larson et al., 2019)."""
    return _mean(table.right[~table.gold_oos], _ones(table, weights)[~table.gold_oos])


def in_out_accuracy(table: Table, weights: Floats | None = None) -> float:
    """Share of all items rightly told in scope or out of it, whatever the intent (DSDF, section 5: INT, out)."""
    return _mean(table.gold_oos == table.predicted_oos, _ones(table, weights))


def ece(right: Flags, confidence: Floats, weights: Floats | None = None, *, bins: int = BINS) -> float:
    """Expected calibration error, sum_b n_b/n |acc_b - conf_b| over equal-width bins ((b-1)/B, b/B].

    ``right`` and ``confidence`` have shape (items,). Source: Guo et al., 2017, equation 3; Naeini et al., 2015.
    """
    one = np.ones(len(right)) if weights is None else weights
    gap = np.bincount(_bin(confidence, bins), weights=one * (right - confidence), minlength=bins)
    return _ratio(np.abs(gap).sum(), one.sum())


def reliability(right: Flags, confidence: Floats, *, bins: int = BINS) -> list[dict[str, float]]:
    """The bins of ``ece`` that hold an item: ``low``, ``high``, ``n``, ``accuracy``, ``confidence``."""
    place = _bin(confidence, bins)
    return [
        {
            "low": b / bins,
            "high": (b + 1) / bins,
            "n": int((place == b).sum()),
            "accuracy": float(right[place == b].mean()),
            "confidence": float(confidence[place == b].mean()),
        }
        for b in np.unique(place).tolist()
    ]


def coverage_curve(right: Flags, confidence: Floats, *, points: int = CURVE_POINTS) -> list[dict[str, float]]:
    """Accuracy of the answers whose confidence reaches a threshold, against the share of items they cover.

    Source: selective classification, El-Yaniv and Wiener, 2010. Answers of equal confidence stay together; at
    most ``points`` of the thresholds are kept, evenly spread over the coverage, full coverage always.
    Each point holds ``coverage``, ``accuracy``, ``threshold``.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, hits = confidence[order], np.cumsum(right[order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return [
        {
            "coverage": float((end + 1) / len(ranked)),
            "accuracy": float(hits[end] / (end + 1)),
            "threshold": float(ranked[end]),
        }
        for end in _spread(ends, points)
    ]


def auroc(positive: Floats, negative: Floats) -> float:
    """Probability that a ``positive`` score exceeds a ``negative`` one, ties counting half (Hanley and McNeil, 1982).

    Raises InputError when either is empty.
    """
    if not len(positive) or not len(negative):
        raise InputError("AUROC needs scores of both kinds; one of them is empty")
    ranked = np.sort(negative)
    below = np.searchsorted(ranked, positive, side="left") + np.searchsorted(ranked, positive, side="right")
    return float(below.mean() / 2 / len(negative))


def oos_curve(
    table: Table, in_scope_score: Floats, *, points: int = CURVE_POINTS
) -> tuple[tuple[float, float, float, float], ...]:
    """Points (threshold, oos_recall, oos_precision, in_scope_accuracy) of rejecting where the score is below it.

    ``table`` holds what is answered with nothing rejected; an item that has no such answer counts as wrong. The
    first point rejects nothing, the last everything (its threshold is the next float above the highest score).
    """
    ends = np.unique(in_scope_score)
    thresholds = [*_spread(ends, points - 1), float(np.nextafter(ends[-1], np.inf))]
    found = []
    for threshold in thresholds:
        rejected = in_scope_score < threshold
        found.append(
            (
                float(threshold),
                _ratio((rejected & table.gold_oos).sum(), table.gold_oos.sum()),
                _ratio((rejected & table.gold_oos).sum(), rejected.sum()),
                _ratio((~rejected & ~table.gold_oos & table.right).sum(), (~table.gold_oos).sum()),
            )
        )
    return tuple(found)


def silhouette(vectors: NDArray[np.floating[Any]], labels: Sequence[str]) -> float | None:
    """Mean silhouette coefficient (b - a) / max(a, b), cosine distance (Rousseeuw, 1987), as scikit-learn has it.

    a is an item's mean distance to its own label, b to the nearest other one. ``vectors`` has shape (items, dim).
    None where it is undefined: fewer than two labels, or every item a label of its own.
    """
    from sklearn.metrics import silhouette_score

    if not 2 <= len(set(labels)) < len(labels):
        return None
    return float(silhouette_score(vectors, np.asarray(labels), metric="cosine"))


def confused(gold: Sequence[str], predicted: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """The confusions of one item: each missed label with each label answered instead; None is no label."""
    missed, extra = sorted(set(gold) - set(predicted)), sorted(set(predicted) - set(gold))
    return list(product(missed or (None,), extra or (None,))) if missed or extra else []


def confusions(gold: Labels, predicted: Labels, *, most: int = CONFUSIONS) -> list[dict[str, Any]]:
    """The most frequent ``confused`` pairs: ``gold``, ``predicted`` (None: no label, so out of scope), ``count``."""
    counts = Counter(pair for g, p in zip(gold, predicted, strict=True) for pair in confused(g, p))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1] or ""))
    return [{"gold": g, "predicted": p, "count": count} for (g, p), count in ranked[:most]]


def per_label(table: Table) -> dict[str, dict[str, float]]:
    """Precision, recall, F1, support (gold) and predicted count of each label, by name."""
    rows = zip(table.names, *(counts.tolist() for counts in label_counts(table)), strict=True)
    return {
        name: {
            "precision": _ratio(both, predicted),
            "recall": _ratio(both, gold),
            "f1": _ratio(2 * both, predicted + gold),
            "support": int(gold),
            "predicted": int(predicted),
        }
        for name, both, predicted, gold in rows
    }


def intent_metrics(outcomes: Sequence[Outcome], *, draws: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Everything an evaluation says, as plain JSON values.

    Always ``n``, ``dialogues``, ``accuracy``, ``macro_f1``, ``ece``, ``intervals`` (95 %, by metric), ``labels``,
    ``confusions``, ``reliability``, ``coverage``; ``micro_f1`` and ``exact_match`` when an item has several
    labels; ``oos_n``, ``oos_recall``, ``oos_precision``, ``in_scope_accuracy``, ``in_out_accuracy`` and
    ``accuracy_all`` (``accuracy`` over in-scope and out-of-scope items, by the name that papers give it) when an item
    is out of scope, and with their scores ``oos_auroc`` and ``oos_curve``. Raises InputError without outcomes or when
    a confidence is no probability.
    """
    gold, predicted = [o.gold for o in outcomes], [o.predicted for o in outcomes]
    table = tabulate(gold, predicted)
    confidence = _confidence(outcomes)
    found: dict[str, Any] = {"n": table.n, "dialogues": len({o.dialogue_id for o in outcomes})}
    several = any(len(set(labels)) > 1 for labels in (*gold, *predicted))
    found |= _headline(table, confidence, np.ones(table.n), several)
    found["intervals"] = intervals(table, confidence, [o.dialogue_id for o in outcomes], several, draws, seed)
    found["labels"] = per_label(table)
    found["confusions"] = confusions(gold, predicted)
    found["reliability"] = reliability(table.right, confidence)
    found["coverage"] = coverage_curve(table.right, confidence)
    if table.gold_oos.any():
        found["oos_n"] = int(table.gold_oos.sum())
        found |= _oos_by_score(outcomes)
    return found


def intervals(
    table: Table, confidence: Floats, dialogue_ids: Sequence[str], several: bool, draws: int, seed: int
) -> dict[str, list[float]]:
    """95 % percentile intervals of the headline metrics, dialogues drawn with replacement.

    A draw without an out-of-scope item has no say on ``oos_recall``, nor one without an in-scope
    item on ``in_scope_accuracy``.
    """

    def drawn(weights: Floats) -> dict[str, float]:
        found = _headline(table, confidence, weights, several)
        for flags, name in ((table.gold_oos, "oos_recall"), (~table.gold_oos, "in_scope_accuracy")):
            if not weights[flags].any():
                found.pop(name, None)
        return found

    return bootstrap.intervals(dialogue_ids, drawn, draws=draws, seed=seed)


def _headline(table: Table, confidence: Floats, weights: Floats, several: bool) -> dict[str, float]:
    found = {
        "accuracy": accuracy(table, weights),
        "macro_f1": macro_f1(table, weights),
        "ece": ece(table.right, confidence, weights),
    }
    if several:
        found |= {"micro_f1": micro_f1(table, weights), "exact_match": found["accuracy"]}
    if table.gold_oos.any():
        found |= {
            "oos_recall": oos_recall(table, weights),
            "oos_precision": oos_precision(table, weights),
            "in_scope_accuracy": in_scope_accuracy(table, weights),
            "in_out_accuracy": in_out_accuracy(table, weights),
            "accuracy_all": found["accuracy"],
        }
    return found


def _oos_by_score(outcomes: Sequence[Outcome]) -> Mapping[str, Any]:
    scores = np.array([o.in_scope_score for o in outcomes if o.in_scope_score is not None], dtype=np.float64)
    accepted = tabulate([o.gold for o in outcomes], [o.predicted or o.best for o in outcomes])
    if len(scores) != len(outcomes) or accepted.gold_oos.all() or not np.isfinite(scores).all():
        return {}
    return {
        "oos_auroc": auroc(scores[~accepted.gold_oos], scores[accepted.gold_oos]),
        "oos_curve": [list(point) for point in oos_curve(accepted, scores)],
    }


def _confidence(outcomes: Sequence[Outcome]) -> Floats:
    values = np.array([o.confidence for o in outcomes], dtype=np.float64)
    odd = np.flatnonzero(~((values >= -1e-6) & (values <= 1 + 1e-6)))
    if len(odd):
        raise InputError(f"outcomes[{odd[0]}].confidence is {values[odd[0]]}, expected a probability from 0 to 1")
    return values.clip(0.0, 1.0)


def _bin(confidence: Floats, bins: int) -> Ints:
    return np.searchsorted(np.arange(1, bins) / bins, confidence, side="left").astype(np.int64)


def _spread(values: NDArray[Any], most: int) -> list[Any]:
    """At most ``most`` of the values, evenly spaced, the last one always."""
    if len(values) > most:
        values = values[np.linspace(0, len(values) - 1, most).round().astype(np.int64)]
    return list(values.tolist())


def _ones(table: Table, weights: Floats | None) -> Floats:
    return np.ones(table.n) if weights is None else weights


def _mean(flags: Flags, weights: Floats) -> float:
    return _ratio(float(weights[flags].sum()), float(weights.sum()))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
