"""Train all decoders of a stack at once, over cached states of the frozen encoder."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from turnwise.span_crf import columns_of, span_scores
from turnwise.tasks.slots.recipe import SlotTraining
from turnwise.tasks.slots.sentences import FEATURES, Sentence
from turnwise.tasks.slots.stack import Names, Packed, Stack
from turnwise.tasks.slots.states import States
from turnwise.training import Step

WIDTH = FEATURES + 2
"""Numbers that the residual layer gets of a token: its features, and whether this slot, and any, was asked for."""


class Material:
    """Sentences as tensors: what a stack of decoders reads for ``slots``, and the answers where they are known."""

    def __init__(
        self,
        sentences: Sequence[Sentence],
        states: States,
        slots: Sequence[str],
        names: Names | None = None,
        alike: Mapping[int, Sequence[int]] | None = None,
    ) -> None:
        """``alike`` names, by the row of a sentence, rows that may stand for it: its like with other values."""
        self.alike = alike or {}
        others = {row for rows in self.alike.values() for row in rows}
        self.originals = torch.tensor([row for row in range(len(sentences)) if row not in others])
        self.states, self.slots, self.names = states, tuple(slots), names
        self.features = torch.from_numpy(np.concatenate([one.features for one in sentences])).half()
        self.starts = torch.from_numpy(np.concatenate([one.starts for one in sentences]))
        self.ends = torch.from_numpy(np.concatenate([one.ends for one in sentences]))
        asked = np.array([[slot in one.requested for one in sentences] for slot in self.slots], dtype=np.float32)
        self.asked = torch.from_numpy(asked.reshape(len(self.slots), len(sentences)))
        self.any = torch.tensor([float(bool(one.requested)) for one in sentences])
        values = [[(one.values or {}).get(slot, (0, 0)) for one in sentences] for slot in self.slots]
        self.values = torch.tensor(values).reshape(len(self.slots), len(sentences), 2)

    def __len__(self) -> int:
        return len(self.originals)

    def batch(self, rows: Tensor, members: int) -> tuple[Tensor, Tensor, Packed, Tensor]:
        """States (packed, dim) of some sentences, features (decoders, packed, WIDTH), and which answers can be.

        The last is (batch, 1 + tokens * tokens), as ``span_scores`` gives them. Decoders come member by member.
        """
        lengths = self.states.lengths[rows]
        places, packed = self.states.of(rows), Packed.of(lengths)
        asked = torch.stack([self.asked[:, rows], self.any[rows].expand(len(self.slots), -1)], dim=2)
        asked = asked.repeat_interleave(lengths, dim=1)
        own = self.features[places].float().expand(len(self.slots), -1, -1)
        features = torch.cat([own, asked], dim=2).repeat(members, 1, 1)
        start, end = (packed.pad(part[places][None, :, None])[0, ..., 0] for part in (self.starts, self.ends))
        may = ((start & packed.mask).unsqueeze(2) & (end & packed.mask).unsqueeze(1)).triu()
        may = functional.pad(may.flatten(1), (1, 0), value=True)
        return self.states.values[places].float(), features, packed, may

    def targets(self, rows: Tensor, tokens: int) -> Tensor:
        """The column of each answer, (slots, batch)."""
        found = self.values[:, rows]
        return columns_of(found[..., 0], found[..., 1], tokens)


def scores(
    stack: Stack,
    read: tuple[Tensor, Tensor],
    features: Tensor,
    packed: Packed,
    may: Tensor,
    names: Names | None = None,
) -> Tensor:
    """The score of every answer, (slots, batch, 1 + tokens * tokens)."""
    found = span_scores(stack(read, features, packed, names), packed.mask.repeat(len(features), 1))
    each: Tensor = found.unflatten(0, (len(features), -1)).masked_fill(~may, -torch.inf)
    return each


def train(
    stack: Stack,
    material: Material,
    settings: SlotTraining,
    *,
    members: int,
    frozen: bool = False,
    on_step: Callable[[Step], None] | None = None,
) -> int:
    """Train in place, and return the number of steps; ``frozen`` leaves what is shared as it is."""
    generator = torch.Generator().manual_seed(settings.seed)
    shared = list(stack.shared.parameters())
    groups: list[dict[str, Any]] = [{"params": list(stack.own.parameters()), "lr": settings.learning_rate}]
    if shared and not frozen and settings.shared_rate > 0:
        groups.append({"params": shared, "lr": settings.learning_rate * settings.shared_rate})
    moving = [parameter for group in groups for parameter in group["params"]]
    for parameter in stack.parameters():
        parameter.requires_grad_(False)
    for parameter in moving:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
    rates = [group["lr"] for group in optimizer.param_groups]
    total = steps_of(settings, len(material))
    names = None if material.names is None else material.names.repeat(members)
    weights = _weights(material, settings.balance, members)
    recent: list[float] = []
    step = 0
    for step, rows in enumerate(_batches(material, settings, total, generator), start=1):
        began = time.perf_counter()
        at = (step - 1) / max(1, settings.decay * total)
        falling = 0.5 + 0.5 * math.cos(math.pi * min(1.0, at))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            rise = min(1.0, step / settings.warmup) if settings.warmup else 1.0
            group["lr"] = rise * max(settings.last_rate, rate * falling)
        states, features, packed, may = material.batch(rows, members)
        dropout = settings.dropout * (0.5 + 0.5 * math.cos(math.pi * step / total))
        each = members if stack.shared else 1
        states = functional.dropout(states.expand(each, -1, -1), dropout)
        read = (states, states) if stack.whole else stack.projected(states)
        found = scores(stack, read, features, packed, may, names)
        targets = material.targets(rows, packed.mask.shape[1]).repeat(members, 1)
        lost = found.logsumexp(2) - found.gather(2, targets.unsqueeze(2)).squeeze(2)
        loss = (lost * torch.where(targets > 0, *weights)).mean(1)
        optimizer.zero_grad()
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(moving, settings.clip * math.sqrt(len(features)))
        optimizer.step()
        recent = [*recent[-9:], float(loss.detach().mean())]
        if on_step is not None:
            on_step(Step(step, total, {"slots": recent[-1]}, len(rows), time.perf_counter() - began))
        if len(recent) == 10 and sum(recent) / 10 < settings.enough:
            break
    return step


def steps_of(settings: SlotTraining, sentences: int) -> int:
    """How many steps are made at most."""
    passes = math.ceil(settings.epochs * sentences / settings.batch_size)
    return max(settings.steps, min(settings.most_steps, passes))


def _weights(material: Material, balance: float | None, members: int) -> tuple[Tensor, Tensor]:
    """What losses of sentences with a value, and without one, are multiplied by: (decoders, 1) each."""
    share = (material.values[:, material.originals, 1] > 0).float().mean(1, keepdim=True).repeat(members, 1)
    if balance is None:
        return torch.ones_like(share), torch.ones_like(share)
    return balance / share.clamp(min=1e-3), (1 - balance) / (1 - share).clamp(min=1e-3)


def _batches(material: Material, settings: SlotTraining, total: int, generator: torch.Generator) -> Iterator[Tensor]:
    if settings.valued is not None:
        yield from _own_batches(material, settings.batch_size, settings.valued, total, generator)
        return
    deck = _Deck(material.originals, generator)
    for _ in range(total):
        yield _varied(deck.take(min(settings.batch_size, len(material))), material.alike, generator)


def _own_batches(
    material: Material, size: int, valued: float, total: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Batches of one slot of which exactly a share of ``valued`` holds a value, smaller where there are few."""
    rows = material.originals
    holds = material.values[:, rows, 1].amax(0) > 0
    with_value, without = rows[holds], rows[~holds]
    size = min(size, round(len(with_value) / valued), round(len(without) / (1 - valued)) or size)
    number = max(1, min(round(valued * size), len(with_value)))
    first, second = _Deck(with_value, generator), _Deck(without, generator)
    for _ in range(total):
        drawn = torch.cat([first.take(number), second.take(min(max(0, size - number), len(without)))])
        yield _varied(drawn, material.alike, generator)


def _varied(rows: Tensor, alike: Mapping[int, Sequence[int]], generator: torch.Generator) -> Tensor:
    """Every other sentence that has its like, by chance, replaced by one of them."""
    if not alike:
        return rows
    chances = torch.rand(2, len(rows), generator=generator).tolist()
    return torch.tensor(
        [
            others[int(which * len(others))] if (others := alike.get(row, ())) and chance < 0.5 else row
            for row, chance, which in zip(rows.tolist(), *chances, strict=True)
        ]
    )


class _Deck:
    """Rows in a random order, again and again; those of one draw differ."""

    def __init__(self, rows: Tensor, generator: torch.Generator) -> None:
        self._rows, self._generator = rows, generator
        self._left = rows[:0]

    def take(self, number: int) -> Tensor:
        if len(self._left) < number:
            more = self._rows[torch.randperm(len(self._rows), generator=self._generator)]
            fresh = more[~torch.isin(more, self._left)]
            self._left = torch.cat([self._left, fresh, more[torch.isin(more, self._left)]])
        found, self._left = self._left[:number], self._left[number:]
        return found
