"""A real desk of every task over a real socket, and the dialogues that break software."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from turnwise.corpora import read_corpus
from turnwise.encoder import Encoder
from turnwise.serve import Limits, load_served
from turnwise.tasks.pool import Pool, Response
from turnwise.tasks.trunk_fit import MEMBERS, fit_trunk, trunk_recipe

SAID = "how can I help you today?"
LAYERS = {"intent", "acts", "emotion", "handoff", "state", "state_source", "response"}
"""What a customer's turn has; personal data are spans, satisfaction is the dialogue's."""


@pytest.fixture(scope="module")
def folder(checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fitted to some dialogues of the sample; its pool has one text twice."""
    found = list(read_corpus("sample@dev"))
    failed = [dialogue for dialogue in found if any(turn.labels.get("handoff") for turn in dialogue.turns)]
    talks = [*failed[:4], *[dialogue for dialogue in found if dialogue not in failed][:8]]
    texts = (SAID, "one moment please", SAID, "sorry")
    pool = Pool.of([Response(f"r{at}", text) for at, text in enumerate(texts)], source="the test")
    fitting = trunk_recipe(overrides={"training": {"steps": 2}})
    desk = fit_trunk(talks, Encoder.load(checkpoint("bert")), fitting, dev=talks, pool=pool)
    assert set(desk.labels) == set(MEMBERS)
    place = tmp_path_factory.mktemp("served") / "desk"
    desk.save(place)
    return place


@pytest.fixture
def client(serving: Callable[..., Any], folder: Path) -> Iterator[httpx.Client]:
    limits = Limits(body_bytes=2_000_000, texts=300, characters=1_000_000, seconds=60, waiting=300, batch=16)
    running = serving({"desk": load_served(folder)}, limits)
    with httpx.Client(base_url=running.url, timeout=90) as found:
        yield found


def turn(text: str, speaker: str = "customer") -> dict[str, str]:
    return {"speaker": speaker, "text": text}


ODD = {
    "emoji alone": ([turn("😀😀")], {}),
    "a blank turn": ([turn("hello"), turn("   ", "agent"), turn("anyone?")], {}),
    "a response that is the context": ([turn(SAID), turn(SAID, "agent"), turn(SAID)], {}),
    "a profile with keys never seen": ([turn("my card")], {"shoe size": "44", "carrier": "[SEP]"}),
    "Chinese": ([turn("我的卡在哪里？"), turn("请稍等", "agent"), turn("好的")], {"姓名": "王"}),
    "a context far longer than the encoder": ([turn("where is my card " * 9) for _ in range(60)], {}),
    "a turn of a hundred thousand characters": ([turn("card " * 20_000)], {}),
    "names of special tokens": ([turn("[CLS] [SEP] CUSTOMERSTART [PAD]")], {}),
    "right to left": ([turn("أين بطاقتي؟")], {}),
    "control characters": ([turn("my\x00card\u202e\ufeff")], {}),
}


@pytest.mark.parametrize("which", list(ODD))
@pytest.mark.parametrize("turns", ["all", "last"])
def test_odd_dialogues_come_back_with_every_layer(client: httpx.Client, which: str, turns: str) -> None:
    said, profile = ODD[which]
    response = client.post("/v1/annotate", json={"dialogue": {"turns": said, "profile": profile}, "turns": turns})
    assert response.status_code == 200, response.text
    (found,) = response.json()["dialogues"]
    assert [(one["speaker"], one["text"]) for one in found["turns"]] == [(one["speaker"], one["text"]) for one in said]
    assert set(found["turns"][-1]["labels"]) == LAYERS
    assert found["turns"][-1]["labels"]["response"] in ("r0", "r1", "r3")
    assert "satisfaction" in found["labels"]


def test_a_desk_on_several_cores_leaves_them_to_its_encoder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited: list[int] = []
    monkeypatch.setattr("turnwise.serve.server.limit_threads", limited.append)
    monkeypatch.setattr("turnwise.tasks.trunk.resolve", lambda *_: "bf16")
    load_served(folder)
    assert limited == []
    load_served(folder, workers=2)
    assert limited == [1]


def test_what_was_not_read_whole_says_so(client: httpx.Client) -> None:
    said, _ = ODD["a turn of a hundred thousand characters"]
    (found,) = client.post("/v1/annotate", json={"dialogue": {"turns": said}}).json()["dialogues"]
    assert found["turns"][0]["evidence"]["emotion"]["truncated"] is True
    assert found["turns"][0]["evidence"]["acts"]["truncated"] is True


def test_dialogues_with_nothing_to_answer(client: httpx.Client) -> None:
    for said in ([turn("  ")], [turn("hello", "agent")]):
        response = client.post("/v1/annotate", json={"dialogue": {"turns": said}})
        assert response.status_code == 200, response.text
        (found,) = response.json()["dialogues"]
        labels = found["turns"][0].get("labels", {})
        assert not labels.get("intent")
        assert not labels.get("state")
        assert not {"emotion", "handoff", "response"} & set(labels)
