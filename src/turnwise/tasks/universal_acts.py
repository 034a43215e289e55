"""Dialogue acts of different corpora under common names, so that one model learns from several."""

from collections.abc import Callable
from dataclasses import replace

from turnwise.dialogue import Dialogue, Turn

GSIM = {
    "REQUEST": "request",
    "CONFIRM": "confirm",
    "OFFER": "offer",
    "SELECT": "offer",
    "NOTIFY_SUCCESS": "notify_success",
    "NOTIFY_FAILURE": "notify_failure",
    "NEGATE": "negate",
    "INFORM": "inform",
    "AFFIRM": "affirm",
    "REQUEST_ALTS": "request_alternatives",
    "CANT_UNDERSTAND": "repeat",
    "THANK_YOU": "thank_you",
    "GOOD_BYE": "goodbye",
    "GREETING": "greeting",
    "OTHER": None,
}
"""GSIM's acts of both sides under 13 names. A system that names one value (OFFER) and one that names several (SELECT)
both offer. A user who did not understand asks to repeat. OTHER says nothing that two corpora could share.

DSDF (section 4.2) has 13 universal acts in GSIM too and prints no table; these names are our own. The system uses six.
"""


def universal(dialogue: Dialogue, names: dict[str, str | None]) -> Dialogue:
    """The dialogue with the acts of every annotated turn under other names; None drops an act.

    Raises KeyError for an act that the table lacks.
    """
    return _renamed(dialogue, lambda act: names[act])


def without_domain(dialogue: Dialogue) -> Dialogue:
    """The dialogue with MultiWOZ's acts freed of their domain: Hotel-Inform and Train-Inform are both inform."""
    return _renamed(dialogue, lambda act: act.rpartition("-")[2].lower())


def of_agents(dialogue: Dialogue) -> Dialogue:
    """The dialogue with acts on the agent's turns alone; the customer's count as not annotated."""

    def kept(turn: Turn) -> Turn:
        labels = {layer: label for layer, label in turn.labels.items() if layer != "acts"}
        return turn if turn.speaker == "agent" else replace(turn, labels=labels)

    return replace(dialogue, turns=tuple(kept(turn) for turn in dialogue.turns))


def _renamed(dialogue: Dialogue, name: Callable[[str], str | None]) -> Dialogue:
    def with_names(turn: Turn) -> Turn:
        acts = turn.labels.get("acts")
        if not isinstance(acts, tuple):
            return turn
        found = dict.fromkeys(new for act in acts if (new := name(act)) is not None)
        return replace(turn, labels={**turn.labels, "acts": tuple(found)})

    return replace(dialogue, turns=tuple(with_names(turn) for turn in dialogue.turns))
