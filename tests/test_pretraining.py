"""Further pre-training adapts a copy, measures itself, says what it did, and goes on where it was cut off."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import turnwise.pretraining as module
import turnwise.pretraining_run as run
import turnwise.tracking as tracking
from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import MissingExtraError, ModelError, StorageError
from turnwise.evaluation import Scores
from turnwise.objectives import (
    MaskedLM,
    MaskedSpeaker,
    NextTurn,
    ResponseRanking,
    SpeakerPrediction,
)
from turnwise.pretraining import Adapted, Held, Input, Pretraining, base_of, pretrain
from turnwise.training import Settings, Step

RECIPE = Pretraining(
    ((ResponseRanking(batch_size=4), 1.0),),
    (),
    Settings(epochs=10, learning_rate=3e-3, precision="fp32"),
    Input(max_tokens=20),
    Held(share=0),
)
MIXED = Pretraining(
    ((NextTurn(batch_size=4), 1.0), (SpeakerPrediction(batch_size=8), 0.5)),
    ((MaskedLM(), 1.0), (MaskedSpeaker(), 0.5)),
    Settings(steps=10, learning_rate=1e-3, precision="fp32"),
    Input(max_tokens=40, format="cs-bert", segments="speaker"),
    Held(share=0.25, every=2, patience=None, checkpoint=2),
)
TEXTS = ["my card has not come yet", "where is it", "hello"]


def weights(adapted: Adapted) -> dict[str, torch.Tensor]:
    return adapted.encoder.backbone.state_dict()


def equal(one: Adapted, other: Adapted) -> bool:
    return all(torch.equal(weights(one)[name], weights(other)[name]) for name in weights(one))


def test_adapting_lowers_the_loss_and_leaves_the_encoder_as_it_was(tiny: Encoder, talks: list[Dialogue]) -> None:
    before = tiny.encode(TEXTS)
    state = {name: tensor.clone() for name, tensor in tiny.state_dict().items()}
    steps: list[Step] = []
    adapted = pretrain(talks, tiny, RECIPE, on_step=steps.append)

    assert [step.index for step in steps] == list(range(1, 31))
    loss = adapted.facts["loss"]["response_ranking"]
    assert loss["last tenth"] < 0.7 * loss["first tenth"]
    assert loss["first tenth"] == pytest.approx(np.mean([step.losses["response_ranking"] for step in steps[:3]]))

    assert all(tensor.equal(state[name]) for name, tensor in tiny.state_dict().items())
    assert np.array_equal(tiny.encode(TEXTS), before)
    assert tiny.codec.max_tokens == adapted.encoder.codec.max_tokens == 40
    assert np.abs(adapted.encoder.encode(TEXTS) - before).max() > 0.01
    assert not adapted.encoder.training


def test_the_facts_name_base_recipe_and_amounts(tiny: Encoder, runs: ModuleType) -> None:
    """Of 24 dialogues every fourth is held out."""
    corpus = runs.dialogues(24)
    facts = pretrain(corpus, tiny, MIXED).facts
    kept = [dialogue for number, dialogue in enumerate(corpus) if number % 4 != 3]
    agents = sum(turn.speaker == "agent" for dialogue in kept for turn in dialogue.turns)
    assert facts["base"] == tiny.name
    assert (facts["objectives"]["next_turn"]["batch_size"], facts["objectives"]["speaker"]["weight"]) == (4, 0.5)
    assert list(facts["riders"]) == ["masked_lm", "masked_speaker"]
    assert facts["training"]["learning_rate"] == 1e-3
    assert facts["input"] == {"max_tokens": 40, "format": "cs-bert", "segments": "speaker"}
    assert (facts["dialogues"], facts["turns"]) == (18, sum(len(dialogue.turns) for dialogue in kept))
    assert facts["examples"] == {"next_turn": agents, "speaker": facts["turns"]}
    assert (facts["steps"], facts["dev"]["dialogues"]) == (10, 6)
    names = {"next_turn", "speaker", "masked_lm 1", "masked_speaker 1", "masked_lm 2"}
    assert set(facts["loss"]) == names | {"masked_speaker 2"}
    assert set(facts["dev"]["before"]) == set(facts["dev"]["after"]) == names
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize("recipe", [RECIPE, MIXED])
def test_a_seed_gives_the_same_encoder_again_whatever_was_drawn_before(
    tiny: Encoder, runs: ModuleType, recipe: Pretraining
) -> None:
    torch.manual_seed(1)
    first = pretrain(runs.dialogues(8), tiny, recipe)
    torch.manual_seed(2)
    again = pretrain(runs.dialogues(8), tiny, recipe)
    assert equal(first, again)
    assert first.facts == again.facts


def test_a_saved_encoder_knows_its_base_and_layout_and_gives_the_same_vectors(
    tiny: Encoder, runs: ModuleType, tmp_path: Path
) -> None:
    adapted = pretrain(runs.dialogues(8), tiny, MIXED)
    folder = tmp_path / "adapted"
    adapted.save(folder)
    assert base_of(folder) == tiny.name
    again = Encoder.load(folder)
    assert np.array_equal(again.encode(TEXTS), adapted.encoder.encode(TEXTS))
    assert again.codec.layout == adapted.encoder.codec.layout
    assert again.codec.special_ids == adapted.encoder.codec.special_ids
    assert json.loads((folder / "turnwise.json").read_text(encoding="utf-8")) == adapted.facts


def test_a_save_that_fails_leaves_nothing(tiny: Encoder, talks: list[Dialogue], tmp_path: Path) -> None:
    adapted = pretrain(talks, tiny, replace(RECIPE, training=Settings(steps=1, precision="fp32")))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        adapted.save(tmp_path / "file" / "adapted")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_was_not_adapted_has_no_base(tmp_path: Path) -> None:
    assert base_of(tmp_path) is None
    for content in ("{", "[]", "{}", '{"base": 3}', '"text"'):
        (tmp_path / "turnwise.json").write_text(content)
        assert base_of(tmp_path) is None
    (tmp_path / "turnwise.json").write_bytes(b"\xff\xfe")
    assert base_of(tmp_path) is None


# Measured while training


def scored(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    """Measurements in the place of the real ones: the first is before the first step."""
    told = iter(losses)

    def evaluate(encoder: Encoder, parts: object, *, limit: int | None = None) -> Scores:
        return {"response_ranking": {"loss": next(told)}}

    monkeypatch.setattr(run, "evaluate", evaluate)


def held(patience: int | None) -> Pretraining:
    """30 steps, measured every fifth."""
    return replace(RECIPE, evaluation=Held(share=0.25, every=5, patience=patience))


@pytest.mark.parametrize(
    ("patience", "losses", "steps", "best"),
    [
        (2, [9, 5, 4, 6, 4], 20, 10),
        (1, [9, 5, 4, 6], 15, 10),
        (3, [9, 5, 4, 6, 3, 7, 7], 30, 20),
        (2, [9, float("nan"), float("nan")], 10, 10),
        (None, [9, 5, 4, 6, 8, 7, 7], 30, 30),
    ],
)
def test_training_stops_when_the_loss_has_not_fallen_and_keeps_the_best_weights(
    tiny: Encoder,
    runs: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    patience: int | None,
    losses: list[float],
    steps: int,
    best: int,
) -> None:
    scored(monkeypatch, losses)
    done: list[Step] = []
    told: list[Scores] = []
    kept: dict[int, torch.Tensor] = {}

    def on_step(step: Step) -> None:
        done.append(step)

    note = run.Progress.note

    def noting(self: Any, step: int, scores: Scores, training: Any, *rest: Any) -> None:
        kept[step] = training.encoder.backbone.encoder.layer[0].output.dense.weight.detach().clone()
        note(self, step, scores, training, *rest)

    monkeypatch.setattr(run.Progress, "note", noting)
    recipe = replace(held(patience), training=replace(RECIPE.training, steps=30))
    adapted = pretrain(runs.dialogues(12), tiny, recipe, on_step=on_step, on_scores=told.append)
    assert len(done) == steps
    assert len(told) == steps // 5
    assert adapted.facts["steps"] == best
    assert torch.equal(adapted.encoder.backbone.encoder.layer[0].output.dense.weight, kept[best])
    if not np.isnan(losses[1]):
        assert adapted.facts["dev"]["after"]["response_ranking"]["loss"] == losses[best // 5]
    assert adapted.facts["dev"]["before"] == {"response_ranking": {"loss": 9}}


def test_a_sum_of_losses_is_weighted(tiny: Encoder, runs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.0 a + 0.5 b + 1.0 c, by the recipe's weights: 4.0, then 4.5 although b fell."""
    told = iter([(0, 0, 0), (1, 2, 2), (2, 1, 2)])

    def evaluate(encoder: Encoder, parts: object, *, limit: int | None = None) -> Scores:
        return {
            name: {"loss": float(value)}
            for name, value in zip(("next_turn", "speaker", "masked_lm 2"), next(told), strict=True)
        }

    monkeypatch.setattr(run, "evaluate", evaluate)
    recipe = replace(MIXED, training=replace(MIXED.training, steps=4), evaluation=Held(share=0.25, every=2, patience=5))
    assert pretrain(runs.dialogues(12), tiny, recipe).facts["steps"] == 2


def test_what_is_measured_and_kept_are_the_averaged_weights(tiny: Encoder, runs: ModuleType) -> None:
    corpus = runs.dialogues(12)
    recipe = replace(held(3), training=replace(RECIPE.training, steps=6, average=0.9), evaluation=Held(every=6))
    best = pretrain(corpus, tiny, recipe, dev=corpus)
    last = pretrain(corpus, tiny, replace(recipe, evaluation=Held(every=6, patience=None)), dev=corpus)
    unmeasured = pretrain(corpus, tiny, replace(recipe, evaluation=Held(share=0)))
    assert equal(best, last)
    assert equal(best, unmeasured)
    assert best.facts["dev"]["after"] == last.facts["dev"]["after"]
    plain = replace(recipe, training=replace(recipe.training, average=None))
    assert not equal(best, pretrain(corpus, tiny, plain, dev=corpus))


def test_a_dev_corpus_is_measured_in_the_place_of_held_out_dialogues(tiny: Encoder, runs: ModuleType) -> None:
    recipe = replace(MIXED, training=replace(MIXED.training, steps=2))
    facts = pretrain(runs.dialogues(8), tiny, recipe, dev=runs.dialogues(5, seed=1)).facts
    assert (facts["dialogues"], facts["dev"]["dialogues"]) == (8, 5)


def test_held_out_dialogues_have_a_text(tiny: Encoder, talks: list[Dialogue]) -> None:
    recipe = replace(RECIPE, training=Settings(steps=1, precision="fp32"), evaluation=Held(share=0.5))
    empty = [Dialogue(f"test:e{at}", (Turn("customer", " "),)) for at in range(3)]
    corpus = [talks[0], empty[0], talks[1], empty[1], talks[2], talks[3], empty[2]]
    facts = pretrain(corpus, tiny, recipe).facts
    assert (facts["dialogues"], facts["dev"]["dialogues"]) == (3, 1)


# A folder of work


class Cut(Exception):
    pass


def cut_at(step: int) -> Callable[[Step], None]:
    def on_step(done: Step) -> None:
        if done.index == step:
            raise Cut

    return on_step


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "recipe",
    [
        MIXED,
        replace(MIXED, evaluation=replace(MIXED.evaluation, patience=2, every=1)),
        replace(MIXED, riders=(), training=replace(MIXED.training, average=0.8)),
    ],
)
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(
    tiny: Encoder, runs: ModuleType, tmp_path: Path, recipe: Pretraining
) -> None:
    corpus = runs.dialogues(16)
    whole = pretrain(corpus, tiny, recipe, work=tmp_path / "whole")
    for step in (3, 5, 8):
        try:
            again = pretrain(corpus, tiny, recipe, work=tmp_path / "cut", on_step=cut_at(step))
        except Cut:
            continue
    again = pretrain(corpus, tiny, recipe, work=tmp_path / "cut")
    assert equal(whole, again)
    assert whole.facts == again.facts

    def plain(folder: Path) -> list[dict[str, Any]]:
        return [{name: value for name, value in line.items() if name != "time"} for line in logged(folder)]

    assert plain(tmp_path / "whole") == plain(tmp_path / "cut")
    memory = pretrain(corpus, tiny, recipe)
    assert equal(memory, whole)
    assert memory.facts == whole.facts


def test_the_log_has_a_line_a_step_and_one_a_measurement(tiny: Encoder, runs: ModuleType, tmp_path: Path) -> None:
    pretrain(runs.dialogues(16), tiny, MIXED, work=tmp_path / "work")
    lines = logged(tmp_path / "work")
    steps = [line["step"] for line in lines if any(name.startswith("loss/") for name in line)]
    dev = [line["step"] for line in lines if any(name.startswith("dev/") for name in line)]
    assert (steps, dev) == (list(range(1, 11)), [2, 4, 6, 8, 10])
    assert {"dev/next_turn/accuracy", "dev/speaker/loss", "dev/masked_lm 1/nats"} <= set(lines[2])
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"train", "dev", "log.jsonl", "checkpoint"}


@pytest.mark.parametrize("finished", ["train", "nothing"])
def test_dialogues_are_held_out_alike_when_storing_them_was_cut_off(
    tiny: Encoder, runs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: str
) -> None:
    corpus = runs.dialogues(16)
    whole = pretrain(corpus, tiny, MIXED)
    build = module.TurnStore.build

    def cut_off(dialogues: Any, codec: Any, folder: Path, **rest: Any) -> Any:
        if folder.name == "dev":
            raise Cut
        return build(dialogues, codec, folder, **rest)

    def stream() -> Iterator[Dialogue]:
        yield from corpus[:9]
        raise Cut

    with monkeypatch.context() as patched, pytest.raises(Cut):
        patched.setattr(module.TurnStore, "build", cut_off)
        pretrain(corpus if finished == "train" else stream(), tiny, MIXED, work=tmp_path)
    again = pretrain(iter(corpus), tiny, MIXED, work=tmp_path)
    assert again.facts == whole.facts
    assert equal(again, whole)


def test_another_recipe_or_corpus_in_the_same_folder_is_refused(
    tiny: Encoder, runs: ModuleType, tmp_path: Path
) -> None:
    corpus = runs.dialogues(16)
    short = replace(MIXED, training=replace(MIXED.training, steps=2))
    pretrain(corpus, tiny, short, work=tmp_path)
    with pytest.raises(ModelError, match=r"settings\.seed was 0 and is 4"):
        pretrain(corpus, tiny, replace(short, training=replace(short.training, seed=4)), work=tmp_path)
    with pytest.raises(StorageError, match="holds turns of another corpus"):
        pretrain(corpus[2:], tiny, short, work=tmp_path)
    with pytest.raises(StorageError, match="another corpus"):
        pretrain(corpus, tiny, replace(short, evaluation=replace(short.evaluation, share=0.5)), work=tmp_path)


def test_tensorboard_that_is_not_installed_is_refused_before_anything_is_read(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "is_tensorboard_available", lambda: False)

    def never() -> Iterator[Dialogue]:
        raise AssertionError
        yield

    with pytest.raises(MissingExtraError, match="tensorboard is not installed"):
        pretrain(never(), tiny, MIXED, work=tmp_path / "work", tensorboard=True)
