"""What becomes of first choices: which are right, which are shown, and whether their probability can be trusted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.metrics import coverage_curve, ece, reliability
from turnwise.tasks.confidence import Confidence
from turnwise.tasks.pool import Pool
from turnwise.tasks.ranks import Floats, Ints

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Choices:
    """The first choice of each turn: its number ``top`` (turns,) in the pool and its raw ``score`` (turns,).

    ``gold`` (turns,) are the numbers of the right responses, -1 where the pool lacks them.
    """

    gold: Ints
    top: Ints
    score: Floats
    confidence: Confidence

    @property
    def right(self) -> Flags:
        """Whether the first choice is right, (turns,)."""
        return np.asarray(self.top == self.gold)

    @property
    def sure(self) -> Floats:
        """The probability of the first choice, (turns,)."""
        return self.confidence(self.score)

    @property
    def shown(self) -> Flags:
        """Whether it is sure enough to be shown, (turns,)."""
        return np.asarray(self.sure >= self.confidence.threshold)

    def measured(self, weights: Floats) -> dict[str, float]:
        """Of turns with ``weights`` (turns,), not all 0.

        ``shown``: the share where a response is shown; ``shown_right``: the share of these that are right (where the
        pool has no right one, none is); ``found``: of the turns whose response is in the pool, the share where it is
        shown; ``ece``: the calibration error of the probabilities.
        """
        good = self.shown & self.right
        return {
            "shown": float((weights * self.shown).sum() / weights.sum()),
            "shown_right": _ratio(weights, good, self.shown),
            "found": _ratio(weights, good, self.gold >= 0),
            "ece": ece(self.right, self.sure, weights),
        }

    def details(self, pool: Pool) -> dict[str, Any]:
        """``threshold``, the bins of ``ece``, how right choices are by the share that is shown, and ``responses``.

        These are, for each response that was given or ranked first, how often it was ``given``, ranked first and
        ``right``, ``shown``, and ``missed``; those most often given first.
        """
        return {
            "threshold": self.confidence.threshold,
            "reliability": reliability(self.right, self.sure),
            "coverage": coverage_curve(self.right, self.sure),
            "responses": self._responses(pool),
        }

    def _responses(self, pool: Pool) -> list[dict[str, Any]]:
        rows: list[tuple[int, dict[str, Any]]] = []
        for at in sorted({*self.gold[self.gold >= 0].tolist(), *self.top.tolist()}):
            given, first = self.gold == at, self.top == at
            counts = {
                "given": given,
                "right": given & first,
                "shown": first & self.shown,
                "shown_right": given & first & self.shown,
                "missed": given & ~first,
            }
            found = {name: int(flags.sum()) for name, flags in counts.items()}
            rows.append((found["given"], {"id": pool[at].id, "text": pool[at].text, **found}))
        return [row for _, row in sorted(rows, key=lambda row: (-row[0], str(row[1]["id"])))]


def _ratio(weights: Floats, part: Flags, whole: Flags) -> float:
    total = float((weights * whole).sum())
    return float((weights * part).sum()) / total if total else 0.0
