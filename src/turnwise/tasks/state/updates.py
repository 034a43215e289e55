"""What a turn does to the state: the gold targets of each slot, in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnwise.dialogue import Dialogue
from turnwise.tasks.state.ontology import Ontology, state_of
from turnwise.tasks.state.words import DONTCARE, normal

CARRY, DELETE, INDIFFERENT, VALUE = range(4)
"""What happens to a slot: it stays as it was; it has no value; any value will do; it has a value."""
OPERATIONS = 4

State = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Update:
    """The state after a turn beside the one before: ``operations`` (slots,) as if told from nothing, never CARRY;
    ``same`` (slots,), whether the slot stays as it was; ``variants``, the values of slots that have one."""

    operations: NDArray[np.int64]
    same: NDArray[np.bool_]
    variants: Mapping[int, tuple[str, ...]]


def update(before: State, after: State, ontology: Ontology) -> Update:
    """What a turn did; slots that the ontology lacks are left out."""
    operations = np.full(len(ontology.slots), DELETE, dtype=np.int64)
    same = np.zeros(len(ontology.slots), dtype=bool)
    variants: dict[int, tuple[str, ...]] = {}
    for at, name in enumerate(ontology.names):
        same[at] = agree(before.get(name, ()), after.get(name, ()))
        if name in after:
            forms = tuple(dict.fromkeys(normal(value) for value in after[name]))
            operations[at] = INDIFFERENT if DONTCARE in forms else VALUE
            if operations[at] == VALUE:
                variants[at] = forms
    return Update(operations, same, variants)


def agree(said: Sequence[str], gold: Sequence[str]) -> bool:
    """Whether a value equals another in any of their variants; no value equals no value."""
    return bool(set(map(normal, said)) & set(map(normal, gold))) if said and gold else not said and not gold


def gold_states(dialogue: Dialogue, turns: Sequence[int], layer: str) -> dict[int, tuple[State, State]]:
    """For each of some turns that is annotated the last annotated state before it, and its own."""
    found: dict[int, tuple[State, State]] = {}
    before: State = {}
    for turn in turns:
        if layer in dialogue.turns[turn].labels:
            after = state_of(dialogue.turns[turn].labels[layer], f"{dialogue.id}, turn {turn}")
            found[turn] = (before, after)
            before = after
    return found
