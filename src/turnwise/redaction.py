"""Replaces personal data in dialogues, before anything learns from them.

CS-BERT is pre-trained on conversations in which customers' data is the token ``UCI_TOKEN`` (its table 1); see
``turnwise.pseudonyms`` for other forms. What is replaced is what ``turnwise.personal_data`` finds, whatever a layer
``pii`` marks, and what a model found, if one was asked; each further whole-word occurrence of it in the dialogue goes
too, and so do the parts of a name.

Nothing finds everything: read a sample of the result before you pass it on. Ids, and names of labels, stay as they are.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from turnwise.dialogue import Dialogue, Evidence, Label, Span, Turn
from turnwise.errors import InputError
from turnwise.personal_data import COMMON_WORDS, REGIONS, check_regions, find_personal_data, merged
from turnwise.pseudonyms import TOKENS, UCI_TOKEN, Form, Naming, is_name, naming

__all__ = ["UCI_TOKEN", "Marks", "Redaction", "redact"]

_SHORTEST = 3
_FOUND = "\0found"
"""The layer that holds a model's spans while a dialogue is redacted."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a model found in a dialogue: spans of each turn, and of values of the profile by their keys.

    ``kinds``: what the model calls the kinds of the rules, so that one person has one name.
    """

    turns: Sequence[Sequence[Span]]
    profile: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redaction:
    """A dialogue without personal data, and how many stretches of its turns were replaced, by kind."""

    dialogue: Dialogue
    counts: Mapping[str, int]


def redact(
    dialogue: Dialogue,
    *,
    regions: Sequence[str] = REGIONS,
    marks: Marks | None = None,
    form: Form = "token",
    key: bytes | None = None,
) -> Redaction:
    """Replace the personal data of a dialogue by tokens of a ``form``; doing it again changes nothing.

    ``marks`` are a model's spans beside the rules'; ``key`` is for pseudonyms. Stretches that overlap or touch become
    one token, of the kind of the longest. Every span keeps to its text:

    - One that a stretch overlaps is moved to hold the whole token, and the rest that it held before.
    - Spans of a layer that were apart stay apart: where one token would be in two, the one that had most of the
      stretch keeps it, the first of equal ones, and the other is dropped.
    - Its ``value`` becomes the token when it was the replaced text, and is removed otherwise, since it says the same
      in another form.

    Texts as labels lose what the turns lost. In a layer of lists by key, such as ``state``, a list that held it
    becomes the token alone: its items are variants of one value. Texts of the profile and of evidence are searched
    as turns are.

    ``regions`` are the countries (ISO 3166) whose national phone numbers are known. Raises InputError for a country
    without a phone plan, for a ``pii`` span that does not fit its text, and what ``turnwise.pseudonyms.naming`` raises.
    """
    check_regions(regions)
    marks = marks or Marks(((),) * len(dialogue.turns))
    counts: Counter[str] = Counter()
    known = _Known(regions, naming(form, key), marks.kinds)
    for name, spans in marks.profile.items():
        known.remember(dialogue.profile[name], spans)
    turns = tuple(
        replace(turn, spans={**turn.spans, _FOUND: tuple(spans)})
        for turn, spans in zip(dialogue.turns, marks.turns, strict=True)
    )
    while any(stretches := known.find(turns)):
        counts.update(span.label for found in stretches for span in found)
        turns = tuple(_without(turn, found) for turn, found in zip(turns, stretches, strict=True))
    cleaned = Dialogue(
        dialogue.id,
        tuple(_cleaned(turn, known) for turn in turns),
        {layer: _label(value, known) for layer, value in dialogue.labels.items()},
        {name: known.searched(value, marks.profile.get(name, ())) for name, value in dialogue.profile.items()},
    )
    return Redaction(cleaned, dict(counts))


@dataclass(slots=True)
class _Known:
    """Texts that were found in the dialogue so far, with their kinds; ``pattern`` finds any of them as whole words.

    What is found is a span whose ``value`` is the token that takes its place.
    """

    regions: Sequence[str]
    name: Naming
    renamed: Mapping[str, str]
    kinds: dict[str, str] = field(default_factory=dict)
    pattern: re.Pattern[str] | None = None

    def find(self, turns: Sequence[Turn]) -> list[tuple[Span, ...]]:
        """What is to be replaced in each turn, none of it a token already."""
        raw = []
        asked = ""
        for number, turn in enumerate(turns):
            raw.append([*self._rules(turn.text, asked), *_marked(turn, number)])
            asked = turn.text
        for turn, found in zip(turns, raw, strict=True):
            self.remember(turn.text, [*found, *merged(found)])
        return [
            self._named(turn.text, [*found, *self._again(turn.text)]) for turn, found in zip(turns, raw, strict=True)
        ]

    def again(self, text: str) -> tuple[Span, ...]:
        """What of the text the turns held."""
        return self._named(text, self._again(text))

    def removed(self, text: str) -> str:
        """The text without what the turns held."""
        return _spliced(text, self.again(text))

    def searched(self, text: str, marked: Sequence[Span] = ()) -> str:
        """The text without what is ``marked`` in it, what the turns held and what the rules find in it."""
        while found := self._named(text, [*self._rules(text, ""), *marked, *self._again(text)]):
            text = _spliced(text, found)
            marked = ()
        return text

    def _named(self, text: str, found: Iterable[Span]) -> tuple[Span, ...]:
        return tuple(
            replace(span, value=self.name(span.label, text[span.start : span.end]))
            for span in merged(_beside_tokens(text, found))
        )

    def _rules(self, text: str, asked: str) -> Iterator[Span]:
        for span in find_personal_data(text, asked=asked, regions=self.regions):
            yield replace(span, label=self.renamed.get(span.label, span.label))

    def _again(self, text: str) -> Iterator[Span]:
        for match in self.pattern.finditer(text) if self.pattern else ():
            yield Span(*match.span(), self.kinds.get(match[0], self.kinds.get(match[0].casefold(), "other")))

    def remember(self, text: str, found: Iterable[Span]) -> None:
        """Keep the texts of spans, of names their parts too, to find them elsewhere."""
        before = len(self.kinds)
        for span in found:
            piece = text[span.start : span.end].strip()
            if TOKENS.fullmatch(piece):
                continue
            pieces = [piece]
            if is_name(span.label):
                pieces += [word.strip(".,") for word in piece.split() if word[0].isupper()]
            for piece in pieces:
                if len(piece) >= _SHORTEST and any(map(str.isalnum, piece)) and piece.casefold() not in COMMON_WORDS:
                    self.kinds.setdefault(piece if piece.isalpha() else piece.casefold(), span.label)
        if len(self.kinds) > before:
            longest_first = sorted(self.kinds, key=len, reverse=True)
            either = "|".join(
                re.escape(text) if text.isalpha() else f"(?i:{re.escape(text)})" for text in longest_first
            )
            self.pattern = re.compile(rf"(?<!\w)(?:{either})(?!\w)")


def _marked(turn: Turn, number: int) -> Iterator[Span]:
    for layer in ("pii", _FOUND):
        for place, span in enumerate(turn.spans.get(layer, ())):
            if not 0 <= span.start < span.end <= len(turn.text):
                raise InputError(
                    f"turns[{number}].spans.{layer.strip(chr(0))}[{place}] is {span.start} to {span.end}, "
                    f"but the text has {len(turn.text)} characters"
                )
            yield span


def _beside_tokens(text: str, found: Iterable[Span]) -> Iterator[Span]:
    """The spans that are more than tokens, made to hold whole tokens."""
    tokens = [match.span() for match in TOKENS.finditer(text)]
    for span in found:
        touched = [(start, end) for start, end in tokens if span.start < end and start < span.end]
        if touched:
            span = replace(span, start=min(span.start, touched[0][0]), end=max(span.end, touched[-1][1]))
            if TOKENS.sub("", text[span.start : span.end]).strip() == "":
                continue
        yield span


def _spliced(text: str, found: Sequence[Span]) -> str:
    starts = [0, *(span.end for span in found)]
    ends = [*(span.start for span in found), len(text)]
    kept = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return "".join(piece for pair in zip(kept, [*map(_token, found), ""], strict=True) for piece in pair)


def _token(stretch: Span) -> str:
    return stretch.value or UCI_TOKEN


def _without(turn: Turn, found: Sequence[Span]) -> Turn:
    """The turn with tokens for what was found, its spans moved along."""
    if not found:
        return turn
    spans = {layer: _moved(spans, turn.text, found) for layer, spans in turn.spans.items()}
    return replace(turn, text=_spliced(turn.text, found), spans=spans)


def _moved(spans: Sequence[Span], text: str, found: Sequence[Span]) -> tuple[Span, ...]:
    after = []
    held = []
    for span in spans:
        inside = [stretch for stretch in found if _overlap(span, stretch)]
        held.append(sum(min(span.end, s.end) - max(span.start, s.start) for s in inside))
        value = span.value
        if inside and value is not None:
            same = {text[s.start : s.end].casefold() for s in (span, *inside)}
            value = _token(inside[0]) if value.casefold() in same or TOKENS.fullmatch(value) else None
        after.append(replace(span, start=_start(span.start, found), end=_end(span.end, found), value=value))
    dropped = {
        second if held[second] <= held[first] else first
        for first, second in combinations(range(len(spans)), 2)
        if _overlap(after[first], after[second]) and not _overlap(spans[first], spans[second])
    }
    return tuple(span for place, span in enumerate(after) if place not in dropped)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _start(offset: int, found: Sequence[Span]) -> int:
    """Where a span that began at ``offset`` begins now: at the token when that was inside a stretch."""
    shift = 0
    for stretch in found:
        if offset < stretch.end:
            return shift + min(offset, stretch.start)
        shift += len(_token(stretch)) - (stretch.end - stretch.start)
    return shift + offset


def _end(offset: int, found: Sequence[Span]) -> int:
    """Where a span that ended before ``offset`` ends now: after the token when that was inside a stretch."""
    shift = 0
    for stretch in found:
        if offset <= stretch.start:
            break
        shift += len(_token(stretch)) - (stretch.end - stretch.start)
        offset = max(offset, stretch.end)
    return shift + offset


def _cleaned(turn: Turn, known: _Known) -> Turn:
    """The turn, its text done already, without what the turns held in values, labels and evidence."""
    return Turn(
        turn.speaker,
        turn.text,
        {
            layer: tuple(s if s.value is None else replace(s, value=known.removed(s.value)) for s in spans)
            for layer, spans in turn.spans.items()
            if layer != _FOUND
        },
        {layer: _label(value, known) for layer, value in turn.labels.items()},
        {layer: _evidence(evidence, known) for layer, evidence in turn.evidence.items()},
    )


def _label(value: Label, known: _Known) -> Label:
    if isinstance(value, str):
        return known.removed(value)
    if isinstance(value, dict):
        return {key: _variants(items, known) for key, items in value.items()}
    return value


def _variants(items: tuple[str, ...], known: _Known) -> tuple[str, ...]:
    held = next((found for item in items if (found := known.again(item))), None)
    return items if held is None else (_token(held[0]),)


def _evidence(evidence: Evidence, known: _Known) -> Evidence:
    return replace(
        evidence,
        alternatives=tuple((known.removed(label), score) for label, score in evidence.alternatives),
        neighbours=tuple(replace(n, text=known.searched(n.text)) for n in evidence.neighbours),
    )
