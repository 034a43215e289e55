import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.fit import decide, fit_intent, hold_out, measure
from turnwise.tasks.intent.model import Decision, IntentModel
from turnwise.tasks.intent.recipes import Intent
from turnwise.training import Step

Recipe = Callable[..., Intent]


def answers(model: IntentModel) -> list[object]:
    turns = model.predict(["where is my order", "money please", "lost it", "hello"])
    return [(turn.labels["intent"], turn.evidence["intent"].alternatives) for turn in turns]


def test_the_detector_knows_its_training_texts_and_the_given_encoder_stays(
    encoder: Encoder, shop: list[Utterance], quick: Recipe
) -> None:
    before = copy.deepcopy(encoder.backbone.state_dict())
    model = fit_intent(shop, encoder, quick())
    assert model.labels == ("block", "refund", "track")
    turns = model.predict([utterance.text for utterance in shop])
    assert [turn.evidence["intent"].neighbours[0].text for turn in turns] == [utterance.text for utterance in shop]
    right = sum(turn.labels["intent"] == utterance.labels for turn, utterance in zip(turns, shop, strict=True))
    assert right > 10
    for name, value in encoder.backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    moved = model.encoder.backbone.state_dict()
    assert any(not torch.equal(value, moved[name]) for name, value in before.items())
    assert not model.encoder.training
    assert model.facts["utterances"] == 15
    assert model.facts["recipe"]["training"]["steps"] == 2


def test_the_same_seed_gives_the_same_detector_and_another_does_not(
    encoder: Encoder, shop: list[Utterance], quick: Recipe
) -> None:
    first, again, other = (
        answers(fit_intent(shop, encoder, quick(training={"seed": seed, "learning_rate": 1e-2}))) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_label_names_become_texts_of_the_bank(encoder: Encoder, quick: Recipe) -> None:
    found = [Utterance("track it", ("card_arrival",)), Utterance("refund", ("money.back-now",))]
    model = fit_intent(found, encoder, quick("frozen", label_names=["{}", "i ask about {}"]))
    assert model.bank.texts[2:] == (
        "card arrival",
        "i ask about card arrival",
        "money back now",
        "i ask about money back now",
    )
    assert model.bank.labels[2:4] == (("card_arrival",),) * 2
    assert fit_intent(found, encoder, quick("frozen")).bank.texts == ("track it", "refund")


def test_without_training_the_encoder_is_kept_as_it_is(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    model = fit_intent(shop, encoder, quick("frozen"))
    tuned = model.encoder.backbone.state_dict()
    assert all(torch.equal(value, tuned[name]) for name, value in encoder.backbone.state_dict().items())
    assert model.directions == {}
    assert model.inference.neighbours == 1


@pytest.mark.parametrize("name", ["convfit-smax", "convfit-cos", "convfit-ocl"])
def test_the_papers_recipes_fit(encoder: Encoder, shop: list[Utterance], quick: Recipe, name: str) -> None:
    model = fit_intent(shop, encoder, quick(name))
    assert model.projection is not None
    assert model.bank.vectors.shape == (15, 512)
    assert np.linalg.norm(model.bank.vectors, axis=1) == pytest.approx(np.ones(15), abs=1e-5)
    assert len(answers(model)) == 4


def test_calibration_comes_from_dev_data(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    dev = [
        Utterance("where is the delivery", ("track",)),
        Utterance("refund please", ("refund",)),
        Utterance("what is the weather", ()),
        Utterance("stop", ("unknown",)),
    ]
    model = fit_intent(shop, encoder, quick(held_out=0.4), dev=dev)
    assert model.held_out is not None
    assert model.held_out.in_scope.tolist() == [True, True, False, True]
    assert not model.held_out.right[3]
    assert model.facts["held_out"]["source"] == "dev"
    assert model.facts["held_out"]["utterances"] == 4
    threshold = model.reject("oos_recall", 1.0)
    (turn,) = model.predict(["what is the weather"])
    assert turn.labels["intent"] == ()
    assert threshold is not None and threshold > model.held_out.scope[2]


def test_dev_data_out_of_scope_alone_calibrates_nothing_but_fits(
    encoder: Encoder, shop: list[Utterance], quick: Recipe
) -> None:
    model = fit_intent(shop, encoder, quick(), dev=[Utterance("what is the weather", ())])
    assert model.facts["held_out"]["accuracy in scope"] is None
    assert model.reject("oos_recall", 0.5) is not None


def test_holding_out_trains_a_second_time_without_those(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    stages: list[str] = []
    model = fit_intent(shop, encoder, quick(held_out=0.2), on_step=lambda stage, step: stages.append(stage))
    assert stages == ["fit", "fit", "calibrate", "calibrate"]
    assert model.facts["held_out"]["utterances"] == 3  # one of five of each intent
    assert model.held_out is not None and model.held_out.in_scope.all()
    assert {utterance.text for utterance in shop} <= set(model.bank.texts)  # the bank has them all


def test_a_share_of_each_intent_is_held_out(shop: list[Utterance]) -> None:
    found = [*shop, Utterance("alone", ("rare",)), *(Utterance(f"weather {n}", ()) for n in range(10))]
    kept, left = hold_out(found, 0.2, 0)
    assert sorted(kept + left, key=lambda u: u.text) == sorted(found, key=lambda u: u.text)
    assert sorted(u.labels for u in left) == [(), (), ("block",), ("refund",), ("track",)]
    assert hold_out(found, 0.2, 0) == (kept, left)
    assert hold_out(found, 0.2, 1) != (kept, left)
    everything = hold_out(found, 0.99, 0)[0]
    assert {u.labels for u in everything} == {u.labels for u in found}


def test_members_are_averaged_into_one_encoder(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    steps: list[tuple[str, Step]] = []
    model = fit_intent(shop, encoder, quick(members=2), on_step=lambda stage, step: steps.append((stage, step)))
    assert [stage for stage, _ in steps] == ["fit 1/2"] * 2 + ["fit 2/2"] * 2
    assert [step.index for _, step in steps] == [1, 2, 1, 2]
    first, second = (fit_intent(shop, encoder, quick(training={"seed": seed})) for seed in (0, 1))
    name = "encoder.layer.0.output.dense.weight"
    mean = (first.encoder.backbone.state_dict()[name] + second.encoder.backbone.state_dict()[name]) / 2
    assert torch.allclose(model.encoder.backbone.state_dict()[name], mean, atol=1e-6)


def test_guessed_utterances_train_but_never_explain(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    unlabelled = ["where is my order", "refund my money", "card stolen", "Track it", "hello there"]
    stages: list[str] = []
    recipe = quick(pseudo_threshold=0.3, pseudo_per_intent=2, label_names=[])
    model = fit_intent(shop, encoder, recipe, unlabelled=unlabelled, on_step=lambda stage, _: stages.append(stage))
    assert list(dict.fromkeys(stages)) == ["first fit", "fit"]
    assert model.facts["unlabelled"]["utterances"] == 5
    assert 0 < model.facts["unlabelled"]["taken with a guessed intent"] <= 4  # "Track it" is known already
    assert model.bank.texts == tuple(utterance.text for utterance in shop)
    sceptical = fit_intent(shop, encoder, quick(pseudo_threshold=1.0), unlabelled=unlabelled)
    assert sceptical.facts["unlabelled"]["taken with a guessed intent"] == 0


def test_unlabelled_texts_that_are_all_known_change_nothing(
    encoder: Encoder, shop: list[Utterance], quick: Recipe
) -> None:
    model = fit_intent(shop, encoder, quick(), unlabelled=["TRACK IT"])
    assert model.facts["unlabelled"]["taken with a guessed intent"] == 0


@pytest.mark.parametrize("labels", [[("a",), ("a",)], [(), ("a",)], [(), ()]])
def test_one_intent_is_too_few(encoder: Encoder, quick: Recipe, labels: list[tuple[str, ...]]) -> None:
    with pytest.raises(CorpusError, match="telling intents apart needs at least 2"):
        fit_intent([Utterance("track it", row) for row in labels], encoder, quick())


def test_an_intent_with_one_example_is_learnt_from_it(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    found = [*shop, Utterance("what is the weather", ("weather",))]
    model = fit_intent(found, encoder, quick(held_out=0.2))
    (turn,) = model.predict(["what is the weather"])
    assert turn.labels["intent"] == ("weather",)
    fit_intent(found, encoder, quick("convfit-ocl"))


def test_one_example_of_each_intent_fits_but_makes_no_pair(encoder: Encoder, quick: Recipe) -> None:
    found = [Utterance("track it", ("track",)), Utterance("refund", ("refund",))]
    model = fit_intent(found, encoder, quick(held_out=0.2))
    assert [turn.labels["intent"] for turn in model.predict(["track it", "refund"])] == [("track",), ("refund",)]
    assert model.held_out is None
    with pytest.raises(CorpusError, match="no intent has two utterances"):
        fit_intent(found, encoder, quick("convfit-ocl"))


def test_out_of_scope_examples_are_learnt_as_such(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    away = [Utterance(f"what is the weather {word}", ()) for word in ("today", "now", "then", "there", "here")]
    for name in ("intent", "convfit-ocl"):
        model = fit_intent([*shop, *away], encoder, quick(name))
        assert model.labels == ("block", "refund", "track")
        assert model.bank.has_out_of_scope
        turns = model.predict(["what is the weather today", "where is my parcel"])
        assert [turn.labels["intent"] for turn in turns] == [(), ("track",)]


def test_several_intents_an_utterance(encoder: Encoder, quick: Recipe) -> None:
    """Like NLU++: what is asked (card, parcel) and what about it (lost, late) are intents of their own."""
    found = [
        Utterance(text, tuple(names.split()))
        for text, names in [
            ("my card is lost", "card lost"),
            ("i lost the card", "card lost"),
            ("my parcel is lost", "parcel lost"),
            ("i lost the parcel", "parcel lost"),
            ("my parcel is late", "parcel late"),
            ("the parcel comes late", "parcel late"),
            ("block my card", "card"),
            ("where is the parcel", "parcel"),
            ("thank you", ""),
        ]
    ]
    model = fit_intent(found, encoder, quick(training={"steps": 60, "learning_rate": 3e-3}))
    assert model.decision.several
    turns = model.predict(["my card is lost", "the parcel comes late", "block my card"])
    assert [turn.labels["intent"] for turn in turns] == [("card", "lost"), ("late", "parcel"), ("card",)]


@pytest.mark.parametrize(
    ("several", "single", "expected"),
    [(0, 4, Decision()), (1, 4, Decision(further=0.3)), (1, 3, Decision(several=True))],
)
def test_a_quarter_of_utterances_with_several_intents_makes_each_intent_decide_for_itself(
    several: int, single: int, expected: Decision
) -> None:
    found = [Utterance("lost and late", ("late", "lost"))] * several + [Utterance("late", ("late",))] * single
    assert decide([*found, Utterance("weather", ())]) == expected


def test_where_few_have_several_intents_every_answer_has_one_and_a_strong_second_joins(
    encoder: Encoder, shop: list[Utterance], quick: Recipe
) -> None:
    names = sorted({name for utterance in shop for name in utterance.labels})
    both = Utterance(f"{shop[0].text} and {shop[-1].text}", tuple(names[:2]))
    model = fit_intent([*shop, both], encoder, quick())
    assert model.decision == Decision(further=0.3)
    assert all(turn.labels["intent"] for turn in model.predict([utterance.text for utterance in shop]))
    scores = np.full((2, model.bank.width), 0.0, dtype=np.float32)
    scores[0, :2], scores[1, 0] = (0.6, 0.4), 1.0
    answers = model._answers(scores, np.ones(2, dtype=np.float32))
    assert [labels for labels, _ in answers] == [model.labels[:2], model.labels[:1]]


def test_measuring_says_what_was_right(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    model = fit_intent(shop, encoder, quick())
    found = [shop[0], Utterance(shop[5].text, ("track",)), Utterance("what is the weather", ())]
    held_out = measure(model, found)
    assert held_out.right.tolist() == [True, False, False]
    assert held_out.in_scope.tolist() == [True, True, False]
    assert ((held_out.top >= 0) & (held_out.top <= 1)).all()


def test_progress_is_announced_in_steps(encoder: Encoder, shop: list[Utterance], quick: Recipe) -> None:
    steps: list[Step] = []
    fit_intent(shop, encoder, quick(), on_step=lambda _, step: steps.append(step))
    assert [(step.index, step.total) for step in steps] == [(1, 2), (2, 2)]
    assert all(np.isfinite(list(step.losses.values())).all() for step in steps)
