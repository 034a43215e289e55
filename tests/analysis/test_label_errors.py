"""Probable label errors: corrupted labels of clusters are found again."""

import numpy as np
import pytest

from turnwise.analysis.label_errors import Examples, probable_label_errors
from turnwise.errors import InputError


def clusters(each=12, names=("cancel", "refund", "track"), seed=0):
    rng = np.random.default_rng(seed)
    labels = [name for name in names for _ in range(each)]
    centres = np.eye(8)[: len(names)]
    vectors = np.repeat(centres, each, axis=0) + rng.normal(scale=0.12, size=(len(labels), 8))
    return [f"{label} {i}" for i, label in enumerate(labels)], labels, vectors


def test_corrupted_labels_are_recovered_with_the_label_they_had():
    texts, labels, vectors = clusters()
    corrupted = {3: "refund", 17: "track", 30: "cancel"}
    given = [corrupted.get(i, label) for i, label in enumerate(labels)]
    found = probable_label_errors(texts, given, vectors)
    assert {e.index for e in found} == set(corrupted)
    assert all(e.suggested == labels[e.index] and e.given == corrupted[e.index] for e in found)
    assert [e.margin for e in found] == sorted((e.margin for e in found), reverse=True)


def test_clean_clusters_have_no_errors():
    assert probable_label_errors(*clusters()) == []


def test_neighbours_contradict_the_label_and_leave_the_item_out():
    texts, labels, vectors = clusters()
    labels[0] = "track"
    (error,) = probable_label_errors(texts, labels, vectors, neighbours=2)
    assert [n.labels for n in error.neighbours] == [("cancel",), ("cancel",)]
    assert texts[0] not in [n.text for n in error.neighbours]
    assert error.neighbours[0].similarity >= error.neighbours[1].similarity


def test_votes_by_hand():
    """Item 3 is labelled b but lies on the three a: cosine 1 to each of them and 0 to the other b, so with
    temperature 1 a gets 3e / (3e + 1) and b 1 / (3e + 1)."""
    vectors = np.array([[1.0, 0], [2, 0], [3, 0], [1, 0], [0, 1]])
    error = probable_label_errors(list("vwxyz"), list("aaabb"), vectors, temperature=1.0)[0]
    assert error.index == 3
    assert error.suggested_probability == pytest.approx(3 * np.e / (3 * np.e + 1))
    assert error.given_probability == pytest.approx(1 / (3 * np.e + 1))


def test_a_label_with_one_item_is_neither_doubted_nor_suggested():
    vectors = np.array([[1.0, 0], [1, 0], [1, 0.01], [0, 1], [0.01, 1]])
    assert probable_label_errors(list("vwxyz"), ["a", "a", "lonely", "b", "b"], vectors) == []


def test_a_bank_votes_on_other_items():
    texts, labels, vectors = clusters()
    found = probable_label_errors(
        ["new"], ["track"], vectors[:1], bank=Examples(texts, labels, vectors), temperature=0.05
    )
    assert [(e.index, e.suggested) for e in found] == [(0, "cancel")]
    assert found[0].neighbours[0].text == texts[0]


def test_a_label_the_bank_does_not_know_is_not_judged():
    texts, labels, vectors = clusters()
    assert probable_label_errors(["new"], ["unknown"], vectors[:1], bank=Examples(texts, labels, vectors)) == []


def test_at_most_the_asked_number_is_given():
    texts, labels, vectors = clusters()
    labels[0], labels[1] = "track", "refund"
    assert len(probable_label_errors(texts, labels, vectors, most=1)) == 1


def test_zero_vectors_and_no_items_work():
    assert probable_label_errors([], [], np.zeros((0, 4))) == []
    assert probable_label_errors(["a", "b"], ["x", "x"], np.zeros((2, 4))) == []


def test_unequal_lengths_and_bad_temperatures_are_refused():
    with pytest.raises(InputError, match="2 texts, 1 labels and 2 vectors"):
        probable_label_errors(["a", "b"], ["x"], np.zeros((2, 4)))
    with pytest.raises(InputError, match="temperature is 0"):
        probable_label_errors(["a"], ["x"], np.zeros((1, 4)), temperature=0)
