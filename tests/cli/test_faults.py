"""What happens to model folders when a disk is full, a process is killed, or the user presses Ctrl-C."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from turnwise.errors import ModelError
from turnwise.tasks.intent.model import IntentModel

Console = Any
COLUMNS = ("--column", "text=body", "--column", "label=topic")


@pytest.fixture
def fit_flags(checkpoint: Callable[[str], Path], shop: Path) -> tuple[str | Path, ...]:
    """Everything but -o."""
    return ("fit", "intent", "--corpus", f"csv:{shop}@train", *COLUMNS, "--encoder", checkpoint("bert"))


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- a disk that is full -------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [2_000, 60_000])
def test_a_full_disk_leaves_the_older_model(
    console: Console, small: Path, fit_flags: tuple[str, ...], limit: int
) -> None:
    """No file may grow beyond the limit: first even task.json is too large, then the encoder's weights."""
    shutil.copytree(small, console.folder / "model")
    before = IntentModel.load(console.folder / "model").version
    for arguments in [(*fit_flags, "--recipe", "frozen", "-o", "model"), ("intent", "add", "model", "wrap", "wrap it")]:
        done = console(*arguments, largest_file=limit)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith("error: cannot write model: ")
        assert done.stderr.endswith("Free space or choose another folder; nothing was changed\n")
        assert len(done.stderr.splitlines()) == 1
        assert left_behind(console.folder) == ["model"]
        assert IntentModel.load(console.folder / "model").version == before


def test_a_full_disk_leaves_no_new_model_or_report(
    console: Console, small: Path, shop: Path, fit_flags: tuple[str, ...]
) -> None:
    evaluate = ("evaluate", small, "--corpus", f"csv:{shop}", *COLUMNS)
    for arguments, limit in [
        ((*fit_flags, "--recipe", "frozen", "-o", "out"), 60_000),
        ((*evaluate, "--report", "out"), 2_000),
        ((*evaluate, "--json", "out"), 200),
    ]:
        done = console(*arguments, largest_file=limit)
        assert done.returncode == 1, (arguments, done.stderr)
        assert done.stderr.startswith("error: cannot write out: ")
        assert left_behind(console.folder) == []


@pytest.fixture
def tiny_disk(tmp_path: Path, small: Path) -> Iterator[Path]:
    """A file system for one model and a half, where the machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    pages = sum(1 + path.stat().st_size // 4096 for path in small.rglob("*"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={pages * 6}k", "tmpfs", disk]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a file system can only be mounted by root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_disk_without_space_leaves_the_older_model(console: Console, small: Path, tiny_disk: Path) -> None:
    shutil.copytree(small, tiny_disk / "model")
    before = IntentModel.load(tiny_disk / "model").version
    done = console("intent", "add", tiny_disk / "model", "wrap", "wrap it")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: cannot write {tiny_disk / 'model'}: No space left on device")
    assert left_behind(tiny_disk) == ["model"]
    assert IntentModel.load(tiny_disk / "model").version == before


# -- kill -9 -------------------------------------------------------------------------------------------------


def wait_for(condition: Callable[[], bool], running: Callable[[], bool]) -> None:
    while not condition() and running():
        time.sleep(0.001)


def partial(folder: Path) -> list[Path]:
    """Files of a folder that is being written."""
    return [path for hidden in folder.glob(".model.*.tmp") for path in hidden.rglob("*") if path.is_file()]


@pytest.mark.parametrize("files", [0, 1, 3, 5, 8])
@pytest.mark.parametrize("older", [False, True])
def test_a_kill_while_saving_leaves_the_older_model_or_none(
    console: Console, small: Path, fit_flags: tuple[str, ...], files: int, older: bool
) -> None:
    """Killed as soon as so many files of the new folder are there."""
    folder = console.folder
    before = IntentModel.load(small).version
    if older:
        shutil.copytree(small, folder / "model")
    process = console.start(*fit_flags, "--recipe", "frozen", "-o", "model")
    wait_for(
        lambda: bool(list(folder.glob(".model.*.tmp"))) and len(partial(folder)) >= files,
        lambda: Path(f"/proc/{process}/fd").exists() and state(process) != "Z",
    )
    if state(process) not in ("", "Z"):
        os.kill(process, signal.SIGKILL)
    done = console.finish()
    assert done.returncode in (-signal.SIGKILL, 0)
    for hidden in folder.glob(".model.*.tmp"):
        assert_loads_only_when_whole(hidden)
    moved = list(folder.glob(".model.*.old"))
    place = moved[0] if moved and not (folder / "model").exists() else folder / "model"
    if older or place.exists():
        found = IntentModel.load(place).version
        assert found == before or not partial(folder)  # the older one, until the new one is whole
    again = console(*fit_flags, "--recipe", "frozen", "-o", "model")
    assert again.returncode == 0, again.stderr


def assert_loads_only_when_whole(folder: Path) -> None:
    try:
        model = IntentModel.load(folder)
    except ModelError:
        return
    assert model.predict(["where is my parcel"])[0].labels["intent"] == ("track",)


def state(process: int) -> str:
    """The letter that Linux gives a process: Z when it has ended; "" when it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.6])
def test_a_kill_while_training_leaves_the_older_model(
    console: Console, small: Path, fit_flags: tuple[str, ...], seconds: float
) -> None:
    shutil.copytree(small, console.folder / "model")
    process = console.start(*fit_flags, "--steps", "100000", "-o", "model")
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    assert console.finish().returncode == -signal.SIGKILL
    assert left_behind(console.folder) == ["model"]
    assert IntentModel.load(console.folder / "model").version == IntentModel.load(small).version


# -- Ctrl-C --------------------------------------------------------------------------------------------------


def test_ctrl_c_while_training_ends_with_130_and_nothing_half_written(
    tmp_path: Path, fit_flags: tuple[str, ...]
) -> None:
    """The pipe that gives the unlabelled texts tells when the command has begun to work."""
    script = Path(sys.executable).with_name("turnwise")
    os.mkfifo(tmp_path / "chats.csv")
    flags = ("--steps", "100000", "--unlabelled", "csv:chats.csv", "-o", "model")
    command = [script, *fit_flags, *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        with (tmp_path / "chats.csv").open("w") as pipe:  # waits until it is read
            pipe.write("body,topic\nwhere is it,\n")
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors == "error: interrupted; nothing half-written is left\n"
    assert left_behind(tmp_path) == ["chats.csv"]


def test_ctrl_c_while_training_a_forked_run(console: Console, fit_flags: tuple[str, ...]) -> None:
    process = console.start(*fit_flags, "--steps", "100000", "-o", "model")
    time.sleep(3)
    os.kill(process, signal.SIGINT)
    done = console.finish()
    assert (done.returncode, done.stderr) == (130, "error: interrupted; nothing half-written is left\n")
    assert left_behind(console.folder) == []
