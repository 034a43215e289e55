"""A decoder from a folder of pairs: what learns, what stays, and a run that was cut off."""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from pyarrow import parquet

from turnwise.decoder_pretraining import TrainedDecoder, pretrain_decoder
from turnwise.encoder import Encoder
from turnwise.errors import InputError, ModelError, RecipeError
from turnwise.pretrained_decoder import encoder_hash, load_decoder
from turnwise.pretraining import Pretraining, pretrain, pretraining_recipe
from turnwise.training import Step

SMALL: dict[str, dict[str, object]] = {
    "objectives.pairwise_cloze": {
        "layers": [1, 2], "batch_size": 6, "anneal": 4, "hidden": 24, "width": 16, "wide": 16, "attention": 8
    },
    "training": {"steps": 6, "precision": "fp32"},
    "input": {"max_tokens": 32},
    "evaluation": {"every": 3, "checkpoint": 2, "patience": 0},
}  # fmt: skip
PHRASES = ("my card", "parcel", "that order", "address", "money", "help", "monday", "refund")


class Cut(Exception):
    """The run is over before its end."""


def small(**training: object) -> Pretraining:
    return pretraining_recipe("pairwise-cloze", {**SMALL, "training": {**SMALL["training"], **training}})


def pair(phrase: str, number: int) -> dict[str, Any]:
    template, given = f"please cancel {phrase} on monday {number}", f"where is {phrase} now"
    start, at = template.index(phrase), given.index(phrase)
    return {
        "template": template, "template_start": start, "template_end": start + len(phrase),
        "input": given, "input_start": at, "input_end": at + len(phrase),
    }  # fmt: skip


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    folder = tmp_path / "pairs"
    folder.mkdir()
    rows = [pair(phrase, number) for number in range(3) for phrase in PHRASES if phrase != "monday"]
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "train.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows[:4]), folder / "test.parquet")
    return folder


def weights(found: TrainedDecoder) -> dict[str, list[float]]:
    return {name: value.flatten().tolist() for name, value in found.decoder.decoder.state_dict().items()}


def test_a_decoder_learns_over_a_frozen_encoder(tiny: Encoder, pairs: Path, tmp_path: Path) -> None:
    before = encoder_hash(tiny)
    found = pretrain_decoder(pairs, tiny, small())
    assert found.encoder is None and encoder_hash(tiny) == before
    assert all(parameter.requires_grad for parameter in tiny.parameters()) and tiny.layers == ()
    found.save(tmp_path / "decoder")
    assert {path.name for path in (tmp_path / "decoder").iterdir()} == {"decoder.json", "decoder.safetensors"}
    loaded = load_decoder(tmp_path / "decoder", tiny)
    assert (loaded.layers, loaded.blank, loaded.encoder) == ((1, 2), "[MASK]", tiny.name)
    facts = loaded.facts
    assert (facts["pairs"], facts["pairs_left_out"], facts["steps"], facts["dev"]["pairs"]) == (21, 0, 6, 4)
    assert set(facts["dev"]["before"]["pairwise_cloze"]) == {"loss", "recall"} | (
        {"precision"} & set(facts["dev"]["before"]["pairwise_cloze"])
    )
    assert facts["training"]["optimizer"] == "adadelta"


def test_a_tuned_encoder_is_another_one_and_lies_in_the_folder(tiny: Encoder, pairs: Path, tmp_path: Path) -> None:
    recipe = small(frozen=False, learning_rate=0.05)
    recipe = dataclasses.replace(
        recipe, objectives=((dataclasses.replace(recipe.objectives[0][0], contrast="states"), 1.0),)  # type: ignore[type-var]
    )  # fmt: skip
    found = pretrain_decoder(pairs, tiny, recipe)
    found.save(tmp_path / "decoder")
    encoder = Encoder.load(tmp_path / "decoder" / "encoder")
    assert encoder_hash(encoder) != encoder_hash(tiny)
    assert load_decoder(tmp_path / "decoder", encoder).encoder == "encoder"
    with pytest.raises(ModelError, match="belongs to the encoder encoder"):
        load_decoder(tmp_path / "decoder", tiny)


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tiny: Encoder, pairs: Path, tmp_path: Path) -> None:
    whole = pretrain_decoder(pairs, tiny, small())

    def until(step: Step) -> None:
        if step.index == 5:
            raise Cut

    with pytest.raises(Cut):
        pretrain_decoder(pairs, tiny, small(), work=tmp_path / "work", on_step=until)
    size = (tmp_path / "work" / "checkpoint" / "weights.safetensors").stat().st_size
    assert size < sum(4 * parameter.numel() for parameter in tiny.parameters())
    steps: list[int] = []
    again = pretrain_decoder(
        pairs, tiny, small(), work=tmp_path / "work", on_step=lambda step: steps.append(step.index)
    )
    assert steps == [5, 6]
    assert weights(again) == weights(whole)
    assert again.decoder.facts == whole.decoder.facts


def test_a_frozen_encoder_drops_nothing(tiny: Encoder, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[bool] = []
    forward = Encoder.forward

    def noted(self: Encoder, encoding: Any) -> torch.Tensor:
        modes.append(self.backbone.training)
        return forward(self, encoding)

    monkeypatch.setattr(Encoder, "forward", noted)
    pretrain_decoder(pairs, tiny, small(steps=2))
    assert modes and not any(modes)


def test_pairs_and_dialogues_are_not_mixed_up(tiny: Encoder, pairs: Path, talks: Any) -> None:
    with pytest.raises(RecipeError, match="pairwise_cloze learns from pairs, not from dialogues"):
        pretrain(talks, tiny, small())
    with pytest.raises(RecipeError, match="the recipe has response_ranking; from pairs learns pairwise_cloze alone"):
        pretrain_decoder(pairs, tiny, pretraining_recipe("convfit-stage1"))
    states = {**SMALL, "objectives.pairwise_cloze": {**SMALL["objectives.pairwise_cloze"], "contrast": "states"}}
    with pytest.raises(RecipeError, match="a frozen encoder has nothing to learn from it"):
        pretrain_decoder(pairs, tiny, pretraining_recipe("pairwise-cloze", states))
    with pytest.raises(InputError, match=r"there is no file .*train\.parquet"):
        pretrain_decoder(pairs / "nothing", tiny, small())


def test_the_recipe_has_the_values_of_table_3() -> None:
    recipe = pretraining_recipe("pairwise-cloze")
    objective, training = recipe.objectives[0][0], recipe.training
    expected = {"batch_size": 256, "without": 64 / 256, "hidden": 512, "width": 128, "wide": 256, "attention": 16}
    assert {name: getattr(objective, name) for name in expected} == expected
    assert (objective.anneal, objective.blocks, objective.auxiliary) == (10_000, 2, 1.0)  # type: ignore[attr-defined]
    assert (training.optimizer, training.rho, training.learning_rate) == ("adadelta", 0.9, 0.3)
    assert (training.schedule, training.warmup, training.frozen) == ("constant", 0.0, True)
