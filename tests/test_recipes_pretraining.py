"""Every shipped recipe of pre-training: the values of its paper, and a few steps on a tiny encoder."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModel

from turnwise.dialogue import Dialogue, Turn
from turnwise.encoder import Encoder
from turnwise.errors import RecipeError
from turnwise.pretraining import pretrain, pretraining_recipe
from turnwise.quick import quick
from turnwise.recipe import read_recipe, recipe_names
from turnwise.scratch import fresh_encoder
from turnwise.tokenizer import train_tokenizer

PAIRS = ("pairwise-cloze", "pairwise-cloze-tuned")
NAMES = [name for name in recipe_names() if read_recipe(name)["task"] == "pretrain"]
CS_BERT = ("cs-bert", "cs-bert-msp", "cs-bert-ssr")
DSDF = {
    "dsdf-mlm": ["whole_dialogue"],
    "dsdf-dsp": ["speaker"],
    "dsdf-crm": ["response_matching"],
    "dsdf-dcv": ["coherence"],
    "dsdf-enp": ["entity_number"],
    "dsdf-dur": ["reordering"],
    "dsdf-joint": ["entity_number", "response_matching"],
}


def talk(number: int) -> Dialogue:
    told = [
        "where is my parcel",
        f"it arrives on Monday {number % 10}",
        "i want to cancel",
        "done" if number % 2 else "sure we can stop that",
        "can you help please",
        "your money is back",
    ]
    turns = (Turn("agent" if at % 2 else "customer", text) for at, text in enumerate(told))
    return Dialogue(f"test:{number}", tuple(turns), profile={"country": "nl"})


TALKS = [talk(number) for number in range(12)]


def objectives(name: str) -> list[str]:
    return sorted(objective.name for objective, _ in pretraining_recipe(name).objectives)


def riders(name: str) -> list[str]:
    return sorted(rider.name for rider, _ in pretraining_recipe(name).riders)


def test_every_recipe_of_the_papers_is_there() -> None:
    assert {*CS_BERT, *DSDF, *PAIRS, "convfit-stage1", "scratch-small", "scratch-convert", "demo-stage1"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_head_of_a_recipe_says_where_data_come_from_and_how_to_start_and_change_it(name: str) -> None:
    import turnwise

    text = (Path(turnwise.__file__).parent / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert any(line.startswith("# Get data: ") for line in head) or name == "demo-stage1"
    assert any(f"turnwise pretrain --recipe {name} " in line for line in head)
    assert any(line.startswith("# Change:") for line in head) or name == "demo-stage1"


@pytest.mark.parametrize("name", CS_BERT)
def test_cs_bert_has_its_values(name: str) -> None:
    """Section 4.1.2: 256 sequences (two of each place) of 256 tokens, 1e-4, 10,000 of 1,000,000 steps, decay 0.01."""
    recipe = pretraining_recipe(name)
    assert objectives(name) == ["next_turn"]
    assert riders(name) == (["masked_lm", "masked_speaker"] if name == "cs-bert-msp" else ["masked_lm"])
    assert 2 * recipe.objectives[0][0].batch_size == 256  # type: ignore[attr-defined]
    training = recipe.training
    assert (training.learning_rate, training.warmup, training.weight_decay) == (1e-4, 10_000 / 1_000_000, 0.01)
    assert training.schedule == "linear"
    assert (recipe.input.format, recipe.input.max_tokens) == ("cs-bert", 256)
    assert recipe.input.segments == ("speaker" if name == "cs-bert-ssr" else "response")


@pytest.mark.parametrize("name", DSDF)
def test_dsdf_has_its_values(name: str) -> None:
    """Section 4.3: rate 5e-5, batches of 32, 512 tokens, stopped early by the loss on held-out data; MLM with all."""
    recipe = pretraining_recipe(name)
    assert objectives(name) == DSDF[name]
    assert riders(name) == ["masked_lm"]
    assert all(objective.batch_size == 32 for objective, _ in recipe.objectives)  # type: ignore[attr-defined]
    assert recipe.training.learning_rate == 5e-5
    assert (recipe.input.format, recipe.input.max_tokens) == ("tod", 512)
    assert recipe.evaluation.patience is not None and recipe.evaluation.share > 0


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PAIRS])
def test_every_recipe_trains_a_tiny_encoder(name: str, checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    small = quick(pretraining_recipe(name, {"training": {"steps": 2, "precision": "fp32"}}))
    recipe = dataclasses.replace(small, input=dataclasses.replace(small.input, max_tokens=40))
    if name.startswith("scratch"):
        train_tokenizer([turn.text for dialogue in TALKS for turn in dialogue.turns]).save(tmp_path / "words")
        base = fresh_encoder(tmp_path / "words", max_tokens=40)
    else:
        base = Encoder.load(checkpoint("bert"))
    adapted = pretrain(TALKS[:10], base, recipe, dev=TALKS[10:])
    facts = adapted.facts
    assert facts["steps"] == 2
    assert set(facts["objectives"]) == set(objectives(name))
    learning = {o for o in objectives(name) if o != "whole_dialogue"} | set(riders(name))
    assert {title.split(" ")[0] for title in facts["loss"]} == learning
    for scores in (facts["dev"]["before"], facts["dev"]["after"]):
        assert {title.split(" ")[0] for title in scores} == learning
        assert all(math.isfinite(values["loss"]) for values in scores.values())
    adapted.save(tmp_path / "adapted")
    AutoModel.from_pretrained(tmp_path / "adapted")
    again = Encoder.load(tmp_path / "adapted")
    assert again.codec.layout == adapted.encoder.codec.layout
    assert again.codec.layout.format == recipe.input.format


def test_quick_makes_everything_small_and_nothing_larger() -> None:
    full, small = pretraining_recipe("dsdf-joint"), quick(pretraining_recipe("dsdf-joint"))
    assert (small.training.steps, small.input.max_tokens, small.evaluation.examples) == (60, 64, 100)
    assert all(objective.batch_size == 16 for objective, _ in small.objectives)  # type: ignore[attr-defined]
    assert small.training.learning_rate == full.training.learning_rate
    overrides = {"training": {"steps": 5}, "input": {"max_tokens": 32}, "objectives.speaker": {"batch_size": 4}}
    tiny = quick(pretraining_recipe("dsdf-dsp", overrides))
    assert (tiny.training.steps, tiny.input.max_tokens) == (5, 32)
    assert tiny.objectives[0][0].batch_size == 4  # type: ignore[attr-defined]


def test_three_wrong_keys_and_a_wrong_table_are_told_together(tmp_path: Path) -> None:
    text = (
        'task = "pretrain"\n[objectives.next_trun]\n[objectives.speaker]\nbatchsize = 3\n'
        '[riders.masked_lm]\nrat = 0.2\n[training]\nlearning_rat = 1e-4\n[input]\nformat = "tot"\n'
    )
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError) as error:
        pretraining_recipe(str(tmp_path / "mine.toml"))
    told = str(error.value)
    assert "has 5 problem(s)" in told
    for nearest in ("'objectives.next_turn'", "'batch_size'", "'rate'", "'learning_rate'"):
        assert f"did you mean {nearest}?" in told
    assert "[input] format is 'tot', expected one of 'plain', 'tod', 'cs-bert'" in told
