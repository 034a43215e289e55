"""Sentences to mine, and their words, as Ibis expressions: the same rows from every engine that Ibis speaks."""

import ibis
from ibis.expr.types import ArrayColumn, BooleanColumn, IntegerColumn, StringColumn, Table

from turnwise.mining.settings import MiningSettings

MARK = "\x1f"
"""The token that stands for a character that is neither of a word nor a space."""
_MARKED = r"[^\p{L}\p{M}\p{N}_'’ ]"
_DIGITS, _LETTERS = "012345", "abcdef"
_HEX = 8


def sentences(texts: Table, settings: MiningSettings) -> Table:
    """(group, text) to (id, group, text, test): each text of a group once, of a length that settings allow.

    ``id`` is a hash of both, and a random order that every engine agrees on; ``test`` marks, by the text's hash, the
    sentences that only test pairs are made of.
    """
    size = texts.text.length()
    kept = texts.filter(texts.text.notnull(), size >= settings.shortest, size <= settings.longest)
    kept = kept.select("group", "text").distinct()
    return kept.mutate(
        id=hashed(kept.group + ibis.literal(MARK) + kept.text),
        test=drawn(kept.text, settings.test),
    )


def drawn(text: StringColumn, share: float) -> BooleanColumn:
    """Whether the text's hash is among the first ``share`` of all."""
    return text.hexdigest("md5").substr(0, _HEX) < f"{round(share * 16**_HEX):0{_HEX}x}"


def hashed(text: StringColumn) -> IntegerColumn:
    """An integer for a text, the same from every engine: 18 digits of its MD5, with 0 to 5 for a to f.

    Two texts have the same with a probability of 5e-18: of 10 million texts one time in 4,000 any two, of 2 billion
    about ten pairs.
    """
    return text.hexdigest("md5").substr(0, 18).translate(_LETTERS, _DIGITS).cast("int64")


def marked(text: StringColumn) -> StringColumn:
    """The text with spaces and a mark in place of every character that is neither of a word nor a space."""
    return text.re_replace(_MARKED, f" {MARK} ")


def tokens(text: StringColumn) -> ArrayColumn:
    """What single spaces part in the marked text.

    Words are letters, marks, digits and apostrophes in a row. Two of them are next to each other in the result where
    the text has one space between them and nothing else; otherwise an empty token or a mark is there.
    """
    return marked(text).split(" ")


def is_word(token: StringColumn) -> BooleanColumn:
    """Whether a token is a word."""
    return (token != "") & (token != MARK)
