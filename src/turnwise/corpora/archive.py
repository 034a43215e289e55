"""Members of a tar archive (.tar, .tar.gz, .tar.xz), or the files of the same folder unpacked, one after the other.

Nothing is written to the disk: a member's name is only compared with the one that is looked for, so that names such as
``../x`` or ``/x`` do nothing. Links and devices in an archive are passed over.
"""

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Self

from turnwise.corpora.json_file import parse_json
from turnwise.corpora.lines import Problems, open_bytes
from turnwise.corpora.locate import existing, ordered
from turnwise.errors import CorpusError, InputError

SUFFIXES = (".tar", ".tar.xz", ".tar.gz")
LARGEST = 1 << 28
"""No member of a corpus has more bytes; one that says so is not read into memory."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive or a folder: its path there, with ``/``, and its bytes."""

    name: str
    content: bytes

    @property
    def stem(self) -> str:
        """The file name without its suffix."""
        return PurePosixPath(self.name).stem


def find_archive(path: Path, name: str, folder: str) -> Path:
    """What to give to ``members``: the archive at ``path``, NAME.tar.xz (.tar.gz, .tar) in it, or ``path`` itself
    when it holds ``folder`` unpacked. Raises InputError when there is none of these.
    """
    path = existing(path)
    if not path.is_dir():
        if not path.name.endswith(SUFFIXES):
            raise InputError(f"{path} is no archive; name a folder, or a file that ends in {', '.join(SUFFIXES)}")
        return path
    if (path / folder).is_dir():
        return path
    found = next((file for suffix in SUFFIXES if (file := path / f"{name}{suffix}").is_file()), None)
    if found is None:
        raise InputError(f"the folder {path} holds neither {name}.tar.xz (.tar.gz, .tar) nor the folder {folder}")
    return found


def members(source: Path, folder: str, suffix: str) -> Iterator[Member]:
    """Yield the files right in ``folder`` whose names end in ``suffix``, hidden ones left out.

    An archive is streamed in its own order, a folder in the order of names and numbers. Raises CorpusError when
    the source is damaged, cut off, names a member twice, or holds no such file.
    """
    found = False
    for member in _in_folder(source, folder, suffix) if source.is_dir() else _in_archive(source, folder, suffix):
        found = True
        yield member
    if not found:
        raise CorpusError(f"{source} holds no file {folder}/*{suffix}")


def text_of(member: Member, problems: Problems) -> str:
    """The member as text; bytes that are not UTF-8, and NUL, become a problem."""
    try:
        text = member.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(f"{member.name}: byte {error.start} is 0x{member.content[error.start]:02x}, which is not UTF-8")
        return member.content.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        problems.add(f"{member.name}: byte {member.content.index(0)} is NUL, which no text holds")
    return text


def json_of(member: Member, problems: Problems) -> object:
    """The JSON value of a member; None, and a problem, when it is none."""
    before = len(problems.found)
    text = text_of(member, problems)
    if len(problems.found) > before:
        return None
    try:
        return parse_json(text, member.name)
    except CorpusError as error:
        problems.add(str(error))
        return None


def _in_folder(source: Path, folder: str, suffix: str) -> Iterator[Member]:
    names = [file.name for file in (source / folder).glob(f"*{suffix}") if file.is_file()]
    for name in ordered(name for name in names if not name.startswith(".")):
        try:
            content = (source / folder / name).read_bytes()
        except OSError as error:
            raise CorpusError(f"{source / folder / name} cannot be read: {error.strerror or error}") from error
        yield Member(f"{folder}/{name}", content)


def _in_archive(source: Path, folder: str, suffix: str) -> Iterator[Member]:
    last = ""
    names: set[str] = set()
    try:
        with open_bytes(source) as file, tarfile.open(fileobj=file, mode="r|", tarinfo=_Header) as archive:
            for header in archive:
                last = _printable(header.name)
                path = PurePosixPath(last)  # which drops ./ in front
                wanted = path.parent == PurePosixPath(folder) and path.name.endswith(suffix)
                if not wanted or path.name.startswith(".") or not header.isreg():
                    continue
                if str(path) in names:
                    raise CorpusError(f"{source} holds {path} twice; pack it again")
                names.add(str(path))
                yield Member(str(path), _content(archive.extractfile(header), header.size, f"{source}: {path}"))
            while file.read(tarfile.RECORDSIZE):
                pass  # to the end, where the checksum is
    except (EOFError, lzma.LZMAError, zlib.error, tarfile.TarError, OSError) as error:
        after = f" after {last}" if last else ""
        raise CorpusError(f"{source} cannot be unpacked{after}: {error}; it is cut off, damaged or no tar") from error


def _content(file: IO[bytes] | None, size: int, where: str) -> bytes:
    if size > LARGEST:
        raise CorpusError(f"{where} has {size:,} bytes; no file of this corpus has more than {LARGEST:,}")
    return b"" if file is None else file.read()


def _printable(name: str) -> str:
    """A name without bytes that are not UTF-8 and without control characters."""
    text = name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


class _Header(tarfile.TarInfo):
    """A header that is broken is an error; tarfile would take it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # a block of zeros: the end
            raise tarfile.ReadError(str(error)) from error
