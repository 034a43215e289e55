"""How dialogues are written: two choices, each with its valid values in the refusal."""

import pytest

from turnwise.errors import InputError
from turnwise.layout import FORMATS, Layout


def test_the_default_needs_no_tokens() -> None:
    assert Layout() == Layout("plain", "response")
    assert FORMATS["plain"].tokens == ()


def test_every_role_of_a_format_is_one_of_its_tokens_and_each_has_words() -> None:
    for format in FORMATS.values():
        roles = {format.customer, format.agent, format.opening, format.profile} - {None}
        assert roles <= set(format.tokens)
        assert all(words for _, words in format.words)
    assert FORMATS["cs-bert"].tokens == (
        "CUSTOMERSTART",
        "AGENTSTART",
        "INITIALQUESTION",
        "PROFILESTART",
        "UCI_TOKEN",
    )


def test_another_value_is_refused() -> None:
    with pytest.raises(InputError, match="format is 'xml', expected one of plain, tod, cs-bert"):
        Layout("xml")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="segments is 'all', expected response or speaker"):
        Layout("tod", "all")  # type: ignore[arg-type]
