"""Turns that stand in for others: of the same speaker, place and length, so that only their words give them away."""

import numpy as np

from turnwise.store import TurnStore

_POSITIONS = 8
"""Turns are alike in place when they have the same index, up to this one; later ones are all alike."""
_TRIES = 20


class Substitutes:
    """Draws turns of a store in place of others.

    The turns are sorted by speaker, place in the dialogue and length, so that those alike stand together.
    """

    def __init__(self, store: TurnStore) -> None:
        self.store = store
        starts = np.asarray(store.dialogue_start)
        index = np.arange(store.turns) - np.repeat(starts[:-1], np.diff(starts))
        lengths = np.diff(np.asarray(store.turn_start))
        self._base = int(lengths.max(initial=0)) + 1
        place = np.asarray(store.speaker).astype(np.int64) * _POSITIONS + np.minimum(index, _POSITIONS - 1)
        key = place * self._base + lengths
        self._turns = np.argsort(key, kind="stable").astype(np.int32)
        self._keys = key[self._turns]

    def alike(self, turn: int, rng: np.random.Generator) -> int | None:
        """A turn of another dialogue with another text, of the same speaker, place and number of tokens.

        Where no such turn is met the bound on the length widens, then the place goes. None when no turn of the
        speaker is met.
        """
        length = int(self.store.turn_start[turn + 1] - self.store.turn_start[turn])
        place = self._place(turn)
        slack = 0
        while True:
            low, high = max(0, length - slack), min(self._base - 1, length + slack)
            found = self._draw(turn, rng, place * self._base + low, place * self._base + high + 1, elsewhere=True)
            if found is not None or (low == 0 and high == self._base - 1):
                break
            slack = 2 * slack + 1
        return self.same_speaker(turn, rng, elsewhere=True) if found is None else found

    def same_speaker(self, turn: int, rng: np.random.Generator, *, elsewhere: bool = False) -> int | None:
        """A turn of the same speaker with another text; ``elsewhere``: of another dialogue."""
        first = self._place(turn) // _POSITIONS * _POSITIONS
        return self._draw(turn, rng, first * self._base, (first + _POSITIONS) * self._base, elsewhere=elsewhere)

    def anywhere(self, turn: int, rng: np.random.Generator) -> int | None:
        """Any turn with another text."""
        return self._draw(turn, rng, 0, int(self._keys[-1]) + 1, elsewhere=False)

    def _place(self, turn: int) -> int:
        index = turn - self.store.bounds(self.store.dialogue_of(turn))[0]
        return int(self.store.speaker[turn]) * _POSITIONS + min(index, _POSITIONS - 1)

    def _draw(self, turn: int, rng: np.random.Generator, low: int, high: int, *, elsewhere: bool) -> int | None:
        """A turn with ``low`` <= key < ``high``."""
        first, end = np.searchsorted(self._keys, [low, high]).tolist()
        text = self.store.turn(turn).ids
        home = self.store.bounds(self.store.dialogue_of(turn)) if elsewhere else (0, 0)
        for _ in range(_TRIES if end > first else 0):
            other = int(self._turns[rng.integers(first, end)])
            if not home[0] <= other < home[1] and not np.array_equal(self.store.turn(other).ids, text):
                return other
        return None
