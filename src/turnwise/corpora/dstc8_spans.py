"""Single-domain span sets taken from DSTC8's schema-guided dialogues (Rastogi et al., 2019; Coope et al., 2020).

PATH is the folder of one service, such as ``Buses_1``; ``train_0`` is its whole training set, and each of ``train_1``
to ``train_5`` half of the one before; ``test``.
"""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.locate import existing, file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.corpora.span_json import read_spans
from turnwise.dialogue import Dialogue
from turnwise.errors import InputError

_SUFFIXES = (".json",)


def splits(path: Path) -> tuple[str, ...]:
    """The .json files of a service's folder: train_0 to train_5, test."""
    folder = existing(path)
    below = sorted(child.name for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else []
    if below and not list(folder.glob("*.json*")):
        names = ", ".join(str(path / name) for name in below)
        raise InputError(f"the folder {path} holds no train_0.json; name one of its folders: {names}")
    return splits_of(path, _SUFFIXES)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one split."""
    file = file_of(path, split, _SUFFIXES)
    return read_spans(file, f"dstc8_spans:{split}:{file.resolve().parent.name}")


READER = Reader(
    name="dstc8_spans",
    description="DSTC8 span sets of one service, one customer turn each; PATH is the folder of Buses_1, Events_1, "
    "Homes_1 or RentalCars_1; train_0, each of train_1 to train_5 half of the one before, test",
    layers=("slots", "requested"),
    source="Rastogi et al. (2019); Coope et al. (2020), Span-ConveRT",
    licence="CC BY 4.0; texts from SGD, CC BY-SA 4.0",
    splits=splits,
    read=read,
)
