"""The probability of responses, by cosines and by precedents."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.tasks.contexts import agent_turns, contexts_of
from turnwise.tasks.dual import DualEncoder
from turnwise.tasks.fit import HeldOut, TaskInput
from turnwise.tasks.pool import Pool, Response
from turnwise.tasks.retriever import Precedents, Retriever
from turnwise.tasks.selection import Selection
from turnwise.tasks.selection_fit import SelectionFitting, fit_selection
from turnwise.training import Settings

CORNERS = np.eye(3, dtype=np.float32)


def corners(tiny: Encoder, precedents: Precedents | None, share: float) -> Retriever:
    """Three responses at right angles, scale ln 4."""
    return Retriever(DualEncoder(tiny), CORNERS, float(np.log(4)), precedents=precedents, share=share)


def test_without_precedents_it_is_a_softmax_of_scaled_cosines(tiny: Encoder) -> None:
    """Scores ln 4, 0, 0: 4/6, 1/6, 1/6, whatever the share."""
    for share in (0.0, 0.9):
        found = np.exp(corners(tiny, None, share).scored(CORNERS[:1]))
        assert found == pytest.approx(np.array([[4 / 6, 1 / 6, 1 / 6]]))


def test_precedents_vote_for_what_was_answered(tiny: Encoder) -> None:
    """The context (1, 0, 0) among precedents at (1, 0, 0), (0, 1, 0) and (0, 1, 0), answered 1, 1 and 2.

    Their votes are 4/6, 1/6 and 1/6, so 0, 5/6 and 1/6 for the three responses; halved with 4/6, 1/6, 1/6 they are
    2/6, 3/6 and 1/6.
    """
    precedents = Precedents(CORNERS[[0, 1, 1]], np.array([1, 1, 2]))
    found = np.exp(corners(tiny, precedents, 0.5).scored(CORNERS[:1]))
    assert found == pytest.approx(np.array([[2 / 6, 3 / 6, 1 / 6]]))
    assert np.exp(corners(tiny, precedents, 0.0).scored(CORNERS[:1]))[0, 0] == pytest.approx(4 / 6)


def test_of_other_texts_precedents_vote_for_those_of_the_pool(tiny: Encoder) -> None:
    """The same votes, 0, 5/6 and 1/6, over two candidates: one on (0, 1, 0) that the pool has as number 2, one new.

    Their cosines with (1, 0, 0) are 0 and 1: 1/5 and 4/5. The votes are shares of the 1/5 that the known one has:
    1/2 (1/5 + 1/5 1/6), and the new one keeps its 4/5. What is no candidate keeps its votes.
    """
    precedents = Precedents(CORNERS[[0, 1, 1]], np.array([1, 1, 2]))
    retriever = corners(tiny, precedents, 0.5)
    found = np.exp(retriever.among(CORNERS[:1], CORNERS[[1, 0]], np.array([2, -1])))
    assert found == pytest.approx(np.array([[(1 / 5 + 1 / 30) / 2, 4 / 5]]))
    plain = np.exp(corners(tiny, None, 0.5).among(CORNERS[:1], CORNERS[[1, 0]], np.array([2, -1])))
    assert plain == pytest.approx(np.array([[1 / 5, 4 / 5]]))


def test_many_contexts_are_scored_in_parts_alike(tiny: Encoder) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1_100, 3)).astype(np.float32)
    retriever = corners(tiny, Precedents(CORNERS, np.array([2, 0, 1])), 0.5)
    found = retriever.scored(vectors)
    assert found.shape == (1_100, 3)
    assert np.exp(found).sum(1) == pytest.approx(np.ones(1_100))
    assert np.allclose(found[700:], retriever.scored(vectors[700:]))
    assert retriever.scored(vectors[:0]).shape == (0, 3)


@pytest.fixture
def asked(tiny: Encoder, desk_talks: list[Dialogue], desk_pool: Pool) -> Callable[[], Retriever]:
    return lambda: Retriever.of(DualEncoder(tiny), desk_pool, 20.0)


def test_what_is_remembered_is_bounded_seeded_and_kept_to_the_last_digit(
    tiny: Encoder, asked: Callable[[], Retriever], desk_talks: list[Dialogue], desk_pool: Pool
) -> None:
    contexts = contexts_of(desk_talks, tiny.codec, agent_turns, profile=True)
    answers = np.arange(len(contexts)) % len(desk_pool)
    retriever, again = asked(), asked()
    for one in (retriever, again):
        one.remember(contexts, answers, 5, seed=1)
    assert retriever.precedents is not None and again.precedents is not None
    assert len(retriever.precedents.responses) == 5
    assert np.array_equal(retriever.precedents.responses, again.precedents.responses)
    read = Retriever.read(retriever.dual, desk_pool, retriever.arrays(), retriever.content())
    assert np.array_equal(read.scores(contexts), retriever.scores(contexts))
    retriever.remember([], [], 5, seed=1)
    assert (retriever.precedents, retriever.share) == (None, 0.0)
    assert "precedents" not in retriever.arrays()


def test_the_share_is_chosen_by_held_out_answers(tiny: Encoder, desk_talks: list[Dialogue]) -> None:
    """Contexts 0, 1, 2 lie on responses 0, 1, 2, and were answered 1, 2, 0: more than half of the weight decides."""
    dual = DualEncoder(tiny)
    dual.engine = lambda tokens: CORNERS[: len(tokens)]
    retriever = Retriever(dual, CORNERS, 20.0)
    contexts = contexts_of(desk_talks, tiny.codec, agent_turns, profile=True)[:3]
    retriever.remember(contexts, [1, 2, 0], 100, seed=0)
    assert retriever.share == 0.5
    retriever.choose_share(contexts, np.array([1, 2, 0]))
    assert retriever.share == 0.75
    retriever.choose_share(contexts, np.array([0, 1, 2]))
    assert retriever.share == 0.0
    retriever.choose_share([], np.zeros(0, dtype=np.int64))
    assert retriever.share == 0.0


def test_what_does_not_belong_together_is_refused(asked: Callable[[], Retriever], desk_pool: Pool) -> None:
    retriever = asked()
    arrays, content = retriever.arrays(), retriever.content()
    with pytest.raises(ValueError, match="6 vectors for 1 responses"):
        Retriever.read(retriever.dual, Pool.of([Response("a", "b")], source="test"), arrays, content)
    for answers in ([6], [-1], [0, 0]):
        wrong = arrays | {"precedents": arrays["vectors"][:1], "answers": np.array(answers)}
        with pytest.raises(ValueError, match="not in its pool"):
            Retriever.read(retriever.dual, desk_pool, wrong, content)


def test_custom_decides_between_texts_that_would_both_do(checkpoint: Callable[[str], Path]) -> None:
    """Two ways to say the same of which this desk uses one: what it said before comes first, and 0 turns it off."""
    pool = Pool.of([Response("seldom", "refund done ok"), Response("often", "refund done sure")], source="test")
    talks = [
        Dialogue(f"d{at}", (Turn("customer", text), Turn("agent", "refund done sure", labels={"response": "often"})))
        for at, text in enumerate(["money please", "my money", "refund my card", "i want money"] * 3)
    ]
    still = Settings(steps=1, learning_rate=1e-9, precision="fp32")
    fitting = SelectionFitting(Selection(batch_size=4), still, TaskInput(max_tokens=40), HeldOut(0.25))
    model = fit_selection(talks, Encoder.load(checkpoint("bert")), fitting, pool=pool)
    assert model.retriever.precedents is not None and len(model.retriever.precedents.responses) == 9
    assert model.evaluate(talks, draws=0)["recall@1"] == 1.0
    plain = replace(fitting, task=replace(fitting.task, precedents=0))
    bare = fit_selection(talks, Encoder.load(checkpoint("bert")), plain, pool=pool)
    assert (bare.retriever.precedents, bare.retriever.share) == (None, 0.0)


def test_a_negative_number_of_precedents_is_refused() -> None:
    with pytest.raises(InputError, match="precedents is -1, expected 0 or more"):
        Selection(precedents=-1)
