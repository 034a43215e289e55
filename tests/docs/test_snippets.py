"""Every snippet of README.md and docs/ runs, in order, in a folder with a few chats and a fitted model.

A shell block is one script, with the installed ``turnwise`` in the README and the one of ``forked`` in docs/;
``turnwise serve`` alone in a block stays up until the end of the page. A Python block sees the names of the blocks
before it. A block whose first line names a file (```csv questions.csv) is written to that file. The JSON after a
``curl`` has the keys of the answer.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SCRIPTS = Path(sys.executable).parent
_FENCE = re.compile(
    r"(?P<skip><!-- not run: [^\n]+ -->\n)?^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    kind: str
    file: str | None
    code: str
    line: int
    skipped: bool


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["kind"], found["file"], found["code"], text.count("\n", 0, found.start()) + 1, bool(found["skip"]))
        for found in _FENCE.finditer(text)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_snippet_runs(page: Path, desk: Path, forked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    commands = [SCRIPTS] if page.name == "README.md" else [forked, SCRIPTS]
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, commands), os.environ["PATH"]]))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    names: dict[str, Any] = {"__name__": page.stem}
    answer: str | None = None
    with ExitStack() as stack:
        port = "8000"
        for block in blocks(page):
            where = f"{page.name}:{block.line}"
            code = block.code.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
            if block.skipped:
                continue
            if block.file is not None:
                Path(block.file).write_text(code, encoding="utf-8")
            elif block.kind == "shell" and code.startswith("turnwise serve"):
                port = stack.enter_context(serving(code))
            elif block.kind == "shell" and "curl " in code and shutil.which("curl") is None:
                answer = None
            elif block.kind == "shell":
                answer = shell(code, where)
                answer = answer if code.startswith("curl ") else None
            elif block.kind == "python":
                exec(compile(code, where, "exec"), names)
            elif block.kind == "toml":
                tomllib.loads(code)
            elif block.kind == "json" and answer is not None:
                assert shape(json.loads(code)) == shape(json.loads(answer)), where
                answer = None


def shell(code: str, where: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True, env=environment(), timeout=300
    )
    assert done.returncode == 0, f"{where}: {done.stderr}"
    assert "Traceback" not in done.stderr, where
    return done.stdout


@contextmanager
def serving(code: str) -> Iterator[str]:
    """The port of the service, on a free one whatever the page says; it must leave with 0."""
    command = code.split()
    assert command[-2:] == ["--port", "8000"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [SCRIPTS / command[0], *command[1:-1], "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(),
        )
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
            log.seek(0)
            assert found is not None, log.read().decode()
            wait_until_ready(f"http://127.0.0.1:{found[1]}/ready")
            yield found[1]
        finally:
            process.terminate()
            code_of_exit = process.wait(timeout=60)
            if process.stdout is not None:
                process.stdout.close()
        assert code_of_exit == 0


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urlopen(url, timeout=10):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1"}


def shape(value: object) -> object:
    """The keys of objects, all the way down; of a list, those of its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else None


def test_every_page_has_something_to_check() -> None:
    assert len(PAGES) >= 9
    assert sum(not block.skipped for page in PAGES for block in blocks(page)) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_fence_is_understood(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(blocks(page))
    known = {"shell", "python", "json", "toml", "csv", "text"}
    assert {block.kind for block in blocks(page)} <= known
