"""Tables as parquet: one utterance a row. Needs the extra ``parquet``."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from turnwise.corpora.columns import Columns, intents_of, places
from turnwise.corpora.lines import Problems
from turnwise.corpora.locate import file_of, splits_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue, utterance
from turnwise.errors import CorpusError, MissingExtraError

SUFFIXES = (".parquet",)


def splits(path: Path) -> tuple[str, ...]:
    """A file is one split, called by its stem; a folder has the stems of its .parquet files."""
    return splits_of(path, SUFFIXES)


def read(path: Path, split: str, columns: Columns) -> Iterator[Dialogue]:
    """Yield one dialogue a row.

    A label is a text (several intents separated by ``|``), a list of texts, a number, or null (not annotated);
    numbers are named when the file says how, as files of Hugging Face ``datasets`` do. Raises MissingExtraError
    without pyarrow, CorpusError for a file that is no parquet, lacks a column or has other values.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    file = file_of(path, split, SUFFIXES)
    problems = Problems(file)
    number = -1
    try:
        with parquet.ParquetFile(file) as table:
            headers = table.schema_arrow.names
            where = places(columns, headers, str(file))
            wanted = [headers[place] for place in (where.text, where.label, where.id) if place is not None]
            text, label, id = (
                None if place is None else headers[place] for place in (where.text, where.label, where.id)
            )
            names = _class_names(table.schema_arrow.metadata or {}, label)
            for batch in table.iter_batches(columns=list(dict.fromkeys(wanted))):
                for row in batch.to_pylist():
                    number += 1
                    cells = (row[text], row.get(label), row.get(id))
                    found = _dialogue(cells, names, f"parquet:{split}", number, problems)
                    if found is not None and not (where.id is not None and problems.repeated(found.id, number)):
                        yield found
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{file} cannot be read as parquet: {error}") from error
    problems.check()
    if number < 0:
        raise CorpusError(f"{file} has no rows")


def _dialogue(
    cells: tuple[Any, Any, Any], names: Sequence[str], prefix: str, number: int, problems: Problems
) -> Dialogue | None:
    text, label, id = cells
    if not isinstance(text, str):
        problems.add(f"row {number}: the text is {text!r:.60}, expected a text")
        return None
    intents: tuple[str, ...] | None
    if label is None or isinstance(label, str):
        intents = intents_of(label or "")
    elif isinstance(label, list) and all(isinstance(item, str) for item in label):
        intents = tuple(label)
    elif isinstance(label, int) and not isinstance(label, bool):
        intents = (names[label] if 0 <= label < len(names) else str(label),)
    else:
        problems.add(f"row {number}: the label is {label!r:.60}, expected a text, a list of texts or a whole number")
        return None
    return utterance(text, intents, id=f"{prefix}:{number if id is None else id}")


def _class_names(metadata: Mapping[bytes, bytes], header: str | None) -> Sequence[str]:
    """The names of a numbered label, when the file was written by Hugging Face ``datasets``."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        names = features[header]["names"]
    except (ValueError, LookupError, TypeError):
        return ()
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


READER = Reader(
    name="parquet",
    description="one utterance a row (--column names its columns); a file or a folder; needs turnwise[parquet]",
    layers=("intent",),
    source="any table",
    licence="yours",
    splits=splits,
    read=read,
    suffixes=SUFFIXES,
)
