"""Stage 1 adapts a copy, says what it did, and its folder remembers where it came from."""

import json
from pathlib import Path

import numpy as np
import pytest

from turnwise.dialogue import Dialogue, utterance
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, StorageError
from turnwise.objectives.response_ranking import ResponseRanking
from turnwise.pretraining import Pretraining, base_of, pretrain
from turnwise.training import Settings, Step

RECIPE = Pretraining(ResponseRanking(batch_size=4), Settings(epochs=10, learning_rate=3e-3, precision="fp32"), 20)
TEXTS = ["my card has not come yet", "where is it", "hello"]


def test_adapting_lowers_the_loss_and_leaves_the_encoder_as_it_was(tiny: Encoder, talks: list[Dialogue]) -> None:
    before = tiny.encode(TEXTS)
    state = {name: tensor.clone() for name, tensor in tiny.state_dict().items()}
    steps: list[Step] = []
    adapted = pretrain(talks, tiny, RECIPE, on_step=steps.append)

    assert [step.index for step in steps] == list(range(1, 31))
    loss = adapted.facts["loss"]
    assert loss["last tenth"] < 0.7 * loss["first tenth"]
    assert loss["first tenth"] == pytest.approx(np.mean([step.losses["response_ranking"] for step in steps[:3]]))

    assert all(tensor.equal(state[name]) for name, tensor in tiny.state_dict().items())
    assert np.array_equal(tiny.encode(TEXTS), before)
    assert tiny.codec.max_tokens == adapted.encoder.codec.max_tokens == 40
    assert np.abs(adapted.encoder.encode(TEXTS) - before).max() > 0.01
    assert not adapted.encoder.training


def test_the_facts_name_base_recipe_and_amounts(tiny: Encoder, talks: list[Dialogue]) -> None:
    facts = pretrain(talks, tiny, RECIPE).facts
    assert facts["base"] == tiny.name
    assert facts["objective"]["kind"] == "response_ranking"
    assert facts["objective"]["batch_size"] == 4
    assert facts["training"]["learning_rate"] == 3e-3
    assert (facts["dialogues"], facts["pairs"], facts["steps"]) == (4, 12, 30)
    assert json.loads(json.dumps(facts)) == facts


def test_a_seed_gives_the_same_encoder_again(tiny: Encoder, talks: list[Dialogue]) -> None:
    first, again = (pretrain(talks, tiny, RECIPE).encoder.encode(TEXTS) for _ in range(2))
    assert np.array_equal(first, again)


def test_a_saved_encoder_knows_its_base_and_gives_the_same_vectors(
    tiny: Encoder, talks: list[Dialogue], tmp_path: Path
) -> None:
    adapted = pretrain(talks, tiny, RECIPE)
    folder = tmp_path / "adapted"
    adapted.save(folder)
    assert base_of(folder) == tiny.name
    assert np.array_equal(Encoder.load(folder).encode(TEXTS), adapted.encoder.encode(TEXTS))
    assert json.loads((folder / "turnwise.json").read_text(encoding="utf-8")) == adapted.facts


def test_a_save_that_fails_leaves_nothing(tiny: Encoder, talks: list[Dialogue], tmp_path: Path) -> None:
    adapted = pretrain(talks, tiny, RECIPE)
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


def test_a_corpus_of_single_utterances_is_refused(tiny: Encoder) -> None:
    with pytest.raises(CorpusError, match="needs at least 2 pairs of turns, found 0 in 2 dialogues"):
        pretrain([utterance("hello", id="test:0"), utterance("help", id="test:1")], tiny, RECIPE)
