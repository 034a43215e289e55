"""IOB tags by hand, and against every sequence there is."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.tasks.pii.iob import Chain, Stretch, around, decode, encode, width

PROBABILITIES = np.array([[0.5, 0.1, 0.4], [0.3, 0.1, 0.6]])
"""Valid are OO .15, OB .05, BO .03, BB .01, BI .06, together .30; the likeliest tags one by one are the invalid O I."""


def test_tags_begin_each_span_anew() -> None:
    stretches = [Stretch(0, 2, 1), Stretch(2, 3, 1), Stretch(4, 6, 0)]
    tags = encode(stretches, 7)
    assert tags.tolist() == [3, 4, 3, 0, 1, 2, 0]
    assert decode(tags) == stretches
    assert width(2) == 5


def test_the_likeliest_valid_tags_and_their_probability() -> None:
    tags, sure = Chain(PROBABILITIES).best()
    assert tags.tolist() == [0, 0]
    assert sure == pytest.approx(0.15 / 0.30)


def test_an_inside_tag_of_another_kind_does_not_go_on() -> None:
    """B of kind 0, then I of kind 1 is likeliest token by token; B0 B1 is the best of the valid ones."""
    chances = np.array([[0.1, 0.8, 0.0, 0.1, 0.0], [0.05, 0.05, 0.1, 0.2, 0.6]])
    assert Chain(chances).best()[0].tolist() == [1, 3]


def test_the_probability_of_one_span_sums_over_all_around_it() -> None:
    chain = Chain(PROBABILITIES)
    assert chain.probability(Stretch(0, 2, 0)) == pytest.approx(0.06 / 0.30)
    assert chain.probability(Stretch(0, 1, 0)) == pytest.approx((0.03 + 0.01) / 0.30)
    assert chain.probability(Stretch(1, 2, 0)) == pytest.approx((0.05 + 0.01) / 0.30)


def test_no_tokens_have_no_tags() -> None:
    tags, sure = Chain(np.zeros((0, 3))).best()
    assert (tags.tolist(), sure) == ([], 1.0)


@st.composite
def spans(draw: st.DrawFn) -> tuple[list[Stretch], int]:
    found, at = [], 0
    for _ in range(draw(st.integers(0, 5))):
        start = at + draw(st.integers(0, 3))
        at = start + draw(st.integers(1, 4))
        found.append(Stretch(start, at, draw(st.integers(0, 2))))
    return found, at + draw(st.integers(0, 2))


@given(spans())
def test_what_is_encoded_is_decoded(made: tuple[list[Stretch], int]) -> None:
    stretches, tokens = made
    assert decode(encode(stretches, tokens)) == stretches


def test_a_joined_token_goes_on_with_what_was_there() -> None:
    """The second token joined to the first leaves OO .15 and BI .06."""
    chain = Chain(PROBABILITIES, np.array([False, True]))
    tags, sure = chain.best()
    assert (tags.tolist(), sure) == ([0, 0], pytest.approx(0.15 / 0.21))
    assert chain.probability(Stretch(0, 2, 0)) == pytest.approx(0.06 / 0.21)
    assert chain.probability(Stretch(0, 1, 0)) == chain.probability(Stretch(1, 2, 0)) == 0


def test_around_what_is_known_the_rest_is_as_likely_as_before() -> None:
    """Of two kinds the first is ruled out; the first token is known to be outside."""
    found = around(np.full((2, 5), 0.2), np.array([True, False]), [0])
    assert found.tolist() == [[1, 0, 0, 0, 0], [0.2, 0, 0, 0.2, 0.2]]
    assert Chain(found).probability(Stretch(1, 2, 1)) == pytest.approx(1 / 2)


def valid(tags: tuple[int, ...], joined: list[bool]) -> bool:
    pairs = zip((0, *tags), tags, joined, strict=False)
    goes_on = [tag > 0 and tag % 2 == 0 and before in (tag - 1, tag) for before, tag, _ in pairs]
    begins = [tag % 2 == 1 for tag in tags]
    out = [tag == 0 for tag in tags]
    for at in range(len(tags)):
        if at and joined[at]:
            if not (goes_on[at] or (out[at] and out[at - 1])):
                return False
        elif not (goes_on[at] or begins[at] or out[at]):
            return False
    return True


@given(
    st.lists(st.lists(st.floats(0.01, 1), min_size=5, max_size=5), min_size=1, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_best_and_probabilities_are_those_of_all_sequences(rows: list[list[float]], joined: list[bool]) -> None:
    chances = np.array(rows) / np.array(rows).sum(1, keepdims=True)
    weights = {
        tags: float(np.prod([chances[at, tag] for at, tag in enumerate(tags)]))
        for tags in product(range(5), repeat=len(rows))
        if valid(tags, joined)
    }
    total = sum(weights.values())
    chain = Chain(chances, np.array(joined[: len(rows)]))
    tags, sure = chain.best()
    assert weights[tuple(tags.tolist())] == pytest.approx(max(weights.values()))
    assert sure == pytest.approx(max(weights.values()) / total)
    for stretch in {one for tags in weights for one in decode(np.array(tags))}:
        holding = sum(weight for tags, weight in weights.items() if stretch in decode(np.array(tags)))
        assert chain.probability(stretch) == pytest.approx(holding / total)
