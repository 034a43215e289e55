"""Sentences to mine, and their words, as Ibis expressions: the same rows from every engine that Ibis speaks."""

import ibis
from ibis.expr.types import ArrayColumn, StringColumn, Table

from turnwise.mining.settings import MiningSettings

_WORD = r"[\p{L}\p{M}\p{N}_'’]+"
_GAP = r"[^\p{L}\p{M}\p{N}_'’]+"
_DIGITS = 4


def sentences(texts: Table, settings: MiningSettings) -> Table:
    """(group, text) to (id, group, text, hash, test): each text of a group once, of a length that settings allow.

    ``hash`` is a random order of texts that every engine agrees on; by it ``test`` marks the sentences that only test
    pairs are made of.
    """
    size = texts.text.length()
    kept = texts.filter(texts.text.notnull(), size >= settings.shortest, size <= settings.longest)
    kept = kept.select("group", "text").distinct()
    kept = kept.mutate(
        id=(kept.group + ibis.literal("\x1f") + kept.text).hexdigest("md5"), hash=kept.text.hexdigest("md5")
    )
    return kept.mutate(test=first_of(kept.hash, settings.test))


def first_of(hashes: StringColumn, share: float) -> ibis.expr.types.BooleanColumn:
    """Whether a hash is in the first ``share`` of all hashes."""
    return hashes.substr(0, _DIGITS) < f"{round(share * 16**_DIGITS):0{_DIGITS}x}"


def words(text: StringColumn) -> ArrayColumn:
    """The words of a text: letters, marks, digits and apostrophes in a row."""
    return text.re_split(_GAP).filter(lambda word: word != "")


def gaps(text: StringColumn) -> ArrayColumn:
    """What stands before each word, and at the end: gap k, word k, gap k + 1, ... are the text."""
    return text.re_split(_WORD)
