"""Counting the entities of a text: for entity number prediction, and pluggable."""

import re
from collections.abc import Callable
from typing import Any

from turnwise.errors import InputError, MissingExtraError

Tagger = Callable[[str], int]

_NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|tonight|yesterday"
_LONG_MONTHS = "january|february|march|april|june|july|august|september|october|november|december"
_MONTHS = f"{_LONG_MONTHS}|may|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
_FIXED = rf"""
    (?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+                                      # e-mail
  | (?:https?://|www\.)\S+                                           # address in the web
  | [$€£¥]\s?\d[\d,.]*                                               # money
  | \d[\d,.]*\s?(?:dollars?|euros?|pounds?|usd|eur|gbp|%|percent)\b
  | \b\d{{1,2}}(?::\d{{2}})?\s?(?:am|pm|a\.m\.|p\.m\.|o'clock)(?!\w)    # time
  | \b\d{{1,2}}:\d{{2}}\b
  | \b(?:{_MONTHS})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b           # date
  | \b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTHS})\b
  | \b\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}\b
  | \b(?:{_DAYS}|{_LONG_MONTHS})\b
  | \+?\d[\d\s().-]{{6,}}\d                                          # telephone
  | \b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{{4,}}\b                          # codes
  | \b\d[\d,.]*\b | \b(?:{_NUMBERS})\b                     # numbers
"""
_PATTERN = re.compile(_FIXED, re.IGNORECASE | re.VERBOSE)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)(?<![\w'])[A-Z][\w'&-]*(?:\s+(?:(?:of|the|de|and|&)\s+)?[A-Z][\w'&-]*)*")
_NO_NAMES = frozenset(
    ["I", "I'm", "I'd", "I'll", "I've", "OK", "Ok", "Hi", "Hello", "Thanks", "Mr", "Mrs", "Ms", "Sir"]
)


def rule_tagger(text: str) -> int:
    """Entities by rules, no download: names (capitalised words inside a sentence, a run is one), e-mail and web
    addresses, money, dates, times, telephone numbers, codes and other numbers. In lower-cased text names are not
    seen."""
    rest, fixed = _PATTERN.subn(lambda match: "\0" * len(match[0]), text)
    return fixed + sum(name not in _NO_NAMES for name in _NAME.findall(rest))


def tagger(name: str) -> Tagger:
    """``rules``, ``stanza`` or ``spacy`` (English models, which their libraries must have on this machine).

    Raises MissingExtraError when the library is not installed, InputError when its model is not there.
    """
    if name == "rules":
        return rule_tagger
    if name == "stanza":
        return _stanza()
    if name == "spacy":
        return _spacy()
    raise InputError(f"tagger is {name!r}, expected rules, stanza or spacy")


def _stanza() -> Tagger:
    try:
        import stanza
    except ImportError:
        raise MissingExtraError("stanza", "stanza") from None
    try:
        pipeline: Any = stanza.Pipeline("en", processors="tokenize,ner", download_method=None, verbose=False)
    except Exception as error:
        raise InputError(
            f"stanza has no English model on this machine ({error}); "
            "run: python -c \"import stanza; stanza.download('en')\""
        ) from error
    return lambda text: len(pipeline(text).ents)


def _spacy() -> Tagger:
    try:
        import spacy
    except ImportError:
        raise MissingExtraError("spacy", "spacy") from None
    try:
        pipeline: Any = spacy.load("en_core_web_sm", disable=["parser", "lemmatizer"])
    except OSError as error:
        raise InputError(
            "spaCy's model en_core_web_sm is not on this machine; run: python -m spacy download en_core_web_sm"
        ) from error
    return lambda text: len(pipeline(text).ents)
