"""Counts one split of a corpus as its dialogues pass by."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from turnwise.dialogue import Dialogue, Label, Turn

EXAMPLES = 5
CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Mean, median, 95th percentile and maximum of some lengths; all 0 when there is none."""

    mean: float
    median: float
    p95: float
    longest: int


@dataclass(frozen=True, slots=True)
class LayerCount:
    """One layer: ``on`` is turn, span or dialogue; ``annotated`` turns or dialogues, ``none`` of them empty."""

    name: str
    on: str
    annotated: int
    none: int
    labels: dict[str, int]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A customer's text (case-folded) that has different intents in different places."""

    text: str
    intents: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class SplitCount:
    """One split. ``duplicates`` counts the customer turns whose case-folded text came before."""

    name: str
    dialogues: int
    turns: int
    speakers: dict[str, int]
    turns_per_dialogue: Lengths
    characters: Lengths
    tokens: Lengths | None
    layers: tuple[LayerCount, ...]
    empty_texts: int
    duplicates: int
    duplicate_examples: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    errors: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """Counts of one split as its dialogues pass by."""

    sizes: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    speakers: Counter[str] = field(default_factory=Counter)
    annotated: Counter[tuple[str, str]] = field(default_factory=Counter)
    none: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    texts: Counter[str] = field(default_factory=Counter)
    intents: defaultdict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    empty: int = 0
    waiting: list[str] = field(default_factory=list)

    def add(self, dialogue: Dialogue) -> None:
        self.sizes.append(len(dialogue.turns))
        for layer, value in dialogue.labels.items():
            self._layer(("dialogue", layer), _names(value))
        for turn in dialogue.turns:
            self._turn(turn)

    def _turn(self, turn: Turn) -> None:
        self.speakers[turn.speaker or "neither"] += 1
        self.characters.append(len(turn.text))
        self.waiting.append(turn.text)
        for layer, value in turn.labels.items():
            self._layer(("turn", layer), _names(value))
        for layer, spans in turn.spans.items():
            self._layer(("span", layer), tuple(span.label for span in spans))
        folded = " ".join(turn.text.casefold().split())
        if not folded:
            self.empty += 1
        elif turn.speaker != "agent":
            self.texts[folded] += 1
            intent = turn.labels.get("intent")
            if isinstance(intent, tuple):
                self.intents[folded].add(tuple(sorted(intent)))

    def _layer(self, key: tuple[str, str], names: tuple[str, ...]) -> None:
        self.annotated[key] += 1
        self.none[key] += not names
        self.labels[key].update(names)

    def count_waiting(self, count_tokens: CountTokens | None) -> None:
        if count_tokens is not None:
            self.tokens.extend(count_tokens(self.waiting))
        self.waiting.clear()

    def result(self, name: str, tokens: bool, errors: Sequence[str]) -> SplitCount:
        repeated = [text for text, count in self.texts.items() if count > 1]
        return SplitCount(
            name=name,
            dialogues=len(self.sizes),
            turns=len(self.characters),
            speakers=dict(self.speakers),
            turns_per_dialogue=_lengths(self.sizes),
            characters=_lengths(self.characters),
            tokens=_lengths(self.tokens) if tokens else None,
            layers=tuple(self._layers()),
            empty_texts=self.empty,
            duplicates=sum(self.texts[text] - 1 for text in repeated),
            duplicate_examples=tuple(repeated[:EXAMPLES]),
            conflicts=tuple(Conflict(t, tuple(sorted(found))) for t, found in self.intents.items() if len(found) > 1),
            errors=tuple(errors),
        )

    def _layers(self) -> Iterator[LayerCount]:
        for on, layer in sorted(self.annotated):
            key = (on, layer)
            labels = dict(sorted(self.labels[key].items(), key=lambda item: (-item[1], item[0])))
            yield LayerCount(layer, on, self.annotated[key], self.none[key], labels)


def _names(value: Label) -> tuple[str, ...]:
    if isinstance(value, (tuple, dict)):
        return tuple(value)
    return (str(value).lower() if isinstance(value, bool) else str(value),)


def _lengths(values: Iterable[int]) -> Lengths:
    found = np.fromiter(values, dtype=np.int64)
    if not len(found):
        return Lengths(0.0, 0.0, 0.0, 0)
    median, p95 = np.quantile(found, (0.5, 0.95))
    return Lengths(round(float(found.mean()), 2), float(median), float(p95), int(found.max()))
