import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = {"torch", "transformers", "tokenizers", "sklearn", "accelerate", "onnxruntime", "pyarrow", "fastapi", "numpy"}


@pytest.mark.parametrize(
    "code",
    [
        "import turnwise",
        "import turnwise.cli",
        "from turnwise.cli import run; run(['--help'])",
        "from turnwise.cli import run; run(['check', '--help'])",
        "from turnwise.cli import run; run(['--version'])",
    ],
)
def test_help_imports_nothing_heavy(code: str) -> None:
    code += "\nimport json, sys\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(json.loads(done.stdout.splitlines()[-1]))


def test_help_lists_the_verbs_and_no_argument_gives_help(turnwise: Run) -> None:
    done = turnwise("--help")
    assert done.returncode == 0
    for verb in ("check", "convert"):
        assert verb in done.stdout
    assert turnwise().stdout.split() == done.stdout.split()


def test_the_version_is_the_packages(turnwise: Run) -> None:
    assert turnwise("--version").stdout == f"turnwise {version('turnwise')}\n"


def test_mistakes_in_the_flags_exit_with_2_and_point_to_the_help(turnwise: Run) -> None:
    done = turnwise("chek")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: No such command 'chek'. Did you mean 'check'?\nTry: turnwise --help\n"
    done = turnwise("convert", "a.csv", "--outptu", "b.jsonl")
    assert done.returncode == 2
    assert done.stderr.startswith("error: No such option: --outptu")
    assert done.stderr.endswith("Try: turnwise convert --help\n")


def test_errors_go_to_stderr_and_exit_with_1(turnwise: Run, tmp_path: Path) -> None:
    done = turnwise("check", "nowhere.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: there is no file or folder nowhere.csv; the working directory is {tmp_path}\n"


def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"text {n},label {n}\n" for n in range(20_000)))
    script = Path(sys.executable).with_name("turnwise")
    command = f"'{script}' check a.csv --json | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_an_interrupt_ends_without_traceback_and_without_a_half_written_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "slow.jsonl")
    script = Path(sys.executable).with_name("turnwise")
    command = [script, "convert", "jsonl:slow.jsonl", "-o", "out.jsonl"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        pipe = open_for_a_reader(tmp_path / "slow.jsonl", process)
        os.write(pipe, b'{"id": "a", "turns": [{"speaker": null, "text": "hi"}]}\n')
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        os.close(pipe)
    assert process.returncode == 130
    assert errors == "error: interrupted; nothing half-written is left\n"
    assert [file.name for file in tmp_path.iterdir()] == ["slow.jsonl"]


def open_for_a_reader(path: Path, process: "subprocess.Popen[str]") -> int:
    """The writing end of a named pipe, as soon as the process reads from it."""
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert process.poll() is None, "the command ended before it read"
            time.sleep(0.02)
