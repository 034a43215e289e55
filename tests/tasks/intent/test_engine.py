import json
from pathlib import Path

import numpy as np
import pytest

from turnwise.errors import InputError, ModelError
from turnwise.tasks.intent.engine import best_engine, export_folder, export_model, load_with
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.model import IntentModel

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

TEXTS = ["where is my parcel", "money please", "the card is stolen"]


def test_torch_needs_no_export(fitted: IntentModel, folder: Path) -> None:
    assert load_with(folder).engine is None
    assert best_engine(folder) == "torch"
    assert load_with(folder).predict(TEXTS) == fitted.predict(TEXTS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_an_export_answers_as_torch_does_until_the_encoder_changes(fitted: IntentModel, folder: Path) -> None:
    facts = export_model(folder, "fp32", check=[Utterance("where is my parcel", ("track",))])
    assert facts.largest_difference < 1e-4
    place = export_folder(folder, "fp32")
    assert place == folder.with_name("model.onnx-fp32")
    assert best_engine(folder) == "fp32"
    model = load_with(folder, "fp32")
    assert model.engine is not None
    assert np.allclose(model.vectors(TEXTS), fitted.vectors(TEXTS), atol=1e-4)
    for exported, torch in zip(model.predict(TEXTS), fitted.predict(TEXTS), strict=True):
        assert exported.labels == torch.labels
        assert exported.evidence["intent"].neighbours[0].text == torch.evidence["intent"].neighbours[0].text
    model.add([Utterance("wrap it", ("wrap",))])
    model.save(folder)
    assert load_with(folder, "fp32").labels == ("block", "refund", "track", "wrap")  # the bank may change
    (place / "source.json").write_text(json.dumps({"weights": "0" * 64}))
    with pytest.raises(ModelError, match=r"model\.onnx-fp32 was exported from another encoder; run: turnwise export"):
        load_with(folder, "fp32")


def test_an_unknown_engine_and_a_missing_export_say_what_to_do(folder: Path) -> None:
    with pytest.raises(InputError, match="the engine is 'tpu', expected one of torch, fp32, int8"):
        load_with(folder, "tpu")
    with pytest.raises(InputError, match="the precision is 'torch', expected fp32 or int8"):
        export_model(folder, "torch")
    with pytest.raises(ModelError, match=r"has no int8 export; make it with: turnwise export .* --precision int8"):
        load_with(folder, "int8")


def test_the_folder_one_is_in_has_its_export_beside_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in (Path(), Path("encoder/..")):
        assert export_folder(name, "int8") == folder.with_name("model.onnx-int8")
    assert best_engine(Path()) == "torch"
