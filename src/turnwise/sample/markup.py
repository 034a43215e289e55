"""The one-line markup of the phrase banks.

    (problem, +missing_item) The [product|lamp] of {order_number} is missing
     ^tags                        ^span as written  ^placeholder, becomes a span

Tags: an emotion code or an act; `+x` an intent; `?x` a requested slot; `key=value` a condition.
`[label|text=value]` gives a span its normal form.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from turnwise.sample.labels import (
    AGENT_ACTS,
    CATEGORIES,
    CUSTOMER_ACTS,
    EMOTIONS,
    LABEL_OF,
    PII,
    SLOTS,
)

_TAGS = re.compile(r"\(([^)]*)\) (.+)")
_PIECE = re.compile(r"\{(\w+)\}|\[(\w+)\|([^\]=]+)(?:=([^\]]+))?\]")
_PLACEHOLDERS = frozenset((*SLOTS, *PII, *LABEL_OF))


@dataclass(frozen=True)
class Value:
    """What fills a placeholder: its surface and, where it differs, its normal form."""

    surface: str
    normal: str | None = None


@dataclass(frozen=True)
class Piece:
    """A stretch of a phrase: plain text, a placeholder, or a span as written."""

    text: str
    label: str | None = None
    placeholder: bool = False
    normal: str | None = None


@dataclass(frozen=True)
class Phrase:
    """One hand-written line of a bank with its tags."""

    text: str
    pieces: tuple[Piece, ...]
    emotions: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    requested: tuple[str, ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(piece.text for piece in self.pieces if piece.placeholder)

    @property
    def plain(self) -> str:
        """The text without its markup."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def topic(self) -> str:
        """The aspect of its intent this phrase is about, empty where the intent has only one."""
        return dict(self.conditions).get("topic", "")

    @property
    def gives(self) -> frozenset[str]:
        """Labels of the slots and personal data this phrase mentions."""
        return frozenset(LABEL_OF.get(piece.label, piece.label) for piece in self.pieces if piece.label)

    @property
    def category(self) -> str | None:
        """The kind of product this phrase is about, None where any will do."""
        for category in CATEGORIES:
            if category in self.placeholders:
                return category
        sized = self.gives & {"size", "new_size"}
        return "wearable" if sized else None

    @property
    def key(self) -> str:
        """Normalised wording: case, punctuation and the values of spans are dropped."""
        words = (
            f" {LABEL_OF.get(piece.label, piece.label)}_span " if piece.label else piece.text for piece in self.pieces
        )
        return " ".join(re.findall(r"\w+", "".join(words).lower()))


@dataclass(frozen=True)
class Mention:
    """A labelled stretch of rendered text; offsets are code points, half open."""

    start: int
    end: int
    label: str
    value: str | None


def parse(line: str) -> Phrase:
    """Read one line of a bank."""
    tagged = _TAGS.fullmatch(line)
    tags, text = (tagged[1].split(", "), tagged[2]) if tagged else ([], line)
    emotions, acts, intents, requested, conditions = [], [], [], [], []
    for tag in tags:
        if tag.startswith("+"):
            intents.append(tag[1:])
        elif tag.startswith("?"):
            requested.append(tag[1:])
        elif "=" in tag:
            key, value = tag.split("=")
            conditions.append((key, value))
        elif tag in EMOTIONS:
            emotions.append(tag)
        elif tag in AGENT_ACTS or tag in CUSTOMER_ACTS:
            acts.append(tag)
        else:
            raise ValueError(f"unknown tag {tag!r} in the line {line!r}")
    return Phrase(
        text,
        _pieces(text),
        tuple(emotions),
        tuple(acts),
        tuple(intents),
        tuple(requested),
        tuple(conditions),
    )


def _pieces(text: str) -> tuple[Piece, ...]:
    pieces, position = [], 0
    for match in _PIECE.finditer(text):
        if match.start() > position:
            pieces.append(Piece(text[position : match.start()]))
        name, label, written, normal = match.groups()
        if name:
            if name not in _PLACEHOLDERS:
                raise ValueError(f"unknown placeholder {{{name}}} in the line {text!r}")
            pieces.append(Piece(name, LABEL_OF.get(name, name), placeholder=True))
        else:
            pieces.append(Piece(written, label, normal=normal))
        position = match.end()
    if position < len(text):
        pieces.append(Piece(text[position:]))
    return tuple(pieces)


def render(phrase: Phrase, fill: Callable[[str], Value]) -> tuple[str, list[Mention]]:
    """Fill the placeholders; returns the text and its mentions in order."""
    text, mentions = "", []
    for piece in phrase.pieces:
        value = fill(piece.text) if piece.placeholder else Value(piece.text, piece.normal)
        if piece.label:
            end = len(text) + len(value.surface)
            mentions.append(Mention(len(text), end, piece.label, value.normal))
        text += value.surface
    return text, mentions
