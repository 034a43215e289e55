"""Exports of selection and ranking answer as torch does, and belong to their model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import ExportError, InputError, ModelError
from turnwise.runtime import Bounds
from turnwise.tasks.fit import HeldOut, TaskInput
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranking.engine import export_responses, load_responses
from turnwise.tasks.ranking.fit import RankingFitting, fit_ranking
from turnwise.tasks.ranking.model import RankingModel
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.selection import Selection, SelectionModel
from turnwise.training import Settings

QUICK = Settings(steps=3, learning_rate=1e-3, precision="fp32")
FITTING = RankingFitting(
    Ranking(top_k=3), QUICK, QUICK, Selection(batch_size=16), TaskInput(max_tokens=40, format="cs-bert"), HeldOut(0)
)


@pytest.fixture(scope="module")
def folder(
    checkpoint: Callable[[str], Path],
    desk_talks: list[Dialogue],
    desk_pool: Pool,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    place = tmp_path_factory.mktemp("exported") / "model"
    fit_ranking(desk_talks, Encoder.load(checkpoint("bert")), FITTING, pool=desk_pool).save(place)
    return place


def test_both_encoders_answer_as_torch_does(folder: Path, desk_talks: list[Dialogue]) -> None:
    facts = export_responses(folder, "fp32", check=desk_talks)
    assert {name: (one.pooling, one.segmented) for name, one in facts.items()} == {
        "dual": ("mean", False),
        "cross": ("cls", True),
    }
    torch_model, exported = load_responses(folder), load_responses(folder, "fp32")
    assert isinstance(exported, RankingModel)
    for dialogue in desk_talks[:3]:
        one, other = torch_model.rank(dialogue, 3), exported.rank(dialogue, 3)
        assert [response.id for response in one] == [response.id for response in other]
        assert [response.score for response in one] == pytest.approx([response.score for response in other], abs=1e-4)


def test_int8_stays_near_and_too_narrow_bounds_refuse_it(folder: Path, desk_talks: list[Dialogue]) -> None:
    facts = export_responses(folder, "int8", bounds=Bounds(1.0, 1.0, 1.0))
    assert facts["cross"].smallest_cosine > 0.8
    assert len(load_responses(folder, "int8").rank(desk_talks[0], 3)) == 3
    with pytest.raises(ExportError, match="largest difference"):
        export_responses(folder, "int8", check=desk_talks, bounds=Bounds(1e-7))


def test_another_models_export_is_refused(folder: Path, desk_pool: Pool, tiny: Encoder, tmp_path: Path) -> None:
    SelectionModel(Selection(), tiny, desk_pool).save(tmp_path / "model")
    with pytest.raises(ModelError, match="has no fp32 export"):
        load_responses(tmp_path / "model", "fp32")
    place = tmp_path / "model.onnx-fp32"
    place.mkdir()
    (place / "source.json").write_text(json.dumps({"weights": {"encoder/model.safetensors": "0"}}))
    with pytest.raises(ModelError, match="exported from another model"):
        load_responses(tmp_path / "model", "fp32")
    with pytest.raises(InputError, match="the engine is 'fast'"):
        load_responses(tmp_path / "model", "fast")
    with pytest.raises(InputError, match="the precision is 'half'"):
        export_responses(tmp_path / "model", "half")
