"""How well values were found: exact spans, slot by slot."""

from collections.abc import Sequence
from typing import Any

from turnwise.dialogue import Dialogue
from turnwise.tasks.pii.measure import measure_spans
from turnwise.tasks.slots.sentences import LAYER, ceiling


def measure_slots(gold: Sequence[Dialogue], answered: Sequence[Dialogue], *, draws: int, seed: int) -> dict[str, Any]:
    """``measure_spans`` of the slots, where a part of a value, or more than it, counts as wrong.

    ``mean_f1`` is the mean F1 of the slots that have a value in the gold dialogues, as papers report it; ``macro_f1``
    counts slots that were answered alone too. ``ceiling`` is the recall that one value a slot and turn allows.
    """
    found = measure_spans(gold, answered, LAYER, draws=draws, seed=seed)
    there = [label["f1"] for label in found["labels"].values() if label["support"]]
    return {**found, "mean_f1": sum(there) / len(there) if there else 0.0, "ceiling": ceiling(gold)}
