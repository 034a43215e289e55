import csv
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from turnwise.corpora import read_corpus
from turnwise.corpora.write import write_jsonl
from turnwise.encoder import Encoder
from turnwise.tasks.intent.examples import Utterance, shots, utterances
from turnwise.tasks.intent.fit import fit_intent
from turnwise.tasks.intent.model import IntentModel
from turnwise.tasks.intent.recipes import intent_recipe

THINGS = ("comets", "violins", "robots", "parrots", "zebras", "herons")
INTENTS = ("cancel_order", "lost_package", "return_item", "track_order")


@pytest.fixture(scope="session")
def shop_model() -> IntentModel:
    """A detector that took one training step."""
    overrides = {"training": {"steps": 1}}
    return fit_intent(_some("sample@train"), Encoder.load(), intent_recipe(shots=4, overrides=overrides))


_SERVER = """
import gc, json, os, socket, sys
import turnwise.cli, turnwise.pretraining, turnwise.tasks.fit, turnwise.tasks.recipes
import turnwise.tasks.intent.engine, turnwise.tasks.intent.evaluation, turnwise.tasks.intent.fit
import turnwise.tasks.ranking.fit, turnwise.tasks.slots.fit
gc.freeze()
with socket.socket(fileno=int(sys.argv[1])) as listening:
    while True:
        connection, _ = listening.accept()
        message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        if not message:
            break
        request = json.loads(message)
        child = os.fork()
        if not child:
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            sys.stdin, sys.stdout = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8")
            sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace")
            os.chdir(request["folder"])
            os.environ.clear()
            os.environ.update(request["environment"])
            sys.argv = ["turnwise", *request["arguments"]]
            try:
                turnwise.cli.main()
            except SystemExit as end:
                sys.stdout.flush()
                os._exit(end.code or 0)
            os._exit(70)
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(str(code % 256).encode())
        connection.close()
"""
_CLIENT = """#!{python} -IS
import json, os, socket, sys
request = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
with socket.socket(socket.AF_UNIX) as to:
    to.connect({address!r})
    socket.send_fds(to, [json.dumps(request).encode()], [0, 1, 2])
    sys.exit(int(to.recv(8)))
"""


@pytest.fixture(scope="session")
def forked() -> Iterator[Path]:
    """A folder with a command ``turnwise`` for shells, forked from a process that has loaded the libraries already.

    A fresh process spends most of its time on importing torch. The command hands its arguments, folder, environment and
    streams to the process, which runs ``turnwise.cli.main`` in a fork.
    """
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as listening:
        folder = Path(name)
        address = str(folder / "socket")
        command = folder / "turnwise"
        command.write_text(_CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
        command.chmod(0o755)
        listening.bind(address)
        listening.listen()
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env={**os.environ, "NO_COLOR": "1"},
        )
        yield folder
        with socket.socket(socket.AF_UNIX) as bye:
            bye.connect(address)
        assert server.wait(timeout=60) == 0


@pytest.fixture
def desk(tmp_path: Path, shop_model: IntentModel) -> Path:
    """The folder that the documentation's snippets run in: chats, labelled texts, and a fitted model."""
    write_jsonl(list(read_corpus("sample@dev"))[:3], tmp_path / "chats.jsonl")
    _write(tmp_path / "labelled.csv", _some("sample@train"))
    _write(tmp_path / "heldout.csv", _some("sample@test"))
    shop_model.save(tmp_path / "models" / "shop")
    _posts(tmp_path / "posts.parquet")
    return tmp_path


def _some(corpus: str) -> list[Utterance]:
    found = [u for u in utterances(read_corpus(corpus)) if len(u.labels) == 1 and u.labels[0] in INTENTS]
    return shots(found, 4, seed=0)


def _posts(path: Path) -> None:
    """A table of posts: each thing is spoken of in two of them."""
    said = [frame.format(thing) for thing in THINGS for frame in ("we really like {} here", "now {} we like really")]
    parquet.write_table(pyarrow.table({"forum": ["home"] * len(said), "body": said}), path)


def _write(path: Path, found: Sequence[Utterance]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["message", "topic"])
        writer.writerows([u.text, u.labels[0]] for u in found)
