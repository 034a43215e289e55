"""turnwise's own format: one dialogue a line, as ``turnwise.dialogue.to_json`` writes it."""

import json
from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.lines import Problems, read_lines
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.dialogue_json import from_json
from turnwise.errors import CorpusError

SUFFIXES = (".jsonl",)


def splits(path: Path) -> tuple[str, ...]:
    """A file is one split, called by its stem; a folder has the stems of its .jsonl files."""
    return splits_of(path, SUFFIXES)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield the dialogues of one split."""
    return read_file(file_of(path, split, SUFFIXES))


def read_file(path: Path) -> Iterator[Dialogue]:
    """Yield the dialogues of one file, line by line; blank lines are skipped.

    Raises CorpusError with every problem and its line when the end is reached, or when there is no dialogue.
    """
    problems = Problems(path)
    number = 0
    count = 0
    for number, line in enumerate(read_lines(path, problems), start=1):
        if not line.strip():
            continue
        count += 1
        try:
            dialogue = from_json(json.loads(line.rstrip()), place=f"line {number}")
        except CorpusError as error:
            problems.add(*error.problems)
        except RecursionError:
            problems.add(f"line {number}: the JSON is nested too deep")
        except ValueError as error:
            problems.add(f"line {number}: {_json_problem(error)}")
        else:
            if not problems.repeated(dialogue.id, number):
                yield dialogue
    problems.check()
    if not count:
        raise CorpusError(f"{path} is empty; expected one dialogue a line, as JSON")


def _json_problem(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno}"
    return f"not JSON: {error}"


READER = Reader(
    name="jsonl",
    description="turnwise's own format, one dialogue a line (.jsonl, .jsonl.gz, .jsonl.xz); a file or a folder",
    layers=("any",),
    source="turnwise convert writes it",
    licence="yours",
    splits=splits,
    read=read,
    suffixes=SUFFIXES,
)
