"""Where published corpora come from: the table ``sources.toml``, and fetching what it lists.

Files come from one commit of a repository on GitHub, or from a mirror that has them at the same paths.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnwise.corpora.download import Outcome, Progress, RemoteFile, download, unpack
from turnwise.errors import InputError, StorageError
from turnwise.messages import nearest

GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file at ``path`` in the repository, fetched to ``place``.

    With ``members`` it is a ZIP file whose members, each with the name it gets, are unpacked into the folder ``place``.
    """

    path: str
    place: str
    size: int | None = None
    sha256: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """A published corpus; ``reader`` reads the folder that it is fetched to. Without ``files`` it is to be cloned."""

    name: str
    title: str
    reader: str
    repository: str
    licence: str
    commit: str = ""
    note: str = ""
    files: tuple[Listed, ...] = ()

    @property
    def size(self) -> int | None:
        """Bytes of all files; None when that of one is not known, or there is none."""
        sizes = [file.size for file in self.files]
        return None if not sizes or None in sizes else sum(size for size in sizes if size is not None)


def published() -> tuple[Published, ...]:
    """Every corpus of the table."""
    table = tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))
    return tuple(
        Published(
            name,
            entry["title"],
            entry["reader"],
            entry["repository"],
            entry["licence"],
            entry.get("commit", ""),
            entry.get("note", ""),
            tuple(Listed(*row) for row in (*entry.get("files", ()), *entry.get("zips", ()))),
        )
        for name, entry in table.items()
    )


def find_published(name: str) -> Published:
    """The corpus of that name; raises InputError, with the nearest names, when there is none."""
    known = {corpus.name: corpus for corpus in published()}
    if name not in known:
        raise InputError(f"there is no published corpus {name!r}; {nearest(name, list(known))}")
    return known[name]


def fetch(
    corpus: Published, folder: Path, *, mirror: str = GITHUB, progress: Progress | None = None
) -> Iterator[tuple[str, Outcome]]:
    """Fetch the files of a corpus one after the other; yield where each went, below ``folder``, and how.

    ``progress`` is called with the number of bytes just written. Raises what ``download`` and ``unpack`` raise;
    InputError when the corpus is not fetched file by file, or the mirror is no HTTP address.
    """
    if not corpus.files:
        checkout = (
            f" && git -C {corpus.repository.rpartition('/')[2]} checkout {corpus.commit}" if corpus.commit else ""
        )
        raise InputError(
            f"{corpus.name} is not fetched file by file ({corpus.note}); "
            f"run: git clone https://github.com/{corpus.repository}{checkout}"
        )
    if not mirror.startswith(("https://", "http://")):
        raise InputError(f"the mirror {mirror!r} is no address; write https://HOST/PATH")
    for file in corpus.files:
        url = f"{mirror.rstrip('/')}/{corpus.repository}/{corpus.commit}/{file.path}"
        remote = RemoteFile(url, file.size, file.sha256)
        place = folder / file.place
        if not file.members:
            yield file.place, download(remote, place, progress=progress)
        elif all((place / name).is_file() for name in file.members.values()):
            if progress is not None:
                progress(file.size or 0)
            yield file.place or ".", "was there"
        else:
            archive = place / Path(file.path).name
            outcome = download(remote, archive, progress=progress)
            unpack(archive, place, file.members)
            try:
                archive.unlink()
            except OSError as error:
                raise StorageError(f"cannot remove {archive}: {error.strerror}") from error
            yield file.place or ".", outcome
