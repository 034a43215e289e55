"""Few-shot episodes drawn from annotated sentences, for choices: domains that no published episode asks about."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from turnwise.dialogue import Dialogue
from turnwise.tasks.slots.sentences import LAYER


def episodes(given: Sequence[Dialogue], number: int, *, shots: int = 5, asked: int = 10) -> list[list[Dialogue]]:
    """So many episodes, support and query by turns, each with its number as the label ``episode``.

    A support covers every slot ``shots`` times where it can, and none of its sentences could be left out (the
    mini-including algorithm of Hou et al., 2020); the query is of the sentences left.
    """
    found = []
    for episode in range(number):
        order = random.Random(episode)
        rest = order.sample(list(given), len(given))
        support = _support(rest, shots, order)
        chosen = {id(dialogue) for dialogue in support}
        query = [dialogue for dialogue in rest if id(dialogue) not in chosen][:asked]
        found += [[replace(d, labels={**d.labels, "episode": episode}) for d in part] for part in (support, query)]
    return found


def _support(rest: Sequence[Dialogue], shots: int, order: random.Random) -> list[Dialogue]:
    counts: Counter[str] = Counter()
    chosen: list[Dialogue] = []
    every = Counter(slot for dialogue in rest for slot in _slots(dialogue))
    for slot in sorted(every, key=lambda slot: (every[slot], slot)):
        for dialogue in rest:
            if counts[slot] >= shots:
                break
            if slot in _slots(dialogue) and not any(dialogue is one for one in chosen):
                chosen.append(dialogue)
                counts.update(_slots(dialogue))
    for dialogue in order.sample(chosen, len(chosen)):
        if all(counts[slot] - times >= min(shots, every[slot]) for slot, times in Counter(_slots(dialogue)).items()):
            chosen = [one for one in chosen if one is not dialogue]
            counts.subtract(_slots(dialogue))
    return chosen


def _slots(dialogue: Dialogue) -> list[str]:
    return [span.label for span in dialogue.turns[0].spans[LAYER]]
