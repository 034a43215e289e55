"""Values in a form that programs read."""

from datetime import datetime

import pytest

from turnwise.errors import InputError
from turnwise.tasks.slots.values import check_kinds, normalised

pytest.importorskip("dateparser")
pytest.importorskip("text_to_num")
NOW = datetime(2026, 11, 27, 12, 0)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("five people", "number", "5"),
        ("twenty five", "number", "25"),
        ("5 adults and 1 child", "number", None),
        ("us", "number", None),
        ("7pm", "time", "19:00"),
        ("7 in the evening", "time", "19:00"),
        ("half past seven pm", "time", "19:30"),
        ("quarter to 8 pm", "time", "19:45"),
        ("18:30", "time", "18:30"),
        ("seven", "time", None),
        ("whenever", "time", None),
        ("tomorrow", "date", "2026-11-28"),
        ("next Thursday", "date", "2026-12-03"),
        ("August 23rd", "date", "2027-08-23"),
        ("no idea", "date", None),
    ],
)
def test_values(text: str, kind: str, expected: str | None) -> None:
    assert normalised(text, kind, now=NOW) == expected


def test_only_known_slots_and_kinds() -> None:
    check_kinds({"time": "time"}, ["time"])
    with pytest.raises(InputError, match="there is no slot 'tme' to normalise; did you mean 'time'"):
        check_kinds({"tme": "time"}, ["time"])
    with pytest.raises(InputError, match="cannot be normalised as 'clock'"):
        check_kinds({"time": "clock"}, ["time"])
