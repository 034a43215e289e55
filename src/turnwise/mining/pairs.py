"""Pairs of sentences that share a keyphrase: one is a template with a blank, the other holds what fills it."""

import ibis
from ibis import _
from ibis.expr.types import ArrayValue, IntegerValue, Table

from turnwise.mining.sentences import gaps, words
from turnwise.mining.settings import MiningSettings

_SIDES = ("template", "input")
_ONE_SPACE = " "


def pairs(found: Table, phrases: Table, settings: MiningSettings) -> Table:
    """(group, test, phrase, words, template, template_start, template_end, input, input_start, input_end).

    The sentences of a group that have a keyphrase are put in the order of their hashes, and the first goes with the
    second, the third with the fourth: linear in the text, where every sentence with every other is not. Sentences of
    the test share are paired among themselves, so no sentence is in pairs of both kinds.

    A keyphrase grows on either side as long as both sentences go on alike, word by word; pairs where it then fills
    more than ``share`` of either sentence are left out. Starts and ends are characters of the sentences, half-open;
    ``phrase`` is in lower case and ``words`` counts its words.

    Source: ConVEx, section 2.2 and footnote 2.
    """
    place = ibis.window(group_by=("group", "phrase", "test"), order_by=("hash", "text"))
    rows = phrases.join(found, "id").select("group", "test", "phrase", "length", "at", "hash", "text")
    rows = rows.mutate(
        number=ibis.row_number().over(place), input=_.text.lead(1).over(place), input_at=_["at"].lead(1).over(place)
    )
    rows = rows.filter(rows.number % 2 == 0, rows.input.notnull())
    split = rows.select(
        "group", "test", "length", "input", "input_at", template="text", template_at="at",
        template_words=words(rows.text), template_gaps=gaps(rows.text),
        input_words=words(rows.input), input_gaps=gaps(rows.input),
    )  # fmt: skip
    grown = split.mutate(left=_left(split), right=_right(split))
    bounds = {}
    for side in _SIDES:
        at = grown[f"{side}_at"]
        before = _before(grown, side, at - grown.left)
        bounds[f"{side}_start"] = before
        bounds[f"{side}_end"] = _after(grown, side, at + grown.length + grown.right - 1)
    made = grown.mutate(**bounds, words=grown.left + grown.length + grown.right)
    for side in _SIDES:
        made = made.filter(made[f"{side}_end"] - made[f"{side}_start"] <= settings.share * made[side].length())
    return made.select(
        "group", "test", "words",
        *(name for side in _SIDES for name in (side, f"{side}_start", f"{side}_end")),
        phrase=made.input.substr(made.input_start, made.input_end - made.input_start).lower(),
    )  # fmt: skip


def _alike(steps: IntegerValue, same: ibis.Deferred) -> IntegerValue:
    """How many of the steps 0, 1, 2, ... are the same before the first that is not."""
    first = ibis.range(0, steps).map(same).index(False)
    return ibis.ifelse(first < 0, steps, first).cast("int32")


def _left(split: Table) -> IntegerValue:
    def same(step: IntegerValue) -> ibis.expr.types.BooleanValue:
        one, other = split.template_at - 1 - step, split.input_at - 1 - step
        return (
            (split.template_words[one].lower() == split.input_words[other].lower())
            & (split.template_gaps[one + 1] == _ONE_SPACE)
            & (split.input_gaps[other + 1] == _ONE_SPACE)
        )

    return _alike(ibis.least(split.template_at, split.input_at), same)


def _right(split: Table) -> IntegerValue:
    def same(step: IntegerValue) -> ibis.expr.types.BooleanValue:
        one, other = split.template_at + split.length + step, split.input_at + split.length + step
        return (
            (split.template_words[one].lower() == split.input_words[other].lower())
            & (split.template_gaps[one] == _ONE_SPACE)
            & (split.input_gaps[other] == _ONE_SPACE)
        )

    left = [split[f"{side}_words"].length() - split[f"{side}_at"] - split.length for side in _SIDES]
    return _alike(ibis.least(*left).cast("int32"), same)


def _before(split: Table, side: str, word: IntegerValue) -> IntegerValue:
    """Characters before a word."""
    return _size(split[f"{side}_words"], word) + _size(split[f"{side}_gaps"], word + 1)


def _after(split: Table, side: str, word: IntegerValue) -> IntegerValue:
    """Characters up to and with a word."""
    return _size(split[f"{side}_words"], word + 1) + _size(split[f"{side}_gaps"], word + 1)


def _size(parts: ArrayValue, number: IntegerValue) -> IntegerValue:
    """Characters of the first parts."""
    return ibis.coalesce(parts[:number].join("").length(), 0)
