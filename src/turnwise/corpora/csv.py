"""Tables as text: one utterance a row, in .csv or .tsv with a header."""

import csv
from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns, Places, intents_of, places
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, utterance
from turnwise.errors import CorpusError

SUFFIXES = (".csv", ".tsv")
_DELIMITERS = (",", "\t", ";")
_CELL_LIMIT = 1 << 30


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
    lines = read_lines(path, problems)
    header_line = next(lines, "")
    if not header_line.strip():
        problems.check()
        raise CorpusError(f"{path} is empty or its first line is; expected a header such as: text,label")
    try:
        delimiter, headers = _header(header_line)
    except csv.Error as error:
        raise CorpusError(f"{path} has a broken header:", [f"line 1: {_csv_problem(error)}"]) from error
    problems.check()
    where = places(columns, headers, str(path))
    count = 0
    for line, row in _rows(lines, delimiter, problems):
        if len(row) != len(headers):
            problems.add(
                f"line {line}: number of cells {len(row)}, expected {len(headers)} as in the header; "
                f"quote the cells that hold {delimiter!r}, quotes or line breaks"
            )
            continue
        found = _dialogue(row, where, f"{prefix}:{count}", prefix)
        count += 1
        if columns.id is None or not problems.repeated(found.id, line):
            yield found
    problems.check()
    if not count:
        raise CorpusError(f"{path} has a header but no rows")


def _header(line: str) -> tuple[str, list[str]]:
    """The delimiter, and the headers without blanks around them."""
    csv.field_size_limit(max(csv.field_size_limit(), _CELL_LIMIT))  # the default refuses texts over 128 KiB
    parsed = {delimiter: next(csv.reader([line], delimiter=delimiter), []) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda candidate: len(parsed[candidate]))
    return delimiter, [header.strip() for header in parsed[delimiter]]


def _rows(lines: Iterator[str], delimiter: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line they begin on; a row that is no CSV becomes a problem and is left out."""
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num + 2
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            problems.add(f"line {line}: {_csv_problem(error)}")
            continue
        if row:
            yield line, row


def _csv_problem(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quoted cell begins in this row and is never closed"
    if "new-line character" in str(error):
        return "a carriage return in an unquoted cell; quote the cell, or save the file with LF or CRLF line ends"
    return f"not CSV: {error}; double every quote inside a quoted cell"


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
