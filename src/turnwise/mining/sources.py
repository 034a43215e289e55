"""Raw text with the group that it belongs to: of corpora, tables with a text column, and folders of plain text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import ibis
import pyarrow
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from pyarrow.parquet import ParquetWriter

from turnwise.corpora import read_corpus
from turnwise.corpora.lines import Problems, read_lines
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, InputError
from turnwise.files import atomic_file
from turnwise.messages import nearest

TABLES = (".parquet", ".csv", ".tsv", ".jsonl")
_SCHEMA = pyarrow.schema([("group", pyarrow.string()), ("text", pyarrow.string())])
_ROWS = 50_000


@dataclass(frozen=True)
class TextColumns:
    """The columns of tables that hold texts and groups; both None for corpora and plain text."""

    text: str | None = None
    group: str | None = None


def texts(engine: Backend, source: str, columns: TextColumns, kept: Path) -> Table:
    """(group, text) of a source.

    A table (.parquet, .csv, .tsv, .jsonl), where columns are named, is read by the engine, and needs no memory of ours.
    A .txt file or a folder of them is a sentence a line, the file's name its group. Of a corpus READER:PATH@SPLIT each
    turn is a text, corpus and domain the group; both kinds are written to ``kept`` once.

    Raises InputError for a source or column that is not there, CorpusError for files that cannot be read.
    """
    path = Path(source)
    if columns.text is not None or columns.group is not None:
        return _table(engine, path, columns)
    if not kept.is_file():
        plain = sorted(path.rglob("*.txt")) if path.is_dir() else [path] if path.suffix == ".txt" else []
        rows = _lines(plain) if plain else _turns(read_corpus(source))
        _write(rows, kept, source)
    return engine.read_parquet(kept)


def group_of(dialogue: Dialogue) -> str:
    """Corpus and domain."""
    corpus = dialogue.id.partition(":")[0]
    domains = dialogue.labels.get("domains")
    return f"{corpus}:{'+'.join(sorted(domains))}" if isinstance(domains, tuple) and domains else corpus


def _table(engine: Backend, path: Path, columns: TextColumns) -> Table:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in TABLES)
    if not files:
        raise InputError(f"there is no table {path}; --text and --group name columns of {', '.join(TABLES)} files")
    kinds = {file.suffix for file in files}
    if len(kinds) > 1 or not kinds <= set(TABLES):
        raise InputError(
            f"{path} has files of the kinds {', '.join(sorted(kinds))}, expected one of {', '.join(TABLES)}"
        )
    names = [str(file) for file in files]
    read = {
        ".parquet": lambda: engine.read_parquet(names),
        ".csv": lambda: engine.read_csv(names, all_varchar=True),
        ".tsv": lambda: engine.read_csv(names, all_varchar=True, delim="\t"),
        ".jsonl": lambda: engine.read_json(names, format="newline_delimited"),
    }
    try:
        found: Table = read[kinds.pop()]()
    except Exception as error:  # the engine's own classes, of which each reader raises others
        raise CorpusError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    chosen = {}
    for role, name in (("text", columns.text or "text"), ("group", columns.group or "group")):
        if name not in found.columns:
            raise InputError(f"{path} has no column {name!r} for the {role}; {nearest(name, found.columns)}")
        chosen[role] = found[name].cast("string")
    return found.select(group=ibis.coalesce(chosen["group"], ""), text=chosen["text"])


def _lines(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        problems = Problems(file)
        for line in read_lines(file, problems):
            yield file.stem, line.strip()
        problems.check()


def _turns(dialogues: Iterable[Dialogue]) -> Iterator[tuple[str, str]]:
    for dialogue in dialogues:
        group = group_of(dialogue)
        for turn in dialogue.turns:
            yield group, turn.text.strip()


def _write(rows: Iterable[tuple[str, str]], kept: Path, source: str) -> None:
    number, left = 0, iter(rows)
    with atomic_file(kept) as temporary, ParquetWriter(temporary, _SCHEMA) as writer:
        while some := list(islice(left, _ROWS)):
            number += len(some)
            groups, found = zip(*some, strict=True)
            writer.write_table(pyarrow.table({"group": groups, "text": found}, schema=_SCHEMA))
    if number == 0:
        kept.unlink()
        raise CorpusError(f"{source} has no text")
