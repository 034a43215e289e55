"""What a reader of one format is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.dialogue import Dialogue


@dataclass(frozen=True, slots=True)
class Reader:
    """One published format.

    ``splits(path)`` names the splits that the corpus at a path has, which share no dialogue unless the
    publisher made them overlap; it raises InputError when there is no such corpus. ``read(path, split, columns)``
    yields the dialogues of one of them and raises CorpusError, at the end, with every problem it met; only tables look
    at ``columns``. ``suffixes`` are those of single files that this reader is inferred for. ``home`` is
    where an embedded corpus lies; others are None.
    """

    name: str
    description: str
    layers: tuple[str, ...]
    source: str
    licence: str
    splits: Callable[[Path], tuple[str, ...]]
    read: Callable[[Path, str, Columns], Iterator[Dialogue]]
    suffixes: tuple[str, ...] = ()
    home: Callable[[], Path] | None = None
