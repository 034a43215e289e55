"""MobileCS, on dialogues written for the test and on the published example."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.mobilecs import READER
from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import CorpusError


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def write(folder: Path, *rows: Any) -> Path:
    (folder / "demo.json").write_text(json.dumps(list(rows)), encoding="utf-8")
    return folder


def dialogue(*exchanges: Any) -> dict[str, Any]:
    return {"id": "a1", "content": list(exchanges)}


def info(ents: Any = (), triples: Any = ()) -> dict[str, Any]:
    return {"ents": list(ents), "triples": list(triples)}


def test_every_layer(tmp_path: Path) -> None:
    exchange = {
        "[SPEAKER 1]": "日包三元，日包",
        "[SPEAKER 2]": "周包多少钱",
        "客服意图": "通知，问候,通知",
        "用户意图": "问候,求助-查询（ent-2-业务费用，有效期）",
        "info": info(
            [
                {"name": "日包", "id": "ent-1", "type": "流量包", "pos": [[1, 5, 7], [1, 0, 2]]},
                {"name": "周包", "id": "ent-2", "type": "流量包", "pos": [[2, 0, 2]]},
            ],
            [{"ent-id": "ent-1", "ent-name": "日包", "prop": "业务费用", "value": "三元", "pos": [1, 2, 4]}],
        ),
    }
    (only,) = read(write(tmp_path, dialogue(exchange)), "demo")
    assert only == Dialogue(
        "mobilecs:demo:a1",
        (
            Turn(
                "agent",
                "日包三元，日包",
                spans={
                    "entities": (Span(0, 2, "流量包", "ent-1"), Span(5, 7, "流量包", "ent-1")),
                    "slots": (Span(2, 4, "业务费用"),),
                },
                labels={"acts": ("通知", "问候"), "triples": {"ent-1.业务费用": ("三元",)}},
            ),
            Turn(
                "customer",
                "周包多少钱",
                spans={"entities": (Span(0, 2, "流量包", "ent-2"),), "slots": ()},
                labels={
                    "intent": ("问候", "求助-查询"),
                    "requested": ("ent-2.业务费用", "有效期"),
                    "triples": {},
                },
            ),
        ),
    )


def test_positions_count_the_speakers_as_they_spoke(tmp_path: Path) -> None:
    pair = [
        {"ent-id": "NA", "ent-name": "NA", "prop": "状态", "value": "锁了", "pos": [1, 2, 4]},
        {"ent-id": "NA", "ent-name": "NA", "prop": "状态", "value": "慢", "pos": [1, 5, 6]},
    ]
    exchange = {"[SPEAKER 2]": "手机锁了，慢", "[SPEAKER 1]": "好", "info": info(triples=pair)}
    (only,) = read(write(tmp_path, dialogue(exchange)), "demo")
    first, second = only.turns
    assert (first.speaker, second.speaker) == ("customer", "agent")
    assert first.spans["slots"] == (Span(2, 4, "状态"), Span(5, 6, "状态"))
    assert first.labels == {"triples": {"NA.状态": ("锁了", "慢")}}
    assert second.labels == {"triples": {}}


def test_files_without_annotations_and_silent_sides(tmp_path: Path) -> None:
    silent = {"id": "a2", "content": [{"[SPEAKER 1]": "", "[SPEAKER 2]": ""}]}
    (only,) = read(write(tmp_path, dialogue({"[SPEAKER 1]": "喂", "[SPEAKER 2]": ""}), silent), "demo")
    assert only.turns == (Turn("agent", "喂"),)


def test_every_broken_dialogue_is_named(tmp_path: Path) -> None:
    said = {"[SPEAKER 1]": "喂", "[SPEAKER 2]": "嗨"}
    rows = (
        dialogue(
            {**said, "info": info([{"id": "ent-1", "type": "业务", "pos": [[2, 0, 2]]}, {"id": "ent-1"}])},
            {**said, "info": info(triples=[{"ent-id": "NA", "prop": "状态", "pos": [3, 0, 1]}])},
            {**said, "info": {"ents": []}},
            {**said, "用户意图": 3},
            {"[SPEAKER 1]": "喂"},
        ),
        [],
    )
    with pytest.raises(CorpusError) as caught:
        read(write(tmp_path, *rows), "demo")
    assert [problem.split(" is ")[0] for problem in caught.value.problems] == [
        "dialogue 0: content[0].info.ents[0].pos",
        "dialogue 0: content[0].info.ents[1]",
        "dialogue 0: content[1].info.triples[0].pos",
        "dialogue 0: content[2].info.triples",
        "dialogue 0: content[3].用户意图",
        "dialogue 0: content[4]",
        "dialogue 1",
    ]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"demo\.json is no list of dialogues"):
        read(tmp_path, "demo")


DATA = os.environ.get("TURNWISE_DATA")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
def test_published() -> None:
    path = Path(DATA or "") / "mobilecs_example"
    assert READER.splits(path) == ("example",)
    found = read(path, "example")
    assert len(found) == len({dialogue.id for dialogue in found}) == 10
    turns = [turn for dialogue in found for turn in dialogue.turns]
    assert len(turns) == 2 * 98
    assert sum(len(turn.spans["entities"]) for turn in turns) == 36
    assert sum(len(turn.spans["slots"]) for turn in turns) == 41
    published = json.loads((path / "example.json").read_text(encoding="utf-8"))
    values = [t["value"] for d in published for x in d["content"] for t in x["info"]["triples"]]
    said = [turn.text[span.start : span.end] for turn in turns for span in turn.spans["slots"]]
    assert sorted(said) == sorted(values)
