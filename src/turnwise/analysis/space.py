"""Pictures of a space: t-SNE maps of a few intents, before and after each stage, with their silhouettes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.errors import InputError
from turnwise.metrics import silhouette

Floats = NDArray[np.floating[Any]]

INTENTS = 12
POINTS = 1500
_PERPLEXITY = 30.0


@dataclass(frozen=True, slots=True)
class Space:
    """A map: ``points`` of shape (items, 2) with the items' labels and texts.

    ``silhouette`` is that of the vectors themselves, not of the map (cosine; None where undefined).
    """

    points: Floats
    labels: tuple[str, ...]
    texts: tuple[str, ...]
    silhouette: float | None


def frequent_labels(labels: Sequence[str], most: int = INTENTS) -> tuple[str, ...]:
    """The most frequent labels, ties by name."""
    ranked = sorted(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(label for label, _ in ranked[:most])


def map_spaces(
    texts: Sequence[str],
    labels: Sequence[str],
    vectors: Mapping[str, Floats],
    *,
    intents: int = INTENTS,
    points: int = POINTS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Space]:
    """Map the same items in each named space, in two dimensions by t-SNE (van der Maaten and Hinton, 2008).

    ``vectors`` holds one array of shape (texts, dim) a space, in the order in which they are shown (before
    Stage 1, after it, after Stage 2: Figure 2 of ConvFiT). Items of the ``intents`` most frequent labels take
    part; of more than ``points`` such items a seeded sample does. ``progress`` is called with 1 after each space.
    Raises InputError when lengths differ.
    """
    for name, rows in vectors.items():
        if not len(texts) == len(labels) == len(rows):
            raise InputError(f"space {name!r} has {len(rows)} vectors for {len(texts)} texts, {len(labels)} labels")
    chosen = set(frequent_labels(labels, intents))
    kept = np.flatnonzero([label in chosen for label in labels])
    if len(kept) > points:
        kept = np.sort(np.random.default_rng(seed).choice(kept, size=points, replace=False))
    kept_labels = tuple(labels[i] for i in kept.tolist())
    kept_texts = tuple(texts[i] for i in kept.tolist())
    found: dict[str, Space] = {}
    for name, rows in vectors.items():
        part = np.asarray(rows, dtype=np.float32)[kept]
        found[name] = Space(tsne(part, seed=seed), kept_labels, kept_texts, silhouette(part, kept_labels))
        if progress is not None:
            progress(1)
    return found


def tsne(vectors: Floats, *, seed: int = 0) -> Floats:
    """t-SNE map, shape (items, 2), cosine distance; perplexity 30, or a third of the items where they are few.

    It starts from the two first principal components, scaled to 1e-4 (Kobak and Berens, 2019), which are
    themselves the map of fewer than five items. One thread does it: so few points gain nothing from more, which
    wait for each other on a busy machine.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    values = np.asarray(vectors, dtype=np.float64)
    if not len(values):
        return np.zeros((0, 2), dtype=np.float32)
    units = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    left, size, _ = np.linalg.svd(units - units.mean(axis=0), full_matrices=False)
    start = np.zeros((len(units), 2))
    components = left[:, :2] * size[:2]
    start[:, : components.shape[1]] = components
    if len(units) < 5:
        return start.astype(np.float32)
    start = 1e-4 * (start / max(float(start[:, 0].std()), 1e-12))
    start += np.random.default_rng(seed).normal(scale=1e-6, size=start.shape)
    perplexity = min(_PERPLEXITY, (len(units) - 1) / 3)
    model = TSNE(perplexity=perplexity, metric="cosine", init=start.astype(np.float32), random_state=seed)
    with threadpool_limits(limits=1):
        found: Floats = model.fit_transform(units.astype(np.float32))
    return found
