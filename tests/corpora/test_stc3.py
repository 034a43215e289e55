"""STC-3, on dialogues written for the test and on the published files."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.stc3 import READER
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, InputError


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def vote(nuggets: list[str], a: int, s: int, e: int) -> dict[str, Any]:
    return {"nugget": nuggets, "quality": {"A": a, "S": s, "E": e}}


TURNS = [
    {"sender": "customer", "utterances": ["no signal", "", "since noon"]},
    {"sender": "helpdesk", "utterances": [""]},
]
VOTES = [
    vote(["CNUG0", "HNaN"], -1, -2, 0),
    vote(["CNUG0", "HNUG"], 0, 1, 1),
    vote(["CNaN", "HNaN"], 2, -1, -2),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"id": "17", "turns": TURNS, "annotations": VOTES}, {"id": "18", "turns": []}]
    (tmp_path / "train_data_en.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    (tmp_path / "test_data_cn.json").write_text(json.dumps([{"id": "5", "turns": TURNS[:1]}]), encoding="utf-8")
    return tmp_path


def test_posts_are_joined_and_votes_are_kept_apart(folder: Path) -> None:
    (only,) = read(folder, "train_en")
    assert only.id == "stc3:train_en:17"
    assert [(turn.speaker, turn.text) for turn in only.turns] == [("customer", "no signal\nsince noon"), ("agent", "")]
    assert [turn.labels for turn in only.turns] == [
        {"nuggets": ("CNUG0", "CNUG0", "CNaN")},
        {"nuggets": ("HNaN", "HNUG", "HNaN")},
    ]
    assert only.labels == {
        "quality_A": ("-1", "0", "2"),
        "quality_S": ("-2", "1", "-1"),
        "quality_E": ("0", "1", "-2"),
        "satisfaction": 1,
    }


@pytest.mark.parametrize(
    ("votes", "satisfaction"),
    [((-2, -2, 2), 1), ((-1, 0), 1), ((0, 0, 2), 2), ((-2, 0, 1), 2), ((1, 1, -2), 3), ((0, 2, 2), 3)],
)
def test_satisfaction_says_on_which_side_the_median_is(
    tmp_path: Path, votes: tuple[int, ...], satisfaction: int
) -> None:
    row = {"id": "1", "turns": TURNS[:1], "annotations": [vote(["CNUG0"], 0, score, 0) for score in votes]}
    (tmp_path / "train_data_en.json").write_text(json.dumps([row]), encoding="utf-8")
    (only,) = read(tmp_path, "train_en")
    assert only.labels["satisfaction"] == satisfaction


def test_without_votes_nothing_is_annotated(folder: Path) -> None:
    (only,) = read(folder, "test_cn")
    assert (only.labels, only.turns[0].labels) == ({}, {})


def test_splits_are_the_files_that_are_there(folder: Path) -> None:
    assert READER.splits(folder) == ("train_en", "test_cn")
    with pytest.raises(InputError, match=r"holds no file test_data_en\.json"):
        read(folder, "test_en")
    with pytest.raises(InputError, match=r"holds none of train_data_en\.json, test_data_en"):
        READER.splits(folder / "..")


def test_every_broken_dialogue_is_named(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"id": "0", "turns": [{"sender": "bot", "utterances": []}, {"sender": "customer", "utterances": [3]}]},
        {"id": "1", "turns": TURNS, "annotations": [vote(["CNUG0"], 0, 0, 0)]},
        {"id": "2", "turns": TURNS, "annotations": "none"},
        {"id": 3, "turns": TURNS},
        {"id": "4", "turns": TURNS},
    ]
    (tmp_path / "test_data_en.json").write_text(json.dumps(rows), encoding="utf-8")
    found = READER.read(tmp_path, "test_en", DEFAULT_COLUMNS)
    assert next(found).id == "stc3:test_en:4"
    with pytest.raises(CorpusError) as caught:
        next(found)
    assert [problem.split(" is ")[0] for problem in caught.value.problems] == [
        "dialogue 0: turns[0]",
        "dialogue 0: turns[1]",
        "dialogue 1: annotations[0]",
        "dialogue 2: annotations",
        "dialogue 3",
    ]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_data_en.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"test_data_en\.json is no list of dialogues"):
        read(tmp_path, "test_en")


DATA = os.environ.get("TURNWISE_DATA")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("split", "dialogues", "turns", "wordless"),
    [
        ("train_en", 1_672, 6_917, 10),
        ("test_en", 390, 1_755, 17),
        ("train_cn", 3_700, 15_400, 176),
        ("test_cn", 390, 1_755, 20),
    ],
)
def test_published(split: str, dialogues: int, turns: int, wordless: int) -> None:
    found = read(Path(DATA or "") / "stc3_helpdesk", split)
    assert len(found) == len({dialogue.id for dialogue in found}) == dialogues
    said = [turn for dialogue in found for turn in dialogue.turns]
    assert (len(said), sum(not turn.text for turn in said)) == (turns, wordless)
    votes = {len(cast) for turn in said if isinstance(cast := turn.labels.get("nuggets"), tuple)}
    assert votes == ({19} if split.startswith("train") else set())
    scores = {dialogue.labels.get("satisfaction") for dialogue in found}
    assert scores == ({1, 2, 3} if split.startswith("train") else {None})
