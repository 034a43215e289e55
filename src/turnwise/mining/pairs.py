"""Pairs of sentences that share a keyphrase: one is a template with a blank, the other holds what fills it."""

import ibis
from ibis import _
from ibis.expr.types import BooleanValue, IntegerValue, StringValue, Table

from turnwise.mining.sentences import MARK, is_word, marked, tokens
from turnwise.mining.settings import MiningSettings

_SIDES = ("template", "input")
_PHRASE = ("group", "first", "second", "third", "test")


def pairs(found: Table, phrases: Table, settings: MiningSettings) -> Table:
    """(group, test, phrase, words, template, template_start, template_end, input, input_start, input_end).

    The sentences of a group that have a keyphrase are put in the order of their hashes, and the first goes with the
    second, the third with the fourth: linear in the text, where every sentence with every other is not. Sentences of
    the test share are paired among themselves, so no sentence is in pairs of both kinds.

    A keyphrase that is in one of the two sentences twice makes no pair: what is left of it would tell what fills the
    blank. It grows on either side as long as both sentences go on alike, word by word; pairs where it then fills
    more than ``share`` of either sentence are left out. Starts and ends are characters of the sentences, half-open;
    ``phrase`` is in lower case and ``words`` counts its words.

    Source: ConVEx, section 2.2 and footnote 2.
    """
    place = ibis.window(group_by=_PHRASE, order_by=("id", "at"))
    rows = phrases.join(found.select("id", "group", "test"), "id").select(*_PHRASE, "length", "at", "id")
    rows = rows.mutate(
        number=ibis.row_number().over(place), input_id=_.id.lead(1).over(place), input_at=_["at"].lead(1).over(place)
    )
    rows = rows.filter(rows.number % 2 == 0, rows.input_id.notnull())
    rows = rows.select("group", "test", "length", "input_id", "input_at", template_id="id", template_at="at")
    for side in _SIDES:
        rows = rows.join(found.select(**{f"{side}_id": found.id, side: found.text}), f"{side}_id")
    split = rows.mutate(**{f"{side}_tokens": tokens(rows[side]) for side in _SIDES})
    split = split.filter(~ibis.or_(*(_twice(split, side) for side in _SIDES)))
    grown = split.mutate(left=_left(split), right=_right(split))
    begun = grown.mutate(
        words=grown.left + grown.length + grown.right,
        **{f"{side}_begin": (grown[f"{side}_at"] - grown.left).cast("int32") for side in _SIDES},
    )
    bounds = {}
    for side in _SIDES:
        begin, parts = begun[f"{side}_begin"], begun[f"{side}_tokens"]
        start = _characters_before(begun, side, begin)
        bounds[f"{side}_start"] = start
        bounds[f"{side}_end"] = start + parts[begin : begin + begun.words].join(" ").length()
    made = begun.mutate(**bounds)
    for side in _SIDES:
        made = made.filter(made[f"{side}_end"] - made[f"{side}_start"] <= settings.share * made[side].length())
    return made.select(
        "group", "test", "words",
        *(name for side in _SIDES for name in (side, f"{side}_start", f"{side}_end")),
        phrase=made.input.substr(made.input_start, made.input_end - made.input_start).lower(),
    )  # fmt: skip


def _twice(split: Table, side: str) -> BooleanValue:
    """Whether the phrase is in the sentence a second time."""
    at = split.template_at.cast("int32")
    phrase = split.template_tokens[at : at + split.length].join(" ").lower()
    text, space = split[side].lower(), ibis.literal(" ")
    return ibis.ifelse(_again(text, phrase), _again(space + marked(text) + space, space + phrase + space), False)


def _again(text: StringValue, part: StringValue) -> BooleanValue:
    """Whether a part of a text is in it a second time."""
    return text.substr(text.find(part) + 1).contains(part)


def _left(split: Table) -> IntegerValue:
    """How many words before the phrase are the same in both."""

    def same(step: IntegerValue) -> BooleanValue:
        return _alike(*(split[f"{side}_tokens"][split[f"{side}_at"] - 1 - step] for side in _SIDES))

    return _steps(ibis.least(*(split[f"{side}_at"] for side in _SIDES)), same)


def _right(split: Table) -> IntegerValue:
    """How many words after the phrase are the same in both."""

    def same(step: IntegerValue) -> BooleanValue:
        return _alike(*(split[f"{side}_tokens"][split[f"{side}_at"] + split.length + step] for side in _SIDES))

    left = (split[f"{side}_tokens"].length() - split[f"{side}_at"] - split.length for side in _SIDES)
    return _steps(ibis.least(*left).cast("int32"), same)


def _alike(one: StringValue, other: StringValue) -> BooleanValue:
    return (one.lower() == other.lower()) & is_word(one)


def _steps(most: IntegerValue, same: ibis.Deferred) -> IntegerValue:
    """How many of the steps 0, 1, 2, ... are the same before the first that is not."""
    first = ibis.range(0, most).map(same).index(False)
    return ibis.ifelse(first < 0, most, first).cast("int32")


def _characters_before(split: Table, side: str, word: IntegerValue) -> IntegerValue:
    """Characters of the text before a word."""
    before = split[f"{side}_tokens"][:word].join(" ") + ibis.literal(" ")
    return ibis.ifelse(word > 0, before.replace(f" {MARK} ", MARK).length(), 0)
