import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from turnwise.errors import InputError
from turnwise.tasks.intent.bank import Array, Bank, Inference, nearest_rows, softmax
from turnwise.vectors import unit

NEAREST = Inference(neighbours=1, votes=1, prototypes=0, directions=0)


def vectors(*rows: tuple[float, ...]) -> Array:
    return np.array(rows, dtype=np.float32)


def corner_bank() -> Bank:
    """Two intents in the plane: a at (1, 0) and (.6, .8), b at (0, 1)."""
    return Bank(["east", "north-east", "north"], [("a",), ("a",), ("b",)], vectors((1, 0), (0.6, 0.8), (0, 1)))


def test_one_neighbour_decides_alone() -> None:
    queries = unit(vectors((1, 0.1), (0, 1), (0.5, 0.9)))
    assert corner_bank().scores(queries, NEAREST).tolist() == [[1, 0], [0, 1], [1, 0]]


bank_rows = arrays.arrays(np.float32, (7, 4), elements=st.floats(-1, 1, width=32)).filter(
    lambda rows: bool((np.linalg.norm(rows, axis=1) > 0.1).all())
)


@settings(deadline=None)
@given(bank_rows, bank_rows)
def test_one_neighbour_equals_plain_nearest_neighbour_search(rows: Array, queries: Array) -> None:
    labels = [("a",), ("b",), ("c",), ("a",), ("b",), ("c",), ("d",)]
    bank = Bank([str(row) for row in range(7)], labels, unit(rows))
    scores = bank.scores(unit(queries), NEAREST)
    nearest = (unit(queries) @ bank.vectors.T).argmax(1)
    assert [bank.names[column] for column in scores.argmax(1)] == [labels[row][0] for row in nearest]
    assert np.allclose(scores.max(1), 1)


def test_soft_votes_by_hand() -> None:
    """Query (1, 0), temperature 1: cosines 1, .6, 0; e^1 = 2.71828, e^.6 = 1.82212, e^0 = 1, sum 5.54040.

    a: 4.54040 / 5.54040 = .819508. With the two nearest alone, both a: 1.
    """
    query = vectors((1, 0))
    soft = Inference(temperature=1, votes=1, prototypes=0, directions=0)
    assert corner_bank().scores(query, soft)[0] == pytest.approx([0.819508, 0.180492], abs=1e-5)
    two = Inference(neighbours=2, temperature=1, votes=1, prototypes=0, directions=0)
    assert corner_bank().scores(query, two)[0] == pytest.approx([1, 0], abs=1e-6)


def test_prototypes_by_hand() -> None:
    """Mean of a: (1.6, .8) / 1.78885 = (.894427, .447214), of b (0, 1). Query (0, 1), scale 2.

    Logits .894427 and 2: a = 1 / (1 + e^1.105573) = .248697.
    """
    only = Inference(votes=0, prototypes=1, prototype_scale=2, directions=0)
    assert corner_bank().means == pytest.approx(vectors((0.894427, 0.447214), (0, 1)), abs=1e-5)
    assert corner_bank().scores(vectors((0, 1)), only)[0] == pytest.approx([0.248697, 0.751303], abs=1e-5)


def test_directions_by_hand_and_the_mean_stands_in_for_an_untrained_one() -> None:
    """Query (0, 1), scale 2. Directions (3, 0) and (0, 2): logits 0, 2: a = 1 / (1 + e^2) = .119203.

    With zeros for a, its mean (.894427, .447214) takes part: .248697 as above.
    """
    only = Inference(votes=0, prototypes=0, directions=1, direction_scale=2)
    scores = corner_bank().scores(vectors((0, 1)), only, vectors((3, 0), (0, 2)))
    assert scores[0] == pytest.approx([0.119203, 0.880797], abs=1e-5)
    scores = corner_bank().scores(vectors((0, 1)), only, vectors((0, 0), (0, 2)))
    assert scores[0] == pytest.approx([0.248697, 0.751303], abs=1e-5)


def test_the_three_distributions_are_averaged_by_their_weights() -> None:
    """Query (0, 1): votes of one neighbour (0, 1), prototypes .248697, directions .119203 for a; weights 1, 2, 1.

    (0 + 2 * .248697 + .119203) / 4 = .154149.
    """
    mixed = Inference(neighbours=1, votes=1, prototypes=2, directions=1, prototype_scale=2, direction_scale=2)
    scores = corner_bank().scores(vectors((0, 1)), mixed, vectors((3, 0), (0, 2)))
    assert scores[0] == pytest.approx([0.154149, 0.845851], abs=1e-5)


def test_several_intents_have_a_probability_each_by_hand() -> None:
    """Query (0, 1), scale 2. Cosine 0: sigmoid(2 (0 - .5)) = .268941; cosine 1: sigmoid(1) = .731059.

    The out-of-scope row has no probability; the mean of a, cosine .447214, gives sigmoid(-.105573) = .473631.
    """
    bank = corner_bank().with_rows(["west"], [()], vectors((-1, 0)))
    scores = bank.several(vectors((0, 1)), 2, vectors((3, 0), (0, 2), (0, 0)))
    assert scores[0] == pytest.approx([0.268941, 0.731059], abs=1e-5)
    assert bank.several(vectors((0, 1)), 2)[0] == pytest.approx([0.473631, 0.731059], abs=1e-5)


def test_the_in_scope_score_by_hand() -> None:
    """Query (0, 1), scale 2, directions (3, 0), (0, 2): 1/2 log(e^0 + e^2) = (2 + .126928) / 2 = 1.063464.

    Opposite to both, (-1, 0) and (0, -1) having cosines -1 and 0: 1/2 log(e^-2 + e^0) = .063464. Farther is lower;
    a direction of out of scope takes no part.
    """
    directions = vectors((3, 0), (0, 2))
    scores = corner_bank().scope(vectors((0, 1), (-1, 0)), 2, directions)
    assert scores == pytest.approx([1.063464, 0.063464], abs=1e-5)
    bank = corner_bank().with_rows(["west"], [()], vectors((-1, 0)))
    again = bank.scope(vectors((0, 1), (-1, 0)), 2, vectors((3, 0), (0, 2), (-1, 0)))
    assert again == pytest.approx(scores)


def test_without_trained_directions_their_weight_is_left_out() -> None:
    mixed = Inference(votes=1, prototypes=1, directions=1)
    without = Inference(votes=1, prototypes=1, directions=0)
    query = vectors((0, 1), (1, 0))
    assert np.array_equal(corner_bank().scores(query, mixed), corner_bank().scores(query, without))
    alone = Inference(votes=0, prototypes=0, directions=1)
    votes = Inference(votes=1, prototypes=0, directions=0)
    assert np.array_equal(corner_bank().scores(query, alone), corner_bank().scores(query, votes))


def test_out_of_scope_rows_have_the_last_column() -> None:
    bank = corner_bank().with_rows(["west"], [()], vectors((-1, 0)))
    assert (bank.names, bank.width, bank.has_out_of_scope) == (("a", "b"), 3, True)
    assert bank.scores(vectors((-1, 0)), NEAREST).tolist() == [[0, 0, 1]]
    assert not corner_bank().has_out_of_scope


def test_an_utterance_of_two_intents_votes_half_for_each() -> None:
    bank = Bank(["both", "one"], [("a", "b"), ("b",)], vectors((1, 0), (0, 1)))
    assert bank.scores(vectors((1, 0)), NEAREST).tolist() == [[0.5, 0.5]]


def test_added_intents_take_part_in_their_sorted_column() -> None:
    bank = corner_bank().with_rows(["south"], [("aa",)], vectors((0, -1)))
    assert bank.names == ("a", "aa", "b")
    assert bank.scores(vectors((0, -1)), NEAREST).tolist() == [[0, 1, 0]]
    assert bank.vectors.dtype == np.float32


def test_rows_can_be_taken_out() -> None:
    bank = corner_bank().without([True, False, True])
    assert (bank.texts, bank.labels) == (("east", "north"), (("a",), ("b",)))
    assert bank.vectors.tolist() == [[1, 0], [0, 1]]


def test_ties_go_to_the_lower_row() -> None:
    cosines = vectors((0.5, 0.9, 0.9, 0.1))
    assert nearest_rows(cosines, 1).tolist() == [[1]]
    assert nearest_rows(cosines, 3).tolist() == [[1, 2, 0]]
    assert nearest_rows(cosines, 9).tolist() == [[1, 2, 0, 3]]


def test_softmax_of_large_logits() -> None:
    assert softmax(np.array([1e4, 0.0])).tolist() == [1, 0]


inferences = st.builds(
    Inference,
    neighbours=st.none() | st.integers(1, 9),
    temperature=st.floats(0.01, 5),
    votes=st.sampled_from([0.0, 1.0, 2.5]),
    prototypes=st.sampled_from([0.0, 1.0]),
    directions=st.just(0.5),
    prototype_scale=st.floats(0, 50),
    direction_scale=st.floats(0, 50),
)


@settings(deadline=None)
@given(bank_rows, bank_rows, inferences, st.booleans())
def test_scores_are_distributions(rows: Array, queries: Array, inference: Inference, out_of_scope: bool) -> None:
    labels = [("a",), ("b",), ("a", "b"), ("c",), ("a",), ("b",), () if out_of_scope else ("c",)]
    bank = Bank([str(row) for row in range(7)], labels, unit(rows))
    directions = np.eye(bank.width, 4, dtype=np.float32)
    scores = bank.scores(unit(queries), inference, directions)
    assert scores.shape == (7, bank.width)
    assert (scores >= 0).all()
    assert scores.sum(1) == pytest.approx(np.ones(7), abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neighbours": 0}, "neighbours is 0, expected at least 1"),
        ({"temperature": 0.0}, "temperature is 0.0, expected a positive number"),
        ({"votes": -1.0}, "weights: none negative, not all zero"),
        ({"votes": 0.0, "prototypes": 0.0, "directions": 0.0}, "weights: none negative, not all zero"),
    ],
)
def test_inference_out_of_range_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Inference(**settings)  # type: ignore[arg-type]


def test_texts_labels_and_vectors_must_be_as_many() -> None:
    with pytest.raises(InputError, match="2 texts, 1 label sets and 1 vectors"):
        Bank(["a", "b"], [("x",)], vectors((1, 0)))
