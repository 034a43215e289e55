"""Keyphrases of sentences: rare words, and rare words beside each other."""

import ibis
from ibis import _
from ibis.expr.types import IntegerValue, Table

from turnwise.mining.sentences import hashed, is_word, tokens
from turnwise.mining.settings import MiningSettings

UNIT = 10**9
"""Scores are integers, so many to 1: every engine orders them alike."""
NAMES = ("first", "second", "third")
"""The columns of a phrase's words, as hashes; 0 where it has fewer."""
_PLACES, _LENGTHS = 16, 2
"""Bits of a key for the place and the length of a phrase."""
_LIFT = 2**38
"""Makes scores positive: those of words that are in every sentence several times are not."""


def word_counts(found: Table) -> Table:
    """(word, total): how often each word occurs."""
    every = found.select(word=tokens(found.text.lower()).unnest())
    return every.filter(is_word(every.word)).group_by("word").agg(total=_.count())


def keyphrases(found: Table, counts: Table, sentences: int, settings: MiningSettings, threshold: int | None) -> Table:
    """(id, at, length, score, first, second, third) of the best phrases of each sentence.

    score(kp) = 1 / n^alpha sum_i log(|D| / count(w_i)), of one, two or three words with a single space between them;
    it is given in ``UNIT`` and must be above ``threshold`` (None: any score is). Of the phrases that fill at most
    ``share`` of the sentence the best is taken, and the best of those that do not overlap with it (of equal ones the
    longer, then the earlier).

    ``at`` is the place of the first word among the tokens, ``length`` counts words; ``first`` to ``third`` are hashes
    of the words. ``sentences`` is |D|. Source: ConVEx, section 2.2, equation 1.
    """
    rows = _scored(_words(found, counts, sentences), settings, threshold)
    keys = {f"key_{length}": _key(rows, length, settings, threshold) for length in (1, 2, 3)}
    return _best(rows.select("id", "at", *NAMES, **keys), settings.most)


def spelled(phrases: Table, counts: Table, most: int) -> Table:
    """(phrase, times): of phrases (first, second, third, times) the most frequent ones in letters."""
    words = counts.select("word", number=hashed(counts.word))
    rows = phrases.order_by(ibis.desc("times"), *NAMES).limit(most)
    for name in NAMES:
        rows = rows.left_join(words.select(**{f"word_{name}": words.word, name: words.number}), name)
        rows = rows.drop(f"{name}_right")
    text = rows.word_first
    for name in NAMES[1:]:
        text += ibis.coalesce(ibis.literal(" ") + rows[f"word_{name}"], "")
    return rows.select("times", phrase=text).order_by(ibis.desc("times"), "phrase")


def _words(found: Table, counts: Table, sentences: int) -> Table:
    """A row for each word of each sentence: hash, weight and characters of it and of the two words after it, or null.

    A weight is log(|D| / count) in ``UNIT``. A phrase is of words next to each other among the ``tokens``.
    """
    beyond = ibis.array(["", ""])  # Spark refuses to look behind the end of an array
    split = found.select("id", size=found.text.length(), tokens=tokens(found.text.lower()).concat(beyond))
    split = split.mutate(at=ibis.range(0, split.tokens.length().cast("int32") - 2).unnest())
    words = {f"word_{name}": split.tokens[split["at"] + step] for step, name in enumerate(NAMES)}
    rows = split.select("id", "size", "at", **words)
    weight = ((float(sentences) / counts.total).log() * UNIT).floor().cast("int64")
    known = counts.select("word", number=hashed(counts.word), weight=weight, chars=counts.word.length())
    for name in NAMES:
        one = known.select(
            **{
                f"word_{name}": known.word,
                name: known.number,
                f"weight_{name}": known.weight,
                f"chars_{name}": known.chars,
            }
        )
        rows = rows.join(one, f"word_{name}", how="inner" if name == "first" else "left")
    return rows


def _scored(rows: Table, settings: MiningSettings, threshold: int | None) -> Table:
    """The rows, with ``score_1`` to ``score_3``, where a phrase begins that can be chosen.

    It scores above the threshold, and no word of it alone scores higher: that word would be chosen in its place.
    """
    total, scores = rows.weight_first, {"score_1": rows.weight_first}
    for length in (2, 3):
        total += rows[f"weight_{NAMES[length - 1]}"]
        scores[f"score_{length}"] = (total / length**settings.alpha).floor().cast("int64")
    rows = rows.mutate(**scores)
    if threshold is None:
        return rows
    one, two, three = (rows[name] for name in scores)
    able = (one > threshold) | ((two > threshold) & (two >= rows.weight_second))
    return rows.filter(able | ((three > threshold) & (three >= rows.weight_second) & (three >= rows.weight_third)))


def _key(rows: Table, length: int, settings: MiningSettings, threshold: int | None) -> IntegerValue:
    """An integer for the phrase of so many words from here on, greater for the better one; 0 or null of no phrase."""
    score = rows[f"score_{length}"]
    chars = sum((rows[f"chars_{name}"] for name in NAMES[1:length]), rows.chars_first) + (length - 1)
    good = chars <= settings.share * rows["size"]
    if threshold is not None:
        good &= score > threshold
    base = _LIFT * 2 ** (_LENGTHS + _PLACES) + length * 2**_PLACES + 2**_PLACES - 1
    return (score * 2 ** (_LENGTHS + _PLACES) + base - rows["at"]) * good.cast("int64")


def _best(rows: Table, most: int) -> Table:
    """Of each sentence the best phrase, and the best of those that do not overlap with it."""
    keys = {length: f"key_{length}" for length in (1, 2, 3)}
    best = ibis.greatest(*(rows[name] for name in keys.values()))
    rows = rows.mutate(top=best.max().over(ibis.window(group_by="id")))
    begin, end = _place(rows.top), _place(rows.top) + _length(rows.top)
    after = rows["at"] >= end
    apart = (
        rows[name] * (after | (rows["at"] + length <= begin) | (rows[name] == rows.top)).cast("int64")
        for length, name in keys.items()
    )
    rows = rows.mutate(own=ibis.greatest(*apart))
    rows = rows.filter(rows.own > 0)
    rows = rows.mutate(rank=ibis.row_number().over(ibis.window(group_by="id", order_by=ibis.desc("own"))))
    rows = rows.filter(rows["rank"] < most)
    length = _length(rows.own)
    words = {name: ibis.ifelse(length >= least, rows[name], 0) for least, name in enumerate(NAMES, 1)}
    score = (rows.own >> (_LENGTHS + _PLACES)) - _LIFT
    return rows.select("id", "at", length=length.cast("int32"), score=score, **words)


def _place(key: IntegerValue) -> IntegerValue:
    return 2**_PLACES - 1 - (key & (2**_PLACES - 1))


def _length(key: IntegerValue) -> IntegerValue:
    return (key >> _PLACES) & (2**_LENGTHS - 1)
