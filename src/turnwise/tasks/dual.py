"""A dual encoder: contexts and responses as unit vectors of one encoder, compared by their cosine."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.codec import Tokens
from turnwise.encoder import Encoder
from turnwise.sequences import AGENT, Composer
from turnwise.tasks.contexts import Context, tokens_of
from turnwise.vectors import unit

Vectors = NDArray[np.float32]
Encode = Callable[[Sequence[Tokens]], Vectors]


class DualEncoder:
    """Mean-pooled vectors of whole contexts and of single responses.

    ``engine`` encodes in place of the encoder when set: an export's.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.engine: Encode | None = None

    def contexts(self, contexts: Sequence[Context]) -> Vectors:
        """Unit vectors (contexts, dim)."""
        composer = Composer(self.encoder.codec)
        return self._unit([tokens_of(context.row(composer)) for context in contexts])

    def responses(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors (texts, dim). Texts of the same ids have the same vector, to the last digit."""
        composer = Composer(self.encoder.codec)
        ids = self.encoder.codec.plain_ids(list(texts))
        numbers: dict[tuple[int, ...], int] = {}
        rows = [numbers.setdefault(tuple(one), len(numbers)) for one in ids]
        distinct = [tokens_of(composer.single(np.array(one, dtype=np.int32), AGENT)) for one in numbers]
        return self._unit(distinct, progress=progress)[rows]

    def _unit(self, tokens: Sequence[Tokens], *, progress: Callable[[int], None] | None = None) -> Vectors:
        if not tokens:
            return np.zeros((0, self.encoder.dim), dtype=np.float32)
        options: dict[str, Any] = {} if progress is None else {"progress": progress}
        encode = self.engine if self.engine is not None else self.encoder.encode
        vectors = encode(tokens, **options)
        return unit(vectors)


def best_columns(scores: NDArray[np.floating], k: int) -> NDArray[np.int64]:
    """Numbers (rows, k) of the highest scores of each row (rows, candidates), best first; of equal ones the first."""
    k = min(k, scores.shape[1])
    if k < scores.shape[1]:
        part = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
    else:
        part = np.broadcast_to(np.arange(k), (len(scores), k))
    order = np.argsort(-np.take_along_axis(scores, part, axis=1), axis=1, kind="stable")
    return np.take_along_axis(part, order, axis=1).astype(np.int64)
