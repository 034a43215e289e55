from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnwise.dialogue import Dialogue, Turn, intents
from turnwise.encoder import Encoder
from turnwise.errors import InputError
from turnwise.tasks.intent.bank import Bank, Inference
from turnwise.tasks.intent.calibration import Calibration
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.model import Decision, IntentModel
from turnwise.vectors import unit

TEXTS = ["where is my order", "money please", "block the card", "what is the weather", "我的包裹 🙂", "x" * 500]


# -- answers -------------------------------------------------------------------------------------------------


def test_evidence_holds_score_alternatives_and_neighbours(fitted: IntentModel) -> None:
    (turn,) = fitted.predict(["where is my parcel"])
    evidence = turn.evidence["intent"]
    assert (turn.speaker, turn.text, turn.labels) == ("customer", "where is my parcel", {"intent": ("track",)})
    assert evidence.score is not None and 0 <= evidence.score <= 1
    assert evidence.alternatives[0][0] == "track"
    assert sorted(name for name, _ in evidence.alternatives) == ["block", "refund", "track"]
    scores = [score for _, score in evidence.alternatives]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert len(evidence.neighbours) == 3
    assert (evidence.neighbours[0].text, evidence.neighbours[0].labels) == ("where is my parcel", ("track",))
    assert evidence.neighbours[0].similarity == pytest.approx(1, abs=1e-5)
    similarities = [neighbour.similarity for neighbour in evidence.neighbours]
    assert similarities == sorted(similarities, reverse=True)
    assert max(similarities) <= 1
    assert not evidence.truncated


def test_a_long_text_is_answered_and_marked(fitted: IntentModel) -> None:
    short, long = fitted.predict(["track it", "track it " * 100_000])
    assert not short.evidence["intent"].truncated
    assert long.evidence["intent"].truncated
    assert long.labels["intent"]


@pytest.mark.parametrize("text", ["", "  ", "\n\t", "\u00a0"])
def test_a_blank_text_has_no_intent(fitted: IntentModel, text: str) -> None:
    (turn,) = fitted.predict([text])
    assert turn.labels == {"intent": ()}
    assert turn.evidence["intent"].score == 1
    assert turn.evidence["intent"].neighbours == ()


@pytest.mark.parametrize("text", ["?", "🙂", "我的包裹在哪里", "\u200b", "\x00", "a\ud800b"])
def test_odd_texts_are_answered(fitted: IntentModel, text: str) -> None:
    (turn,) = fitted.predict([text])
    assert turn.labels["intent"]
    assert turn.text == text


def test_no_text_no_answer_and_one_string_is_refused(fitted: IntentModel) -> None:
    assert fitted.predict([]) == []
    with pytest.raises(InputError, match="predict takes a list of texts, not one string"):
        fitted.predict("hello")


def test_progress_counts_every_text(fitted: IntentModel) -> None:
    counted: list[int] = []
    fitted.predict(TEXTS, progress=counted.append)
    assert sum(counted) == len(TEXTS)


words = st.lists(
    st.sampled_from(["where", "is", "my", "parcel", "refund", "money", "card", "lost", "block", "zebra", "我"]),
    min_size=1,
    max_size=12,
).map(" ".join)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, min_size=2, max_size=20), st.randoms(use_true_random=False))
def test_an_answer_does_not_depend_on_its_company(fitted: IntentModel, texts: list[str], random: object) -> None:
    together = fitted.predict(texts)
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = fitted.predict([texts[row] for row in order])
    for place, row in enumerate(order):
        assert shuffled[place].labels == together[row].labels
        assert shuffled[place].evidence["intent"].score == pytest.approx(
            together[row].evidence["intent"].score, abs=1e-4
        )
    alone = fitted.predict([texts[0]])[0]
    assert alone.labels == together[0].labels


# -- changes without training --------------------------------------------------------------------------------


def test_a_new_intent_answers_at_once(model: IntentModel) -> None:
    before = len(model.bank.texts)
    model.add([Utterance("can you wrap the gift", ("wrap",)), Utterance("gift wrap please", ("wrap",))])
    assert model.labels == ("block", "refund", "track", "wrap")
    assert len(model.bank.texts) == before + 2
    (turn,) = model.predict(["gift wrap please"])
    assert turn.labels["intent"] == ("wrap",)
    assert turn.evidence["intent"].neighbours[0].text == "gift wrap please"


def test_an_example_that_is_there_is_not_added_again(model: IntentModel) -> None:
    before = model.bank.texts
    model.add([Utterance("track it", ("track",))])
    assert model.bank.texts == before
    model.add([Utterance("new one", ("track",)), Utterance("new one", ("track",))])
    assert model.bank.texts == (*before, "new one")


def test_a_blank_example_adds_nothing(model: IntentModel) -> None:
    before = model.bank.texts
    with pytest.raises(InputError, match="example 1 has no text; nothing was added"):
        model.add([Utterance("fine", ("x",)), Utterance(" ", ("x",))])
    assert model.bank.texts == before


def test_out_of_scope_examples_can_be_added(model: IntentModel) -> None:
    model.calibration = Calibration()
    model.add([Utterance("what is the weather today", ())])
    (turn,) = model.predict(["what is the weather today"])
    assert turn.evidence["intent"].neighbours[0].labels == ()
    assert model.labels == ("block", "refund", "track")
    assert model.scores(model.vectors(["hello"])).shape == (1, 4)


def test_an_intent_goes_with_its_utterances_and_its_direction(model: IntentModel, folder: Path) -> None:
    assert model.remove(intent="refund") == 6  # its five utterances and its name
    assert model.labels == ("block", "track")
    assert "refund" not in model.directions
    model.save(folder)
    (turn,) = IntentModel.load(folder).predict(["i want a refund"])
    assert turn.labels["intent"] != ("refund",)


def test_single_utterances_can_be_removed(model: IntentModel) -> None:
    assert model.remove(text="track it") == 1
    assert model.remove(text="track", intent="track") == 1
    assert not {"track it", "track"} & set(model.bank.texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "name an intent, a text, or both"),
        ({"intent": "refunds"}, r"there is no intent 'refunds'; .*refund"),
        ({"text": "nowhere"}, "no example has the text 'nowhere'"),
        ({"text": "track it", "intent": "refund"}, "no example has the text 'track it' and the intent 'refund'"),
    ],
)
def test_what_is_not_there_cannot_be_removed(model: IntentModel, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.remove(**arguments)


def test_two_intents_remain(model: IntentModel) -> None:
    model.remove(intent="refund")
    with pytest.raises(InputError, match=r"1 intent\(s\) would remain; a detector needs at least 2"):
        model.remove(intent="track")
    assert model.labels == ("block", "track")


def test_a_rejected_text_has_no_intent_but_alternatives(model: IntentModel) -> None:
    assert model.held_out is not None
    threshold = model.reject("in_scope_recall", 1.0)
    assert threshold == pytest.approx(model.held_out.scope[model.held_out.in_scope].min() - 1e-4)
    model.calibration = Calibration(1, 0, 99.0)  # above any score: everything goes
    (turn,) = model.predict(["where is my parcel"])
    assert turn.labels["intent"] == ()
    best = turn.evidence["intent"].alternatives[0]
    assert best[0] == "track"
    assert turn.evidence["intent"].score == pytest.approx(1 - best[1], abs=1e-6)
    assert model.reject(None) is None
    assert model.predict(["where is my parcel"])[0].labels["intent"] == ("track",)


def test_a_target_needs_held_out_scores_and_a_value(model: IntentModel) -> None:
    with pytest.raises(InputError, match="the target oos_recall needs a value between 0 and 1"):
        model.reject("oos_recall")
    with pytest.raises(InputError, match="oos_recall needs out-of-scope examples"):
        model.reject("oos_recall", 0.9)
    model.held_out = None
    with pytest.raises(InputError, match="no held-out scores: fit it with --dev or --calibrate"):
        model.reject("in_scope_recall", 0.9)
    assert model.operating_points() == []


def test_the_operating_point_in_force_comes_first(model: IntentModel) -> None:
    without = model.operating_points()
    threshold = model.reject("in_scope_recall", 0.5)
    assert model.operating_points()[0]["threshold"] == threshold
    assert model.operating_points()[1:] == without


def test_without_a_threshold_the_out_of_scope_column_rejects(encoder: Encoder) -> None:
    texts = ["track it", "refund", "what is the weather"]
    vectors = unit(encoder.encode(texts))
    bank = Bank(texts, [("track",), ("refund",), ()], vectors)
    model = IntentModel(encoder, bank, inference=Inference(neighbours=1, prototypes=0, directions=0))
    assert [turn.labels["intent"] for turn in model.predict(texts)] == [("track",), ("refund",), ()]


# -- several intents -----------------------------------------------------------------------------------------


def test_every_label_above_the_threshold_is_an_answer(encoder: Encoder) -> None:
    """The directions are the text's own vector (cosine 1) and its opposite: sigmoid(10) and sigmoid(-30)."""
    texts = ["block my card", "lost card and block it", "refund"]
    vectors = unit(encoder.encode(texts))
    bank = Bank(texts, [("block",), ("block", "lost"), ("refund",)], vectors)
    directions = {"block": vectors[1], "lost": vectors[1], "refund": -vectors[1]}
    model = IntentModel(
        encoder,
        bank,
        inference=Inference(),
        directions=directions,
        decision=Decision(several=True, label_threshold=0.5),
    )
    (turn,) = model.predict(texts[1:2])
    evidence = turn.evidence["intent"]
    assert turn.labels["intent"] == ("block", "lost")
    assert evidence.score == pytest.approx((1 / (1 + np.exp(-10))) ** 2, abs=1e-4)
    assert dict(evidence.alternatives) == pytest.approx({"block": 1, "lost": 1, "refund": 0}, abs=1e-3)
    model.directions = dict.fromkeys(directions, -vectors[1])
    (turn,) = model.predict(texts[1:2])
    assert turn.labels["intent"] == ()
    assert turn.evidence["intent"].score == pytest.approx(1, abs=1e-3)


# -- dialogues -----------------------------------------------------------------------------------------------


def test_annotate_fills_the_layer_of_every_turn_that_is_not_the_agents(fitted: IntentModel) -> None:
    turns = (
        Turn("customer", "where is my parcel", labels={"intent": ("wrong",), "emotion": ("angry",)}),
        Turn("agent", "let me see", labels={"acts": ("inform",)}),
        Turn(None, "i want a refund"),
    )
    dialogue = Dialogue("d", turns, profile={"carrier": "x"})
    (found,) = fitted.annotate([dialogue])
    assert [intents(turn) for turn in found.turns] == [("track",), None, ("refund",)]
    assert found.turns[0].labels["emotion"] == ("angry",)
    assert found.turns[1] is turns[1]
    assert found.turns[2].speaker is None
    assert (found.id, found.profile) == ("d", {"carrier": "x"})
    (agent_alone,) = fitted.annotate([Dialogue("a", (turns[1],))])
    assert agent_alone.turns == (turns[1],)


def test_evaluate_measures_the_annotated_turns(fitted: IntentModel) -> None:
    gold = [("where is my parcel", "track"), ("i want a refund", "refund"), ("block my card", "track")]
    dialogues = [
        Dialogue(str(number), (Turn("customer", text, labels={"intent": (name,)}),))
        for number, (text, name) in enumerate(gold)
    ]
    metrics = fitted.evaluate(dialogues, draws=10)
    assert metrics["n"] == 3
    assert metrics["accuracy"] == pytest.approx(2 / 3)
