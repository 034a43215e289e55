"""Dialogues over a real socket: a model of dialogues, and one of texts that answers for the customer's turns."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import httpx
import pytest

from turnwise.dialogue import Dialogue, Evidence, Span
from turnwise.dialogue_json import from_json
from turnwise.errors import InputError
from turnwise.serve import Annotator, Limits

TURNS = [
    {"speaker": "customer", "text": "where is my parcel"},
    {"speaker": "agent", "text": "Let me look."},
    {"speaker": "customer", "text": "I want my money back"},
]


def _annotate(dialogues: Iterable[Dialogue], *, last: bool = False) -> Iterator[Dialogue]:
    """Each turn's acts are its first word; a span marks it; the text ``bad`` is refused."""
    for dialogue in dialogues:
        turns = []
        for at, turn in enumerate(dialogue.turns):
            if last and at < len(dialogue.turns) - 1:
                turns.append(turn)
                continue
            if turn.text == "bad":
                raise InputError("this turn cannot be read")
            word = turn.text.split()[0] if turn.text.split() else ""
            span = Span(0, len(word), "word", score=0.5)
            turns.append(
                replace(
                    turn,
                    labels={**turn.labels, "acts": (word,)},
                    spans={"words": (span,) if word else ()},
                    evidence={"acts": Evidence(0.75)},
                )
            )
        yield replace(dialogue, turns=tuple(turns))


@pytest.fixture
def client(serving: Callable[..., Any], model: Any) -> Iterator[httpx.Client]:
    models = {"acts": Annotator("acts", ("where", "I"), "feed", _annotate), "shop": model}
    running = serving(models, Limits(body_bytes=4000, texts=5, characters=100, seconds=10, waiting=300, batch=16))
    with httpx.Client(base_url=running.url, timeout=20) as found:
        yield found


def test_a_dialogue_comes_back_filled_in(client: httpx.Client) -> None:
    response = client.post("/v1/annotate", json={"dialogue": {"turns": TURNS}})
    assert response.status_code == 200
    body = response.json()
    assert (body["model"], body["version"]) == ("acts", "feed")
    found = from_json(body["dialogues"][0])
    assert [turn.labels["acts"] for turn in found.turns] == [("where",), ("Let",), ("I",)]
    assert found.turns[0].evidence["acts"].score == 0.75
    assert found.turns[0].spans["words"] == (Span(0, 5, "word", score=0.5),)


def test_several_keep_their_order_profile_and_ids(client: httpx.Client) -> None:
    given = [{"id": name, "turns": TURNS[:1], "profile": {"carrier": name}} for name in ("b", "a")]
    found = client.post("/v1/annotate", json={"dialogues": given}).json()["dialogues"]
    assert [(dialogue["id"], dialogue["profile"]) for dialogue in found] == [
        ("b", {"carrier": "b"}),
        ("a", {"carrier": "a"}),
    ]


def test_the_last_turn_alone_is_answered_when_it_alone_is_asked(client: httpx.Client) -> None:
    kept = [TURNS[0] | {"labels": {"acts": ["kept"]}}, TURNS[2]]
    for model, layer, expected in (("acts", "acts", ["I"]), ("shop", "intent", ["refund"])):
        body = {"dialogues": [{"turns": kept}, {"turns": TURNS}], "turns": "last", "model": model}
        first, second = client.post("/v1/annotate", json=body).json()["dialogues"]
        assert first["turns"][0]["labels"] == {"acts": ["kept"]}
        assert [turn.get("labels") for turn in second["turns"]] == [None, None, {layer: expected}]
        assert first["turns"][1] == second["turns"][2]
    error = client.post("/v1/annotate", json={"dialogue": {"turns": TURNS}, "turns": "first"})
    assert error.status_code == 422
    assert "turns" in error.json()["error"]["place"]


def test_a_model_of_texts_answers_for_the_customer(client: httpx.Client) -> None:
    (found,) = client.post("/v1/annotate", json={"dialogue": {"turns": TURNS}, "model": "shop"}).json()["dialogues"]
    assert [turn.get("labels") for turn in found["turns"]] == [
        {"intent": ["track_order"]},
        None,
        {"intent": ["refund"]},
    ]
    assert found["turns"][0]["evidence"]["intent"]["neighbours"][0]["text"] == "where is my parcel"


def test_a_dialogue_of_agents_alone_needs_no_answer(client: httpx.Client) -> None:
    (found,) = client.post("/v1/annotate", json={"dialogue": {"turns": TURNS[1:2]}, "model": "shop"}).json()[
        "dialogues"
    ]
    assert found["turns"] == TURNS[1:2]


def test_models_say_their_task(client: httpx.Client) -> None:
    assert [model["task"] for model in client.get("/v1/models").json()["models"]] == ["acts", "intent"]


@pytest.mark.parametrize(
    ("body", "status", "place", "message"),
    [
        ({}, 422, "body", 'either "dialogue"'),
        ({"dialogue": {"turns": TURNS}, "dialogues": []}, 422, "body", 'either "dialogue"'),
        ({"dialogues": []}, 422, "dialogues", "at least one"),
        ({"dialogue": {"turns": []}}, 422, "dialogue", "turns is empty"),
        ({"dialogues": [{"turns": TURNS}, {"turns": [{"speaker": "boss", "text": "x"}]}]}, 422, "dialogues[1]", "boss"),
        ({"dialogue": {"turns": [{"speaker": "customer", "text": "x" * 101}]}}, 422, "dialogue.turns[0].text", "101"),
        ({"dialogues": [{"turns": TURNS}, {"turns": TURNS}]}, 422, "dialogues", "6 turns, the limit is 5"),
        ({"dialogue": {"turns": TURNS}, "model": "nope"}, 404, "model", "no such model"),
        ({"dialog": {"turns": TURNS}}, 422, "dialog", "did you mean dialogue"),
        ({"dialogue": {"turns": [{"speaker": "customer", "text": "bad"}]}}, 422, "dialogue", "cannot be read"),
    ],
)
def test_wrong_bodies_get_value_and_place(
    client: httpx.Client, body: dict[str, Any], status: int, place: str, message: str
) -> None:
    response = client.post("/v1/annotate", json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert error["place"] == place
    assert message in error["message"]


def test_one_bad_dialogue_spoils_no_other_request(client: httpx.Client) -> None:
    bad = {"dialogues": [{"turns": TURNS[:1]}, {"turns": [{"speaker": None, "text": "bad"}]}]}
    assert client.post("/v1/annotate", json=bad).json()["error"]["place"] == "dialogues[1]"
    assert client.post("/v1/annotate", json={"dialogue": {"turns": TURNS}}).status_code == 200


def test_texts_are_sent_to_the_other_path(client: httpx.Client) -> None:
    error = client.post("/v1/predict", json={"text": "hello"}).json()["error"]
    assert error["place"] == "model"
    assert "/v1/annotate" in error["message"]


def test_the_page_reads_conversations(load: Callable[[str], ModuleType], client: httpx.Client, tmp_path: Any) -> None:
    driver = load("browser")
    if driver.BINARY is None:
        pytest.skip("no chromium here")
    page = driver.Browser(tmp_path / "profile")
    try:
        page.open(f"{client.base_url}/")
        page.wait("document.getElementById('asks').textContent.startsWith('A conversation')")
        page.run("document.getElementById('text').value = '<b>hello</b> 😀 there\\nagent: Good day'")
        page.run("document.getElementById('form').requestSubmit()")
        page.wait("!document.getElementById('conversation').hidden")
        assert page.run("document.querySelectorAll('.turn').length") == 2
        assert page.run("document.querySelector('.turn mark').textContent") == "<b>hello</b>"
        assert (
            page.run("document.querySelector('.turn ul').textContent")
            == "word: <b>hello</b> (50 %)acts: <b>hello</b> (75 %)"
        )
        assert page.run("document.querySelectorAll('.turn b').length") == 0
        assert page.run("document.querySelectorAll('.turn .soft')[1].textContent") == "agent"
        assert page.problems == []
    finally:
        page.close()
