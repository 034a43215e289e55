"""Archives are read without being unpacked."""

import gzip
import io
import lzma
import tarfile
from pathlib import Path

import pytest

from turnwise.corpora import archive
from turnwise.corpora.archive import Member, find_archive, json_of, members, text_of
from turnwise.corpora.lines import Problems
from turnwise.errors import CorpusError, InputError


def packed(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


FILES = [("talk/10.txt", b"ten"), ("talk/2.txt", b"two"), ("talk/2.json", b"{}"), ("other/3.txt", b"three")]


@pytest.mark.parametrize(("name", "pack"), [("x.tar", bytes), ("x.tar.gz", gzip.compress), ("x.tar.xz", lzma.compress)])
def test_members_of_an_archive_come_in_its_order(tmp_path: Path, name: str, pack: type[bytes]) -> None:
    (tmp_path / name).write_bytes(pack(packed(FILES)))
    source = find_archive(tmp_path, "x", "talk")
    assert source == tmp_path / name == find_archive(tmp_path / name, "x", "talk")
    assert list(members(source, "talk", ".txt")) == [Member("talk/10.txt", b"ten"), Member("talk/2.txt", b"two")]


def test_an_unpacked_folder_is_read_by_numbers_and_goes_before_the_archive(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(packed(FILES))
    (tmp_path / "talk" / "deeper").mkdir(parents=True)
    for name, content in [*FILES[:3], ("talk/._2.txt", b"hidden"), ("talk/deeper/4.txt", b"four")]:
        (tmp_path / name).write_bytes(content)
    source = find_archive(tmp_path, "x", "talk")
    assert source == tmp_path
    assert list(members(source, "talk", ".txt")) == [Member("talk/2.txt", b"two"), Member("talk/10.txt", b"ten")]


def test_hostile_names_do_nothing(tmp_path: Path) -> None:
    names = (
        "../talk/1.txt",
        "/talk/1.txt",
        "talk/../talk/1.txt",
        "talk/../../1.txt",
        "C:\\talk\\1.txt",
        "talk/._1.txt",
    )
    files = [(name, b"no") for name in names] + [("./talk/1.txt", b"yes")]
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    (folder / "x.tar").write_bytes(packed(files))
    assert list(members(folder / "x.tar", "talk", ".txt")) == [Member("talk/1.txt", b"yes")]
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["x.tar"]


def test_links_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, kind in (("talk/1.txt", tarfile.SYMTYPE), ("talk/2.txt", tarfile.LNKTYPE)):
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/hostname"
            tar.addfile(header)
    with pytest.raises(CorpusError, match=r"x.tar holds no file talk/\*.txt"):
        list(members(tmp_path / "x.tar", "talk", ".txt"))


BIG = [(f"talk/{number}.txt", bytes(range(256)) * 40) for number in range(20)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.tar", packed(BIG)[:9_000]),
        ("cut_at_a_header.tar", packed(BIG)[: 2 * (512 + 40 * 256)]),
        ("cut.tar.xz", lzma.compress(packed(BIG))[:-300]),
        ("cut.tar.gz", gzip.compress(packed(BIG))[:-4]),
        ("checksum.tar.gz", gzip.compress(packed(BIG))[:-8] + bytes(8)),
        ("header.tar", packed(BIG).replace(b"talk/7.txt", b"talk/\xff.txt")),
        ("text.tar.xz", b"this is no archive"),
        ("text.tar.gz", b"this is no archive"),
        ("text.tar", b"this is no archive"),
        ("empty.tar", b""),
    ],
)
def test_damaged_archives_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=rf"{name} cannot be unpacked.*it is cut off, damaged or no tar"):
        list(members(tmp_path / name, "talk", ".txt"))


def test_a_name_may_not_come_twice(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(packed([("talk/1.txt", b"a"), ("./talk/1.txt", b"b")]))
    with pytest.raises(CorpusError, match=r"holds talk/1.txt twice"):
        list(members(tmp_path / "x.tar", "talk", ".txt"))


def test_huge_members_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST", 3)
    (tmp_path / "x.tar").write_bytes(packed([("talk/1.txt", b"four")]))
    with pytest.raises(CorpusError, match=r"talk/1.txt has 4 bytes; no file of this corpus has more than 3"):
        list(members(tmp_path / "x.tar", "talk", ".txt"))


def test_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds neither x.tar.xz \(.tar.gz, .tar\) nor the folder talk"):
        find_archive(tmp_path, "x", "talk")
    with pytest.raises(InputError, match=r"x.zip is no archive; name a folder, or a file that ends in .tar, .tar.xz"):
        find_archive(tmp_path / "x.zip", "x", "talk")
    with pytest.raises(InputError, match="there is no file or folder"):
        find_archive(tmp_path / "nowhere", "x", "talk")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "talk/1.json is not JSON: line 1, column 2: "),
        (b"[" * 100_000, "talk/1.json is not JSON: "),
        (b"[1]\xff", "talk/1.json: byte 3 is 0xff, which is not UTF-8"),
        (b"[1]\0", "talk/1.json: byte 3 is NUL, which no text holds"),
    ],
)
def test_members_that_are_no_json_become_problems(tmp_path: Path, content: bytes, problem: str) -> None:
    problems = Problems(tmp_path)
    assert json_of(Member("talk/1.json", content), problems) is None
    assert len(problems.found) == 1
    assert problems.found[0].startswith(problem)


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    problems = Problems(tmp_path)
    assert text_of(Member("talk/1.txt", b"\xef\xbb\xbfa"), problems) == "a"
    assert json_of(Member("talk/1.json", b"\xef\xbb\xbf[1]"), problems) == [1]
    assert (Member("talk/1.txt", b"").stem, problems.found) == ("1", [])
