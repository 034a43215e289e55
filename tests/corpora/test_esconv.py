"""ESConv, on dialogues written for the test and on the published files."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.esconv import READER
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def said(speaker: str, text: str, **annotation: str) -> dict[str, Any]:
    return {"speaker": speaker, "annotation": annotation, "content": text}


DIALOGUE = {
    "experience_type": "Current Experience",
    "emotion_type": "worry",
    "problem_type": "moving house",
    "situation": "All boxes are lost.\n",
    "survey_score": {
        "seeker": {"initial_emotion_intensity": "4", "empathy": "5", "relevance": "3", "final_emotion_intensity": "2"},
        "supporter": {"relevance": "1"},
    },
    "dialog": [
        said("speaker", "hi\n"),
        said("listener", "What happened? ", strategy="Questions"),
        said("speaker", "boxes", feedback="5"),
    ],
}


@pytest.mark.parametrize(("file", "split"), [("FailedESConv.json", "failed"), ("ESConv.json", "all")])
def test_whole_dialogues(tmp_path: Path, file: str, split: str) -> None:
    other = {"dialog": [said("seeker", "hm"), said("supporter", "hm?")], "emotion_type": "anger"}
    rows = [DIALOGUE, {**other, "dialog": []}, other]
    (tmp_path / file).write_text(json.dumps(rows), encoding="utf-8")
    assert READER.splits(tmp_path) == (split,)
    first, second = read(tmp_path, split)
    assert first == Dialogue(
        f"esconv:{split}:0",
        (
            Turn("customer", "hi"),
            Turn("agent", "What happened?", labels={"strategy": ("Questions",)}),
            Turn("customer", "boxes", labels={"feedback": 5}),
        ),
        labels={
            "emotion": ("worry",),
            "problem": "moving house",
            "experience": "Current Experience",
            "situation": "All boxes are lost.",
            "initial_emotion_intensity": 4,
            "final_emotion_intensity": 2,
            "empathy": 5,
            "relevance": 3,
            "supporter_relevance": 1,
        },
    )
    assert second == Dialogue(
        f"esconv:{split}:2", (Turn("customer", "hm"), Turn("agent", "hm?")), labels={"emotion": ("anger",)}
    )


def test_rows_of_the_tables_are_put_together(tmp_path: Path) -> None:
    lines = [
        "1.0 0 0 hi  EOS 1.0 1 1 [Questions] yes? ",
        "0.0 1 1 [Questions] yes? EOS 0.0 0 3 [sic] so EOS 1.0 1 4 [Other] ok",
        "1.0 0 0 a EOS 1.0 1 1 [Other] b",
        "1.0 0 0 c EOS 0.0 0 1 d EOS 1.0 1 2 [Other] e",
    ]
    (tmp_path / "devWithStrategy_short.tsv").write_text("\r\n".join([*lines, ""]), encoding="utf-8")
    assert READER.splits(tmp_path) == ("dev",)
    first, second, third = read(tmp_path, "dev")
    assert first == Dialogue(
        "esconv:dev:0",
        (
            Turn("customer", "hi"),
            Turn("agent", "yes?", labels={"strategy": ("Questions",)}),
            Turn("customer", "[sic] so"),
            Turn("agent", "ok", labels={"strategy": ("Other",)}),
        ),
    )
    assert [[turn.text for turn in dialogue.turns] for dialogue in (second, third)] == [["a", "b"], ["c", "d", "e"]]
    assert third.id == "esconv:dev:2"


def test_every_problem_is_named(tmp_path: Path) -> None:
    (tmp_path / "testWithStrategy_short.tsv").write_text("1.0 0 0 a EOS 1.0 1 1 b\nhm\n", encoding="utf-8")
    rows = [{**DIALOGUE, "dialog": [said("bot", "hm"), 3]}, {"dialog": []}]
    (tmp_path / "FailedESConv.json").write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(CorpusError) as table:
        read(tmp_path, "test")
    assert [problem.split(" is ")[0] for problem in table.value.problems] == ["line 1: '1.0 1 1 b'", "line 2: 'hm'"]
    with pytest.raises(CorpusError) as whole:
        read(tmp_path, "failed")
    assert [problem.split(" is ")[0] for problem in whole.value.problems] == [
        "dialogue 0: dialog[0]",
        "dialogue 0: dialog[1]",
        "dialogue 1",
    ]


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of ESConv\.json, train"):
        READER.splits(tmp_path)
    (tmp_path / "ESConv.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds no file trainWithStrategy_short\.tsv"):
        read(tmp_path, "train")
    with pytest.raises(CorpusError, match="no ESConv file; expected a list of dialogues"):
        read(tmp_path, "all")


DATA = os.environ.get("TURNWISE_DATA")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(
    ("split", "dialogues", "turns"), [("failed", 196, 5_230), ("dev", 211, 6_328), ("test", 210, 6_004)]
)
def test_published(split: str, dialogues: int, turns: int) -> None:
    path = Path(DATA or "") / "esconv_partial"
    assert READER.splits(path) == ("dev", "test", "failed")
    found = read(path, split)
    assert len(found) == len({dialogue.id for dialogue in found}) == dialogues
    said = [turn for dialogue in found for turn in dialogue.turns]
    assert len(said) == turns
    assert all(("strategy" in turn.labels) == (turn.speaker == "agent") for turn in said)
    assert all(("emotion" in dialogue.labels) == (split == "failed") for dialogue in found)
