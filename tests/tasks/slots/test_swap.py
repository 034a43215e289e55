"""Values change places."""

from turnwise.dialogue import Dialogue, Span, Turn
from turnwise.tasks.slots.swap import swapped


def said(number: int, text: str, *spans: tuple[int, int, str]) -> Dialogue:
    turn = Turn("customer", text, {"slots": tuple(Span(*span) for span in spans)}, {"requested": ("time",)})
    return Dialogue(f"test:{number}", (turn,))


def test_values_come_from_other_sentences_of_the_slot() -> None:
    """Of two sentences with one value each, what is new has the other's value, in the case of its own place."""
    given = [said(0, "At noon please", (3, 7, "time")), said(1, "7 pm it is", (0, 4, "time")), said(2, "hello")]
    found = [one.new for one in swapped(given, 20, seed=0)]
    assert {(one.dialogue, one.turn) for one in swapped(given, 20, seed=0)} == {(0, 0), (1, 0)}
    assert {dialogue.turns[0].text for dialogue in found} == {"At 7 pm please", "noon it is"}
    for dialogue in found:
        (turn,) = dialogue.turns
        assert turn.labels == {"requested": ("time",)}
        (span,) = turn.spans["slots"]
        assert turn.text[span.start : span.end] in ("7 pm", "noon")


def test_capitals_stay_where_they_were() -> None:
    given = [said(0, "Ida here", (0, 3, "name")), said(1, "it is bo", (6, 8, "name"))]
    assert {one.new.turns[0].text for one in swapped(given, 20, seed=1)} == {"Bo here", "it is ida"}


def test_overlapping_values_are_left_alone() -> None:
    assert swapped([said(0, "7 pm", (0, 4, "time"), (0, 1, "hour"))], 5, seed=0) == []
