import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def turnwise(tmp_path: Path) -> Run:
    """Runs the console script in an empty folder."""
    script = Path(sys.executable).with_name("turnwise")

    def run(*arguments: str | Path, timeout: float = 300) -> "subprocess.CompletedProcess[str]":
        command = [script, *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=timeout)
        assert "Traceback" not in done.stderr
        return done

    return run


class Console:
    """Runs command lines in processes of their own (``forks``). ``start`` returns the process id, ``finish`` waits."""

    def __init__(self, forks: str, folder: Path) -> None:
        self.forks = forks
        self.folder = folder

    def start(self, *arguments: str | Path, typed: bytes = b"", largest_file: int | None = None) -> int:
        self.arguments = [str(argument) for argument in arguments]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "100", "NO_COLOR": "1"}
        request = {"arguments": self.arguments, "folder": str(self.folder), "environment": environment}
        if largest_file is not None:
            request["largest_file"] = largest_file
        (self.folder / ".stdin").write_bytes(typed)
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(self.forks)
        with ExitStack() as stack:
            modes = {".stdin": "rb", ".stdout": "wb", ".stderr": "wb"}
            streams = [stack.enter_context((self.folder / name).open(mode)) for name, mode in modes.items()]
            socket.send_fds(self.connection, [json.dumps(request).encode()], [stream.fileno() for stream in streams])
        self.answers = self.connection.makefile("r")
        return int(self.answers.readline())

    def finish(self) -> "subprocess.CompletedProcess[str]":
        with self.connection, self.answers:
            code = int(self.answers.readline())
        streams = [(self.folder / name).read_text(encoding="utf-8") for name in (".stdout", ".stderr")]
        for name in (".stdin", ".stdout", ".stderr"):
            (self.folder / name).unlink()
        assert "Traceback" not in streams[1]
        assert "a mistake in turnwise" not in streams[1]
        return subprocess.CompletedProcess(self.arguments, code, *streams)

    def __call__(
        self, *arguments: str | Path, typed: bytes = b"", largest_file: int | None = None
    ) -> "subprocess.CompletedProcess[str]":
        self.start(*arguments, typed=typed, largest_file=largest_file)
        return self.finish()


@pytest.fixture
def console(forks: str, tmp_path: Path) -> Console:
    """As ``turnwise``, without the time for imports."""
    return Console(forks, tmp_path)


TRACK = (
    "where is my parcel",
    "track my order",
    "when does my order come",
    "my delivery is late",
    "no parcel yet",
    "has it been sent",
)
REFUND = (
    "i want a refund",
    "give me my money back",
    "refund these shoes",
    "money back please",
    "return and refund",
    "pay me back",
)
BLOCK = (
    "my card is lost",
    "block my card",
    "someone stole my card",
    "card stolen please block",
    "freeze the card",
    "i lost the card",
)
WEATHER = ("what is the weather", "will it rain", "tell me a joke", "who won the match", "how old are you")


def _table(rows: list[tuple[str, str]]) -> str:
    return "body,topic\n" + "".join(f"{text},{label}\n" for text, label in rows)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv, test.csv (both with columns body and topic), dev.csv with out-of-scope rows."""
    folder = tmp_path_factory.mktemp("shop")
    groups = {"track": TRACK, "refund": REFUND, "block": BLOCK}
    train = [(text, label) for label, texts in groups.items() for text in texts]
    (folder / "train.csv").write_text(_table(train))
    test = [("where is the order", "track"), ("refund my money", "refund"), ("block the stolen card", "block")]
    (folder / "test.csv").write_text(_table([*test, ("i want my money", "refund"), ("it is late", "track")]))
    (folder / "dev.csv").write_text(_table([*test, *((text, "oos") for text in WEATHER)]))
    return folder


COLUMNS = ("--column", "text=body", "--column", "label=topic")


@pytest.fixture(scope="session")
def trained(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector with the embedded encoder, made by the console script; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    script = Path(sys.executable).with_name("turnwise")
    command = [script, "fit", "intent", "--corpus", f"csv:{shop}@train", "--dev", f"csv:{shop}@dev", *COLUMNS]
    done = subprocess.run(
        [*command, "--steps", "4", "-o", folder], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert re.search(rf"18 utterances of 3 intents; model \w{{12}} written to {folder}\n", done.stdout)
    return folder


@pytest.fixture(scope="session")
def small(checkpoint: Callable[[str], Path], shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector with a tiny encoder: quick to load and to save; tests that change it take a copy."""
    from turnwise.encoder import Encoder
    from turnwise.tasks.intent.examples import Utterance
    from turnwise.tasks.intent.fit import fit_intent
    from turnwise.tasks.intent.recipes import intent_recipe

    groups = {"track": TRACK, "refund": REFUND, "block": BLOCK}
    found = [Utterance(text, (label,)) for label, texts in groups.items() for text in texts]
    model = fit_intent(found, Encoder.load(checkpoint("bert")), intent_recipe("frozen", shots=6))
    folder = tmp_path_factory.mktemp("small") / "model"
    model.save(folder)
    return folder
