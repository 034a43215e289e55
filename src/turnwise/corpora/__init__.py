"""Corpora: one reader per format, each yielding dialogues; a corpus is named ``READER:PATH@SPLIT``."""

from collections.abc import Iterator

from turnwise.corpora import banking77, banking77_oos, clinc150, csv, dialoglue, jsonl, nlupp, parquet, sample
from turnwise.corpora.columns import DEFAULT_COLUMNS, Columns
from turnwise.corpora.reader import Reader
from turnwise.corpora.source import Source, parse_source
from turnwise.dialogue import Dialogue

__all__ = ["READERS", "Columns", "Reader", "Source", "parse", "read_corpus"]

READERS: tuple[Reader, ...] = (
    sample.READER,
    jsonl.READER,
    csv.READER,
    parquet.READER,
    banking77.READER,
    banking77_oos.READER,
    clinc150.READER,
    dialoglue.READER,
    nlupp.READER,
)


def parse(spec: str, default_split: str | None = "train") -> Source:
    """The source that ``READER:PATH@SPLIT`` names; ``default_split`` None means every split.

    Raises InputError for an unknown reader, path or split.
    """
    return parse_source(spec, READERS, default_split)


def read_corpus(
    spec: str, *, default_split: str | None = "train", columns: Columns = DEFAULT_COLUMNS
) -> Iterator[Dialogue]:
    """Yield the dialogues of a corpus.

    Raises InputError at once when the corpus is not there, CorpusError when its files cannot be read or hold
    problems (after the good dialogues, with every problem).
    """
    return parse(spec, default_split).read(columns)
