"""When a message was sent, as exports of helpdesk tools write it."""

import math
import re
from datetime import UTC, datetime
from typing import Literal

Kind = Literal["number", "date"]
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_ZONE = re.compile(r"\s*(UTC|GMT|Z)$", re.IGNORECASE)
_SPACED_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")
_TWITTER = "%a %b %d %H:%M:%S %z %Y"


def parse_time(cell: str) -> tuple[Kind, float] | None:
    """The kind of a time and a figure to sort it by; None when it cannot be read.

    A number is a count of seconds, or of any other unit, from any start: it is taken as it is. A date is ISO 8601
    (``2017-10-31 22:10:47``, also with ``T``, a fraction, an offset, ``Z``, ``UTC`` or ``GMT``) or as Twitter writes it
    (``Tue Oct 31 22:10:47 +0000 2017``), and becomes seconds since 1970; without a time zone it is UTC.
    """
    cell = cell.strip()
    if _NUMBER.fullmatch(cell):
        number = float(cell)
        return ("number", number) if math.isfinite(number) else None
    date = _date(cell)
    if date is None:
        return None
    return "date", (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _date(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(_SPACED_OFFSET.sub("", _ZONE.sub("+00:00", cell)))
    except ValueError:
        pass
    try:
        return datetime.strptime(cell, _TWITTER)
    except ValueError:
        return None
