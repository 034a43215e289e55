"""Tables as text: one utterance a row, in .csv or .tsv with a header."""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns, Places, intents_of, places
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.corpora.table import SUFFIXES, open_table
from turnwise.dialogue import Dialogue, utterance
from turnwise.errors import CorpusError


def splits(path: Path) -> tuple[str, ...]:
    """A file is one split, called by its stem; a folder has the stems of its .csv and .tsv files."""
    return splits_of(path, SUFFIXES)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the utterances of one split."""
    return read_file(file_of(path, split, SUFFIXES), f"csv:{split}", columns)


def read_file(path: Path, prefix: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield one dialogue a row, called ``prefix:ROW`` (from 0) or by the column ``id``.

    The delimiter is the comma, tab or semicolon that splits the header into most columns. A label cell may name
    several intents, separated by ``|``; an empty one means not annotated, ``oos`` out of scope.
    Raises CorpusError with every problem and its line when the end is reached, or when there is no row.
    """
    problems = Problems(path)
    table = open_table(path, problems)
    where = places(columns, table.headers, str(path))
    count = 0
    for line, row in table.rows:
        found = _dialogue(row, where, f"{prefix}:{count}", prefix)
        count += 1
        if columns.id is None or not problems.repeated(found.id, line):
            yield found
    problems.check()
    if not count:
        raise CorpusError(f"{path} has a header but no rows")


def _dialogue(row: list[str], where: Places, numbered: str, prefix: str) -> Dialogue:
    name = numbered if where.id is None else f"{prefix}:{row[where.id]}"
    return utterance(row[where.text], None if where.label is None else intents_of(row[where.label]), id=name)


READER = Reader(
    name="csv",
    description="one utterance a row, .csv or .tsv with a header (--column names its columns); a file or a folder",
    layers=("intent",),
    source="any spreadsheet",
    licence="yours",
    splits=splits,
    read=read,
    suffixes=SUFFIXES,
)
