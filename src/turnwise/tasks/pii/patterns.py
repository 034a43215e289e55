"""Stretches whose form says what they are, but not whether they are personal data: that a corpus's own labels say.

By kind: ``date`` (with a time of day behind it), ``time``, ``weekday``, ``year`` (1900 to 2099), ``age`` (before "years
old", behind "aged"), ``web_address``. ``turnwise.personal_data`` leaves them alone; a task that learned from annotated
turns knows better.
"""

import re

from turnwise.dialogue import Span
from turnwise.personal_data import merged

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)(?:\.(?=\s?\d))?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?)?"
_DATE = (
    r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})"
    rf"|{_DAY}\s(?:of\s)?{_MONTH}(?:,?\s\d{{4}})?|{_MONTH}\s{_DAY}(?:,?\s\d{{4}})?)"
)
_PATTERNS = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("date", rf"(?<![\w./:-]){_DATE}(?:(?:T|,?\s){_CLOCK})?(?![\w/:-]|\.\d)"),
        ("time", rf"(?<![\w.:-]){_CLOCK}(?![\w:-]|\.\d)"),
        ("weekday", r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b"),
        ("year", r"(?<![\w.,/:$€£#-])(?:19|20)\d\d(?![\w/:-]|[.,]\d)"),
        ("age", r"(?<![\w.,-])\d{1,3}(?=[ -](?:years?|yrs?\.?)[ -]old\b|\sy/o\b)|(?<=\baged\s)\d{1,3}(?!\w)"),
        ("web_address", r"(?<![\w@.])(?:https?://|www\.)[^\s<>\"]*[\w/=&~#%-]"),
    )
)
KINDS = frozenset(kind for kind, _ in _PATTERNS)


def find_patterns(text: str) -> tuple[Span, ...]:
    """The stretches in order, those that overlap or touch merged; ``label`` is the kind."""
    return merged(Span(*match.span(), kind) for kind, pattern in _PATTERNS for match in pattern.finditer(text))
