"""The shipped sample corpus: its size, its layers, its splits, and that it can be rebuilt."""

import json
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from turnwise.sample import SPLITS, responses, sample_path
from turnwise.sample.banks import phrases, pool
from turnwise.sample.generate import write
from turnwise.sample.labels import (
    AGENT_ACTS,
    BUSINESS_INTENTS,
    CUSTOMER_ACTS,
    EMOTIONS,
    INTENTS,
    PII,
    SLOTS,
    STATE_KEYS,
)

Dialogue = dict[str, Any]
Turn = dict[str, Any]


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Dialogue]]:
    return {split: [json.loads(row) for row in sample_path(split).read_text("utf-8").splitlines()] for split in SPLITS}


@pytest.fixture(scope="module")
def dialogues(corpus: dict[str, list[Dialogue]]) -> list[Dialogue]:
    return [dialogue for split in SPLITS for dialogue in corpus[split]]


@pytest.fixture(scope="module")
def turns(dialogues: list[Dialogue]) -> list[Turn]:
    return [turn for dialogue in dialogues for turn in dialogue["turns"]]


def spoken_by(turns: list[Turn], speaker: str) -> list[Turn]:
    return [turn for turn in turns if turn["speaker"] == speaker]


def normalised(turn: Turn) -> str:
    """The wording of a turn with the values of its spans masked."""
    text, cut = turn["text"], ""
    spans = sorted(turn["spans"]["slots"] + turn["spans"]["pii"], key=lambda span: span["start"])
    position = 0
    for span in spans:
        cut += f"{text[position : span['start']]} {span['label']}_span "
        position = span["end"]
    return " ".join(re.findall(r"\w+", (cut + text[position:]).lower()))


def test_size(corpus: dict[str, list[Dialogue]], turns: list[Turn]) -> None:
    assert sum(map(len, corpus.values())) >= 400
    assert len(turns) >= 3500
    assert len(corpus["train"]) >= 300 and len(corpus["dev"]) >= 60 and len(corpus["test"]) >= 100


def test_readme_states_the_size_and_every_label(corpus: dict[str, list[Dialogue]]) -> None:
    readme = (sample_path("train").parents[1] / "README.md").read_text("utf-8")
    for split, rows in corpus.items():
        assert f"| {split} | {len(rows)} | {sum(len(row['turns']) for row in rows)} |" in readme
    for label in (*INTENTS, *AGENT_ACTS, *CUSTOMER_ACTS, *EMOTIONS.values(), *SLOTS, *PII):
        assert f"`{label}`" in readme


def test_ids_are_unique_and_name_their_split(corpus: dict[str, list[Dialogue]]) -> None:
    for split, rows in corpus.items():
        ids = [row["id"] for row in rows]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(rf"sample:{split}:\d{{4}}", name) for name in ids)


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="'valid'; use one of train, dev, test"):
        sample_path("valid")


@pytest.mark.parametrize(("split", "least"), [("train", 10), ("dev", 4), ("test", 6)])
def test_every_business_intent_has_enough_wordings(corpus: dict[str, list[Dialogue]], split: str, least: int) -> None:
    wordings: dict[str, set[str]] = defaultdict(set)
    for dialogue in corpus[split]:
        for turn in dialogue["turns"]:
            intent = turn["labels"].get("intent", [])
            if len(intent) == 1:
                wordings[intent[0]].add(normalised(turn))
    assert len(BUSINESS_INTENTS) >= 24
    counts = {name: len(wordings[name]) for name in BUSINESS_INTENTS}
    assert {name: count for name, count in counts.items() if count < least} == {}


def test_customer_turns_have_their_layers(turns: list[Turn]) -> None:
    for turn in spoken_by(turns, "customer"):
        labels = turn["labels"]
        assert set(labels) - {"intent"} == {"acts", "emotion", "state", "handoff"}
        assert set(labels.get("intent", [])) <= set(INTENTS)
        assert labels["acts"] and set(labels["acts"]) <= set(CUSTOMER_ACTS)
        assert labels["emotion"] and set(labels["emotion"]) <= set(EMOTIONS.values())
        assert set(labels["state"]) <= set(STATE_KEYS.values())
        assert isinstance(labels["handoff"], bool)


def test_agent_turns_have_their_layers(turns: list[Turn]) -> None:
    for turn in spoken_by(turns, "agent"):
        labels = turn["labels"]
        assert set(labels) - {"response"} == {"acts", "requested"}
        assert labels["acts"] and set(labels["acts"]) <= set(AGENT_ACTS)
        assert set(labels["requested"]) <= {*SLOTS, *PII}


def test_every_split_has_every_slot_and_kind_of_personal_data(corpus: dict[str, list[Dialogue]]) -> None:
    for rows in corpus.values():
        spans = [turn["spans"] for dialogue in rows for turn in dialogue["turns"]]
        assert {span["label"] for layer in spans for span in layer["slots"]} == set(SLOTS)
        assert {span["label"] for layer in spans for span in layer["pii"]} == set(PII)


def test_every_label_occurs(turns: list[Turn]) -> None:
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for turn in turns:
        for layer in ("intent", "acts", "emotion"):
            seen[f"{turn['speaker']}.{layer}"].update(turn["labels"].get(layer, ()))
        for layer in ("slots", "pii"):
            seen[layer].update(span["label"] for span in turn["spans"][layer])
    assert set(seen["customer.intent"]) == set(INTENTS)
    assert set(seen["customer.acts"]) == set(CUSTOMER_ACTS)
    assert set(seen["agent.acts"]) == set(AGENT_ACTS)
    assert set(seen["customer.emotion"]) == set(EMOTIONS.values())
    assert set(seen["slots"]) == set(SLOTS)
    assert set(seen["pii"]) == set(PII)


def test_spans_lie_in_the_text_and_do_not_overlap(turns: list[Turn]) -> None:
    for turn in turns:
        text = turn["text"]
        assert text == text.strip() and text
        spans = turn["spans"]["slots"] + turn["spans"]["pii"]
        for span in spans:
            surface = text[span["start"] : span["end"]]
            assert surface == surface.strip() and surface, (text, span)
            assert span.get("value") != surface
        edges = sorted((span["start"], span["end"]) for span in spans)
        assert all(a[1] <= b[0] for a, b in pairwise(edges)), text
        assert not re.search(r"[{}\[\]|]", text)


def test_state_is_cumulative_and_follows_the_slots(dialogues: list[Dialogue]) -> None:
    for dialogue in dialogues:
        state: dict[str, list[str]] = {}
        for turn in spoken_by(dialogue["turns"], "customer"):
            in_scope = turn["labels"].get("intent") != []
            for span in turn["spans"]["slots"] if in_scope else []:
                surface = turn["text"][span["start"] : span["end"]]
                variants = [surface, span["value"]] if "value" in span else [surface]
                state[STATE_KEYS[span["label"]]] = variants
            assert turn["labels"]["state"] == state


def test_splits_share_no_wording() -> None:
    keys = {split: {phrase.key for rows in phrases(split).values() for phrase in rows} for split in SPLITS}
    assert keys["train"] & keys["dev"] == set()
    assert keys["train"] & keys["test"] == set()
    assert keys["dev"] & keys["test"] == set()
    approved = {entry.phrase.key for entry in pool()}
    assert all(keys[split] & approved == set() for split in SPLITS)


def test_generated_turns_share_no_wording(corpus: dict[str, list[Dialogue]]) -> None:
    seen = {
        split: {normalised(turn) for dialogue in rows for turn in dialogue["turns"] if "response" not in turn["labels"]}
        for split, rows in corpus.items()
    }
    assert seen["train"] & seen["dev"] == set()
    assert seen["train"] & seen["test"] == set()
    assert seen["dev"] & seen["test"] == set()


def test_hand_written_variety() -> None:
    written = {phrase.key for split in SPLITS for rows in phrases(split).values() for phrase in rows}
    assert len(written | {entry.phrase.key for entry in pool()}) >= 1500


def test_response_pool(turns: list[Turn]) -> None:
    texts = {response.id: response.text for response in responses()}
    assert len(texts) == len(responses()) >= 120
    assert len(set(texts.values())) == len(texts)
    used = [turn for turn in turns if "response" in turn["labels"]]
    assert all(turn["text"] == texts[turn["labels"]["response"]] for turn in used)
    typed = len(spoken_by(turns, "agent")) - len(used)
    assert typed > 0.1 * len(used)
    for response in responses():
        assert set(response.intents) <= set(BUSINESS_INTENTS)
        assert response.acts and set(response.acts) <= set(AGENT_ACTS)


def test_personal_data_are_fictitious(turns: list[Turn]) -> None:
    shapes = {
        "email": r"[\w.]+@example\.(com|org|net)",
        "phone": r"(\+1 \d{3} )?555-?\s?01\d\d|07700 900\d{3}|020 7946 0\d{3}",
        "ip_address": r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}",
        "card_number": r"(4242|5555|4000|4111|3782|6011)[\d ]{11,15}",
        "iban": r"(GB82 WEST|DE89 3704|NL91 ABNA|FR14 2004|GB33 BUKB)[\dM ]+",
    }
    for turn in turns:
        for span in turn["spans"]["pii"]:
            surface = turn["text"][span["start"] : span["end"]].replace("+1 ", "+1 ")
            if span["label"] in shapes:
                assert re.fullmatch(shapes[span["label"]], surface), surface
        for domain in re.findall(r"@(\S+)", turn["text"]):
            assert re.match(r"example\.(com|org|net)\b", domain), turn["text"]


def test_satisfaction_fits_the_outcome(dialogues: list[Dialogue]) -> None:
    for dialogue in dialogues:
        satisfaction = dialogue["labels"]["satisfaction"]
        assert satisfaction in (1, 2, 3)
        customer = spoken_by(dialogue["turns"], "customer")
        if any(turn["labels"]["handoff"] for turn in customer):
            assert satisfaction < 3
        if satisfaction == 3:
            assert customer[-1]["labels"]["emotion"] == ["neutral"]
        if satisfaction == 1:
            assert customer[-1]["labels"]["emotion"] != ["neutral"]


def test_some_dialogues_are_handed_over(dialogues: list[Dialogue]) -> None:
    handed = [any(t["labels"].get("handoff") for t in d["turns"]) for d in dialogues]
    assert 0.06 <= sum(handed) / len(handed) <= 0.10


def test_some_turns_are_out_of_scope(turns: list[Turn]) -> None:
    customer = spoken_by(turns, "customer")
    share = sum(turn["labels"].get("intent") == [] for turn in customer) / len(customer)
    assert 0.025 <= share <= 0.055


def test_profiles_have_the_same_keys(dialogues: list[Dialogue]) -> None:
    keys = {tuple(sorted(dialogue["profile"])) for dialogue in dialogues}
    assert len(keys) == 1 and len(next(iter(keys))) >= 7
    assert all(isinstance(value, str) for d in dialogues for value in d["profile"].values())


def test_regenerating_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (sample_path("train").parent / path.name).read_bytes()
