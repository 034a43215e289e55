"""Which objective helps which task: the abilities and the structure that each has, as a table."""

from dataclasses import dataclass
from typing import Literal

from turnwise.errors import InputError
from turnwise.messages import nearest

Kind = Literal["objective", "rider", "task"]
SINGLE, MULTI = "single-turn representation", "multi-turn representation"
COHERENCE, ENTITIES = "coherence", "entity information"
SINGLE_CLASSIFIER, MULTI_CLASSIFIER = "single-turn classifier", "multi-turn classifier"
SIAMESE, RANK_LOSS, SPANS = "siamese", "rank loss", "span tagging"
ABILITIES = (SINGLE, MULTI, COHERENCE, ENTITIES)
STRUCTURES = (SINGLE_CLASSIFIER, MULTI_CLASSIFIER, SIAMESE, RANK_LOSS, SPANS)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table.

    ``name`` is an objective's, a rider's or a task's; ``code`` what the paper calls it, ``has`` the columns of
    ``ABILITIES`` and ``STRUCTURES`` that it has. ``published``: the row is DSDF's; else it is ours by the same
    reasoning. ``needs`` is what it needs of a corpus; ``recipe`` one that uses it.
    """

    name: str
    kind: Kind
    code: str
    paper: str
    has: tuple[str, ...]
    needs: str
    published: bool = False
    recipe: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """An objective for a task, and what the two share."""

    objective: Entry
    shared: tuple[str, ...]


_DSDF, _CS_BERT, _CONVFIT, _CONVEX, _CMCC = "DSDF", "CS-BERT", "ConvFiT", "ConVEx", "CMCC"
_TURNS, _ANSWERS, _DIALOGUES = "turns", "agent turns that answer something", "whole dialogues"

TABLE: tuple[Entry, ...] = (
    Entry("intent", "task", "INT", _DSDF, (SINGLE, ENTITIES, SINGLE_CLASSIFIER), "intents of turns", True),
    Entry("acts", "task", "DA", _DSDF, (MULTI, MULTI_CLASSIFIER), "dialogue acts of agent turns", True),
    Entry("selection", "task", "RS", _DSDF, (COHERENCE, SIAMESE), _ANSWERS, True),
    Entry("state", "task", "DST", _DSDF, (MULTI, ENTITIES, MULTI_CLASSIFIER), "the state after each turn", True),
    Entry("ranking", "task", "", f"{_CS_BERT}, 4.2", (MULTI, COHERENCE, MULTI_CLASSIFIER), "a pool of responses"),
    Entry("handoff", "task", "", f"{_CS_BERT}, 4.3", (MULTI, MULTI_CLASSIFIER), "turns marked as to be handed off"),
    Entry("pii", "task", "NER", f"{_CS_BERT}, 4.4", (SINGLE, ENTITIES), "personal data marked in turns"),
    Entry("slots", "task", "", _CONVEX, (SINGLE, ENTITIES, SPANS), "slots marked in turns"),
    Entry("emotion", "task", "", _CMCC, (MULTI, MULTI_CLASSIFIER), "emotions of turns"),
    Entry("satisfaction", "task", "", _CMCC, (MULTI, MULTI_CLASSIFIER), "satisfaction of dialogues"),
    Entry("generation", "task", "", _CMCC, (MULTI, COHERENCE, ENTITIES), _ANSWERS),
    Entry(
        "speaker", "objective", "DSP", f"{_DSDF}, 3.2", (SINGLE, SINGLE_CLASSIFIER), "both speakers", True, "dsdf-dsp"
    ),
    Entry("response_matching", "objective", "CRM", f"{_DSDF}, 3.2", (COHERENCE, SIAMESE), _ANSWERS, True, "dsdf-crm"),
    Entry("coherence", "objective", "DCV", f"{_DSDF}, 3.2", (MULTI, MULTI_CLASSIFIER), _DIALOGUES, True, "dsdf-dcv"),
    Entry(
        "entity_number",
        "objective",
        "ENP",
        f"{_DSDF}, 3.2",
        (SINGLE, ENTITIES, SINGLE_CLASSIFIER),
        "turns, some with entities",
        True,
        "dsdf-enp",
    ),
    Entry(
        "reordering",
        "objective",
        "DUR",
        f"{_DSDF}, 3.2",
        (COHERENCE, RANK_LOSS),
        "dialogues with 3 turns of one known speaker and about one length",
        True,
        "dsdf-dur",
    ),
    Entry(
        "next_turn",
        "objective",
        "NTP",
        f"{_CS_BERT}, 3.2",
        (MULTI, COHERENCE, MULTI_CLASSIFIER),
        f"{_ANSWERS}, in two dialogues or more",
        recipe="cs-bert",
    ),
    Entry(
        "response_ranking",
        "objective",
        "MNEG",
        f"{_CONVFIT}, 2.1",
        (SINGLE, COHERENCE, SIAMESE),
        "speakers that take turns",
        recipe="convfit-stage1",
    ),
    Entry(
        "pairwise_cloze",
        "objective",
        "",
        f"{_CONVEX}, 2.1",
        (ENTITIES, SPANS),
        "pairs that turnwise mine finds in raw text",
        recipe="pairwise-cloze",
    ),
    Entry("whole_dialogue", "objective", "", "", (), f"{_TURNS}; carries riders", recipe="dsdf-mlm"),
    Entry("masked_lm", "rider", "MLM", f"{_CS_BERT}, 3.1", (), _TURNS, recipe="dsdf-mlm"),
    Entry("masked_speaker", "rider", "MSP", f"{_CS_BERT}, 3.3", (MULTI,), "both speakers", recipe="cs-bert-msp"),
)
"""DSDF's table 1 and the rows added to it. DSDF is Task-level further pre-training; its rows say that INT and ENP, or
DA and DCV, are alike. Masked language modelling has no column: it learns the words of a domain, and by DSDF, section
5.5, belongs to every objective."""


def recommend(task: str) -> tuple[Choice, ...]:
    """Objectives for a task, those first that share most abilities and structure with it; none that shares nothing.

    Of two that share as much, the one that has less beside comes first. The published pairs come out of it: ENP, then
    DSP for intents, CRM for response selection, DCV for dialogue acts and states.
    Raises InputError for a task that is not in the table. Source: DSDF, sections 3.4 and 5.3.
    """
    tasks = {entry.name: entry for entry in TABLE if entry.kind == "task"}
    if task not in tasks:
        raise InputError(f"there is no task {task!r}; {nearest(task, list(tasks))}")
    wanted = tasks[task].has
    choices = [
        Choice(entry, tuple(column for column in entry.has if column in wanted))
        for entry in TABLE
        if entry.kind == "objective"
    ]
    choices = [choice for choice in choices if choice.shared]
    return tuple(sorted(choices, key=lambda choice: (-len(choice.shared), len(choice.objective.has))))
