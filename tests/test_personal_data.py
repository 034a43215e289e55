"""What the rules find and what they leave; every text here is invented, its numbers are reserved for examples."""

import subprocess
import sys

import pytest

from turnwise.dialogue import Span
from turnwise.errors import InputError
from turnwise.personal_data import check_regions, find_checked, find_personal_data, merged


def found(text: str, asked: str = "", regions: tuple[str, ...] = ("US", "GB")) -> list[tuple[str, str]]:
    return [
        (span.label, text[span.start : span.end]) for span in find_personal_data(text, asked=asked, regions=regions)
    ]


@pytest.mark.parametrize(
    ("text", "kind", "piece"),
    [
        ("mail anna.petrova+shop@mail.example.org, ok?", "email", "anna.petrova+shop@mail.example.org"),
        ("It is o'brien@example.com.", "email", "o'brien@example.com"),
        ("anna (at) example (dot) org", "email", "anna (at) example (dot) org"),
        ("write to anna at example dot com please", "email", "anna at example dot com"),
        ("see https://shop.example/track?id=9&m=a.", "url", "https://shop.example/track?id=9&m=a"),
        ("ftp https://anna:pw@shop.example/x", "url", "https://anna:pw@shop.example/x"),
        ("www.shop.example/users/anna!", "url", "www.shop.example/users/anna"),
        ("https://shop.example/orders/123456", "url", "https://shop.example/orders/123456"),
        ("call 020 7946 0018 now", "phone", "020 7946 0018"),
        ("07700 900123", "phone", "07700 900123"),
        ("+44 (0)20 7946 0018", "phone", "+44 (0)20 7946 0018"),
        ("it's (202) 456-1111 x22.", "phone", "(202) 456-1111 x22"),
        ("202-555-0143", "phone", "202-555-0143"),
        ("my phone is 555-0143", "phone", "555-0143"),
        ("4111 1111 1111 1111 12/27", "card_number", "4111 1111 1111 1111"),
        ("card 4111-1111-1111-1111, thanks", "card_number", "4111-1111-1111-1111"),
        ("378282246310005", "card_number", "378282246310005"),
        ("card 180049782463219", "card_number", "180049782463219"),
        ("maestro 6759 6498 2648", "card_number", "6759 6498 2648"),
        ("typed wrongly: 4111 1111 1111 1112", "account_number", "4111 1111 1111 1112"),
        ("pay DE89 3704 0044 0532 0130 00 for me", "iban", "DE89 3704 0044 0532 0130 00"),
        ("gb82west12345698765432", "iban", "gb82west12345698765432"),
        ("from 192.0.2.17.", "ip_address", "192.0.2.17"),
        ("at 2001:db8::17 again", "ip_address", "2001:db8::17"),
        ("ssn 123-45-6789", "social_security", "123-45-6789"),
        ("AB 12 34 56 C", "social_security", "AB 12 34 56 C"),
        ("account 1234567", "account_number", "1234567"),
        ("ticket RE102373817x", "account_number", "RE102373817x"),
        ("I live at 28 Harrow Lane.", "address", "28 Harrow Lane"),
        ("to 221b Baker Street, London NW1 6XE, please", "address", "221b Baker Street, London NW1 6XE"),
        ("7 elm grove road", "address", "7 elm grove road"),
        ("350 5th Avenue Apt 4", "address", "350 5th Avenue Apt 4"),
        ("P.O. Box 12", "address", "P.O. Box 12"),
        ("Springfield, IL 62704", "postcode", "IL 62704"),
        ("in SW1A 1AA", "postcode", "SW1A 1AA"),
        ("my zip code is 90210", "postcode", "90210"),
        ("my name is anna petrova and I wait", "name", "anna petrova"),
        ("My name's Zoë O'Neill-Smith.", "name", "Zoë O'Neill-Smith"),
        ("MY NAME IS ANNA PETROVA AND I WAIT", "name", "ANNA PETROVA"),
        ("this is Anna Petrova speaking", "name", "Anna Petrova"),
        ("Hi, Anna here.", "name", "Anna"),
        ("Hello, I'm Anna from the shop", "name", "Anna"),
        ("Dear Mr. J. R. van der Berg, hello", "name", "J. R. van der Berg"),
        ("Best regards,\nAnna Petrova", "name", "Anna Petrova"),
        ("I was born on the 4th of July 1985", "date_of_birth", "4th of July 1985"),
        ("date of birth: 04/07/1985", "date_of_birth", "04/07/1985"),
        ("DOB 1985-07-04", "date_of_birth", "1985-07-04"),
        ("my birthday is July 4, 1985", "date_of_birth", "July 4, 1985"),
    ],
)
def test_personal_data_is_found_to_the_character(text: str, kind: str, piece: str) -> None:
    assert found(text) == [(kind, piece)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order LM-263586 or 263586",
        "on 12/03/2024, 12.03.2024 and 2024-03-12 at 10:15:30",
        "Date: 1978-04-13 12:20:39",
        "it cost $1234567 or 1234567.89 or 1,234,567",
        "firmware version 1.2.3.4",
        "see https://shop.example/help/returns and shop.example",
        "my name is on the account, my name is misspelled",
        "I am Furious. I'm Austrian.",
        "This is Royal Mail. Nothing here works",
        "I waited 3 days on the road for 5 items on the way",
        "2 parcels, 10 shoes, 500-1000 people",
        "IL 6270 and OR 1234",
        "999.1.1.1 and 1:2:3 and ::",
        "Track my parcel",
        "delivered on 4 July 2024",
        "UCI_TOKEN, my name is UCI_TOKEN",
    ],
)
def test_what_belongs_to_nobody_is_left(text: str) -> None:
    assert found(text) == []


def test_a_luhn_or_mod_97_mistake_makes_no_card_and_no_iban() -> None:
    assert "card_number" not in dict(found("378282246310006"))
    assert "iban" not in dict(found("DE88 3704 0044 0532 0130 00"))


@pytest.mark.parametrize(
    ("asked", "text", "expected"),
    [
        ("May I have your full name, please?", "Sure, Anna Petrova", [("name", "Anna Petrova")]),
        ("and your name?", "anna petrova", [("name", "anna petrova")]),
        ("What is your name?", "Track my parcel", []),
        ("Can you confirm your date of birth?", "04/07/1985", [("date_of_birth", "04/07/1985")]),
        ("When did you order?", "04/07/1985", []),
        ("Can I have your phone number?", "99 57 74 50", [("phone", "99 57 74 50")]),
        ("How many?", "99 57 74 50", []),
    ],
)
def test_what_the_turn_before_asks_for_needs_no_cue(asked: str, text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text, asked) == expected


def test_national_phone_numbers_are_those_of_the_regions() -> None:
    assert found("612 345 678", regions=("GB",)) == []
    assert found("612 345 678", regions=("ES",)) == [("phone", "612 345 678")]
    with pytest.raises(InputError, match="no phone plan of the region 'uk'; write two capital letters"):
        check_regions(("GB", "uk"))


def test_what_overlaps_or_touches_is_one_of_the_longest_kind() -> None:
    assert merged([Span(4, 6, "b"), Span(0, 3, "a"), Span(2, 4, "c"), Span(8, 9, "d")]) == (
        Span(0, 6, "a"),
        Span(8, 9, "d"),
    )


_HOSTILE = """
from turnwise.personal_data import find_personal_data
units = "a", "1", "1-", "02 ", "a'", "a@", "a.", "1:", "www.", "https://a/1234", "my name is ", "1 Aa Bb ", "DE89 "
for unit in units:
    find_personal_data(unit * (20_000 // len(unit)))
"""


def test_no_hostile_text_keeps_the_rules_busy() -> None:
    """A pattern that goes back and forth over one of them would take hours, not seconds."""
    subprocess.run([sys.executable, "-c", _HOSTILE], check=True, timeout=120)


def test_checked_numbers_are_cards_and_accounts_whose_check_is_right() -> None:
    text = "pay 4111 1111 1111 1111 or DE89 3704 0044 0532 0130 00, not 4111 1111 1111 1112, call 020 7946 0018"
    assert [(span.label, text[span.start : span.end]) for span in find_checked(text)] == [
        ("card_number", "4111 1111 1111 1111"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
    ]
