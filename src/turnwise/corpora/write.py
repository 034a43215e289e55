"""Writes dialogues as JSONL."""

import gzip
import json
import lzma
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from turnwise.corpora import parse
from turnwise.corpora.columns import DEFAULT_COLUMNS, Columns
from turnwise.corpora.locate import existing, suffix_of
from turnwise.corpora.source import Source
from turnwise.dialogue import Dialogue, to_json
from turnwise.errors import InputError
from turnwise.files import atomic_file


def write_corpus(
    spec: str,
    output: Path,
    *,
    columns: Columns = DEFAULT_COLUMNS,
    change: Callable[[Iterable[Dialogue]], Iterable[Dialogue]] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Convert a corpus (every split when none is named) and return the number of dialogues.

    ``change`` is what the dialogues go through on their way, ``progress`` is called with the number just written.
    Raises InputError when ``output`` is no
    .jsonl or is read by the conversion itself, CorpusError when the corpus has problems, StorageError when the
    disk refuses; an older ``output`` is untouched then.
    """
    source = parse(spec, None)
    if _is_input(output, source):
        raise InputError(f"the output {output} belongs to the corpus {spec} itself; choose another one")
    dialogues: Iterable[Dialogue] = source.read(columns)
    return write_jsonl(dialogues if change is None else change(dialogues), output, progress=progress)


def write_jsonl(dialogues: Iterable[Dialogue], output: Path, *, progress: Callable[[int], None] | None = None) -> int:
    """Write dialogues to a .jsonl, packed when it ends in .gz or .xz, and return their number.

    Equal dialogues give equal bytes. Raises InputError for another suffix, StorageError when the disk refuses.
    """
    if suffix_of(output) != ".jsonl":
        raise InputError(f"the output {output} does not end in .jsonl, .jsonl.gz or .jsonl.xz")
    count = 0
    with atomic_file(output) as temporary, _create(temporary, output.suffix) as file:
        for dialogue in dialogues:
            file.write(json.dumps(to_json(dialogue), ensure_ascii=False, allow_nan=False).encode() + b"\n")
            count += 1
            if progress is not None:
                progress(1)
    return count


@contextmanager
def _create(path: Path, suffix: str) -> Iterator[IO[bytes]]:
    with path.open("wb") as plain:
        if suffix == ".gz":
            with gzip.GzipFile("", "wb", fileobj=plain, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        elif suffix == ".xz":
            with lzma.open(plain, "wb") as packed_xz:
                yield cast(IO[bytes], packed_xz)
        else:
            yield plain


def _is_input(output: Path, source: Source) -> bool:
    """Whether ``output`` is, or would become, a file of the corpus."""
    if not source.path.is_dir():
        return output.exists() and output.samefile(existing(source.path))
    return ".jsonl" in source.reader.suffixes and output.resolve().parent == source.path.resolve()
