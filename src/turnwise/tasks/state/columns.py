"""The scores of a turn as flat numbers: ``WIDTH`` of each slot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
WIDTH = 10


@dataclass(frozen=True)
class Columns:
    """Four probabilities, one an operation; the likeliest ``value`` given that there is one, by its number in the
    ontology, and its probability ``picked``; the probability ``copied`` that it is a span instead; the likeliest span,
    its first and last token in the sequence, and its probability."""

    operations: int = 0
    value: int = 4
    picked: int = 5
    copied: int = 6
    start: int = 7
    end: int = 8
    span: int = 9


COLUMNS = Columns()
