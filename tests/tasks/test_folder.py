"""A model folder is believed only when it is whole, unchanged and of the task that was asked for."""

import json
from pathlib import Path

import numpy as np
import pytest

from turnwise.errors import ModelError, TaskMismatchError
from turnwise.tasks.folder import FORMAT, read_arrays, read_task, write_arrays, write_task

CONTENT = {"labels": ["card", "取消"], "facts": {"steps": 3, "none": None, "share": 0.5}}
ARRAYS = {"vectors": np.arange(6, dtype=np.float32).reshape(2, 3), "rows": np.array([1, 0])}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "encoder").mkdir(parents=True)
    (folder / "encoder" / "config.json").write_text("{}")
    (folder / "README.md").write_text("card")
    write_arrays(folder / "bank.safetensors", ARRAYS)
    write_task(folder, "intent", CONTENT)
    return folder


def refusal(folder: Path, kind: type[ModelError] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        read_task(folder, "intent")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(folder: Path, **values: object) -> None:
    document = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    (folder / "task.json").write_text(json.dumps({**document, **values}))


def test_what_was_written_is_read(model: Path) -> None:
    document = read_task(model, "intent")
    assert {key: document[key] for key in CONTENT} == CONTENT
    assert (document["format"], document["task"]) == (FORMAT, "intent")
    assert set(document["files"]) == {"bank.safetensors", "encoder/config.json"}


def test_the_version_follows_the_content_and_the_files_but_not_the_card(model: Path) -> None:
    version = read_task(model, "intent")["version"]
    assert len(version) == 12
    (model / "README.md").write_text("another card")
    assert write_task(model, "intent", CONTENT) == version
    assert write_task(model, "intent", {**CONTENT, "labels": ["card"]}) != version
    (model / "encoder" / "config.json").write_text("{ }")
    assert write_task(model, "intent", CONTENT) != version


def test_the_card_may_be_edited(model: Path) -> None:
    (model / "README.md").write_text("edited")
    assert read_task(model, "intent")["task"] == "intent"


def test_a_folder_that_is_not_there_names_the_command_that_makes_it(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    expected = f"there is no model folder {folder}; make one with: turnwise fit intent --corpus C -o {folder}"
    assert refusal(folder) == expected


def test_another_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} is no model folder: it has no task.json"


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "task.json").mkdir()
    assert refusal(tmp_path).startswith(f"cannot read {tmp_path / 'task.json'}: ")


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "task', b"\xff\xfe{}", b"nonsense"])
def test_a_broken_description_is_refused(model: Path, content: bytes) -> None:
    (model / "task.json").write_bytes(content)
    assert refusal(model).startswith(f"{model / 'task.json'} is broken (")


@pytest.mark.parametrize(
    ("content", "found"), [("[1]", "[1]"), ('"text"', "'text'"), ("{}", "None"), ('{"format": 99}', "99")]
)
def test_another_format_is_refused(model: Path, content: str, found: str) -> None:
    (model / "task.json").write_text(content)
    assert refusal(model) == f"{model / 'task.json'} has format {found}, this turnwise reads {FORMAT}"


def test_a_model_of_another_task_is_refused_as_such(model: Path) -> None:
    change(model, task="emotion")
    text = refusal(model, TaskMismatchError)
    assert text == f"{model} holds a model of the task 'emotion', expected 'intent'"


@pytest.mark.parametrize("files", [None, [], "bank.safetensors"])
def test_a_description_without_a_list_of_files_is_refused(model: Path, files: object) -> None:
    change(model, files=files)
    assert "has no list of files" in refusal(model)


@pytest.mark.parametrize("name", ["bank.safetensors", "encoder/config.json"])
def test_a_missing_file_is_named(model: Path, name: str) -> None:
    (model / name).unlink()
    assert refusal(model) == f"{model} is not whole: {name} is missing; fit or copy the model again"


@pytest.mark.parametrize("name", ["bank.safetensors", "encoder/config.json"])
@pytest.mark.parametrize("spoil", [lambda raw: raw[:-1], lambda raw: bytes([raw[0] ^ 1]) + raw[1:]])
def test_a_truncated_or_changed_file_is_named(model: Path, name: str, spoil: object) -> None:
    assert callable(spoil)
    (model / name).write_bytes(spoil((model / name).read_bytes()))
    assert refusal(model).startswith(f"{model / name} is damaged: its SHA-256 is not the one in task.json")


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname"])
def test_files_outside_the_folder_are_not_looked_at(model: Path, name: str) -> None:
    (model.parent / "outside").write_text("x")
    change(model, files={name: "0" * 64})
    assert refusal(model) == f"{model} is not whole: {name} is missing; fit or copy the model again"


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {**ARRAYS, "turned": ARRAYS["vectors"].T, "empty": np.zeros((0, 3), dtype=np.float32)}
    write_arrays(tmp_path / "a.safetensors", arrays)
    found = read_arrays(tmp_path / "a.safetensors")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle", b"\xff" * 100])
def test_arrays_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot read .*a\.safetensors: .*; fit or copy the model again"):
        read_arrays(path)
