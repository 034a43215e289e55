"""When a difference between two arms is larger than the noise of the seeds."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from _grid_names import TASK_FIGURES, Finding
from _markdown import Cells

_T = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t, 97.5 %, of 3 to 10 values; the last one for more."""
LEAST_SEEDS = 3

Verdict = Literal["yes", "no", "within noise", "too few seeds", "not measured"]


@dataclass(frozen=True)
class Difference:
    """Mean of the differences of ``n`` pairs of one seed, in points; beyond ``noise`` it is more than chance."""

    mean: float
    noise: float | None
    n: int

    @property
    def sign(self) -> int:
        """1 of a gain beyond noise, -1 of a loss beyond noise, else 0."""
        if self.noise is None or abs(self.mean) <= self.noise:
            return 0
        return 1 if self.mean > 0 else -1


def by_seed(cells: Cells, size: str, task: str, arm: str, metric: str) -> dict[int, float]:
    """The figures in percent of an arm on a task by seed."""
    prefix = f"{size}/{task}/{arm}/"
    found = {name.removeprefix(prefix): cell for name, cell in cells.items() if name.startswith(prefix)}
    return {int(seed): 100 * cell[metric] for seed, cell in sorted(found.items())}


def difference(one: Mapping[int, float], other: Mapping[int, float]) -> Difference | None:
    """``one`` minus ``other``, seed by seed; None when they share no seed.

    ``noise`` is t s / sqrt(n) with the deviation s of the differences and t of n - 1 degrees of freedom: half of the
    95 % interval of their mean. With fewer than three pairs there is none.
    """
    pairs = [one[seed] - other[seed] for seed in sorted(set(one) & set(other))]
    if not pairs:
        return None
    noise = None
    if len(pairs) >= LEAST_SEEDS:
        factor = _T[min(len(pairs) - LEAST_SEEDS, len(_T) - 1)]
        noise = factor * statistics.stdev(pairs) / len(pairs) ** 0.5
    return Difference(statistics.mean(pairs), noise, len(pairs))


def compared(cells: Cells, size: str, finding: Finding) -> dict[str, Difference | None]:
    """The difference that the finding is about, on each of its tasks."""
    found = {}
    for task in finding.tasks:
        metric = TASK_FIGURES[task].headline
        arms = (by_seed(cells, size, task, arm, metric) for arm in (finding.better, finding.than))
        found[task] = difference(*arms)
    return found


def verdict(found: Mapping[str, Difference | None]) -> Verdict:
    """Whether ``better`` is above ``than`` beyond noise on some task; no: below it on each."""
    signs = [None if one is None or one.noise is None else one.sign for one in found.values()]
    if 1 in signs:
        return "yes"
    if None in signs:
        return "not measured" if None in found.values() else "too few seeds"
    return "no" if set(signs) == {-1} else "within noise"
