"""Topical-Chat, on conversations written for the test."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora import topical_chat
from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.dialogue import Dialogue, Turn
from turnwise.errors import CorpusError, InputError

DATA = os.environ.get("TURNWISE_DATA")


def read(path: Path, split: str) -> list[Dialogue]:
    return list(topical_chat.read(path, split, DEFAULT_COLUMNS))


def message(agent: str, text: str, sentiment: Any, sources: Any, rating: str = "") -> dict[str, Any]:
    return {
        "agent": agent,
        "message": text,
        "sentiment": sentiment,
        "knowledge_source": sources,
        "turn_rating": rating,
    }


def conversation(*messages: Any) -> dict[str, Any]:
    ratings = {"agent_1": "Good", "agent_2": ""}
    return {"content": list(messages), "article_url": "http://a", "config": "B", "conversation_rating": ratings}


CHAT = conversation(
    message("agent_1", "Herons sleep standing. ", "Happy", ["FS1", "Personal Knowledge"], "Excellent"),
    message("agent_2", "Really?", "Surprised", []),
)


def test_people_who_chat(tmp_path: Path) -> None:
    folder = tmp_path / "conversations"
    folder.mkdir()
    (folder / "test_rare.json.gz").write_bytes(gzip.compress(json.dumps({"t_1": CHAT, "t_2": conversation()}).encode()))
    (folder / "valid_freq.json").write_text(json.dumps({"t_3": CHAT}))
    (folder / "other.json").write_text("{}")
    assert topical_chat.splits(tmp_path) == topical_chat.splits(folder) == ("valid_freq", "test_rare")
    (only,) = read(tmp_path, "test_rare")
    assert only.id == "topical_chat:test_rare:t_1"
    assert only.labels == {"article_url": "http://a", "config": "B", "conversation_rating": {"agent_1": ("Good",)}}
    first: dict[str, Any] = {
        "participant": "agent_1",
        "sentiment": "Happy",
        "knowledge": ("FS1", "Personal Knowledge"),
        "turn_rating": "Excellent",
    }
    second: dict[str, Any] = {"participant": "agent_2", "sentiment": "Surprised", "knowledge": ()}
    assert only.turns == (Turn(None, "Herons sleep standing. ", labels=first), Turn(None, "Really?", labels=second))
    assert topical_chat.splits(folder / "valid_freq.json") == ("valid_freq",)
    assert [one.id for one in read(folder / "valid_freq.json", "valid_freq")] == ["topical_chat:valid_freq:t_3"]


def test_broken_conversations_are_named(tmp_path: Path) -> None:
    rows = {
        "t_1": {**CHAT, "config": None},
        "t_2": conversation(CHAT["content"][0], message("agent_3", "Hi", "Happy", [])),
        "t_3": conversation(message("agent_1", "Hi", None, []), message("agent_1", "Hi", "Sad", [1])),
        "t_4": conversation(message("agent_1", "  ", "Happy", [])),
        "t_5": CHAT,
    }
    (tmp_path / "test_freq.json").write_text(json.dumps(rows))
    found = []
    with pytest.raises(CorpusError) as caught:
        for one in topical_chat.read(tmp_path, "test_freq", DEFAULT_COLUMNS):
            found.append(one.id)
    assert found == ["topical_chat:test_freq:t_5"]
    assert [problem.split(", expected ")[0][:24] for problem in caught.value.problems] == [
        "t_1 is {'content': [{'ag",
        "t_2.content[1] is {'agen",
        "t_3.content[0] is {'agen",
        "t_3.content[1] is {'agen",
        "t_4.content[0] is {'agen",
    ]
    assert caught.value.problems[1].endswith(
        "expected message, agent (agent_1 or agent_2), sentiment, knowledge_source and turn_rating"
    )


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds no train.json, valid_freq.json"):
        topical_chat.splits(tmp_path)
    (tmp_path / "test_freq.json").write_text("[]")
    with pytest.raises(CorpusError, match=r"test_freq.json is no Topical-Chat file; expected an object"):
        read(tmp_path, "test_freq")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    path = Path(DATA or "") / "topical_chat"
    expected = {"valid_freq": 11_681, "valid_rare": 11_692, "test_freq": 11_760, "test_rare": 11_770}
    assert topical_chat.splits(path) == tuple(expected)
    ids: set[str] = set()
    sentiments: Counter[object] = Counter()
    for split, turns in expected.items():
        found = read(path, split)
        assert (len(found), sum(len(one.turns) for one in found)) == (539, turns)
        ids.update(one.id for one in found)
        sentiments.update(turn.labels["sentiment"] for one in found for turn in one.turns)
    assert (len(ids), len(sentiments), sentiments.total()) == (4 * 539, 8, sum(expected.values()))
