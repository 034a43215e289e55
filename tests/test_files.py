import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from turnwise.errors import StorageError
from turnwise.files import atomic_file, atomic_folder


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_an_error_while_writing_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("older")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "older"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_replaces_an_older_one_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for content in ("first", "second"):
        with atomic_folder(path) as temporary:
            (temporary / "deep").mkdir()
            (temporary / "deep" / content).write_text(content)
    assert [file.name for file in (path / "deep").iterdir()] == ["second"]
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_an_error_while_writing_leaves_the_older_folder_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        (temporary / "a").write_text("older")
    with pytest.raises(ZeroDivisionError), atomic_folder(path) as temporary:
        (temporary / "a").write_text("half")
        raise ZeroDivisionError
    assert (path / "a").read_text() == "older"
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"cannot write .*file/a.txt: .*nothing was changed"):  # noqa: SIM117
        with atomic_file(tmp_path / "file" / "a.txt"):
            pass


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from turnwise.errors import StorageError
from turnwise.files import {manager}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1])
try:
    with {manager}(path) as temporary:
        (temporary{child}).write_bytes(bytes(5000))
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize(("manager", "child"), [("atomic_file", ""), ("atomic_folder", " / 'weights'")])
def test_a_disk_that_refuses_more_bytes_leaves_what_was_there(tmp_path: Path, manager: str, child: str) -> None:
    path = tmp_path / "a"
    if manager == "atomic_file":
        path.write_text("older")
    else:
        path.mkdir()
        (path / "weights").write_text("older")
    code = FULL_DISK.format(manager=manager, child=child)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert f"cannot write {path}: File too large" in done.stdout
    assert (path if path.is_file() else path / "weights").read_text() == "older"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


KILLED = """
import sys, time
from pathlib import Path
from turnwise.files import atomic_folder
with atomic_folder(Path(sys.argv[1])) as temporary:
    (temporary / "weights").write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


def test_a_killed_process_leaves_the_older_folder(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        (temporary / "weights").write_text("older")
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (path / "weights").read_text() == "older"


def test_a_reader_sees_the_older_or_the_newer_file_but_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("older")
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        with path.open() as file:
            assert file.read() == "older"
    assert path.read_text() == "new"
