"""The rules in a corpus's labels, and beside a model; every number here is a test number or invented."""

from dataclasses import replace

import pytest

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.tasks.pii.rules import by_rules, learn_trust, left_to_rules, together, without

CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"


def said(text: str, *spans: Span, before: str = "") -> Dialogue:
    turns = (Turn("agent", before), Turn("customer", text, {"pii": spans}))
    return Dialogue("test:0", turns)


def test_labels_of_the_rules_kinds_are_those_that_most_hits_coincide_with() -> None:
    """Three hits of email: two are CONTACT, one nothing; (2 + 1) / (3 + 2), and 2 / (2 + 1) of CONTACT are found.

    No hit of postcode is a span.
    """
    given = [
        said("mail a@example.org", Span(5, 18, "CONTACT")),
        said("mail b@example.org", Span(5, 18, "CONTACT")),
        said("mail c@example.org"),
        said("zip 90210", Span(0, 9, "OTHER")),
    ]
    assert learn_trust(given) == {
        "email": {"label": "CONTACT", "right": pytest.approx(3 / 5), "found": pytest.approx(2 / 3)},
        "postcode": {"label": "postcode", "right": pytest.approx(1 / 3), "found": 0},
    }


def test_turns_that_are_not_annotated_teach_nothing() -> None:
    plain = Dialogue("test:0", (Turn("customer", "mail a@example.org"),))
    assert learn_trust([plain]) == {}


def test_kinds_speak_in_learned_labels_and_distrusted_ones_are_silent() -> None:
    trust = {"email": {"label": "CONTACT", "right": 0.8}, "postcode": {"label": "zip", "right": 0.2}}
    text = f"a@example.org zip 90210, card {CARD}"
    sure, others = by_rules(said(text), 1, trust)
    start = text.index(CARD)
    assert sure == [Span(start, start + len(CARD), "card_number")]
    assert others == [Span(0, 13, "CONTACT", score=0.8)]


def test_a_format_that_was_right_in_training_is_sure_and_a_cue_never_is() -> None:
    trust = {"email": {"label": "CONTACT", "right": 0.85}, "name": {"label": "WHO", "right": 0.99}}
    sure, others = by_rules(said("my name is Anna Petrova, a@example.org"), 1, trust)
    assert sure == [Span(25, 38, "CONTACT", score=0.85)]
    assert others == [Span(11, 23, "WHO", score=0.99)]


def test_patterns_are_told_where_training_marked_them() -> None:
    text = "on 2021-03-04, see www.shop.example"
    assert by_rules(said(text), 1, {}) == ([], [])
    trust = learn_trust([said(text, Span(3, 13, "WHEN"))] * 8)
    assert trust["date"] == {"label": "WHEN", "right": pytest.approx(0.9), "found": pytest.approx(8 / 9)}
    assert trust["web_address"]["right"] == pytest.approx(0.1)
    assert by_rules(said(text), 1, trust) == ([Span(3, 13, "WHEN", score=trust["date"]["right"])], [])


def test_labels_are_left_to_rules_that_find_nine_in_ten_by_their_form() -> None:
    """phone and iban find 0.6 + 0.35 of NUMBER; name is known by what stands around, the date is not right enough."""
    trust = {
        "phone": {"label": "NUMBER", "right": 0.9, "found": 0.6},
        "iban": {"label": "NUMBER", "right": 0.9, "found": 0.35},
        "name": {"label": "WHO", "right": 0.99, "found": 0.99},
        "date": {"label": "WHEN", "right": 0.8, "found": 0.99},
        "email": {"label": "CONTACT", "right": 0.99, "found": 0.89},
    }
    assert left_to_rules(trust) == {"NUMBER"}
    assert left_to_rules({}) == frozenset()


def test_a_name_that_was_asked_for_needs_no_cue() -> None:
    _, others = by_rules(said("Anna Petrova", before="What is your name?"), 1, {})
    assert others == [Span(0, 12, "name")]


def test_of_a_model_s_span_and_a_rule_s_the_likelier_stays() -> None:
    text = "write to a@example.org please"
    _, others = by_rules(said(text), 1, {"email": {"label": "CONTACT", "right": 0.8}})
    fragments = (Span(9, 10, "NAME", score=0.4), Span(11, 22, "SITE", score=0.5))
    assert together(fragments, [], others) == (Span(9, 22, "CONTACT", score=0.8),)
    sure = Span(9, 22, "LOGIN", score=0.95)
    assert together([sure], [], others) == (sure,)


def test_a_number_whose_check_is_right_wins_and_rules_that_nobody_knows_give_way() -> None:
    text = f"{IBAN} a@example.org"
    checked, others = by_rules(said(text), 1, {})
    model = [Span(0, 4, "name", score=0.9), Span(28, 33, "username", score=0.4)]
    assert together(model, checked, others) == (Span(0, 27, "iban"), model[1])
    assert together([], checked, others) == (Span(0, 27, "iban"), Span(28, 41, "email"))


def test_a_wrong_check_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_rules(said(IBAN.replace("89", "88")), 1, {})[0] == []
    assert by_rules(said(CARD[:-1] + "2"), 1, {})[0] == []


def test_spans_that_touch_do_not_overlap() -> None:
    one, other = Span(0, 3, "a"), Span(3, 5, "b")
    assert without([one], [other]) == [one]
    assert without([one], [replace(other, start=2)]) == []
