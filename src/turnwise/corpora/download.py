"""Fetches a published file over HTTP so that a part of it is never taken for the whole.

Bytes go to ``NAME.KEY.part`` beside the file; KEY is of the address, so that two addresses never mix. A download that
was cut goes on from there by an HTTP range. Only a file that has the stated size and SHA-256 gets its name, in one
step.
"""

import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from turnwise.errors import CorpusError, StorageError
from turnwise.files import atomic_file

SECONDS = 30.0
"""How long the server may say nothing."""
_BLOCK = 1 << 16

Outcome = Literal["fetched", "went on", "began anew", "was there"]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at an address. ``size`` in bytes and ``sha256`` in hexadecimal are None where they are not known."""

    url: str
    size: int | None = None
    sha256: str | None = None


def download(file: RemoteFile, path: Path, *, progress: Progress | None = None, seconds: float = SECONDS) -> Outcome:
    """Fetch ``file`` to ``path``, going on where an earlier try stopped, and say how that went.

    ``progress`` is called with the number of bytes just written; bytes of a part that had to be thrown away count
    negatively. A server that sends no ranges makes it begin anew. Nothing is fetched when ``path`` is there with the
    stated SHA-256, or without one stated. Raises CorpusError when the server cannot be reached or refuses, when the
    connection was cut (the part stays, to go on from), when the content is not the stated one (the part is removed),
    and when ``path`` holds something else; StorageError when the disk refuses.
    """
    told = progress or (lambda count: None)
    if path.exists():
        _check_there(file, path)
        told(path.stat().st_size)
        return "was there"
    with _disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{hashlib.sha256(file.url.encode()).hexdigest()[:8]}.part")
    held = part.stat().st_size if part.exists() else 0
    told(held)
    outcome: Outcome = "went on" if held else "fetched"
    if not held or held != file.size:
        started = _fetch(file, part, held, told, seconds)
        if held and not started:
            outcome = "began anew"
    _check_content(file, part, path)
    with _disk(path), part.open("rb") as whole:
        os.fsync(whole.fileno())
        part.replace(path)
    return outcome


def unpack(archive: Path, folder: Path, members: Mapping[str, str]) -> None:
    """Write ``members`` of a ZIP file into ``folder`` under the names that they stand for.

    Raises CorpusError when it is no ZIP file, lacks one or is damaged; StorageError when the disk refuses.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            for member, name in members.items():
                with (
                    packed.open(member) as content,
                    atomic_file(folder / name) as temporary,
                    temporary.open("wb") as output,
                ):
                    shutil.copyfileobj(content, output)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise CorpusError(f"{archive} cannot be unpacked: {error}") from error


def _check_there(file: RemoteFile, path: Path) -> None:
    if path.is_dir():
        raise CorpusError(f"{path} is a folder; choose another folder to fetch to")
    if file.sha256 is not None and _sha256(path) != file.sha256:
        raise CorpusError(f"{path} is there already with another content; move it away or choose another folder")


def _fetch(file: RemoteFile, part: Path, held: int, told: Progress, seconds: float) -> bool:
    """Append what is missing to ``part``; False when that meant to begin anew."""
    with _open(file.url, held, seconds) as response:
        size, starts = _extent(response, held)
        if response.status == 416 and size == held:
            return True
        if held and (response.status == 416 or starts != held):
            told(-held)
            with _disk(part):
                part.unlink()
            if response.status == 416 or starts:
                _fetch(file, part, 0, told, seconds)
                return False
        if size is None:
            size = file.size
        if size is None and file.sha256 is None and response.headers.get("Transfer-Encoding") != "chunked":
            raise CorpusError(f"{file.url}: the server does not say how long the file is, so a cut would not be seen")
        with _disk(part), part.open("ab") as output:
            for block in _blocks(response, file.url):
                output.write(block)
                told(len(block))
        written = part.stat().st_size
        if size is not None and written < size:
            raise _cut(file.url, f"after {written:,} of {size:,} bytes")
        if size is not None and written > size:
            part.unlink()
            raise CorpusError(
                f"{file.url} has {size:,} bytes but {written:,} were written, as when it is fetched twice at a time; "
                "run the command again"
            )
    return not held or bool(starts)


@contextmanager
def _open(url: str, held: int, seconds: float) -> Iterator[HTTPResponse]:
    headers = {"User-Agent": "turnwise", "Accept-Encoding": "identity"}
    if held:
        headers["Range"] = f"bytes={held}-"
    try:
        response = urlopen(Request(url, headers=headers), timeout=seconds)
    except HTTPError as error:
        if error.code != 416 or not held:
            with error:
                raise CorpusError(
                    f"{url}: the server answers {error.code} {error.reason}; {_advice(error.code)}"
                ) from None
        response = error
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise CorpusError(
            f"{url} cannot be reached: {reason}. Check the network and the proxy (HTTPS_PROXY), or name a mirror"
        ) from error
    with response:
        yield response


def _advice(code: int) -> str:
    if code in (404, 410):
        return "the file is not there any more, or the mirror lacks it"
    if code in (401, 403, 407):
        return "it wants a login or a proxy lets nobody through"
    if code == 429 or code >= 500:
        return "try again later; what was fetched is kept"
    return "the address may have changed"


def _extent(response: HTTPResponse, held: int) -> tuple[int | None, int]:
    """The size of the whole file, None when not said, and the offset that the answer starts at."""
    span = response.headers.get("Content-Range", "").removeprefix("bytes ").strip()
    first, _, total = span.partition("/")
    size = int(total) if total.isdecimal() else None
    if response.status == 206:
        start = first.partition("-")[0]
        return size, int(start) if start.isdecimal() else held
    if response.status == 416:
        return size, 0
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None, 0


def _blocks(response: HTTPResponse, url: str) -> Iterator[bytes]:
    while True:
        try:
            block = response.read1(_BLOCK)
        except (OSError, HTTPException) as error:
            raise _cut(url, f"({str(error) or type(error).__name__})") from error
        if not block:
            return
        yield block


def _cut(url: str, where: str) -> CorpusError:
    return CorpusError(f"{url}: the connection was cut {where}; run the command again to go on from there")


def _check_content(file: RemoteFile, part: Path, path: Path) -> None:
    size = part.stat().st_size
    found = _sha256(part) if file.sha256 is not None else None
    if found == file.sha256 and file.size in (None, size):
        return
    part.unlink()
    what = f"SHA-256 {found}, expected {file.sha256}" if found != file.sha256 else f"{size:,} bytes, not {file.size:,}"
    raise CorpusError(
        f"{file.url} is not the published file: it has {what}. Nothing was written to {path}; a proxy may have changed "
        "it, or a mirror has another version"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}. Free space or choose another folder, then run the "
            "command again; what was fetched is kept"
        ) from error
