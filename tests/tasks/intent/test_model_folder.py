import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from turnwise.dialogue import Turn
from turnwise.encoder import Encoder
from turnwise.errors import ModelError, StorageError, TaskMismatchError
from turnwise.tasks.intent.examples import Utterance
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.intent.recipes import Intent
from turnwise.vectors import unit

TEXTS = ["where is my order", "money please", "block the card", "what is the weather", "我的包裹 🙂", "x" * 500]


def answers(turns: list[Turn]) -> list[object]:
    return [(turn, turn.evidence["intent"]) for turn in turns]


def test_a_saved_model_answers_as_before(fitted: IntentModel, folder: Path) -> None:
    loaded = IntentModel.load(folder)
    assert answers(loaded.predict(TEXTS)) == answers(fitted.predict(TEXTS))
    assert (loaded.version, loaded.labels) == (fitted.version, fitted.labels)
    assert len(loaded.version) == 12
    assert loaded.held_out is not None and fitted.held_out is not None
    assert np.array_equal(loaded.held_out.scope, fitted.held_out.scope)
    assert loaded.calibration == fitted.calibration


def test_saving_again_keeps_the_version_and_a_change_changes_it(model: IntentModel, folder: Path) -> None:
    before = model.version
    model.save(folder)
    assert model.version == before
    model.add([Utterance("wrap it", ("wrap",))])
    model.save(folder)
    assert model.version != before
    assert IntentModel.load(folder).version == model.version


def test_a_pair_recipe_keeps_its_projection(
    encoder: Encoder, shop: list[Utterance], tmp_path: Path, quick: Callable[..., Intent]
) -> None:
    model = fit_intent(shop, encoder, quick("convfit-cos"))
    assert model.projection is not None
    model.save(tmp_path / "model")
    loaded = IntentModel.load(tmp_path / "model")
    assert answers(loaded.predict(TEXTS)) == answers(model.predict(TEXTS))
    assert loaded.vectors(["hello"]).shape == (1, 512)


def test_a_folder_holds_safetensors_and_text_alone(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"task.json", "README.md", "bank.json", "intent.safetensors", "encoder/model.safetensors"} <= names
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".md", ".txt", ".jinja"}
    for name in names:
        content = (folder / name).read_bytes()
        assert not content.startswith((b"\x80", b"PK")), f"{name} looks like a pickle or a zip"


def test_the_encoder_of_a_model_loads_alone(folder: Path, model: IntentModel) -> None:
    alone = Encoder.load(folder / "encoder")
    assert np.allclose(unit(alone.encode(TEXTS[:2])), model.vectors(TEXTS[:2]), atol=1e-6)


def test_the_card_names_version_intents_and_use(fitted: IntentModel, folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert fitted.version in card
    assert "`block`, `refund`, `track`" in card
    assert "turnwise predict THIS_FOLDER" in card


# -- folders that are not whole ------------------------------------------------------------------------------


def test_any_file_that_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        damaged = tmp_path / "damaged"
        shutil.copytree(folder, damaged)
        (damaged / name).unlink()
        if name == "README.md":
            IntentModel.load(damaged)
        else:
            with pytest.raises(ModelError, match=name.replace(".", r"\.")):
                IntentModel.load(damaged)
        shutil.rmtree(damaged)


def test_any_file_that_is_cut_short_is_named(folder: Path, tmp_path: Path) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "README.md"):
        name = str(path.relative_to(folder))
        damaged = tmp_path / "damaged"
        shutil.copytree(folder, damaged)
        content = (damaged / name).read_bytes()
        (damaged / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(ModelError, match=name.replace(".", r"\.")):
            IntentModel.load(damaged)
        shutil.rmtree(damaged)


def test_one_flipped_bit_is_found(folder: Path) -> None:
    path = folder / "intent.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"intent\.safetensors is damaged: its SHA-256"):
        IntentModel.load(folder)


def change(folder: Path, **values: object) -> None:
    path = folder / "task.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document.update(values)
    path.write_text(json.dumps({k: v for k, v in document.items() if v != "absent"}), encoding="utf-8")


def test_a_model_of_another_task_is_refused_as_such(folder: Path) -> None:
    change(folder, task="slots")
    with pytest.raises(TaskMismatchError, match="holds a model of the task 'slots', expected 'intent'"):
        IntentModel.load(folder)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "encoder/../../secret.txt"])
def test_task_json_cannot_reach_outside_its_folder(folder: Path, name: str) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    document = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    change(folder, files={**document["files"], name: "0" * 64})
    with pytest.raises(ModelError, match="is not whole"):
        IntentModel.load(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 2}, "has format 2, this turnwise reads 1"),
        ({"format": "absent"}, "has format None"),
        ({"version": "absent"}, "'version'"),
        ({"inference": "absent"}, "'inference'"),
        ({"inference": {"neighbors": 3}}, "cannot be read as an intent model"),
        ({"inference": {"neighbours": 0}}, "neighbours is 0"),
        ({"decision": 3}, "cannot be read as an intent model"),
        ({"calibration": None}, "cannot be read as an intent model"),
        ({"directions": ["track"]}, "cannot be read as an intent model"),
        ({"files": []}, "files"),
        ({"files": {"bank.json": 7}}, "bank"),
    ],
)
def test_a_task_json_of_another_shape_is_a_model_error(folder: Path, values: dict[str, object], message: str) -> None:
    change(folder, **values)
    with pytest.raises(ModelError, match=message) as caught:
        IntentModel.load(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_broken_task_json_is_a_model_error(folder: Path, content: bytes) -> None:
    (folder / "task.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"task\.json"):
        IntentModel.load(folder)


def test_what_is_no_model_folder_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no model folder .*nowhere; make one with: turnwise fit intent"):
        IntentModel.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"is no model folder: it has no task\.json"):
        IntentModel.load(tmp_path)
    (tmp_path / "task.json").mkdir()
    with pytest.raises(ModelError, match=r"task\.json"):
        IntentModel.load(tmp_path)


def test_a_save_that_fails_leaves_the_older_folder(model: IntentModel, folder: Path) -> None:
    before = model.version
    model.facts["unwritable"] = object()
    with pytest.raises(TypeError):
        model.save(folder)
    assert IntentModel.load(folder).version == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_folder_with_other_things_in_it_is_never_replaced(model: IntentModel, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "thesis.txt").write_text("years of work")
    with pytest.raises(StorageError, match=r"documents: it holds other things \(task\.json is not there\)"):
        model.save(documents)
    with pytest.raises(StorageError, match=r"thesis\.txt: it is a file"):
        model.save(documents / "thesis.txt")
    assert (documents / "thesis.txt").read_text() == "years of work"
    (tmp_path / "empty").mkdir()
    model.save(tmp_path / "empty")
    assert IntentModel.load(tmp_path / "empty").version == model.version


def test_a_link_and_the_folder_one_is_in_can_be_saved_to(
    model: IntentModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = folder.with_name("current")
    link.symlink_to(folder)
    model.add([Utterance("wrap it", ("wrap",))])
    model.save(link)
    assert link.is_symlink()
    assert IntentModel.load(folder).version == model.version
    monkeypatch.chdir(folder)
    model.remove(intent="wrap")
    model.save(Path())
    assert IntentModel.load(folder).version == model.version
    assert sorted(path.name for path in folder.parent.iterdir()) == ["current", "model"]
