"""A run that was cut off ends with the weights of one that was not; nothing half-written is ever gone on from."""

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import turnwise.checkpoint as module
from turnwise.checkpoint import is_checkpoint, recover
from turnwise.errors import ModelError, StorageError
from turnwise.training import Training

Make = Callable[..., Training]
NAMES = ("next_turn", "speaker", "response_ranking")


@pytest.fixture
def make(runs: ModuleType, checkpoint: Callable[[str], Path]) -> Make:
    """A run of six steps, with riders and dropout; keywords are settings."""

    def made(*names: str, **values: Any) -> Training:
        run: Training = runs.training(checkpoint("bert"), names or NAMES, values, riders=True, dropout=True)
        return run

    return made


def saved(run: Training, folder: Path, steps: int = 2) -> Path:
    """Go some steps, save, and stop."""
    for step in run:
        if step.index == steps:
            run.save(folder)
            break
    return folder


def refusal(run: Training, folder: Path) -> str:
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        run.load(folder)
    assert all(torch.equal(before[name], value) for name, value in run.model.state_dict().items())
    assert run.done == 0
    return str(caught.value)


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("values", [{}, {"average": 0.9}, {"accumulation": 2, "schedule": "cosine"}])
def test_a_run_that_goes_on_has_the_weights_of_one_that_was_not_cut_off(
    runs: ModuleType, make: Make, tmp_path: Path, values: dict[str, Any]
) -> None:
    whole = runs.finished(make(**values))
    folder = saved(make(**values), tmp_path / "run", steps=4)
    again = make(**values)
    again.load(folder)
    assert again.done == 4
    assert equal(runs.finished(again), whole)
    assert not equal(whole, runs.weights(make(**values)))


def test_parts_that_take_part_in_some_steps_go_on_where_they_stopped(
    runs: ModuleType, make: Make, tmp_path: Path
) -> None:
    def made() -> Training:
        run = make()
        run.parts = (run.parts[0], *(replace(part, share=0.4) for part in run.parts[1:]))
        return run

    whole = runs.finished(made())
    folder = saved(made(), tmp_path / "run", steps=4)
    again = made()
    again.load(folder)
    assert equal(runs.finished(again), whole)
    assert not equal(whole, runs.finished(make()))


@pytest.mark.parametrize(("number", "saving"), [(signal.SIGKILL, False), (signal.SIGTERM, True)])
def test_a_run_that_was_killed_goes_on_from_its_last_whole_checkpoint(
    runs: ModuleType,
    make: Make,
    checkpoint: Callable[[str], Path],
    tmp_path: Path,
    number: signal.Signals,
    saving: bool,
) -> None:
    """Killed after step 3, or in the middle of the checkpoint of step 4: step 2 is the last whole one."""
    folder = tmp_path / "run"
    one = {
        "names": NAMES,
        "riders": True,
        "dropout": True,
        "values": {"average": 0.9},
        "checkpoint": str(folder),
        "out": str(tmp_path / "never"),
        "kill": {"step": 4 if saving else 3, "signal": number.value, "saving": saving},
    }
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"encoder": str(checkpoint("bert")), "runs": [one]}))
    command = [sys.executable, "-W", "ignore", str(Path(runs.__file__)), str(spec)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -number, done.stderr
    assert not (tmp_path / "never").exists()
    assert len(list(tmp_path.glob(".run.*.tmp"))) == int(saving)

    recover(folder)
    assert not list(tmp_path.glob(".run.*"))
    again = make(average=0.9)
    again.load(folder)
    assert again.done == 2
    assert equal(runs.finished(again), runs.finished(make(average=0.9)))


def test_a_checkpoint_holds_no_pickle_and_nothing_executable(make: Make, tmp_path: Path) -> None:
    folder = saved(make(average=0.9), tmp_path / "run", steps=1)
    assert is_checkpoint(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "optimizer.safetensors",
        "run.json",
        "weights.safetensors",
    ]
    for path in folder.glob("*.safetensors"):
        assert load_file(path)
    state = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert state["done"] == 1
    assert [part["objective"] for part in state["parts"]] == list(NAMES)
    assert [part["weight"] for part in state["parts"]] == [1.0, 0.5, 0.5]
    assert [ride["rider"] for ride in state["parts"][0]["rides"]] == ["masked_lm", "masked_speaker"]


def test_a_checkpoint_of_another_recipe_is_refused_with_every_difference(make: Make, tmp_path: Path) -> None:
    folder = saved(make("next_turn", "speaker"), tmp_path / "run", steps=1)
    other = make("next_turn", "response_ranking", learning_rate=0.5, seed=3)
    other.encoder.codec.max_tokens = 20
    lines = refusal(other, folder).splitlines()
    assert lines[0] == f"the checkpoint {folder} is of another run; go on with its recipe, or name another folder:"
    assert {
        "  max_tokens was 40 and is 20",
        "  parts[1].objective was 'speaker' and is 'response_ranking'",
        "  parts[1].scale was None and is 20.0",
        "  settings.learning_rate was 0.001 and is 0.5",
        "  settings.seed was 0 and is 3",
    } <= set(lines)


def test_another_weight_rider_or_number_of_objectives_is_another_run(make: Make, tmp_path: Path) -> None:
    folder = saved(make("next_turn", "speaker"), tmp_path / "run", steps=1)
    assert "parts was" in refusal(make("next_turn"), folder)
    state = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    state["parts"][0]["weight"] = 3.0
    state["parts"][0]["rides"][0]["rate"] = 0.3
    (folder / "run.json").write_text(json.dumps(state))
    text = refusal(make("next_turn", "speaker"), folder)
    assert "parts[0].weight was 3.0 and is 1.0" in text
    assert "parts[0].rides[0].rate was 0.3 and is 0.15" in text


def _halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _without(prefix: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        tensors = load_file(path)
        save_file({name: value for name, value in tensors.items() if not name.startswith(prefix)}, path)

    return spoil


def _misshapen(path: Path) -> None:
    tensors = load_file(path)
    name = next(name for name, value in tensors.items() if value.dim() == 2)
    save_file({**tensors, name: tensors[name][:1].clone()}, path)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("run.json", _halved),
        ("run.json", lambda path: path.write_text("[]")),
        ("run.json", lambda path: path.write_text("{}")),
        ("run.json", lambda path: path.write_bytes(b"\xff\xfe\x00")),
        ("weights.safetensors", _halved),
        ("weights.safetensors", lambda path: path.write_bytes(b"")),
        ("weights.safetensors", lambda path: path.unlink()),
        ("weights.safetensors", _without("encoder.backbone.embeddings")),
        ("weights.safetensors", _misshapen),
        ("optimizer.safetensors", _halved),
        ("optimizer.safetensors", _without("random.")),
        ("optimizer.safetensors", _without("average.3")),
        ("optimizer.safetensors", _misshapen),
    ],
)
def test_a_damaged_checkpoint_is_refused_and_changes_nothing(
    make: Make, tmp_path: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    folder = saved(make("speaker", average=0.5), tmp_path / "run", steps=1)
    spoil(folder / name)
    text = refusal(make("speaker", average=0.5), folder)
    assert text.startswith(f"the checkpoint {folder} cannot be read: ")
    assert text.endswith("; remove it to start anew")


def test_a_full_disk_leaves_the_older_checkpoint_whole(
    runs: ModuleType, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    run = make()
    write = module.save_file

    def full(tensors: dict[str, torch.Tensor], path: Path) -> None:
        if "optimizer" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(tensors, path)

    for step in run:
        if step.index == 2:
            run.save(folder)
        if step.index == 4:
            monkeypatch.setattr(module, "save_file", full)
            with pytest.raises(StorageError, match="No space left on device"):
                run.save(folder)
            break
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    again = make()
    again.load(folder)
    assert again.done == 2
    assert equal(runs.finished(again), runs.finished(make()))


def test_what_a_kill_between_two_renames_left_aside_is_put_back(make: Make, tmp_path: Path) -> None:
    folder = saved(make("speaker"), tmp_path / "run", steps=1)
    folder.rename(tmp_path / ".run.abc.old")
    (tmp_path / ".run.def.tmp").mkdir()
    recover(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    (tmp_path / ".run.abc.old").mkdir()
    recover(folder)
    assert is_checkpoint(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_holds_other_things_is_left_alone(make: Make, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StorageError, match=r"run\.json is not there"):
        saved(make("speaker"), tmp_path, steps=1)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
