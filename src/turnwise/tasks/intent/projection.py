"""From an encoder's vectors to the space that a detector measures in."""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from turnwise.heads import Projection
from turnwise.tasks.intent.bank import Array
from turnwise.vectors import unit


def project(vectors: Array, projection: Projection | None) -> Array:
    """Unit vectors, through the projection when there is one."""
    if projection is None:
        return unit(vectors)
    with torch.inference_mode():
        return unit(projection(torch.from_numpy(vectors)).numpy())


def projection_of(weights: Mapping[str, NDArray[Any]]) -> Projection | None:
    """A projection with saved weights; None of none."""
    if not weights:
        return None
    width, dim = weights["linear.weight"].shape
    projection = Projection(dim, width)
    projection.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return projection
