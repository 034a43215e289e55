"""CrossWOZ, on dialogues written for the test and on the published files."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnwise.corpora.columns import DEFAULT_COLUMNS
from turnwise.corpora.crosswoz import READER
from turnwise.dialogue import Dialogue, Span
from turnwise.errors import CorpusError, InputError


def read(path: Path, split: str) -> list[Dialogue]:
    return list(READER.read(path, split, DEFAULT_COLUMNS))


def usr(text: str, *acts: list[str]) -> dict[str, Any]:
    return {"role": "usr", "content": text, "dialog_act": list(acts), "user_state": [[1, "餐馆", "名称", "", True]]}


def sys(text: str, state: dict[str, Any], *acts: list[str]) -> dict[str, Any]:
    relaxed = {"餐馆": {"评分": "5分"}}
    return {"role": "sys", "content": text, "dialog_act": list(acts), "sys_state": relaxed, "sys_state_init": state}


def dialogue(*messages: Any) -> dict[str, Any]:
    goal = [[1, "餐馆", "评分", "", False], [2, "酒店", "价格", "", False]]
    return {"messages": list(messages), "goal": goal, "type": "双"}


def write(folder: Path, value: Any) -> Path:
    (folder / "val.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


STATE = {
    "餐馆": {"评分": "4分以上", "名称": "", "推荐菜": "凉面 豆花", "selectedResults": ["小院"]},
    "酒店": {"价格": "", "selectedResults": []},
}


def test_every_layer(tmp_path: Path) -> None:
    first = usr(
        "谢谢，想吃凉面，4分以上的叫什么？",
        ["General", "thank", "none", "none"],
        ["Inform", "餐馆", "推荐菜", "凉面"],
        ["Inform", "餐馆", "评分", "4分以上"],
        ["Request", "餐馆", "名称", ""],
        ["Request", "餐馆", "电话", ""],
    )
    answer = sys("去小院吧。", STATE, ["Recommend", "餐馆", "名称", "小院"])
    (only,) = read(write(tmp_path, {"71": dialogue(first, answer)}), "val")
    assert (only.id, only.labels) == ("crosswoz:val:71", {"domains": ("餐馆", "酒店"), "task": "双"})
    customer, agent = only.turns
    assert (customer.speaker, customer.text) == ("customer", "谢谢，想吃凉面，4分以上的叫什么？")
    assert customer.labels == {
        "acts": ("General-thank", "Inform", "Request"),
        "requested": ("餐馆.名称", "餐馆.电话"),
        "state": {"餐馆.评分": ("4分以上",), "餐馆.推荐菜": ("凉面 豆花",)},
    }
    assert customer.spans == {"slots": (Span(5, 7, "餐馆.推荐菜"), Span(8, 12, "餐馆.评分"))}
    assert (agent.speaker, agent.labels, agent.spans) == (
        "agent",
        {"acts": ("Recommend",)},
        {"slots": (Span(1, 3, "餐馆.名称"),)},
    )


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("要4.5分，不要5分", ["5分"], [(8, 10)]),
        ("有早餐吗", ["是"], []),
        ("没有", ["无"], []),
        ("小院和小院", ["小院"], None),
        ("小园", ["小院"], None),
        ("大小院子", ["大小院", "小院子"], None),
        ("乙和甲", ["甲", "乙"], [(0, 1), (2, 3)]),
    ],
)
def test_spans_are_given_only_where_they_are_certain(
    tmp_path: Path, text: str, values: list[str], expected: list[tuple[int, int]] | None
) -> None:
    turn = usr(text, *(["Inform", "酒店", "名称", value] for value in values))
    (only,) = read(write(tmp_path, {"1": dialogue(turn)}), "val")
    spans = only.turns[0].spans.get("slots")
    assert (None if spans is None else [(span.start, span.end) for span in spans]) == expected
    assert "state" not in only.turns[0].labels


def test_every_broken_dialogue_is_named(tmp_path: Path) -> None:
    rows = {
        "1": dialogue(usr("hm", ["Inform", "餐馆", "评分"])),
        "2": dialogue({"role": "bot", "content": "hm", "dialog_act": []}),
        "3": dialogue(usr("hm"), sys("hm", {"餐馆": {"评分": 5}})),
        "4": {"messages": []},
        "5": dialogue(),
        "6": dialogue(usr("嗨")),
    }
    found = READER.read(write(tmp_path, rows), "val", DEFAULT_COLUMNS)
    assert next(found).id == "crosswoz:val:6"
    with pytest.raises(CorpusError) as caught:
        next(found)
    assert [problem.split(",")[0] for problem in caught.value.problems] == [
        "dialogue 1: messages[0].dialog_act holds an act that is no list of four texts",
        "dialogue 2: messages[0] is {'role': 'bot'",
        "dialogue 3: messages[1].sys_state_init.餐馆.评分 is 5",
        "dialogue 4 is {'messages': []}",
    ]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no CrossWOZ file; expected an object of dialogues"):
        read(write(tmp_path, []), "val")
    (tmp_path / "val.json").rename(tmp_path / "hotel_db.json")
    with pytest.raises(InputError, match=r"holds no train\.json, val\.json or test\.json"):
        READER.splits(tmp_path)


DATA = os.environ.get("TURNWISE_DATA")


@pytest.mark.skipif(not DATA, reason="TURNWISE_DATA is not set")
@pytest.mark.parametrize(("split", "turns"), [("val", 8_458), ("test", 8_476)])
def test_published(split: str, turns: int) -> None:
    path = Path(DATA or "") / "crosswoz"
    assert READER.splits(path) == ("val", "test")
    found = read(path, split)
    assert len(found) == len({dialogue.id for dialogue in found}) == 500
    said = [turn for dialogue in found for turn in dialogue.turns]
    assert len(said) == turns
    customer = [turn for turn in said if turn.speaker == "customer"]
    assert len(customer) == sum("state" in turn.labels for turn in said) == turns // 2
    marked = [turn for turn in said if "slots" in turn.spans]
    assert len(marked) > 0.85 * turns
    for turn in marked:
        ends = [0, *(end for span in turn.spans["slots"] for end in (span.start, span.end)), len(turn.text)]
        assert ends == sorted(ends)
