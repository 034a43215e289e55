"""Fitting, answering, saving and adding slots, on sentences written for the test and a tiny encoder."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError, TaskMismatchError
from turnwise.pretrained_decoder import PretrainedDecoder, encoder_hash, save_decoder
from turnwise.span_decoder import SpanDecoder
from turnwise.tasks.load import load_any
from turnwise.tasks.slots.extract import extract
from turnwise.tasks.slots.fit import add_slots, fit_slots, start
from turnwise.tasks.slots.model import SlotModel, load_slots
from turnwise.tasks.slots.pretune import by_name, pretune
from turnwise.tasks.slots.recipe import Slots, SlotsFitting, SlotTraining

WORDS = ("monday", "order", "parcel", "refund", "address", "money")
PLACES = ("card", "help", "hello")


@pytest.fixture(scope="module")
def encoder(checkpoint: Callable[[str], Path]) -> Encoder:
    return Encoder.load(checkpoint("bert"))


def said(number: int) -> Dialogue:
    """ "my WORD is here", and in every other one "where is my PLACE"; some with nothing."""
    word, place = WORDS[number % len(WORDS)], PLACES[number % len(PLACES)]
    if number % 4 == 3:
        return Dialogue(f"test:{number}", (Turn("customer", "thank you for waiting", {"slots": ()}),))
    text = f"my {word} is here" if number % 2 else f"my {word} is here where is {place}"
    spans = [Span(3, 3 + len(word), "word")]
    if number % 2 == 0:
        spans.append(Span(len(text) - len(place), len(text), "place"))
    return Dialogue(f"test:{number}", (Turn("customer", text, {"slots": tuple(spans)}),))


SAID = [said(number) for number in range(24)]


def recipe(**training: Any) -> SlotsFitting:
    settings = {"steps": 60, "batch_size": 12, "learning_rate": 3e-3, "dropout": 0.1, **training}
    return SlotsFitting(Slots(decoder="random", members=2, residual=8), SlotTraining(**settings))


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> SlotModel:
    return fit_slots(SAID, encoder, recipe())


def spans(dialogue: Dialogue) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.label) for span in dialogue.turns[0].spans["slots"]]


def test_it_learns_what_it_was_shown(model: SlotModel) -> None:
    assert model.labels == ("place", "word")
    figures = model.evaluate(SAID, draws=10)
    assert figures["f1"] > 0.9
    assert (figures["ceiling"], figures["unknown_labels"]) == (1.0, [])
    answered = model.predict(Dialogue("x", (Turn("customer", SAID[0].turns[0].text),)))
    assert spans(answered) == spans(SAID[0])
    assert all(0 < span.score <= 1 for span in answered.turns[0].spans["slots"] if span.score)
    evidence = answered.turns[0].evidence["slots"]
    assert evidence.neighbours[0].text == SAID[0].turns[0].text
    assert evidence.neighbours[0].labels == ("place", "word")


def test_what_was_saved_answers_the_same(model: SlotModel, encoder: Encoder, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = load_slots(tmp_path / "model")
    assert list(again.annotate(SAID)) == list(model.annotate(SAID))
    assert again.version == model.version
    assert isinstance(load_any(tmp_path / "model"), SlotModel)
    model.save(tmp_path / "shared", encoder=False)
    assert list(load_slots(tmp_path / "shared", encoder).annotate(SAID[:3])) == list(model.annotate(SAID[:3]))
    document = json.loads((tmp_path / "model" / "task.json").read_text(encoding="utf-8"))
    (tmp_path / "model" / "task.json").write_text(json.dumps({**document, "shape": {"width": 7}}), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read as a model of slots"):
        load_slots(tmp_path / "model")
    (tmp_path / "model" / "task.json").write_text(json.dumps({**document, "task": "acts"}), encoding="utf-8")
    with pytest.raises(TaskMismatchError):
        load_slots(tmp_path / "model")


def test_the_weights_of_members_can_be_averaged(encoder: Encoder) -> None:
    """As fast to ask as one decoder, and good on what it was shown."""
    mean = fit_slots(SAID, encoder, replace(recipe(), slots=replace(recipe().slots, average=True)))
    assert (mean.slots.members, mean.stack.decoders, len(mean.labels)) == (1, 2, 2)
    assert mean.evaluate(SAID, draws=10)["f1"] > 0.8


def test_one_seed_is_one_model(encoder: Encoder) -> None:
    first, second = (fit_slots(SAID, encoder, recipe(steps=3)) for _ in range(2))
    for name, value in first.stack.state_dict().items():
        assert torch.equal(value, second.stack.state_dict()[name])


def test_the_encoder_and_the_caller_s_layers_stay(encoder: Encoder) -> None:
    before = encoder_hash(encoder)
    fit_slots(SAID, encoder, recipe(steps=2))
    assert (encoder.layers, encoder_hash(encoder)) == ((), before)


def test_slots_are_added_and_the_others_answer_as_before(encoder: Encoder, model: SlotModel) -> None:
    first = fit_slots(SAID, encoder, recipe(), slots=["word"])
    both = add_slots(first, SAID, recipe().training)
    assert both.labels == ("word", "place")
    for dialogue in SAID[:6]:
        before = first.predict(dialogue).turns[0].spans["slots"]
        after = [span for span in both.predict(dialogue).turns[0].spans["slots"] if span.label == "word"]
        assert [(span.start, span.end) for span in after] == [(span.start, span.end) for span in before]
        assert [span.score for span in after] == pytest.approx([span.score for span in before], abs=1e-5)
    assert any(s.label == "place" for d in SAID for s in both.predict(d).turns[0].spans["slots"])
    with pytest.raises(InputError, match="the model has the slot 'word' already"):
        add_slots(first, SAID, recipe().training, slots=["word"])
    with pytest.raises(CorpusError, match="have no slot beside"):
        add_slots(model, SAID, recipe().training)


def test_as_published_each_slot_has_batches_of_its_own(encoder: Encoder) -> None:
    whole = SlotsFitting(
        Slots(decoder="random", whole=True, members=1, residual=8),
        SlotTraining(steps=120, batch_size=16, valued=0.2, learning_rate=3e-3, dropout=0.1, enough=0.05),
    )
    assert fit_slots(SAID, encoder, whole).evaluate(SAID, draws=10)["f1"] > 0.8


def test_other_domains_come_first(encoder: Encoder) -> None:
    """A decoder trained on the slots of other domains by their names finds them without more; then it is fitted."""
    slots = Slots(decoder="random", members=1, residual=8)
    training = SlotTraining(steps=80, batch_size=8, learning_rate=3e-3, dropout=0.1)
    domains = [SAID[:12], [replace(d, id=d.id + "b") for d in SAID[12:]]]
    begin = pretune(domains, encoder, slots, training)
    fitted = fit_slots(SAID, encoder, SlotsFitting(replace(slots, names=True), replace(training, steps=5)), begin=begin)
    assert fitted.evaluate(SAID, draws=10)["f1"] > 0.7
    asked = by_name(begin, encoder, slots, {"word": "word", "place": "the place"})
    assert asked.labels == ("word", "place")
    assert asked.evaluate(SAID, draws=10)["f1"] > 0.3
    with pytest.raises(InputError, match="there is no slot to ask for"):
        by_name(begin, encoder, slots, {})
    with pytest.raises(CorpusError, match="holds no value in any domain"):
        pretune([[SAID[3]]], encoder, slots, training)


def test_a_pretrained_decoder_must_fit_the_encoder(
    encoder: Encoder, checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    pretrained = PretrainedDecoder(SpanDecoder(64, hidden=16, width=12), (1, 2), "[MASK]", "x", encoder_hash(encoder))
    save_decoder(pretrained, tmp_path / "decoder")
    slots = Slots(decoder=str(tmp_path / "decoder"), residual=8)
    reader, stack = start(slots, encoder, 0)
    assert (reader.layers, stack.decoders) == ((1, 2), 1)
    fitted = fit_slots(SAID, encoder, SlotsFitting(slots, SlotTraining(steps=2)))
    assert fitted.encoder.layers == (1, 2)
    with pytest.raises(ModelError, match="belongs to the encoder x"):
        start(slots, Encoder.random(checkpoint("bert"), seed=5), 0)
    with pytest.raises(ModelError, match="is no decoder folder"):
        start(Slots(decoder=str(tmp_path / "none")), encoder, 0)


def test_extraction_without_training(encoder: Encoder) -> None:
    """Whatever it finds is a stretch of the text; empty texts have nothing."""
    texts = [dialogue.turns[0].text for dialogue in SAID] + ["", "   "]
    found = extract(texts, encoder, Slots(decoder="random", residual=8))
    assert found[-2:] == [None, None]
    assert all(one is None or 0 <= one[0] < one[1] <= len(text) for one, text in zip(found, texts, strict=True))


@pytest.mark.parametrize(
    ("dialogues", "slots", "problem"),
    [
        ([Dialogue("a", (Turn("customer", "hi"),))], (), "is in no turn"),
        ([Dialogue("a", (Turn("customer", "hi", {"slots": ()}),))], (), "is empty in every turn"),
        (SAID, ("colour",), "the slot 'colour' has no value in the dialogues"),
        ([Dialogue("a", (Turn("customer", "hi", {"slots": (Span(0, 9, "x"),)}),))], (), "lie outside their texts"),
    ],
)
def test_what_cannot_be_learned(
    encoder: Encoder, dialogues: list[Dialogue], slots: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(CorpusError, match=problem):
        fit_slots(dialogues, encoder, recipe(), slots=slots)


def test_one_example_and_odd_texts(encoder: Encoder) -> None:
    """A slot with a single value and nothing else is fitted; empty, long, right-to-left and Chinese texts are read."""
    for training in (recipe(steps=3), recipe(steps=3, valued=0.2)):
        fitted = fit_slots(SAID[:1], encoder, training)
        texts = ["", "  ", "my card " * 700, "שלום אני רוצה הזמנה", "我要退款", "\ud800 x"]
        dialogue = Dialogue("odd", tuple(Turn("customer", text) for text in texts))
        answered = fitted.predict(dialogue)
        assert "slots" not in answered.turns[0].spans
        for turn in answered.turns[2:]:
            assert all(0 <= span.start < span.end <= len(turn.text) for span in turn.spans["slots"])


def test_the_last_turn_alone(model: SlotModel) -> None:
    dialogue = Dialogue("two", (SAID[0].turns[0], Turn("customer", SAID[1].turns[0].text)))
    (answered,) = model.annotate([dialogue], last=True)
    assert answered.turns[0] == dialogue.turns[0]
    assert [span.label for span in answered.turns[1].spans["slots"]] == ["word"]
