"""Lines of a UTF-8 file, plain, gzip or xz, with every place that is not UTF-8."""

import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from turnwise.errors import CorpusError

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Problems:
    """Gathers the problems of one file; stops the reading at ``limit`` of them."""

    limit = 1000

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[str] = []
        self._lines: dict[str, int] = {}

    def add(self, *problems: str) -> None:
        """Note problems; raises CorpusError when there are too many to go on."""
        self.found.extend(problems)
        if len(self.found) >= self.limit:
            self.check()

    def repeated(self, id: str, line: int) -> bool:
        """Note the line of an id; True, and a problem, when an earlier line has the same."""
        first = self._lines.setdefault(id, line)
        if first != line:
            self.add(f"line {line}: id {id!r} is already used on line {first}; ids must be unique")
        return first != line

    def check(self) -> None:
        """Raise CorpusError when there was any problem."""
        if self.found:
            count = len(self.found)
            noun = "problem" if count == 1 else "problems" if count < self.limit else "problems or more"
            raise CorpusError(f"{self.path} has {count} {noun}:", self.found)


def unexpected(place: str, value: object, expected: str) -> CorpusError:
    """The error, with one problem, of a value that is not what its place should hold."""
    problem = f"{place} is {value!r:.60}, expected {expected}"
    return CorpusError(problem, [problem])


def read_lines(path: Path, problems: Problems) -> Iterator[str]:
    """Yield the lines with their ends, a byte-order mark dropped.

    Bytes that are not UTF-8, and NUL bytes, become problems; the line is yielded with U+FFFD in their place.
    Raises CorpusError when the file cannot be opened or unpacked, or is UTF-16.
    """
    number = 0
    try:
        with open_bytes(path) as file:
            offset = 0
            for raw in file:
                number += 1
                if number == 1:
                    _refuse_utf16(raw, path)
                    skipped = len(_BOM) if raw.startswith(_BOM) else 0
                else:
                    skipped = 0
                yield _decoded(raw[skipped:], offset + skipped, number, problems)
                offset += len(raw)
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise CorpusError(
            f"{path} cannot be unpacked after line {number}: {error}; it is cut off or damaged"
        ) from error
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}") from error


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked by its suffix (.gz, .xz)."""
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.suffix == ".xz":
        return cast(IO[bytes], lzma.open(path, "rb"))
    return path.open("rb")


def _decoded(raw: bytes, offset: int, line: int, problems: Problems) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw.decode("utf-8", errors="replace")
        place = f"line {line}: byte {offset + error.start} of the file is 0x{raw[error.start]:02x}, which is not UTF-8"
        convert = f"; convert the file, for example: iconv -f WINDOWS-1252 -t UTF-8 {problems.path.name} > utf8.txt"
        problems.add(place if any(problem.endswith(convert) for problem in problems.found) else place + convert)
    if "\0" in text:
        problems.add(
            f"line {line}: byte {offset + raw.index(0)} of the file is NUL, which no text holds; export the file again"
        )
        text = text.replace("\0", "\ufffd")
    return text


def _refuse_utf16(raw: bytes, path: Path) -> None:
    if raw.startswith(_UTF16):
        raise CorpusError(
            f"{path} is UTF-16, not UTF-8; convert it, for example: iconv -f UTF-16 -t UTF-8 {path.name} > utf8.txt"
        )
