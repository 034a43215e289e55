import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Console = Any


@pytest.fixture
def chats(console: Console) -> str:
    rows = [("where is my parcel", "it comes today"), ("i want a refund", "done"), ("block my card", "it is blocked")]
    content = ""
    for number, (customer, agent) in enumerate(rows * 4):
        turns = [{"speaker": "customer", "text": f"{customer} {number}"}, {"speaker": "agent", "text": agent}]
        content += json.dumps({"id": str(number), "turns": turns}) + "\n"
    (console.folder / "chats.jsonl").write_text(content)
    return "chats.jsonl"


def test_an_adapted_encoder_can_be_fitted(
    console: Console, chats: str, checkpoint: Callable[[str], Path], shop: Path
) -> None:
    flags = ("--encoder", checkpoint("bert"), "--batch-size", "4", "--limit", "8", "--epochs", "1", "--seed", "3")
    done = console("pretrain", "--corpus", chats, *flags, "-o", "adapted")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("8 pairs of 12 dialogues in 2 steps; loss ")
    assert "turnwise fit intent --encoder adapted" in done.stdout
    facts = json.loads((console.folder / "adapted" / "turnwise.json").read_text(encoding="utf-8"))
    assert (facts["base"], facts["objective"]["batch_size"]) == (str(checkpoint("bert")), 4)
    columns = ("--column", "text=body", "--column", "label=topic")
    corpus = ("--corpus", f"csv:{shop}@train", *columns)
    done = console("fit", "intent", *corpus, "--encoder", "adapted", "--recipe", "frozen", "-o", "model")
    assert (done.returncode, done.stderr) == (0, "")
    done = console("evaluate", "model", "--corpus", f"csv:{shop}", *columns, "--report", "r.html")
    assert done.returncode == 0, done.stderr
    assert "after Stage 1" in (console.folder / "r.html").read_text(encoding="utf-8")


def test_random_weights_of_an_architecture(console: Console, chats: str, checkpoint: Callable[[str], Path]) -> None:
    flags = ("--encoder", checkpoint("bert"), "--random", "--batch-size", "4", "--epochs", "0.5")
    done = console("pretrain", "--corpus", chats, *flags, "-o", "adapted")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--recipe", "intent"), 1, "has task = 'intent', expected task = \"pretrain\""),
        (("--recipe", "nothing"), 1, "there is no recipe 'nothing'"),
        (("--epochs", "0"), 1, "epochs is 0"),
        (("--batch-size", "1"), 1, "batch_size is 1; in-batch negatives need at least 2"),
        (("--limit", "1"), 1, "limit"),
        (("--limit", "0"), 1, "limit"),
        (("--seed", "-1"), 2, "Invalid value for '--seed'"),
        (("--encoder", "./nowhere"), 1, "there is no encoder folder ./nowhere"),
        (("--corpus", "single.csv"), 1, "response ranking needs at least 2 pairs of turns, found 0 in 2 dialogues"),
        (("--corpus", "nowhere.jsonl"), 1, "there is no file or folder nowhere.jsonl"),
    ],
)
def test_what_cannot_be_used_says_why(
    console: Console, chats: str, flags: tuple[str, ...], code: int, message: str
) -> None:
    (console.folder / "single.csv").write_text("text\nhello\nbye\n")
    corpus = () if "--corpus" in flags else ("--corpus", chats)
    done = console("pretrain", *corpus, *flags, "-o", "adapted")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert not (console.folder / "adapted").exists()


def test_what_is_no_encoder_is_not_replaced(console: Console, chats: str) -> None:
    (console.folder / "adapted").mkdir()
    (console.folder / "adapted" / "notes.txt").write_text("mine")
    done = console("pretrain", "--corpus", chats, "-o", "adapted")
    assert done.returncode == 1
    assert "cannot write adapted: it holds other things (config.json is not there)" in done.stderr
    assert (console.folder / "adapted" / "notes.txt").read_text() == "mine"
