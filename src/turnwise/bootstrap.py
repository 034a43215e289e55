"""Intervals by drawing whole dialogues."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def intervals(
    groups: Sequence[str], measure: Callable[[Floats], Mapping[str, float]], *, draws: int, seed: int
) -> dict[str, list[float]]:
    """95 % percentile intervals of what ``measure`` makes of weights (items,), ``groups`` drawn with replacement.

    Whole groups are drawn, since the turns of one dialogue are alike (cluster bootstrap; Efron and Tibshirani, 1993,
    chapter 13). A metric that a draw leaves out has no say in its interval.
    """
    ids, place = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(draws):
        times = np.bincount(rng.integers(len(ids), size=len(ids)), minlength=len(ids))
        for name, value in measure(times[place].astype(np.float64)).items():
            found.setdefault(name, []).append(value)
    return {name: [float(q) for q in np.quantile(values, (0.025, 0.975))] for name, values in found.items()}
