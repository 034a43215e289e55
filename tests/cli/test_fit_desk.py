"""A desk from the command line: fitted, measured, asked, served."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
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


def test_a_report_has_a_row_and_a_section_for_each_member(console: Console, desk: str) -> None:
    """A label that would be run if it were not escaped is in the corpus that is measured on."""
    text = (console.folder / "talks.jsonl").read_text(encoding="utf-8")
    (first, *others) = [json.loads(line) for line in text.splitlines()]
    first["turns"][0]["labels"]["emotion"] = ["<script>alert(1)</script>"]
    lines = "\n".join(json.dumps(one) for one in (first, *others))
    (console.folder / "odd.jsonl").write_text(lines + "\n", encoding="utf-8")
    done = console("evaluate", desk, "--corpus", "odd.jsonl", "--report", "r.html")
    assert done.returncode == 0, done.stderr
    assert "report written to r.html" in done.stderr
    html = (console.folder / "r.html").read_text(encoding="utf-8")
    assert "3 tasks, measured on 8 dialogues" in html
    for number, name in enumerate(("intent", "emotion", "pii")):
        assert f'<a href="#task-{number}">{name}</a>' in html
        assert f'<h2 id="task-{number}">{name}</h2>' in html
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "handoff: all 57 labels" in html
    (console.folder / "plain.jsonl").write_text(
        '{"id": "a", "turns": [{"speaker": "customer", "text": "hi", "labels": {"emotion": ["calm"]}}]}\n'
    )
    done = console("evaluate", desk, "--corpus", "plain.jsonl", "--report", "r.html")
    assert done.returncode == 0, done.stderr
    html = (console.folder / "r.html").read_text(encoding="utf-8")
    assert html.count("Not measured: ") == 2


def test_wrong_use_is_said(console: Console, desk: str) -> None:
    done = console("fit", "desk", "-c", "talks.jsonl", "--task", "emotions", "-o", "other")
    assert done.returncode == 1
    assert "emotion" in done.stderr
    done = console("fit", "desk", "-c", "talks.jsonl", "--task", "state", "--steps", "1", "-o", "talks.jsonl")
    assert done.returncode == 1


def test_a_fit_that_was_stopped_goes_on_after_the_tasks_that_are_fitted(
    console: Console, checkpoint: Callable[[str], Path]
) -> None:
    write_jsonl(list(read_corpus("sample@dev"))[:8], console.folder / "talks.jsonl")
    flags = ("-c", "talks.jsonl", "--dev", "talks.jsonl", "--encoder", checkpoint("bert"), "--task", "emotion")
    command = ("fit", "desk", *flags, "--task", "acts", "--task", "satisfaction", "-o", "desk", "--steps")
    process = console.start(*command, "40")
    first = console.folder / "desk.work" / "acts" / "task.json"
    deadline = monotonic() + 120
    while not first.is_file() and monotonic() < deadline:
        sleep(0.02)
    os.kill(process, signal.SIGINT)
    done = console.finish()
    assert done.returncode == 130, done.stderr
    assert "To go on:" in done.stderr
    assert not (console.folder / "desk").exists()
    before = first.read_bytes()
    done = console(*command, "41")
    assert done.returncode == 1
    assert "desk.work is of another run" in done.stderr
    done = console(*command, "40")
    assert done.returncode == 0, done.stderr
    assert "already fitted: acts" in done.stderr
    assert (console.folder / "desk" / "acts" / "task.json").read_bytes() == before
    assert not (console.folder / "desk.work").exists()


def test_one_encoder_for_all_tasks(console: Console, checkpoint: Callable[[str], Path]) -> None:
    write_jsonl(list(read_corpus("sample@dev"))[:8], console.folder / "talks.jsonl")
    flags = ("-c", "talks.jsonl", "--dev", "talks.jsonl", "--encoder", checkpoint("bert"), "--steps", "2")
    done = console("fit", "desk", "--shared", *flags, "--task", "emotion", "--task", "acts", "-o", "desk")
    assert done.returncode == 0, done.stderr
    assert "2 tasks of 8 dialogues; desk" in done.stdout
    assert [path.parent.name for path in (console.folder / "desk").rglob("model.safetensors")] == ["encoder"]
    done = console("predict", "desk", "where is my card")
    assert done.returncode == 0, done.stderr
    assert "emotion: " in done.stdout
    done = console("fit", "desk", *flags, "--recipe", "desk", "-o", "other")
    assert done.returncode == 1
    assert "--recipe desk is for --shared" in done.stderr
