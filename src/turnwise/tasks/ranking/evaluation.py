"""How well a ranking finds the response that was given, and what becomes of each response of the pool."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from turnwise.bootstrap import intervals
from turnwise.dialogue import Dialogue
from turnwise.errors import InputError
from turnwise.tasks.choices import Choices
from turnwise.tasks.contexts import agent_turns
from turnwise.tasks.ranks import Floats, Ints, histogram, mean_reciprocal_rank, recall
from turnwise.tasks.responder import Order

if TYPE_CHECKING:
    from turnwise.tasks.ranking.model import RankingModel

_TOGETHER = 16


@dataclass(frozen=True)
class Answered:
    """The candidates of one context: ``columns`` (candidates,) of the pool, and their log-odds ``own``.

    ``weight`` is that of ``own`` beside ``retrieved`` (pool,), the scores of the retriever, None without one.
    """

    columns: Ints
    own: Floats
    retrieved: Floats | None
    weight: float

    @property
    def scores(self) -> Floats:
        """Raw scores of the candidates."""
        return self.own if self.retrieved is None else self.weight * self.own + self.retrieved[self.columns]

    @property
    def order(self) -> Order:
        """Numbers of the pool with raw scores, best first; of equal ones the first of the pool."""
        scores = self.scores
        best = np.lexsort((self.columns, -scores))
        return [(int(self.columns[at]), float(scores[at])) for at in best]

    def rank(self, gold: int) -> int:
        """The pessimistic rank of a response of the pool: ties come before it.

        One that is no candidate has its rank among all by the retriever, which is behind all candidates.
        """
        at = np.flatnonzero(self.columns == gold)
        if len(at):
            return int((self.scores >= self.scores[at[0]]).sum())
        assert self.retrieved is not None
        return max(int((self.retrieved >= self.retrieved[gold]).sum()), len(self.columns) + 1)


def evaluation(
    model: "RankingModel",
    dialogues: Sequence[Dialogue],
    *,
    draws: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """The figures over every agent's turn that something was said before.

    ``mrr``, ``recall@1`` and ``recall@5`` over the whole pool, for the ``n`` turns whose response is in it; ties count
    against. ``shortlist_recall``: the share of these whose response is among the candidates of the cross-encoder.
    ``ranks`` counts them. Of the first choices what ``Choices`` measures. Raises InputError when the pool holds none of
    the responses given.
    """
    names: list[str] = []
    gold: list[int] = []
    ranks: list[int] = []
    firsts: list[int] = []
    raw: list[float] = []
    listed: list[bool] = []
    for at in range(0, len(dialogues), _TOGETHER):
        part = dialogues[at : at + _TOGETHER]
        contexts = model.contexts(part, agent_turns)
        for context, answer in zip(contexts, model.answers(contexts), strict=True):
            place = model.pool.find(part[context.dialogue].turns[context.turn], model.task.gold_layer)
            (first, score), *_ = answer.order
            names.append(part[context.dialogue].id)
            gold.append(-1 if place is None else place)
            ranks.append(0 if place is None else answer.rank(place))
            listed.append(place is not None and bool((answer.columns == place).any()))
            firsts.append(first)
            raw.append(score)
        if progress is not None:
            progress(len(part))
    right = np.array(gold, dtype=np.int64)
    known = right >= 0
    if not known.any():
        raise InputError(
            f"there is nothing to measure: of {len(gold)} agents' turns none has a response of the pool "
            f"({len(model.pool):,} responses); name dialogues of the same desk, or fit with their pool"
        )
    choices = Choices(right, np.array(firsts, dtype=np.int64), np.array(raw, dtype=np.float64), model.confidence)
    places, in_list = np.array(ranks, dtype=np.int64)[known], np.array(listed)[known]

    def measured(weights: Floats) -> dict[str, float]:
        own = weights[known]
        if not own.any():
            return {}
        return {
            "mrr": mean_reciprocal_rank(places, own),
            "recall@1": recall(places, 1, own),
            "recall@5": recall(places, 5, own),
            "shortlist_recall": float((own * in_list).sum() / own.sum()),
            **choices.measured(weights),
        }

    return {
        "n": int(known.sum()),
        "dialogues": len(set(names)),
        "turns": len(gold),
        "not_in_pool": int((~known).sum()),
        "pool": len(model.pool),
        "candidates": len(model.pool) if model.whole else min(model.task.top_k, len(model.pool)),
        **measured(np.ones(len(gold))),
        "intervals": intervals(names, measured, draws=draws, seed=seed),
        "ranks": histogram(places),
        **choices.details(model.pool),
    }
