"""The one data type: a dialogue with layers of annotation, gold or predicted.

Layers are open: ``labels["intent"]``, ``spans["slots"]``, ... A new task adds a layer, never a field.
An absent layer means "not annotated"; an empty tuple means "annotated as none" (for intents: out of scope).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from turnwise.errors import CorpusError

Label = str | int | float | bool | tuple[str, ...] | dict[str, tuple[str, ...]]
Speaker = Literal["customer", "agent"]
SPEAKERS: tuple[Speaker, ...] = ("customer", "agent")


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of a turn's text: code-point offsets, half-open ``[start, end)``."""

    start: int
    end: int
    label: str
    value: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training utterance near the one that was answered, with its cosine similarity."""

    text: str
    labels: tuple[str, ...]
    similarity: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a model adds to an answer.

    ``score``: calibrated probability, in [0, 1], that the answer is right. ``alternatives``: labels with their
    scores, best first. ``source_turn``: index of the turn that a value came from. ``truncated``: the model did
    not see the whole text.
    """

    score: float | None = None
    alternatives: tuple[tuple[str, float], ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    source_turn: int | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. ``speaker`` is None in chit-chat, where there is neither customer nor agent."""

    speaker: Speaker | None
    text: str
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    evidence: Mapping[str, Evidence] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation. ``id`` is unique: ``reader:split:original``."""

    id: str
    turns: tuple[Turn, ...]
    labels: Mapping[str, Label] = field(default_factory=dict)
    profile: Mapping[str, str] = field(default_factory=dict)


def utterance(text: str, intents: Sequence[str] | None = None, *, id: str = "text:0") -> Dialogue:
    """A dialogue of one customer turn; ``intents`` None means not annotated, () out of scope."""
    labels: dict[str, Label] = {} if intents is None else {"intent": tuple(intents)}
    return Dialogue(id=id, turns=(Turn("customer", text, labels=labels),))


def intents(turn: Turn) -> tuple[str, ...] | None:
    """The intent layer of a turn: None when not annotated, () when out of scope.

    Raises CorpusError when the layer holds something else than strings.
    """
    value = turn.labels.get("intent")
    if value is None:
        return None
    if not isinstance(value, tuple):
        raise CorpusError(f"labels.intent is {value!r}, expected a list of intent names")
    return value


def to_json(dialogue: Dialogue) -> dict[str, Any]:
    """The dialogue as plain JSON values; layers that are absent stay absent."""
    found: dict[str, Any] = {"id": dialogue.id, "turns": [_turn_to_json(t) for t in dialogue.turns]}
    if dialogue.labels:
        found["labels"] = {layer: _plain(value) for layer, value in dialogue.labels.items()}
    if dialogue.profile:
        found["profile"] = dict(dialogue.profile)
    return found


def _turn_to_json(turn: Turn) -> dict[str, Any]:
    found: dict[str, Any] = {"speaker": turn.speaker, "text": turn.text}
    if turn.spans:
        found["spans"] = {layer: [_span_to_json(span) for span in spans] for layer, spans in turn.spans.items()}
    if turn.labels:
        found["labels"] = {layer: _plain(value) for layer, value in turn.labels.items()}
    if turn.evidence:
        found["evidence"] = {layer: evidence_to_json(evidence) for layer, evidence in turn.evidence.items()}
    return found


def _span_to_json(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {"start": span.start, "end": span.end, "label": span.label}
    if span.value is not None:
        found["value"] = span.value
    if span.score is not None:
        found["score"] = span.score
    return found


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence as plain JSON values; ``score`` and ``source_turn`` are left out when None."""
    found: dict[str, Any] = {}
    if evidence.score is not None:
        found["score"] = evidence.score
    if evidence.source_turn is not None:
        found["source_turn"] = evidence.source_turn
    found["alternatives"] = [[label, score] for label, score in evidence.alternatives]
    found["neighbours"] = [
        {"text": n.text, "labels": list(n.labels), "similarity": n.similarity} for n in evidence.neighbours
    ]
    found["truncated"] = evidence.truncated
    return found


def _plain(value: Label) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return {key: list(values) for key, values in value.items()}
    return value
