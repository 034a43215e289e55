"""Finds the files of a corpus; ``NAME``, ``NAME.gz`` and ``NAME.xz`` are the same file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from turnwise.errors import InputError

PACKED = (".gz", ".xz")
_ORDER = ("train", "dev", "val", "test")


def find(path: Path) -> Path | None:
    """The file at ``path``, or its packed form, or None."""
    candidates = (path, *(path.with_name(path.name + suffix) for suffix in PACKED))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def plain_name(path: Path) -> str:
    """The file's name without .gz or .xz."""
    return path.stem if path.suffix in PACKED else path.name


def suffix_of(path: Path) -> str:
    """The suffix below .gz or .xz, in lower case: ``.jsonl`` of ``a.JSONL.gz``."""
    return Path(plain_name(path)).suffix.lower()


def existing(path: Path) -> Path:
    """``path``, or its packed form; raises InputError when there is neither."""
    if path.exists():
        return path
    found = find(path)
    if found is None:
        raise InputError(f"there is no file or folder {path}; the working directory is {Path.cwd()}")
    return found


def splits_of(path: Path, suffixes: Sequence[str]) -> tuple[str, ...]:
    """A single file is one split, called by its stem; a folder has one split for each file with a suffix.

    Raises InputError when there is nothing to read.
    """
    path = existing(path)
    if not path.is_dir():
        return (Path(plain_name(path)).stem,)
    stems = {Path(plain_name(file)).stem for file in path.iterdir() if file.is_file() and suffix_of(file) in suffixes}
    if not stems:
        raise InputError(f"the folder {path} holds no {' or '.join(suffixes)} file")
    return ordered(stems)


def file_of(path: Path, split: str, suffixes: Sequence[str]) -> Path:
    """The file of one split that ``splits_of`` named."""
    path = existing(path)
    if not path.is_dir():
        return path
    found = next((file for suffix in suffixes if (file := find(path / f"{split}{suffix}")) is not None), None)
    if found is None:
        raise InputError(f"the folder {path} holds no file {split}{suffixes[0]}")
    return found


def split_files(path: Path, names: Mapping[str, Sequence[str]], expected: str) -> dict[str, Path]:
    """The file of each split of a corpus folder: the first of its names that is there, packed or not.

    Raises InputError, with what was ``expected``, when no split has a file.
    """
    folder = existing(path)
    found = {
        split: file
        for split, candidates in names.items()
        if (file := next(filter(None, (find(folder / name) for name in candidates)), None)) is not None
    }
    if not found:
        wanted = ", ".join(candidates[0] for candidates in names.values())
        raise InputError(f"{path} holds none of {wanted}; name {expected}")
    return found


def split_file(path: Path, split: str, names: Mapping[str, Sequence[str]], expected: str) -> Path:
    """The file of one split that ``split_files`` named; raises InputError when it is not there."""
    found = split_files(path, names, expected)
    if split not in found:
        raise InputError(f"the folder {path} holds no file {names[split][0]}")
    return found[split]


def file_in(path: Path, *names: str) -> Path:
    """``path`` itself when it is a file; of a folder, the first of ``names`` that is there, packed or not.

    Raises InputError when the folder holds none of them.
    """
    path = existing(path)
    if not path.is_dir():
        return path
    found = next((file for name in names if (file := find(path / name)) is not None), None)
    if found is None:
        raise InputError(
            f"the folder {path} holds no {' or '.join(names)}; name the file itself if it is called otherwise"
        )
    return found


def files_like(folder: Path, prefix: str, suffix: str) -> list[Path]:
    """The files of a folder called PREFIX...SUFFIX, packed or not, in order; none when there is no such folder."""
    names = {plain_name(file) for file in folder.iterdir()} if folder.is_dir() else set()
    wanted = ordered(name for name in names if name.startswith(prefix) and name.endswith(suffix))
    return [file for name in wanted if (file := find(folder / name)) is not None]


def ordered(splits: Iterable[str]) -> tuple[str, ...]:
    """Train before dev before test, then by name; numbers by their value."""
    return tuple(sorted(splits, key=_key))


def _key(split: str) -> tuple[int, list[tuple[int, str]]]:
    rank = next((place for place, name in enumerate(_ORDER) if split.startswith(name)), len(_ORDER))
    pieces = re.findall(r"\d+|\D+", split)
    return rank, [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]
