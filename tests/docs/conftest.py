import csv
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

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


_CLIENT = """#!{python} -IS
import json, os, socket, sys
request = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
with socket.socket(socket.AF_UNIX) as to, to.makefile("r") as answers:
    to.connect({address!r})
    socket.send_fds(to, [json.dumps(request).encode()], [0, 1, 2])
    answers.readline()
    sys.exit(int(answers.readline()) % 256)
"""


@pytest.fixture(scope="session")
def forked(forks: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a command ``turnwise`` for shells, which runs in a fork of a process that has its imports."""
    command = tmp_path_factory.mktemp("commands") / "turnwise"
    command.write_text(_CLIENT.format(python=sys.executable, address=forks), encoding="utf-8")
    command.chmod(0o755)
    return command.parent


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a module of benchmarks/ by its name."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    return importlib.import_module


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
