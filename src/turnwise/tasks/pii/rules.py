"""What the rules for personal data say in a corpus's own labels, and how it goes together with what a model says."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from turnwise.dialogue import Dialogue, Span
from turnwise.personal_data import find_checked, find_personal_data
from turnwise.tasks.pii.patterns import KINDS, find_patterns

Trust = Mapping[str, Mapping[str, Any]]
"""For each kind of the rules that training turns had: its ``label`` in the corpus, how often that was ``right``, and
which share of the label's spans it ``found``."""
FORMATS = frozenset(
    ("card_number", "iban", "email", "url", "ip_address", "phone", "social_security", "date", "time", "web_address")
)
"""Kinds that are known by their own form, from end to end; names and addresses are known by what stands around."""
_MOST = 5_000
_TRUSTED = 0.5
_SURE = 0.85
_ALL = 0.9


def learn_trust(dialogues: Sequence[Dialogue]) -> dict[str, dict[str, Any]]:
    """How the kinds of the rules and the labels of ``spans.pii`` correspond, from at most 5,000 turns.

    The label of a kind is the one that most of its hits coincide with, character by character; ``right`` is the share
    of its hits that do, (hits + 1) / (all + 2), and ``found`` the share of the label's spans, hits / (spans + 1).
    """
    hits: Counter[str] = Counter()
    same: Counter[tuple[str, str]] = Counter()
    marked: Counter[str] = Counter()
    turns = [(d, at) for d in dialogues for at, turn in enumerate(d.turns) if "pii" in turn.spans]
    for dialogue, at in turns[:: -(-len(turns) // _MOST) or 1]:
        gold = {(span.start, span.end): span.label for span in dialogue.turns[at].spans["pii"]}
        marked.update(gold.values())
        for span in _found(dialogue, at):
            hits[span.label] += 1
            if (span.start, span.end) in gold:
                same[span.label, gold[span.start, span.end]] += 1
    found: dict[str, dict[str, Any]] = {}
    for kind, number in sorted(hits.items()):
        best = max((item for item in same.items() if item[0][0] == kind), key=lambda item: item[1], default=None)
        label, right = (kind, 0) if best is None else (best[0][1], best[1])
        found[kind] = {"label": label, "right": (right + 1) / (number + 2), "found": right / (marked[label] + 1)}
    return found


def left_to_rules(trust: Trust) -> frozenset[str]:
    """The labels of which the rules find nine in ten by their form, and are sure of what they find."""
    found: Counter[str] = Counter()
    for kind, known in trust.items():
        if kind in FORMATS and known["right"] >= _SURE:
            found[str(known["label"])] += known.get("found", 0.0)
    return frozenset(label for label, share in found.items() if share >= _ALL)


def by_rules(dialogue: Dialogue, turn: int, trust: Trust) -> tuple[list[Span], list[Span]]:
    """What the rules find in a turn, in the corpus's labels: what is sure, and the rest.

    Sure are the numbers whose check is right, and formats whose ``right`` is 0.85 or more. A kind that training turns
    had is left out where its hits were mostly no spans of one label there. A kind that they had not keeps its own name,
    and nobody knows how often it is right; of ``patterns`` only what they had is told.
    """
    checked = [_told(span, trust) for span in find_checked(dialogue.turns[turn].text)]
    hits = without(_found(dialogue, turn), checked)
    known = [span for span in hits if span.label in trust and trust[span.label]["right"] >= _TRUSTED]
    new = [span for span in hits if span.label not in trust and span.label not in KINDS]
    sure = [span for span in known if span.label in FORMATS and trust[span.label]["right"] >= _SURE]
    others = [_told(span, trust) for span in [*known, *new] if span not in sure]
    return sorted([*checked, *(_told(span, trust) for span in sure)], key=lambda span: span.start), others


def together(said: Sequence[Span], sure: Sequence[Span], others: Sequence[Span]) -> tuple[Span, ...]:
    """A model's spans and the rules', none overlapping.

    What is ``sure`` wins over all. Of the rest that overlap the likeliest stays: a model's span by its
    probability, a rule's by how often it was right in training; one that nobody knows that of gives way.
    """
    kept = list(sure)
    for span in sorted([*said, *others], key=lambda span: -1.0 if span.score is None else span.score, reverse=True):
        kept += without([span], kept)
    return tuple(sorted(kept, key=lambda span: span.start))


def without(spans: Iterable[Span], taken: Sequence[Span]) -> list[Span]:
    """The spans that overlap none of ``taken``."""
    return [span for span in spans if not any(span.start < t.end and t.start < span.end for t in taken)]


def _found(dialogue: Dialogue, turn: int) -> list[Span]:
    """What rules and patterns find; where they overlap, the rules'."""
    text = dialogue.turns[turn].text
    found = find_personal_data(text, asked=_before(dialogue, turn))
    return sorted([*found, *without(find_patterns(text), found)], key=lambda span: span.start)


def _told(span: Span, trust: Trust) -> Span:
    known = trust.get(span.label)
    return Span(span.start, span.end, span.label) if known is None else _labelled(span, known)


def _labelled(span: Span, known: Mapping[str, Any]) -> Span:
    return Span(span.start, span.end, str(known["label"]), score=float(known["right"]))


def _before(dialogue: Dialogue, turn: int) -> str:
    return dialogue.turns[turn - 1].text if turn else ""
