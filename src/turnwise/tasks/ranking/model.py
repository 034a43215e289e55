"""A fitted ranking: the pool, the retriever of its shortlist, and the cross-encoder."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from turnwise.dialogue import Dialogue
from turnwise.encoder import Encoder
from turnwise.errors import InputError, ModelError
from turnwise.files import atomic_folder
from turnwise.objectives.classify import class_head
from turnwise.pretrained_heads import read_heads, start_from
from turnwise.sequences import Ids
from turnwise.tasks.confidence import Confidence
from turnwise.tasks.contexts import Context, tokens_of
from turnwise.tasks.dual import DualEncoder, best_columns
from turnwise.tasks.folder import MARKS, read_arrays, read_task, write_arrays, write_task
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranking.cross import CrossEncoder
from turnwise.tasks.ranking.evaluation import Answered, evaluation
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.ranks import Floats, Ints
from turnwise.tasks.responder import Order, Responder
from turnwise.tasks.response_card import card
from turnwise.tasks.retriever import Retriever
from turnwise.tasks.selection import VECTORS

_HEAD = "head.safetensors"
_SHORTLIST = "shortlist"
_TOGETHER = 32
"""Contexts whose candidates are scored together."""


class RankingModel(Responder):
    """What ``fit_ranking`` returns.

    Raw scores are ``weight`` times the cross-encoder's log-odds plus the retriever's log p(r | c); ``weight`` is chosen
    in fitting. Where it is 0, or there is no ``head``, no cross-encoder runs. Without a retriever the whole pool is
    scored by the cross-encoder alone.
    """

    task: Ranking

    def __init__(
        self,
        task: Ranking,
        encoder: Encoder,
        head: nn.Module | None,
        pool: Pool,
        *,
        retriever: Retriever | None = None,
        weight: float = 1.0,
        confidence: Confidence | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(task, encoder, pool, confidence=confidence, facts=facts)
        self.cross = None if head is None else CrossEncoder(self.encoder, head.eval(), task.pooling)
        self.retriever = retriever
        self.weight = 0.0 if head is None else weight
        self.whole = retriever is None
        """Whether every response of the pool is a candidate."""
        self._ids: list[Ids] = [np.array(ids, dtype=np.int32) for ids in encoder.codec.plain_ids(pool.texts)]

    def order(self, contexts: Sequence[Context], k: int) -> list[Order]:
        """The ``k`` best, at most as many as the shortlist holds: what it leaves out has no score."""
        return [one.order[:k] for one in self.answers(contexts)]

    def answers(self, contexts: Sequence[Context]) -> list[Answered]:
        """For each context its candidates and their scores, and those of all by the retriever, if any."""
        found = []
        for at in range(0, len(contexts), _TOGETHER):
            found += self._answers(contexts[at : at + _TOGETHER])
        return found

    def _answers(self, contexts: Sequence[Context]) -> list[Answered]:
        retrieved = None if self.retriever is None else self.retriever.scores(contexts)
        number = len(self.pool) if self.whole else min(self.task.top_k, len(self.pool))
        if retrieved is None or number == len(self.pool):
            columns = np.broadcast_to(np.arange(len(self.pool)), (len(contexts), len(self.pool)))
        else:
            columns = best_columns(retrieved, number)
        own = self._own(contexts, columns)
        return [
            Answered(row, scores, None if retrieved is None else retrieved[at], self.weight)
            for at, (row, scores) in enumerate(zip(columns, own, strict=True))
        ]

    def _own(self, contexts: Sequence[Context], columns: Ints) -> Floats:
        """The cross-encoder's log-odds of ``columns`` (contexts, candidates); zeros where their weight is."""
        if self.cross is None or self.weight == 0:
            return np.zeros(columns.shape)
        composer = self.task.composer(self.encoder.codec)
        tokens = [
            tokens_of(context.row(composer, self._ids[at]))
            for context, row in zip(contexts, columns, strict=True)
            for at in row.tolist()
        ]
        return self.cross.logits(tokens).reshape(columns.shape)

    def evaluate(
        self,
        dialogues: Iterable[Dialogue],
        *,
        draws: int = 1000,
        seed: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """See ``turnwise.tasks.ranking.evaluation``. Raises InputError when no response given is in the pool."""
        found = evaluation(self, list(dialogues), draws=draws, seed=seed, progress=progress)
        return {"task": self.task.name, "model": self.version, **found}

    def save(self, folder: Path, *, encoder: bool = True) -> None:
        """Write the model folder, atomically: task.json, encoder/, head, the pool's vectors, shortlist/, README.md.

        Without ``encoder`` that is left to whoever shares it.
        Raises StorageError when the disk refuses; an older folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            if encoder:
                (temporary / "encoder").mkdir()
                self.encoder.write(temporary / "encoder")
            if self.cross is not None:
                state = self.cross.head.state_dict()
                save_file({name: value.contiguous() for name, value in state.items()}, temporary / _HEAD)
            retriever, apart = self.retriever, False
            if retriever is not None:
                write_arrays(temporary / VECTORS, retriever.arrays())
                apart = retriever.dual.encoder is not self.encoder
                if apart:
                    (temporary / _SHORTLIST).mkdir()
                    retriever.dual.encoder.write(temporary / _SHORTLIST)
            content = {
                "encoder": self.facts.get("encoder", self.encoder.name),
                "max_tokens": self.encoder.codec.max_tokens,
                "parameters": asdict(self.task),
                "shortlist": "none" if retriever is None else "separate" if apart else "shared",
                "retriever": None if retriever is None else retriever.content(),
                "weight": self.weight,
                "confidence": self.confidence.to_json(),
                "pool": self.pool.to_json(),
                "facts": self.facts,
            }
            self.version = write_task(temporary, self.task.name, content)
            (temporary / "README.md").write_text(card(self.task, self.pool, self.version, content), encoding="utf-8")


def zero_shot(encoder: Encoder, pool: Pool, task: Ranking | None = None) -> RankingModel:
    """A ranking without fitting: the head of next-turn prediction that further pre-training left beside the encoder.

    The whole pool is scored. Raises InputError when the encoder brings no such head. Source: CS-BERT, section 5.1.1.
    """
    head = class_head(encoder.dim, 2)
    if not start_from({"next_turn": head}, read_heads(encoder.name), encoder):
        raise InputError(
            f"the encoder {encoder.name} brings no head of next_turn, which a ranking without fitting needs; "
            "pre-train it with the recipe cs-bert, or fit the ranking"
        )
    task = replace(task or Ranking(), cross=True)
    return RankingModel(task, encoder, head, pool, facts={"encoder": encoder.name, "fitted": False})


def load_ranking(folder: Path, encoder: Encoder | None = None) -> RankingModel:
    """Read a model folder; ``encoder`` is one that it shares with others.

    Raises ModelError when it is not whole, damaged or not there, or of another task.
    """
    folder = Path(folder)
    document = read_task(folder, Ranking.name)
    try:
        task = Ranking(**document["parameters"])
        pool = Pool.from_json(document["pool"])
        limit = int(document["max_tokens"])
        if encoder is None:
            encoder = Encoder.load(folder / "encoder", max_tokens=limit)
        head = None
        if task.cross:
            head = class_head(encoder.dim, 2)
            head.load_state_dict(load_file(folder / _HEAD))
        retriever = None
        if document["shortlist"] != "none":
            apart = document["shortlist"] == "separate"
            dual = DualEncoder(Encoder.load(folder / _SHORTLIST, max_tokens=limit) if apart else encoder)
            retriever = Retriever.read(dual, pool, read_arrays(folder / VECTORS), document["retriever"])
        model = RankingModel(
            task,
            encoder,
            head,
            pool,
            retriever=retriever,
            weight=float(document["weight"]),
            confidence=Confidence(**document["confidence"]),
            facts=document["facts"],
        )
        model.version = document["version"]
    except (KeyError, TypeError, ValueError, InputError, RuntimeError, OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder} cannot be read as a model of ranking: {reason}; fit it again") from None
    return model
