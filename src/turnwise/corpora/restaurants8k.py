"""RESTAURANTS-8K: values of five slots in what callers say to a restaurant (Coope et al., 2020).

``train_0`` is the whole training set, and each of ``train_1`` to ``train_8`` half of the one before; ``test``.
"""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.corpora.span_json import read_spans
from turnwise.dialogue import Dialogue

_SUFFIXES = (".json",)


def splits(path: Path) -> tuple[str, ...]:
    """The .json files of the folder: train_0 to train_8, test."""
    return splits_of(path, _SUFFIXES)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one split."""
    return read_spans(file_of(path, split, _SUFFIXES), f"restaurants8k:{split}")


READER = Reader(
    name="restaurants8k",
    description="RESTAURANTS-8K, one customer turn each; PATH is the folder; train_0 (8,198), each of train_1 to "
    "train_8 half of the one before, test",
    layers=("slots", "requested"),
    source="Coope et al. (2020), Span-ConveRT: Few-shot Span Extraction for Dialog with Pretrained Conversational "
    "Representations",
    licence="CC BY 4.0",
    splits=splits,
    read=read,
)
