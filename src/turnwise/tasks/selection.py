"""Response selection: the response whose vector is nearest to the context's, of one siamese encoder."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors import SafetensorError

from turnwise.bootstrap import intervals
from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.objectives.response_matching import ResponseMatching
from turnwise.tasks.answers import YesNo
from turnwise.tasks.choices import Choices
from turnwise.tasks.confidence import Confidence
from turnwise.tasks.contexts import Context
from turnwise.tasks.dual import DualEncoder, Vectors, best_columns
from turnwise.tasks.folder import MARKS, read_arrays, read_task, write_arrays, write_task
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranks import (
    BATCH,
    SEEDS,
    Floats,
    Ints,
    Scored,
    batch_ranks,
    histogram,
    mean_reciprocal_rank,
    pessimistic_ranks,
    recall,
    text_keys,
)
from turnwise.tasks.responder import LAYER, Order, Responder, RespondingTask
from turnwise.tasks.response_card import card
from turnwise.tasks.retriever import Retriever

VECTORS = "responses.safetensors"
"""The file of a model folder that keeps the vectors of its pool."""
_TOGETHER = 512
"""Contexts that are scored against the whole pool at once."""


@dataclass(frozen=True)
class Selection(RespondingTask):
    """s(c, r) = cos(F(c), F(r)), F the mean of the states; the other responses of a batch are the negatives.

    The loss is the cross-entropy of the true response at ``scale`` s among the ``batch_size`` of a batch; a response
    with the same text is no negative. ``gold_layer`` is the layer that names responses of agents' turns, where there
    is one. ``shown`` responses are given in an answer; ``precision`` is the share of right ones among those shown on
    held-out dialogues that the threshold aims at. ``profile``: the metadata are read, where the layout has a place
    for them. Over a pool, at most ``precedents`` training turns vote with what was answered there, see ``Retriever``;
    with 0 the cosine alone decides, as published. ``neighbours`` is the weight of a loss that draws contexts with one
    response together, which makes better precedents; 0 as published.

    Source: DSDF, section 3.3, equation 7; the loss is that of ConvFiT, section 2.1.
    """

    batch_size: int = 64
    scale: float = 20.0
    profile: bool = True
    gold_layer: str = LAYER
    shown: int = 5
    precision: float = 0.5
    precedents: int = 10_000
    neighbours: float = 0.0

    name: ClassVar[str] = "selection"
    paper: ClassVar[str] = "DSDF, 3.3 (RS)"
    layer: ClassVar[str] = LAYER

    def __post_init__(self) -> None:
        if self.shown < 1:
            raise InputError(f"shown is {self.shown}, expected at least 1")
        if self.precedents < 0:
            raise InputError(f"precedents is {self.precedents}, expected 0 or more")
        YesNo(self.precision)  # raises InputError
        _ = self.objective

    @property
    def objective(self) -> ResponseMatching:
        """The loss. Raises InputError for a batch of one, a scale that is not positive, a negative weight."""
        return ResponseMatching(self.batch_size, "mean", "cosine", self.scale, self.neighbours)

    def read(self, dialogue: Dialogue) -> Dialogue:
        """The dialogue as the task reads it: without its profile when that is not wanted."""
        return dialogue if self.profile else replace(dialogue, profile={})


class SelectionModel(Responder):
    """What ``fit_selection`` returns. Vectors of the pool and of precedents are kept: a turn is one encoder pass."""

    task: Selection

    def __init__(
        self,
        task: Selection,
        encoder: Encoder,
        pool: Pool,
        *,
        retriever: Retriever | None = None,
        confidence: Confidence | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(task, encoder, pool, confidence=confidence, facts=facts)
        self.retriever = retriever or Retriever.of(DualEncoder(self.encoder), pool, task.scale)

    def order(self, contexts: Sequence[Context], k: int) -> list[Order]:
        scores = self.retriever.scores(contexts)
        columns = best_columns(scores, k)
        return [[(int(at), float(row[at])) for at in best] for row, best in zip(scores, columns, strict=True)]

    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Among the responses of seeded batches, and among the pool.

        ``r100@1`` and ``r100@3``: every agent's turn that something was said before, in batches of exactly 100, what
        is left over dropped, mean over five seeds, by the cosine alone; the rank is pessimistic, so a twin of the true
        response counts as before it. ``r100@1_merged``: twins counted as one. ``r100@1_precedents``: the same when
        precedents vote for responses that the pool has. All are missing with fewer than 100 turns. ``mrr``,
        ``recall@1``, ``recall@3`` and ``recall@5``: over the whole pool, for the ``in_pool`` turns whose response is
        there; ``ranks`` counts them. Of the first choices of all turns what ``Choices`` measures. Raises InputError
        when no agent's turn answers something.
        """
        given = list(dialogues)
        contexts, texts, gold = self.asked(given)
        parts = [contexts[at : at + _TOGETHER] for at in range(0, len(contexts), _TOGETHER)]
        vectors = np.concatenate([self.retriever.dual.contexts(part) for part in parts])
        if progress is not None:
            progress(len(given))
        names = [given[context.dialogue].id for context in contexts]
        found: dict[str, Any] = {
            "task": self.task.name,
            "model": self.version,
            "n": len(contexts),
            "dialogues": len(set(names)),
            "pool": len(self.pool),
        }
        selected = _Batches(self, vectors, texts, seed)
        known = gold >= 0
        places, top, raw = self._placed(vectors, gold)
        ranks = places[known]
        choices = Choices(gold, top, raw, self.confidence)

        def measured(weights: Floats) -> dict[str, float]:
            return selected(weights) | _in_pool(ranks, weights[known]) | choices.measured(weights)

        found |= measured(np.ones(len(contexts)))
        found["in_pool"] = int(known.sum())
        if len(contexts) >= BATCH:
            found |= {"batches": len(contexts) // BATCH, "seeds": SEEDS, "r100@1_by_seed": selected.by_seed}
        found["intervals"] = intervals(names, measured, draws=draws, seed=seed)
        return {**found, "ranks": histogram(ranks), **choices.details(self.pool)}

    def _placed(self, vectors: Vectors, gold: Ints) -> tuple[Ints, Ints, Floats]:
        """The rank of each right response in the pool (0 where it is not there), the first choice, and its score."""
        ranks, top, raw = np.zeros(len(gold), dtype=np.int64), np.zeros(len(gold), dtype=np.int64), np.zeros(len(gold))
        for at in range(0, len(gold), _TOGETHER):
            part = slice(at, at + _TOGETHER)
            scores = self.retriever.scored(vectors[part])
            known = gold[part] >= 0
            ranks[part][known] = pessimistic_ranks(scores[known], gold[part][known])
            top[part], raw[part] = scores.argmax(1), scores.max(1)
        return ranks, top, raw

    def asked(self, dialogues: Sequence[Dialogue]) -> tuple[list[Context], list[str], Ints]:
        """The contexts of agents' turns, their texts, and their numbers in the pool, -1 where it lacks them.

        Raises InputError when there is none.
        """
        contexts, gold = self.given(dialogues)
        if not contexts:
            raise InputError(
                'there is nothing to measure: no turn of the speaker "agent" answers something; name other dialogues'
            )
        return contexts, [dialogues[context.dialogue].turns[context.turn].text for context in contexts], gold

    def save(self, folder: Path) -> None:
        """Write the model folder, atomically: task.json, encoder/, the pool's vectors, README.md.

        Raises StorageError when the disk refuses; an older folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            (temporary / "encoder").mkdir()
            self.encoder.write(temporary / "encoder")
            write_arrays(temporary / VECTORS, self.retriever.arrays())
            content = {
                "encoder": self.facts.get("encoder", self.encoder.name),
                "max_tokens": self.encoder.codec.max_tokens,
                "parameters": asdict(self.task),
                "retriever": self.retriever.content(),
                "confidence": self.confidence.to_json(),
                "pool": self.pool.to_json(),
                "facts": self.facts,
            }
            self.version = write_task(temporary, self.task.name, content)
            (temporary / "README.md").write_text(card(self.task, self.pool, self.version, content), encoding="utf-8")


def load_selection(folder: Path) -> SelectionModel:
    """Read a model folder. Raises ModelError when it is not whole, damaged or not there, or of another task."""
    folder = Path(folder)
    document = read_task(folder, Selection.name)
    try:
        pool = Pool.from_json(document["pool"])
        encoder = Encoder.load(folder / "encoder", max_tokens=int(document["max_tokens"]))
        model = SelectionModel(
            Selection(**document["parameters"]),
            encoder,
            pool,
            retriever=Retriever.read(DualEncoder(encoder), pool, read_arrays(folder / VECTORS), document["retriever"]),
            confidence=Confidence(**document["confidence"]),
            facts=document["facts"],
        )
        model.version = document["version"]
    except (KeyError, TypeError, ValueError, InputError, RuntimeError, OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder} cannot be read as a model of selection: {reason}; fit it again") from None
    return model


class _Batches:
    """R100@1 and R100@3 as functions of weights (examples,); empty with fewer examples than a batch.

    By the cosine, and where the model has precedents with their votes too.
    """

    def __init__(self, model: SelectionModel, contexts: Vectors, texts: Sequence[str], seed: int) -> None:
        retriever, keys = model.retriever, text_keys(texts)
        responses = retriever.dual.responses(texts)
        places = [model.pool.place(text) for text in texts]
        numbers = np.array([-1 if place is None else place for place in places], dtype=np.int64)
        self.empty = len(contexts) < BATCH
        scores: dict[str, Scored] = {"": lambda rows, columns: contexts[rows] @ responses[columns].T}
        if retriever.precedents is not None:
            scores["_precedents"] = lambda rows, columns: retriever.among(
                contexts[rows], responses[columns], numbers[columns]
            )
        self.draws = {
            name: [batch_ranks(scored, keys, seed + number) for number in range(SEEDS)]
            for name, scored in scores.items()
        }

    def __call__(self, weights: Floats) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, draws in self.draws.items() if not self.empty else ():
            for at in (1, 3):
                found[f"r100@{at}{name}"] = _over_seeds([recall(worst, at, weights[rows]) for rows, worst, _ in draws])
                merged = [recall(merged, at, weights[rows]) for rows, _, merged in draws]
                found[f"r100@{at}{name}_merged"] = _over_seeds(merged)
        return found

    @property
    def by_seed(self) -> list[float]:
        """R100@1 of each seed, by the cosine."""
        return [recall(worst, 1) for _, worst, _ in self.draws[""]]


def _in_pool(ranks: Ints, weights: Floats) -> dict[str, float]:
    """Figures over the pool of turns with ``weights`` (turns,); {} when none of their responses is in the pool."""
    if not weights.any():
        return {}
    found = {f"recall@{at}": recall(ranks, at, weights) for at in (1, 3, 5)}
    return {"mrr": mean_reciprocal_rank(ranks, weights), **found}


def _over_seeds(values: Sequence[float]) -> float:
    return float(np.mean(values))
