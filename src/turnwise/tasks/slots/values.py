"""Values in a form that a program reads: numbers in digits, times as HH:MM, dates as YYYY-MM-DD."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from turnwise.errors import InputError, MissingExtraError
from turnwise.messages import nearest

KINDS = ("number", "time", "date")
_EXTRA = "values"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CLOCK = re.compile(r"\d:\d|\d\s*[ap]\.?m\b|noon|midnight|morning|afternoon|evening|night", re.IGNORECASE)
_TO_OR_PAST = re.compile(r"\b(half|quarter|\d{1,2})\s+(past|to)\s+(\d{1,2})\b", re.IGNORECASE)
_MINUTES = {"half": 30, "quarter": 15}


def check_kinds(values: Mapping[str, str], slots: Iterable[str]) -> None:
    """Raises InputError for a slot or a kind that is not there, MissingExtraError without the libraries."""
    known = list(slots)
    for slot, kind in values.items():
        if slot not in known:
            raise InputError(f"there is no slot {slot!r} to normalise; {nearest(slot, known)}")
        if kind not in KINDS:
            raise InputError(f"values of {slot} cannot be normalised as {kind!r}; {nearest(kind, KINDS)}")
        normalised("one", kind)


def normalised(text: str, kind: str, *, now: datetime | None = None) -> str | None:
    """The value that a text says, or None where it says none, or more than one.

    A ``number`` in digits, English number words too; a ``time`` as HH:MM, where the text tells morning from evening; a
    ``date`` as YYYY-MM-DD, counted from ``now`` (default: this day), in the future where the text leaves it open.
    Raises MissingExtraError without the extra ``values``.
    """
    digits = _digits(text)
    if kind == "number":
        found = _NUMBER.findall(digits)
        return str(found[0]) if len(found) == 1 else None
    if kind == "time":
        digits = re.sub(r"\bo'?clock\b", "", _TO_OR_PAST.sub(_clock, digits))
        if not _CLOCK.search(digits):
            return None
    when = _when(digits, now or datetime.now())
    return None if when is None else when.strftime("%H:%M" if kind == "time" else "%Y-%m-%d")


def _clock(match: re.Match[str]) -> str:
    """``half past 7`` as 7:30, ``10 to 8`` as 7:50."""
    word = match[1].lower()
    minutes, hour = _MINUTES[word] if word in _MINUTES else int(word), int(match[3])
    if match[2].lower() == "to":
        hour, minutes = hour - 1 or 12, 60 - minutes
    return f"{hour}:{minutes:02d}"


def _digits(text: str) -> str:
    try:
        from text_to_num import alpha2digit
    except ImportError:
        raise MissingExtraError("text2num", _EXTRA) from None
    return str(alpha2digit(text, "en", threshold=0))


def _when(text: str, now: datetime) -> datetime | None:
    try:
        import dateparser
    except ImportError:
        raise MissingExtraError("dateparser", _EXTRA) from None
    settings: dict[str, Any] = {"RELATIVE_BASE": now, "PREFER_DATES_FROM": "future"}
    found: datetime | None = dateparser.parse(text, languages=["en"], settings=settings)
    return found
