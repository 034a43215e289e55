"""Training examples of response ranking: contexts with the response that was given, and what to draw others from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Codec
from turnwise.dialogue import Dialogue
from turnwise.sequences import Ids
from turnwise.tasks.contexts import Context, agent_turns, contexts_of
from turnwise.tasks.pool import Pool

Ints = NDArray[np.int64]
_TRIES = 20


class Candidates:
    """Responses as ids that negatives are drawn from."""

    def __init__(self, ids: Sequence[Ids]) -> None:
        self.ids = ids

    def draw(self, rng: np.random.Generator, own: Ids, among: Ints | None = None) -> Ids | None:
        """A response with other ids than ``own``, one of the numbers ``among`` if given; None when none is met."""
        for _ in range(_TRIES if len(self.ids) else 0):
            at = int(rng.integers(len(self.ids))) if among is None else int(rng.choice(among))
            if not np.array_equal(self.ids[at], own):
                return self.ids[at]
        return None


@dataclass(frozen=True, slots=True)
class Pair:
    """A context, the response to it, and what other responses are drawn from; ``near`` are numbers of hard ones."""

    context: Context
    response: Ids
    candidates: Candidates
    near: Ints | None = None


class Pairs(Sequence[Pair]):
    """The ``annotated`` pairs, whose response is in the pool, and behind them those typed freely."""

    def __init__(self, annotated: Sequence[Pair], typed: Sequence[Pair], gold: Ints) -> None:
        self.annotated = len(annotated)
        self.found = [*annotated, *typed]
        self.gold = gold
        """(annotated,) The numbers of the responses in the pool."""

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, row: int) -> Pair:  # type: ignore[override]
        return self.found[row]

    def lengths(self, rows: NDArray[np.integer]) -> Ints:
        """Tokens of the turns and the response of some pairs."""
        pairs = [self.found[row] for row in rows.tolist()]
        sizes = [sum(len(turn.ids) for turn in one.context.turns) + len(one.response) for one in pairs]
        return np.array(sizes, dtype=np.int64)

    def with_near(self, near: Sequence[Ints]) -> "Pairs":
        """The same with the numbers of hard responses, one array an annotated pair."""
        annotated = [
            Pair(pair.context, pair.response, pair.candidates, hard)
            for pair, hard in zip(self.found[: self.annotated], near, strict=True)
        ]
        return Pairs(annotated, self.found[self.annotated :], self.gold)


def pairs_of(dialogues: Sequence[Dialogue], codec: Codec, pool: Pool, layer: str, *, profile: bool) -> Pairs:
    """A pair for each agent's turn that something was said before.

    Where the pool holds the response, the pool's text stands for it, and others are drawn from the pool; where it was
    typed freely, others are drawn from what was typed freely.
    """
    contexts = contexts_of(dialogues, codec, agent_turns, profile=profile)
    turns = [dialogues[context.dialogue].turns[context.turn] for context in contexts]
    places = [pool.find(turn, layer) for turn in turns]
    texts = dict.fromkeys(turn.text for turn, place in zip(turns, places, strict=True) if place is None)
    typed_ids = dict(zip(texts, _ids(list(texts), codec), strict=True))
    approved, typed = Candidates(_ids(pool.texts, codec)), Candidates(list(typed_ids.values()))
    known = [at for at, place in enumerate(places) if place is not None]
    gold = np.array([place for place in places if place is not None], dtype=np.int64)
    return Pairs(
        [Pair(contexts[at], approved.ids[number], approved) for at, number in zip(known, gold.tolist(), strict=True)],
        [
            Pair(context, typed_ids[turn.text], typed)
            for context, turn, place in zip(contexts, turns, places, strict=True)
            if place is None and len(typed_ids) > 1
        ],
        gold,
    )


def _ids(texts: Sequence[str], codec: Codec) -> list[Ids]:
    return [np.array(ids, dtype=np.int32) for ids in codec.plain_ids(texts)]
