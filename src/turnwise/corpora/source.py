"""A corpus as it is named on the command line: ``READER:PATH@SPLIT``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from turnwise.corpora.columns import DEFAULT_COLUMNS, Columns
from turnwise.corpora.locate import suffix_of
from turnwise.corpora.reader import Reader
from turnwise.dialogue import Dialogue
from turnwise.errors import CorpusError, InputError
from turnwise.messages import nearest

ALL = "all"
WITHOUT = "not_"
_DEV = ("dev", "val", "valid", "validation")


@dataclass(frozen=True, slots=True)
class Source:
    """Where dialogues come from: ``splits`` are read one after the other; ``spec`` is how the user wrote it."""

    spec: str
    reader: Reader
    path: Path
    splits: tuple[str, ...]

    @property
    def split(self) -> str:
        """The splits in one word."""
        return "+".join(self.splits)

    def read(self, columns: Columns = DEFAULT_COLUMNS) -> Iterator[Dialogue]:
        """Yield the dialogues; raises CorpusError, at the end of a file, with every problem in it."""
        seen: set[str] = set()
        for split in self.splits:
            for dialogue in self.reader.read(self.path, split, columns):
                if len(self.splits) > 1:
                    if dialogue.id in seen:
                        raise CorpusError(f"{self.spec}: split {split} repeats the dialogue {dialogue.id!r}")
                    seen.add(dialogue.id)
                yield dialogue


def parse_source(spec: str, readers: Sequence[Reader], default_split: str | None) -> Source:
    """Read ``READER:PATH@SPLIT``.

    The rightmost ``@`` starts the split: one name, several joined by ``+``, ``all``, or ``not_NAME`` for all
    but one. ``dev``, ``val``, ``valid`` and ``validation`` are the same. Without one it is ``default_split``
    (every split when that is None), or the only split there is. The reader is inferred for single files.
    Raises InputError, with the valid choices, for an unknown reader, path or split.
    """
    place, at, wanted = spec.rpartition("@")
    if not at:
        place, wanted = spec, ""
    reader, path = _reader(place, spec, readers)
    try:
        there = reader.splits(path)
    except InputError as error:
        if at and not path.exists() and Path(f"{path}@{wanted}").exists():
            raise InputError(
                f"{error}. The rightmost @ starts the split; write {spec}@ when it belongs to the path"
            ) from error
        raise
    if wanted:
        splits = tuple(dict.fromkeys(name for part in wanted.split("+") for name in _splits(part, there, spec)))
    elif default_split is None or len(there) == 1:
        splits = there
    else:
        splits = _splits(default_split, there, spec)
    return Source(spec, reader, path, splits)


def _reader(place: str, spec: str, readers: Sequence[Reader]) -> tuple[Reader, Path]:
    by_name = {reader.name: reader for reader in readers}
    name, colon, path = place.partition(":")
    if name in by_name and by_name[name].home is not None:
        home = by_name[name].home
        if path:
            raise InputError(f"{name} is built in and takes no path; write {name} or {name}@SPLIT, not {spec}")
        assert home is not None
        return by_name[name], home()
    if colon and name in by_name:
        if not path:
            raise InputError(f"{spec} names no path; write {name}:PATH@SPLIT")
        return by_name[name], Path(path).expanduser()
    inferred = next((reader for reader in readers if suffix_of(Path(place)) in reader.suffixes), None)
    looks_named = colon and re.fullmatch(r"\w{2,}", name) and not Path(place).exists()
    if inferred is not None and not looks_named:
        return inferred, Path(place).expanduser()
    if looks_named:
        raise InputError(f"{spec}: there is no reader {name!r}; {nearest(name, list(by_name))}")
    if not place:
        raise InputError(f"the corpus {spec!r} is empty; write READER:PATH@SPLIT")
    if place in by_name:
        raise InputError(f"{spec} names no path; write {place}:PATH@SPLIT")
    raise InputError(
        f"{spec}: say which reader, READER:PATH@SPLIT; it is inferred for single .jsonl, .csv, .tsv and .parquet files "
        f"only. {_sentence(nearest(place, list(by_name)))}"
    )


def _splits(wanted: str, there: tuple[str, ...], spec: str) -> tuple[str, ...]:
    if wanted in there:
        return (wanted,)
    if wanted == ALL:
        return there
    if wanted.startswith(WITHOUT):
        left_out = _splits(wanted.removeprefix(WITHOUT), there, spec)
        if rest := tuple(split for split in there if split not in left_out):
            return rest
        raise InputError(f"{spec}: without {wanted.removeprefix(WITHOUT)} no split is left")
    if wanted in _DEV and (same := [split for split in there if split in _DEV]):
        return (same[0],)
    raise InputError(f"{spec}: there is no split {wanted!r}; {nearest(wanted, there)}")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
