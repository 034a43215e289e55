"""MultiWOZ's single-domain dialogues, on a few written for the test and on the published counts."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.multiwoz_single import READER, read, splits
from turnwise.corpora.source import parse_source
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")
GREETING = "Hello, how may I help you?"


def row(id: str, *turns: tuple[str, dict[str, Any]], greeting: str = GREETING) -> dict[str, Any]:
    turns = ((greeting, {}), *turns)
    return {
        "id": id,
        "domain": "police",
        "task_id": "police",
        "turns": [text for text, _ in turns],
        "annotations": [acts for _, acts in turns],
    }


def write(folder: Path, *rows: object) -> Path:
    file = folder / "dialogues/police.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def lists(folder: Path, **ids: str) -> None:
    folder.mkdir(exist_ok=True)
    for split, names in ids.items():
        (folder / f"{split}ListFile").write_text(names, encoding="utf-8")


STOLEN = ("My bike was stolen .", {"Police-Inform": [["none", "none"]], "general-greet": [["none", "none"]]})


def test_acts_and_speakers_without_the_greeting(tmp_path: Path) -> None:
    write(tmp_path, row("SNG1", STOLEN, ("Where ?", {"Police-Request": [["Addr", "?"]]}), ("Here .", {})), row("SNG2"))
    source = parse_source(f"multiwoz_single:{tmp_path}", (READER,), "train")
    assert source.splits == ("all",)
    (found,) = source.read()
    assert (found.id, found.labels) == ("multiwoz_single:all:SNG1", {"domains": ("police",)})
    assert [(turn.speaker, turn.text, turn.labels) for turn in found.turns] == [
        ("customer", "My bike was stolen .", {"acts": ("Police-Inform", "general-greet")}),
        ("agent", "Where ?", {"acts": ("Police-Request",)}),
        ("customer", "Here .", {}),
    ]


def test_another_first_turn_stays(tmp_path: Path) -> None:
    write(tmp_path, row("SNG1", STOLEN, greeting="Police desk ."))
    (found,) = read(tmp_path, "all", DEFAULT_COLUMNS)
    assert [(turn.speaker, turn.text) for turn in found.turns] == [("agent", "Police desk ."), ("customer", STOLEN[0])]


@pytest.mark.parametrize("place", [".", "../multiwoz21"])
def test_splits_follow_the_list_files_here_or_beside(tmp_path: Path, place: str) -> None:
    folder = write(tmp_path / "single", *(row(f"SNG{number}", STOLEN) for number in range(1, 6)))
    lists(folder / place, val="SNG2\n", test="SNG4.json\nSNG3\n", train="SNG1\nSNG2\nSNG3\nSNG5\n")
    source = parse_source(f"multiwoz_single:{folder}", (READER,), None)
    assert source.splits == ("train", "val", "test")
    assert [found.id.removeprefix("multiwoz_single:") for found in source.read()] == [
        "train:SNG1",
        "train:SNG5",
        "val:SNG2",
        "test:SNG3",
        "test:SNG4",
    ]


def test_without_a_training_list_the_others_are_train(tmp_path: Path) -> None:
    write(tmp_path, *(row(f"SNG{number}", STOLEN) for number in range(1, 4)))
    lists(tmp_path, val="SNG2\n", test="SNG3\n")
    assert [found.id for found in read(tmp_path, "train", DEFAULT_COLUMNS)] == ["multiwoz_single:train:SNG1"]


def test_an_id_in_no_list_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, row("SNG1", STOLEN), row("SNG9", STOLEN))
    lists(tmp_path, train="SNG1\n", val="SNG2\n", test="SNG3\n")
    with pytest.raises(CorpusError) as caught:
        list(read(tmp_path, "train", DEFAULT_COLUMNS))
    assert caught.value.problems == ("line 2: SNG9 is in none of the list files; add it to the one it belongs to",)


def test_broken_lines_are_named(tmp_path: Path) -> None:
    short = {**row("SNG2", STOLEN), "annotations": [{}]}
    acts = row("SNG3", ("Help .", "Police-Inform"))  # type: ignore[arg-type]
    write(tmp_path, row("SNG1", STOLEN), short, acts)
    found = read(tmp_path, "all", DEFAULT_COLUMNS)
    assert next(found).id == "multiwoz_single:all:SNG1"
    with pytest.raises(CorpusError, match=r"police.txt has 2 problems") as caught:
        next(found)
    first, second = caught.value.problems
    assert first.startswith("line 2 is ")
    assert first.endswith("expected an object with id, domain, turns and as many annotations")
    assert second == "line 3: turns[0].labels.acts is 'Police-Inform', expected a list of names; " + (
        "[] means annotated as none"
    )


def test_other_folders_and_half_the_lists_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder that holds dialogues/DOMAIN.txt"):
        splits(tmp_path)
    write(tmp_path, row("SNG1", STOLEN))
    lists(tmp_path, train="SNG1\n", val="SNG2\n")
    with pytest.raises(InputError, match="holds no testListFile, so train could not be told from"):
        splits(tmp_path)


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published_counts() -> None:
    source = parse_source(f"multiwoz_single:{DATA}/multiwoz_single_domain_dstc8", (READER,), None)
    ids: dict[str, set[str]] = {split: set() for split in source.splits}
    turns = annotated = 0
    for dialogue in source.read():
        _, split, name = dialogue.id.split(":")
        ids[split].add(name)
        turns += len(dialogue.turns)
        annotated += sum("acts" in turn.labels for turn in dialogue.turns)
        assert dialogue.turns[0].speaker == "customer"
    assert {split: len(names) for split, names in ids.items()} == {"train": 2_494, "val": 204, "test": 226}
    assert (turns, annotated) == (28_912 - 2_924, 24_427)
    for split in ("val", "test"):
        listed = set((Path(DATA or "") / f"multiwoz21/{split}ListFile").read_text(encoding="utf-8").split())
        assert ids[split] <= listed
        assert not ids["train"] & listed
