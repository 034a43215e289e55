"""Keyphrases of sentences: rare words, and rare words beside each other."""

import ibis
from ibis import _
from ibis.expr.types import Table

from turnwise.mining.sentences import gaps, words
from turnwise.mining.settings import MiningSettings

_ONE_SPACE = " "


def word_rows(found: Table) -> Table:
    """A row for each word of each sentence: (id, size, at, word, second, third).

    ``size`` counts the sentence's characters, ``at`` its words before this one. ``second`` and ``third`` are the words
    that follow after a single space each, or null.
    """
    beyond = ibis.array(["", ""])  # Spark refuses to look behind the end of an array
    split = found.select(
        "id",
        size=found.text.length(),
        words=words(found.text.lower()).concat(beyond),
        gaps=gaps(found.text).concat(beyond),
    )
    none = ibis.null("string")

    def row(word: ibis.expr.types.StringValue, at: ibis.expr.types.IntegerValue) -> ibis.expr.types.StructValue:
        second = split.gaps[at + 1] == _ONE_SPACE
        third = second & (split.gaps[at + 2] == _ONE_SPACE)
        return ibis.struct(
            {
                "at": at.cast("int32"),
                "word": word,
                "second": ibis.ifelse(second, split.words[at + 1], none),
                "third": ibis.ifelse(third, split.words[at + 2], none),
            }
        )

    real = split.words[: split.words.length() - 2]
    rows = split.select("id", "size", row=real.map(row).unnest()).unpack("row")
    blank = ""  # a sentence may end with a space, which no word follows
    return rows.mutate(second=rows.second.nullif(blank), third=rows.third.nullif(blank))


def word_counts(found: Table) -> Table:
    """(word, total): how often each word occurs."""
    return found.select(word=words(found.text.lower()).unnest()).group_by("word").agg(total=_.count())


def keyphrases(rows: Table, counts: Table, sentences: int, settings: MiningSettings, threshold: float) -> Table:
    """(id, at, length, phrase, score) of the best phrases of each sentence, ``length`` in words.

    score(kp) = 1 / n^alpha sum_i log(|D| / count(w_i)), of one, two or three words with a single space between them.
    Phrases below the threshold, longer than ``share`` of the sentence, or in it twice, do not count; then the best is
    taken, and the best of those that do not overlap with it (of equal ones the longer, then the earlier).

    ``sentences`` is |D|. Source: ConVEx, section 2.2, equation 1.
    """
    weights = counts.select(word=counts.word, weight=(float(sentences) / counts.total).log())
    known = rows.join(weights, "word")
    for name in ("second", "third"):
        other = weights.select(**{name: weights.word, f"{name}_weight": weights.weight})
        known = known.left_join(other, name).drop(f"{name}_right")
    phrases = _phrases(known, settings)
    phrases = phrases.filter(phrases.score > threshold, phrases.phrase.length() <= settings.share * phrases["size"])
    phrases = phrases.mutate(times=_.count().over(ibis.window(group_by=("id", "phrase"))))
    return _best(phrases.filter(phrases.times == 1), settings.most)


def _phrases(known: Table, settings: MiningSettings) -> Table:
    """Every phrase of one to three words with its score, (id, size, at, length, phrase, score)."""

    def phrase(length: int, text: ibis.expr.types.StringValue, total: ibis.expr.types.FloatingValue) -> object:
        score = (total / length**settings.alpha).round(9)
        return ibis.struct({"length": ibis.literal(length, "int32"), "phrase": text, "score": score})

    two, three = known.weight + known.second_weight, known.weight + known.second_weight + known.third_weight
    space = ibis.literal(_ONE_SPACE)
    pair = known.word + space + known.second
    found = ibis.array(
        [
            phrase(1, known.word, known.weight),
            phrase(2, pair, two),
            phrase(3, pair + space + known.third, three),
        ]
    )
    rows = known.select("id", "size", "at", row=found.unnest()).unpack("row")
    return rows.filter(rows.phrase.notnull())


def _best(phrases: Table, most: int) -> Table:
    order = ibis.window(group_by="id", order_by=(ibis.desc("score"), ibis.desc("length"), "at"))
    ranked = phrases.mutate(rank=ibis.row_number().over(order), best=_["at"].first().over(order))
    ranked = ranked.mutate(best_length=_.length.first().over(order))
    apart = (ranked["at"] >= ranked.best + ranked.best_length) | (ranked["at"] + ranked.length <= ranked.best)
    kept = ranked.filter((ranked["rank"] == 0) | apart)
    kept = kept.mutate(place=ibis.row_number().over(ibis.window(group_by="id", order_by="rank")))
    return kept.filter(kept.place < most).select("id", "at", "length", "phrase", "score")
