"""turnwise's own format: one dialogue a line, as ``turnwise.dialogue.to_json`` writes it."""

from collections.abc import Iterator
from pathlib import Path

from turnwise.corpora.columns import Columns
from turnwise.corpora.json_file import dialogue_of, json_lines
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
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
    count = 0
    for number, value in json_lines(path, problems):
        count += 1
        dialogue = dialogue_of(value, number, problems)
        if dialogue is not None:
            yield dialogue
    problems.check()
    if not count:
        raise CorpusError(f"{path} is empty; expected one dialogue a line, as JSON")


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
