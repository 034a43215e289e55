"""Words, normal forms, and values that are found in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.tasks.state.words import Finder, normal, words


def test_words_keep_their_places() -> None:
    text = "Table at 7pm, Straße 5-b"
    found = words(text)
    assert [word.text for word in found] == ["table", "at", "7", "pm", ",", "strasse", "5", "-", "b"]
    assert [text[word.start : word.end] for word in found][5] == "Straße"


def test_scripts_without_spaces_are_split_into_characters() -> None:
    assert [word.text for word in words("我想去Hilton酒店")] == ["我", "想", "去", "hilton", "酒", "店"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("7 PM", "7pm"), ("dont care", "dontcare"), ("Don't  care", "dontcare"), ("", "none"), ("Not Mentioned", "none")],
)
def test_forms_that_are_one_value(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize(("one", "other"), [("7 pm", "8 pm"), ("north", "northern"), ("😀", "😢")])
def test_forms_that_are_two(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_values_are_found_as_whole_words() -> None:
    finder = Finder([("north", 0), ("North American", 1), ("北", 2), ("", 3)])
    text = "north american food, northern area; 在北边"
    found = [(value, text[start:end]) for value, start, end in finder.find(words(text))]
    assert found == [(0, "north"), (1, "north american"), (2, "北")]


@given(st.text(max_size=40))
def test_the_normal_form_is_its_own_and_places_are_in_the_text(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    assert all(0 <= word.start < word.end <= len(text) for word in words(text))


@given(st.text("ab 1中.", min_size=1, max_size=8), st.text("xy ", max_size=5))
def test_a_value_between_blanks_is_found(value: str, around: str) -> None:
    text = f"{around} {value} {around}"
    found = list(Finder([(value, "it")]).find(words(text)))
    assert bool(found) == bool(words(value))
    assert all(normal(text[start:end]) == normal(value) for _, start, end in found)
