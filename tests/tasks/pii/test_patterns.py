"""Forms that may be personal data; every text is written for the test."""

import subprocess
import sys

import pytest

from turnwise.tasks.pii.patterns import find_patterns


@pytest.mark.parametrize(
    ("text", "kind", "piece"),
    [
        ("on 2021-03-04 15:30:00, the", "date", "2021-03-04 15:30:00"),
        ("It's 6/24/1991.", "date", "6/24/1991"),
        ("the 2nd of April 2019", "date", "2nd of April 2019"),
        ("by June 28th.", "date", "June 28th"),
        ("from 9 Dec. 2019", "date", "9 Dec. 2019"),
        ("delivered at 14:02 today", "time", "14:02"),
        ("at 9:30 p.m. sharp", "time", "9:30 p.m."),
        ("until TUESDAY morning", "weekday", "TUESDAY"),
        ("founded in 1977.", "year", "1977"),
        ("a 19 year old man", "age", "19"),
        ("She is 31 y/o", "age", "31"),
        ("aged 45", "age", "45"),
        ("see https://shop.example/help/ today", "web_address", "https://shop.example/help/"),
        ("www.shop.example.", "web_address", "www.shop.example"),
    ],
)
def test_a_form_is_found_with_its_ends(text: str, kind: str, piece: str) -> None:
    assert [(span.label, text[span.start : span.end]) for span in find_patterns(text)] == [(kind, piece)]


@pytest.mark.parametrize(
    "text",
    ["59.90", "192.0.2.17", "$1999", "1977-1", "25:61", "a@www.example", "3 years", "1.2.3.4", "Mondays", "19:5"],
)
def test_other_numbers_and_words_are_left(text: str) -> None:
    assert find_patterns(text) == ()


_HOSTILE = """
from turnwise.tasks.pii.patterns import find_patterns
for unit in "1", "1-", "1:1", "1 may ", "http://", "www.", "1 year", "aged 1", "a.":
    find_patterns(unit * (20_000 // len(unit)))
"""


def test_no_hostile_text_keeps_the_patterns_busy() -> None:
    """A pattern that goes back and forth over one of them would take hours, not seconds."""
    subprocess.run([sys.executable, "-c", _HOSTILE], check=True, timeout=60)
