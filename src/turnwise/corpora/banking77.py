"""BANKING77: 77 intents of a bank's customers (Casanueva et al., 2020), as published: CSV with text and category."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from turnwise.corpora import csv
from turnwise.corpora.columns import Columns
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one split."""
    return csv.read_file(
        file_of(path, split, (".csv",)), f"banking77:{split}", replace(columns, label=columns.label or "category")
    )


def splits(path: Path) -> tuple[str, ...]:
    """The .csv files of the folder: train and test."""
    return splits_of(path, (".csv",))


READER = Reader(
    name="banking77",
    description="BANKING77; PATH is the folder of train.csv and test.csv",
    layers=("intent",),
    source="Casanueva et al. (2020), Efficient Intent Detection with Dual Sentence Encoders",
    licence="CC BY 4.0",
    splits=splits,
    read=read,
)
