"""Which dialogues ``--where`` takes, and what it says when it takes none."""

import pytest

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.errors import InputError
from turnwise.where import Condition, Selection, parse_condition

REFUND = Dialogue(
    "1",
    (
        Turn("customer", "i want my money back", labels={"intent": ("refund",), "state": {"order.id": ("17",)}}),
        Turn("agent", "it is on its way", labels={"acts": ("inform",)}),
        Turn("customer", "for order 17", labels={"intent": ()}, spans={"slots": (Span(10, 12, "number"),)}),
    ),
    labels={"satisfaction": 4, "domains": ("orders", "payments"), "solved": True},
    profile={"country": "nl"},
)
HELLO = Dialogue("2", (Turn("customer", "hello there"),), labels={"satisfaction": 2})


def taken(*expressions: str) -> list[str]:
    selection = Selection([parse_condition(text) for text in expressions])
    return [dialogue.id for dialogue in (REFUND, HELLO) if selection.takes(dialogue)]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("intent=refund", ["1"]),
        ("intent=refund|return", ["1"]),
        ("intent!=refund", ["2"]),
        ("intent=return", []),
        ("acts=inform", ["1"]),
        ("slots=number", ["1"]),
        ("state=order.id", ["1"]),
        ("domains=hotel|payments", ["1"]),
        ("country=nl", ["1"]),
        ("solved=true", ["1"]),
        ("satisfaction>=3", ["1"]),
        ("satisfaction<3", ["2"]),
        ("satisfaction<=4", ["1", "2"]),
        ("satisfaction=4", ["1"]),
        ("turns>1", ["1"]),
        ("turns=1", ["2"]),
        ("turns=01.0", ["2"]),
        ("turns!=1|2", ["1"]),
        ("words>=13", ["1"]),  # 5 + 5 + 3
        ("words>=14", []),
        (" words < 3 ", ["2"]),
        ("intent>=3", []),  # no number
    ],
)
def test_a_condition_looks_at_dialogue_turns_spans_and_profile(expression: str, found: list[str]) -> None:
    assert taken(expression) == found


def test_all_conditions_must_hold() -> None:
    assert taken("satisfaction>=1", "turns>=2") == ["1"]
    assert taken("satisfaction>=3", "turns=1") == []
    assert taken() == ["1", "2"]


def test_values_may_hold_signs_and_spaces() -> None:
    assert parse_condition("intent=a=b | c d") == Condition("intent", "=", ("a=b", "c d"))
    assert str(parse_condition("domains = hotel|taxi")) == "domains=hotel|taxi"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("intent", "is no condition; write LAYER=VALUE"),
        ("", "is no condition"),
        ("=refund", "is no condition"),
        ("intent=", "lacks a value; write intent=VALUE"),
        ("intent=a|", "lacks a value"),
        ("turns>=few", "compares with 'few', expected one number"),
        ("turns>=1|2", "compares with '1\\|2', expected one number"),
        ("satisfaction>nan", "expected one number"),
        ("words=many", "compares a count with 'many', expected a number"),
    ],
)
def test_what_is_no_condition_is_refused(expression: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_condition(expression)


def problems(*expressions: str) -> list[str]:
    selection = Selection([parse_condition(text) for text in expressions])
    with pytest.raises(InputError) as error:
        list(selection.of([REFUND, HELLO]))
    return [line.strip() for line in str(error.value).splitlines()]


def test_nothing_taken_says_what_each_condition_lacks_with_the_nearest_name() -> None:
    assert problems("intnet=refund", "intent=refunt", "turns>=9", "satisfaction>=3") == [
        "no dialogue of the 2 is as --where says:",
        "--where intnet=refund: 0 of 2 dialogues; there is no layer 'intnet'; did you mean 'intent'? Valid: acts, "
        "country, domains, intent, satisfaction, slots, solved, state, turns, words",
        "--where intent=refunt: 0 of 2 dialogues; did you mean 'refund'? Valid: refund",
        "--where turns>=9: 0 of 2 dialogues; it lies between 1 and 3",
        "--where satisfaction>=3: 1 of 2 dialogues",
    ]


def test_of_many_values_only_the_nearest_is_named() -> None:
    dialogues = [Dialogue(str(n), (Turn("customer", "x", labels={"intent": (f"topic {n}",)}),)) for n in range(30)]
    with pytest.raises(InputError, match=r"did you mean 'topic 7'\?$"):
        list(Selection([parse_condition("intent=topc 7")]).of(dialogues))
    with pytest.raises(InputError, match="it has 30 other values"):
        list(Selection([parse_condition("intent=zzz")]).of(dialogues))


def test_an_empty_corpus_is_not_the_fault_of_a_condition() -> None:
    assert list(Selection([parse_condition("turns>1")]).of([])) == []
