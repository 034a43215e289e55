"""Vectors of length one, whose products are cosines."""

import numpy as np
from numpy.typing import NDArray


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows of (rows, dim) scaled to length 1; a row of zeros stays, with cosine 0 to everything."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12), dtype=np.float32)
