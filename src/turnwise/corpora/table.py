"""A table as text: .csv or .tsv with a header, read row by row."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from turnwise.corpora.lines import Problems, read_lines
from turnwise.errors import CorpusError

SUFFIXES = (".csv", ".tsv")
_DELIMITERS = (",", "\t", ";")
_CELL_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Table:
    """Headers without blanks around them, and the rows with the line that each begins on, read once as they pass."""

    headers: list[str]
    rows: Iterator[tuple[int, list[str]]]


def open_table(path: Path, problems: Problems) -> Table:
    """Read the header of a table.

    The delimiter is the comma, tab or semicolon that splits the header into most columns. A row that is no CSV, or
    has another number of cells than the header, becomes a problem and is left out; blank lines are skipped.
    Raises CorpusError for a file without a header, or with one that is no CSV.
    """
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
    return Table(headers, _rows(lines, delimiter, len(headers), problems))


def _header(line: str) -> tuple[str, list[str]]:
    """The delimiter, and the headers without blanks around them."""
    csv.field_size_limit(max(csv.field_size_limit(), _CELL_LIMIT))  # the default refuses texts over 128 KiB
    parsed = {delimiter: next(csv.reader([line], delimiter=delimiter), []) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda candidate: len(parsed[candidate]))
    return delimiter, [header.strip() for header in parsed[delimiter]]


def _rows(lines: Iterator[str], delimiter: str, width: int, problems: Problems) -> Iterator[tuple[int, list[str]]]:
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
        if len(row) == width:
            yield line, row
        elif row:
            problems.add(
                f"line {line}: number of cells {len(row)}, expected {width} as in the header; "
                f"quote the cells that hold {delimiter!r}, quotes or line breaks"
            )


def _csv_problem(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quoted cell begins in this row and is never closed"
    if "new-line character" in str(error):
        return "a carriage return in an unquoted cell; quote the cell, or save the file with LF or CRLF line ends"
    return f"not CSV: {error}; double every quote inside a quoted cell"
