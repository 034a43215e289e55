"""The task as a whole, on turns written for the test and a tiny encoder."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from turnwise.dialogue import Dialogue, Span, Turn, to_json
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError
from turnwise.objectives.objective import Draws, Hidden
from turnwise.settings import Settings
from turnwise.tasks.fit import Fitting, HeldOut, TaskInput, fit_task
from turnwise.tasks.model import TaskModel, load_model
from turnwise.tasks.pii.marks import marked
from turnwise.tasks.pii.task import Pii
from turnwise.tasks.pii.windows import Window
from turnwise.tasks.recipes import TASKS, task_recipe
from turnwise.tasks.rows import Examples

SETTINGS = Settings(steps=150, learning_rate=3e-3, head_learning_rate=1e-2, precision="fp32")
CARD = "4111 1111 1111 1111"


def turn(*pieces: str | tuple[str, str], speaker: str = "customer") -> Turn:
    """A turn from texts, and pairs of a label and its text."""
    text, spans = "", []
    for piece in pieces:
        label, words = piece if isinstance(piece, tuple) else (None, piece)
        if label:
            spans.append(Span(len(text), len(text) + len(words), label))
        text += words
    return Turn("agent" if speaker == "agent" else "customer", text, {"pii": tuple(spans)})


def talk(number: int) -> Dialogue:
    name, user = ("Anna Petrova", "bluefinch") if number % 2 else ("Ben Okri", "redstart")
    return Dialogue(
        f"test:{number}",
        (
            turn("hello this is ", ("name", name), " where is my card"),
            turn("thank you ", ("name", name.split()[0]), speaker="agent"),
            turn("my user is ", ("username", user), "."),
            turn("done"),
        ),
        profile={"who": name},
    )


TALKS = [talk(number) for number in range(8)]


def unlabelled(dialogue: Dialogue) -> Dialogue:
    turns = tuple(Turn(turn.speaker, turn.text) for turn in dialogue.turns)
    return replace(dialogue, turns=turns)


def fitted(encoder: Encoder, task: Pii, dev: list[Dialogue] | None = None) -> TaskModel:
    return fit_task(TALKS, encoder, Fitting(task, SETTINGS, TaskInput(max_tokens=40), HeldOut(0)), dev=dev or TALKS)


@pytest.fixture(scope="module")
def model(checkpoint: Callable[[str], Path]) -> TaskModel:
    return fitted(Encoder.load(checkpoint("bert")), Pii(rules=False, noise=0.0, uncased=0.0, mixed=0.0))


def spans(dialogue: Dialogue) -> list[list[tuple[int, int, str]]]:
    return [[(span.start, span.end, span.label) for span in turn.spans.get("pii", ())] for turn in dialogue.turns]


def test_it_finds_what_it_was_shown_and_says_how_sure_it_is(model: TaskModel) -> None:
    answers = list(model.annotate([unlabelled(dialogue) for dialogue in TALKS]))
    assert [spans(answer) for answer in answers] == [spans(dialogue) for dialogue in TALKS]
    assert model.labels == ("name", "username")
    for answer in answers:
        for turn in answer.turns:
            assert 0.3 < (turn.evidence["pii"].score or 0) <= 1
            assert all(0.3 < (span.score or 0) <= 1 for span in turn.spans["pii"])
    found = model.evaluate(TALKS, draws=5)
    assert (found["f1"], found["word_f1"], found["covered"], found["n"]) == (1, 1, 1, 32)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("cased", [True, False])
def test_the_loss_reaches_encoder_and_head(tiny: Encoder, cased: bool) -> None:
    task = Pii(cased=cased)
    examples = task.examples(TALKS, tiny.codec, task.learn(TALKS), gold=True)
    head = task.head(tiny, examples)
    batch = task.collate(examples.found[:4], tiny.codec, Draws(0, 0, 0, (0, 1, 2, 3)))
    loss = task.loss((Hidden(tiny(batch.encodings[0]), batch.encodings[0].mask),), head, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in head.parameters())
    assert float(tiny.embeddings.grad.abs().sum()) > 0  # type: ignore[union-attr]


def test_training_hides_tokens_and_measuring_does_not(tiny: Encoder) -> None:
    task = Pii(noise=0.9)
    examples = task.examples(TALKS, tiny.codec, task.learn(TALKS), gold=True)
    draws = Draws(0, 0, 0, (0,))
    shown = task.collate(examples.found[:1], tiny.codec, draws).encodings[0].ids
    hidden = task.collate(task.for_training(examples).found[:1], tiny.codec, draws).encodings[0].ids
    assert not torch.equal(shown, hidden)


def test_answers_do_not_depend_on_what_they_are_padded_with(model: TaskModel) -> None:
    short = unlabelled(replace(TALKS[0], turns=TALKS[0].turns[3:]))
    alone = to_json(model.predict(short))
    together = next(iter(model.annotate([short, *map(unlabelled, TALKS)])))
    assert to_json(together)["turns"][0]["spans"] == alone["turns"][0]["spans"]
    score = together.turns[0].evidence["pii"].score
    assert score == pytest.approx(model.predict(short).turns[0].evidence["pii"].score, abs=1e-5)


def test_what_is_saved_answers_alike(model: TaskModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model", TASKS)
    assert (loaded.task, loaded.learned, loaded.version) == (model.task, model.learned, model.version)
    assert [to_json(d) for d in loaded.annotate(TALKS)] == [to_json(d) for d in model.annotate(TALKS)]
    assert "CS-BERT, 4.4" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    (tmp_path / "model" / "head.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="damaged"):
        load_model(tmp_path / "model", TASKS)


def test_the_rules_fill_in_and_a_card_number_wins(model: TaskModel) -> None:
    both = TaskModel(Pii(rules=True), model.encoder, model.head, model.learned)
    given = Dialogue("x", (Turn("customer", f"my user is {CARD}. mail a@example.org"),))
    found = [(s.label, given.turns[0].text[s.start : s.end]) for s in both.predict(given).turns[0].spans["pii"]]
    assert found[0] == ("card_number", CARD)
    trusted = {**model.learned, "rules": {"email": {"label": "contact", "right": 0.95, "found": 0.5}}}
    sure = TaskModel(Pii(rules=True), model.encoder, model.head, trusted).predict(given).turns[0]
    assert ("contact", "a@example.org") in [(s.label, given.turns[0].text[s.start : s.end]) for s in sure.spans["pii"]]
    assert all(label in model.labels for _, _, label in spans(model.predict(given))[0])


def test_a_label_that_is_left_to_the_rules_is_no_answer_of_the_model(model: TaskModel) -> None:
    rules = {"email": {"label": "username", "right": 0.95, "found": 0.95}}
    left = TaskModel(Pii(rules=True), model.encoder, model.head, {**model.learned, "rules": rules})
    given = unlabelled(TALKS[0])
    assert [label for turn in spans(model.predict(given)) for _, _, label in turn] == ["name", "name", "username"]
    assert [label for turn in spans(left.predict(given)) for _, _, label in turn] == ["name", "name"]


def certain(examples: Examples) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    """Answers that are sure of the targets."""
    answers = np.empty(len(examples), dtype=object)
    for at, window in enumerate(examples.found):
        assert isinstance(window, Window)
        tags = np.zeros(len(window.row.ids), dtype=int)
        tags[window.lead : window.lead + len(window.target)] = np.clip(window.target, 0, None)
        answers[at] = np.eye(examples.width)[tags]
    return answers


def test_spans_of_a_long_turn_are_found_wherever_windows_meet(tiny: Encoder) -> None:
    """6,000 characters in windows of 40 tokens; the spans of one word to nine begin at every place."""
    text, spans = "", []
    for number in range(360):
        words = " ".join(["card"] * (1 + number % 9))
        spans.append(Span(len(text), len(text) + len(words), "name"))
        text += f"{words} where is my "
    assert len(text) > 6_000
    tiny.codec.max_tokens = 40
    given = Dialogue("long", (Turn("customer", text, {"pii": tuple(spans)}),))
    learned = {"labels": ["name"], "whole_words": True, "rules": {}}
    task = Pii(rules=False, overlap=20, windows=1_000)
    examples = task.examples([given], tiny.codec, learned, gold=True)
    assert len(examples) > 100
    answer = task.annotate(unlabelled(given), examples.found, certain(examples), learned, [])
    assert [replace(span, score=None) for span in answer.turns[0].spans["pii"]] == spans
    assert not answer.turns[0].evidence["pii"].truncated
    assert task.quality(certain(examples), examples) == (pytest.approx(0), 1.0)
    few = replace(task, windows=3)
    part = few.examples([given], tiny.codec, learned, gold=True)
    turn = few.annotate(unlabelled(given), part.found, certain(part), learned, []).turns[0]
    assert turn.evidence["pii"].truncated
    assert 0 < len(turn.spans["pii"]) < len(spans)


def test_odd_turns_are_answered(model: TaskModel) -> None:
    odd = ("", "  ", "😀😀", "\x00", "王小明在格拉茨", "\ud800 hello", "a" * 5_001)
    answer = model.predict(Dialogue("odd", tuple(Turn("customer", text) for text in odd)))
    assert [("pii" in turn.evidence) for turn in answer.turns] == [False, False, True, True, True, True, True]
    for turn in answer.turns[2:]:
        assert all(0 <= span.start < span.end <= len(turn.text) for span in turn.spans["pii"])
    assert model.predict(Dialogue("none", ())) == Dialogue("none", ())


def test_labels_that_training_lacks_count_as_missed_and_are_told(model: TaskModel, tiny: Encoder) -> None:
    dev = [Dialogue("d", (turn("my ", ("ship", "parcel"), " has not come"),))]
    found = model.evaluate(dev, draws=0)
    assert (found["unknown_labels"], found["recall"], found["labels"]["ship"]["support"]) == (["ship"], 0, 1)
    quick = Fitting(Pii(), replace(SETTINGS, steps=2), TaskInput(max_tokens=40))
    assert fit_task(TALKS, tiny, quick, dev=dev).facts["held_out"]["f1"] == 0


def test_quality_is_f1_of_whole_spans_and_leaves_unknown_tokens_out(tiny: Encoder) -> None:
    """Certain and right but for one of two spans, which is not found: F1 = 2 / 3."""
    task = Pii()
    given = [Dialogue("d", (turn(("name", "Anna"), " you ", ("name", "Ben"), " ", ("ship", "card")),))]
    learned = {"labels": ["name"], "whole_words": True, "rules": {}}
    examples = task.examples(given, tiny.codec, learned, gold=True)
    answers = certain(examples)
    second = max(np.flatnonzero(answers[0][:, 1]))
    answers[0][second:] = np.eye(3)[0]
    loss, quality = task.quality(answers, examples)
    assert quality == pytest.approx(2 / 3)
    assert loss > 0


def test_a_corpus_without_marked_spans_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"spans.'pii' is in no turn"):
        Pii().learn([unlabelled(talk(0))])
    with pytest.raises(CorpusError, match=r"spans.'pii' is empty in every turn"):
        Pii().learn([Dialogue("a", (Turn("customer", "hi", {"pii": ()}),))])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Pii(batch_size=0), "batch_size is 0"),
        (lambda: Pii(overlap=-1), "overlap is -1"),
        (lambda: Pii(windows=0), "windows is 0"),
        (lambda: Pii(noise=1.5), "noise is 1.5"),
        (lambda: Pii(mixed=-0.1), "mixed is -0.1"),
        (lambda: Pii(uncased=1.0), "uncased is 1.0"),
    ],
)
def test_values_out_of_range_are_named(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_the_recipe_is_the_default_and_the_published_one_can_be_written() -> None:
    assert task_recipe("pii").task == Pii()
    assert task_recipe("pii", {"parameters": {"cased": False, "rules": False, "noise": 0.0}}).task == Pii(
        cased=False, rules=False, noise=0.0
    )


def test_no_example_is_an_empty_answer(model: TaskModel) -> None:
    assert len(model.task.for_training(Examples((), 3))) == 0


def test_words_are_kept_whole_where_training_splits_none() -> None:
    assert Pii().learn(TALKS)["whole_words"] is True
    split = Dialogue("s", (Turn("customer", "Annas card", {"pii": (Span(0, 4, "name"),)}),))
    assert Pii().learn([*TALKS, split])["whole_words"] is False


def test_marks_are_of_turns_and_of_the_profile(model: TaskModel) -> None:
    given = [unlabelled(talk(number)) for number in (1, 0)]
    pairs = list(marked(model, given))
    assert [dialogue for dialogue, _ in pairs] == given
    for dialogue, marks in pairs:
        assert len(marks.turns) == len(dialogue.turns)
        assert list(marks.profile) == ["who"]
        assert [(span.start, span.end) for span in marks.turns[0]] == [(14, 14 + len(dialogue.profile["who"]))]
