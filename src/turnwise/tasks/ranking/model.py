"""A fitted ranking: the cross-encoder, the dual encoder of its shortlist, the pool and its vectors."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
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
from turnwise.tasks.dual import DualEncoder, Vectors, best_columns
from turnwise.tasks.folder import MARKS, read_arrays, read_task, write_arrays, write_task
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranking.cross import CrossEncoder
from turnwise.tasks.ranking.evaluation import Answered, evaluation
from turnwise.tasks.ranking.task import Ranking
from turnwise.tasks.responder import Order, Responder
from turnwise.tasks.response_card import card
from turnwise.tasks.selection import VECTORS

_HEAD = "head.safetensors"
_SHORTLIST = "shortlist"
_TOGETHER = 32
"""Contexts whose candidates are scored together."""


class RankingModel(Responder):
    """What ``fit_ranking`` returns.

    Raw scores are the cross-encoder's log-odds plus ``blend`` times ``scale`` times the cosine of the dual encoder;
    both are chosen in fitting, and ``blend`` is 0 without a dual encoder.
    """

    task: Ranking

    def __init__(
        self,
        task: Ranking,
        encoder: Encoder,
        head: nn.Module,
        pool: Pool,
        *,
        dual: DualEncoder | None = None,
        vectors: Vectors | None = None,
        blend: float = 0.0,
        scale: float = 20.0,
        confidence: Confidence | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(task, encoder, pool, confidence=confidence, facts=facts)
        self.head = head.eval()
        self.cross = CrossEncoder(self.encoder, self.head, task.pooling)
        self.dual = dual
        self.blend = blend
        self.scale = scale
        self.whole = dual is None
        """Whether every response of the pool is scored by the cross-encoder."""
        self._ids: list[Ids] = [np.array(ids, dtype=np.int32) for ids in encoder.codec.plain_ids(pool.texts)]
        self.vectors = vectors
        if dual is not None and vectors is None:
            self.vectors = dual.responses(pool.texts)

    def order(self, contexts: Sequence[Context], k: int) -> list[Order]:
        """The ``k`` best, at most as many as the shortlist holds: what it leaves out has no score."""
        return [one.order[:k] for one in self.answers(contexts)]

    def answers(self, contexts: Sequence[Context]) -> list[Answered]:
        """For each context its candidates by their score, best first, and the scores of the dual encoder, if any."""
        found = []
        for at in range(0, len(contexts), _TOGETHER):
            found += self._answers(contexts[at : at + _TOGETHER])
        return found

    def _answers(self, contexts: Sequence[Context]) -> list[Answered]:
        alike = None
        if self.dual is not None and self.vectors is not None:
            alike = self.scale * (self.dual.contexts(contexts) @ self.vectors.T).astype(np.float64)
        number = len(self.pool) if self.whole else min(self.task.top_k, len(self.pool))
        if alike is None or number == len(self.pool):
            columns = np.broadcast_to(np.arange(len(self.pool)), (len(contexts), len(self.pool)))
        else:
            columns = best_columns(alike, number)
        composer = self.task.composer(self.encoder.codec)
        tokens = [
            tokens_of(context.row(composer, self._ids[at]))
            for context, row in zip(contexts, columns, strict=True)
            for at in row.tolist()
        ]
        scores = self.cross.logits(tokens).reshape(columns.shape)
        found = []
        for number, (row, own) in enumerate(zip(columns, scores, strict=True)):
            others = None if alike is None else alike[number]
            found.append(Answered(row, own, others, self.blend))
        return found

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

    def refresh(self) -> None:
        """Encode the pool again: after the dual encoder has learned."""
        if self.dual is not None:
            self.vectors = self.dual.responses(self.pool.texts)

    def save(self, folder: Path, *, encoder: bool = True) -> None:
        """Write the model folder, atomically: task.json, encoder/, head, the pool's vectors, shortlist/, README.md.

        Without ``encoder`` that is left to whoever shares it.
        Raises StorageError when the disk refuses; an older folder is then untouched.
        """
        with atomic_folder(Path(folder), marks=MARKS) as temporary:
            if encoder:
                (temporary / "encoder").mkdir()
                self.encoder.write(temporary / "encoder")
            save_file({name: value.contiguous() for name, value in self.head.state_dict().items()}, temporary / _HEAD)
            if self.vectors is not None:
                write_arrays(temporary / VECTORS, {"vectors": self.vectors})
            apart = self.dual is not None and self.dual.encoder is not self.encoder
            if apart and self.dual is not None:
                (temporary / _SHORTLIST).mkdir()
                self.dual.encoder.write(temporary / _SHORTLIST)
            content = {
                "encoder": self.facts.get("encoder", self.encoder.name),
                "max_tokens": self.encoder.codec.max_tokens,
                "parameters": asdict(self.task),
                "dual": None if self.dual is None else "separate" if apart else "shared",
                "blend": self.blend,
                "scale": self.scale,
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
    return RankingModel(task or Ranking(), encoder, head, pool, facts={"encoder": encoder.name, "fitted": False})


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
        head = class_head(encoder.dim, 2)
        head.load_state_dict(load_file(folder / _HEAD))
        dual, vectors = None, None
        if document["dual"] is not None:
            apart = document["dual"] == "separate"
            dual = DualEncoder(Encoder.load(folder / _SHORTLIST, max_tokens=limit) if apart else encoder)
            vectors = read_arrays(folder / VECTORS)["vectors"]
            if len(vectors) != len(pool):
                raise ValueError(f"it has {len(vectors)} vectors for {len(pool)} responses")
        model = RankingModel(
            task,
            encoder,
            head,
            pool,
            dual=dual,
            vectors=vectors,
            blend=float(document["blend"]),
            scale=float(document["scale"]),
            confidence=Confidence(**document["confidence"]),
            facts=document["facts"],
        )
        model.version = document["version"]
    except (KeyError, TypeError, ValueError, InputError, RuntimeError, OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder} cannot be read as a model of ranking: {reason}; fit it again") from None
    return model
