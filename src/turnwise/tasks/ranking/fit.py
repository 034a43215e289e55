"""Fit response ranking: the shortlist's dual encoder, the cross-encoder, the best epoch, then what a score means."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError
from turnwise.parts import Part
from turnwise.pretrained_heads import read_heads, start_from
from turnwise.settings import Settings
from turnwise.store import TurnStore
from turnwise.tasks.contexts import Context, agent_turns
from turnwise.tasks.dual import DualEncoder, best_columns
from turnwise.tasks.fit import HeldOut, TaskInput, adapted_encoder, train_and_held
from turnwise.tasks.learner import facts_of, learn
from turnwise.tasks.pool import Pool, dialogue_pool
from turnwise.tasks.ranking.evaluation import Answered
from turnwise.tasks.ranking.examples import Ints, Pairs, pairs_of
from turnwise.tasks.ranking.model import RankingModel
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.ranks import mean_reciprocal_rank, recall
from turnwise.tasks.retriever import Retriever
from turnwise.tasks.selection import Selection, SelectionModel
from turnwise.tasks.selection_fit import SelectionFitting, finish, fit_selection
from turnwise.training import Step

OnStep = Callable[[str, Step], None]
WEIGHTS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""How much the cross-encoder may count beside the retriever."""
_MEASURED = 200
"""Held-out turns that the best epoch is chosen by, at most: a sample, as published."""
_NEAR = 30
"""Responses of the pool that hard negatives are drawn from."""


@dataclass(frozen=True)
class RankingFitting:
    """A recipe: the task, how both encoders are trained, how dialogues are written, what is held out."""

    task: Ranking = field(default_factory=Ranking)
    training: Settings = field(default_factory=lambda: Settings(epochs=5, learning_rate=1e-4, head_learning_rate=1e-3))
    shortlist: Settings = field(default_factory=lambda: Settings(epochs=10, learning_rate=1e-4))
    selection: Selection = field(default_factory=Selection)
    input: TaskInput = field(default_factory=lambda: TaskInput(format="cs-bert"))
    held_out: HeldOut = field(default_factory=HeldOut)


def fit_ranking(
    dialogues: Iterable[Dialogue],
    encoder: Encoder,
    fitting: RankingFitting,
    *,
    pool: Pool | None = None,
    dev: Iterable[Dialogue] | None = None,
    on_step: OnStep | None = None,
) -> RankingModel:
    """Fit ``fitting.task`` from copies of ``encoder``; ``pool`` is by default what agents say in ``dialogues``.

    The head starts from that of next-turn prediction where further pre-training left one beside the encoder. After
    each epoch recall@1 is measured on held-out turns; the weights of the best epoch stay. On the same turns the
    weight of the cross-encoder beside the retriever is chosen, the curve from scores to probabilities, the threshold.
    ``on_step`` is called with the stage's name and each step. Raises CorpusError when no agent's turn answers
    something.
    """
    task, settings = fitting.task, fitting.training
    given = list(dialogues)
    pool = dialogue_pool(given, task.gold_layer) if pool is None else pool
    train, held = train_and_held(given, dev, fitting.held_out, settings.seed)
    wanted = task.shortlist_of(len(pool))
    apart = _shortlist(train, held, encoder, fitting, pool, on_step) if wanted == "separate" else None
    if apart is not None and not task.cross:
        return _retrieving(task, apart, train)
    adapted = adapted_encoder(encoder, fitting.input, settings.seed)
    learner = RankingLearner(fitting, adapted, train, held, pool, apart=apart, shared=wanted == "shared")

    def told(step: Step) -> None:
        if on_step is not None:
            on_step(task.name, step)

    (learned,) = learn(adapted, [learner], settings, told)
    return learner.finish(facts_of(learner, learned, settings, fitting.input, encoder=encoder.name, train=train))


class RankingLearner:
    """A ranking on ``encoder``, trained in place: the cross-encoder if wanted, the dual encoder when ``shared``.

    ``apart`` is a dual encoder of its own that was fitted before. Raises CorpusError when no agent's turn answers
    something.
    """

    chosen_by = "recall@1"
    name = Ranking.name

    def __init__(
        self,
        fitting: RankingFitting,
        encoder: Encoder,
        train: Sequence[Dialogue],
        held: Sequence[Dialogue],
        pool: Pool,
        *,
        apart: SelectionModel | None = None,
        shared: bool = False,
    ) -> None:
        task, seed = fitting.task, fitting.training.seed
        self.held, self.apart, self.shared = held, apart, shared
        self.precedents, self.seed = fitting.selection.precedents, seed
        pairs = pairs_of(train, encoder.codec, pool, task.gold_layer, profile=task.profile)
        if len(pairs) == 0:
            raise CorpusError(
                f'ranking: of {len(train)} dialogues no turn of the speaker "agent" answers something and is in the '
                "pool or one of several typed freely; give other dialogues, or the pool that their agents chose from"
            )
        if apart is not None and task.hard > 0:
            pairs = pairs.with_near(_near(apart.retriever, pairs))
        self.pairs = pairs
        torch.manual_seed(seed)
        head, self.started, self.parts = None, list[str](), list[Part]()
        if task.cross:
            head = task.head(encoder, pairs)
            self.started = start_from({"next_turn": head}, read_heads(encoder.name), encoder)
            self.parts.append(Part(task, pairs, head))
        if shared:
            objective = fitting.selection.objective
            examples = objective.examples(
                TurnStore.of(map(fitting.selection.read, train), encoder.codec), encoder.codec
            )
            self.parts.append(Part(objective, examples, objective.head(encoder, examples)))
        retriever = None if apart is None else apart.retriever
        if shared:
            retriever = Retriever.of(DualEncoder(encoder), pool, fitting.selection.scale)
        self.model = RankingModel(task, encoder, head, pool, retriever=retriever)
        self.asked = _Asked.of(self.model, held, seed)

    def measure(self) -> tuple[float, dict[str, float]] | None:
        """Recall@1 and MRR on held-out turns."""
        if not len(self.asked.gold):
            return None
        if self.shared and self.model.retriever is not None:
            self.model.retriever.refresh(self.model.pool)
        found = self.asked.best(self.model)
        return found["recall@1"], found

    def finish(self, facts: dict[str, Any]) -> RankingModel:
        """Choose on held-out turns how much precedents and the cross-encoder count, and what a score means."""
        model, retriever = self.model, self.model.retriever
        if self.shared and retriever is not None:
            retriever.refresh(model.pool)
            known = [pair.context for pair in self.pairs.found[: self.pairs.annotated]]
            retriever.remember(known, self.pairs.gold, self.precedents, self.seed)
            retriever.choose_share(self.asked.contexts, self.asked.gold)
        if retriever is not None and model.cross is not None and len(self.asked.gold):
            model.weight = self.asked.best(model)["weight"]
        apart = self.apart
        model.facts = facts | {
            "annotated": self.pairs.annotated,
            "typed": len(self.pairs) - self.pairs.annotated,
            "heads_from_pretraining": self.started,
            "shortlist": None if apart is None else {key: apart.facts[key] for key in ("training", "epochs", "steps")},
        }
        if any(_has_gold(dialogue, model.pool, model.task) for dialogue in self.held):
            finish(model, self.held)
        return model


def _shortlist(
    train: Sequence[Dialogue],
    held: Sequence[Dialogue],
    encoder: Encoder,
    fitting: RankingFitting,
    pool: Pool,
    on_step: OnStep | None,
) -> SelectionModel:
    selection = replace(
        fitting.selection,
        profile=fitting.task.profile,
        gold_layer=fitting.task.gold_layer,
        shown=fitting.task.shown,
        precision=fitting.task.precision,
    )
    recipe = SelectionFitting(selection, fitting.shortlist, fitting.input, HeldOut(0))

    def told(step: Step) -> None:
        if on_step is not None:
            on_step("shortlist", step)

    return fit_selection(train, encoder, recipe, pool=pool, dev=held, on_step=told)


def _retrieving(task: Ranking, apart: SelectionModel, train: Sequence[Dialogue]) -> RankingModel:
    """A ranking by the retriever alone."""
    turns = [dialogue.turns[at] for dialogue in train for at in agent_turns(dialogue)]
    annotated = sum(apart.pool.find(turn, task.gold_layer) is not None for turn in turns)
    counted = {"annotated": annotated, "typed": len(turns) - annotated, "shortlist": None}
    return RankingModel(
        task,
        apart.encoder,
        None,
        apart.pool,
        retriever=apart.retriever,
        confidence=apart.confidence,
        facts=apart.facts | counted,
    )


def _near(retriever: Retriever, pairs: Pairs) -> list[Ints]:
    """For each annotated pair the numbers of the responses that the dual encoder takes for most alike."""
    contexts = [pair.context for pair in pairs.found[: pairs.annotated]]
    found: list[Ints] = []
    for at in range(0, len(contexts), 512):
        best = best_columns(retriever.alike(contexts[at : at + 512]), _NEAR)
        found += [row[row != gold] for row, gold in zip(best, pairs.gold[at : at + 512], strict=True)]
    return found


@dataclass(frozen=True)
class _Asked:
    """Held-out turns whose response is in the pool, at most 200 of them, and the numbers of these responses."""

    contexts: list[Context]
    gold: Ints

    @classmethod
    def of(cls, model: RankingModel, held: Sequence[Dialogue], seed: int) -> "_Asked":
        contexts, places = model.given(held)
        known = np.flatnonzero(places >= 0)
        chosen = known[np.sort(np.random.default_rng([seed, 2]).permutation(len(known))[:_MEASURED])]
        return cls([contexts[at] for at in chosen.tolist()], places[chosen])

    def best(self, model: RankingModel) -> dict[str, float]:
        """MRR and recall@1 with the ``weight`` of the cross-encoder with the highest MRR; of equal ones the lowest."""
        answers = model.answers(self.contexts)
        weights = WEIGHTS if model.retriever is not None and model.cross is not None else (model.weight,)
        tried = [
            {"weight": weight, **self._figures([replace(one, weight=weight) for one in answers])} for weight in weights
        ]
        return max(tried, key=lambda found: found["mrr"])

    def _figures(self, answers: Sequence[Answered]) -> dict[str, float]:
        ranks = np.array([one.rank(int(gold)) for one, gold in zip(answers, self.gold, strict=True)], dtype=np.int64)
        return {"recall@1": recall(ranks, 1), "mrr": mean_reciprocal_rank(ranks)}


def _has_gold(dialogue: Dialogue, pool: Pool, task: Ranking) -> bool:
    return any(pool.find(dialogue.turns[at], task.gold_layer) is not None for at in agent_turns(dialogue))
