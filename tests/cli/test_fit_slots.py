"""Fitting, measuring and asking a labeller of slots from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import read_corpus
from turnwise.corpora.write import write_jsonl

Console = Any
QUICK = ("--decoder", "random", "--members", "1", "--steps", "3")


@pytest.fixture
def tiny_encoder(checkpoint: Callable[[str], Path]) -> Path:
    return checkpoint("bert")


@pytest.fixture
def talks(console: Console) -> str:
    write_jsonl(list(read_corpus("sample@dev"))[:6], console.folder / "talks.jsonl")
    return "talks.jsonl"


def test_fit_evaluate_predict_and_add(console: Console, tiny_encoder: Path, talks: str) -> None:
    flags = ("--encoder", tiny_encoder, *QUICK)
    done = console("fit", "slots", "-c", talks, "--slot", "city", "--slot", "date", *flags, "-o", "model")
    assert done.returncode == 0, done.stderr
    assert "slots city, date; model " in done.stdout
    done = console("evaluate", "model", "--corpus", talks, "--json", "-")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["task"] == "slots"
    assert 0 <= figures["macro_f1"] <= 1
    done = console("evaluate", "model", "--corpus", talks, "--report", "report.html")
    assert done.returncode == 0, done.stderr
    done = console("predict", "model", "it was sent on Friday", "--json")
    turn = json.loads(done.stdout)["turns"][0]
    assert turn["spans"]["slots"] is not None
    done = console("predict", "model", "it was sent on Friday")
    assert done.stdout.startswith("it was sent on Friday")
    done = console("fit", "slots", "-c", talks, "--add-to", "model", "--steps", "2", "-o", "more")
    assert done.returncode == 0, done.stderr
    assert "slots city, date, " in done.stdout


def test_wrong_flags_are_named(console: Console, talks: str) -> None:
    done = console("fit", "slots", "-c", talks, "--value", "date", "-o", "model")
    assert (done.returncode, "--value date is no SLOT=KIND" in done.stderr) == (1, True)
    done = console("fit", "slots", "-c", talks, "--add-to", "model", "--members", "2", "-o", "more")
    assert "--add-to takes encoder, decoder and members of the model" in done.stderr
    done = console("fit", "slots", "-c", talks, "--recipe", "pii", "-o", "model")
    assert "recipe pii has task = 'pii', expected 'slots'" in done.stderr


def test_other_domains_first(console: Console, tiny_encoder: Path, talks: str) -> None:
    write_jsonl(list(read_corpus("sample@train"))[:6], console.folder / "others.jsonl")
    flags = ("--slot", "city", "--encoder", tiny_encoder, *QUICK, "--others-steps", "2", "-o", "model")
    done = console("fit", "slots", "-c", talks, "--others", "others.jsonl", *flags)
    assert done.returncode == 0, done.stderr
    assert json.loads((console.folder / "model" / "task.json").read_text())["parameters"]["names"] is True
    done = console("predict", "model", "can it come to York", "--json")
    assert done.returncode == 0, done.stderr
    done = console("fit", "slots", "-c", talks, *flags)
    assert "--others-steps is of other domains; name one with --others" in done.stderr
    done = console("fit", "slots", "-c", talks, "--others", "others.jsonl", "--recipe", "convex", *flags)
    assert (done.returncode, "recipe convex has no names = true" in done.stderr) == (1, True)
