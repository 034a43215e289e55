"""What every task on labelled turns keeps to, and what each asks about."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from turnwise.dialogue import Dialogue, Turn, to_json
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError, RecipeError, StorageError, TaskMismatchError
from turnwise.objectives.objective import Draws, Hidden
from turnwise.recipe import recipe_names
from turnwise.tasks.acts import Acts
from turnwise.tasks.emotion import Emotion
from turnwise.tasks.fit import Fitting, HeldOut, TaskInput, fit_task
from turnwise.tasks.handoff import HandOff
from turnwise.tasks.model import TaskModel, conversation, load_model
from turnwise.tasks.recipes import TASKS, task_recipe
from turnwise.tasks.satisfaction import Satisfaction
from turnwise.tasks.task import Task
from turnwise.training import Settings

SETTINGS = Settings(steps=120, learning_rate=3e-3, head_learning_rate=1e-2, precision="fp32")


def talk(number: int) -> Dialogue:
    """The first word of the customer's last turn decides everything."""
    good = number % 2 == 0
    word, mood = ("thank", "happy") if good else ("refund", "angry")
    return Dialogue(
        f"test:{number}",
        (
            Turn(
                "customer", "hello where is my card", labels={"acts": ("ask",), "emotion": ("calm",), "handoff": False}
            ),
            Turn("agent", "your parcel arrives on monday", labels={"acts": ("tell",)}),
            Turn("customer", f"{word} you sure", labels={"acts": (word,), "emotion": (mood,), "handoff": not good}),
            Turn("agent", "done" if good else "please help", labels={"acts": ("bye",) if good else ("tell", "ask")}),
        ),
        labels={"satisfaction": 3 if good else 1},
        profile={"carrier": "post"},
    )


TALKS = [talk(number) for number in range(8)]


def unlabelled(dialogue: Dialogue) -> Dialogue:
    turns = tuple(Turn(turn.speaker, turn.text) for turn in dialogue.turns)
    return Dialogue(dialogue.id, turns, profile=dialogue.profile)


def fitted(task: Task, encoder: Encoder, dialogues: list[Dialogue] | None = None) -> TaskModel:
    fitting = Fitting(task, SETTINGS, TaskInput(max_tokens=40), HeldOut(0))
    return fit_task(dialogues or TALKS, encoder, fitting, dev=dialogues or TALKS)


def in_order(label: object) -> object:
    return sorted(label) if isinstance(label, tuple) else label


def plain(dialogue: Dialogue) -> str:
    return json.dumps(to_json(dialogue), sort_keys=True)


@pytest.fixture(
    params=[Acts(), Acts(mode="next"), Emotion(), HandOff(), Satisfaction()],
    ids=lambda t: f"{t.name} {getattr(t, 'mode', '')}",
)
def task(request: pytest.FixtureRequest) -> Task:
    found: Task = request.param
    return found


def test_it_overfits_and_answers_what_it_was_shown(tiny: Encoder, task: Task) -> None:
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    model = fitted(task, tiny)
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())
    answers = list(model.annotate([unlabelled(dialogue) for dialogue in TALKS]))
    for gold, answer in zip(TALKS, answers, strict=True):
        for turn in task.queries(gold):
            found = task.answered(answer, turn)
            assert found is not None
            assert in_order(found[0]) == in_order(task.gold(gold, turn))
            assert 0.2 < (found[1].score or 0) <= 1
    assert model.predict(unlabelled(TALKS[0])) == answers[0]


def test_queries_and_inputs_never_look_at_labels(tiny: Encoder, task: Task) -> None:
    """Gold labels of later turns, and the response, change nothing of what is read."""
    learned = task.learn(TALKS)
    shown = task.examples(TALKS, tiny.codec, learned, gold=False)
    hidden = task.examples([unlabelled(dialogue) for dialogue in TALKS], tiny.codec, learned, gold=False)
    assert [(e.dialogue, e.turn, e.row.ids.tolist()) for e in shown.found] == [
        (e.dialogue, e.turn, e.row.ids.tolist()) for e in hidden.found
    ]
    if task.name == "satisfaction":
        return
    other = [replace(d, turns=(*d.turns[:3], Turn("agent", "stopped refund money back"))) for d in TALKS]
    changed = task.examples(other, tiny.codec, learned, gold=False)
    for old, new in zip(shown.found, changed.found, strict=True):
        assert (old.turn == 3) or old.row.ids.tolist() == new.row.ids.tolist()


def test_the_loss_is_finite_with_gradients_in_encoder_and_head(tiny: Encoder, task: Task) -> None:
    learned = task.learn(TALKS)
    examples = task.examples(TALKS, tiny.codec, learned, gold=True)
    head = task.head(tiny, examples)
    batch = task.collate(examples.found[:4], tiny.codec, Draws(0, 0, 0, (0, 1, 2, 3)))
    again = task.collate(examples.found[:4], tiny.codec, Draws(0, 0, 0, (0, 1, 2, 3)))
    assert torch.equal(batch.encodings[0].ids, again.encodings[0].ids)
    loss = task.loss((Hidden(tiny(batch.encodings[0]), batch.encodings[0].mask),), head, batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(float(parameter.grad.abs().sum()) > 0 for parameter in head.parameters() if parameter.grad is not None)
    assert float(tiny.embeddings.grad.abs().sum()) > 0  # type: ignore[union-attr]
    assert sorted(row for rows in task.batches(examples, np.random.default_rng(0)) for row in rows) == list(
        range(len(examples))
    )


def test_what_is_saved_answers_alike(tiny: Encoder, task: Task, tmp_path: Path) -> None:
    model = fitted(task, tiny)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model", TASKS)
    assert (loaded.task, loaded.labels, loaded.learned) == (model.task, model.labels, model.learned)
    assert loaded.version == model.version != "unsaved"
    assert [plain(d) for d in loaded.annotate(TALKS)] == [plain(d) for d in model.annotate(TALKS)]
    assert loaded.evaluate(TALKS, draws=5) == model.evaluate(TALKS, draws=5)
    assert task.name in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_model(tiny: Encoder, task: Task) -> None:
    one, other = fitted(task, tiny), fitted(task, tiny)
    assert all(torch.equal(a, b) for a, b in zip(one.head.parameters(), other.head.parameters(), strict=True))


def test_evaluation_of_a_perfect_model(tiny: Encoder, task: Task) -> None:
    found = fitted(task, tiny).evaluate(TALKS, draws=5)
    best = {"acts": "micro_f1", "emotion": "micro_f1", "handoff": "average_precision", "satisfaction": "kappa"}
    assert found[best[task.name]] == pytest.approx(1)
    assert found["dialogues"] == 8
    assert found["n"] == sum(len(task.queries(dialogue)) for dialogue in TALKS)
    json.dumps(found, allow_nan=False)


def test_what_each_asks_about() -> None:
    asked = {type(task): task.queries(TALKS[0]) for task in (Acts(), Emotion(), HandOff(), Satisfaction())}
    assert asked == {Acts: (0, 1, 2, 3), Emotion: (0, 2), HandOff: (0, 2), Satisfaction: (3,)}
    assert Acts(mode="next").queries(TALKS[0]) == (0, 2)
    assert Acts(mode="next").queries(replace(TALKS[0], turns=TALKS[0].turns[:3])) == (0, 2)
    assert Acts(mode="next").gold(TALKS[0], 2) == ("bye",)
    chat = Dialogue("c", (Turn(None, "hello"), Turn(None, "  ")))
    assert (Emotion().queries(chat), HandOff().queries(chat), Satisfaction().queries(chat)) == ((0,), (), (0,))
    assert Satisfaction().queries(Dialogue("e", (Turn("customer", " "),))) == ()


def test_hand_off_names_the_nearest_turns_that_were_handed_off(tiny: Encoder) -> None:
    model = fitted(HandOff(), tiny)
    evidence = model.predict(unlabelled(TALKS[1])).turns[2].evidence["handoff"]
    assert [near.text for near in evidence.neighbours] == ["refund you sure"] * 3
    assert evidence.neighbours[0].similarity == pytest.approx(1, abs=1e-4)
    assert evidence.neighbours[0].labels == ("handoff",)


def test_thresholds_and_the_best_epoch_come_from_held_out_dialogues(tiny: Encoder) -> None:
    """Of ten dialogues one is held out; the weights are those of the epoch with the best quality."""
    dialogues = [talk(number) for number in range(10)]
    fitting = Fitting(Emotion(), replace(SETTINGS, steps=None, epochs=4), TaskInput(max_tokens=40), HeldOut(0.1))
    model = fit_task(dialogues, tiny, fitting)
    epochs = model.facts["epochs"]
    assert len(epochs) == 4
    assert model.facts["dialogues"] == 9
    best = max(epochs, key=lambda epoch: epoch["quality"])
    assert model.facts["steps"] == best["step"]
    assert model.facts["held_out"]["n"] == 2
    assert fit_task(dialogues, tiny, replace(fitting, held_out=HeldOut(0))).facts["epochs"] == []


def test_blank_emoji_and_endless_turns_are_answered(tiny: Encoder) -> None:
    model = fitted(Acts(), tiny)
    turns = (Turn("customer", ""), Turn("customer", "😀😀"), Turn("agent", "card " * 5_000), Turn("customer", "\x00"))
    answer = model.predict(Dialogue("odd", turns))
    assert "acts" not in answer.turns[0].labels
    assert [turn.evidence["acts"].truncated for turn in answer.turns[1:]] == [False, True, False]
    assert model.predict(Dialogue("none", ())) == Dialogue("none", ())


def test_a_corpus_without_the_layer_is_refused_by_name(tiny: Encoder, task: Task) -> None:
    with pytest.raises(CorpusError, match=task.layer):
        fitted(task, tiny, [unlabelled(dialogue) for dialogue in TALKS])


def test_labels_that_training_lacks_count_as_missed(tiny: Encoder) -> None:
    model = fitted(Emotion(), tiny)
    turn = replace(TALKS[0].turns[0], labels={"emotion": ("afraid",)})
    found = model.evaluate([replace(TALKS[0], turns=(turn,))], draws=2)
    assert found["unknown_labels"] == ["afraid"]
    assert found["micro_f1"] == 0


def test_damaged_and_foreign_folders_are_refused(tiny: Encoder, tmp_path: Path) -> None:
    fitted(HandOff(), tiny).save(tmp_path / "good")
    with pytest.raises(TaskMismatchError, match="'handoff', expected one of acts"):
        load_model(tmp_path / "good", (Acts,))
    for name in ("head.safetensors", "memory.safetensors", "encoder/model.safetensors"):
        shutil.copytree(tmp_path / "good", tmp_path / name.replace("/", "_"))
        (tmp_path / name.replace("/", "_") / name).write_bytes(b"x")
        with pytest.raises(ModelError, match="damaged"):
            load_model(tmp_path / name.replace("/", "_"), TASKS)
    with pytest.raises(ModelError, match="no model folder"):
        load_model(tmp_path / "nowhere", TASKS)
    path = tmp_path / "good" / "task.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"parameters": {"speed": 9}}), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read as a model of handoff"):
        load_model(tmp_path / "good", TASKS)


def test_a_full_disk_leaves_the_older_model(tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(Emotion(), tiny)
    model.save(tmp_path / "model")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("turnwise.tasks.model.save_file", full)
    with pytest.raises(StorageError, match="No space left"):
        model.save(tmp_path / "model")
    monkeypatch.undo()
    assert load_model(tmp_path / "model", TASKS).labels == model.labels


@pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.name)
def test_each_has_a_recipe_of_its_name_and_wrong_keys_are_told_at_once(kind: type[Task], tmp_path: Path) -> None:
    assert kind.name in recipe_names()
    fitting = task_recipe(kind.name)
    assert type(fitting.task) is kind
    chosen = {Emotion: {"context": 2, "average": "macro"}, Acts: {"context": 1}}.get(kind, {})
    assert fitting.task == kind(**chosen)  # type: ignore[arg-type]
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(f'task = "{kind.name}"\n[parameters]\nbatchsize = 3\n[training]\nepoch = 2\n', encoding="utf-8")
    with pytest.raises(RecipeError, match=r"(?s)batchsize.*epoch|epoch.*batchsize"):
        task_recipe(str(wrong))
    with pytest.raises(RecipeError, match="task = 'intent'"):
        task_recipe("intent")


def test_the_next_acts_are_foretold_from_the_whole_dialogue() -> None:
    assert task_recipe("acts-next").task == Acts(mode="next")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Acts(mode="past"), "mode is 'past'"),  # type: ignore[arg-type]
        (lambda: Acts(batch_size=0), "batch_size is 0"),
        (lambda: Acts(threshold=2.0), "threshold is 2"),
        (lambda: Emotion(context=-1), "context is -1"),
        (lambda: Acts(context=-1), "context is -1"),
        (lambda: HandOff(precision=0.0), "precision is 0"),
        (lambda: HandOff(negatives=-1), "negatives is -1"),
        (lambda: Satisfaction(batch_size=0), "batch_size is 0"),
        (lambda: TaskInput(max_tokens=2), "max_tokens is 2"),
        (lambda: HeldOut(1.0), "share is 1"),
    ],
)
def test_values_out_of_range_are_named(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_typed_lines_become_a_dialogue() -> None:
    found = conversation(["hello", "agent: how can I help?", "Customer: it: my card", "note: this is mine"])
    assert [(turn.speaker, turn.text) for turn in found.turns] == [
        ("customer", "hello"),
        ("agent", "how can I help?"),
        ("customer", "it: my card"),
        ("customer", "note: this is mine"),
    ]


def test_parameters_are_plain_json() -> None:
    for kind in TASKS:
        assert kind(**json.loads(json.dumps(dataclasses.asdict(kind())))) == kind()  # type: ignore[call-arg,call-overload]
