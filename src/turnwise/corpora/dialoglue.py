"""DialoGLUE's intent splits of BANKING77, HWU64 and CLINC150 (Mehri et al., 2020): CSV with text and category."""

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
    file = file_of(path, split, (".csv",))
    return csv.read_file(
        file, f"dialoglue:{split}:{file.resolve().parent.name}", replace(columns, label=columns.label or "category")
    )


def splits(path: Path) -> tuple[str, ...]:
    """The .csv files of one dataset's folder: train, val, test, train_10, train_5."""
    return splits_of(path, (".csv",))


READER = Reader(
    name="dialoglue",
    description="DialoGLUE intents; PATH is the folder of banking, hwu or clinc; train, val, test, train_10, train_5",
    layers=("intent",),
    source="Mehri, Eric and Hakkani-Tur (2020), DialoGLUE",
    licence="BANKING77 CC BY 4.0, HWU64 CC BY 4.0, CLINC150 CC BY 3.0",
    splits=splits,
    read=read,
)
