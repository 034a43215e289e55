"""State tracking as a task: it learns, is measured, saved and loaded, and takes what is odd."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from turnwise.dialogue import Dialogue, Turn, to_json
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.tasks.fit import Fitting, HeldOut, TaskInput, fit_task
from turnwise.tasks.model import TaskModel, load_model
from turnwise.tasks.recipes import TASKS, task_recipe
from turnwise.tasks.state.task import StateTracking
from turnwise.training import Settings

UPDATE = StateTracking()
PICKLIST = StateTracking(form="picklist", context=-1, pooling="cls", temperature=0.1)


def talk(number: int, day: str, item: str) -> Dialogue:
    before: dict[str, tuple[str, ...]] = {"card.item": (item,)}
    after: dict[str, tuple[str, ...]] = {**before, "card.day": (day, day.upper() + "S")} if day else before
    return Dialogue(
        f"test:{number}",
        (
            Turn("customer", f"where is my {item}", labels={"state": before}),
            Turn("agent", "hello, when?"),
            Turn("customer", f"{day} please" if day else "thank you", labels={"state": after}),
        ),
        labels={"domains": ("card",)},
    )


TALKS = [talk(0, "monday", "card"), talk(1, "sunday", "order"), talk(2, "", "card"), talk(3, "monday", "parcel")]


def fitted(
    task: StateTracking,
    encoder: Encoder,
    dialogues: list[Dialogue] | None = None,
    steps: int = 100,
    dev: list[Dialogue] | None = None,
) -> TaskModel:
    settings = Settings(steps=steps, learning_rate=3e-3, head_learning_rate=1e-2, precision="fp32")
    fitting = Fitting(task, settings, TaskInput(max_tokens=40), HeldOut(0))
    return fit_task(dialogues or TALKS, encoder, fitting, dev=dev)


def unlabelled(dialogue: Dialogue) -> Dialogue:
    return replace(dialogue, turns=tuple(Turn(turn.speaker, turn.text) for turn in dialogue.turns))


def plain(dialogue: Dialogue) -> str:
    return json.dumps(to_json(dialogue), sort_keys=True)


@pytest.mark.parametrize("task", [UPDATE, PICKLIST], ids=["update", "picklist"])
def test_it_overfits_four_dialogues_and_answers_the_same_when_loaded(
    tiny: Encoder, task: StateTracking, tmp_path: Path
) -> None:
    model = fitted(task, tiny)
    found = model.evaluate([*TALKS], draws=5)
    assert found["joint_accuracy"] == 1
    assert found["ceiling"] == 1
    assert (found["n"], found["dialogues"]) == (8, 4)
    json.dumps(found, allow_nan=False)
    answer = model.predict(unlabelled(TALKS[0]))
    assert answer.turns[2].labels["state"] == {"card.day": ("monday",), "card.item": ("card",)}
    assert answer.turns[2].labels["state_source"] == {"card.day": ("2",), "card.item": ("0",)}
    assert answer.turns[2].evidence["state"].source_turn == 2
    assert 0.2 < (answer.turns[2].evidence["state"].score or 0) <= 1
    assert "state" not in answer.turns[1].labels
    assert model.labels == ("card.day", "card.item")
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model", TASKS)
    assert (loaded.task, loaded.learned, loaded.version) == (model.task, model.learned, model.version)
    assert [plain(d) for d in loaded.annotate(TALKS)] == [plain(d) for d in model.annotate(TALKS)]
    assert loaded.evaluate(TALKS, draws=5) == model.evaluate(TALKS, draws=5)


def test_gold_labels_change_nothing_of_the_answers(tiny: Encoder) -> None:
    model = fitted(UPDATE, tiny, steps=5)
    shown, hidden = list(model.annotate(TALKS)), list(model.annotate([unlabelled(dialogue) for dialogue in TALKS]))
    assert [[turn.labels.get("state") for turn in d.turns if turn.speaker == "customer"] for d in shown] == [
        [turn.labels.get("state") for turn in d.turns if turn.speaker == "customer"] for d in hidden
    ]


def test_values_that_no_list_has_are_copied(tiny: Encoder, tmp_path: Path) -> None:
    """The file lists another day, so that training has to learn to copy."""
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps({"card.day": ["friday"], "card.item": ["card", "order", "parcel"]}), encoding="utf-8")
    model = fitted(replace(UPDATE, ontology=str(path)), tiny)
    found = model.evaluate(TALKS, draws=0)
    assert found["joint_accuracy"] == 1
    assert found["ceiling"] == 5 / 8
    assert found["unknown_values"] == {"number": 2, "some": ["card.day=monday", "card.day=sunday"]}
    without = fitted(replace(UPDATE, ontology=str(path), copy=False), tiny, steps=60).evaluate(TALKS, draws=0)
    assert without["joint_accuracy"] <= 5 / 8


def test_the_published_form_learns_around_values_that_its_file_lacks(tiny: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps({"card.day": ["friday"], "card.item": ["card"]}), encoding="utf-8")
    found = fitted(replace(PICKLIST, ontology=str(path)), tiny, steps=10).evaluate(TALKS, draws=0)
    assert found["ceiling"] == 3 / 8
    assert found["joint_accuracy"] <= 3 / 8


def test_a_slot_that_the_file_does_not_declare_is_refused(tiny: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps({"card.dya": ["friday"], "card.item": ["card"]}), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"'card.day' of the dialogues is not declared.*card.dya"):
        fitted(replace(UPDATE, ontology=str(path)), tiny)


def test_a_corpus_without_states_and_turns_without_one(tiny: Encoder) -> None:
    with pytest.raises(CorpusError, match="'state', and the corpus has none"):
        fitted(UPDATE, tiny, [unlabelled(dialogue) for dialogue in TALKS])
    gap = replace(TALKS[0], turns=(Turn("customer", "hello"), *TALKS[0].turns))
    model = fitted(UPDATE, tiny, [gap, TALKS[1]], steps=3)
    assert model.facts["examples"] == 4
    assert model.evaluate([gap], draws=0)["n"] == 2
    with pytest.raises(InputError, match="nothing to measure"):
        model.evaluate([unlabelled(gap)])


def test_labels_that_are_no_state_are_named(tiny: Encoder) -> None:
    wrong = replace(TALKS[0], turns=(Turn("customer", "hi", labels={"state": ("card",)}),))
    with pytest.raises(CorpusError, match=r"test:0, turn 0: labels\.state is"):
        fitted(UPDATE, tiny, [wrong, TALKS[1]])
    with pytest.raises(CorpusError, match=r"test:0, turn 0: labels\.state is"):
        fitted(UPDATE, tiny, steps=2).evaluate([wrong])


@pytest.mark.parametrize("task", [UPDATE, PICKLIST], ids=["update", "picklist"])
def test_blank_endless_emoji_and_chinese_turns(tiny: Encoder, task: StateTracking) -> None:
    model = fitted(task, tiny, steps=3)
    turns = (
        Turn("customer", ""),
        Turn("agent", "card " * 3_000),
        Turn("customer", "😀😀"),
        Turn("customer", "我的卡在哪里"),
        Turn("customer", "order " * 3_000),
        Turn(None, "\x00"),
    )
    answer = model.predict(Dialogue("odd", turns))
    assert [("state" in turn.labels) for turn in answer.turns] == [True, False, True, True, True, True]
    cut = [turn.evidence["state"].truncated for turn in answer.turns if turn.evidence]
    assert cut == [False, False, False, True, False]
    assert model.predict(Dialogue("none", ())) == Dialogue("none", ())


def test_chinese_values_are_found_and_copied(tiny: Encoder) -> None:
    """The tiny tokenizer knows no Chinese: the value comes back through its place in the text."""
    talks = [
        Dialogue("t:0", (Turn("customer", "my card 北 please", labels={"state": {"area": ("北",)}}),)),
        Dialogue("t:1", (Turn("customer", "hello", labels={"state": {}}),)),
    ]
    model = fitted(replace(UPDATE, named=False), tiny, talks)
    assert model.predict(unlabelled(talks[0])).turns[0].labels["state"] == {"area": ("北",)}


def test_known_domains_keep_other_slots_empty(tiny: Encoder) -> None:
    other = replace(TALKS[0], labels={"domains": ("flight",)})
    model = fitted(replace(UPDATE, known_domains=True), tiny)
    assert model.predict(unlabelled(other)).turns[2].labels["state"] == {}
    assert model.predict(replace(unlabelled(TALKS[0]), labels={})).turns[2].labels["state"]


def test_the_loss_has_gradients_everywhere(tiny: Encoder) -> None:
    model = fitted(UPDATE, tiny, steps=2, dev=TALKS)
    assert torch.isfinite(torch.cat([p.detach().flatten() for p in model.head.parameters()])).all()
    assert {"epochs", "chosen_by"} <= set(model.facts)
    assert model.facts["chosen_by"] == "joint accuracy"
    assert all(epoch["loss"] > 0 and 0 <= epoch["quality"] <= 1 for epoch in model.facts["epochs"])


def test_the_quality_of_an_epoch_is_the_joint_accuracy(tiny: Encoder) -> None:
    model = fitted(UPDATE, tiny, steps=20, dev=TALKS)
    best = max(epoch["quality"] for epoch in model.facts["epochs"])
    assert best == model.facts["held_out"]["joint_accuracy"]


def test_both_recipes() -> None:
    assert task_recipe("state").task == StateTracking()
    published = task_recipe("state-picklist").task
    assert isinstance(published, StateTracking)
    assert (published.form, published.pooling, published.context) == ("picklist", "cls", -1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"form": "list"}, "form is 'list'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"context": -2}, "context is -2"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"hidden": 1.5}, "hidden is 1.5"),
    ],
)
def test_values_out_of_range(values: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        StateTracking(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", [UPDATE, PICKLIST], ids=["update", "picklist"])
def test_turn_by_turn_the_state_goes_on_from_the_one_before(tiny: Encoder, task: StateTracking) -> None:
    model = fitted(task, tiny)
    for dialogue in map(unlabelled, TALKS):
        whole = model.predict(dialogue)
        grown = Dialogue(dialogue.id, ())
        for turn in dialogue.turns:
            (grown,) = model.annotate([replace(grown, turns=(*grown.turns, turn))], last=True)
        assert [turn.labels for turn in grown.turns] == [turn.labels for turn in whole.turns]
        last, expected = (one.turns[-1].evidence["state"] for one in (grown, whole))
        assert last.score == pytest.approx(expected.score, abs=1e-3)
        (alone,) = model.annotate([dialogue], last=True)
        assert alone.turns[:-1] == dialogue.turns[:-1]
        assert alone.turns[-1] == whole.turns[-1]
