"""Writes the turns of one dialogue with all their layers."""

import random
import re
from collections.abc import Sequence
from typing import Any

from turnwise.sample.banks import Approved, Decks, pool, topics_of
from turnwise.sample.facts import Facts
from turnwise.sample.labels import COMPLAINING, EMOTIONS, PII, STATE_KEYS
from turnwise.sample.markup import Mention, Phrase, Value, render

_ASKING = re.compile(
    r"\?|^(where|what|which|how|when|who|is|are|do|does|any|status|human|representative|real person)\b"
    r"|^(need|want|cancel|make|take|put|ship|swap|send|tell|let me|get|close|show|remove|stop|abort|scrap|forget)\b"
    r"|\b(please|pls|kindly|can|could|would you|i want|i wish|i need|i require|i'd|i would|i insist)\b",
    re.IGNORECASE,
)
_STYLES = ("as_is", "lower", "bare", "typos")
Turn = dict[str, Any]


class Conversation:
    """The turns so far, who the customer is and how the customer feels."""

    def __init__(self, rng: random.Random, decks: Decks, facts: Facts) -> None:
        self.rng = rng
        self.decks = decks
        self.facts = facts
        self.turns: list[Turn] = []
        self.mood = "calm"
        self.identified: set[str] = set()
        self.told = {""}
        self.labels_told: set[str] = set()
        self.topic = ""
        self._state: dict[str, list[str]] = {}
        self._style = rng.choices(_STYLES, (52, 24, 13, 11))[0]
        self._used: set[str] = set()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def draw(self, role: str, **conditions: str) -> Phrase:
        """A phrase of the split that suits the item and has these conditions, if it has any."""

        def fits(phrase: Phrase) -> bool:
            return self.facts.allows(phrase) and all(
                conditions.get(key) in value.split("|") for key, value in phrase.conditions if key != "topic"
            )

        return self.decks.draw(role, fits)

    def _on_topic(self, phrase: Phrase) -> bool:
        return self.facts.allows(phrase) and self.topic == (phrase.topic or self.topic)

    def customer(
        self,
        *phrases: Phrase,
        intents: Sequence[str] | None,
        acts: Sequence[str] = (),
        handoff: bool = False,
    ) -> None:
        """Append a customer turn.

        No intents mark a turn out of scope, which leaves the state alone; None leaves the intent
        unannotated.
        """
        text, mentions = self._write(phrases, "customer")
        text = self._restyle(text, mentions)
        codes = _unique(code for phrase in phrases for code in phrase.emotions)
        for mention in mentions:
            if mention.label in STATE_KEYS and intents != ():
                surface = text[mention.start : mention.end]
                variants = [surface, mention.value] if mention.value else [surface]
                self._state[STATE_KEYS[mention.label]] = [v for v in variants if v]
        given = acts or (["request"] if _ASKING.search(phrases[-1].text) else ["inform"])
        extra = [act for phrase in phrases for act in phrase.acts]
        complaint = ["complain"] if COMPLAINING & set(codes) else []
        labels: dict[str, Any] = {}
        if intents is not None:
            labels["intent"] = list(intents)
        labels["acts"] = _unique([*given, *extra, *complaint])
        labels["emotion"] = [EMOTIONS[code] for code in codes or ["calm"]]
        labels["state"] = {key: list(value) for key, value in sorted(self._state.items())}
        labels["handoff"] = handoff
        self._append("customer", text, mentions, labels)
        self.mood = _mood(codes)
        if intents and not acts:
            self.topic = next((phrase.topic for phrase in phrases if phrase.topic), "")
        self.told |= {name for phrase in phrases for name in phrase.placeholders}
        told = {mention.label for mention in mentions}
        self.labels_told |= told
        if "order_number" in told:
            self.identified.add("order")
        if told & {"email", "username"}:
            self.identified.add("account")

    def has_approved(self, role: str) -> bool:
        """Whether the pool speaks about the present topic in this role."""
        return not topics_of(role) or self.topic in topics_of(role)

    def approved(self, role: str, **conditions: str) -> Phrase:
        """Append an agent turn taken from the approved pool."""
        known = {**self.facts.profile, "mood": self.mood, "topic": self.topic, **conditions}
        entries = [entry for entry in pool() if entry.role == role]
        candidates = [
            entry
            for entry in entries
            if all(known.get(key) in value.split("|") for key, value in entry.phrase.conditions)
        ] or entries
        special = [entry for entry in candidates if set(dict(entry.phrase.conditions)) - {"returning_customer"}]
        entry: Approved = self.rng.choice(special if special and self.chance(0.9) else candidates)
        self._agent(entry.phrase, entry.id)
        return entry.phrase

    def typed(self, role: str) -> Phrase:
        """Append a freely typed agent turn."""
        phrase = self.decks.draw(f"agent.{role}", self._on_topic)
        self._agent(phrase, None)
        return phrase

    def can_type(self, role: str) -> bool:
        """Whether a freely typed turn fits the item and the topic."""
        return self.decks.has(f"agent.{role}", self._on_topic)

    def agent(self, role: str, typed: float = 0.2, **conditions: str) -> None:
        """Append an agent turn, freely typed with this probability."""
        if self.chance(typed):
            self.typed(role)
        else:
            self.approved(role, **conditions)

    def _agent(self, phrase: Phrase, response: str | None) -> None:
        text, mentions = self._write((phrase,), "agent")
        labels: dict[str, Any] = {"acts": list(phrase.acts), "requested": list(phrase.requested)}
        if response:
            labels["response"] = response
        self._append("agent", text, mentions, labels)

    def _write(self, phrases: Sequence[Phrase], speaker: str) -> tuple[str, list[Mention]]:
        text, mentions = "", []
        for phrase in phrases:
            for piece in phrase.pieces:
                if speaker == "customer" and piece.label in STATE_KEYS and not piece.placeholder:
                    self.facts.note(piece.label, Value(piece.text, piece.normal))
            part, found = render(phrase, lambda name: self.facts.fill(name, speaker))
            if text:
                text += self._break(text, phrase)
            shift = len(text)
            mentions += [Mention(m.start + shift, m.end + shift, m.label, m.value) for m in found]
            text += part
        return text, mentions

    def _break(self, text: str, following: Phrase) -> str:
        """What stands between two sentences of a turn."""
        if not text[-1].isalnum() or following.text.startswith("("):
            return " "
        return self.rng.choice((". ", ". ", ", ", " - ", " "))

    def _restyle(self, text: str, mentions: Sequence[Mention]) -> str:
        """The customer's way of typing; never touches a span, keeps every offset."""
        if self._style in ("lower", "bare"):
            text = _outside(text, mentions, str.lower)
        if self._style == "bare" and text[-1] in "." and not _covered(mentions, len(text) - 1):
            text = text[:-1]
        if self._style == "typos" and self.chance(0.4):
            text = self._mistype(text, mentions)
        return text

    def _mistype(self, text: str, mentions: Sequence[Mention]) -> str:
        """Swap two neighbouring letters inside one longer word."""
        words = [
            match
            for match in re.finditer(r"[a-z]{5,}", text)
            if not any(_covered(mentions, place) for place in range(*match.span()))
        ]
        if not words:
            return text
        start, end = self.rng.choice(words).span()
        at = self.rng.randint(start + 1, end - 3)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    def _append(self, speaker: str, text: str, mentions: Sequence[Mention], labels: dict[str, Any]) -> None:
        spans: dict[str, list[dict[str, Any]]] = {"slots": [], "pii": []}
        for mention in mentions:
            row: dict[str, Any] = {
                "start": mention.start,
                "end": mention.end,
                "label": mention.label,
            }
            if mention.value:
                row["value"] = mention.value
            spans["pii" if mention.label in PII else "slots"].append(row)
        self.turns.append({"speaker": speaker, "text": text, "spans": spans, "labels": labels})


def _mood(codes: Sequence[str]) -> str:
    """The mood an agent reacts to."""
    for mood, members in (
        ("agitated", {"agitated", "hostile", "staff", "rules"}),
        ("worried", {"worried"}),
        ("stuck", {"stuck"}),
        ("problem", {"problem"}),
    ):
        if members & set(codes):
            return mood
    return "calm"


def _unique(items: Any) -> list[str]:
    return list(dict.fromkeys(items))


def _covered(mentions: Sequence[Mention], place: int) -> bool:
    return any(mention.start <= place < mention.end for mention in mentions)


def _outside(text: str, mentions: Sequence[Mention], change: Any) -> str:
    return "".join(char if _covered(mentions, place) else change(char) for place, char in enumerate(text))
