"""State tracking from the command line: an ontology file, answers that people read, and what goes wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import read_corpus
from turnwise.corpora.write import write_jsonl
from turnwise.tasks.state.ontology import from_dialogues

Console = Any


@pytest.fixture
def tiny_encoder(checkpoint: Callable[[str], Path]) -> Path:
    return checkpoint("bert")


@pytest.fixture
def slots(console: Console) -> dict[str, list[str]]:
    """Eight dialogues of the sample with a filled state, in talks.jsonl, and their ontology."""
    found = [d for d in read_corpus("sample@dev") if any(turn.labels.get("state") for turn in d.turns)][:8]
    write_jsonl(found, console.folder / "talks.jsonl")
    return {slot.name: list(slot.values) for slot in from_dialogues(found).slots}


def test_an_ontology_from_a_file(console: Console, tiny_encoder: Path, slots: dict[str, list[str]]) -> None:
    (console.folder / "slots.json").write_text(json.dumps({**slots, "item.extra": ["one"]}), encoding="utf-8")
    flags = ("-c", "talks.jsonl", "--dev", "talks.jsonl", "--encoder", tiny_encoder, "--steps", "3", "-o", "model")
    done = console("fit", "state", *flags, "--ontology", "slots.json")
    assert done.returncode == 0, done.stderr
    assert "held out, joint_accuracy: " in done.stdout
    done = console("evaluate", "model", "-c", "talks.jsonl", "--json", "-")
    figures = json.loads(done.stdout)
    assert "item.extra" in figures["slots"]
    assert figures["ceiling"] == 1
    done = console("evaluate", "model", "-c", "talks.jsonl", "--report", "state.html")
    assert "ceiling" in done.stdout
    html = (console.folder / "state.html").read_text(encoding="utf-8")
    for part in ("Joint accuracy by turn", "Each slot, weakest first", "Frequent errors", "Values that no list has"):
        assert part in html
    assert "item.extra" in html
    done = console("predict", "model", "--input", "talks.jsonl", "--json")
    turns = json.loads(done.stdout.splitlines()[0])["turns"]
    assert all({"state", "state_source"} <= set(turn["labels"]) for turn in turns if turn["speaker"] == "customer")
    done = console("predict", "model", "hello", "agent: hi", "我要退货")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_the_published_form(console: Console, tiny_encoder: Path, slots: dict[str, list[str]]) -> None:
    flags = ("--recipe", "state-picklist", "--encoder", tiny_encoder, "--steps", "2", "-o", "model")
    done = console("fit", "state", "-c", "talks.jsonl", "--dev", "talks.jsonl", *flags)
    assert done.returncode == 0, done.stderr


def test_an_ontology_that_does_not_fit(console: Console, tiny_encoder: Path, slots: dict[str, list[str]]) -> None:
    (console.folder / "slots.json").write_text(json.dumps({"item.extra": ["one"]}), encoding="utf-8")
    (console.folder / "broken.json").write_text("[", encoding="utf-8")
    for name, said in (("slots.json", "is not declared"), ("broken.json", "is not JSON"), ("none.json", "none.json")):
        flags = ("--encoder", tiny_encoder, "--ontology", name, "-o", "model")
        done = console("fit", "state", "-c", "talks.jsonl", *flags)
        assert done.returncode != 0
        assert said in done.stderr.replace("\n", " ")
    assert not (console.folder / "model").exists()
