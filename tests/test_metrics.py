"""Metrics: values worked by hand, directions, properties, and agreement with scikit-learn."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.preprocessing import MultiLabelBinarizer

from turnwise.errors import InputError
from turnwise.metrics import (
    Outcome,
    accuracy,
    auroc,
    confusions,
    coverage_curve,
    ece,
    in_scope_accuracy,
    intent_metrics,
    macro_f1,
    micro_f1,
    oos_curve,
    oos_precision,
    oos_recall,
    per_label,
    reliability,
    silhouette,
    tabulate,
)

ONE = [("a",), ("a",), ("b",), ("b",), ("c",)]
ONE_PREDICTED = [("a",), ("b",), ("b",), ("b",), ("a",)]
OOS = [("a",), ("a",), ("b",), (), (), ()]
OOS_PREDICTED = [("a",), (), ("a",), (), (), ("b",)]
SEVERAL = [("a", "b"), ("a",), ("c",), ()]
SEVERAL_PREDICTED = [("b", "a"), ("a", "c"), ("b",), ()]

label_sets = st.lists(st.sampled_from("abcde"), max_size=3).map(tuple)
outcomes = st.lists(
    st.builds(
        Outcome,
        dialogue_id=st.sampled_from(["d1", "d2", "d3"]),
        text=st.just("hello"),
        gold=label_sets,
        predicted=label_sets,
        confidence=st.floats(0, 1),
        in_scope_score=st.floats(-2, 2),
    ),
    min_size=1,
    max_size=12,
)


def outcome(gold, predicted, confidence=0.5, dialogue_id="d", score=None):
    return Outcome(dialogue_id, "hello", gold, predicted, confidence, score)


def test_accuracy_counts_whole_answers():
    """a, b, b are right of five."""
    assert accuracy(tabulate(ONE, ONE_PREDICTED)) == pytest.approx(3 / 5)


def test_a_rightly_rejected_item_is_right():
    """Right are items 0, 3 and 4 of six."""
    assert accuracy(tabulate(OOS, OOS_PREDICTED)) == pytest.approx(3 / 6)


def test_macro_f1_is_the_mean_over_labels_of_gold_or_prediction():
    """a: 2*1/(2+2) = 0.5; b: 2*2/(3+2) = 0.8; c: 0/(0+1) = 0; mean 1.3/3."""
    assert macro_f1(tabulate(ONE, ONE_PREDICTED)) == pytest.approx(1.3 / 3)


def test_out_of_scope_is_no_label_of_macro_f1():
    """a: 2*1/(2+2) = 0.5; b: 0/(1+1) = 0; mean 0.25."""
    assert macro_f1(tabulate(OOS, OOS_PREDICTED)) == pytest.approx(0.25)


def test_micro_f1_and_exact_match_of_several_labels():
    """Pairs: 4 gold, 5 predicted, 3 in both: 6/9. Exact are the first and the last of four."""
    table = tabulate(SEVERAL, SEVERAL_PREDICTED)
    assert micro_f1(table) == pytest.approx(6 / 9)
    assert accuracy(table) == pytest.approx(2 / 4)


def test_out_of_scope_metrics():
    """Rejected are items 1, 3, 4; out of scope 3, 4, 5; of the in-scope 0, 1, 2 only 0 is right."""
    table = tabulate(OOS, OOS_PREDICTED)
    assert oos_recall(table) == pytest.approx(2 / 3)
    assert oos_precision(table) == pytest.approx(2 / 3)
    assert in_scope_accuracy(table) == pytest.approx(1 / 3)


def test_oos_precision_without_a_rejection_is_zero():
    assert oos_precision(tabulate([()], [("a",)])) == 0.0


def test_labels_without_any_name_have_an_f1_of_zero():
    table = tabulate([()], [()])
    assert macro_f1(table) == 0.0
    assert micro_f1(table) == 0.0
    assert accuracy(table) == 1.0


def test_ece_sums_the_gaps_of_the_bins():
    """(14/15, 1]: |1 - 1.9| = 0.9; (8/15, 9/15]: |1 - 0.6| = 0.4; (2/15, 3/15]: |1 - 0.2| = 0.8; 2.1/4."""
    right, confidence = np.array([True, False, True, True]), np.array([0.95, 0.95, 0.6, 0.2])
    assert ece(right, confidence) == pytest.approx(2.1 / 4)
    bins = reliability(right, confidence)
    assert [b["n"] for b in bins] == [1, 1, 2]
    assert bins[2] == pytest.approx({"low": 14 / 15, "high": 1.0, "n": 2, "accuracy": 0.5, "confidence": 0.95})


@pytest.mark.parametrize(("confidence", "low"), [(0.0, 0.0), (1 / 15, 0.0), (0.0667, 1 / 15), (1.0, 14 / 15)])
def test_bins_are_closed_on_the_right(confidence, low):
    assert reliability(np.array([True]), np.array([confidence]))[0]["low"] == pytest.approx(low)


def test_ece_falls_as_confidence_gets_closer_to_accuracy():
    right = np.array([True, True, True, False])
    assert ece(right, np.full(4, 0.75)) < ece(right, np.full(4, 0.9)) < ece(right, np.full(4, 1.0))


def test_coverage_curve_takes_the_most_confident_first_and_ties_together():
    """0.9: right; then 0.8 twice, one right: 2 of 3; then 0.1 wrong: 2 of 4."""
    curve = coverage_curve(np.array([False, True, True, False]), np.array([0.1, 0.9, 0.8, 0.8]))
    assert [p["coverage"] for p in curve] == pytest.approx([1 / 4, 3 / 4, 1])
    assert [p["accuracy"] for p in curve] == pytest.approx([1, 2 / 3, 1 / 2])
    assert [p["threshold"] for p in curve] == pytest.approx([0.9, 0.8, 0.1])


def test_coverage_curve_is_thinned_but_ends_at_full_coverage():
    curve = coverage_curve(np.ones(1000, dtype=bool), np.linspace(0, 1, 1000), points=11)
    assert len(curve) == 11
    assert curve[-1]["coverage"] == 1.0


def test_auroc_counts_ties_half():
    """Of the six pairs (3 and 2 against 1, 2, 0) five are above and one ties: 5.5/6."""
    assert auroc(np.array([3.0, 2.0]), np.array([1.0, 2.0, 0.0])) == pytest.approx(5.5 / 6)
    with pytest.raises(InputError, match="both kinds"):
        auroc(np.array([]), np.array([1.0]))


def test_oos_curve_goes_from_rejecting_nothing_to_everything():
    """Scores 0.9 and 0.4 in scope (both right), 0.5 and 0.1 out of scope."""
    table = tabulate([("a",), ("b",), (), ()], [("a",), ("b",), ("a",), ("b",)])
    curve = oos_curve(table, np.array([0.9, 0.4, 0.5, 0.1]))
    assert [p[0] for p in curve] == pytest.approx([0.1, 0.4, 0.5, 0.9, 0.9])
    assert [p[1] for p in curve] == pytest.approx([0, 1 / 2, 1 / 2, 1, 1])
    assert [p[2] for p in curve] == pytest.approx([0, 1, 1 / 2, 2 / 3, 1 / 2])
    assert [p[3] for p in curve] == pytest.approx([1, 1, 1 / 2, 1 / 2, 0])


def test_oos_curve_uses_what_would_have_been_answered():
    rejected = Outcome("d", "hello", ("a",), (), 0.5, in_scope_score=0.3, best=("a",))
    found = intent_metrics([rejected, outcome((), (), score=0.1)], draws=10)
    assert found["in_scope_accuracy"] == 0.0
    assert found["oos_curve"][1][1:] == [1.0, 1.0, 1.0]
    assert found["oos_auroc"] == 1.0


def test_confusions_pair_missed_with_extra_labels():
    found = confusions(
        [("a",), ("a",), ("b",), ("a",), ("c", "d"), ()], [("b",), ("b",), (), ("a",), ("c", "e"), ("a",)]
    )
    assert found == [
        {"gold": "a", "predicted": "b", "count": 2},
        {"gold": None, "predicted": "a", "count": 1},
        {"gold": "b", "predicted": None, "count": 1},
        {"gold": "d", "predicted": "e", "count": 1},
    ]


def test_per_label_rows():
    found = per_label(tabulate(ONE, ONE_PREDICTED))
    assert found["b"] == pytest.approx({"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "support": 2, "predicted": 3})
    assert found["c"] == pytest.approx({"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1, "predicted": 0})


def test_silhouette_of_two_opposite_tight_clusters_is_one_and_undefined_ones_are_none():
    vectors = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [-3.0, 0.0]])
    assert silhouette(vectors, ["a", "a", "b", "b"]) == pytest.approx(1.0)
    assert silhouette(vectors, ["a", "b", "a", "b"]) < 0
    assert silhouette(vectors, ["a"] * 4) is None
    assert silhouette(vectors, list("abcd")) is None


def test_single_label_evaluation_has_no_keys_of_other_settings():
    found = intent_metrics([outcome(g, p) for g, p in zip(ONE, ONE_PREDICTED, strict=True)], draws=20)
    assert found["n"] == 5
    assert found["dialogues"] == 1
    assert set(found["intervals"]) == {"accuracy", "macro_f1", "ece"}
    assert not {"micro_f1", "exact_match", "oos_recall", "oos_curve"} & set(found)


def test_several_labels_and_out_of_scope_add_their_keys():
    found = intent_metrics([outcome(g, p) for g, p in zip(SEVERAL, SEVERAL_PREDICTED, strict=True)], draws=20)
    assert found["micro_f1"] == pytest.approx(6 / 9)
    assert found["exact_match"] == pytest.approx(1 / 2)
    assert found["oos_recall"] == 1.0
    assert {"micro_f1", "exact_match", "oos_recall", "oos_precision", "in_scope_accuracy"} <= set(found["intervals"])
    assert "oos_curve" not in found


def test_intervals_resample_dialogues_not_turns():
    """One dialogue holds all turns: every draw is the same set. A hundred dialogues: the binomial 1.96 * 0.05."""
    turns = [(("a",), ("a",)), (("a",), ("b",))] * 50
    together = intent_metrics([outcome(g, p) for g, p in turns])
    assert together["intervals"]["accuracy"] == [0.5, 0.5]
    apart = intent_metrics([outcome(g, p, dialogue_id=str(i)) for i, (g, p) in enumerate(turns)])
    low, high = apart["intervals"]["accuracy"]
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)


def test_intervals_follow_the_seed():
    items = [outcome(("a",), ("ab"[i % 3 == 0],), i / 40, str(i)) for i in range(40)]
    assert intent_metrics(items, seed=1)["intervals"] == intent_metrics(items, seed=1)["intervals"]
    assert intent_metrics(items, seed=1)["intervals"] != intent_metrics(items, seed=2)["intervals"]


def test_a_rare_out_of_scope_item_missing_from_draws_does_not_count_as_missed():
    items = [outcome((), (), dialogue_id="oos"), *(outcome(("a",), ("a",), dialogue_id=str(i)) for i in range(5))]
    assert intent_metrics(items)["intervals"]["oos_recall"] == [1.0, 1.0]


def test_no_outcomes_are_refused():
    with pytest.raises(InputError, match="nothing to measure"):
        intent_metrics([])


def test_unequal_lengths_are_refused():
    with pytest.raises(InputError, match="2 gold and 1 predicted"):
        tabulate([("a",), ("b",)], [("a",)])


@pytest.mark.parametrize("confidence", [float("nan"), -0.1, 1.2])
def test_a_confidence_that_is_no_probability_is_refused(confidence):
    with pytest.raises(InputError, match=r"outcomes\[1\]\.confidence"):
        intent_metrics([outcome((), ()), outcome((), (), confidence)])


@settings(deadline=None, max_examples=60)
@given(outcomes)
def test_every_metric_and_interval_is_between_zero_and_one_and_json(items):
    found = intent_metrics(items, draws=20)
    json.dumps(found, allow_nan=False)
    for name, (low, high) in found["intervals"].items():
        assert 0 <= low <= high <= 1 + 1e-12, name
        assert 0 <= found[name] <= 1 + 1e-12, name
    assert sum(b["n"] for b in found["reliability"]) == found["n"] == len(items)
    assert found["coverage"][-1]["accuracy"] == pytest.approx(found["accuracy"])


@settings(deadline=None, max_examples=40)
@given(outcomes, st.randoms(use_true_random=False))
def test_the_order_of_the_items_changes_nothing(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)
    left, right = intent_metrics(items, draws=20), intent_metrics(shuffled, draws=20)
    for name in left["intervals"]:
        assert left["intervals"][name] == pytest.approx(right["intervals"][name])
        assert left[name] == pytest.approx(right[name])
    assert left["confusions"] == right["confusions"]
    assert left["labels"] == right["labels"]
    assert [p["coverage"] for p in left["coverage"]] == [p["coverage"] for p in right["coverage"]]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(label_sets, label_sets), min_size=1, max_size=20))
def test_agrees_with_scikit_learn(pairs):
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    table = tabulate(gold, predicted)
    binarizer = MultiLabelBinarizer().fit(gold + predicted)
    truth, answer = binarizer.transform(gold), binarizer.transform(predicted)
    if table.names:
        assert accuracy(table) == pytest.approx(accuracy_score(truth, answer))
        macro, micro = ("macro", "micro") if len(table.names) > 1 else ("binary", "binary")  # a column alone is a class
        assert macro_f1(table) == pytest.approx(f1_score(truth, answer, average=macro, zero_division=0))
        assert micro_f1(table) == pytest.approx(f1_score(truth, answer, average=micro, zero_division=0))


def test_macro_f1_of_one_label_that_is_never_gold_is_zero():
    assert macro_f1(tabulate([(), ()], [(), ("a",)])) == 0.0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=30))
def test_auroc_agrees_with_scikit_learn(pairs):
    flags = np.array([flag for flag, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    if flags.any() and not flags.all():
        assert auroc(scores[flags], scores[~flags]) == pytest.approx(roc_auc_score(flags, scores))
