"""A desk from the command line: fitted, measured, asked, served."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import read_corpus
from turnwise.corpora.write import write_jsonl

Console = Any


@pytest.fixture
def desk(console: Console, checkpoint: Callable[[str], Path]) -> str:
    write_jsonl(list(read_corpus("sample@dev"))[:8], console.folder / "talks.jsonl")
    chosen = [flag for task in ("intent", "emotion", "handoff", "pii") for flag in ("--task", task)]
    flags = ("--dev", "talks.jsonl", "--encoder", checkpoint("bert"), "--steps", "2", *chosen)
    done = console("fit", "desk", "-c", "talks.jsonl", *flags, "-o", "desk")
    assert done.returncode == 0, done.stderr
    assert "3 tasks of 8 dialogues; desk" in done.stdout
    assert "handoff: left out, all 57 labels" in done.stdout
    return "desk"


def test_fit_evaluate_and_predict(console: Console, desk: str) -> None:
    done = console("evaluate", desk, "--corpus", "talks.jsonl", "--json", "desk.json")
    assert done.returncode == 0, done.stderr
    members = json.loads((console.folder / "desk.json").read_text())["members"]
    assert set(members) == {"intent", "emotion", "pii"}
    assert "micro_f1" in done.stdout
    done = console("predict", desk, "my name is Ann", "agent: hello Ann", "where is my card")
    assert done.returncode == 0, done.stderr
    assert "customer: where is my card" in done.stdout
    assert done.stdout.count("emotion: ") == 2
    done = console("predict", desk, "--input", "talks.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    (first, *others) = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(others) == 7
    assert {"intent", "emotion"} <= set(first["turns"][0]["labels"])


def test_wrong_use_is_said(console: Console, desk: str) -> None:
    done = console("evaluate", desk, "--corpus", "talks.jsonl", "--report", "r.html")
    assert done.returncode == 1
    assert "turnwise evaluate desk/TASK" in done.stderr
    done = console("fit", "desk", "-c", "talks.jsonl", "--task", "emotions", "-o", "other")
    assert done.returncode == 1
    assert "emotion" in done.stderr
    done = console("fit", "desk", "-c", "talks.jsonl", "--task", "state", "--steps", "1", "-o", "talks.jsonl")
    assert done.returncode == 1
