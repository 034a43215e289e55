"""The command against a real server on this machine that plays a mirror."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from turnwise.corpora.sources import find_published, published

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server, and the folder that it serves."""
    folder = tmp_path_factory.mktemp("mirror")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


def publish(folder: Path, name: str, content: bytes) -> None:
    """Put ``content`` where the mirror should have every file of a corpus."""
    corpus = find_published(name)
    for file in corpus.files:
        path = folder / corpus.repository / corpus.commit / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_the_list_names_every_corpus(turnwise: Run) -> None:
    done = turnwise("data", "list")
    assert (done.returncode, done.stderr) == (0, "")
    first_cells = [line.split("│")[1].strip() for line in done.stdout.splitlines() if line.startswith("│")]
    assert [cell for cell in first_cells if cell] == [corpus.name for corpus in published()]
    assert max(map(len, done.stdout.splitlines())) <= 160
    listed = json.loads(turnwise("data", "list", "--json").stdout)
    assert [entry["name"] for entry in listed] == [corpus.name for corpus in published()]
    assert listed[0]["files"][0].keys() == {"path", "place", "size", "sha256", "members"}


def test_a_file_that_is_not_the_published_one_never_gets_its_name(
    turnwise: Run, mirror: tuple[str, Path], tmp_path: Path
) -> None:
    address, folder = mirror
    publish(folder, "banking77", b"text,category\nwrong,x\n")
    done = turnwise("data", "fetch", "banking77", "-o", "bank", "--mirror", address)
    assert (done.returncode, done.stdout) == (1, "")
    digest = hashlib.sha256(b"text,category\nwrong,x\n").hexdigest()
    assert f"is not the published file: it has SHA-256 {digest}, expected" in done.stderr
    assert list((tmp_path / "bank").iterdir()) == []


def test_mistakes_are_explained(turnwise: Run, mirror: tuple[str, Path]) -> None:
    address, _ = mirror
    for arguments, message in (
        (("baking77",), "there is no published corpus 'baking77'; did you mean 'banking77'?"),
        (("banking77", "--mirror", "ftp://x"), "the mirror 'ftp://x' is no address; write https://HOST/PATH"),
        (("banking77", "--mirror", address), "the server answers 404 File not found; the file is not there any more"),
        (("banking77", "--mirror", "http://127.0.0.1:9"), "cannot be reached: [Errno 111] Connection refused"),
        (("star",), "git clone https://github.com/RasaHQ/STAR && git -C STAR checkout 3058975092cd"),
    ):
        done = turnwise("data", "fetch", *arguments, "-o", "there")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ") and message in done.stderr


@pytest.mark.skipif(not os.environ.get("TURNWISE_DATA"), reason="TURNWISE_DATA is not set")
def test_a_whole_corpus_comes_as_it_was_published(turnwise: Run, mirror: tuple[str, Path], tmp_path: Path) -> None:
    """The files of the data folder are the published ones, so their SHA-256 is that of the table."""
    address, folder = mirror
    corpus = find_published("banking77_oos")
    for file in corpus.files:
        path = folder / corpus.repository / corpus.commit / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(Path(os.environ["TURNWISE_DATA"]) / "banking77_oos" / file.place)
    done = turnwise("data", "fetch", "banking77_oos", "-o", "oos", "--mirror", f"{address}/")
    assert (done.returncode, done.stderr) == (0, "")
    assert "BANKING77-OOS is in oos (files: 16 fetched)" in done.stdout
    assert (
        "(files: 16 was there)" in turnwise("data", "fetch", "banking77_oos", "-o", "oos", "--mirror", address).stdout
    )
    checked = turnwise("check", "banking77_oos:oos@test", "--json")
    assert json.loads(checked.stdout)["splits"][0]["dialogues"] == 2_000
