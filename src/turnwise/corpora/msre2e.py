"""MSR-E2E: booking films, restaurants and taxis (Li et al., 2018), as published: one table for each domain.

A row is a message; the rows of a session stand together. After the text, a row has as many cells as it has acts, in
the form NAME(SLOT=VALUE;SLOT), and may have empty ones after them, so rows differ in length; a cell can hold two acts
with a blank between them. Acts are the names as written; ``requested`` holds what a ``request`` names without a value,
among it the task itself (ticket, reservation, taxi). The values of slots have no offsets and are not read. A row
without any act is not annotated. One turn has an empty text. There is no published split, so there is one, ``all``,
of every table; session numbers are those of a table, so ids name the domain too.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.locate import existing, find, plain_name
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, Label, Speaker, Turn
from turnwise.errors import CorpusError, InputError

_FILES = ("movie_all.tsv", "restaurant_all.tsv", "taxi_all.tsv")
_HEADER = ["session.ID", "Message.ID", "Message.Timestamp", "Message.From", "Message.Text"]
_SPEAKERS: dict[str, Speaker] = {"user": "customer", "agent": "agent"}
_BETWEEN_ACTS = re.compile(r"(?<=\))\s+(?=\w+\()")
_ACT = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_BRACED = re.compile(r"\{[^{}]*\}")

Row = tuple[int, list[str]]


def splits(path: Path) -> tuple[str, ...]:
    """The only split: all."""
    _files(path)
    return ("all",)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the sessions of every table, one table after the other.

    Raises CorpusError, at the end of a table, with every problem of it.
    """
    for file in _files(path):
        yield from _sessions(file)


def _files(path: Path) -> list[Path]:
    path = existing(path)
    if not path.is_dir():
        return [path]
    found = [file for name in _FILES if (file := find(path / name)) is not None]
    if not found:
        raise InputError(f"the folder {path} holds none of {', '.join(_FILES)}")
    return found


def _sessions(file: Path) -> Iterator[Dialogue]:
    problems = Problems(file)
    domain = Path(plain_name(file)).stem.removesuffix("_all")
    for session, rows in groupby(_rows(file, problems), key=lambda row: row[1][0]):
        known = len(problems.found)
        found = list(rows)
        id = f"msre2e:all:{domain}-{session}"
        if problems.repeated(id, found[0][0]):
            continue
        turns = tuple(_turn(cells, line, problems) for line, cells in found)
        if len(problems.found) == known:
            yield Dialogue(id, turns, {"domains": (domain,)})
    problems.check()


def _rows(file: Path, problems: Problems) -> Iterator[Row]:
    """The rows, each with the line that it begins on."""
    rows = csv.reader(read_lines(file, problems), delimiter="\t", strict=True)
    begin = 1
    try:
        header = next(rows, [])
        if header[: len(_HEADER)] != _HEADER:
            raise CorpusError(f"{file} is no MSR-E2E table; expected the header {', '.join(_HEADER)}, then the acts")
        begin = rows.line_num + 1
        for cells in rows:
            if len(cells) >= len(_HEADER):
                yield begin, cells
            elif cells:
                problems.add(f"line {begin}: number of cells {len(cells)}, expected {len(_HEADER)} and the acts")
            begin = rows.line_num + 1
    except csv.Error as error:
        problems.add(f"line {begin}: not a table of tab-separated cells: {error}")


def _turn(cells: Sequence[str], line: int, problems: Problems) -> Turn:
    who, text, *acts = cells[3:]
    speaker = _SPEAKERS.get(who)
    if speaker is None:
        problems.add(f"line {line}: Message.From is {who!r}, expected user or agent")
    return Turn(speaker, text, labels=_labels(acts, line, problems))


def _labels(cells: Sequence[str], line: int, problems: Problems) -> dict[str, Label]:
    acts = [act for cell in cells for act in _BETWEEN_ACTS.split(cell.strip()) if act]
    names: dict[str, None] = {}
    requested: dict[str, None] = {}
    for act in acts:
        found = _ACT.fullmatch(act)
        if found is None:
            problems.add(f"line {line}: the act is {act!r:.60}, expected NAME(SLOT=VALUE;SLOT)")
            continue
        name, body = found.groups()
        names[name] = None
        if name == "request":
            requested.update(dict.fromkeys(_asked(body)))
    return {"acts": tuple(names), "requested": tuple(requested)} if acts else {}


def _asked(body: str) -> Iterator[str]:
    """The slots without a value; the lists in braces, which are values, may hold semicolons."""
    while (shorter := _BRACED.sub("", body)) != body:
        body = shorter
    for part in body.split(";"):
        if (slot := part.strip()) and "=" not in slot:
            yield slot


READER = Reader(
    name="msre2e",
    description="MSR-E2E, films, restaurants and taxis; PATH is the folder of its tables or one .tsv; one split, all",
    layers=("acts", "requested", "domains"),
    source="Li et al. (2018), Microsoft Dialogue Challenge: Building End-to-End Task-Completion Dialogue Systems",
    licence="unknown",
    splits=splits,
    read=read,
)
