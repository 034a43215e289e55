"""Recipes of further pre-training tell all that is wrong at once; corpora of every kind are learned from or refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from turnwise.dialogue import Dialogue, Turn, utterance
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError, RecipeError
from turnwise.objectives import (
    EntityNumber,
    MaskedLM,
    MaskedSpeaker,
    NextTurn,
    ResponseRanking,
    SpeakerPrediction,
    WholeDialogue,
)
from turnwise.pretraining import Held, Input, Pretraining, pretrain, pretraining_recipe
from turnwise.training import Settings

# Recipes


def recipe_file(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text('task = "pretrain"\n' + text, encoding="utf-8")
    return str(path)


def test_a_recipe_mixes_objectives_and_riders_with_weights(tmp_path: Path) -> None:
    name = recipe_file(
        tmp_path,
        "[objectives.next_turn]\nweight = 2\n[objectives.speaker]\nbatch_size = 8\n[riders.masked_lm]\nweight = 0.25\n"
        '[input]\nformat = "tod"\nsegments = "speaker"\n',
    )
    found = pretraining_recipe(name, {"training": {"steps": 3}})
    assert found.objectives == ((NextTurn(), 2.0), (SpeakerPrediction(batch_size=8), 1.0))
    assert found.riders == ((MaskedLM(), 0.25),)
    assert found.training == Settings(steps=3)
    assert found.input == Input(format="tod", segments="speaker")
    assert found.evaluation == Held()


def test_all_that_is_wrong_is_told_at_once_with_the_nearest_names(tmp_path: Path) -> None:
    name = recipe_file(
        tmp_path,
        "[objectives.next_turns]\n[objectives.speaker]\nbatch_sise = 3\nweight = -1\n[riders.mask_lm]\n"
        '[training]\nlearning_rates = 1e-3\n[input]\nformat = "xml"\n[evaluations]\nevery = 3\n',
    )
    with pytest.raises(RecipeError) as caught:
        pretraining_recipe(name)
    text = str(caught.value)
    assert "has 7 problem(s)" in text
    for part in (
        "[objectives.next_turns] is no table of this recipe; did you mean 'objectives.next_turn'?",
        "[objectives.speaker] batch_sise is not known; did you mean 'batch_size'?",
        "[objectives.speaker] weight is -1, expected a positive number",
        "[riders.mask_lm] is no table of this recipe; did you mean 'riders.masked_lm'?",
        "[training] learning_rates is not known; did you mean 'learning_rate'?",
        "[input] format is 'xml', expected one of 'plain', 'tod', 'cs-bert'",
        "[evaluations] is no table of this recipe; did you mean 'evaluation'?",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no objective; give a table [objectives.NAME]: whole_dialogue, next_turn, "),
        ("[objectives.whole_dialogue]\n", "has nothing to learn: whole_dialogue needs a table [riders.NAME]"),
        ("objectives = 3\n", "[objectives] is no table of this recipe"),
        ("[objectives]\nspeaker = 3\n", "objectives.speaker is 3, expected a table [objectives.speaker]"),
        ("[objectives.speaker]\nweight = true\n", "weight is True, expected a positive number"),
        ("[objectives.speaker]\n[input]\nmax_tokens = 7\n", "max_tokens is 7, expected at least 8"),
        ("[objectives.speaker]\n[evaluation]\nshare = 1.0\n", "share is 1.0, expected 0 or more and less than 1"),
        ("[objectives.speaker]\n[evaluation]\npatience = -1\n", "patience is -1, expected at least 1, or 0 for none"),
        ("[objectives.speaker]\n[evaluation]\nevery = 0\n", "are numbers of at least 1"),
    ],
)
def test_a_recipe_that_cannot_be_run_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(RecipeError) as caught:
        pretraining_recipe(recipe_file(tmp_path, text))
    assert expected in str(caught.value)


def test_a_recipe_of_another_task_is_refused() -> None:
    with pytest.raises(RecipeError, match="recipe intent has task = 'intent', expected task = \"pretrain\""):
        pretraining_recipe("intent")


# Corpora of every kind


def only(*objectives: Any, riders: tuple[Any, ...] = (), **values: Any) -> Pretraining:
    return Pretraining(
        tuple((objective, 1.0) for objective in objectives),
        tuple((rider, 1.0) for rider in riders),
        Settings(**{"steps": 2, "precision": "fp32", **values}),
        Input(max_tokens=40, format="tod"),
        Held(share=0),
    )


@pytest.mark.parametrize(
    ("objective", "dialogues", "expected"),
    [
        (
            ResponseRanking(),
            [utterance("hello", id="test:0"), utterance("help", id="test:1")],
            "needs at least 2 pairs of turns, found 0 in 2 dialogues",
        ),
        (NextTurn(), [utterance("hello")], "next_turn needs agent turns that answer something"),
        (SpeakerPrediction(), [utterance("hello")], "have no turn of agent; give dialogues in which both speak"),
        (EntityNumber(), [utterance("hello")], "has one class alone: all 1 turns have 0 entities"),
        (NextTurn(), [Dialogue("test:0", (Turn("agent", " "), Turn("agent", "")))], "has no turn with a text"),
        (NextTurn(), [], "has no turn with a text"),
        (SpeakerPrediction(), [Dialogue("test:0", (Turn(None, "hello"), Turn(None, "help")))], "customer or agent"),
    ],
)
def test_a_corpus_without_examples_is_refused_and_told_why(
    tiny: Encoder, objective: Any, dialogues: list[Dialogue], expected: str
) -> None:
    with pytest.raises(CorpusError) as caught:
        pretrain(dialogues, tiny, only(objective))
    assert expected in str(caught.value)


def test_turns_without_speaker_or_text_and_dialogues_of_one_turn_do_no_harm(
    tiny: Encoder, talks: list[Dialogue]
) -> None:
    odd = [
        utterance("help", id="test:a"),
        Dialogue("test:b", (Turn(None, "hello"), Turn("customer", ""), Turn(None, "where is it"))),
        Dialogue("test:c", (Turn("agent", "sure"), Turn("agent", "done"))),
        Dialogue("test:d", ()),
    ]
    recipe = only(NextTurn(), SpeakerPrediction(), WholeDialogue(), riders=(MaskedLM(), MaskedSpeaker()))
    facts = pretrain([*talks, *odd], tiny, recipe).facts
    assert facts["examples"] == {"next_turn": 9, "speaker": 19, "whole_dialogue": 7}
    assert (facts["dialogues"], facts["turns"]) == (7, 21)
    assert all(np.isfinite(list(loss.values())).all() for loss in facts["loss"].values())


def test_riders_with_nothing_to_hide_leave_the_weights_finite(tiny: Encoder) -> None:
    """No turn has a speaker, so no speaker token is ever hidden."""
    corpus = [Dialogue(f"test:{at}", (Turn(None, "my card"), Turn(None, "where is it"))) for at in range(3)]
    adapted = pretrain(corpus, tiny, only(WholeDialogue(), riders=(MaskedSpeaker(),)))
    assert adapted.facts["loss"]["masked_speaker"] == {"first tenth": 0.0, "last tenth": 0.0}
    assert all(torch.isfinite(value).all() for value in adapted.encoder.backbone.state_dict().values())


def test_a_dialogue_of_ten_thousand_turns_costs_what_its_length_is(tiny: Encoder, talks: list[Dialogue]) -> None:
    speakers = ("customer", "agent")
    long = Dialogue("test:0", tuple(Turn(speakers[at % 2], f"my card {at}") for at in range(10_000)))  # type: ignore[arg-type]
    recipe = only(NextTurn(batch_size=4), WholeDialogue(batch_size=4), riders=(MaskedLM(),))
    facts = pretrain([long, *talks], tiny, recipe).facts
    assert facts["turns"] == 10_016
    assert facts["examples"]["next_turn"] == 5_008


def test_an_encoder_without_room_for_a_dialogue_is_refused(tiny: Encoder, talks: list[Dialogue]) -> None:
    tiny.codec.max_tokens = 6
    with pytest.raises(InputError, match="max_tokens is 6; a dialogue needs at least 8"):
        pretrain(talks, tiny, only(NextTurn()))
