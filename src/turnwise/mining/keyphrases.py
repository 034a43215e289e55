"""Keyphrases of sentences: rare words, and rare words beside each other."""

import ibis
from ibis import _
from ibis.expr.types import IntegerValue, Table

from turnwise.mining.sentences import hashed, is_word, tokens
from turnwise.mining.settings import MiningSettings

UNIT = 10**9
"""Scores are integers, so many to 1: every engine orders them alike."""
LENGTHS = (1, 2, 3)
NAMES = ("first", "second", "third")
"""The columns of a phrase's words, as hashes; 0 where it has fewer."""
_PLACES, _KINDS = 16, 2  # bits of a key for the place and the length of a phrase
_LEAST = 2**38  # above every score below zero, which words have that are in every sentence twice


def word_counts(found: Table) -> Table:
    """(word, total): how often each word occurs."""
    every = found.select(word=tokens(found.text.lower()).unnest())
    return every.filter(is_word(every.word)).group_by("word").agg(total=_.count())


def keyphrases(found: Table, counts: Table, sentences: int, settings: MiningSettings, threshold: int | None) -> Table:
    """(id, at, length, score, first, second, third) of the best phrases of each sentence.

    score(kp) = 1 / n^alpha sum_i log(|D| / count(w_i)), of one, two or three words with a single space between them;
    it is given in ``UNIT`` and must be above ``threshold`` (None: any score is). Of the phrases that fill at most
    ``share`` of the sentence's characters the best is taken, and the best of those that do not overlap with it: of
    equal ones the longer, then the earlier. Of these, one that is in the sentence twice is then left out.

    ``at`` is the place of the first word among the tokens, ``length`` counts words; ``first`` to ``third`` are hashes
    of the words, 0 where there is none. ``sentences`` is |D|. Source: ConVEx, section 2.2, equation 1.
    """
    rows = _word_rows(found, counts, sentences)
    keys = {f"key_{length}": _key(rows, length, settings, threshold) for length in LENGTHS}
    rows = rows.select("id", "at", *NAMES, **keys)
    candidates = rows.filter(ibis.or_(*(rows[name].notnull() for name in keys)))
    return _best(candidates, settings.most)


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


def _word_rows(found: Table, counts: Table, sentences: int) -> Table:
    """A row for each word of each sentence, with hash, weight and size of it and of the two words after it, or null.

    A weight is log(|D| / count) in ``UNIT``, a size counts characters.
    """
    split = found.select("id", size=found.text.length(), tokens=tokens(found.text.lower()))
    split = split.mutate(
        row=ibis.range(0, split.tokens.length().cast("int32"))
        .zip(split.tokens, split.tokens[1:], split.tokens[2:])
        .unnest()
    )
    rows = split.select(
        "id", "size", at=split.row["f1"], word_first=split.row["f2"], word_second=split.row["f3"],
        word_third=split.row["f4"],
    )  # fmt: skip
    weight = ((float(sentences) / counts.total).log() * UNIT).floor().cast("int64")
    known = counts.select("word", number=hashed(counts.word), weight=weight, chars=counts.word.length())
    for name in NAMES:
        facts = {f"{fact}_{name}": known[fact] for fact in ("number", "weight", "chars")}
        facts[name] = facts.pop(f"number_{name}")
        one = known.select(**{f"word_{name}": known.word}, **facts)
        rows = rows.join(one, f"word_{name}", how="inner" if name == "first" else "left")
    return rows


def _key(rows: Table, length: int, settings: MiningSettings, threshold: int | None) -> IntegerValue:
    """An integer for the phrase of so many words from here on, greater for the better one; null where there is none."""
    names = NAMES[:length]
    score = sum((rows[f"weight_{name}"] for name in names[1:]), rows.weight_first)
    if length > 1:
        score = (score / length**settings.alpha).floor().cast("int64")
    size = sum((rows[f"chars_{name}"] for name in names[1:]), rows.chars_first) + (length - 1)
    good = size <= settings.share * rows["size"]
    if threshold is not None:
        good &= score > threshold
    place = (2**_PLACES - 1) - rows["at"].cast("int64")
    key = (score + _LEAST) * 2 ** (_KINDS + _PLACES) + length * 2**_PLACES + place
    return ibis.ifelse(good, key, ibis.null("int64"))


def _best(rows: Table, most: int) -> Table:
    """Of each sentence the best phrase, and the best of those apart from it, without those that are there twice."""
    alike = ibis.window(group_by="id", order_by=(*NAMES, "at"), preceding=None, following=None)
    near = ibis.window(group_by="id", order_by=(*NAMES, "at"))
    top = ibis.greatest(*(ibis.coalesce(rows[f"key_{length}"], -1) for length in LENGTHS)).max()
    beside = {f"{name}_{side}": getattr(rows[name], side)().over(near) for name in NAMES for side in ("lag", "lead")}
    rows = rows.mutate(top=top.over(alike), **beside)
    begin, size = _place(rows.top), _length(rows.top)
    end = begin + size
    own: IntegerValue = ibis.literal(-1, "int64")
    for length in LENGTHS:
        key = rows[f"key_{length}"]
        apart = (rows["at"] >= end) | (rows["at"] + length <= begin) | (key == rows.top)
        own = ibis.greatest(own, ibis.ifelse(apart & key.notnull(), key, -1))
    rows = rows.mutate(own=own)
    ranked = rows.filter(rows.own >= 0)
    ranked = ranked.mutate(
        rank=ibis.row_number().over(ibis.window(group_by="id", order_by=ibis.desc("own"))), length=_length(ranked.own)
    )
    ranked = ranked.filter(ranked["rank"] < most)
    twice = ibis.literal(False)
    for side in ("lag", "lead"):
        same = ibis.literal(True)
        for length, name in zip(LENGTHS, NAMES, strict=True):
            equal = ibis.coalesce(ranked[name] == ranked[f"{name}_{side}"], False)
            same &= equal | (ranked.length < length)
        twice |= same
    kept = ranked.filter(~twice)
    score = (kept.own >> (_KINDS + _PLACES)) - _LEAST
    words = {
        name: ibis.ifelse(kept.length >= length, kept[name], 0) for length, name in zip(LENGTHS, NAMES, strict=True)
    }
    return kept.select("id", "at", "length", score=score, **words)


def _place(key: IntegerValue) -> IntegerValue:
    return (2**_PLACES - 1) - (key & (2**_PLACES - 1))


def _length(key: IntegerValue) -> IntegerValue:
    return (key >> _PLACES) & (2**_KINDS - 1)
