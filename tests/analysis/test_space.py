"""Maps of the space: same points every time, few or many, with the silhouette of the vectors themselves."""

import numpy as np
import pytest

from turnwise.analysis.space import frequent_labels, map_spaces, tsne
from turnwise.errors import InputError
from turnwise.metrics import silhouette


def data(intents=4, each=8, seed=0):
    rng = np.random.default_rng(seed)
    labels = [f"intent{i}" for i in range(intents) for _ in range(each)]
    apart = np.repeat(np.eye(16)[:intents], each, axis=0) + rng.normal(scale=0.1, size=(len(labels), 16))
    mixed = rng.normal(size=(len(labels), 16))
    return [f"text {i}" for i in range(len(labels))], labels, {"before": mixed, "after": apart}


def test_frequent_labels_break_ties_by_name():
    assert frequent_labels(["b", "c", "a", "c", "b"], 2) == ("b", "c")


def test_each_space_gets_a_map_of_the_same_items():
    texts, labels, vectors = data()
    done = []
    found = map_spaces(texts, labels, vectors, progress=done.append)
    assert list(found) == ["before", "after"]
    assert done == [1, 1]
    for space in found.values():
        assert space.points.shape == (32, 2)
        assert np.isfinite(space.points).all()
        assert space.texts == tuple(texts)
    assert found["before"].silhouette < found["after"].silhouette
    assert found["after"].silhouette == pytest.approx(silhouette(vectors["after"], labels), abs=1e-5)


def test_the_map_keeps_clusters_together():
    texts, labels, vectors = data()
    points = map_spaces(texts, labels, {"after": vectors["after"]})["after"].points
    nearest = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.diag([np.inf] * len(points))
    assert np.mean([labels[i] == labels[j] for i, j in enumerate(nearest.argmin(axis=1))]) > 0.9


def test_maps_are_the_same_every_time():
    texts, labels, vectors = data()
    first, second = map_spaces(texts, labels, vectors), map_spaces(texts, labels, vectors)
    assert np.array_equal(first["after"].points, second["after"].points)


def test_only_the_frequent_intents_and_a_sample_take_part():
    texts, labels, vectors = data(intents=5)
    labels[-1] = "intent0"
    found = map_spaces(texts, labels, vectors, intents=2, points=10)["after"]
    assert len(found.points) == len(found.labels) == len(found.texts) == 10
    assert set(found.labels) <= {"intent0", "intent1"}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 11])
def test_any_number_of_items_has_a_map(count):
    points = tsne(np.random.default_rng(0).normal(size=(count, 3)))
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()


@pytest.mark.parametrize("vectors", [np.ones((12, 4)), np.zeros((12, 4)), np.ones((12, 1))])
def test_items_that_are_all_alike_have_a_map(vectors):
    assert np.isfinite(tsne(vectors)).all()


def test_spaces_of_another_length_are_refused():
    with pytest.raises(InputError, match="space 'before' has 1 vectors for 2 texts"):
        map_spaces(["a", "b"], ["x", "y"], {"before": np.zeros((1, 3))})
