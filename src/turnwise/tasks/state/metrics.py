"""Joint and slot accuracy of states, with the ceiling of a picklist."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.bootstrap import intervals
from turnwise.errors import InputError
from turnwise.tasks.state.ontology import Ontology
from turnwise.tasks.state.updates import State, agree

_SHOWN = 20
_ERRORS = 50


@dataclass(frozen=True, slots=True)
class StatePair:
    """The gold state of a turn beside the predicted one, with the dialogue's id.

    ``number`` counts the turns of a dialogue that are asked about, from 1.
    """

    dialogue: str
    gold: State
    said: State
    number: int = 1


def state_metrics(pairs: Sequence[StatePair], ontology: Ontology, *, draws: int, seed: int) -> dict[str, Any]:
    """``joint_accuracy``: turns whose slots are all right; ``slot_accuracy``: slots that are right, empty ones too.

    A slot is right when it is empty as in the gold state, or holds one of the gold value's variants. Counted are the
    slots of the ontology and those of the gold states. ``ceiling``: turns whose gold values a picklist has, all of
    them, and so the best joint accuracy without copying; ``filled_accuracy``: slots right among those that are
    filled in the gold state. ``slots`` has the accuracies of each slot, ``turns`` the joint accuracy by the number of
    the turn, ``errors`` the most frequent wrong values. 95 % ``intervals`` by dialogue.
    Raises InputError when there is nothing to measure.
    """
    if not pairs:
        raise InputError("nothing to measure: no customer's turn has a gold state")
    names = list(dict.fromkeys([*ontology.names, *(slot for pair in pairs for slot in pair.gold)]))
    right = np.array([[agree(p.said.get(n, ()), p.gold.get(n, ())) for n in names] for p in pairs], dtype=bool)
    filled = np.array([[name in pair.gold for name in names] for pair in pairs], dtype=bool)
    reached = np.array([all(ontology.reaches(slot, v) for slot, v in pair.gold.items()) for pair in pairs])
    joint, each = np.asarray(right.all(1), dtype=bool), right.mean(1)
    counts, hits = filled.sum(1), (right & filled).sum(1)

    def measured(weights: NDArray[np.float64]) -> dict[str, float]:
        found = {
            "joint_accuracy": float(np.average(joint, weights=weights)),
            "slot_accuracy": float(np.average(each, weights=weights)),
            "ceiling": float(np.average(reached, weights=weights)),
        }
        if weights @ counts:
            found["filled_accuracy"] = float(weights @ hits / (weights @ counts))
        return found

    return {
        "n": len(pairs),
        "dialogues": len({pair.dialogue for pair in pairs}),
        **measured(np.ones(len(pairs))),
        "intervals": intervals([pair.dialogue for pair in pairs], measured, draws=draws, seed=seed),
        "slots": {
            name: {
                "accuracy": float(right[:, at].mean()),
                "filled": int(filled[:, at].sum()),
                "filled_accuracy": float(right[filled[:, at], at].mean()) if filled[:, at].any() else None,
            }
            for at, name in enumerate(names)
        },
        "turns": _by_number(pairs, joint),
        "errors": _errors(pairs, names, right),
        **_unknown(pairs, ontology),
    }


def _by_number(pairs: Sequence[StatePair], joint: NDArray[np.bool_]) -> list[dict[str, float]]:
    numbers = np.array([pair.number for pair in pairs])
    return [
        {
            "number": number,
            "n": int((numbers == number).sum()),
            "joint_accuracy": float(joint[numbers == number].mean()),
        }
        for number in np.unique(numbers).tolist()
    ]


def _errors(pairs: Sequence[StatePair], names: Sequence[str], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Slots with their gold and predicted values, None where there is none, and the number of turns."""
    counts = Counter(
        (names[at], *(next(iter(state.get(names[at], ())), None) for state in (pairs[row].gold, pairs[row].said)))
        for row, at in np.argwhere(~right).tolist()
    )
    return [
        {"slot": name, "gold": gold, "said": said, "count": count}
        for (name, gold, said), count in counts.most_common(_ERRORS)
    ]


def _unknown(pairs: Sequence[StatePair], ontology: Ontology) -> dict[str, Any]:
    """Slots that the model does not know, which always count as wrong, and values that it can copy at best."""
    slots = {slot for pair in pairs for slot in pair.gold if slot not in ontology.number}
    values = {
        f"{slot}={values[0]}"
        for pair in pairs
        for slot, values in pair.gold.items()
        if slot not in slots and not ontology.reaches(slot, values)
    }
    return {
        "unknown_labels": sorted(slots),
        "unknown_values": {"number": len(values), "some": sorted(values)[:_SHOWN]},
    }
