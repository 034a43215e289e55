"""Dialogue utterance reordering (DUR): put shuffled utterances back in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import CorpusError, InputError
from turnwise.objectives.objective import Batch, Draws, Hidden, Objective
from turnwise.objectives.places import Place, Places, pad
from turnwise.sequences import AGENT, CUSTOMER, UNKNOWN, Composer, Row, TurnIds
from turnwise.store import TurnStore

_LIKE = 8
"""Turns are of one length when the longest is longer by at most an eighth of the shortest."""


class PositionHead(nn.Module):
    """A feed-forward network: states (n, dim) to scores (n,)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, 1))

    def forward(self, states: Tensor) -> Tensor:
        scores: Tensor = self.layers(states).squeeze(-1)
        return scores


@dataclass(frozen=True)
class Reordering(Objective):
    """Shuffle ``groups`` groups of ``group_size`` utterances of a dialogue and predict where each belongs.

    With R the states of the speaker tokens of a group's shuffled utterances and p their true relative positions
    (1, 2, ...), the target is y_t = softmax(p), the prediction y_p = softmax(FFN(R)), and::

        L = avg over groups of - sum_k y_t[k] log(y_p[k] + eps)

    As published a group is utterances in a row; then a customer's turn between agent's turns is out of place by its
    role alone, and a short farewell between long turns by its length. By default a group is turns of one speaker of
    about one length, not always in a row, so that roles and lengths stay in their order (``as_published=True`` takes
    utterances in a row). Every permutation is as likely, the one that moves nothing too: without it a slot would say
    where its utterance is not.
    Dialogues in which a speaker is not known are left out. Needs speaker tokens.

    Source: DSDF, section 3.2, equation 4.
    """

    batch_size: int = 32
    group_size: int = 3
    groups: int = 1
    eps: float = 1e-6
    as_published: bool = False

    name: ClassVar[str] = "reordering"
    paper: ClassVar[str] = "DSDF, 3.2 (DUR)"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}, expected at least 1")
        if self.group_size < 2 or self.groups < 1:
            raise InputError(
                f"group_size is {self.group_size} and groups {self.groups}, expected at least 2 and at least 1"
            )

    def examples(self, store: TurnStore, codec: Codec) -> Places:
        """Every dialogue of known speakers that holds a group. Raises CorpusError when there is none."""
        if not Composer(codec).speaker_ids():
            raise InputError('reordering needs speaker tokens; choose input.format = "tod" or "cs-bert"')
        kept = [number for number in range(store.dialogues) if self._possible(store, *store.bounds(number))]
        if not kept:
            raise CorpusError(
                f"{self.name} needs dialogues of known speakers with {self.group_size} turns "
                f"{'in a row' if self.as_published else 'of one speaker and about one length'}, and none of "
                f"{store.dialogues} is one; give longer dialogues or a smaller group_size"
            )
        rows = np.array(kept)
        return Places(store, np.asarray(store.dialogue_start)[rows], np.asarray(store.dialogue_start)[rows + 1])

    def _possible(self, store: TurnStore, start: int, end: int) -> bool:
        speakers = np.asarray(store.speaker[start:end])
        return not (speakers == UNKNOWN).any() and bool(
            self._candidates(speakers.tolist(), np.diff(store.turn_start[start : end + 1]).tolist())
        )

    def head(self, encoder: Encoder, examples: Sequence[Place]) -> nn.Module:
        return PositionHead(encoder.dim)

    def collate(self, examples: Sequence[Place], codec: Codec, draws: Draws) -> Batch:
        """The batch counts groups.

        ``place`` (groups, group_size, 2) names row and position of each shuffled utterance's speaker token, ``order``
        (groups, group_size) its true relative position from 0.
        """
        composer = Composer(codec)
        rows: list[Row] = []
        places: list[list[tuple[int, int]]] = []
        orders: list[list[int]] = []
        for at, example in enumerate(examples):
            rng = draws.row(at)
            turns = example.store.span(example.start, example.end)
            row = composer.dialogue(turns, profile=example.store.profile_at(example.start))
            turns = [turns[which] for which in row.kept]
            shuffled = self._groups(turns, rng)
            for group, order in shuffled:
                moved = [turns[group[k]] for k in order]
                for slot, turn in zip(group, moved, strict=True):
                    turns[slot] = turn
            row = composer.dialogue(turns, profile=example.store.profile_at(example.start))
            for group, order in shuffled:
                if row.dropped == 0:
                    places.append([(at, row.starts[slot]) for slot in group])
                    orders.append(order)
            rows.append(row)
        shape = (len(places), self.group_size)
        return Batch(
            (pad(rows, codec),),
            {
                "place": torch.tensor(places, dtype=torch.int64).reshape(*shape, 2),
                "order": torch.tensor(orders, dtype=torch.int64).reshape(shape),
            },
            len(places),
        )

    def _groups(self, turns: Sequence[TurnIds], rng: np.random.Generator) -> list[tuple[list[int], list[int]]]:
        """Up to ``groups`` disjoint groups of slots, each with a permutation."""
        free = self._candidates([turn.speaker for turn in turns], [len(turn.ids) for turn in turns])
        found: list[tuple[list[int], list[int]]] = []
        taken: set[int] = set()
        for number in rng.permutation(len(free)).tolist():
            if len(found) < self.groups and taken.isdisjoint(free[number]):
                found.append((free[number], rng.permutation(self.group_size).tolist()))
                taken |= set(free[number])
        return found

    def _candidates(self, speakers: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
        """Every group of slots that may be shuffled; a slot can be in several."""
        if self.as_published:
            return [list(range(start, start + self.group_size)) for start in range(len(lengths) - self.group_size + 1)]
        found = []
        for who in (CUSTOMER, AGENT):
            slots = sorted((at for at, speaker in enumerate(speakers) if speaker == who), key=lambda at: lengths[at])
            for start in range(len(slots) - self.group_size + 1):
                group = slots[start : start + self.group_size]
                shortest, longest = lengths[group[0]], lengths[group[-1]]
                if longest - shortest <= shortest // _LIKE:
                    found.append(sorted(group))
        return found

    def loss(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> Tensor:
        scores, order = self._scores(hidden[0], head, batch)
        if not len(order):
            return scores.sum()
        return reordering_loss(scores, order, eps=self.eps)

    def score(self, hidden: tuple[Hidden, ...], head: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """``accuracy``: utterances whose rank by score is their true position; ``tau``: Kendall's, of each group."""
        scores, order = self._scores(hidden[0], head, batch)
        ranks = scores.argsort(1).argsort(1)
        return {"accuracy": (ranks == order).float().flatten(), "tau": kendall_tau(scores, order)}

    @staticmethod
    def _scores(hidden: Hidden, head: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        place = batch.targets["place"]
        return head(hidden.states[place[..., 0], place[..., 1]]), batch.targets["order"]


def reordering_loss(scores: Tensor, order: Tensor, *, eps: float) -> Tensor:
    """Equation 4 over ``scores`` (groups, k) and true positions ``order`` (groups, k)."""
    target = torch.softmax((order + 1).to(scores.dtype), dim=1)
    return -(target * torch.log(torch.softmax(scores, dim=1) + eps)).sum(1).mean()


def kendall_tau(scores: Tensor, order: Tensor) -> Tensor:
    """Kendall's tau of each group (groups,): pairs in the right order less pairs in the wrong one, over all pairs."""
    size = order.shape[1]
    first, second = torch.triu_indices(size, size, offset=1)
    agree = torch.sign(scores[:, first] - scores[:, second]) * torch.sign((order[:, first] - order[:, second]).float())
    return agree.mean(1)
