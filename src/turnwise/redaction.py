"""Replaces personal data in dialogues by a token, before anything learns from them.

CS-BERT is pre-trained on conversations in which customers' data is the token ``UCI_TOKEN`` (its table 1). What is
replaced is what ``turnwise.personal_data`` finds and whatever a layer ``pii`` marks; each further whole-word occurrence
of it in the dialogue goes too, and so do the parts of a name.

No rule finds everything: read a sample of the result before you pass it on. Ids, and names of labels, stay as they are.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from turnwise.dialogue import Dialogue, Evidence, Label, Span, Turn
from turnwise.errors import InputError
from turnwise.personal_data import COMMON_WORDS, REGIONS, check_regions, find_personal_data, merged

UCI_TOKEN = "UCI_TOKEN"
_NAME_KINDS = ("name", "person", "full_name", "first_name", "last_name")
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Redaction:
    """A dialogue without personal data, and how many stretches of its turns were replaced, by kind."""

    dialogue: Dialogue
    counts: Mapping[str, int]


def redact(dialogue: Dialogue, *, regions: Sequence[str] = REGIONS) -> Redaction:
    """Replace the personal data of a dialogue by ``UCI_TOKEN``; doing it again changes nothing.

    Stretches that overlap or touch become one token, of the kind of the longest. Every span keeps to its text:

    - One that a stretch overlaps is moved to hold the whole token, and the rest that it held before.
    - Spans of a layer that were apart stay apart: where one token would be in two, the one that had most of the
      stretch keeps it, the first of equal ones, and the other is dropped.
    - Its ``value`` becomes the token when it was the replaced text, and is removed otherwise, since it says the same
      in another form.

    Texts as labels lose what the turns lost. In a layer of lists by key, such as ``state``, a list that held it
    becomes the token alone: its items are variants of one value. Texts of the profile and of evidence are searched
    as turns are.

    ``regions`` are the countries (ISO 3166) whose national phone numbers are known. Raises InputError for a country
    without a phone plan, and for a ``pii`` span that does not fit its text.
    """
    check_regions(regions)
    counts: Counter[str] = Counter()
    known = _Known(regions)
    turns = dialogue.turns
    while any(stretches := known.find(turns)):
        counts.update(span.label for found in stretches for span in found)
        turns = tuple(_without(turn, found) for turn, found in zip(turns, stretches, strict=True))
    cleaned = Dialogue(
        dialogue.id,
        tuple(_cleaned(turn, known) for turn in turns),
        {layer: _label(value, known.removed) for layer, value in dialogue.labels.items()},
        {key: known.searched(value) for key, value in dialogue.profile.items()},
    )
    return Redaction(cleaned, dict(counts))


@dataclass(slots=True)
class _Known:
    """Texts that were found in the dialogue so far, with their kinds; ``pattern`` finds any of them as whole words."""

    regions: Sequence[str]
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
            self._remember(turn.text, [*found, *merged(found)])
        return [merged([*found, *self._again(turn.text)]) for turn, found in zip(turns, raw, strict=True)]

    def removed(self, text: str) -> str:
        """The text without what the turns held."""
        return _spliced(text, merged(self._again(text)))

    def searched(self, text: str) -> str:
        """The text without what the turns held and what the rules find in it."""
        while found := merged([*self._rules(text, ""), *self._again(text)]):
            text = _spliced(text, found)
        return text

    def _rules(self, text: str, asked: str) -> Iterator[Span]:
        for span in find_personal_data(text, asked=asked, regions=self.regions):
            if text[span.start : span.end] != UCI_TOKEN:
                yield span

    def _again(self, text: str) -> Iterator[Span]:
        for match in self.pattern.finditer(text) if self.pattern else ():
            yield Span(*match.span(), self.kinds.get(match[0], self.kinds.get(match[0].casefold(), "other")))

    def _remember(self, text: str, found: Iterable[Span]) -> None:
        before = len(self.kinds)
        for span in found:
            piece = text[span.start : span.end].strip()
            pieces = [piece]
            if span.label in _NAME_KINDS:
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
    for place, span in enumerate(turn.spans.get("pii", ())):
        if not 0 <= span.start < span.end <= len(turn.text):
            raise InputError(
                f"turns[{number}].spans.pii[{place}] is {span.start} to {span.end}, "
                f"but the text has {len(turn.text)} characters"
            )
        if turn.text[span.start : span.end] != UCI_TOKEN:
            yield span


def _spliced(text: str, found: Sequence[Span]) -> str:
    starts = [0, *(span.end for span in found)]
    ends = [*(span.start for span in found), len(text)]
    return UCI_TOKEN.join(text[start:end] for start, end in zip(starts, ends, strict=True))


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
            same = {text[s.start : s.end].casefold() for s in (span, *inside)} | {UCI_TOKEN.casefold()}
            value = UCI_TOKEN if value.casefold() in same else None
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
        shift += len(UCI_TOKEN) - (stretch.end - stretch.start)
    return shift + offset


def _end(offset: int, found: Sequence[Span]) -> int:
    """Where a span that ended before ``offset`` ends now: after the token when that was inside a stretch."""
    shift = 0
    for stretch in found:
        if offset <= stretch.start:
            break
        shift += len(UCI_TOKEN) - (stretch.end - stretch.start)
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
        },
        {layer: _label(value, known.removed) for layer, value in turn.labels.items()},
        {layer: _evidence(evidence, known) for layer, evidence in turn.evidence.items()},
    )


def _label(value: Label, removed: Callable[[str], str]) -> Label:
    if isinstance(value, str):
        return removed(value)
    if isinstance(value, dict):
        return {
            key: items if all(removed(item) == item for item in items) else (UCI_TOKEN,) for key, items in value.items()
        }
    return value


def _evidence(evidence: Evidence, known: _Known) -> Evidence:
    return replace(
        evidence,
        alternatives=tuple((known.removed(label), score) for label, score in evidence.alternatives),
        neighbours=tuple(replace(n, text=known.searched(n.text)) for n in evidence.neighbours),
    )
