"""What one loop trains together: objectives with their examples, heads and riders, and the batches they make."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from turnwise.errors import InputError
from turnwise.objectives.objective import Objective, Rider
from turnwise.settings import Settings


@dataclass(frozen=True)
class Ride:
    """A rider with its head and weight in the sum of losses."""

    rider: Rider
    head: nn.Module
    weight: float = 1.0


@dataclass(frozen=True)
class Part:
    """An objective with its examples, head and weight in the sum of losses, and what rides on its sequences.

    ``share`` is the share of the steps that it takes part in, evenly spread and the first among them.
    """

    objective: Objective
    examples: Sequence[Any]
    head: nn.Module
    weight: float = 1.0
    rides: tuple[Ride, ...] = ()
    share: float = 1.0

    def batches_in(self, steps: int) -> int:
        """How many batches the first ``steps`` steps take of it."""
        return math.ceil(steps * self.share - 1e-9)


def total_steps(parts: Sequence[Part], settings: Settings) -> int:
    """Optimizer steps that ``train`` will make. Raises InputError when there is nothing to train on."""
    if not parts:
        raise InputError("there is no objective to train with")
    for part in parts:
        if len(part.examples) == 0:
            raise InputError(f"{part.objective.name} has no examples to train on")
        if not 0 < part.share <= 1:
            raise InputError(f"the share of {part.objective.name} is {part.share}, expected more than 0 and at most 1")
    if settings.steps is not None:
        return settings.steps
    epoch = max(part.objective.epoch_steps(part.examples) for part in parts)
    return max(settings.min_steps, round(settings.epochs * epoch))


def loss_titles(parts: Sequence[Part]) -> list[list[str]]:
    """The names of the losses of each part, with a number where one comes twice; "" for a carrier, which has none."""
    names = [[part.objective.name, *(ride.rider.name for ride in part.rides)] for part in parts]
    every = [name for row in names for name in row]
    titles = [
        [f"{name} {number}" if every.count(name) > 1 else name for name in row]
        for number, row in enumerate(names, start=1)
    ]
    for part, row in zip(parts, titles, strict=True):
        if not part.objective.learns:
            row[0] = ""
    return titles


def batches_of(part: Part, index: int, seed: int) -> Iterator[tuple[int, list[int]]]:
    """Epoch and rows of each batch of part ``index``, without end; a seed, part and epoch have their own order."""
    epoch = 0
    while True:
        for rows in part.objective.batches(part.examples, np.random.default_rng([seed, index, epoch])):
            yield epoch, rows
        epoch += 1
