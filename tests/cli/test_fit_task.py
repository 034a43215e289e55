"""Fitting, measuring and asking the tasks on labelled dialogues, from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnwise.cli.fit_task import ABOUT
from turnwise.corpora import read_corpus
from turnwise.corpora.write import write_jsonl
from turnwise.tasks.recipes import TASKS

Console = Any
QUICK = ("--steps", "3")


@pytest.fixture
def tiny_encoder(checkpoint: Callable[[str], Path]) -> Path:
    return checkpoint("bert")


@pytest.fixture
def talks(console: Console) -> str:
    """A few dialogues of the sample with all layers, some handed off."""
    found = list(read_corpus("sample@dev"))
    failed = [dialogue for dialogue in found if any(turn.labels.get("handoff") for turn in dialogue.turns)]
    other = [dialogue for dialogue in found if dialogue not in failed]
    write_jsonl([*failed[:4], *other[:8]], console.folder / "talks.jsonl")
    return "talks.jsonl"


def test_the_command_line_knows_every_task() -> None:
    assert set(ABOUT) == {kind.name for kind in TASKS}


@pytest.mark.parametrize("task", list(ABOUT))
def test_fit_evaluate_and_predict(console: Console, tiny_encoder: Path, talks: str, task: str) -> None:
    done = console("fit", task, "-c", talks, "--dev", talks, "--encoder", tiny_encoder, *QUICK, "-o", "model")
    assert done.returncode == 0, done.stderr
    assert "written to model" in done.stdout
    assert "held out, n: " in done.stdout
    done = console("evaluate", "model", "--corpus", talks, "--json", "-")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["task"], figures["dialogues"]) == (task, 12)
    done = console("evaluate", "model", "--corpus", talks, "--report", "report.html")
    assert "95 % interval" in done.stdout
    assert "report written to report.html" in done.stderr
    html = (console.folder / "report.html").read_text(encoding="utf-8")
    assert f"Task {task}, measured on" in html
    done = console("predict", "model", "--input", talks, "--json")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 12
    assert all(any(task in turn.get("evidence", {}) for turn in answer["turns"]) for answer in answers)
    done = console("predict", "model", "hello", "agent: how can I help?", "where is my card")
    assert done.returncode == 0, done.stderr
    assert "where is my card" in done.stdout
    assert len(console("predict", "model", "-", typed=b"hello\nagent: yes\n").stdout.splitlines()) >= 1


def test_a_report_of_personal_data_shows_what_was_missed_and_says_so(console: Console, tiny_encoder: Path) -> None:
    span = {"start": 3, "end": 28, "label": "NAME"}
    text = "I, <script>alert(1)</script>, wait"
    turn = {"speaker": "customer", "text": text, "spans": {"pii": [span]}}
    line = json.dumps({"id": "a", "turns": [turn, {**turn, "text": "my card", "spans": {"pii": []}}]})
    (console.folder / "talks.jsonl").write_text(line + "\n", encoding="utf-8")
    flags = ("--dev", "talks.jsonl", "--encoder", tiny_encoder, "--steps", "1", "-o", "model")
    assert console("fit", "pii", "-c", "talks.jsonl", *flags).returncode == 0
    done = console("evaluate", "model", "-c", "talks.jsonl", "--report", "r.html")
    assert done.returncode == 0, done.stderr
    html = (console.folder / "r.html").read_text(encoding="utf-8")
    assert "This page holds personal data of the corpus" in html
    assert "<script" not in html
    assert "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>, wait" in html
    assert "Each kind, weakest first" in html


def test_the_next_acts_have_a_recipe(console: Console, tiny_encoder: Path, talks: str) -> None:
    flags = ("--recipe", "acts-next", "--encoder", tiny_encoder, *QUICK)
    assert console("fit", "acts", "-c", talks, "--dev", talks, *flags, "-o", "model").returncode == 0
    done = console("predict", "model", "--input", talks, "--json")
    turns = json.loads(done.stdout.splitlines()[0])["turns"]
    assert [("next_acts" in turn["labels"]) for turn in turns[:-1]] == [
        turn["speaker"] == "agent" for turn in turns[1:]
    ]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--recipe", "handoff"), "recipe handoff is for handoff; run: turnwise fit handoff"),
        (("--recipe", "none-such"), "there is no recipe"),
        (("--epochs", "0"), "epochs is 0"),
        (("--corpus", "none.jsonl"), "none.jsonl"),
        (("--encoder", "./nowhere"), "there is no encoder folder"),
    ],
)
def test_what_cannot_be_fitted_says_why(console: Console, talks: str, flags: tuple[str, ...], said: str) -> None:
    done = console("fit", "acts", "--corpus", talks, "-o", "model", *flags)
    assert done.returncode != 0
    assert said in done.stderr.replace("\n", " ")
    assert not (console.folder / "model").exists()


def test_a_mode_that_is_none_is_told(console: Console, talks: str) -> None:
    (console.folder / "past.toml").write_text('task = "acts"\n[parameters]\nmode = "past"\n', encoding="utf-8")
    done = console("fit", "acts", "--corpus", talks, "--recipe", "past.toml", "-o", "model")
    assert done.returncode != 0
    assert "mode is 'past', expected one of 'seen', 'next'" in done.stderr.replace("\n", " ")
    assert not (console.folder / "model").exists()


def test_an_encoder_of_another_language_is_warned_of(console: Console, tiny_encoder: Path) -> None:
    said = [("我的卡在哪里", "ask"), ("谢谢", "thank")] * 4
    talks = [
        {"id": f"test:{at}", "turns": [{"speaker": "customer", "text": text, "labels": {"emotion": [name]}}]}
        for at, (text, name) in enumerate(said)
    ]
    lines = "\n".join(json.dumps(talk, ensure_ascii=False) for talk in talks)
    (console.folder / "chinese.jsonl").write_text(lines, encoding="utf-8")
    done = console("fit", "emotion", "-c", "chinese.jsonl", "--encoder", tiny_encoder, *QUICK, "-o", "model")
    assert done.returncode == 0, done.stderr
    assert "warning: 100% of the tokens of these texts are unknown to the encoder" in done.stderr
    assert "--encoder" in done.stderr


def test_a_corpus_without_the_layer_and_flags_of_other_tasks(console: Console, tiny_encoder: Path, talks: str) -> None:
    (console.folder / "plain.jsonl").write_text('{"id": "a", "turns": [{"speaker": "customer", "text": "hi"}]}\n')
    done = console("fit", "emotion", "-c", "plain.jsonl", "--encoder", tiny_encoder, "-o", "model")
    assert done.returncode != 0
    assert "'emotion'" in done.stderr
    console("fit", "emotion", "-c", talks, "--dev", talks, "--encoder", tiny_encoder, *QUICK, "-o", "model")
    for arguments in (
        ("evaluate", "model", "-c", talks, "--engine", "int8"),
        ("predict", "model", "hi", "--engine", "int8"),
    ):
        done = console(*arguments)
        assert done.returncode != 0
        assert "for intents" in done.stderr
    done = console("evaluate", "model", "-c", "plain.jsonl")
    assert done.returncode != 0
    assert "nothing to measure" in done.stderr
