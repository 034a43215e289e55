"""For which slots copying does more good than harm, by held-out dialogues."""

import numpy as np

from turnwise.tasks.state.columns import COLUMNS, WIDTH, Scores
from turnwise.tasks.state.examples import StateExamples
from turnwise.tasks.state.tracking import value_of
from turnwise.tasks.state.updates import VALUE, agree


def copied_slots(examples: StateExamples, scores: Scores) -> tuple[bool, ...]:
    """Whether each slot may be copied: not where picking alone gives more right values.

    A slot whose values are all listed needs no span, and words such as "affordable" are then no value. Where both are
    as good, or no turn tells, it may.
    """
    ontology = examples.ontology
    table = scores.reshape(len(scores), len(ontology.slots), WIDTH)
    gain = np.zeros(len(ontology.slots), dtype=int)
    both = (table[..., :4].argmax(-1) == VALUE) & (table[..., COLUMNS.value] >= 0)
    for row, slot in np.argwhere(both & (table[..., COLUMNS.copied] > table[..., COLUMNS.picked])).tolist():
        example = examples.tracked[row]
        variants = example.told.update.variants.get(slot, ()) if example.told is not None else ()
        copied, _ = value_of(example, table[row, slot], ontology, copy=True)
        picked, _ = value_of(example, table[row, slot], ontology, copy=False)
        gain[slot] += agree((copied or "",), variants) - agree((picked or "",), variants)
    return tuple(bool(one >= 0) for one in gain)
