"""Fitting, measuring and asking models that choose responses, from the command line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import read_corpus
from turnwise.corpora.write import write_jsonl
from turnwise.dialogue import Turn

Console = Any
QUICK = ("--steps", "2")


@pytest.fixture
def tiny_encoder(checkpoint: Callable[[str], Path]) -> Path:
    return checkpoint("bert")


@pytest.fixture
def talks(console: Console) -> str:
    """A few dialogues of the sample."""
    write_jsonl(list(read_corpus("sample@dev"))[:8], console.folder / "talks.jsonl")
    return "talks.jsonl"


@pytest.mark.parametrize(
    ("task", "more"),
    [("selection", ()), ("ranking", ()), ("ranking", ("--cross",)), ("ranking", ("--precedents", "0"))],
)
def test_fit_evaluate_export_and_predict(
    console: Console, tiny_encoder: Path, talks: str, task: str, more: tuple[str, ...]
) -> None:
    flags = ("--dev", talks, "--pool", "sample", "--encoder", tiny_encoder, *more, *QUICK)
    done = console("fit", task, "-c", talks, *flags, "-o", "model")
    assert done.returncode == 0, done.stderr
    assert "224 responses; model" in done.stdout
    assert "held out, mrr: " in done.stdout
    done = console("evaluate", "model", "--corpus", talks, "--json", "-")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["task"], figures["dialogues"], figures["pool"]) == (task, 8, 224)
    assert "mrr" in console("evaluate", "model", "--corpus", talks).stdout
    done = console("predict", "model", "--input", talks, "--json")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(any("response" in turn.get("evidence", {}) for turn in answer["turns"]) for answer in answers)
    done = console("predict", "model", "hello", "agent: how can I help?", "where is my card")
    assert done.returncode == 0, done.stderr
    assert "where is my card" in done.stdout
    assert done.stdout.count("%") == 10
    done = console("export", "model", "--precision", "fp32", "--corpus", talks)
    assert done.returncode == 0, done.stderr
    assert "0.00% of the first choices changed" in done.stdout
    with_engine = console("predict", "model", "where is my card", "--engine", "fp32")
    assert with_engine.stdout == console("predict", "model", "where is my card").stdout


def test_a_pool_file_with_duplicates_and_a_threshold_that_shows_nothing(
    console: Console, tiny_encoder: Path, talks: str
) -> None:
    (console.folder / "pool.txt").write_text("Something nobody said.\nHello there.\nhello  there.\n", encoding="utf-8")
    flags = ("--dev", talks, "--pool", "pool.txt", "--encoder", tiny_encoder, *QUICK)
    done = console("fit", "ranking", "-c", talks, *flags, "-o", "model")
    assert done.returncode == 0, done.stderr
    assert "1 responses of pool.txt have the text of an earlier one and were merged" in done.stdout
    done = console("evaluate", "model", "-c", talks)
    assert done.returncode != 0
    assert "none has a response of the pool" in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--recipe", "selection"), "recipe selection is for selection; run: turnwise fit selection"),
        (("--recipe", "acts"), "recipe acts has task = 'acts'"),
        (("--pool", "none.txt"), "there is no file none.txt"),
        (("--pool", "empty.txt"), "empty.txt holds 0 responses"),
        (("--top-k", "0"), "top_k is 0"),
        (("--shortlist", "both"), "shortlist is 'both'"),
        (("--shortlist", "none"), "nothing would rank"),
        (("--zero-shot",), "brings no head of next_turn"),
    ],
)
def test_what_cannot_be_fitted_says_why(
    console: Console, tiny_encoder: Path, talks: str, flags: tuple[str, ...], said: str
) -> None:
    (console.folder / "empty.txt").write_text("\n", encoding="utf-8")
    done = console("fit", "ranking", "-c", talks, "--encoder", tiny_encoder, "-o", "model", *flags)
    assert done.returncode != 0
    assert said in " ".join(done.stderr.split())
    assert not (console.folder / "model").exists()


ODD = "<script>alert(1)</script>"


@pytest.mark.parametrize("task", ["selection", "ranking"])
def test_a_report_shows_ranks_responses_and_when_nothing_is_shown(
    console: Console, tiny_encoder: Path, talks: str, task: str
) -> None:
    """The agent once says a text that would be run if it were not escaped."""
    (dialogue, *others) = list(read_corpus(str(console.folder / talks)))
    write_jsonl([replace(dialogue, turns=(*dialogue.turns, Turn("agent", ODD))), *others], console.folder / talks)
    flags = ("--dev", talks, "--encoder", tiny_encoder, "--layer", "none", *QUICK)
    assert console("fit", task, "-c", talks, *flags, "-o", "model").returncode == 0
    done = console("evaluate", "model", "-c", talks, "--json", "figures.json", "--report", "r.html")
    assert done.returncode == 0, done.stderr
    assert "report written to r.html" in done.stderr
    figures = json.loads((console.folder / "figures.json").read_text(encoding="utf-8"))
    html = (console.folder / "r.html").read_text(encoding="utf-8")
    assert "<script" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    for part in (
        "Rank of the right response",
        "Show nothing where it is not sure",
        "Reliability",
        "Each response, most",
    ):
        assert part in html
    assert f"{100 * figures['mrr']:.1f}<small> %</small>" in html
    assert sum(row["n"] for row in figures["ranks"]) == figures.get("in_pool", figures["n"])
    assert sum(row["given"] for row in figures["responses"]) == figures.get("in_pool", figures["n"])
    assert f"Task {task}, measured on" in html and figures["model"] in html


def test_missing_exports_say_what_to_do(console: Console, tiny_encoder: Path, talks: str) -> None:
    flags = ("--dev", talks, "--encoder", tiny_encoder, *QUICK)
    assert console("fit", "selection", "-c", talks, *flags, "-o", "model").returncode == 0
    done = console("predict", "model", "hi", "--engine", "int8")
    assert done.returncode != 0 and "make it with: turnwise export model --precision int8" in done.stderr
