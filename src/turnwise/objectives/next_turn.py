"""Next turn prediction (NTP): does this agent turn follow this context?"""

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
from turnwise.sequences import AGENT, Composer
from turnwise.store import TurnStore


@dataclass(frozen=True)
class NextTurn(Objective):
    """Tell the true agent turn after a context from one of another dialogue.

    Each agent turn with a context comes twice, once as it is and once with another agent turn in its place. As
    published the other is drawn from all agent turns (``as_published=True``). Then turns that stand early or late, and
    are short or long for it, give the answer away; by default it is drawn from agent turns of other dialogues at the
    same place (the same index, late ones alike) and with as many tokens, or nearly. A turn with the same text is
    never the other. ``batch_size`` counts places: twice as many sequences.

    Source: CS-BERT, section 3.2.
    """

    batch_size: int = 16
    pooling: Pooling = "cls"
    as_published: bool = False

    name: ClassVar[str] = "next_turn"
    paper: ClassVar[str] = "CS-BERT, 3.2"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """The context and the agent turn after it, the last of the place.

        Raises CorpusError when there is none, or when all are of one dialogue.
        """
        found = answered(store, name=self.name)
        if found.starts[0] == found.starts[-1]:
            raise CorpusError(
                f"{self.name} takes agent turns of other dialogues, and of {store.dialogues} dialogues one alone has "
                "agent turns that answer something; give more dialogues"
            )
        return Places(store, found.starts, found.ends, Substitutes(store))

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        return class_head(encoder.dim, 2)

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        """Rows 2 i and 2 i + 1 are example i with its own turn and with another; one row where there is no other.

        The batch counts rows.
        """
        composer = Composer(codec)
        rows, labels = [], []
        for at, place in enumerate(examples):
            store, last, substitutes = place.store, place.end - 1, place.substitutes
            assert substitutes is not None
            context, profile = store.context(place.start, last), store.profile_at(last)
            rows.append(composer.dialogue(context, response=store.turn(last).ids, profile=profile))
            labels.append(1)
            draw = substitutes.same_speaker if self.as_published else substitutes.alike
            other = draw(last, draws.row(at))
            if other is not None:
                rows.append(composer.dialogue(context, response=store.turn(other).ids, profile=profile))
                labels.append(0)
        return Batch((pad(rows, codec),), {"labels": torch.tensor(labels)}, len(rows))

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        return class_loss(hidden[0], head, batch.targets["labels"], self.pooling)

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return class_score(hidden[0], head, batch.targets["labels"], self.pooling)


def answered(store: TurnStore, *, name: str, least: int = 1) -> Places:
    """Every agent turn that has a turn before it, with all that came before.

    Raises CorpusError when there are fewer than ``least``.
    """
    speaker = np.asarray(store.speaker)
    starts = np.repeat(np.asarray(store.dialogue_start[:-1]), np.diff(np.asarray(store.dialogue_start)))
    turns = np.flatnonzero((speaker == AGENT) & (np.arange(len(speaker)) > starts))
    if len(turns) < least:
        raise CorpusError(
            f"{name} needs agent turns that answer something, at least {least}, and the {store.dialogues} dialogues "
            f'have {len(turns)}; give dialogues in which some speakers are "agent"'
        )
    return Places(store, starts[turns], turns + 1)
