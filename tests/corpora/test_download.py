"""Downloads from a real server on this machine that can cut, refuse and misbehave."""

import errno
import hashlib
import io
import os
import re
import socket
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from turnwise.corpora import READERS
from turnwise.corpora.download import RemoteFile, download, unpack
from turnwise.corpora.sources import Listed, Published, fetch, published
from turnwise.errors import CorpusError, InputError, StorageError

CONTENT = bytes(range(256)) * 1024
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    """What the server does: ``cut`` closes the connection after so many bytes of an answer."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {"/file.bin": CONTENT})
    cut: int | None = None
    ranges: bool = True
    length: bool = True
    chunked: bool = False
    status: int = 200
    shifted: int = 0
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Behaviour]:
    behaviour = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            self.close_connection = True
            wanted = self.headers.get("Range")
            behaviour.asked.append(wanted)
            content = behaviour.files.get(self.path)
            if content is None or behaviour.status != 200:
                self.send_error(404 if content is None else behaviour.status)
                return
            start = int(re.sub(r"\D", "", wanted)) if wanted and behaviour.ranges else 0
            if start and start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = max(0, start - behaviour.shifted)
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            body = content[start:]
            if behaviour.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            elif behaviour.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            sent = body[: behaviour.cut]
            if behaviour.chunked:
                self.wfile.write(b"%x\r\n" % len(body) + sent)
                if behaviour.cut is None:
                    self.wfile.write(b"\r\n0\r\n\r\n")
            else:
                self.wfile.write(sent)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        behaviour.address = f"http://127.0.0.1:{running.server_port}"
        Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield behaviour
        running.shutdown()


def part_of(folder: Path) -> Path | None:
    return next(folder.glob("file.bin.????????.part"), None)


def remote(server: Behaviour, *, checked: bool = True, path: str = "/file.bin") -> RemoteFile:
    return RemoteFile(server.address + path, len(CONTENT) if checked else None, DIGEST if checked else None)


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_file_is_fetched_whole_and_its_bytes_are_told(
    server: Behaviour, tmp_path: Path, checked: bool, chunked: bool
) -> None:
    server.chunked = chunked
    told: list[int] = []
    path = tmp_path / "new" / "file.bin"
    assert download(remote(server, checked=checked), path, progress=told.append) == "fetched"
    assert path.read_bytes() == CONTENT
    assert sum(told) == len(CONTENT)
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_cut_keeps_the_part_and_the_next_try_goes_on_from_there(
    server: Behaviour, tmp_path: Path, checked: bool, chunked: bool
) -> None:
    path = tmp_path / "file.bin"
    server.cut, server.chunked = 100_000, chunked
    with pytest.raises(CorpusError, match=r"the connection was cut .*; run the command again to go on from there"):
        download(remote(server, checked=checked), path)
    assert not path.exists()
    part = part_of(tmp_path)
    assert part is not None and part.read_bytes() == CONTENT[:100_000]
    server.cut, server.chunked = None, False
    told: list[int] = []
    assert download(remote(server, checked=checked), path, progress=told.append) == "went on"
    assert server.asked == [None, "bytes=100000-"]
    assert path.read_bytes() == CONTENT
    assert told[0] == 100_000 and sum(told) == len(CONTENT)
    assert part_of(tmp_path) is None


def test_a_server_without_ranges_makes_it_begin_anew(server: Behaviour, tmp_path: Path) -> None:
    server.cut = 100_000
    with pytest.raises(CorpusError, match="after 100,000 of 262,144 bytes"):
        download(remote(server), tmp_path / "file.bin")
    server.cut, server.ranges = None, False
    told: list[int] = []
    assert download(remote(server), tmp_path / "file.bin", progress=told.append) == "began anew"
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert sum(told) == len(CONTENT)


def test_a_range_that_starts_elsewhere_is_not_appended(server: Behaviour, tmp_path: Path) -> None:
    server.cut = 100_000
    with pytest.raises(CorpusError):
        download(remote(server, checked=False), tmp_path / "file.bin")
    server.cut, server.shifted = None, 10
    assert download(remote(server, checked=False), tmp_path / "file.bin") == "began anew"
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("checked", [True, False])
def test_a_part_that_is_whole_already_only_gets_its_name(server: Behaviour, tmp_path: Path, checked: bool) -> None:
    server.cut = 0
    with pytest.raises(CorpusError):
        download(remote(server, checked=checked), tmp_path / "file.bin")
    part = part_of(tmp_path)
    assert part is not None
    part.write_bytes(CONTENT)
    assert download(remote(server, checked=checked), tmp_path / "file.bin") == "went on"
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(server: Behaviour, tmp_path: Path) -> None:
    server.cut = 0
    with pytest.raises(CorpusError):
        download(remote(server), tmp_path / "file.bin")
    server.cut = None
    part = part_of(tmp_path)
    assert part is not None
    part.write_bytes(CONTENT + b"x")
    assert download(remote(server), tmp_path / "file.bin") == "began anew"
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_parts_of_two_addresses_do_not_mix(server: Behaviour, tmp_path: Path) -> None:
    server.files["/other.bin"] = bytes(reversed(CONTENT))
    server.cut = 100_000
    with pytest.raises(CorpusError):
        download(remote(server, checked=False), tmp_path / "file.bin")
    server.cut = None
    assert download(remote(server, checked=False, path="/other.bin"), tmp_path / "file.bin") == "fetched"
    assert (tmp_path / "file.bin").read_bytes() == bytes(reversed(CONTENT))


def test_content_with_another_checksum_or_size_is_thrown_away(server: Behaviour, tmp_path: Path) -> None:
    server.files["/file.bin"] = b"x" + CONTENT[1:]
    with pytest.raises(
        CorpusError, match=f"is not the published file: it has SHA-256 [0-9a-f]{{64}}, expected {DIGEST}"
    ):
        download(remote(server), tmp_path / "file.bin")
    with pytest.raises(CorpusError, match="it has 262,144 bytes, not 5"):
        download(RemoteFile(f"{server.address}/file.bin", 5), tmp_path / "file.bin")
    assert list(tmp_path.iterdir()) == []


def test_an_answer_of_unknown_length_is_refused_unless_a_checksum_can_tell(server: Behaviour, tmp_path: Path) -> None:
    server.length = False
    with pytest.raises(CorpusError, match="does not say how long the file is, so a cut would not be seen"):
        download(remote(server, checked=False), tmp_path / "file.bin")
    assert download(RemoteFile(f"{server.address}/file.bin", None, DIGEST), tmp_path / "file.bin") == "fetched"


def test_what_is_there_is_left_and_another_content_is_not_overwritten(server: Behaviour, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    assert download(remote(server), path) == "was there"
    path.write_bytes(b"mine")
    assert download(remote(server, checked=False), path) == "was there"
    with pytest.raises(CorpusError, match="is there already with another content; move it away"):
        download(remote(server), path)
    assert path.read_bytes() == b"mine"
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (403, "it wants a login"),
        (404, "the file is not there any more"),
        (503, "try again later"),
        (400, "may have changed"),
    ],
)
def test_a_refusal_names_the_address_the_answer_and_the_way_out(
    server: Behaviour, tmp_path: Path, status: int, advice: str
) -> None:
    server.status = status
    with pytest.raises(CorpusError, match=rf"{server.address}/file.bin: the server answers {status} .*; .*{advice}"):
        download(remote(server), tmp_path / "file.bin")
    assert list(tmp_path.iterdir()) == []


def test_no_network_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"http://127.0.0.1:9/x cannot be reached: .*refused\. Check the network"):
        download(RemoteFile("http://127.0.0.1:9/x"), tmp_path / "x")


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(CorpusError, match="cannot be reached: timed out"):
            download(RemoteFile(url), tmp_path / "x", seconds=0.2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_said_so_and_leaves_no_file(server: Behaviour, tmp_path: Path) -> None:
    server.cut = 0
    with pytest.raises(CorpusError):
        download(remote(server), tmp_path / "file.bin")
    server.cut = None
    part = part_of(tmp_path)
    assert part is not None
    part.unlink()
    part.symlink_to("/dev/full")
    with pytest.raises(StorageError, match=os.strerror(errno.ENOSPC)):
        download(remote(server), tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()


def test_a_folder_that_cannot_be_made_is_said_so(server: Behaviour, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*file/x: Not a directory|File exists"):
        download(remote(server), tmp_path / "file" / "x")


def packed(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_members_are_unpacked_under_their_new_names_and_the_archive_goes(server: Behaviour, tmp_path: Path) -> None:
    archive = packed({"deep/train.csv": b"a", "b.csv": b"b", "../evil": b"c"})
    server.files = {"/o/r/c0ffee/x.zip": archive, "/o/r/c0ffee/y.txt": b"y"}
    corpus = Published(
        "x",
        "X",
        "csv",
        "o/r",
        "none",
        "c0ffee",
        files=(
            Listed("y.txt", "sub/y.txt"),
            Listed("x.zip", "z", len(archive), hashlib.sha256(archive).hexdigest(), {"deep/train.csv": "train.csv"}),
        ),
    )
    outcomes = list(fetch(corpus, tmp_path / "x", mirror=server.address))
    assert outcomes == [("sub/y.txt", "fetched"), ("z", "fetched")]
    files = {str(f.relative_to(tmp_path)): f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()}
    assert files == {"x/sub/y.txt": b"y", "x/z/train.csv": b"a"}
    assert [outcome for _, outcome in fetch(corpus, tmp_path / "x", mirror=server.address)] == ["was there"] * 2


def test_a_broken_archive_and_a_missing_member_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(CorpusError, match=r"x\.zip cannot be unpacked: File is not a zip file"):
        unpack(path, tmp_path, {"a": "a"})
    path.write_bytes(packed({"a": b"a" * 1000}))
    with pytest.raises(CorpusError, match="There is no item named 'b'"):
        unpack(path, tmp_path, {"b": "b"})
    content = bytearray(path.read_bytes())
    content[33] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(CorpusError, match="cannot be unpacked"):
        unpack(path, tmp_path, {"a": "a"})
    assert [file.name for file in tmp_path.iterdir()] == ["x.zip"]


def test_a_corpus_without_files_says_how_to_clone_it(tmp_path: Path) -> None:
    corpus = Published("x", "X", "csv", "o/r", "none", "c0ffee", "many files")
    with pytest.raises(
        InputError, match=r"\(many files\); run: git clone https://github.com/o/r && git -C r checkout c0ffee"
    ):
        list(fetch(corpus, tmp_path))


def test_the_table_is_sound() -> None:
    corpora = published()
    for corpus in corpora:
        assert corpus.licence and corpus.title and re.fullmatch(r"[\w.-]+/[\w.-]+", corpus.repository)
        assert corpus.files or corpus.note, f"{corpus.name} has no files and does not say why"
        assert not corpus.files or re.fullmatch("[0-9a-f]{40}", corpus.commit)
        places = [Path(f.place) / name for f in corpus.files for name in (f.members.values() or ("",))]
        assert len(set(places)) == len(places)
        for place in places:
            assert not place.is_absolute() and ".." not in place.parts
        for file in corpus.files:
            assert (file.size is None) == (file.sha256 is None)
            assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.sha256 is not None or not file.members
    names = {corpus.reader for corpus in corpora}
    assert {"banking77", "banking77_oos", "clinc150", "dialoglue", "nlupp"} <= names & {r.name for r in READERS}


@pytest.mark.skipif(not os.environ.get("TURNWISE_DATA"), reason="TURNWISE_DATA is not set")
def test_the_stated_checksums_are_those_of_the_data_folder() -> None:
    """Files under 1 MB lie in the data folder as they were published, so each must have the stated size and SHA-256."""
    compared = 0
    for corpus in published():
        folder = Path(os.environ["TURNWISE_DATA"]) / corpus.name
        for file in corpus.files:
            for place in [file.place, *(f"{file.place}/{name}" for name in file.members.values())]:
                path = folder / place
                if file.size is not None and file.size < 1_000_000 and path.is_file() and not file.members:
                    content = path.read_bytes()
                    assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256), path
                    compared += 1
    assert compared >= 60
