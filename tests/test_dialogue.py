import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.dialogue import Dialogue, Evidence, Label, Neighbour, Span, Turn, intents, to_json, utterance
from turnwise.dialogue_json import TUPLE_LAYERS, from_json
from turnwise.errors import CorpusError

TEXT = st.text(max_size=12)
NAME = st.text(min_size=1, max_size=6)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.lists(TEXT, max_size=3).map(tuple)
FREE_LABEL: st.SearchStrategy[Label] = st.one_of(
    TEXT, st.integers(), NUMBER, st.booleans(), NAMES, st.dictionaries(NAME, NAMES, max_size=2)
)
LAYERS = st.dictionaries(NAME.filter(lambda name: name not in TUPLE_LAYERS), FREE_LABEL, max_size=2)


@st.composite
def labels(draw: st.DrawFn) -> dict[str, Label]:
    found: dict[str, Label] = dict(draw(LAYERS))
    found |= draw(st.dictionaries(st.sampled_from(TUPLE_LAYERS), NAMES, max_size=2))
    return found


@st.composite
def spans(draw: st.DrawFn, text: str) -> tuple[Span, ...]:
    found = []
    for _ in range(draw(st.integers(0, 2)) if text else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        found.append(Span(start, end, draw(NAME), draw(st.none() | TEXT), draw(st.none() | NUMBER)))
    return tuple(found)


EVIDENCE = st.builds(
    Evidence,
    score=st.none() | st.floats(0, 1),
    alternatives=st.lists(st.tuples(TEXT, NUMBER), max_size=2).map(tuple),
    neighbours=st.lists(st.builds(Neighbour, TEXT, NAMES, NUMBER), max_size=2).map(tuple),
    source_turn=st.none() | st.integers(0, 9),
    truncated=st.booleans(),
)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    text = draw(TEXT)
    return Turn(
        draw(st.sampled_from(["customer", "agent", None])),
        text,
        draw(st.dictionaries(NAME, spans(text), max_size=2)),
        draw(labels()),
        draw(st.dictionaries(NAME, EVIDENCE, max_size=2)),
    )


DIALOGUES = st.builds(
    Dialogue,
    id=NAME,
    turns=st.lists(turns(), min_size=1, max_size=3).map(tuple),
    labels=labels(),
    profile=st.dictionaries(NAME, TEXT, max_size=2),
)


@given(DIALOGUES)
def test_json_and_back_gives_the_same_dialogue_with_its_evidence(dialogue: Dialogue) -> None:
    back = from_json(json.loads(json.dumps(to_json(dialogue))))
    assert back == dialogue
    assert [turn.evidence for turn in back.turns] == [turn.evidence for turn in dialogue.turns]


def json_values() -> st.SearchStrategy[Any]:
    keys = st.sampled_from(["id", "turns", "text", "speaker", "labels", "spans", "evidence", "start", "slots"]) | TEXT
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))


@given(json_values())
def test_any_json_is_a_dialogue_or_a_list_of_problems(value: Any) -> None:
    try:
        from_json(value)
    except CorpusError as error:
        assert error.problems


def turn(**changes: Any) -> dict[str, Any]:
    return {"id": "a", "turns": [{"speaker": "customer", "text": "where is it", **changes}]}


def problems(value: object, place: str = "") -> tuple[str, ...]:
    with pytest.raises(CorpusError) as caught:
        from_json(value, place=place)
    return caught.value.problems


def span(**changes: Any) -> dict[str, Any]:
    return turn(spans={"slots": [{"start": 0, "end": 5, "label": "item", **changes}]})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "the line is 3, expected an object with the keys id, turns, labels, profile"),
        ({"turns": [{"speaker": None, "text": ""}]}, "id is missing"),
        ({"id": "", "turns": [{"speaker": None, "text": ""}]}, "id is empty"),
        ({"id": "a"}, "turns is missing"),
        ({"id": "a", "turns": []}, "turns is empty; a dialogue has at least one turn"),
        ({"id": "a", "turns": ["hi"]}, "turns[0] is 'hi', expected an object with the keys speaker, text"),
        ({"id": "a", "turns": [{"text": "hi"}]}, 'turns[0].speaker is missing; write "customer", "agent" or null'),
        (turn(speaker="user"), 'turns[0].speaker is \'user\', expected "customer", "agent" or null'),
        (turn(text=7), "turns[0].text is 7, expected a text"),
        (turn(text="a\ud83d"), "turns[0].text has half a character (\\ud83d) at 1"),
        (turn(txt="hi"), "turns[0].txt is no key; did you mean 'text'? Valid: speaker, text, spans, labels, evidence"),
        (turn(labels={"intent": "late"}), "turns[0].labels.intent is 'late', expected a list of names"),
        (turn(labels={"intent": ["late", 3]}), "turns[0].labels.intent[1] is 3, expected a text"),
        (turn(labels={"satisfaction": None}), "turns[0].labels.satisfaction is None, expected a text, a number"),
        (turn(labels={"satisfaction": math.nan}), "turns[0].labels.satisfaction is nan, expected a finite number"),
        (turn(labels={"state": {"order.id": "A1"}}), "turns[0].labels.state.order.id is 'A1', expected a list"),
        (turn(labels=[]), "turns[0].labels is [], expected an object"),
        (span(end=41), "turns[0].spans.slots[0].end is 41 but the text has 11 characters"),
        (span(start=5), "turns[0].spans.slots[0].start is 5 and end 5; a span is half-open"),
        (span(start=-1), "turns[0].spans.slots[0].start is -1, expected 0 or more"),
        (span(start="0"), "turns[0].spans.slots[0].start is '0', expected a whole number"),
        (span(start=True), "turns[0].spans.slots[0].start is True, expected a whole number"),
        (span(label=None), "turns[0].spans.slots[0].label is None, expected a text"),
        (span(score=math.inf), "turns[0].spans.slots[0].score is inf, expected a finite number"),
        (turn(evidence={"intent": {"score": math.nan}}), "turns[0].evidence.intent.score is nan"),
        (turn(evidence={"intent": {"score": 1.5}}), "turns[0].evidence.intent.score is 1.5, expected a probability"),
        (turn(evidence={"intent": {"alternatives": [["a"]]}}), "turns[0].evidence.intent.alternatives[0] is ['a']"),
        (
            turn(evidence={"intent": {"truncated": 1}}),
            "turns[0].evidence.intent.truncated is 1, expected true or false",
        ),
        ({**turn(), "labels": {"emotion": "angry"}}, "labels.emotion is 'angry', expected a list of names"),
        ({**turn(), "profile": {"tier": 3}}, "profile.tier is 3, expected a text"),
    ],
)
def test_a_problem_names_the_value_and_its_place(value: object, expected: str) -> None:
    found = problems(value)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_all_problems_of_an_object_are_reported_at_once_under_their_place() -> None:
    value = {"turns": [{"speaker": "bot", "text": "hi", "spans": {"pii": [{"start": 1, "end": 9, "label": "name"}]}}]}
    assert problems(value, "line 4") == (
        "line 4: id is missing",
        'line 4: turns[0].speaker is \'bot\', expected "customer", "agent" or null',
        "line 4: turns[0].spans.pii[0].end is 9 but the text has 2 characters",
    )


def test_offsets_count_code_points() -> None:
    dialogue = from_json(
        {
            "id": "a",
            "turns": [{"speaker": None, "text": "🙂李雷", "spans": {"pii": [{"start": 1, "end": 3, "label": "n"}]}}],
        }
    )
    (found,) = dialogue.turns[0].spans["pii"]
    assert dialogue.turns[0].text[found.start : found.end] == "李雷"


def test_not_annotated_and_annotated_as_none_stay_apart() -> None:
    assert intents(from_json(to_json(utterance("hi"))).turns[0]) is None
    assert intents(from_json(to_json(utterance("hi", []))).turns[0]) == ()
    assert intents(utterance("hi", ["greet"]).turns[0]) == ("greet",)


def test_an_intent_layer_of_another_type_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"labels.intent is 'greet', expected a list"):
        intents(Turn("customer", "hi", labels={"intent": "greet"}))


def test_evidence_is_no_part_of_equality() -> None:
    assert Turn("customer", "hi", evidence={"intent": Evidence(score=0.5)}) == Turn("customer", "hi")
