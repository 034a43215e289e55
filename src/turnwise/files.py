"""Write files and folders so that nothing half-written is ever seen."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from turnwise.errors import StorageError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it takes its name only when the block ends without error.

    Raises StorageError when the disk refuses; an older file at ``path`` is then untouched.
    """
    with _storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with _storage(path):
            yield temporary
            _flush(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, marks: Sequence[str] = ()) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; it takes its name only when the block ends without error.

    An older folder at ``path`` is moved aside first and removed after, so there is a whole one at any moment
    but the instant between two renames, when ``.NAME.*.old`` still holds the older one. ``marks`` guards what
    is not ours, see ``check_replaceable``. A link stays one: what it names is replaced.
    """
    check_replaceable(path, marks)
    with _storage(path):
        place = path.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent))
    try:
        with _storage(path):
            yield temporary
            for file in sorted(temporary.rglob("*")):
                if file.is_file():
                    file.chmod(0o644)
                    _flush(file)
            temporary.chmod(0o755)
            older = temporary.with_suffix(".old")
            if place.exists():
                place.replace(older)
            temporary.replace(place)
            shutil.rmtree(older, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_replaceable(path: Path, marks: Sequence[str]) -> None:
    """Refuse to put a folder where something else is.

    Raises StorageError when ``path`` is a file or in one, or a folder that is neither empty nor has one of
    ``marks`` in it.
    """
    parent = next((folder for folder in path.parents if folder.exists()), None)
    if parent is not None and not parent.is_dir():
        raise StorageError(f"cannot write {path}: {parent} is a file; choose another; nothing was changed")
    if path.exists() and not path.is_dir():
        raise StorageError(f"cannot write {path}: it is a file; choose another; nothing was changed")
    if marks and path.is_dir() and any(path.iterdir()) and not any((path / mark).exists() for mark in marks):
        raise StorageError(
            f"cannot write {path}: it holds other things ({' or '.join(marks)} is not there), which would be lost; "
            "choose a new folder; nothing was changed"
        )


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = _refusal(error)
        if reason is None:
            raise
        raise StorageError(
            f"cannot write {path}: {reason}. Free space or choose another folder; nothing was changed"
        ) from error


def _refusal(error: Exception) -> str | None:
    """What the disk refused; None for other errors. Libraries in Rust raise their own, with the number as text."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else None


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
