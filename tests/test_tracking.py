"""A line for each thing that is logged; what a run logs again is not there twice."""

import json
from pathlib import Path

import pytest

import turnwise.tracking as module
from turnwise.errors import MissingExtraError, StorageError
from turnwise.tracking import JsonTracker, trackers


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_line_holds_step_time_and_values(tmp_path: Path) -> None:
    log = JsonTracker(tmp_path / "run")
    log.store_init_configuration({"seed": 3})
    log.log({"loss/a": 1.5}, step=1)
    log.log({"dev/a/loss": 0.1 + 0.2, "loss/a": 2.0}, step=2)
    first, second, third = lines(tmp_path / "run")
    assert first == {"configuration": {"seed": 3}}
    assert isinstance(second.pop("time"), float)
    assert second == {"step": 1, "loss/a": 1.5}
    assert third["dev/a/loss"] == 0.1 + 0.2
    assert log.tracker == tmp_path / "run" / "log.jsonl"


def test_what_comes_after_a_step_and_torn_lines_are_left_out(tmp_path: Path) -> None:
    log = JsonTracker(tmp_path)
    log.cut(0)
    log.store_init_configuration({"seed": 3})
    for step in range(1, 6):
        log.log({"loss/a": 1.0}, step=step)
    with log.path.open("a", encoding="utf-8") as file:
        file.write('{"step": 2, "lo')
    log.cut(3)
    assert [line.get("step") for line in lines(tmp_path)] == [None, 1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_refusal_of_the_disk_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        JsonTracker(tmp_path / "file").log({"loss": 1.0}, step=1)


def test_tensorboard_that_is_not_installed_is_refused_with_its_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_tensorboard_available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"tensorboard is not installed; run: pip install"):
        trackers(tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()
    assert [log.name for log in trackers(tmp_path / "run")] == ["json"]


def test_tensorboard_gets_what_is_logged(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    json_log, board = trackers(tmp_path, tensorboard=True)
    board.log({"loss/a": 1.5}, step=2)
    board.log({"loss/a": 0.5, "dev/a/accuracy": 0.75}, step=4)
    board.finish()
    json_log.finish()
    read = accumulator.EventAccumulator(str(next(tmp_path.rglob("events.out.*")).parent))
    read.Reload()
    assert read.Tags()["scalars"] == ["loss/a", "dev/a/accuracy"]
    assert [(event.step, event.value) for event in read.Scalars("loss/a")] == [(2, 1.5), (4, 0.5)]
    assert [(event.step, event.value) for event in read.Scalars("dev/a/accuracy")] == [(4, 0.75)]
