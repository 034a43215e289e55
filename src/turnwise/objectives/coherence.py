"""Dialogue coherence verification (DCV): is this dialogue whole, or were turns of it replaced?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.classify import class_head, class_loss, class_score
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective, Pooling
from turnwise.objectives.places import Place, Places, pad
from turnwise.objectives.substitutes import Substitutes
from turnwise.sequences import Composer, Ids, Row
from turnwise.store import TurnStore


@dataclass(frozen=True)
class Coherence(Objective):
    """P = softmax(W h_[CLS]) of a whole dialogue: half of them have ``replaced`` of their turns replaced.

    Which half is drawn anew each epoch, by the dialogue. At least one turn is replaced. As published by any turn
    (``as_published=True``); then lengths out of place give it away, so by default a turn is replaced by one of the
    same speaker, the same place in another dialogue (the same index, late ones alike) and as many tokens, or nearly.

    Source: DSDF, section 3.2, equation 2.
    """

    batch_size: int = 32
    replaced: float = 0.3
    pooling: Pooling = "cls"
    as_published: bool = False

    name: ClassVar[str] = "coherence"
    paper: ClassVar[str] = "DSDF, 3.2 (DCV)"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if not 0 < self.replaced <= 1:
            raise InputError(f"replaced is {self.replaced}, expected a share above 0 and at most 1")

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """Every dialogue of two turns or more. Raises CorpusError when there are fewer than two."""
        starts, ends = np.asarray(store.dialogue_start[:-1]), np.asarray(store.dialogue_start[1:])
        kept = ends - starts > 1
        if kept.sum() < 2:
            raise CorpusError(
                f"{self.name} needs 2 dialogues or more with 2 turns or more, and found {int(kept.sum())} among "
                f"{store.dialogues}; give whole dialogues"
            )
        return Places(store, starts[kept], ends[kept], Substitutes(store))

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        return class_head(encoder.dim, 2)

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        """``labels`` (B,) is 1 for a dialogue that is whole. What does not fit is left out before a turn is chosen."""
        composer = Composer(codec)
        rows, labels = [], []
        for at, place in enumerate(examples):
            rng = draws.row(at)
            turns = place.store.span(place.start, place.end)
            profile = place.store.profile_at(place.start)
            row = composer.dialogue(turns, profile=profile)
            whole = True
            if rng.random() < 0.5:
                told = [turns[which] for which in row.kept]
                sizes = [len(turn.ids) for turn in told]
                replaced = self._replaced(place, row, rng)
                for which, ids in replaced.items():
                    told[which] = told[which]._replace(ids=ids)
                whole = not replaced
                row = composer.dialogue(told, profile=profile)
                if row.dropped:
                    # A longer substitute must not push another turn out: cut to the room there was, all fit again.
                    for which, ids in replaced.items():
                        told[which] = told[which]._replace(ids=ids[: sizes[which]])
                    row = composer.dialogue(told, profile=profile)
            rows.append(row)
            labels.append(int(whole))
        return Batch((pad(rows, codec),), {"labels": torch.tensor(labels)})

    def _replaced(self, place: Place, row: Row, rng: np.random.Generator) -> dict[int, Ids]:
        """The words of the substitutes, by the number among the turns kept."""
        assert place.substitutes is not None
        draw = place.substitutes.anywhere if self.as_published else place.substitutes.alike
        number = max(1, round(self.replaced * len(row.kept)))
        found: dict[int, Ids] = {}
        for which in sorted(rng.permutation(len(row.kept))[:number].tolist()):
            other = draw(place.start + row.kept[which], rng)
            if other is not None:
                found[which] = place.store.turn(other).ids
        return found

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        return class_loss(hidden[0], head, batch.targets["labels"], self.pooling)

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return class_score(hidden[0], head, batch.targets["labels"], self.pooling)
