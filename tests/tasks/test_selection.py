"""Response selection: the siamese encoder over a pool."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from turnwise.dialogue import Dialogue, Turn, to_json
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, ModelError, TaskMismatchError
from turnwise.tasks.contexts import agent_turns, asked_turns, contexts_of
from turnwise.tasks.dual import best_columns
from turnwise.tasks.fit import HeldOut, TaskInput
from turnwise.tasks.pool import Pool
from turnwise.tasks.selection import Selection, SelectionModel, load_selection
from turnwise.tasks.selection_fit import SelectionFitting, fit_selection
from turnwise.training import Settings

SETTINGS = Settings(steps=60, learning_rate=3e-3, precision="fp32")
FITTING = SelectionFitting(Selection(batch_size=16), SETTINGS, TaskInput(max_tokens=40), HeldOut(0))


@pytest.fixture(scope="module")
def model(checkpoint: Callable[[str], Path], desk_talks: list[Dialogue], desk_pool: Pool) -> SelectionModel:
    """Fitted to eight dialogues; no test changes it."""
    return fit_selection(desk_talks, Encoder.load(checkpoint("bert")), FITTING, pool=desk_pool, dev=desk_talks)


def test_what_is_asked_about_and_what_is_measured() -> None:
    dialogue = Dialogue(
        "d",
        (
            Turn("agent", "hello"),
            Turn("customer", "hi"),
            Turn("agent", " "),
            Turn("customer", "my card"),
            Turn("agent", "done"),
            Turn("agent", "bye"),
            Turn("customer", "wait"),
        ),
    )
    assert agent_turns(dialogue) == [4, 5]
    assert asked_turns(dialogue) == (1, 3, 6)
    assert asked_turns(replace(dialogue, turns=dialogue.turns[:6])) == (1, 3)
    assert Selection().queries(dialogue) == asked_turns(dialogue)


def test_contexts_end_before_the_response_and_leave_blank_turns_out(tiny: Encoder) -> None:
    dialogue = Dialogue("d", (Turn("customer", "my card"), Turn("agent", ""), Turn("agent", "done")))
    (context,) = contexts_of([dialogue], tiny.codec, agent_turns, profile=True)
    assert (context.turn, len(context.turns)) == (2, 1)


def test_the_best_columns_are_in_order_and_ties_are_the_first() -> None:
    scores = np.array([[0.1, 0.9, 0.9, 0.5]])
    assert best_columns(scores, 3).tolist() == [[1, 2, 3]]
    assert best_columns(scores, 9).tolist() == [[1, 2, 3, 0]]


def test_it_overfits_and_ranks_what_it_was_shown_first(
    tiny: Encoder, model: SelectionModel, desk_talks: list[Dialogue]
) -> None:
    for dialogue in desk_talks:
        answer = model.predict(dialogue)
        gold = dialogue.turns[1].labels["response"]
        assert answer.turns[0].labels["response"] == gold
        evidence = answer.turns[0].evidence["response"]
        assert evidence.alternatives[0][0] == gold
        assert len(evidence.alternatives) == 5
        assert [near.labels[0] for near in evidence.neighbours] == [id for id, _ in evidence.alternatives]
        assert evidence.score is not None and 0 < evidence.score <= 1
        assert answer.turns[1] == dialogue.turns[1]
    first = model.rank(replace(desk_talks[0], turns=desk_talks[0].turns[:1]), 2)
    assert [one.id for one in first][:1] == ["card"]
    assert len(first) == 2


def test_evaluation_of_a_perfect_model(model: SelectionModel, desk_talks: list[Dialogue]) -> None:
    found = model.evaluate(desk_talks, draws=5)
    assert (found["n"], found["in_pool"], found["dialogues"], found["pool"]) == (16, 12, 8, 6)
    assert (found["mrr"], found["recall@1"], found["recall@5"]) == (1.0, 1.0, 1.0)
    assert "r100@1" not in found
    assert found["intervals"]["mrr"] == [1.0, 1.0]
    json.dumps(found, allow_nan=False)


def test_r100_counts_twins_against_and_merged_not(model: SelectionModel, desk_talks: list[Dialogue]) -> None:
    """Of 8 x 7 dialogues the same few responses fill every batch: with twins R100@1 is 0, merged it is high."""
    many = [replace(dialogue, id=f"{dialogue.id}:{copy}") for copy in range(13) for dialogue in desk_talks]
    found = model.evaluate(many, draws=5)
    assert (found["n"], found["batches"], found["seeds"]) == (208, 2, 5)
    assert found["r100@1"] == 0.0
    assert found["r100@1_merged"] > 0.8
    assert found["r100@1_precedents"] == 0.0
    assert found["r100@1_precedents_merged"] > 0.8
    assert len(found["r100@1_by_seed"]) == 5
    assert found["intervals"]["r100@1_merged"][0] <= found["r100@1_merged"] <= found["intervals"]["r100@1_merged"][1]


def test_what_is_saved_answers_alike(model: SelectionModel, desk_talks: list[Dialogue], tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = load_selection(tmp_path / "model")
    assert (loaded.task, loaded.pool, loaded.version) == (model.task, model.pool, model.version)
    assert loaded.confidence == model.confidence
    assert np.array_equal(loaded.retriever.vectors, model.retriever.vectors)
    plain = [json.dumps(to_json(dialogue)) for dialogue in model.annotate(desk_talks)]
    assert [json.dumps(to_json(dialogue)) for dialogue in loaded.annotate(desk_talks)] == plain
    assert "selection" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    (tmp_path / "model" / "responses.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="damaged"):
        load_selection(tmp_path / "model")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "task.json").write_text('{"format": 1, "task": "acts"}')
    with pytest.raises(TaskMismatchError, match="'acts'"):
        load_selection(tmp_path / "other")


def test_the_best_epoch_is_kept_and_the_encoder_left_as_it_was(tiny: Encoder, desk_talks: list[Dialogue]) -> None:
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    fitting = replace(FITTING, training=replace(SETTINGS, steps=None, epochs=4), held_out=HeldOut(0.25))
    model = fit_selection(desk_talks, tiny, fitting)
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())
    epochs = model.facts["epochs"]
    assert len(epochs) == 4
    assert model.facts["steps"] == max(epochs, key=lambda epoch: epoch["recall@1"])["step"]
    assert model.facts["dialogues"] == 6
    assert set(model.labels) == {"card", "order", "money", "help"}


def test_odd_dialogues_are_answered(model: SelectionModel, desk_pool: Pool) -> None:
    """Emoji, a response equal to the context, a context longer than the encoder, a profile never seen, no turn."""
    assert len(model.rank(Dialogue("e", (Turn("customer", "😀😀"),)), 3)) == 3
    assert model.rank(Dialogue("same", (Turn("customer", "refund done"),)))[0].score > 0
    endless = Dialogue("long", (Turn("customer", "card " * 5_000),), profile={"never": "seen"})
    assert model.predict(endless).turns[0].evidence["response"].truncated
    assert len(model.rank(Dialogue("none", ()), 99)) == len(desk_pool)
    assert model.predict(Dialogue("none", ())) == Dialogue("none", ())
    with pytest.raises(InputError, match="k is 0"):
        model.rank(Dialogue("none", ()), 0)


def test_what_cannot_be_fitted_or_measured_says_why(tiny: Encoder, model: SelectionModel) -> None:
    silent = [Dialogue("c", (Turn("customer", "hi"), Turn("customer", "you there")))]
    with pytest.raises(CorpusError, match="agent"):
        fit_selection(silent, tiny, FITTING)
    with pytest.raises(InputError, match="nothing to measure"):
        model.evaluate(silent)


@pytest.mark.parametrize(
    ("values", "said"),
    [({"batch_size": 1}, "batch_size is 1"), ({"scale": 0.0}, "scale is 0"), ({"shown": 0}, "shown is 0"),
     ({"neighbours": -1.0}, "neighbours is -1"),
     ({"precision": 2.0}, "precision is 2")],
)  # fmt: skip
def test_values_out_of_range_are_named(values: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Selection(**values)  # type: ignore[arg-type]
