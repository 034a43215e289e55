"""What stands in place of personal data; every name and key here is invented."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.errors import InputError
from turnwise.personal_data import find_personal_data
from turnwise.pseudonyms import KEY_VARIABLE, TOKENS, UCI_TOKEN, naming, read_key

KEY = b"a key that is long enough"


def test_one_token_stands_for_all() -> None:
    name = naming()
    assert {name("name", "Anna"), name("phone", "1")} == {UCI_TOKEN}


def test_the_same_value_has_the_same_number_whatever_its_capitals_and_blanks() -> None:
    name = naming("numbered")
    assert [name("phone", text) for text in ("020 7946 0018", "555 0161", "02079460018")] == [
        "[PHONE_1]",
        "[PHONE_2]",
        "[PHONE_1]",
    ]
    assert [name("name", text) for text in ("Anna Petrova", "ANNA  petrova", "Ben")] == [
        "[NAME_1]",
        "[NAME_1]",
        "[NAME_2]",
    ]
    assert name("card number", "020 7946 0018") == "[CARD_NUMBER_1]"


def test_a_part_of_a_name_is_the_person_that_bears_it_alone() -> None:
    """Anna is Anna Petrova until there is another Anna; a full name after its part is the same person."""
    name = naming("numbered")
    assert [name("PERSON", text) for text in ("Anna Petrova", "Anna", "Ben", "Ben Okri", "Ben Ito")] == [
        "[PERSON_1]",
        "[PERSON_1]",
        "[PERSON_2]",
        "[PERSON_2]",
        "[PERSON_3]",
    ]
    assert [name("name", text) for text in ("Ida Ro", "Ida Lu", "Ida")] == ["[NAME_1]", "[NAME_2]", "[NAME_3]"]


def test_pseudonyms_depend_on_key_kind_and_value_alone() -> None:
    one, again, other = naming("pseudonym", KEY), naming("pseudonym", KEY), naming("pseudonym", KEY[::-1])
    assert re.fullmatch(r"\[NAME_[a-p]{12}\]", one("name", "Anna Petrova"))
    assert one("name", "Anna Petrova") == again("name", "anna PETROVA ") != other("name", "Anna Petrova")
    assert one("name", "Anna") != one("name", "Anna Petrova")
    assert one("name", "Anna")[6:] != one("username", "Anna")[10:]


@given(st.text(min_size=1, max_size=20), st.sampled_from(("numbered", "pseudonym")))
def test_what_stands_there_is_known_as_such_and_no_rule_finds_it(kind: str, form: str) -> None:
    for value in ("Anna", "612 345 678"):
        token = naming(form, KEY)(kind, value)  # type: ignore[arg-type]
        assert TOKENS.fullmatch(token)
        assert find_personal_data(f"it is {token}.") == () or any(c.isdigit() for c in kind)


def test_keys_come_from_a_file_or_the_environment_and_are_never_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    assert read_key(tmp_path / "key") == KEY
    monkeypatch.setenv(KEY_VARIABLE, "another key, long enough too")
    assert read_key(None) == b"another key, long enough too"
    (tmp_path / "short").write_bytes(b"tiny-secret")
    for path, said in ((tmp_path / "short", "holds 11 bytes"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(InputError, match=said) as caught:
            read_key(path)
        assert "tiny-secret" not in str(caught.value)
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(InputError, match=f"{KEY_VARIABLE} holds no key"):
        read_key(None)


def test_wrong_forms_and_missing_keys_are_refused() -> None:
    with pytest.raises(InputError, match="form is 'hash'"):
        naming("hash")  # type: ignore[arg-type]
    for key in (None, b"short"):
        with pytest.raises(InputError, match="at least 16 bytes"):
            naming("pseudonym", key)
