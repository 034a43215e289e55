"""The embedded sample corpus: the support desk of an online shop, written for this project."""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora import jsonl
from turnwise.corpora.columns import Columns
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue


def home() -> Path:
    """The folder that the corpus lies in."""
    from turnwise.sample import sample_path

    return sample_path("train").parent


def splits(path: Path) -> tuple[str, ...]:
    """train, dev, test."""
    from turnwise.sample import SPLITS

    return SPLITS


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    from turnwise.sample import sample_path

    return jsonl.read_file(sample_path(split))


READER = Reader(
    name="sample",
    description="the embedded corpus: an online shop's support desk, with every layer; takes no path",
    layers=("intent", "slots", "acts", "emotion", "state", "pii", "handoff", "satisfaction", "requested", "response"),
    source="written for turnwise",
    licence="Apache-2.0",
    splits=splits,
    read=read,
    home=home,
)
